//! What a process that failed leaves for those that wait for it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::output::error::{Error, Kind};
use roles_anywhere_client::time::Timestamp;

/// A failure, as it stands in the lock file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Note {
    /// Tells it from the note before it, whatever the clocks say.
    id: u64,
    /// When it was written, in Unix seconds by this machine's clock.
    failed: i64,
    /// What AWS's side had to do with it, if anything.
    shared: Option<Shared>,
    /// The time in milliseconds that was too short, if that is what failed.
    time_limit: Option<u64>,
}

/// A failure that another process on the same way would meet as well.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct Shared {
    /// The proxy on that way.
    proxy: Option<String>,
    /// Whether AWS refused; else it failed, or could not be reached.
    refused: bool,
    reason: String,
    hints: Vec<String>,
}

impl Note {
    /// Notes a failure at `now`; `id` is random.
    pub(super) fn new(id: u64, now: Timestamp) -> Self {
        Self { id, failed: now.unix(), shared: None, time_limit: None }
    }

    /// Adds what failed, where that is on AWS's side, beyond `proxy`.
    #[must_use]
    pub(super) fn with(self, error: &Error, proxy: Option<String>) -> Self {
        let shared = error.is_shared().then(|| Shared {
            proxy,
            refused: error.kind() == Kind::Refused,
            reason: error.reasons().join(": "),
            hints: error.hints().to_vec(),
        });
        let time_limit =
            error.time_limit().map(|limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
        Self { shared, time_limit, ..self }
    }

    /// Reads a note; `None` where it is none, or is being written.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Renders what is to be read.
    pub(super) fn render(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and numbers serialize")
    }

    /// Returns whether a process that has `left` may do better: it has more time than was too short.
    pub(super) fn may_do_better(&self, left: Duration) -> bool {
        self.time_limit.is_none_or(|limit| left > Duration::from_millis(limit))
    }

    /// Returns whether a process that has `left` need not try: twice of that was too short.
    pub(super) fn is_hopeless(&self, left: Duration) -> bool {
        self.time_limit.is_some_and(|limit| left * 2 < Duration::from_millis(limit))
    }

    /// Returns when the failure was.
    pub(super) fn failed(&self) -> Timestamp {
        Timestamp::from_unix(self.failed)
    }

    /// Returns whether it is another note than `other`, or there was none.
    pub(super) fn differs_from(&self, other: Option<&Self>) -> bool {
        other.is_none_or(|other| other.id != self.id)
    }

    /// Returns the error of whoever waited and would have gone the same way, through `proxy`.
    pub(super) fn error(&self, proxy: Option<&str>) -> Option<Error> {
        let shared = self.shared.as_ref().filter(|shared| shared.proxy.as_deref() == proxy)?;
        let kind = if shared.refused { Kind::Refused } else { Kind::Unreachable };
        let error = Error::new(kind, Elsewhere(shared.reason.clone()));
        Some(shared.hints.iter().cloned().fold(error, Error::hint))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("another process just failed: {0}")]
struct Elsewhere(String);

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::session_cache::entry::tests::RECEIVED;
    use roles_anywhere_client::aws::retry::CallError;
    use roles_anywhere_client::http::{Reason, TransportError};

    fn lost() -> Error {
        let source = TransportError::Connect { peer: "a:1".into(), source: Reason("no".into()) };
        CallError::Transport { source, attempt: 3 }.into()
    }

    fn read(note: &Note) -> Note {
        Note::parse(&note.render()).unwrap()
    }

    #[test]
    fn hands_on_what_failed_on_the_way_that_both_go() {
        let note = read(&Note::new(7, RECEIVED).with(&lost(), Some("p".to_owned())));
        let error = note.error(Some("p")).unwrap();
        assert_eq!(error.kind(), Kind::Unreachable);
        let text = error.to_string();
        let head = "error: another process just failed: could not connect to a:1, tried 3 times\n";
        assert!(text.starts_with(head), "{text}");
        assert!(text.contains("hint: check the network"), "{text}");
        assert!(note.error(None).is_none());
        assert!(note.error(Some("q")).is_none());
        assert_eq!(note.failed(), RECEIVED);
    }

    #[test]
    fn keeps_what_is_this_process_s_own() {
        let own = [
            Error::new(Kind::Identity, io::Error::other("wrong password")),
            Error::new(Kind::Local, io::Error::other("no descriptors")),
            CallError::Timeout { host: "a".into(), limit: Duration::from_secs(1), attempt: 1 }
                .into(),
        ];
        for error in own {
            assert!(read(&Note::new(7, RECEIVED).with(&error, None)).error(None).is_none());
        }
        let refused = Error::new(Kind::Refused, io::Error::other("AccessDenied"));
        let note = read(&Note::new(7, RECEIVED).with(&refused, None));
        assert_eq!(note.error(None).unwrap().kind(), Kind::Refused);
    }

    #[test]
    fn tells_who_has_more_time_than_was_too_short() {
        let late: Error =
            CallError::Timeout { host: "a".into(), limit: Duration::from_secs(5), attempt: 1 }
                .into();
        let note = read(&Note::new(7, RECEIVED).with(&late, None));
        assert!(!note.may_do_better(Duration::from_secs(5)));
        assert!(note.may_do_better(Duration::from_secs(6)));
        assert!(
            note.is_hopeless(Duration::from_secs(2)) && !note.is_hopeless(Duration::from_secs(3))
        );
        let other = read(&Note::new(7, RECEIVED).with(&lost(), None));
        assert!(other.may_do_better(Duration::ZERO) && !other.is_hopeless(Duration::ZERO));
    }

    #[test]
    fn is_another_one_within_the_same_second() {
        let note = |id| read(&Note::new(id, RECEIVED));
        assert!(note(7).differs_from(None));
        assert!(note(7).differs_from(Some(&note(8))));
        assert!(!note(7).differs_from(Some(&note(7))));
    }

    #[test]
    fn takes_half_a_note_for_none() {
        let whole = Note::new(7, RECEIVED).with(&lost(), None).render();
        for end in 0..whole.len() {
            assert_eq!(Note::parse(&whole[..end]), None, "{end}");
        }
        assert_eq!(Note::parse(b"1440938160\n"), None);
    }
}
