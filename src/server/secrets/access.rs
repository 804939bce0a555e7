//! Which secrets and parameters a client may read: `allow` and `deny`.

use std::fmt;
use std::str::FromStr;

use crate::secrets_cache::{FetchedValue, ReadItem};
use roles_anywhere_client::aws::get_secret_value::SecretId;
use roles_anywhere_client::aws::parameter::{ParameterId, SECRET_REFERENCE};

/// What may be read. Without `allow`, that is what the role may read; `deny` takes precedence.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AccessRules {
    /// What may be read; anything if there is none.
    pub allow: Vec<AccessPattern>,
    /// What may not be read.
    pub deny: Vec<AccessPattern>,
}

/// A name, a path or an ARN, in which `*` stands for any characters and `?` for one. One of names matches
/// no ARN: `*secret*` would match all of them. With `sm://` before it, it is of secrets only, and with
/// `ssm://` of parameters only.
#[derive(Clone, Eq, PartialEq)]
pub struct AccessPattern {
    kind: Option<ItemKind>,
    pattern: String,
}

/// The error for a text that is not a pattern: it is empty, or has characters that no name has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PatternError;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum ItemKind {
    Secret,
    Parameter,
}

/// What a request names, or what was found: kind and name or ARN.
type ItemName<'a> = (ItemKind, &'a str);

impl AccessRules {
    /// Returns whether all may be read that the role may read.
    pub fn is_unlimited(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }

    /// Returns whether `item` may turn out to be allowed, before it is read: one that is named by its ARN
    /// is known by its name only afterwards, and the other way round.
    pub(super) fn may_allow(&self, item: &ReadItem) -> bool {
        if self.is_unlimited() {
            return true;
        }
        let mut text = String::new();
        let names = requested_names(item, &mut text);
        let is_denied = self.deny.iter().any(|pattern| names.iter().any(|it| pattern.matches(*it)));
        let may_match = |pattern: &AccessPattern| {
            names.iter().any(|it| pattern.is_arn() != is_arn(it.1) || pattern.matches(*it))
        };
        !is_denied && (self.allow.is_empty() || self.allow.iter().any(may_match))
    }

    /// Returns whether what was found may be handed out.
    pub(super) fn allow(&self, found: &FetchedValue) -> bool {
        if self.is_unlimited() {
            return true;
        }
        let names = found_names(found);
        let any = |patterns: &[AccessPattern]| {
            patterns.iter().any(|pattern| names.iter().any(|it| pattern.matches(*it)))
        };
        !any(&self.deny) && (self.allow.is_empty() || any(&self.allow))
    }
}

fn requested_names<'a>(item: &'a ReadItem, text: &'a mut String) -> Vec<ItemName<'a>> {
    match item {
        ReadItem::Secret(request) => match &request.secret {
            SecretId::Name(name) => vec![(ItemKind::Secret, name)],
            SecretId::Arn(arn) => {
                *text = arn.to_string();
                vec![(ItemKind::Secret, text)]
            }
        },
        ReadItem::Parameter(request, _) => match &request.parameter {
            ParameterId::Name(name) => parameter_names(name),
            ParameterId::Arn(arn) => {
                *text = arn.to_string();
                vec![(ItemKind::Parameter, text)]
            }
        },
    }
}

fn found_names(found: &FetchedValue) -> Vec<ItemName<'_>> {
    match found {
        FetchedValue::Secret(secret) => {
            vec![(ItemKind::Secret, &secret.name), (ItemKind::Secret, &secret.arn)]
        }
        FetchedValue::Parameter(parameter) => {
            let mut names = parameter_names(&parameter.name);
            names.extend(parameter.arn.as_deref().map(|arn| (ItemKind::Parameter, arn)));
            names
        }
    }
}

/// Returns the names of a parameter. One that refers to a secret has that one's too.
fn parameter_names(name: &str) -> Vec<ItemName<'_>> {
    let mut names = vec![(ItemKind::Parameter, name)];
    names.extend(name.strip_prefix(SECRET_REFERENCE).map(|secret| (ItemKind::Secret, secret)));
    names
}

impl AccessPattern {
    fn is_arn(&self) -> bool {
        is_arn(&self.pattern)
    }

    fn matches(&self, (kind, name): ItemName<'_>) -> bool {
        self.kind.is_none_or(|own| own == kind)
            && self.is_arn() == is_arn(name)
            && matches(self.pattern.as_bytes(), name.as_bytes())
    }
}

fn is_arn(text: &str) -> bool {
    text.starts_with("arn:")
}

impl FromStr for AccessPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let (kind, pattern) = match (text.strip_prefix("sm://"), text.strip_prefix("ssm://")) {
            (Some(rest), _) => (Some(ItemKind::Secret), rest),
            (_, Some(rest)) => (Some(ItemKind::Parameter), rest),
            (None, None) => (None, text),
        };
        let is_legal = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-:*?!".contains(c);
        match !pattern.is_empty() && pattern.chars().all(is_legal) {
            true => Ok(Self { kind, pattern: pattern.to_owned() }),
            false => Err(PatternError),
        }
    }
}

impl fmt::Display for AccessPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            Some(ItemKind::Secret) => "sm://",
            Some(ItemKind::Parameter) => "ssm://",
            None => "",
        };
        write!(f, "{scheme}{}", self.pattern)
    }
}

impl fmt::Debug for AccessPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Returns whether `pattern` matches all of `text`, in time proportional to both lengths multiplied.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut position) = (0, 0);
    // The last `*`, and where in the text its match ends.
    let mut star: Option<(usize, usize)> = None;
    while position < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, position));
                at += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[position] => {
                at += 1;
                position += 1;
            }
            _ => match star {
                Some((begin, end)) => {
                    star = Some((begin, end + 1));
                    (at, position) = (begin + 1, end + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests;
