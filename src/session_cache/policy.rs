//! When a cached session is served, when it is refreshed, when its files are removed.

use std::time::Duration;

use crate::private_dir::DirEntry;
use crate::session_cache::key::FileKind;
use roles_anywhere_client::credentials::{Freshness, MAX_LIFETIME_SECONDS, Session};
use roles_anywhere_client::time::Timestamp;

/// Botocore asks for new credentials from 15 minutes before the expiration on. A session is refreshed
/// 5 minutes earlier, so that a fresh one is there by then.
const REFRESH_MARGIN: i64 = 20 * 60;

/// Both clocks are read in whole seconds, so 2 seconds may be 1 in truth, and the caller still has to
/// use the session.
const EXPIRY_MARGIN: i64 = 2;

/// Returns whether `session` is served and refreshed at `now`.
pub fn freshness(session: &Session, now: Timestamp) -> Freshness {
    match session.seconds_left(now) {
        ..=EXPIRY_MARGIN => Freshness::Expired,
        left if left > due_at(session) => Freshness::Fresh,
        _ => Freshness::Due,
    }
}

/// Returns how long after `now` a session becomes due; zero if it is due or has expired.
pub fn until_due(session: &Session, now: Timestamp) -> Duration {
    match freshness(session, now) {
        Freshness::Fresh => {
            let left = session.seconds_left(now) - due_at(session);
            Duration::from_secs(u64::try_from(left).unwrap_or(0))
        }
        Freshness::Due | Freshness::Expired => Duration::ZERO,
    }
}

/// Returns the remaining seconds at which a session becomes due.
fn due_at(session: &Session) -> i64 {
    REFRESH_MARGIN.min(session.lifetime_seconds / 2)
}

/// How many seconds pass after a failed refresh of a valid session before the next one is tried. Each
/// command would otherwise wait for the network as long as it is down.
const RETRY_AFTER_FAILURE: i64 = 60;

/// Returns whether a refresh may be tried at `now` if the last one failed at `failed`.
pub fn may_refresh(failed: Option<Timestamp>, now: Timestamp) -> bool {
    failed.is_none_or(|failed| !(0..RETRY_AFTER_FAILURE).contains(&failed.seconds_until(now)))
}

/// Returns how long a process may try to refresh a session that is still valid, if it has `left` in
/// all. It can serve that session, so its caller must not wait long for a network that is down.
pub fn refresh_timeout(left: Duration) -> Duration {
    Duration::from_secs(5).min(left / 2)
}

/// Returns how long a process waits for the session of another one if it has `left` in all. The other
/// half remains for a request of its own.
pub fn wait_timeout(left: Duration) -> Duration {
    left / 2
}

/// An entry of this age expired a day ago at least.
const STALE_AFTER: i64 = MAX_LIFETIME_SECONDS + 24 * 3_600;

/// No process writes a file for so long: its writer has died.
const TEMPORARY_STALE_AFTER: i64 = 3_600;

/// Returns the files of the cache that no process needs any more at `now`.
pub fn stale_files(files: &[DirEntry], now: Timestamp) -> impl Iterator<Item = &str> {
    let is_stale = move |file: &&DirEntry| {
        let age = file.modified.seconds_until(now);
        match FileKind::of(&file.name) {
            Some(FileKind::Entry(_)) => age > STALE_AFTER,
            // A lock file is as old as the first session of its key, however often that was refreshed.
            Some(FileKind::Lock(key)) => {
                age > STALE_AFTER && files.iter().all(|other| other.name != key.as_str())
            }
            Some(FileKind::Temporary) => age > TEMPORARY_STALE_AFTER,
            None => false,
        }
    };
    files.iter().filter(is_stale).map(|file| file.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session_cache::entry::tests::{RECEIVED, session};

    #[test]
    fn session_is_due_twenty_minutes_before_its_end_or_at_half() {
        use Freshness::{Due, Expired, Fresh};
        let rows = [
            (3_600, 0, Fresh),
            (3_600, 2_399, Fresh),
            (3_600, 2_400, Due),
            (3_600, 3_597, Due),
            (3_600, 3_598, Expired),
            (3_600, 3_600, Expired),
            (43_200, 41_999, Fresh),
            (43_200, 42_000, Due),
            (900, 449, Fresh),
            (900, 450, Due),
            (900, 897, Due),
            (900, 898, Expired),
            (2, 0, Expired),
            // The clock was set back: how old the session is cannot be known.
            (3_600, -1, Expired),
        ];
        for (lifetime_seconds, elapsed, wanted) in rows {
            let session = session(lifetime_seconds);
            assert_eq!(
                freshness(&session, RECEIVED.after(elapsed)),
                wanted,
                "{lifetime_seconds} {elapsed}"
            );
        }
    }

    #[test]
    fn refresh_is_retried_a_minute_after_a_failure() {
        assert!(may_refresh(None, RECEIVED));
        for (elapsed, wanted) in [(0, false), (59, false), (60, true), (-1, true)] {
            assert_eq!(may_refresh(Some(RECEIVED), RECEIVED.after(elapsed)), wanted, "{elapsed}");
        }
    }

    #[test]
    fn waiting_leaves_half_of_the_time_for_a_request() {
        let seconds = Duration::from_secs;
        for (left, waiting, refresh) in [(20, 10, 5), (4, 2, 2), (600, 300, 5)] {
            assert_eq!(wait_timeout(seconds(left)), seconds(waiting));
            assert_eq!(refresh_timeout(seconds(left)), seconds(refresh));
        }
    }

    #[test]
    fn stale_files_are_found_and_others_kept() {
        let one = "session-0123456789abcdef0123456789abcdef";
        let other = "session-1123456789abcdef0123456789abcdef";
        let temporary = format!("{one}.0f.new");
        let listed = |name: &str, age: i64| DirEntry {
            name: name.to_owned(),
            modified: RECEIVED.after(-age),
        };
        let stale = |files: &[(&str, i64)]| {
            let files: Vec<DirEntry> = files.iter().map(|(name, age)| listed(name, *age)).collect();
            stale_files(&files, RECEIVED).map(str::to_owned).collect::<Vec<_>>()
        };
        let lock = format!("{one}.lock");
        assert_eq!(stale(&[(one, STALE_AFTER + 1), (other, STALE_AFTER)]), [one]);
        assert_eq!(stale(&[(&lock, STALE_AFTER + 1), (one, 9)]), [""; 0]);
        assert_eq!(stale(&[(&lock, STALE_AFTER + 1), (other, 9)]), [lock.as_str()]);
        assert_eq!(
            stale(&[(&temporary, TEMPORARY_STALE_AFTER + 1), ("else", 9 * STALE_AFTER)]),
            [temporary.as_str()]
        );
        assert_eq!(stale(&[(&temporary, TEMPORARY_STALE_AFTER)]), [""; 0]);
    }
}
