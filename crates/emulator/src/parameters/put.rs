//! PutParameter, DeleteParameter and DeleteParameters.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::access;
use super::input::ParameterInput;
use super::selector::{Target, arn};
use super::store::{
    Parameter, ParameterError, ParameterStore, ParameterType, ParameterValue, ParameterVersion,
    Tier,
};
use crate::account::Resources;
use crate::arn::Location;
use crate::json_call::JsonCall;
use crate::json_members::JsonMembers;
use crate::refusal::Refusal;

/// The most versions that are kept.
const MOST_VERSIONS: usize = 100;

/// What a tier is asked to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TierChoice {
    Fixed(Tier),
    /// As small as the value allows.
    Intelligent,
}

/// A new value for a parameter.
#[derive(Debug)]
struct NewValue {
    value: ParameterValue,
    kind: Option<ParameterType>,
    tier: Option<TierChoice>,
    key_id: Option<String>,
    description: Option<String>,
    data_type: Option<String>,
}

pub(super) fn put_parameter(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    input: &ParameterInput,
) -> Result<Value, Refusal> {
    let name = input.new_name()?;
    let members = input.members();
    let overwrite = members.flag("Overwrite")?;
    let new = new_value(members)?;
    let tags = tags(members)?;
    if overwrite && tags.is_some() {
        let message = "Invalid request: tags and overwrite can't be used together. To create a \
                       parameter with tags, please remove overwrite flag. To update tags for an \
                       existing parameter, please use AddTagsToResource or \
                       RemoveTagsFromResource.";
        return Err(Refusal::new(400, "ValidationException", message, "member"));
    }
    let tags = tags.unwrap_or_default();
    let target = Target::Name(name.to_owned());
    let context = call.with_request_tags(&tags).with("ssm:Overwrite", overwrite.to_string());
    let tagged = (!tags.is_empty()).then_some("ssm:AddTagsToResource");
    for action in ["ssm:PutParameter"].into_iter().chain(tagged) {
        access::check(resources, call, action, &target, context.clone())?;
    }
    let known = resources.parameters.find(&target, &call.location);
    if known.is_some() && !overwrite {
        return Err(ParameterError::Exists.into());
    }
    let mut parameter = match known {
        Some(known) => known.clone().with_version(new, call.now)?,
        None => new_parameter(&call.location, name, new, call.now)?,
    };
    parameter.tags.extend(tags);
    let version = parameter.version(None)?;
    let action = match parameter.tier {
        Tier::Standard => "kms:Encrypt",
        Tier::Advanced => "kms:GenerateDataKey",
    };
    access::check_key(resources, call, action, &parameter, version)?;
    let body = json!({ "Version": version.number, "Tier": parameter.tier.name() });
    resources.parameters.insert(parameter);
    Ok(body)
}

fn new_value(members: &JsonMembers) -> Result<NewValue, Refusal> {
    for name in ["AllowedPattern", "Policies"] {
        if members.text(name, 0..=4096)?.is_some_and(|text| !text.is_empty()) {
            let message = format!("this emulator has no `{name}` of parameters");
            return Err(Refusal::new(400, "ValidationException", message, "member"));
        }
    }
    let value = members.required_text("Value", 1..=Tier::Advanced.most_bytes())?;
    if value.split_once("{{").is_some_and(|(_, rest)| rest.contains("}}")) {
        let message = "Parameter value, can't nest another parameter. Do not use \"{{}}\" in the \
                       value.";
        return Err(Refusal::new(400, "ValidationException", message, "value"));
    }
    let tiers = [
        ("Standard", TierChoice::Fixed(Tier::Standard)),
        ("Advanced", TierChoice::Fixed(Tier::Advanced)),
        ("Intelligent-Tiering", TierChoice::Intelligent),
    ];
    let text =
        |name: &str, most| Ok::<_, Refusal>(members.text(name, 0..=most)?.map(str::to_owned));
    Ok(NewValue {
        value: ParameterValue(value.to_owned()),
        kind: members.choice("Type", &ParameterType::ALL)?,
        tier: members.choice("Tier", &tiers)?,
        key_id: text("KeyId", 256)?,
        description: text("Description", 1024)?,
        data_type: text("DataType", 128)?,
    })
}

fn tags(members: &JsonMembers) -> Result<Option<BTreeMap<String, String>>, Refusal> {
    let Some(tags) = members.objects("Tags", 0..=50)? else { return Ok(None) };
    let tag = |tag: &JsonMembers| {
        let value = tag.text("Value", 0..=256)?.unwrap_or_default().to_owned();
        Ok((tag.required_text("Key", 1..=128)?.to_owned(), value))
    };
    let tags = tags.iter().map(tag).collect::<Result<BTreeMap<_, _>, Refusal>>()?;
    Ok(Some(tags).filter(|tags| !tags.is_empty()))
}

