//! The log of a daemon, one line for each event. The clock and the stream are arguments.

pub mod events;

use std::fmt::{self, Write as _};
use std::net::SocketAddr;

use serde_json::{Map, Number, Value as Json};

use events::LogEvent;
use roles_anywhere_client::text::escape;
use roles_anywhere_client::time::Timestamp;

/// Takes the events of a daemon. No event may hold a secret or a token.
pub trait Log: Send + Sync {
    /// Writes one event with its fields, all of them or some.
    fn event(&self, event: &'static LogEvent, fields: &[Field<'_>]);

    /// Writes one event before it returns. If the log cannot take it now, nothing of it is kept.
    fn record(&self, event: &'static LogEvent, fields: &[Field<'_>]) -> Result<(), LogNotWritten>;
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

    /// Returns it as it is displayed, if it is a text in memory.
    fn text(&self) -> Option<&str> {
        None
    }

    /// Returns the lines that show it on a terminal below the event; `None` for a value in its line.
    fn lines(&self) -> Option<Vec<String>> {
        None
    }

    /// Returns whether there is nothing to show: the event is without the field.
    fn is_absent(&self) -> bool {
        false
    }

    /// Returns [`Self::lines`] without what differs each time that the same problem is reported.
    fn problem(&self) -> Option<Vec<String>> {
        self.lines()
    }
}

/// What failed, then each cause of it: in one line but on a terminal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reasons {
    texts: Vec<String>,
    /// How many of these, the last ones, are beside each other: none is the cause of the one before.
    details: usize,
    /// The id that AWS gave the request, which a text may contain.
    request_id: Option<String>,
}

impl Reasons {
    /// Returns these texts, of a request with this id.
    pub fn new(texts: Vec<String>, request_id: Option<&str>) -> Self {
        let request_id = request_id.map(str::to_owned);
        Self { texts, details: 0, request_id }
    }

    /// Returns them with the last `details` beside each other.
    #[must_use]
    pub fn with_details(self, details: usize) -> Self {
        Self { details, ..self }
    }

    fn with_headings(&self) -> impl Iterator<Item = String> {
        let headings = ["error"].into_iter().chain(std::iter::repeat("caused by"));
        headings.zip(&self.texts).map(|(heading, text)| format!("{heading}: {text}"))
    }
}

impl fmt::Display for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (causes, details) = self.texts.split_at(self.texts.len().saturating_sub(self.details));
        let details = details.join("; ");
        let texts: Vec<&str> = causes.iter().map(String::as_str).chain([&*details]).collect();
        f.write_str(texts.join(": ").trim_end_matches(": "))
    }
}

impl FieldValue for Reasons {
    fn lines(&self) -> Option<Vec<String>> {
        Some(self.with_headings().collect())
    }

    fn problem(&self) -> Option<Vec<String>> {
        let id = self.request_id.as_deref().filter(|id| !id.is_empty());
        let without_id = |line: String| match id {
            Some(id) => line.replace(id, ""),
            None => line,
        };
        Some(self.with_headings().map(without_id).collect())
    }
}

/// What to try: in one line but on a terminal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hints(pub Vec<String>);

impl fmt::Display for Hints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl FieldValue for Hints {
    fn is_absent(&self) -> bool {
        self.0.is_empty()
    }

    fn lines(&self) -> Option<Vec<String>> {
        Some(self.0.iter().map(|hint| format!("hint: {hint}")).collect())
    }
}

impl FieldValue for str {
    fn text(&self) -> Option<&str> {
        Some(self)
    }
}

impl FieldValue for String {
    fn text(&self) -> Option<&str> {
        Some(self)
    }
}

impl FieldValue for Timestamp {}
impl FieldValue for SocketAddr {}
impl FieldValue for std::path::Display<'_> {}

impl<T: FieldValue + ?Sized> FieldValue for &T {
    fn number(&self) -> Option<Number> {
        (**self).number()
    }

    fn text(&self) -> Option<&str> {
        (**self).text()
    }

    fn lines(&self) -> Option<Vec<String>> {
        (**self).lines()
    }

    fn is_absent(&self) -> bool {
        (**self).is_absent()
    }

