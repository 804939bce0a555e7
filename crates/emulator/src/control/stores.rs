//! Values of secrets and parameters that the control API sets, as a rotation does.

use serde_json::{Value, json};

use super::error::ControlError;
use super::fields;
use crate::arn::{Location, is_account};
use crate::fields::{FieldError, Fields, text};
use crate::message::Request;
use crate::parameters::name::check_name;
use crate::parameters::store::{ParameterType, Tier};
use crate::secrets::seed::material;
use crate::state::State;

/// Sets the value of a secret. The answer has its ARN and version, and not the value.
pub(super) fn put_secret(state: &mut State, request: &Request) -> Result<Value, ControlError> {
    let fields = fields(request, &["name", "value", "account", "region"])?;
    let name = fields.required("name", "the name of a secret", |value| {
        text(value).filter(|name| !name.is_empty())
    })?;
    let expected = "text, an object, or {\"SecretBinary\": base64}, of at most 65536 bytes";
    let material = fields.required("value", expected, |value| material(&name, value).ok())?;
    let location = location(state, &fields)?;
    let now = state.clock.now();
    let (secret, version_id) = state
        .resources
        .secrets
        .set(&location, &name, material, now)
        .map_err(|error| FieldError::new("name", error.to_string()))?;
    Ok(json!({ "arn": secret.arn.as_str(), "name": name, "version_id": version_id }))
}

/// Sets the value of a parameter. The answer has its ARN and version, and not the value.
pub(super) fn put_parameter(state: &mut State, request: &Request) -> Result<Value, ControlError> {
    let fields = fields(request, &["name", "value", "type", "account", "region"])?;
    let name = fields.required("name", "the name of a parameter", |value| {
        text(value).filter(|name| check_name(name).is_ok())
    })?;
    let value = fields.required("value", "text of 1 to 8192 bytes", |value| {
        text(value).filter(|text| (1..=Tier::Advanced.most_bytes()).contains(&text.len()))
    })?;
    let kind = fields.optional("type", "String, StringList or SecureString", |value| {
        let known = ParameterType::ALL.into_iter().find(|(name, _)| Some(*name) == value.as_str());
        known.map(|(_, kind)| kind)
    })?;
    let location = location(state, &fields)?;
    let now = state.clock.now();
    let parameter = state
        .resources
        .parameters
        .set(&location, &name, (&value, kind), now)
        .map_err(|error| FieldError::new("type", error.to_string()))?;
    let version = parameter.versions.last().map(|version| version.number);
    Ok(json!({ "arn": parameter.arn.as_str(), "name": name, "version": version }))
}

/// Returns the account and the Region of a body, by default the first ones.
fn location(state: &State, fields: &Fields) -> Result<Location, ControlError> {
    let home = &state.resources.home;
    let account = fields.optional("account", "twelve digits", |value| {
        text(value).filter(|text| is_account(text))
    })?;
    let region = fields.optional("region", "a Region of this emulator", |value| {
        text(value).filter(|region| state.resources.regions.contains(region))
    })?;
    Ok(Location {
        account: account.unwrap_or_else(|| home.account.clone()),
        region: region.unwrap_or_else(|| home.region.clone()),
    })
}
