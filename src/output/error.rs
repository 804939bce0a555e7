//! The one type of error that reaches the user, and how it is printed.

mod given_endpoints;
mod given_values;
mod hints;
mod regions;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::options::table::Origin;
use crate::output::log::{Hints, Reasons};
use crate::output::rotation::{RotationStep, StopSignal};
pub use given_endpoints::GivenEndpoint;
pub use given_values::{GivenValues, OF_REQUEST};
use roles_anywhere_client::provider::{ErrorKind, ProviderError};
use roles_anywhere_client::text::escape;

/// Who can fix it. Decides the exit code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// The user, by another command line or environment.
    Usage,
    /// As the client classifies its errors. Errors of the program beside them are of these kinds too.
    Run(ErrorKind),
    /// The user: a step of the rotation of a secret failed.
    Rotation(RotationStep),
    /// No one, as a rule: another run rotates the secret.
    RotationBusy,
    /// No one: a signal has stopped the rotation of a secret.
    Stopped(StopSignal),
    /// The user: the program to run exists, but it cannot be executed.
    ProgramNotExecutable,
    /// The user: the program to run does not exist.
    ProgramNotFound,
}

impl From<ErrorKind> for Kind {
    fn from(kind: ErrorKind) -> Self {
        Self::Run(kind)
    }
}

impl PartialEq<ErrorKind> for Kind {
    fn eq(&self, other: &ErrorKind) -> bool {
        *self == Self::Run(*other)
    }
}

impl Kind {
    /// Returns its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Run(kind) => kind.name(),
            Self::Rotation(step) => step.error_name(),
            Self::RotationBusy => "rotation_busy",
            Self::Stopped(_) => "stopped",
            Self::ProgramNotExecutable => "program_not_executable",
            Self::ProgramNotFound => "program_not_found",
        }
    }

    /// Returns the exit code of the process.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::Run(ErrorKind::Identity) => 3,
            Self::Run(ErrorKind::Refused) => 4,
            Self::Run(ErrorKind::Unreachable) => 5,
            Self::Run(ErrorKind::Local) => 6,
            Self::Rotation(step) => step.exit_code(),
            Self::RotationBusy => 17,
            // As a shell reports the signal.
            Self::Stopped(signal) => 128 + signal.number(),
            Self::Run(ErrorKind::Internal) => 70,
            Self::ProgramNotExecutable => 126,
            Self::ProgramNotFound => 127,
        }
    }
}

/// An error for the user: what failed, why, and what to try.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    source: Box<dyn std::error::Error + Send + Sync>,
    /// Where the path of the file that it is about comes from.
    origin: Option<Origin>,
    hints: Vec<String>,
    /// The time that was too short, if that is what failed.
    time_limit: Option<Duration>,
    /// AWS's id of the request, if AWS answered.
    request_id: Option<Box<str>>,
    /// The error of the provider that it reports, if it reports one.
    provider_error: Option<Arc<ProviderError>>,
}

/// One of several things that are wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Detail {
    /// It in one line, for JSON and the log.
    pub line: String,
    /// It in several lines for people; unprintable characters are escaped.
    pub block: String,
    /// The hints in `block`.
    pub hints: Vec<String>,
}

/// An error with details in the place of causes.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct DetailedError {
    message: String,
    details: Vec<Detail>,
    /// How many more there are.
    more: usize,
    /// The most bytes that it may print.
    limit: usize,
}

/// An error about a role.
#[derive(Debug)]
struct OfRole {
    role: String,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl fmt::Display for OfRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "role `{}`: {}", self.role, self.source)
    }
}

impl std::error::Error for OfRole {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.source()
    }
}

/// A step of the rotation of a secret failed.
#[derive(Debug)]
struct OfRotation {
    step: RotationStep,
    secret: String,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl fmt::Display for OfRotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (step, consequence) = (self.step.as_str(), self.step.consequence());
        write!(f, "cannot rotate `{}`: step `{step}` failed; {consequence}", self.secret)
    }
}

impl std::error::Error for OfRotation {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}

/// The most mistakes of one error that are listed.
pub const MAX_LISTED: usize = 100;
/// The most bytes that an error may print: SDKs log all of it.
const MAX_LENGTH: usize = 4_000;
/// What a printed error begins with.
const HEADING: &str = "error: ";
/// What a cause of it begins with.
const CAUSE: &str = "\n  caused by: ";

impl Error {
    /// Makes an error without hints.
    pub fn new(
        kind: impl Into<Kind>,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        let (kind, source) = (kind.into(), Box::new(source));
        let hints = Vec::new();
        let (time_limit, request_id, provider_error) = (None, None, None);
        Self { kind, source, origin: None, hints, time_limit, request_id, provider_error }
    }

