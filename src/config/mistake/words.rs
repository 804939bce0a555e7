//! The words for mistakes.

use std::fmt;

use super::{Mistake, MistakeKind};
use crate::config::TableName;
use crate::config::keys::TableKind;
use crate::config::paths::PathReason;
use crate::options::table::transport::PROXY;
use crate::output::usage::MAX_NAMES;
use std::error::Error as _;

impl Mistake {
    /// Returns the text beside the marker: what to write instead.
    pub fn label(&self) -> Option<String> {
        match &self.kind {
            MistakeKind::Syntax(reason) => Some(reason.label().to_owned()),
            MistakeKind::UnknownKey { nearest: Some(nearest), .. } => Some(did_you_mean(nearest)),
            MistakeKind::UnknownKey { .. } => Some("`config schema` prints all keys".to_owned()),
            MistakeKind::Misplaced { table: TableKind::Root, .. } => {
                Some("it belongs above the first table".to_owned())
            }
            MistakeKind::Misplaced { table, .. } => {
                Some(format!("it belongs in {}", table.as_str()))
            }
            MistakeKind::InlinePassword { key } if *key == PROXY.id() => Some(
                "use the variable `ROLES_ANYWHERE_PROXY` or `HTTPS_PROXY` for a proxy with a password"
                    .to_owned(),
            ),
            MistakeKind::InlinePassword { .. } => {
                Some("use `key-password-file`, `key-password-env` or `key-password-fd`".to_owned())
            }
            MistakeKind::Empty { .. } => Some("write a value, or remove the key".to_owned()),
            MistakeKind::Type { .. } | MistakeKind::Variable(_) => None,
            MistakeKind::OneOf { found: 0, .. } => Some("add one of them".to_owned()),
            MistakeKind::OneOf { .. } => Some("remove all but one".to_owned()),
            MistakeKind::Agent(mistake) => mistake.label(),
            MistakeKind::Name { .. } => Some(format!("expected {}", TableName::EXPECTED)),
            MistakeKind::Dangling { nearest: Some(nearest), .. } => Some(did_you_mean(nearest)),
            MistakeKind::Dangling { names, .. } | MistakeKind::Missing { names, .. } => {
                alternatives(names)
            }
            MistakeKind::Path { reason, .. } => Some(path_label(reason).to_owned()),
            MistakeKind::Value(error) => {
                let mut texts: Vec<String> = Vec::new();
                let mut cause = error.source();
                while let Some(error) = cause {
                    texts.push(error.to_string());
                    cause = error.source();
                }
                texts.extend(error.hints());
                (!texts.is_empty()).then(|| texts.join("; "))
            }
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            MistakeKind::Syntax(_) => f.write_str("invalid TOML"),
            MistakeKind::UnknownKey { key: Some(key), table, .. } => {
                write!(f, "unknown {} `{key}`", noun(*table))
            }
            MistakeKind::UnknownKey { key: None, table, .. } => {
                write!(f, "unknown {} (not shown, as it may be a secret)", noun(*table))
            }
            MistakeKind::Misplaced { key, .. } => write!(f, "`{key}` is in the wrong table"),
            MistakeKind::InlinePassword { key } => {
                write!(f, "`{key}`: the file must not contain passwords")
            }
            MistakeKind::Empty { key } => write!(f, "the value of `{key}` is empty"),
            MistakeKind::Type { key, expected, found } => {
                write!(f, "invalid value for `{key}`: expected {expected}, got {found}")
            }
            MistakeKind::Name { table } => write!(f, "invalid {} name", table.name()),
            MistakeKind::Dangling { key, table, .. } => {
                let (article, noun) = (article(*table), table.name());
                write!(f, "`{key}` names {article} {noun} that does not exist")
            }
            MistakeKind::Missing { key, table, .. } => {
                write!(f, "missing key `{key}` in {}", table.as_str())
            }
            MistakeKind::OneOf { table, .. } => {
                let keys = table.one_of().iter().map(|row| row.id().into()).collect::<Vec<_>>();
                let (table, keys) = (table.as_str(), in_words(&keys, "and").unwrap_or_default());
                write!(f, "expected exactly one of the keys {keys} in {table}")
            }
            MistakeKind::Path { key, reason } => path_reason(f, key, reason),
            MistakeKind::Agent(mistake) => mistake.fmt(f),
            MistakeKind::Variable(text) => f.write_str(text),
            MistakeKind::Value(error) => error.fmt(f),
        }
    }
}

fn noun(table: TableKind) -> &'static str {
    if table == TableKind::Root { "key or table" } else { "key" }
}

fn article(table: TableKind) -> &'static str {
    if matches!(table, TableKind::Identity | TableKind::Exec) { "an" } else { "a" }
}

fn did_you_mean(name: &str) -> String {
    format!("did you mean `{name}`?")
}

/// Returns `expected …` for a few names.
fn alternatives(names: &[Box<str>]) -> Option<String> {
    let of_many = || {
        let quoted: Vec<String> =
            names.iter().take(MAX_NAMES).map(|name| format!("`{name}`")).collect();
        format!("one of {}, …", quoted.join(", "))
    };
    let listed = if names.len() > MAX_NAMES { Some(of_many()) } else { in_words(names, "or") };
    listed.map(|listed| format!("expected {listed}"))
}

/// Returns names with a word before the last one; `None` for no names.
fn in_words(names: &[Box<str>], word: &str) -> Option<String> {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    Some(match quoted.split_last()? {
        (last, []) => last.clone(),
        (last, rest) => format!("{} {word} {last}", rest.join(", ")),
    })
}

fn path_reason(f: &mut fmt::Formatter<'_>, key: &str, reason: &PathReason) -> fmt::Result {
    write!(f, "invalid value for `{key}`: ")?;
    match reason {
        PathReason::Unset(Some(name)) => write!(f, "the variable `{name}` is not set"),
        PathReason::Unset(None) => f.write_str("a variable in the path is not set"),
        PathReason::VariableName => f.write_str("`${` does not begin the name of a variable"),
        PathReason::OtherHome => f.write_str("`~` is not followed by `/`"),
        PathReason::MayBeSecret => f.write_str(
            "it may be a secret, as no such file exists and it does not look like a path",
        ),
    }
}

fn path_label(reason: &PathReason) -> &'static str {
    match reason {
        PathReason::Unset(_) => "set it, or write the path in full",
        PathReason::VariableName => "write `${VAR}`, where VAR is the name of a variable",
        PathReason::OtherHome => "write the home directory of another user in full",
        PathReason::MayBeSecret => {
            "if it is a path, write it in full, or as `./NAME` relative to this file"
        }
    }
}
