//! Paths in the file: `~` and `${VAR}` are expanded, and relative ones begin with its directory.

use std::path::Path;

use super::ConfigText;
use crate::options::table::shared_credentials::HOME;
use crate::options::table::{OptionSpec, ValueType};
use roles_anywhere_client::text::disclosure::{KeyMaterialKind, shown};
use roles_anywhere_client::text::path;

/// Why a path cannot be expanded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PathReason {
    /// A variable in it is not set or empty; its name, if it may be shown.
    Unset(Option<Box<str>>),
    /// Between `${` and `}` is no name of a variable, or there is no `}`.
    VariableName,
    /// It begins with `~` and the name of a user.
    OtherHome,
    /// It is a bare word that is not the name of a file, and so may be a password or a key.
    MayBeSecret,
}

/// Returns the value of an option as its flag takes it.
pub(super) fn expanded(
    source: &ConfigText<'_>,
    option: &'static OptionSpec,
    text: &str,
) -> Result<String, PathReason> {
    let is_path = match option.value_type {
        ValueType::File | ValueType::Directory => true,
        ValueType::Source => !is_other_source(text),
        _ => false,
    };
    // The reader of the option reports key material.
    if !is_path || is_key_material(text) {
        return Ok(text.to_owned());
    }
    let variables = match text.strip_prefix('~') {
        Some(rest) => format!("{}{}", home(source, rest)?, with_variables(source, rest)?),
        None => with_variables(source, text)?,
    };
    if Path::new(&variables).is_absolute() {
        return Ok(variables);
    }
    let joined = match source.file.parent().map(|dir| path::text(dir.as_os_str().to_owned())) {
        Some(dir) if dir.ends_with('/') => format!("{dir}{variables}"),
        Some(dir) if !dir.is_empty() => format!("{dir}/{variables}"),
        _ => variables,
    };
    // With a directory before it, a password could not be told from a path any more.
    match shown(text, option.sensitivity, || source.paths.exists(&joined)).value() {
        Some(_) => Ok(joined),
        None => Err(PathReason::MayBeSecret),
    }
}

/// Returns whether a source is no path: standard input, a descriptor, a variable, or a URI of the
/// official helper, which the reader of the option refuses.
pub(super) fn is_other_source(text: &str) -> bool {
    let schemes = ["fd:", "env:", "pkcs11:", "handle:"];
    text == "-" || schemes.iter().any(|scheme| text.starts_with(scheme))
}

/// Returns whether a value is key material. Most values are absolute paths, which are not searched
/// for it here.
fn is_key_material(text: &str) -> bool {
    let is_plain = text.len() < 128 && text.starts_with(['/', '~']) && !text.contains('\n');
    !is_plain && KeyMaterialKind::of(text).is_some()
}

/// Returns the home directory, if `rest` is what may follow `~`.
fn home<'a>(source: &ConfigText<'a>, rest: &str) -> Result<&'a str, PathReason> {
    match rest.is_empty() || rest.starts_with('/') {
        true => {
            let unset = || PathReason::Unset(Some(HOME.name.into()));
            source.environment.get(HOME.name).ok_or_else(unset)
        }
        false => Err(PathReason::OtherHome),
    }
}

/// Returns a path with the values of variables in place of `${VAR}`.
fn with_variables(source: &ConfigText<'_>, text: &str) -> Result<String, PathReason> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}').ok_or(PathReason::VariableName)?;
        if !is_variable_name(name) {
            return Err(PathReason::VariableName);
        }
        let value = source.environment.get(name);
        let value =
            value.ok_or_else(|| PathReason::Unset(is_constant(name).then(|| name.into())))?;
        expanded.push_str(before);
        expanded.push_str(value);
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// Returns whether a text can be the name of a variable.
fn is_variable_name(name: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    !name.is_empty() && name.bytes().all(legal)
}

/// Returns whether the name of a variable has a form that passwords and keys do not have.
fn is_constant(name: &str) -> bool {
    name.len() <= 40 && !name.bytes().any(|b| b.is_ascii_lowercase())
}