    /// Makes an error that the user can fix by another command line or another file.
    pub fn usage(
        source: impl std::error::Error + Send + Sync + 'static,
        hints: impl IntoIterator<Item = String>,
    ) -> Self {
        hints.into_iter().fold(Self::new(Kind::Usage, source), Self::hint)
    }

    /// Adds what to try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Makes an error with details in the place of causes, and `more` that are counted only.
    pub fn detailed(
        kind: impl Into<Kind>,
        message: String,
        details: Vec<Detail>,
        more: usize,
    ) -> Self {
        Self::new(kind, DetailedError { message, details, more, limit: MAX_LENGTH })
    }

    /// Makes an error of several mistakes, each in a line. Beyond the first hundred, they are counted only.
    pub fn listed<T: fmt::Display>(
        kind: impl Into<Kind>,
        message: String,
        mistakes: impl ExactSizeIterator<Item = T>,
    ) -> Self {
        let more = mistakes.len().saturating_sub(MAX_LISTED);
        let details = mistakes.take(MAX_LISTED).map(|mistake| {
            let line = mistake.to_string();
            Detail { block: format!("  {}", one_line(&line)), line, hints: Vec::new() }
        });
        Self::detailed(kind, message, details.collect(), more)
    }

    /// Says which role of the configuration file it is about.
    #[must_use]
    pub fn of_role(self, role: &str) -> Self {
        let source = OfRole { role: role.to_owned(), source: self.source };
        Self { source: Box::new(source), ..self }
    }

    /// Says which step of the rotation of which secret failed. That another run is busy keeps its kind, since a
    /// timer on several machines meets it and has nothing to report; so does a stop.
    #[must_use]
    pub fn of_rotation(self, step: RotationStep, secret: &str) -> Self {
        let source = OfRotation { step, secret: secret.to_owned(), source: self.source };
        let kind = match self.kind {
            kind @ (Kind::RotationBusy | Kind::Stopped(_)) => kind,
            _ => Kind::Rotation(step),
        };
        Self { kind, source: Box::new(source), ..self }
    }

    /// Prints all details that it holds, however long they are: no SDK runs this command.
    #[must_use]
    pub fn unabridged(mut self) -> Self {
        if let Some(error) = self.source.downcast_mut::<DetailedError>() {
            error.limit = usize::MAX;
        }
        self
    }

    /// Returns the details, how many more there are, and the most bytes that may be printed.
    fn details(&self) -> (&[Detail], usize, usize) {
        match self.source.downcast_ref::<DetailedError>() {
            Some(error) => (&error.details, error.more, error.limit),
            None => (&[], 0, MAX_LENGTH),
        }
    }

    /// Adds the origin of the path of the file that it is about.
    #[must_use]
    pub fn with_origin(self, origin: Origin) -> Self {
        Self { origin: Some(origin), ..self }
    }

    /// Adds the time that was too short, if that is what failed.
    #[must_use]
    pub fn with_time_limit(self, time_limit: Option<Duration>) -> Self {
        Self { time_limit, ..self }
    }

    /// Adds AWS's id of the request, if AWS answered.
    #[must_use]
    pub fn with_request_id(self, request_id: Option<String>) -> Self {
        Self { request_id: request_id.map(String::into_boxed_str), ..self }
    }

    /// Returns who can fix it.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns what failed, then each cause of it, as they are printed.
    pub fn reasons(&self) -> Vec<String> {
        let mut reasons = reasons_of(&*self.source);
        reasons[0] += &match &self.origin {
            Some(origin @ Origin::Default(_)) => format!(" ({origin})"),
            Some(origin) => format!(" (from {origin})"),
            None => String::new(),
        };
        reasons.extend(self.details().0.iter().map(|detail| one_line(&detail.line)));
        reasons
    }

    /// Returns the printed text without its heading.
    fn text(&self) -> String {
        let (details, more, limit) = self.details();
        let reasons = self.reasons();
        let mut text = reasons[..reasons.len() - details.len()].join(CAUSE);
        let mut end = String::new();
        for hint in &self.hints {
            end.push_str("\n  hint: ");
            end.push_str(&one_line(hint));
        }
        let room = limit.saturating_sub(HEADING.len() + end.len());
        write_details(&mut text, details, more, room);
        text.push_str(&end);
        text.truncate(text.floor_char_boundary(limit - HEADING.len()));
        text
    }

    /// Returns what to try, as it is printed.
    pub fn printed_hints(&self) -> Vec<String> {
        self.hints.iter().map(|hint| one_line(hint)).collect()
    }

