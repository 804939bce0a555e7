//! What a call names a parameter by: its name or ARN, and a version or label of it.

use crate::arn::{Arn, Location};

/// `/aws/reference/secretsmanager/ID` is the secret of that id.
const SECRET_PREFIX: &str = "/aws/reference/secretsmanager/";

/// A parameter, or a secret that is read as one, as a call names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ParameterSelector {
    /// As the call has it, without spaces around it.
    pub(crate) text: String,
    pub(crate) target: Target,
    pub(crate) selector: Option<Selector>,
}

/// What is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A parameter of the caller's account and Region.
    Name(String),
    Arn(Arn),
    /// A secret, by its name.
    Secret(String),
}

/// Which version of a parameter, or of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selector {
    /// No label begins with a digit.
    Version(u64),
    /// For a secret, a staging label or the id of a version.
    Label(String),
}

/// The text names no parameter: it has a space in it, or more than one selector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SelectorError;

impl ParameterSelector {
    /// Reads what a call has.
    pub(crate) fn parse(text: &str) -> Result<Self, SelectorError> {
        let text = text.trim();
        if text.is_empty() || text.contains(char::is_whitespace) {
            return Err(SelectorError);
        }
        let (target, selector) = match text.strip_prefix(SECRET_PREFIX) {
            Some(id) => {
                let (id, selector) = split(id)?;
                (Target::Secret(id.to_owned()), selector.map(|it| Selector::Label(it.to_owned())))
            }
            None if text.starts_with("arn:") => {
                let arn = Arn::parse(text).map_err(|_| SelectorError)?;
                let (resource, selector) = split(arn.resource())?;
                let arn = Arn::new(arn.service(), &arn.location(), resource);
                (Target::Arn(arn), selector.map(Selector::parse))
            }
            None => {
                let (name, selector) = split(text)?;
                (Target::Name(name.to_owned()), selector.map(Selector::parse))
            }
        };
        Ok(Self { text: text.to_owned(), target, selector })
    }
}

impl Selector {
    fn parse(text: &str) -> Self {
        match text.parse() {
            Ok(version) if text.bytes().all(|byte| byte.is_ascii_digit()) => Self::Version(version),
            _ => Self::Label(text.to_owned()),
        }
    }
}

/// Splits a selector off.
fn split(text: &str) -> Result<(&str, Option<&str>), SelectorError> {
    match text.split_once(':') {
        None => Ok((text, None)),
        Some((name, selector)) if !name.is_empty() && !selector.contains(':') => {
            Ok((name, Some(selector)))
        }
        Some(_) => Err(SelectorError),
    }
}

/// Returns the ARN of a name. A name of one level has the same one with and without its slash.
pub(crate) fn arn(location: &Location, name: &str) -> Arn {
    Arn::new("ssm", location, &format!("parameter/{}", name.trim_start_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (Target, Option<Selector>) {
        let parsed = ParameterSelector::parse(text).unwrap();
        (parsed.target, parsed.selector)
    }

    #[test]
    fn a_version_is_told_from_a_label_by_its_digits() {
        let name = |name: &str| Target::Name(name.to_owned());
        let label = |label: &str| Some(Selector::Label(label.to_owned()));
        assert_eq!(parse("/a/b"), (name("/a/b"), None));
        assert_eq!(parse(" a "), (name("a"), None));
        assert_eq!(parse("a:3"), (name("a"), Some(Selector::Version(3))));
        assert_eq!(parse("a:live"), (name("a"), label("live")));
        assert_eq!(parse("a:3x"), (name("a"), label("3x")));
        assert_eq!(parse("a:"), (name("a"), label("")));
        let arn = "arn:aws:ssm:eu-central-1:123456789012:parameter/a/b";
        let target = Target::Arn(Arn::parse(arn).unwrap());
        assert_eq!(parse(arn), (target.clone(), None));
        assert_eq!(parse(&format!("{arn}:12")), (target, Some(Selector::Version(12))));
        let secret = Target::Secret("prod/db".to_owned());
        let reference = "/aws/reference/secretsmanager/prod/db";
        assert_eq!(parse(reference), (secret.clone(), None));
        assert_eq!(parse(&format!("{reference}:AWSPREVIOUS")), (secret, label("AWSPREVIOUS")));
    }

    #[test]
    fn refuses_what_names_no_parameter() {
        for wrong in ["", " ", "a b", "a:1:2", ":1", "arn:aws:ssm"] {
            assert_eq!(ParameterSelector::parse(wrong), Err(SelectorError), "{wrong}");
        }
    }

    #[test]
    fn the_arn_has_one_slash_before_the_name() {
        let here = Location { account: "123456789012".into(), region: "eu-central-1".into() };
        let of = |name| arn(&here, name).to_string();
        assert_eq!(of("/a/b"), "arn:aws:ssm:eu-central-1:123456789012:parameter/a/b");
        assert_eq!((of("a"), of("/a")), (of("/a"), of("a")));
    }
}
