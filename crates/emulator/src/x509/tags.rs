//! Session tags: the attributes of a certificate, in the form of STS.
//!
//! <https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html>

use std::collections::{BTreeMap, BTreeSet};

use super::{Certificate, Name};

/// The tags of a session, and the keys of those that were dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SessionTags {
    pub(crate) tags: BTreeMap<String, String>,
    /// What STS would not take as a value, by field: their keys behind the field's name.
    pub(crate) dropped: Dropped,
}

/// The attributes that could not be mapped, as the service's message lists them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Dropped {
    pub(crate) issuer: Vec<String>,
    pub(crate) subject: Vec<String>,
    pub(crate) alternative_name: Vec<String>,
}

impl Dropped {
    /// Returns what the service adds to `Unable to assume role for …`, empty if nothing was
    /// dropped.
    pub(crate) fn suffix(&self) -> String {
        if *self == Self::default() {
            return String::new();
        }
        format!(
            " Some attributes failed to be mapped into session tags. Issuer: [ {} ]; Subject: [ {} ]; \
             SAN: [ {} ]",
            self.issuer.join(", "),
            self.subject.join(", "),
            self.alternative_name.join(", ")
        )
    }
}

/// The attributes that a profile maps to session tags.
///
/// <https://docs.aws.amazon.com/rolesanywhere/latest/userguide/attribute-mapping.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AttributeMappings {
    pub(crate) subject: NameMapping,
    pub(crate) issuer: NameMapping,
    pub(crate) alternative_name: AlternativeNameMapping,
}

/// The attributes of a distinguished name that are mapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NameMapping {
    /// `*`
    All,
    /// By their short names.
    Only(BTreeSet<&'static str>),
}

/// The alternative names that are mapped, the first of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AlternativeNameMapping {
    pub(crate) dns: bool,
    pub(crate) uri: bool,
    pub(crate) directory_name: NameMapping,
}

impl Default for AttributeMappings {
    /// Returns the default mappings of a profile: everything.
    fn default() -> Self {
        Self {
            subject: NameMapping::All,
            issuer: NameMapping::All,
            alternative_name: AlternativeNameMapping {
                dns: true,
                uri: true,
                directory_name: NameMapping::All,
            },
        }
    }
}

impl NameMapping {
    fn maps(&self, attribute: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(attributes) => attributes.contains(attribute),
        }
    }
}

/// Maps subject, issuer and the first DNS, URI and directory name, as far as the profile does.
pub(crate) fn session_tags(certificate: &Certificate, mappings: &AttributeMappings) -> SessionTags {
    let mut mapped = SessionTags::default();
    let names = &certificate.alternative_names;
    let mapping = &mappings.alternative_name;
    let fields = [
        (
            "x509Subject/",
            attributes(Some(&certificate.subject), &mappings.subject, ""),
            &mut mapped.dropped.subject,
        ),
        (
            "x509Issuer/",
            attributes(Some(&certificate.issuer), &mappings.issuer, ""),
            &mut mapped.dropped.issuer,
        ),
        (
            "x509SAN/",
            [("DNS", mapping.dns, &names.dns), ("URI", mapping.uri, &names.uri)]
                .into_iter()
                .filter(|(_, is_mapped, _)| *is_mapped)
                .filter_map(|(key, _, value)| Some((key.to_owned(), value.clone()?)))
                .chain(attributes(names.directory_name.as_ref(), &mapping.directory_name, "Name/"))
                .collect(),
            &mut mapped.dropped.alternative_name,
        ),
    ];
    for (field, values, dropped) in fields {
        for (key, value) in values {
            if is_tag_value(&value) {
                mapped.tags.insert(format!("{field}{key}"), value);
            } else {
                dropped.push(key);
            }
        }
    }
    mapped
}

/// Joins the values of one attribute with `/`, in the order of the certificate.
fn attributes(
    name: Option<&Name>,
    mapping: &NameMapping,
    prefix: &str,
) -> BTreeMap<String, String> {
    let mut joined = BTreeMap::<String, String>::new();
    let attributes = name.iter().flat_map(|name| &name.attributes);
    for (key, value) in attributes.filter(|(key, _)| mapping.maps(key)) {
        joined
            .entry(format!("{prefix}{key}"))
            .and_modify(|values| {
                values.push('/');
                values.push_str(value);
            })
            .or_insert_with(|| value.clone());
    }
    joined
}

