//! A refresher through outages of AWS and sleep of its machine.

use std::cell::RefCell;
use std::time::Duration;

use roles_anywhere_client::ports::Event;
use roles_anywhere_client::provider::ErrorKind;
use roles_anywhere_client::refresh::clock_reading::ClockReading;
use roles_anywhere_client::refresh::status::Status;
use serde_json::json;

use super::{Hands, live};

/// What happens at one second.
enum Act {
    /// AWS is gone.
    Gone,
    /// AWS is back.
    Back,
    /// AWS throttles.
    Throttles,
    /// The machine sleeps for so many seconds.
    Sleeps(u64),
}

/// The status at one second.
struct Seen {
    elapsed: u64,
    /// The seconds that the session in hand had left by AWS's clock, where one was handed out.
    left: Option<i64>,
    last_error: Option<ErrorKind>,
}

/// Runs the refresher for so many seconds, and returns each status meanwhile.
fn play(end: u64, mut acts: Vec<(u64, Act)>) -> Vec<Seen> {
    let hands = Hands::new();
    let seen = RefCell::new(Vec::new());
    let meanwhile = |status: &Status| {
        let elapsed = hands.moved().wall.as_secs();
        if let Some(due) = acts.iter().position(|(at, _)| *at <= elapsed) {
            acts.remove(due).1.happen(&hands);
        }
        let elapsed = hands.moved().wall.as_secs();
        seen.borrow_mut().push(Seen {
            elapsed,
            left: left(status, ClockReading::of(&hands)),
            last_error: status.last_error.as_ref().map(|failed| failed.error.kind()),
        });
        if elapsed >= end { Event::Stop } else { Event::Timeout }
    };
    let line = ["credential-process", "--no-cache"];
    live(&hands, &line, Box::new(meanwhile), async |mut daemon| daemon.refresher.run().await);
    seen.into_inner()
}

impl Act {
    fn happen(self, hands: &Hands) {
        let aws = &hands.emulator;
        match self {
            Self::Gone => aws.fault(json!({"cut": true, "times": 0})),
            Self::Throttles => {
                aws.fault(json!({"status": 429, "code": "ThrottlingException", "times": 0}));
            }
            Self::Back => aws.clear_faults(),
            Self::Sleeps(seconds) => hands.doze(Duration::from_secs(seconds)),
        }
    }
}

fn left(status: &Status, reading: ClockReading) -> Option<i64> {
    let session = status.valid(reading)?;
    Some(reading.wall.seconds_until(session.credentials.expiration))
}

#[track_caller]
fn between(seen: &[Seen], from: u64, to: u64, check: impl Fn(&Seen) -> bool) {
    let mut any = false;
    for at in seen.iter().filter(|at| (from..to).contains(&at.elapsed)) {
        any = true;
        let Seen { elapsed, left, last_error } = at;
        assert!(check(at), "after {elapsed} s: {left:?} s left, {last_error:?}");
    }
    assert!(any, "nothing was looked at between {from} and {to}");
}

#[test]
fn serves_through_an_hour_without_aws_and_recovers_within_a_minute_of_its_return() {
    let seen = play(6_000, vec![(1_000, Act::Gone), (4_700, Act::Back)]);
    between(&seen, 60, 1_000, |at| at.left > Some(25 * 60) && at.last_error.is_none());
    // A session is served to its end, and not for a second longer.
    between(&seen, 1_000, 3_500, |at| at.left.is_some_and(|left| left > 0));
    between(&seen, 2_000, 3_500, |at| at.last_error == Some(ErrorKind::Unreachable));
    between(&seen, 3_650, 4_700, |at| {
        at.left.is_none() && at.last_error == Some(ErrorKind::Unreachable)
    });
    between(&seen, 4_800, 6_000, |at| at.left > Some(25 * 60) && at.last_error.is_none());
}

#[test]
fn refreshes_at_once_when_the_machine_wakes() {
    let wakes = 500 + 8 * 3_600;
    let seen = play(wakes + 600, vec![(500, Act::Sleeps(8 * 3_600))]);
    between(&seen, wakes + 30, wakes + 600, |at| {
        at.left > Some(25 * 60) && at.last_error.is_none()
    });
}

#[test]
fn serves_through_a_throttle() {
    let seen = play(4_000, vec![(1_500, Act::Throttles), (2_400, Act::Back)]);
    between(&seen, 60, 4_000, |at| at.left.is_some_and(|left| left > 0));
    between(&seen, 2_500, 4_000, |at| at.left > Some(25 * 60) && at.last_error.is_none());
}
