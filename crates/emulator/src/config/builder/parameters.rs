//! The parameters of the file.

use super::Builder;
use super::policies::PolicyKeys;
use crate::config::file::ParameterTable;
use crate::config::reader::TableKey;
use crate::config::resource_arn::{ArnSource, Kind, Names};
use crate::parameters::labels::is_label;
use crate::parameters::store::{Parameter, ParameterStore, ParameterType, ParameterVersion, Tier};
use crate::policy::PolicyKind;

impl Builder<'_> {
    pub(super) fn parameters(&self, tables: &[(TableKey, ParameterTable)]) -> ParameterStore {
        let mut names = Names::new(Kind::Parameter);
        let mut parameters = ParameterStore::default();
        for (key, table) in tables {
            let value = self.parameter_value(key, table);
            for label in table.labels.iter().filter(|at| !is_label(&at.value)) {
                let message = format!("`{}` is not a valid label", label.value);
                self.problems.add(&label.span, message);
            }
            let resource_policy = self.optional_policy(&PolicyKeys {
                called: format!("the resource policy of parameter {}", key.name.value),
                kind: PolicyKind::Resource,
                inline: ("resource-policy", table.resource_policy.as_ref()),
                file: ("resource-policy-file", table.resource_policy_file.as_ref()),
            });
            let source = ArnSource { kind: Kind::Parameter, key, keys: &table.common, path: "" };
            let arn = names.add(self.problems, key, self.arn(&source));
            let (Some(arn), Some(value)) = (arn, value) else { continue };
            let name = match key.name.value.as_str() {
                name if name.starts_with("arn:") => name_in(arn.resource()),
                name => name.to_owned(),
            };
            let versions = self.versions(table, value);
            let mut parameter = Parameter::of_versions(arn, &name, versions);
            parameter.description = table.common.description.as_ref().map(|at| at.value.clone());
            parameter.tags =
                table.tags.iter().map(|(k, v)| (k.value.clone(), v.value.clone())).collect();
            parameter.resource_policy = resource_policy;
            parameter.failure = table.failure.as_ref().map(|at| at.value);
            parameters.insert(parameter);
        }
        parameters
    }

    fn versions(&self, table: &ParameterTable, value: String) -> Vec<ParameterVersion> {
        let kind = table.kind.as_ref().map_or(ParameterType::String, |at| at.value);
        let key_id = table.kms_key.as_ref().map(|at| at.value.clone());
        let labels = table.labels.iter().map(|at| at.value.clone()).collect();
        let earlier = table.earlier_values.iter().map(|at| at.value.clone());
        let mut versions: Vec<_> = (1..)
            .zip(earlier.chain([value]))
            .map(|(number, value)| ParameterVersion {
                number,
                key_id: key_id.clone(),
                ..ParameterVersion::first(kind, &value, self.source.now)
            })
            .collect();
        if let Some(latest) = versions.last_mut() {
            latest.labels = labels;
        }
        versions
    }

    /// Returns the value. No message shows any of it.
    fn parameter_value(&self, key: &TableKey, table: &ParameterTable) -> Option<String> {
        let given = [("value", &table.value), ("value-file", &table.value_file)]
            .map(|(name, at)| (name, at.as_ref().map(|at| (&at.span, (at, name)))));
        let (at, name) = self.one_of(Kind::Parameter, key, given)?;
        let value = if name == "value" {
            at.value.clone()
        } else {
            let (file, bytes) = self.read(at)?;
            let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned());
            self.report(at, &file, text)?
        };
        let (length, most) = (value.len(), Tier::Advanced.most_bytes());
        if !(1..=most).contains(&length) {
            let message = format!("the value has {length} bytes; a parameter has 1 to {most}");
            self.problems.add(&at.span, message);
            return None;
        }
        Some(value)
    }
}

/// Returns the name in an ARN: one of several levels begins with a slash.
fn name_in(resource: &str) -> String {
    let name = resource.trim_start_matches("parameter/");
    if name.contains('/') { format!("/{name}") } else { name.to_owned() }
}
