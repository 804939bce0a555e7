//! Which roles of a file are used.

use std::sync::Arc;

use crate::config::{Config, RoleTable};
use crate::options::roles::{RoleNames, RoleUse};
use crate::options::settings::{Setting, Settings};
use crate::options::suggestion::nearest;
use crate::output::usage::{RoleError, UsageError};
use roles_anywhere_client::text::disclosure::may_be_repeated;

/// Returns the roles of `config` that a command uses, at least one.
pub fn select<'a>(
    config: &'a Config,
    names: &RoleNames<'_>,
    role_use: RoleUse,
    settings: &Settings<'_>,
) -> Result<Vec<&'a RoleTable>, UsageError> {
    if let RoleNames::Named(names) = names {
        let mut roles: Vec<&RoleTable> = Vec::with_capacity(names.len());
        for name in names {
            let role = config.role(name.value).ok_or_else(|| unknown(config, name))?;
            if !roles.iter().any(|other| std::ptr::eq(*other, role)) {
                roles.push(role);
            }
        }
        return Ok(roles);
    }
    let file = || Arc::clone(config.file());
    match role_use {
        _ if config.roles().next().is_none() => {
            Err(UsageError::Role(Box::new(RoleError::None { file: file() })))
        }
        RoleUse::EveryWithProfile { unless } if settings.text(unless)?.is_none() => {
            let roles: Vec<_> = config.roles().filter(|it| it.aws_profile().is_some()).collect();
            match roles.is_empty() {
                true => Err(UsageError::Role(Box::new(RoleError::NoProfile { file: file() }))),
                false => Ok(roles),
            }
        }
        RoleUse::Every => Ok(config.roles().collect()),
        RoleUse::None
        | RoleUse::One
        | RoleUse::OneUnless { .. }
        | RoleUse::OneUnlessGiven { .. }
        | RoleUse::EveryWithProfile { .. } => match default(config) {
            Some(role) => Ok(vec![role]),
            None => {
                let names = shown_names(config);
                Err(UsageError::Role(Box::new(RoleError::Ambiguous { file: file(), names })))
            }
        },
    }
}

/// Returns the role that is used if none is named: `default-role`, else the only one.
pub fn default(config: &Config) -> Option<&RoleTable> {
    let mut roles = config.roles();
    let only = roles.next().filter(|_| roles.next().is_none());
    config.default_role().or(only)
}

fn unknown(config: &Config, name: &Setting<'_>) -> UsageError {
    let names = shown_names(config);
    let nearest = nearest(name.value, names.iter().map(AsRef::as_ref)).map(Into::into);
    let (origin, file) = (name.origin.clone(), Arc::clone(config.file()));
    let name = name.shown();
    UsageError::Role(Box::new(RoleError::Unknown { origin, name, file, names, nearest }))
}

/// Returns the names of the roles, without those that may be secrets.
fn shown_names(config: &Config) -> Vec<Box<str>> {
    let names = config.roles().map(|role| role.name().as_str());
    names.filter(|name| may_be_repeated(name)).map(Into::into).collect()
}