/// `[\p{L}\p{Z}\p{N}_.:/=+\-@]*`, at most 256 characters.
fn is_tag_value(value: &str) -> bool {
    value.chars().count() <= 256 && value.chars().all(is_tag_text)
}

/// `[\p{L}\p{Z}\p{N}_.:/=+\-@]`. (`is_alphanumeric` also takes the few combining vowel signs that
/// are alphabetic and no letters.)
pub(crate) fn is_tag_text(c: char) -> bool {
    c.is_alphanumeric() || is_separator(c) || "_.:/=+-@".contains(c)
}

/// `\p{Z}`, which unlike `is_whitespace` has no control characters.
fn is_separator(c: char) -> bool {
    c.is_whitespace() && !c.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(attributes: &[(&str, &str)]) -> Name {
        let attributes =
            attributes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Name { attributes: attributes.collect(), empty: false }
    }

    fn certificate(subject: Name) -> Certificate {
        let pki = crate::pki::Pki::shared().unwrap();
        let mut certificate = Certificate::parse(&pki.leaf("p256").unwrap()).unwrap();
        certificate.subject = subject;
        certificate
    }

    #[test]
    fn maps_subject_issuer_and_alternative_names() {
        let pki = crate::pki::Pki::shared().unwrap();
        let certificate = Certificate::parse(&pki.leaf("rsa2048").unwrap()).unwrap();
        let tags = session_tags(&certificate, &AttributeMappings::default()).tags;
        let of = |key: &str| tags.get(key).map(String::as_str);
        assert_eq!(of("x509Subject/CN"), Some("rsa2048"));
        assert_eq!(of("x509Subject/O"), Some("Example"));
        assert_eq!(of("x509Subject/C"), Some("US"));
        assert_eq!(of("x509Issuer/CN"), Some("Emulator Intermediate CA"));
        assert_eq!(of("x509SAN/DNS"), Some("rsa2048.example.com"));
        assert_eq!(of("x509SAN/URI"), Some("spiffe://example.com/rsa2048"));
    }

    #[test]
    fn maps_only_what_the_profile_maps() {
        let pki = crate::pki::Pki::shared().unwrap();
        let certificate = Certificate::parse(&pki.leaf("rsa2048").unwrap()).unwrap();
        let mut mappings = AttributeMappings {
            subject: NameMapping::Only(BTreeSet::from(["CN"])),
            issuer: NameMapping::Only(BTreeSet::new()),
            ..AttributeMappings::default()
        };
        mappings.alternative_name.dns = false;
        let tags = session_tags(&certificate, &mappings).tags;
        assert_eq!(tags.keys().collect::<Vec<_>>(), ["x509SAN/URI", "x509Subject/CN"]);
    }

    #[test]
    fn joins_values_of_one_attribute_with_slashes() {
        let subject =
            name(&[("OU", "Security"), ("CN", "a"), ("OU", "Engineering"), ("OU", "Research")]);
        let tags = session_tags(&certificate(subject), &AttributeMappings::default()).tags;
        assert_eq!(tags["x509Subject/OU"], "Security/Engineering/Research");
    }

    #[test]
    fn drops_values_that_sts_would_not_take() {
        let mapped = session_tags(
            &certificate(name(&[("CN", "app (blue)"), ("O", "Größe 1")])),
            &AttributeMappings::default(),
        );
        assert!(!mapped.tags.contains_key("x509Subject/CN"));
        assert_eq!(mapped.tags["x509Subject/O"], "Größe 1");
        assert_eq!(
            mapped.dropped.suffix(),
            " Some attributes failed to be mapped into session tags. Issuer: [  ]; Subject: [ CN ]; SAN: [  ]"
        );
        assert_eq!(Dropped::default().suffix(), "");
    }

    #[test]
    fn values_are_at_most_256_characters_and_no_controls() {
        assert!(is_tag_value(&"ä".repeat(256)));
        assert!(!is_tag_value(&"ä".repeat(257)));
        assert!(is_tag_value("a b\u{3000}c"));
        assert!(!is_tag_value("a\tb"));
        assert!(!is_tag_value("a,b"));
    }
}