    fn problem(&self) -> Option<Vec<String>> {
        (**self).problem()
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

numbers!(u8 u16 u64 usize i64);

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
    /// Text for people: time, level, what happened, `name=value`, the name of the event.
    #[default]
    Text,
    /// JSON for programs: one object with `time`, `level`, `event`, `message` and the fields.
    Json,
    /// Text on a terminal: an error and its hints are on lines of their own.
    Terminal,
}

impl LogFormat {
    /// Renders one event of `now`, a time as [`roles_anywhere_client::time::Timestamp`] renders it, as one line with
    /// its newline; what does not show is escaped.
    pub fn render(self, now: &str, event: &LogEvent, fields: &[Field<'_>]) -> String {
        let present = fields.iter().copied().filter(|(_, value)| !value.is_absent());
        let fields: Vec<Field<'_>> = present.collect();
        match self {
            Self::Text => text(now, event, &fields),
            Self::Json => json(now, event, &fields),
            Self::Terminal => terminal(now, event, &fields),
        }
    }
}

fn text(now: &str, event: &LogEvent, fields: &[Field<'_>]) -> String {
    let mut line = String::with_capacity(384);
    for part in [now, " ", event.level.as_str(), " ", event.message] {
        line.push_str(part);
    }
    let name: Field<'_> = ("event", &event.name);
    for (name, value) in fields.iter().chain([&name]) {
        line.push(' ');
        line.push_str(name);
        line.push('=');
        let start = line.len();
        match value.text() {
            Some(text) => line.push_str(text),
            // Writing to a string does not fail.
            None => drop(write!(line, "{value}")),
        }
        let text = &line[start..];
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic() && b != b'"') {
            let text = line.split_off(start);
            line.push_str(&escape::json(&Json::from(text).to_string()));
        }
    }
    line.push('\n');
    line
}

fn terminal(now: &str, event: &LogEvent, fields: &[Field<'_>]) -> String {
    let mut text = format!("{now} {} {}", event.level.as_str(), event.message);
    for (name, value) in fields.iter().filter(|(_, value)| value.lines().is_none()) {
        let _ = write!(text, " {name}={}", escape::line(&value.to_string()));
    }
    for line in fields.iter().filter_map(|(_, value)| value.lines()).flatten() {
        let _ = write!(text, "\n  {}", escape::line(&line));
    }
    text.push('\n');
    text
}

fn json(now: &str, event: &LogEvent, fields: &[Field<'_>]) -> String {
    let head = [
        ("time", Json::from(now)),
        ("level", Json::from(event.level.as_str())),
        ("event", Json::from(event.name)),
        ("message", Json::from(event.message)),
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

    static FAILING: LogEvent = LogEvent {
        name: "refresh_failed",
        level: Level::Warning,
        message: "refresh failed",
        fields: &[],
        ends: &[],
    };
    static A: LogEvent =
        LogEvent { name: "a", level: Level::Info, message: "b", fields: &[], ends: &[] };

    const NOW: &str = "2015-08-30T12:36:00Z";

    #[test]
    fn writes_one_line_whatever_is_in_a_fact() {
        let fields: [Field<'_>; 3] = [
            ("role", &"arn:aws:iam::1:role/a"),
            ("reason", &"two\nlines \"of\" it"),
            ("none", &""),
        ];
        assert_eq!(
            LogFormat::Text.render(NOW, &FAILING, &fields),
            "2015-08-30T12:36:00Z warning refresh failed role=arn:aws:iam::1:role/a reason=\"two\\nlines \\\"of\\\" it\" none=\"\" event=refresh_failed\n"
        );
        let line = LogFormat::Json.render(NOW, &FAILING, &fields);
        assert_eq!(line.matches('\n').count(), 1);
        let value: Json = serde_json::from_str(&line).unwrap();
        assert_eq!(value["reason"], "two\nlines \"of\" it");
        assert_eq!(value["level"], "warning");
    }

    #[test]
    fn an_error_has_lines_of_its_own_on_a_terminal() {
        let reason =
            Reasons::new(vec!["cannot connect".to_owned(), "refused\u{1b}".to_owned()], None);
        let hint = Hints(vec!["check the network".to_owned(), "try again".to_owned()]);
        let fields: [Field<'_>; 3] =
            [("reason", &reason), ("hint", &hint), ("retry_in_seconds", &5_u64)];
        let now = "2015-08-30T12:36:00Z";
        assert_eq!(
            LogFormat::Terminal.render(now, &FAILING, &fields),
            "2015-08-30T12:36:00Z warning refresh failed retry_in_seconds=5\n  \
             error: cannot connect\n  caused by: refused\\u{1b}\n  \
             hint: check the network\n  hint: try again\n"
        );
        assert_eq!(
            LogFormat::Text.render(now, &FAILING, &fields),
            "2015-08-30T12:36:00Z warning refresh failed reason=\"cannot connect: refused\\u001b\" \
             hint=\"check the network; try again\" retry_in_seconds=5 event=refresh_failed\n"
        );
    }

    #[test]
    fn writes_nothing_that_does_not_show() {
        let reason =
            "\u{9b}31m\u{7f}\u{85}\u{1b}]0;ä\u{7}\u{202e}\u{2028}\u{200b}\u{feff}\u{e0041}";
        for format in [LogFormat::Text, LogFormat::Json] {
            let line = format.render(NOW, &FAILING, &[("reason", &reason)]);
            assert!(
                line.trim_end_matches('\n').chars().all(|c| c == 'ä' || matches!(c, ' '..='~')),
                "{line:?}"
            );
            let text = line.split_once(" reason=").map_or(&*line, |(_, text)| text);
            let text = text.split_once(" event=").map_or(text, |(text, _)| text);
            let value: Json = serde_json::from_str(text).unwrap();
            assert_eq!(value.get("reason").unwrap_or(&value), reason);
        }
    }

    #[test]
    fn tells_numbers_from_texts_in_json() {
        let fields: [Field<'_>; 3] =
            [("seconds", &-60_i64), ("status", &503_u16), ("serial", &"7")];
        assert_eq!(
            LogFormat::Json.render(NOW, &A, &fields),
            format!(
                "{{\"event\":\"a\",\"level\":\"info\",\"message\":\"b\",\"seconds\":-60,\"serial\":\"7\",\"status\":503,\"time\":\"{NOW}\"}}\n"
            )
        );
        assert!(
            LogFormat::Text
                .render(NOW, &A, &fields)
                .ends_with(" seconds=-60 status=503 serial=7 event=a\n")
        );
    }
}
