//! References to secrets and parameters: our own `sm://` and `ssm://`, CloudFormation's
//! `{{resolve:…}}` and the `valueFrom` of ECS. All are parsed here, into one type.
//!
//! A reference is printed as it was written, in its shortest form; parsing that gives it again.

mod cloudformation;
mod ecs;
mod error;
mod name;
mod near_miss;
mod uri;

use std::fmt;
use std::num::NonZeroU64;
use std::ops::Range;

pub use cloudformation::dynamic_references;
pub use error::ReferenceError;
pub use near_miss::uri_in_text;
use roles_anywhere_client::aws::get_secret_value::SecretId;
use roles_anywhere_client::aws::parameter::ParameterId;
use roles_anywhere_client::region::Region;
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::text::disclosure::{DisplayValue, Sensitivity, may_be_repeated, shown};

/// A reference to a secret, a parameter, or members of one that is a JSON object.
///
/// `Debug` shows neither a default nor a name that may be a secret value.
#[derive(Clone)]
pub struct Reference {
    target: ReferenceTarget,
    part: Part,
    region: Option<Region>,
    role: Option<Box<str>>,
    fallback: Fallback,
    notation: Notation,
}

/// What is read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ReferenceTarget {
    /// A secret of Secrets Manager.
    Secret {
        /// Its name or ARN.
        id: SecretId,
        /// Its version.
        version: SecretVersionSelector,
    },
    /// A parameter of Parameter Store.
    Parameter {
        /// Its name or ARN.
        name: ParameterId,
        /// Its version.
        version: ParameterVersion,
        /// The types that it may have.
        types: ParameterTypes,
    },
}

/// A version of a secret: by both, the version with that id must have that staging label.
///
/// Neither means `AWSCURRENT`, whose label is not kept.
#[derive(Clone, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SecretVersionSelector {
    /// The staging label.
    pub stage: Option<String>,
    /// The id.
    pub id: Option<String>,
}

impl SecretVersionSelector {
    fn new(stage: Option<String>, id: Option<String>) -> Self {
        let is_default = id.is_none() && stage.as_deref() == Some(CURRENT);
        Self { stage: stage.filter(|_| !is_default), id }
    }

    /// Returns whether it is the current version, the only one that can be read in a batch.
    pub fn is_current(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Debug for SecretVersionSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = self.stage.as_deref().map(shown_word);
        write!(f, "stage {stage:?}, id {:?}", self.id.as_deref().map(shown_word))
    }
}

/// The staging label of the version that is read unless another one is named.
const CURRENT: &str = "AWSCURRENT";

/// A version of a parameter.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ParameterVersion {
    /// The latest one.
    #[default]
    Latest,
    /// The one with this number.
    Number(NonZeroU64),
    /// The one with this label.
    Label(String),
}

/// The types that a parameter may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ParameterTypes {
    /// Any.
    Any,
    /// `String` or `StringList`: CloudFormation's `ssm`.
    Plain,
    /// `SecureString`: CloudFormation's `ssm-secure`.
    Secure,
}

/// The part of a value that is meant.
#[derive(Clone, Eq, PartialEq)]
pub enum Part {
    /// All of it.
    Whole,
    /// The member of a JSON object with exactly this name, as in CloudFormation and ECS.
    Member(String),
    /// The member with exactly this name; else the nested one that the names between the dots lead to.
    Path(String),
    /// Each member of a JSON object.
    AllMembers,
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("Whole"),
            Self::Member(key) => write!(f, "Member({})", shown_word(key)),
            Self::Path(key) => write!(f, "Path({})", shown_word(key)),
            Self::AllMembers => f.write_str("AllMembers"),
        }
    }
}

/// What stands for a value that does not exist.
#[derive(Clone, Debug)]
pub enum Fallback {
    /// Nothing: that is an error.
    None,
    /// No value.
    Absent,
    /// This text.
    Text(Secret),
}

/// How a reference is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Notation {
    /// `sm://…` or `ssm://…`.
    Uri,
    /// `{{resolve:…}}` of CloudFormation.
    CloudFormation,
    /// `valueFrom` of ECS.
    Ecs,
}

/// A reference, and what it is for.
#[derive(Clone, Debug)]
pub struct NamedReference {
    /// The variable or the file that gets the value, for messages.
    pub name: Option<String>,
    /// The reference.
    pub reference: Reference,
}

/// A reference in a text.
#[derive(Clone, Debug)]
pub struct FoundReference {
    /// The bytes that it takes.
    pub range: Range<usize>,
    /// The reference, or what is wrong with it.
    pub reference: Result<Reference, ReferenceError>,
}

