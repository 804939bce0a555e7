//! Which secrets and parameters a client may read: `allow` and `deny`.

mod names;

use std::fmt;
use std::str::FromStr;

use crate::secrets_cache::{FetchedValue, ReadItem};
use names::{ItemName, ItemNames, intersect};

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

impl AccessRules {
    /// Returns whether all may be read that the role may read.
    pub fn is_unlimited(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }

    /// Returns whether `item` may turn out to be allowed, before it is read: one that is named by its ARN
    /// may be known by its name only afterwards, and the other way round.
    pub(super) fn may_allow(&self, item: &ReadItem) -> bool {
        if self.is_unlimited() {
            return true;
        }
        let names = ItemNames::requested(item);
        let may_match = |pattern: &AccessPattern| {
            pattern.matches_any(&names.own)
                || names.possible.iter().any(|name| pattern.may_match(name))
        };
        !self.deny(&names) && (self.allow.is_empty() || self.allow.iter().any(may_match))
    }

    /// Returns whether what was found may be handed out.
    pub(super) fn allow(&self, found: &FetchedValue) -> bool {
        if self.is_unlimited() {
            return true;
        }
        let names = ItemNames::found(found);
        let is_allowed = || self.allow.iter().any(|pattern| pattern.matches_any(&names.own));
        !self.deny(&names) && (self.allow.is_empty() || is_allowed())
    }

    fn deny(&self, names: &ItemNames<'_>) -> bool {
        let ItemNames { own, other, .. } = names;
        self.deny.iter().any(|pattern| pattern.matches_any(own) || pattern.matches_any(other))
    }
}

impl AccessPattern {
    /// Returns whether it is a pattern of what was found, by its name or by its ARN.
    pub fn is_of(&self, found: &FetchedValue) -> bool {
        self.matches_any(&ItemNames::found(found).own)
    }

    /// Returns whether it may turn out to be a pattern of `item` once that is read.
    pub fn may_be_of(&self, item: &ReadItem) -> bool {
        let names = ItemNames::requested(item);
        self.matches_any(&names.own) || names.possible.iter().any(|name| self.may_match(name))
    }

    fn is_arn(&self) -> bool {
        is_arn(&self.pattern)
    }

    fn matches_any(&self, names: &[ItemName<'_>]) -> bool {
        let matches = |name: &str| matches(self.pattern.as_bytes(), name.as_bytes());
        names.iter().any(|it| self.is_for(it) && matches(&it.1))
    }

    /// Returns whether it matches a name that a pattern stands for.
    fn may_match(&self, name: &ItemName<'_>) -> bool {
        self.is_for(name) && intersect(&self.pattern, &name.1)
    }

    fn is_for(&self, (kind, name): &ItemName<'_>) -> bool {
        self.kind.is_none_or(|own| own == *kind) && self.is_arn() == is_arn(name)
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