    /// Returns the fields `reason` and `hint` of an event that reports it.
    pub fn log_fields(&self) -> (Reasons, Hints) {
        let details = self.details().0;
        let reasons = Reasons::new(self.reasons(), self.request_id()).with_details(details.len());
        let mut hints = self.printed_hints();
        for hint in details.iter().flat_map(|detail| &detail.hints) {
            if !hints.contains(hint) {
                hints.push(hint.clone());
            }
        }
        (reasons, Hints(hints))
    }

    /// Returns in one line what failed and why: the error and its first cause.
    pub fn summary(&self) -> String {
        let mut reasons = self.reasons().into_iter();
        let mut summary = reasons.next().unwrap_or_default();
        if let Some(cause) = reasons.next() {
            // As much of it as is printed with the whole error.
            let before = HEADING.len() + summary.len() + CAUSE.len();
            let room = MAX_LENGTH.saturating_sub(before);
            summary.push_str(": ");
            summary.push_str(&cause[..cause.floor_char_boundary(room)]);
        }
        summary
    }

    /// Returns what to try.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// Returns whether another process that asks AWS for the same on the same way would fail alike:
    /// AWS refused, failed, or could not be reached, and not because this process had too little time.
    pub fn is_shared(&self) -> bool {
        matches!(self.kind, Kind::Run(ErrorKind::Refused | ErrorKind::Unreachable))
            && self.time_limit.is_none()
    }

    /// Returns AWS's id of the request, if AWS answered.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Returns the error of the provider that it reports, if it reports one.
    pub fn provider_error(&self) -> Option<&Arc<ProviderError>> {
        self.provider_error.as_ref()
    }

    /// Returns the time that was too short, if that is what failed.
    pub fn time_limit(&self) -> Option<Duration> {
        self.time_limit
    }
}

/// Renders `error: …`, a line `caused by: …` for each cause and a line `hint: …` for each hint,
/// in less than 4,000 bytes, without a final newline.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{HEADING}{}", self.text())
    }
}

/// Adds details to a text of at most `room` bytes, and the number of those that do not fit, with `more`.
/// Details of several lines are set apart.
fn write_details(text: &mut String, details: &[Detail], more: usize, room: usize) {
    let is_list = details.iter().all(|detail| !detail.block.contains('\n'));
    let (between, indent) = if is_list { ("\n", "  ") } else { ("\n\n", "") };
    let omitted = |rest: usize| format!("{between}{indent}{rest} more");
    for (at, detail) in details.iter().enumerate() {
        let rest = details.len() - at + more;
        let omitted = omitted(rest);
        let behind = if rest == 1 { 0 } else { omitted.len() };
        if text.len() + between.len() + detail.block.len() + behind > room {
            text.push_str(&omitted);
            return;
        }
        text.push_str(between);
        text.push_str(&detail.block);
    }
    if more > 0 {
        text.push_str(&omitted(more));
    }
}

/// Returns what failed, then each cause of it, each as one line.
fn reasons_of(error: &(dyn std::error::Error + 'static)) -> Vec<String> {
    let mut reasons = vec![one_line(&error.to_string())];
    let mut last = reasons[0].clone();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = one_line(&error.to_string());
        // Some libraries repeat their cause; once is enough.
        if !last.contains(&words) {
            reasons.push(words.clone());
        }
        last = words;
        cause = error.source();
    }
    reasons
}

