//! How single values of `[secrets]` are read.

use std::str::FromStr;

use crate::options::session::arn;
use crate::options::settings::Setting;
use crate::options::table::secrets_endpoint::is_path_prefix;
use crate::output::usage::UsageError;
use crate::server::secrets::AccessPattern;
use roles_anywhere_client::arn::RoleArn;
use roles_anywhere_client::aws::parameter::{ParameterId, ParameterRequest};

/// Reads a port.
pub(super) fn port(setting: &Setting<'_>) -> Result<u16, UsageError> {
    setting.value.parse().map_err(|_| setting.refuse("a port from 0 to 65535"))
}

pub(super) fn pattern(setting: &Setting<'_>) -> Result<AccessPattern, UsageError> {
    AccessPattern::from_str(setting.value).map_err(|_| {
        setting.refuse("a name, a path or an ARN, in which `*` stands for any characters")
    })
}

/// Reads the name of a role, which exists, or an ARN.
pub(super) fn role(setting: &Setting<'_>) -> Result<Box<str>, UsageError> {
    if setting.value.starts_with("arn:") {
        arn::<RoleArn>(setting.clone())?;
    }
    Ok(setting.value.into())
}

pub(super) fn variable(setting: Setting<'_>) -> Result<Setting<'_>, UsageError> {
    let is_legal = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let name = setting.value;
    match !name.is_empty() && !name.as_bytes()[0].is_ascii_digit() && name.bytes().all(is_legal) {
        true => Ok(setting),
        false => Err(setting.refuse_hidden("the name of a variable")),
    }
}

pub(super) fn path_prefix(setting: &Setting<'_>) -> Result<String, UsageError> {
    match is_path_prefix(setting.value) {
        true => Ok(setting.value.to_owned()),
        false => Err(setting.refuse("a path that begins with `/`, such as `/v1/`")),
    }
}

pub(super) fn prefetched_parameter(setting: &Setting<'_>) -> Result<ParameterId, UsageError> {
    let request: ParameterRequest = arn(setting.clone())?;
    match request.selector {
        None => Ok(request.parameter),
        Some(_) => Err(setting.refuse("a name or an ARN without a version")),
    }
}

pub(super) fn prefetched_path(setting: &Setting<'_>) -> Result<String, UsageError> {
    let is_legal = |b: u8| b.is_ascii_alphanumeric() || b"/_+=.@-".contains(&b);
    match !setting.value.is_empty() && setting.value.bytes().all(is_legal) {
        true => Ok(setting.value.to_owned()),
        false => Err(setting.refuse("a path such as `/prod/`")),
    }
}
