//! LabelParameterVersion: names for versions, each on one version at a time.

use serde_json::{Value, json};

use super::access;
use super::input::ParameterInput;
use super::selector::{Selector, Target};
use super::store::{Parameter, ParameterError};
use crate::account::Resources;
use crate::json_call::JsonCall;
use crate::refusal::Refusal;

/// The most labels of a version.
pub(super) const MOST_LABELS: usize = 10;

/// Labels a version, the latest by default. What is not a label is no error, but listed.
pub(super) fn label_parameter_version(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    input: &ParameterInput,
) -> Result<Value, Refusal> {
    let name = input.name()?;
    let members = input.members();
    let version = members.number("ParameterVersion", 1..=u64::MAX)?;
    let labels = members.texts("Labels", 1..=MOST_LABELS, 1..=100)?;
    let labels = labels.ok_or_else(|| members.missing("Labels"))?;
    let target = Target::Name(name.to_owned());
    access::check(resources, call, "ssm:LabelParameterVersion", &target, call.context())?;
    let parameter = resources.parameters.find_mut(name, &call.location);
    let parameter = parameter.ok_or(ParameterError::NotFound)?;
    let number = parameter.version(version.map(Selector::Version).as_ref())?.number;
    let (valid, invalid): (Vec<_>, Vec<_>) = labels.into_iter().partition(|label| is_label(label));
    parameter.label(number, &valid)?;
    Ok(json!({ "InvalidLabels": invalid, "ParameterVersion": number }))
}

impl Parameter {
    /// Moves labels to a version, all of them or none.
    fn label(&mut self, number: u64, labels: &[&str]) -> Result<(), ParameterError> {
        let mut versions = self.versions.iter();
        let known = versions.find(|version| version.number == number).map(|it| &it.labels);
        let added = labels.iter().filter(|label| known.is_none_or(|it| !it.contains(**label)));
        if known.map_or(0, |labels| labels.len()) + added.count() > MOST_LABELS {
            return Err(ParameterError::LabelLimit);
        }
        for version in &mut self.versions {
            version.labels.retain(|label| !labels.contains(&label.as_str()));
            if version.number == number {
                version.labels.extend(labels.iter().map(|label| (*label).to_owned()));
            }
        }
        Ok(())
    }
}

/// Returns whether a text can be a label: no version number is one.
pub(crate) fn is_label(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let is_letter = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    (1..=100).contains(&text.len())
        && text.chars().all(is_letter)
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && !["aws", "ssm"].iter().any(|prefix| lower.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::super::selector::arn;
    use super::super::store::{ParameterType, ParameterVersion};
    use super::*;
    use crate::arn::Location;

    #[test]
    fn a_label_is_told_from_a_version() {
        for good in ["live", "v1", "_x", "a.b-c", &"x".repeat(100)] {
            assert!(is_label(good), "{good}");
        }
        for wrong in ["", "1", "1a", "awsome", "SSM", "a b", "a:b", "ü", &"x".repeat(101)] {
            assert!(!is_label(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_label_moves_and_a_version_has_ten() {
        let here = Location { account: "123456789012".into(), region: "eu-central-1".into() };
        let version = |number| ParameterVersion {
            number,
            ..ParameterVersion::first(ParameterType::String, "x", OffsetDateTime::UNIX_EPOCH)
        };
        let mut parameter =
            Parameter::of_versions(arn(&here, "/a"), "/a", vec![version(1), version(2)]);
        let ten: Vec<_> = (0..10).map(|number| format!("l{number}")).collect();
        let ten: Vec<_> = ten.iter().map(String::as_str).collect();
        parameter.label(1, &ten).unwrap();
        assert_eq!(parameter.label(1, &ten), Ok(()));
        assert_eq!(parameter.label(1, &["l0", "more"]), Err(ParameterError::LabelLimit));
        parameter.label(2, &["l0"]).unwrap();
        assert_eq!(parameter.label(1, &["more"]), Ok(()));
        let labels = |number: usize| parameter.versions[number - 1].labels.len();
        assert_eq!((labels(1), labels(2)), (10, 1));
        assert!(parameter.versions[1].labels.contains("l0"));
    }
}
