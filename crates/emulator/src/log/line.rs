//! A request as one line for a person, with styles for a terminal.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use time::OffsetDateTime;

use super::{Entry, SessionEntry, Verdict};
use crate::printable::printable;

/// Takes a line for each request, with ANSI styles and its line feed.
#[derive(Clone)]
pub struct RequestObserver(Arc<dyn Fn(&str) + Send + Sync>);

impl RequestObserver {
    /// Makes one of a function, which is called while all requests wait: it must not block.
    pub fn new(observe: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(observe))
    }

    /// Passes a request on.
    pub(super) fn observe(&self, entry: &Entry, now: OffsetDateTime) {
        self.0(&line(entry, now));
    }
}

impl fmt::Debug for RequestObserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestObserver")
    }
}

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// Returns `TIME OPERATION STATUS VERDICT CALLER REASON: EXPLANATION`; the time is UTC by the
/// emulator's clock, and what is not known is left out or `-`.
fn line(entry: &Entry, now: OffsetDateTime) -> String {
    let verdict = Style::new().fg_color(Some(match entry.verdict {
        Verdict::Accepted => AnsiColor::Green.into(),
        Verdict::Refused => AnsiColor::Red.into(),
        Verdict::Fault => AnsiColor::Yellow.into(),
    }));
    let status = entry.status.map_or_else(|| "cut".to_owned(), |status| status.to_string());
    let mut line = format!(
        "{DIM}{:02}:{:02}:{:02}Z{DIM:#} {BOLD}{:17}{BOLD:#} {verdict}{status} {:8}{verdict:#} {}",
        now.hour(),
        now.minute(),
        now.second(),
        printable(&entry.operation),
        entry.verdict.name(),
        printable(&caller(entry)),
    );
    if let Some(reason) = entry.reason {
        let _ = write!(line, " {reason}");
    }
    if let Some(explanation) = &entry.explanation {
        let _ = write!(line, ": {}", printable(explanation));
    }
    if !entry.tolerated.is_empty() {
        let _ = write!(line, " {DIM}tolerated {}{DIM:#}", entry.tolerated.join(" "));
    }
    line + "\n"
}

/// Returns `ROLE/SESSION` of the caller, and ` -> ROLE/SESSION` of the session that it got, if it
/// has another one. CreateSession's caller is a certificate; its line has the new session only.
fn caller(entry: &Entry) -> String {
    let session = entry.session.as_ref().map(SessionEntry::short_name);
    let caller = entry.caller.as_deref();
    // `…:assumed-role/ROLE/SESSION`
    let caller = caller.and_then(|arn| arn.split_once('/')).map(|(_, name)| name);
    match (caller, session) {
        (Some(caller), Some(session)) if caller != session => format!("{caller} -> {session}"),
        (_, Some(session)) => session,
        (Some(caller), None) => caller.to_owned(),
        (None, None) => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::message::Request;

    const NOW: OffsetDateTime = time::macros::datetime!(2026-02-03 04:05:06 UTC);

    fn plain(entry: &Entry) -> String {
        anstream::adapter::strip_str(&line(entry, NOW)).to_string()
    }

    fn entry(operation: &str) -> Entry {
        Entry { status: Some(200), ..Entry::new(&Request::default(), operation) }
    }

    fn session(role_session_name: &str) -> Option<SessionEntry> {
        Some(SessionEntry {
            role_session_name: role_session_name.to_owned(),
            source_identity: "CN=job".to_owned(),
            tags: BTreeMap::new(),
            duration_seconds: 3600,
            role_arn: "arn:aws:iam::123456789012:role/path/Deep".to_owned(),
            access_key_id: "ASIAEXAMPLE".to_owned(),
        })
    }

    #[test]
    fn a_request_is_one_line_of_what_matters() {
        let accepted = Entry { session: session("0291"), ..entry("CreateSession") };
        assert_eq!(plain(&accepted), "04:05:06Z CreateSession     200 accepted Deep/0291\n");
        let refused = Entry {
            status: Some(403),
            verdict: Verdict::Refused,
            reason: Some("access-denied"),
            explanation: Some("no statement allows it".to_owned()),
            ..accepted
        };
        assert_eq!(
            plain(&refused),
            "04:05:06Z CreateSession     403 refused  Deep/0291 access-denied: no statement allows \
             it\n"
        );
        let cut = Entry { status: None, verdict: Verdict::Fault, ..entry("GetSecretValue") };
        assert_eq!(plain(&cut), "04:05:06Z GetSecretValue    cut fault    -\n");
        let lenient = Entry { tolerated: vec!["unsigned-header"], ..entry("X") };
        assert!(plain(&lenient).ends_with(" - tolerated unsigned-header\n"));
    }

    #[test]
    fn assume_role_shows_the_caller_and_the_new_session() {
        let caller = Some("arn:aws:sts::123456789012:assumed-role/Workload/job".to_owned());
        let assumed = Entry { caller, session: session("next"), ..entry("AssumeRole") };
        assert!(plain(&assumed).ends_with(" accepted Workload/job -> Deep/next\n"));
        let caller = Some("arn:aws:sts::123456789012:assumed-role/Deep/job".to_owned());
        let identity = Entry { caller, session: session("job"), ..entry("GetCallerIdentity") };
        assert!(plain(&identity).ends_with(" accepted Deep/job\n"));
    }

    #[test]
    fn text_of_clients_is_escaped_in_log_lines() {
        let entry = Entry { session: session("a\u{1b}[2Jb\n\u{202e}\u{e9}"), ..entry("X\r") };
        let line = line(&entry, NOW);
        assert_eq!(line.matches('\n').count(), 1);
        assert!(
            line.contains("Deep/a\\u{1b}[2Jb\\n\\u{202e}\u{e9}") && line.contains(r"X\r"),
            "{line}"
        );
    }

    #[test]
    fn verdicts_have_colours() {
        let refused = Entry { verdict: Verdict::Refused, ..entry("X") };
        assert!(line(&refused, NOW).contains("\u{1b}[31m200 refused "));
        assert!(line(&entry("X"), NOW).contains("\u{1b}[32m200 accepted"));
    }
}
