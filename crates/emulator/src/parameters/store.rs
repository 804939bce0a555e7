//! Parameters, their versions and labels: a label is on one version at a time, and versions are
//! counted from 1.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use thiserror::Error;
use time::OffsetDateTime;

use super::labels::MOST_LABELS;
use super::selector::{ParameterSelector, Selector, Target, arn};
use crate::account::AttachedPolicy;
use crate::arn::{Arn, Location};
use crate::kms::{self, KeyFailure};

/// Every parameter, by ARN.
#[derive(Debug, Default)]
pub(crate) struct ParameterStore(BTreeMap<Arn, Parameter>);

/// One parameter.
#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) arn: Arn,
    pub(crate) description: Option<String>,
    /// Why a SecureString cannot be decrypted.
    pub(crate) failure: Option<KeyFailure>,
    pub(crate) tier: Tier,
    /// Of a parameter that is shared with other accounts.
    pub(crate) resource_policy: Option<AttachedPolicy>,
    pub(crate) tags: BTreeMap<String, String>,
    /// Not empty, the oldest first.
    pub(crate) versions: Vec<ParameterVersion>,
}

/// One version of a parameter.
#[derive(Debug, Clone)]
pub(crate) struct ParameterVersion {
    pub(crate) number: u64,
    pub(crate) kind: ParameterType,
    pub(crate) value: ParameterValue,
    pub(crate) labels: BTreeSet<String>,
    pub(crate) modified: OffsetDateTime,
    /// The KMS key of a SecureString, by ARN, id or alias.
    pub(crate) key_id: Option<String>,
    pub(crate) data_type: String,
}

/// The value of a parameter, which may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ParameterValue(pub(crate) String);

/// Without the value.
impl fmt::Debug for ParameterValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ParameterValue(..)")
    }
}

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
pub(crate) enum ParameterType {
    String,
    StringList,
    SecureString,
}

/// How large a parameter may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tier {
    Standard,
    Advanced,
}

/// Why a parameter cannot be read or written, in the service's words. AWS has none for a missing one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ParameterError {
    #[error("")]
    NotFound,
    #[error(
        "Systems Manager could not find version {version} of {name}. Verify the version and try \
         again."
    )]
    NoVersion { name: String, version: u64 },
    #[error(
        "Systems Manager could not find label {label} for parameter {name}. Verify the label and \
         try again."
    )]
    NoLabel { name: String, label: String },
    #[error(
        "The parameter already exists. To overwrite this value, set the overwrite option in the \
         request to true."
    )]
    Exists,
    #[error("A parameter type is required when you create a parameter.")]
    NoType,
    #[error(
        "Parameter Store does not support changing a parameter type in a hierarchy. For example, \
         you can't change a parameter from a String type to a SecureString type. You must create a \
         new, unique parameter."
    )]
    OtherType,
    #[error(
        "{0:?} tier parameters support a maximum parameter value of {most} characters. To create a \
         larger parameter value, upgrade the parameter to use the advanced-parameter tier.",
        most = .0.most_bytes()
    )]
    Large(Tier),
    #[error(
        "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the \
         advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the \
         advanced parameter and recreate it as a standard parameter."
    )]
    Downgraded,
    #[error(
        "You attempted to create a new version of {name} by calling the PutParameter API with the \
         overwrite flag. Version {version}, the oldest version, can't be deleted because it has a \
         label associated with it. Move the label to another version of the parameter, and try \
         again."
    )]
    OldestLabelled { name: String, version: u64 },
    #[error(
        "A parameter version can have maximum {MOST_LABELS} labels. Move one or more labels to \
         another version and try again."
    )]
    LabelLimit,
}

impl ParameterStore {
    /// Finds a parameter that a call at a location names, by name or ARN, in the Region of the call.
    pub(crate) fn find(&self, target: &Target, location: &Location) -> Option<&Parameter> {
        match target {
            Target::Name(name) => self.0.get(&arn(location, name)),
            Target::Arn(arn) if arn.location().region == location.region => self.0.get(arn),
            Target::Arn(_) | Target::Secret(_) => None,
        }
    }

    /// Finds a parameter of a location to write to.
    pub(crate) fn find_mut(&mut self, name: &str, location: &Location) -> Option<&mut Parameter> {
        self.0.get_mut(&arn(location, name))
    }

    /// Removes a parameter, and returns whether there was one.
    pub(crate) fn remove(&mut self, name: &str, location: &Location) -> bool {
        self.0.remove(&arn(location, name)).is_some()
    }

    /// Puts a parameter in, and replaces one of its ARN.
    pub(crate) fn insert(&mut self, parameter: Parameter) -> &Parameter {
        self.0.entry(parameter.arn.clone()).insert_entry(parameter).into_mut()
    }

    /// Returns every parameter, in the order of their ARNs.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Parameter> {
        self.0.values()
    }
}

impl Parameter {
    /// Returns a parameter of versions, the oldest first.
    pub(crate) fn of_versions(arn: Arn, name: &str, versions: Vec<ParameterVersion>) -> Self {
        let length = versions.last().map_or(0, |version| version.value.0.len());
        Self {
            name: name.to_owned(),
            arn,
            description: None,
            failure: None,
            tier: Tier::of_length(length),
            resource_policy: None,
            tags: BTreeMap::new(),
            versions,
        }
    }

