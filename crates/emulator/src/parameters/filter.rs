//! The filters of GetParametersByPath: by type, by key, and by label.

use super::input::ParameterInput;
use super::selector::Selector;
use super::store::{Parameter, ParameterType, ParameterVersion};
use crate::json_members::JsonMembers;
use crate::refusal::Refusal;

/// Filters, of which each must match.
#[derive(Debug)]
pub(super) struct ParameterFilters(Vec<ParameterFilter>);

#[derive(Debug)]
struct ParameterFilter {
    key: FilterKey,
    option: FilterOption,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FilterKey {
    KeyId,
    Label,
    Type,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FilterOption {
    Equals,
    BeginsWith,
}

/// The key of a SecureString that names none.
const DEFAULT_KEY: &str = "alias/aws/ssm";

impl ParameterFilters {
    /// Reads the filters of a request.
    pub(super) fn parse(input: &ParameterInput) -> Result<Self, Refusal> {
        let objects = input.members().objects("ParameterFilters", 0..=50)?.unwrap_or_default();
        objects.iter().map(ParameterFilter::parse).collect::<Result<_, _>>().map(Self)
    }

    /// Returns the version of a parameter that the filters select: the one that has a label, or else
    /// the latest.
    pub(super) fn select<'a>(
        &self,
        parameter: &'a Parameter,
    ) -> Option<(&'a ParameterVersion, Option<String>)> {
        let labels = self.0.iter().find(|filter| filter.key == FilterKey::Label);
        let (version, label) = match labels {
            Some(filter) => filter.values.iter().find_map(|label| {
                let version = parameter.version(Some(&Selector::Label(label.clone()))).ok()?;
                Some((version, Some(format!(":{label}"))))
            })?,
            None => (parameter.version(None).ok()?, None),
        };
        self.0.iter().all(|filter| filter.matches(version)).then_some((version, label))
    }
}

impl ParameterFilter {
    fn parse(members: &JsonMembers) -> Result<Self, Refusal> {
        let key = match members.required_text("Key", 1..=132)? {
            "KeyId" => FilterKey::KeyId,
            "Label" => FilterKey::Label,
            "Type" => FilterKey::Type,
            other => {
                let message = format!(
                    "The following filter key is not valid: {other}. Valid filter keys include: \
                     [Type, KeyId, Label]."
                );
                return Err(Refusal::new(400, "InvalidFilterKey", message, "filter"));
            }
        };
        let option = match members.text("Option", 1..=10)?.unwrap_or("Equals") {
            "Equals" => FilterOption::Equals,
            "BeginsWith" if key != FilterKey::Label => FilterOption::BeginsWith,
            other => {
                let message = format!(
                    "The following filter option is not valid: {other}. Valid options include: \
                     [BeginsWith, Equals]."
                );
                return Err(Refusal::new(400, "InvalidFilterOption", message, "filter"));
            }
        };
        let values = members.texts("Values", 1..=50, 1..=1024)?.ok_or_else(|| {
            let message = "The following filter values are missing: null.";
            Refusal::new(400, "InvalidFilterValue", message, "filter")
        })?;
        Ok(Self { key, option, values: values.into_iter().map(str::to_owned).collect() })
    }

    fn matches(&self, version: &ParameterVersion) -> bool {
        let text = match self.key {
            FilterKey::Label => return true,
            FilterKey::Type => version.kind.name(),
            FilterKey::KeyId if version.kind != ParameterType::SecureString => return false,
            FilterKey::KeyId => version.key_id.as_deref().unwrap_or(DEFAULT_KEY),
        };
        self.values.iter().any(|value| match self.option {
            FilterOption::Equals => text == value,
            FilterOption::BeginsWith => text.starts_with(value),
        })
    }
}