/// Returns `text` as one line that is safe to print, shortened if it is longer than 1,000 characters.
pub fn one_line(text: &str) -> String {
    match text.char_indices().nth(1_000) {
        Some((end, _)) => escape::line(&text[..end]).into_owned() + "…",
        None => escape::line(text).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roles_anywhere_client::aws::retry::RequestError;
    use roles_anywhere_client::http::{SourceMessage, TransportError};
    use roles_anywhere_client::identity::IdentityError;
    use roles_anywhere_client::provider::{ClockFinding, ProviderError};
    use roles_anywhere_client::time::Timestamp;

    #[test]
    fn prints_the_error_its_causes_and_its_hints() {
        let source = TransportError::Connect {
            peer: "a.example:443".to_owned(),
            source: SourceMessage("connection refused".to_owned()),
        };
        let error = Error::from(RequestError::Transport { source, attempt: 3 });
        assert_eq!(
            error.to_string(),
            "error: cannot connect to a.example:443, tried 3 times\n  \
             caused by: connection refused\n  \
             hint: check the network, the firewall and `HTTPS_PROXY`; `--debug` shows the endpoint and the proxy"
        );
        assert_eq!(error.kind().exit_code(), 5);
    }

    #[test]
    fn a_certificate_that_is_out_of_date_by_either_clock_is_told_by_both() {
        let now = Timestamp::from_unix(1_800_000_000);
        let rows = [
            (
                ClockFinding::OutOfDateByAws { local: now },
                "the time above is from AWS's response, and this machine's clock says 2027-01-15T08:00:00Z: if this machine is right, check proxies and gateways between it and AWS",
            ),
            (
                ClockFinding::TlsOutOfDate { local: now },
                "by this machine's clock (2027-01-15T08:00:00Z) AWS's TLS certificate is not valid either: set the clock",
            ),
        ];
        for (finding, hint) in rows {
            let subject = "CN=a".to_owned();
            let source = IdentityError::Expired { subject, not_after: now, now };
            let error = ProviderError::Identity { source: Box::new(source), clock: Some(finding) };
            let error = Error::from(error);
            assert_eq!(error.hints().len(), 2);
            assert_eq!(error.hints()[1], hint);
        }
    }

    #[test]
    fn a_summary_is_cut_like_the_whole_error() {
        let source = TransportError::Connect {
            peer: "a.example:443".to_owned(),
            source: SourceMessage("\u{10348}".repeat(1_500)),
        };
        let error = Error::from(RequestError::Transport { source, attempt: 1 });
        let summary = error.summary();
        assert!(summary.starts_with("cannot connect to a.example:443: \u{10348}"));
        assert!(summary.len() <= 4_000, "{} bytes", summary.len());
        let whole = error.to_string();
        let cause = summary.split(": ").nth(1).unwrap();
        assert!(whole.contains(cause), "{whole}");
    }

    #[test]
    fn a_timeout_keeps_its_limit_and_is_not_shared() {
        let (host, limit) = ("a.example".to_owned(), Duration::from_secs(20));
        let late = Error::from(RequestError::Timeout { host, limit, attempt: 2 });
        assert_eq!((late.time_limit(), late.is_shared()), (Some(limit), false));
        let source = SourceMessage("connection refused".to_owned());
        let source = TransportError::Connect { peer: "a.example:443".to_owned(), source };
        let lost = Error::from(RequestError::Transport { source, attempt: 3 });
        assert_eq!((lost.time_limit(), lost.is_shared()), (None, true));
        assert_eq!((late.kind(), lost.kind().exit_code()), (lost.kind(), 5));
    }

    #[test]
    fn stays_below_four_kilobytes_and_keeps_its_hint() {
        let error = Error::new(ErrorKind::Local, SourceMessage("ä".repeat(9_000))).hint("this");
        assert!(error.to_string().len() <= 4_000);
        assert!(error.to_string().ends_with("hint: this"));
        let hints = ["a", "b", "c", "d", "e"].map(|hint| hint.repeat(999));
        let error = hints.into_iter().fold(error, Error::hint);
        assert!(error.to_string().len() <= 4_000);
    }

    #[test]
    fn details_that_do_not_fit_are_counted() {
        let detail = |at: usize| Detail {
            line: at.to_string(),
            block: format!("\n{at:999}"),
            hints: Vec::new(),
        };
        let error = |more| {
            let details = (0..5).map(detail).collect();
            Error::detailed(ErrorKind::Local, "five".to_owned(), details, more).hint("this")
        };
        let text = error(0).to_string();
        assert!(text.len() <= 4_000, "{}", text.len());
        assert!(text.ends_with("2\n\n2 more\n  hint: this"), "{text}");
        assert_eq!(error(0).reasons(), ["five", "0", "1", "2", "3", "4"]);
        assert!(error(0).unabridged().to_string().ends_with("4\n  hint: this"));
        assert!(error(7).to_string().ends_with("2\n\n9 more\n  hint: this"));
        assert!(error(7).unabridged().to_string().ends_with("4\n\n7 more\n  hint: this"));
    }

    #[test]
    fn details_of_one_line_are_a_list() {
        let detail = |text: &str| Detail {
            line: text.to_owned(),
            block: format!("  {text}"),
            hints: Vec::new(),
        };
        let details = vec![detail("a"), detail("b")];
        let error = Error::detailed(ErrorKind::Local, "two".to_owned(), details, 3).hint("this");
        assert_eq!(error.to_string(), "error: two\n  a\n  b\n  3 more\n  hint: this");
    }

    #[test]
    fn lets_nothing_through_that_does_not_show() {
        let reason = "a\u{1b}[2J\nerror: b\u{202e}\u{2028}\u{200b}\u{e0041}";
        let error =
            Error::new(ErrorKind::Local, SourceMessage(reason.to_owned())).hint("\u{2066}c");
        assert_eq!(
            error.to_string(),
            "error: a\\u{1b}[2J\\nerror: b\\u{202e}\\u{2028}\\u{200b}\\u{e0041}\n  hint: \\u{2066}c"
        );
    }
}