    /// Returns the version that is selected, the latest one by default.
    pub(crate) fn version(
        &self,
        selector: Option<&Selector>,
    ) -> Result<&ParameterVersion, ParameterError> {
        let mut versions = self.versions.iter();
        let name = || self.name.clone();
        match selector {
            None => versions.next_back().ok_or(ParameterError::NotFound),
            Some(Selector::Version(number)) => versions
                .find(|version| version.number == *number)
                .ok_or_else(|| ParameterError::NoVersion { name: name(), version: *number }),
            Some(Selector::Label(label)) => versions
                .find(|version| version.labels.contains(label))
                .ok_or_else(|| ParameterError::NoLabel { name: name(), label: label.clone() }),
        }
    }

    /// Returns the ARN of the KMS key of a version; none for the one that AWS manages, and for what
    /// is not encrypted.
    pub(crate) fn kms_key(&self, version: &ParameterVersion) -> Option<Arn> {
        kms::key_arn(&self.arn.location(), version.key_id.as_deref()?)
    }
}

impl ParameterVersion {
    /// Returns the first version of a parameter.
    pub(crate) fn first(kind: ParameterType, value: &str, now: OffsetDateTime) -> Self {
        Self {
            number: 1,
            kind,
            value: ParameterValue(value.to_owned()),
            labels: BTreeSet::new(),
            modified: now,
            key_id: None,
            data_type: "text".to_owned(),
        }
    }
}

impl Tier {
    /// Returns the most bytes that a value has.
    pub(crate) const fn most_bytes(self) -> usize {
        match self {
            Self::Standard => 4096,
            Self::Advanced => 8192,
        }
    }

    /// Returns the tier that a value needs.
    pub(crate) const fn of_length(length: usize) -> Self {
        if length <= Self::Standard.most_bytes() { Self::Standard } else { Self::Advanced }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Standard => "Standard",
            Self::Advanced => "Advanced",
        }
    }
}

impl ParameterType {
    pub(crate) const ALL: [(&str, Self); 3] = [
        ("String", Self::String),
        ("StringList", Self::StringList),
        ("SecureString", Self::SecureString),
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::String => "String",
            Self::StringList => "StringList",
            Self::SecureString => "SecureString",
        }
    }
}

impl ParameterSelector {
    /// Returns the version or label as answers repeat it, with its colon.
    pub(crate) fn suffix(&self) -> Option<String> {
        self.selector.as_ref().map(|selector| match selector {
            Selector::Version(number) => format!(":{number}"),
            Selector::Label(label) => format!(":{label}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> Location {
        Location { account: "123456789012".to_owned(), region: "eu-central-1".to_owned() }
    }

    fn parameter() -> Parameter {
        let now = OffsetDateTime::UNIX_EPOCH;
        let first = ParameterVersion::first(ParameterType::SecureString, "hunter2", now);
        let second = ParameterVersion {
            number: 2,
            labels: ["live".to_owned()].into(),
            value: ParameterValue("hunter3".to_owned()),
            ..first.clone()
        };
        Parameter::of_versions(arn(&here(), "/a/b"), "/a/b", vec![first, second])
    }

    #[test]
    fn debug_does_not_print_the_value() {
        let debug = format!("{:?}", parameter());
        assert!(debug.contains("ParameterValue(..)") && !debug.contains("hunter"), "{debug}");
    }

    #[test]
    fn a_version_is_found_by_number_and_label() {
        let parameter = parameter();
        let number = |selector: Option<Selector>| {
            parameter.version(selector.as_ref()).map(|version| version.number)
        };
        assert_eq!(number(None), Ok(2));
        assert_eq!(number(Some(Selector::Version(1))), Ok(1));
        assert_eq!(number(Some(Selector::Label("live".to_owned()))), Ok(2));
        let error = number(Some(Selector::Version(9))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Systems Manager could not find version 9 of /a/b. Verify the version and try again."
        );
        assert!(number(Some(Selector::Label("x".to_owned()))).is_err());
    }

    #[test]
    fn a_parameter_is_found_by_name_and_arn_in_its_region() {
        let mut parameters = ParameterStore::default();
        parameters.insert(parameter());
        let found = |target: &Target, location: &Location| {
            parameters.find(target, location).map(|parameter| parameter.name.as_str())
        };
        let (name, arn) = (Target::Name("/a/b".to_owned()), Target::Arn(arn(&here(), "/a/b")));
        assert_eq!((found(&name, &here()), found(&arn, &here())), (Some("/a/b"), Some("/a/b")));
        let other = Location { account: "210987654321".to_owned(), ..here() };
        assert_eq!((found(&name, &other), found(&arn, &other)), (None, Some("/a/b")));
        let elsewhere = Location { region: "eu-west-1".to_owned(), ..here() };
        assert_eq!((found(&name, &elsewhere), found(&arn, &elsewhere)), (None, None));
    }
}
