//! How a process failed, recorded in its lock file for the processes that wait for it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::output::error::Error;
use crate::output::run::RunError;
use roles_anywhere_client::provider::ErrorKind;
use roles_anywhere_client::time::Timestamp;

/// A failure as it is written to the lock file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FailureRecord {
    /// Random: distinguishes it from the record before it, whatever the clocks say.
    id: u64,
    /// When it was written, in Unix seconds by this machine's clock.
    failed: i64,
    /// The failure itself, if another process would meet it as well.
    shared: Option<SharedFailure>,
    /// The time limit in milliseconds, if it was too short.
    time_limit: Option<u64>,
}

/// A failure that another process with the same proxy would meet as well.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct SharedFailure {
    /// The proxy that was used.
    proxy: Option<String>,
    /// Whether AWS refused the request; if not, it failed or could not be reached.
    refused: bool,
    reason: String,
    hints: Vec<String>,
    request_id: Option<String>,
}

impl FailureRecord {
    /// Returns the record of a failure at `now`; `id` is random.
    pub(super) fn new(id: u64, now: Timestamp) -> Self {
        Self { id, failed: now.unix(), shared: None, time_limit: None }
    }

    /// Adds what other processes need to know of `error`, which was met through `proxy`.
    #[must_use]
    pub(super) fn with_error(self, error: &Error, proxy: Option<String>) -> Self {
        let shared = error.is_shared().then(|| SharedFailure {
            proxy,
            refused: error.kind() == ErrorKind::Refused,
            reason: error.reasons().join(": "),
            hints: error.hints().to_vec(),
            request_id: error.request_id().map(str::to_owned),
        });
        let time_limit =
            error.time_limit().map(|limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
        Self { shared, time_limit, ..self }
    }

    /// Parses a lock file; `None` if it holds no record, or a part of one that is being written.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Returns the contents of the lock file.
    pub(super) fn render(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and numbers serialize")
    }

    /// Returns whether a process that has `left` may succeed: it has more time than was too short.
    pub(super) fn may_succeed(&self, left: Duration) -> bool {
        self.time_limit.is_none_or(|limit| left > Duration::from_millis(limit))
    }

    /// Returns whether a process that has `left` need not try: more than twice of that was too short.
    pub(super) fn is_hopeless(&self, left: Duration) -> bool {
        self.time_limit.is_some_and(|limit| left * 2 < Duration::from_millis(limit))
    }

    /// Returns the time of the failure.
    pub(super) fn failed(&self) -> Timestamp {
        Timestamp::from_unix(self.failed)
    }

    /// Returns whether `other` is another record or there was none.
    pub(super) fn differs_from(&self, other: Option<&Self>) -> bool {
        other.is_none_or(|other| other.id != self.id)
    }

    /// Returns the error for a process that waited, if it would have met the same through `proxy`.
    pub(super) fn error(&self, proxy: Option<&str>) -> Option<Error> {
        let shared = self.shared.as_ref().filter(|shared| shared.proxy.as_deref() == proxy)?;
        let kind = if shared.refused { ErrorKind::Refused } else { ErrorKind::Unreachable };
        let (reason, hints) = (shared.reason.clone(), shared.hints.clone());
        let error = Error::from(RunError::InAnotherProcess { kind, reason, hints });
        Some(error.with_request_id(shared.request_id.clone()))
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::session_cache::entry::tests::RECEIVED;
    use roles_anywhere_client::aws::retry::RequestError;
    use roles_anywhere_client::http::{SourceMessage, TransportError};

    fn lost() -> Error {
        let source =
            TransportError::Connect { peer: "a:1".into(), source: SourceMessage("no".into()) };
        RequestError::Transport { source, attempt: 3 }.into()
    }

    fn read(record: &FailureRecord) -> FailureRecord {
        FailureRecord::parse(&record.render()).unwrap()
    }

    #[test]
    fn shared_failure_is_the_error_of_processes_with_the_same_proxy() {
        let record =
            read(&FailureRecord::new(7, RECEIVED).with_error(&lost(), Some("p".to_owned())));
        let error = record.error(Some("p")).unwrap();
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        let text = error.to_string();
        let head = "error: another process tried to create the session and failed: cannot connect to a:1, tried 3 times\n";
        assert!(text.starts_with(head), "{text}");
        assert!(text.contains("hint: check the network"), "{text}");
        assert!(record.error(None).is_none());
        assert!(record.error(Some("q")).is_none());
        assert_eq!(record.failed(), RECEIVED);
    }

    #[test]
    fn local_failures_are_not_shared() {
        let own = [
            Error::new(ErrorKind::Identity, io::Error::other("wrong password")),
            Error::new(ErrorKind::Local, io::Error::other("no descriptors")),
            RequestError::Timeout { host: "a".into(), limit: Duration::from_secs(1), attempt: 1 }
                .into(),
        ];
        for error in own {
            assert!(
                read(&FailureRecord::new(7, RECEIVED).with_error(&error, None))
                    .error(None)
                    .is_none()
            );
        }
        let refused = Error::new(ErrorKind::Refused, io::Error::other("AccessDenied"));
        let record = read(&FailureRecord::new(7, RECEIVED).with_error(&refused, None));
        assert_eq!(record.error(None).unwrap().kind(), ErrorKind::Refused);
    }

    #[test]
    fn time_left_decides_who_may_succeed() {
        let late: Error =
            RequestError::Timeout { host: "a".into(), limit: Duration::from_secs(5), attempt: 1 }
                .into();
        let record = read(&FailureRecord::new(7, RECEIVED).with_error(&late, None));
        assert!(!record.may_succeed(Duration::from_secs(5)));
        assert!(record.may_succeed(Duration::from_secs(6)));
        assert!(
            record.is_hopeless(Duration::from_secs(2))
                && !record.is_hopeless(Duration::from_secs(3))
        );
        let other = read(&FailureRecord::new(7, RECEIVED).with_error(&lost(), None));
        assert!(other.may_succeed(Duration::ZERO) && !other.is_hopeless(Duration::ZERO));
    }

    #[test]
    fn records_of_one_second_differ_by_their_ids() {
        let record = |id| read(&FailureRecord::new(id, RECEIVED));
        assert!(record(7).differs_from(None));
        assert!(record(7).differs_from(Some(&record(8))));
        assert!(!record(7).differs_from(Some(&record(7))));
    }

    #[test]
    fn partial_record_is_ignored() {
        let whole = FailureRecord::new(7, RECEIVED).with_error(&lost(), None).render();
        for end in 0..whole.len() {
            assert_eq!(FailureRecord::parse(&whole[..end]), None, "{end}");
        }
        assert_eq!(FailureRecord::parse(b"1440938160\n"), None);
    }
}
