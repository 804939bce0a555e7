//! The log of a daemon, one line for each event. The clock and the stream are arguments.

use std::fmt::{self, Write as _};
use std::net::SocketAddr;

use serde_json::{Map, Number, Value as Json};

use roles_anywhere_client::text::escape;
use roles_anywhere_client::time::Timestamp;

/// Takes the events of a daemon. No event may hold a secret or a token.
pub trait Log: Send + Sync {
    /// Writes one event: what happened in a few words, and its fields.
    fn event(&self, level: Level, what: &str, fields: &[Field<'_>]);

    /// Writes one event before it returns. If the log cannot take it now, nothing of it is kept.
    fn record(&self, level: Level, what: &str, fields: &[Field<'_>]) -> Result<(), LogNotWritten>;
}

/// The log does not take an event now: it is full, or its reader does not read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the event cannot be written to the log")]
pub struct LogNotWritten;

/// One field of an event: its name in snake case, and its value.
pub type Field<'a> = (&'static str, &'a dyn FieldValue);

/// The value of a field: a text or a number, which JSON distinguishes.
pub trait FieldValue: fmt::Display {
    /// Returns the number; `None` for a text, even one of digits.
    fn number(&self) -> Option<Number> {
        None
    }
}

impl FieldValue for str {}
impl FieldValue for String {}
impl FieldValue for Timestamp {}
impl FieldValue for SocketAddr {}
impl FieldValue for std::path::Display<'_> {}
impl FieldValue for dyn std::error::Error + '_ {}

impl<T: FieldValue + ?Sized> FieldValue for &T {
    fn number(&self) -> Option<Number> {
        (**self).number()
    }
}

/// Implements [`FieldValue`] for integers.
macro_rules! numbers {
    ($($integer:ty)*) => {
        $(impl FieldValue for $integer {
            fn number(&self) -> Option<Number> {
                Some((*self).into())
            }
        })*
    };
}

numbers!(u8 u16 u64 i64);

/// How much an event matters.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// All is as it should be.
    Info,
    /// Something is wrong, and this program goes on.
    Warning,
    /// Nothing can be handed out.
    Error,
}

impl Level {
    /// Returns its name in a line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// How a line is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LogFormat {
    /// Text for people: time, level, what happened, `name=value`.
    #[default]
    Text,
    /// JSON for programs: one object with `time`, `level`, `event` and the fields.
    Json,
}

impl LogFormat {
    /// Renders one event of `now`, a time as [`roles_anywhere_client::time::Timestamp`] renders it, as one line with
    /// its newline; what does not show is escaped.
    pub fn render(self, now: &str, level: Level, what: &str, fields: &[Field<'_>]) -> String {
        match self {
            Self::Text => text(now, level, what, fields),
            Self::Json => json(now, level, what, fields),
        }
    }
}

fn text(now: &str, level: Level, what: &str, fields: &[Field<'_>]) -> String {
    let mut line = String::with_capacity(384);
    for part in [now, " ", level.as_str(), " ", what] {
        line.push_str(part);
    }
    for (name, value) in fields {
        line.push(' ');
        line.push_str(name);
        line.push('=');
        let start = line.len();
        let _ = write!(line, "{value}");
        let text = &line[start..];
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic() && b != b'"') {
            let text = line.split_off(start);
            line.push_str(&escape::json(&Json::from(text).to_string()));
        }
    }
    line.push('\n');
    line
}

fn json(now: &str, level: Level, what: &str, fields: &[Field<'_>]) -> String {
    let head = [
        ("time", Json::from(now)),
        ("level", Json::from(level.as_str())),
        ("event", Json::from(what)),
    ];
    let fields = fields.iter().map(|(name, value)| match value.number() {
        Some(number) => (*name, Json::Number(number)),
        None => (*name, Json::from(value.to_string())),
    });
    let object: Map<String, Json> =
        head.into_iter().chain(fields).map(|(name, value)| (name.to_owned(), value)).collect();
    escape::json(&Json::Object(object).to_string()).into_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2015-08-30T12:36:00Z";

    #[test]
    fn writes_one_line_whatever_is_in_a_fact() {
        let fields: [Field<'_>; 3] = [
            ("role", &"arn:aws:iam::1:role/a"),
            ("reason", &"two\nlines \"of\" it"),
            ("none", &""),
        ];
        assert_eq!(
            LogFormat::Text.render(NOW, Level::Warning, "refresh failed", &fields),
            "2015-08-30T12:36:00Z warning refresh failed role=arn:aws:iam::1:role/a reason=\"two\\nlines \\\"of\\\" it\" none=\"\"\n"
        );
        let line = LogFormat::Json.render(NOW, Level::Warning, "refresh failed", &fields);
        assert_eq!(line.matches('\n').count(), 1);
        let value: Json = serde_json::from_str(&line).unwrap();
        assert_eq!(value["reason"], "two\nlines \"of\" it");
        assert_eq!(value["level"], "warning");
    }

    #[test]
    fn writes_nothing_that_does_not_show() {
        let reason =
            "\u{9b}31m\u{7f}\u{85}\u{1b}]0;ä\u{7}\u{202e}\u{2028}\u{200b}\u{feff}\u{e0041}";
        for format in [LogFormat::Text, LogFormat::Json] {
            let line = format.render(NOW, Level::Warning, "refresh failed", &[("reason", &reason)]);
            assert!(
                line.trim_end_matches('\n').chars().all(|c| c == 'ä' || matches!(c, ' '..='~')),
                "{line:?}"
            );
            let text = line.split_once(" reason=").map_or(&*line, |(_, text)| text);
            let value: Json = serde_json::from_str(text).unwrap();
            assert_eq!(value.get("reason").unwrap_or(&value), reason);
        }
    }

    #[test]
    fn tells_numbers_from_texts_in_json() {
        let fields: [Field<'_>; 3] =
            [("seconds", &-60_i64), ("status", &503_u16), ("serial", &"7")];
        assert_eq!(
            LogFormat::Json.render(NOW, Level::Info, "a", &fields),
            format!(
                "{{\"event\":\"a\",\"level\":\"info\",\"seconds\":-60,\"serial\":\"7\",\"status\":503,\"time\":\"{NOW}\"}}\n"
            )
        );
        assert!(
            LogFormat::Text
                .render(NOW, Level::Info, "a", &fields)
                .ends_with(" seconds=-60 status=503 serial=7\n")
        );
    }
}
