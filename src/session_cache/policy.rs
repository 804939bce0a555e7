//! When a kept session is served, when it is refreshed, when it is thrown away.

use std::time::Duration;

use crate::session_cache::Listed;
use crate::session_cache::key::Role;
use roles_anywhere_client::credentials::{Freshness, Session};
use roles_anywhere_client::time::Timestamp;

/// Botocore asks anew from 15 minutes before the end on: by then there has to be a fresh one.
const DUE: i64 = 20 * 60;

/// Clocks are read in whole seconds, at both ends: what says 2 may be 1, and is to be used yet.
const LAST: i64 = 2;

/// Returns whether `session` is served and refreshed at `now`.
pub fn freshness(session: &Session, now: Timestamp) -> Freshness {
    match session.left(now) {
        ..=LAST => Freshness::Expired,
        left if left > DUE.min(session.life / 2) => Freshness::Fresh,
        _ => Freshness::Due,
    }
}

/// How long a valid session is served after a refresh failed, until the next one, in seconds.
const PAUSE: i64 = 60;

/// Returns whether a refresh may be tried at `now`, the last one having failed at `failed`.
pub fn may_refresh(failed: Option<Timestamp>, now: Timestamp) -> bool {
    failed.is_none_or(|failed| !(0..PAUSE).contains(&failed.seconds_until(now)))
}

/// Returns how long a process may try to refresh what it could serve, `left` being the time that it
/// has: whoever asked is not to wait for a network that is gone.
pub fn patience_of_refresh(left: Duration) -> Duration {
    Duration::from_secs(5).min(left / 2)
}

/// Returns how long a process waits for another one's session, `left` being the time that it has:
/// as much is left then to make its own.
pub fn patience_of_waiting(left: Duration) -> Duration {
    left / 2
}

/// No session lives for longer than 12 hours: these are over for a day.
const OLD: i64 = (12 + 24) * 3_600;

/// Nobody writes for so long.
const ABANDONED: i64 = 3_600;

/// Returns the files of ours that nobody needs at `now`.
pub fn litter(files: &[Listed], now: Timestamp) -> impl Iterator<Item = &str> {
    let is_litter = move |file: &&Listed| {
        let age = file.modified.seconds_until(now);
        match Role::of(&file.name) {
            Some(Role::Entry(_)) => age > OLD,
            // The lock of an entry that is refreshed is as old as the first of its sessions.
            Some(Role::Lock(name)) => {
                age > OLD && files.iter().all(|other| other.name != name.as_str())
            }
            Some(Role::Unfinished) => age > ABANDONED,
            None => false,
        }
    };
    files.iter().filter(is_litter).map(|file| file.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session_cache::entry::tests::{RECEIVED, session};

    #[test]
    fn serves_until_twenty_minutes_or_half_of_a_shorter_life_are_left() {
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
            // The clock was set back: there is no telling.
            (3_600, -1, Expired),
        ];
        for (life, elapsed, wanted) in rows {
            let session = session(life);
            assert_eq!(freshness(&session, RECEIVED.after(elapsed)), wanted, "{life} {elapsed}");
        }
    }

    #[test]
    fn pauses_for_a_minute_after_a_failure() {
        assert!(may_refresh(None, RECEIVED));
        for (elapsed, wanted) in [(0, false), (59, false), (60, true), (-1, true)] {
            assert_eq!(may_refresh(Some(RECEIVED), RECEIVED.after(elapsed)), wanted, "{elapsed}");
        }
    }

    #[test]
    fn leaves_half_of_the_time_for_a_try_of_its_own() {
        let seconds = Duration::from_secs;
        for (left, waiting, refresh) in [(20, 10, 5), (4, 2, 2), (600, 300, 5)] {
            assert_eq!(patience_of_waiting(seconds(left)), seconds(waiting));
            assert_eq!(patience_of_refresh(seconds(left)), seconds(refresh));
        }
    }

    #[test]
    fn clears_away_what_nobody_needs() {
        let one = "session-0123456789abcdef0123456789abcdef";
        let other = "session-1123456789abcdef0123456789abcdef";
        let unfinished = format!("{one}.0f.new");
        let listed =
            |name: &str, age: i64| Listed { name: name.to_owned(), modified: RECEIVED.after(-age) };
        let kept = |files: &[(&str, i64)]| {
            let files: Vec<Listed> = files.iter().map(|(name, age)| listed(name, *age)).collect();
            litter(&files, RECEIVED).map(str::to_owned).collect::<Vec<_>>()
        };
        let lock = format!("{one}.lock");
        assert_eq!(kept(&[(one, OLD + 1), (other, OLD)]), [one]);
        assert_eq!(kept(&[(&lock, OLD + 1), (one, 9)]), [""; 0]);
        assert_eq!(kept(&[(&lock, OLD + 1), (other, 9)]), [lock.as_str()]);
        assert_eq!(kept(&[(&unfinished, ABANDONED + 1), ("else", 9 * OLD)]), [unfinished.as_str()]);
        assert_eq!(kept(&[(&unfinished, ABANDONED)]), [""; 0]);
    }
}