fn new_parameter(
    location: &Location,
    name: &str,
    new: NewValue,
    now: OffsetDateTime,
) -> Result<Parameter, ParameterError> {
    let kind = new.kind.ok_or(ParameterError::NoType)?;
    let first = ParameterVersion::first(kind, &new.value.0, now);
    let mut parameter = Parameter::of_versions(arn(location, name), name, Vec::new());
    parameter.description.clone_from(&new.description);
    parameter.tier = parameter.tier_of(&new)?;
    parameter.versions.push(new.version(first));
    Ok(parameter)
}

impl ParameterStore {
    /// Gives a parameter a new version, and creates the parameter if it is not there.
    pub(crate) fn set(
        &mut self,
        location: &Location,
        name: &str,
        (value, kind): (&str, Option<ParameterType>),
        now: OffsetDateTime,
    ) -> Result<&Parameter, ParameterError> {
        let new = NewValue {
            value: ParameterValue(value.to_owned()),
            kind,
            tier: Some(TierChoice::Intelligent),
            key_id: None,
            description: None,
            data_type: None,
        };
        let parameter = match self.find(&Target::Name(name.to_owned()), location) {
            Some(known) => known.clone().with_version(new, now)?,
            None => {
                let kind = Some(kind.unwrap_or(ParameterType::String));
                new_parameter(location, name, NewValue { kind, ..new }, now)?
            }
        };
        Ok(self.insert(parameter))
    }
}

impl Parameter {
    /// Returns the parameter with one version more. The oldest version goes if there are too many,
    /// unless it has a label.
    fn with_version(mut self, new: NewValue, now: OffsetDateTime) -> Result<Self, ParameterError> {
        let latest = self.version(None)?.clone();
        if new.kind.is_some_and(|kind| kind != latest.kind) {
            return Err(ParameterError::OtherType);
        }
        self.tier = self.tier_of(&new)?;
        if let Some(description) = &new.description {
            self.description = Some(description.clone());
        }
        if self.versions.len() >= MOST_VERSIONS {
            let oldest = &self.versions[0];
            if !oldest.labels.is_empty() {
                let (name, version) = (self.name, oldest.number);
                return Err(ParameterError::OldestLabelled { name, version });
            }
            self.versions.remove(0);
        }
        let next = ParameterVersion {
            number: latest.number + 1,
            labels: std::collections::BTreeSet::new(),
            modified: now,
            ..latest
        };
        self.versions.push(new.version(next));
        Ok(self)
    }

    /// Returns the tier with a new value; no parameter leaves the advanced one.
    fn tier_of(&self, new: &NewValue) -> Result<Tier, ParameterError> {
        let length = new.value.0.len();
        let tier = match new.tier {
            Some(TierChoice::Fixed(Tier::Standard)) if self.tier == Tier::Advanced => {
                return Err(ParameterError::Downgraded);
            }
            Some(TierChoice::Fixed(tier)) => tier,
            Some(TierChoice::Intelligent) => self.tier.max(Tier::of_length(length)),
            None => self.tier,
        };
        if length > tier.most_bytes() { Err(ParameterError::Large(tier)) } else { Ok(tier) }
    }
}

impl NewValue {
    /// Returns a version with the value, and what else is new.
    fn version(self, version: ParameterVersion) -> ParameterVersion {
        ParameterVersion {
            value: self.value,
            key_id: self.key_id.or(version.key_id),
            data_type: self.data_type.unwrap_or(version.data_type),
            ..version
        }
    }
}

pub(super) fn delete_parameter(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    input: &ParameterInput,
) -> Result<Value, Refusal> {
    let name = input.name()?;
    let target = Target::Name(name.to_owned());
    access::check(resources, call, "ssm:DeleteParameter", &target, call.context())?;
    if resources.parameters.remove(name, &call.location) {
        Ok(json!({}))
    } else {
        Err(ParameterError::NotFound.into())
    }
}

pub(super) fn delete_parameters(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    input: &ParameterInput,
) -> Result<Value, Refusal> {
    let names = input.members().texts("Names", 1..=10, 1..=2048)?;
    let names = names.ok_or_else(|| input.members().missing("Names"))?;
    for name in &names {
        let target = Target::Name((*name).to_owned());
        access::check(resources, call, "ssm:DeleteParameters", &target, call.context())?;
    }
    let (deleted, invalid): (Vec<_>, Vec<_>) =
        names.into_iter().partition(|name| resources.parameters.remove(name, &call.location));
    Ok(json!({ "DeletedParameters": deleted, "InvalidParameters": invalid }))
}

#[cfg(test)]
mod tests;
