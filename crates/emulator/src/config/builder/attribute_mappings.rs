//! The attribute mappings of a profile.
//!
//! <https://docs.aws.amazon.com/rolesanywhere/latest/userguide/attribute-mapping.html>

use std::collections::BTreeSet;

use super::Builder;
use crate::config::file::AttributeMappingsTable;
use crate::config::reader::At;
use crate::x509::ATTRIBUTES;
use crate::x509::tags::{AlternativeNameMapping, AttributeMappings, NameMapping};

impl Builder<'_> {
    pub(super) fn attribute_mappings(
        &self,
        table: Option<&AttributeMappingsTable>,
    ) -> AttributeMappings {
        let Some(table) = table else { return AttributeMappings::default() };
        let default = AttributeMappings::default();
        let name = |specifiers: &Option<Vec<At<String>>>| {
            specifiers.as_ref().map_or(NameMapping::All, |specifiers| {
                let mut mapping = NameMapping::Only(BTreeSet::new());
                for specifier in specifiers {
                    self.map_name(&mut mapping, specifier, &specifier.value);
                }
                mapping
            })
        };
        AttributeMappings {
            subject: name(&table.subject),
            issuer: name(&table.issuer),
            alternative_name: table
                .alternative_name
                .as_ref()
                .map_or(default.alternative_name, |specifiers| {
                    self.map_alternative_names(specifiers)
                }),
        }
    }

    fn map_alternative_names(&self, specifiers: &[At<String>]) -> AlternativeNameMapping {
        let mut mapping = AlternativeNameMapping {
            dns: false,
            uri: false,
            directory_name: NameMapping::Only(BTreeSet::new()),
        };
        for specifier in specifiers {
            match specifier.value.as_str() {
                "DNS" => mapping.dns = true,
                "URI" => mapping.uri = true,
                "Name" | "Name/" => mapping.directory_name = NameMapping::All,
                other => match other.strip_prefix("Name/") {
                    Some(name) => self.map_name(&mut mapping.directory_name, specifier, name),
                    None => {
                        let message = format!(
                            "invalid specifier `{other}`: expected `DNS`, `URI`, `Name/*` or \
                             `Name/` with an attribute"
                        );
                        self.problems.add(&specifier.span, message);
                    }
                },
            }
        }
        mapping
    }

    fn map_name(&self, mapping: &mut NameMapping, specifier: &At<String>, name: &str) {
        let known = ATTRIBUTES.into_iter().find(|(_, attribute)| *attribute == name);
        match (known, &mut *mapping) {
            (None, mapping) if name == "*" => *mapping = NameMapping::All,
            (Some(_), NameMapping::All) => {}
            (Some((_, attribute)), NameMapping::Only(attributes)) => {
                attributes.insert(attribute);
            }
            (None, _) => {
                let names: Vec<_> =
                    ATTRIBUTES.iter().map(|(_, attribute)| format!("`{attribute}`")).collect();
                let message = format!(
                    "invalid specifier `{}`: expected `*` or one of {}",
                    specifier.value,
                    names.join(", ")
                );
                self.problems.add(&specifier.span, message);
            }
        }
    }
}