impl Reference {
    /// Parses a reference in any notation, but not the bare name of a parameter, which any text can be.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        match Form::of(text) {
            Some(Form::Secret(rest)) => uri::secret(rest),
            Some(Form::Parameter(rest)) => uri::parameter(rest),
            Some(Form::Arn) => ecs::arn(text),
            None if text.starts_with(cloudformation::START) => cloudformation::parse(text),
            None if near_miss::is_like_resolve(text) => Err(ReferenceError::Resolve),
            None => Err(near_miss::of_value(text).unwrap_or_else(|| match uri_in_text(text) {
                Some(_) => ReferenceError::InText,
                None => ReferenceError::NoReference,
            })),
        }
    }

    /// Parses a `valueFrom` of ECS: an ARN, or the name of a parameter.
    pub fn parse_value_from(text: &str) -> Result<Self, ReferenceError> {
        ecs::parse(text)
    }

    /// Finds the references in the value of a variable: one that is all of it, or those of
    /// CloudFormation inside of it; and what was meant to be one.
    pub fn find_in_value(text: &str) -> Vec<FoundReference> {
        let all = |reference| vec![FoundReference { range: 0..text.len(), reference }];
        match (Form::of(text), near_miss::of_value(text)) {
            (Some(_), _) => all(Self::parse(text)),
            (None, Some(error)) => all(Err(error)),
            (None, None) => dynamic_references(text),
        }
    }

    /// Returns the reference to all members of a value that it refers to as a whole.
    pub fn with_all_members(self) -> Result<Self, ReferenceError> {
        match self.fallback {
            Fallback::Text(_) => Err(ReferenceError::DefaultOfAll),
            Fallback::None | Fallback::Absent => Ok(Self { part: Part::AllMembers, ..self }),
        }
    }

    /// Returns it without a text as its default, which may be secret.
    #[must_use]
    pub fn without_default(self) -> Self {
        match self.fallback {
            Fallback::Text(_) => Self { fallback: Fallback::None, ..self },
            Fallback::None | Fallback::Absent => self,
        }
    }

    /// Returns what is read.
    pub fn target(&self) -> &ReferenceTarget {
        &self.target
    }

    /// Returns the part of it that is meant.
    pub fn part(&self) -> &Part {
        &self.part
    }

    /// Returns the Region that holds it; `None` for that of the session.
    pub fn region(&self) -> Option<&Region> {
        let of_arn = match &self.target {
            ReferenceTarget::Secret { id, .. } => id.region(),
            ReferenceTarget::Parameter { name, .. } => name.region(),
        };
        of_arn.or(self.region.as_ref())
    }

    /// Returns the role of the configuration file that reads it; `None` for that of the command.
    pub fn role(&self) -> Option<&str> {
        self.role.as_deref()
    }

    /// Returns what stands for a value that does not exist.
    pub fn fallback(&self) -> &Fallback {
        &self.fallback
    }

    /// Returns how it is written.
    pub fn notation(&self) -> Notation {
        self.notation
    }

    /// Returns it for a message: without its default, and without what may be a secret value.
    pub fn shown(&self) -> String {
        let mut written = Written { reference: self, is_for_message: true }.to_string();
        if matches!(self.fallback, Fallback::Text(_)) {
            written.push(if written.contains('?') { '&' } else { '?' });
            written.push_str("default=…");
        }
        written
    }
}

/// As [`Reference::parse`] reads it, or [`Reference::parse_value_from`].
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Written { reference: self, is_for_message: false }.fmt(f)
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

/// A reference as it is printed.
struct Written<'a> {
    reference: &'a Reference,
    /// Whether to leave out its default and what may be a secret value.
    is_for_message: bool,
}

impl Written<'_> {
    /// Returns a word of it, or what stands for one that may be a secret value.
    fn word<'b>(&self, word: &'b str) -> &'b str {
        if self.is_for_message { shown_word(word) } else { word }
    }

    fn secret(&self, id: &SecretId) -> String {
        match id {
            SecretId::Arn(arn) => arn.to_string(),
            SecretId::Name(name) => self.word(name).to_owned(),
        }
    }

    fn parameter(&self, name: &ParameterId) -> String {
        match name {
            ParameterId::Arn(arn) => arn.to_string(),
            ParameterId::Name(name) => self.word(name).to_owned(),
        }
    }
}

impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reference.notation {
            Notation::Uri => uri::write(self, f),
            Notation::CloudFormation => cloudformation::write(self, f),
            Notation::Ecs => ecs::write(self, f),
        }
    }
}

/// A notation that takes all of a text.
enum Form<'a> {
    Secret(&'a str),
    Parameter(&'a str),
    Arn,
}

impl<'a> Form<'a> {
    fn of(text: &'a str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix(uri::SECRET) {
            return Some(Self::Secret(rest));
        }
        if let Some(rest) = text.strip_prefix(uri::PARAMETER) {
            return Some(Self::Parameter(rest));
        }
        ecs::is_arn(text).then_some(Self::Arn)
    }
}

/// Returns a text that may be a reference for a message: up to its options, and without what may be a
/// secret value.
pub fn shown_text(text: &str) -> String {
    let end = text.find('?').unwrap_or(text.len());
    let (before, options) = text.split_at(end);
    let rest = if options.is_empty() { "" } else { "?…" };
    if let DisplayValue::Value(before) = shown(before, Sensitivity::Public, || false) {
        return before + rest;
    }
    let schemes = [uri::SECRET, uri::PARAMETER];
    let scheme = schemes.into_iter().find(|scheme| before.starts_with(scheme)).unwrap_or_default();
    let words = before[scheme.len()..].split_inclusive(MARKS).map(|word| {
        let (word, mark) = word.split_at(word.trim_end_matches(MARKS).len());
        [shown_word(word), mark].concat()
    });
    [scheme, &words.collect::<String>(), rest].concat()
}

/// What stands between the words of a reference.
const MARKS: [char; 4] = ['#', ':', '{', '}'];

/// Returns a word of a reference, or what stands for one that may be a secret value.
pub(super) fn shown_word(word: &str) -> &str {
    if word.is_empty() || may_be_repeated(word) { word } else { "…" }
}

#[cfg(test)]
mod tests;
