//! The values of conditions, each read once in the form that its operator compares.

use std::cmp::Ordering;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;
use time::format_description::well_known::Iso8601;
use time::{Date, OffsetDateTime};

use super::operator::Comparison;
use crate::policy::context::Context;
use crate::policy::pattern::{self, Glyph, Syntax, Template};

/// A value that a policy compares with.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::policy) enum Operand {
    Text(Template),
    Number(f64),
    Date(OffsetDateTime),
    Bool(bool),
    Bytes(Vec<u8>),
    Network(IpNet),
}

impl Operand {
    /// Reads a value for a comparison. The error says what was expected.
    ///
    /// Variables are replaced in texts and ARNs only, as IAM does.
    pub(in crate::policy) fn parse(
        comparison: Comparison,
        text: &str,
        variables: bool,
    ) -> Result<Self, &'static str> {
        match comparison {
            Comparison::String | Comparison::StringIgnoreCase => {
                Template::parse(text, Syntax { wildcards: false, variables }).map(Self::Text)
            }
            Comparison::StringLike => {
                Template::parse(text, Syntax { wildcards: true, variables }).map(Self::Text)
            }
            Comparison::Arn => {
                // A variable can be a whole ARN.
                let complete = text.split(':').count() >= 6 || (variables && text.contains("${"));
                if !complete {
                    return Err("an ARN with its six parts, such as `arn:aws:iam::*:role/*`");
                }
                Template::parse(text, Syntax { wildcards: true, variables }).map(Self::Text)
            }
            Comparison::Numeric(_) => number(text).map(Self::Number).ok_or("a number"),
            Comparison::Date(_) => date(text)
                .map(Self::Date)
                .ok_or("a date such as `2026-01-31T00:00:00Z`, or seconds since 1970"),
            Comparison::Bool | Comparison::Null => {
                boolean(text).map(Self::Bool).ok_or("`true` or `false`")
            }
            Comparison::Binary => STANDARD.decode(text).map(Self::Bytes).map_err(|_| "base64"),
            Comparison::IpAddress => network(text)
                .map(Self::Network)
                .ok_or("an IP address, or a network such as `203.0.113.0/24`"),
        }
    }

    /// Returns whether a value of the request compares as the operator says.
    ///
    /// A value that is not of the operator's type does not; nor does any value with a variable that
    /// has none.
    pub(super) fn equals(&self, comparison: Comparison, value: &str, context: &Context) -> bool {
        match self {
            Self::Text(template) => template
                .resolve(context)
                .is_some_and(|glyphs| text_equals(comparison, &glyphs, value)),
            Self::Number(expected) => number(value)
                .and_then(|value| value.partial_cmp(expected))
                .is_some_and(|ordering| admits(comparison, ordering)),
            Self::Date(expected) => {
                date(value).is_some_and(|value| admits(comparison, value.cmp(expected)))
            }
            Self::Bool(expected) => boolean(value) == Some(*expected),
            Self::Bytes(expected) => STANDARD.decode(value).is_ok_and(|value| value == *expected),
            Self::Network(expected) => {
                network(value).is_some_and(|address| expected.contains(&address))
            }
        }
    }

    /// Returns the condition keys whose values are put in.
    pub(in crate::policy) fn keys(&self) -> impl Iterator<Item = &str> {
        let template = match self {
            Self::Text(template) => Some(template),
            _ => None,
        };
        template.into_iter().flat_map(Template::keys)
    }
}

fn admits(comparison: Comparison, ordering: Ordering) -> bool {
    match comparison {
        Comparison::Numeric(order) | Comparison::Date(order) => order.admits(ordering),
        _ => false,
    }
}

fn text_equals(comparison: Comparison, glyphs: &[Glyph], value: &str) -> bool {
    match comparison {
        Comparison::Arn => arn_equals(glyphs, value),
        Comparison::StringIgnoreCase => {
            let fold = |glyph: &Glyph| match glyph {
                Glyph::Literal(c) => c.to_lowercase().map(Glyph::Literal).collect(),
                wildcard => vec![*wildcard],
            };
            let folded: Vec<Glyph> = glyphs.iter().flat_map(fold).collect();
            let value: String = value.chars().flat_map(char::to_lowercase).collect();
            pattern::matches(&folded, &value)
        }
        _ => pattern::matches(glyphs, value),
    }
}

/// Compares each of the six parts separately: a `*` does not match beyond its own. The sixth is
/// everything behind the fifth colon.
fn arn_equals(glyphs: &[Glyph], value: &str) -> bool {
    let expected: Vec<&[Glyph]> = glyphs.splitn(6, |glyph| *glyph == Glyph::Literal(':')).collect();
    let found: Vec<&str> = value.splitn(6, ':').collect();
    expected.len() == 6
        && found.len() == 6
        && expected.iter().zip(found).all(|(expected, found)| pattern::matches(expected, found))
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Reads seconds since 1970, or a date of ISO 8601 in the forms of
/// <https://www.w3.org/TR/NOTE-datetime>: the day, or day and time with a time zone.
fn date(text: &str) -> Option<OffsetDateTime> {
    if let Ok(seconds) = text.parse() {
        return OffsetDateTime::from_unix_timestamp(seconds).ok();
    }
    // ISO 8601 has more forms, such as weeks, that IAM does not have.
    if !matches!(text.as_bytes(), [_, _, _, _, b'-', b'0' | b'1', _, b'-', ..]) {
        return None;
    }
    if text.len() == "2026-01-31".len() {
        return Some(Date::parse(text, &Iso8601::DATE).ok()?.midnight().assume_utc());
    }
    OffsetDateTime::parse(text, &Iso8601::DEFAULT).ok()
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}
