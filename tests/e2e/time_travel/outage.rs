//! A refresher through outages of AWS and suspension of its machine.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::pending;
use roles_anywhere::daemon::{Event, RefresherSet, no_configuration, supervise};
use roles_anywhere_client::provider::ErrorKind;
use roles_anywhere_client::refresh::clock_reading::ClockReading;
use roles_anywhere_client::refresh::status::Status;
use serde_json::json;

use super::{SecrecyCheck, ShiftedClock, run_daemon};

/// What happens at one second.
enum Act {
    /// AWS is gone.
    Gone,
    /// AWS is back.
    Back,
    /// AWS throttles.
    Throttles,
    /// The machine is suspended for so many seconds.
    Sleeps(u64),
}

/// The status at one second.
struct StatusAt {
    elapsed: u64,
    /// The seconds that the current session was still valid for by AWS's clock, if there was one.
    left: Option<i64>,
    last_error: Option<ErrorKind>,
}

/// Runs the refresher for so many seconds, and returns each status meanwhile.
fn play(end: u64, mut acts: Vec<(u64, Act)>) -> Vec<StatusAt> {
    let clock = Arc::new(ShiftedClock::new());
    let statuses = RefCell::new(Vec::new());
    let on_tick = |status: &Status| {
        let elapsed = clock.moved().wall.as_secs();
        if let Some(due) = acts.iter().position(|(at, _)| *at <= elapsed) {
            acts.remove(due).1.happen(&clock);
        }
        let elapsed = clock.moved().wall.as_secs();
        statuses.borrow_mut().push(StatusAt {
            elapsed,
            left: left(status, ClockReading::of(&*clock)),
            last_error: status.last_error.as_ref().map(|error| error.kind()),
        });
        (elapsed >= end).then_some(Event::Stop)
    };
    let line = ["serve", "--port", "0"];
    let log = Arc::new(SecrecyCheck);
    run_daemon(&clock, &line, log, Box::new(on_tick), async |plan, system| {
        let start = async { Ok(pending()) };
        let refreshers = RefresherSet::default();
        let _running = refreshers.add((system.new_refresher)(&plan.roles.roles[0]));
        let (context, timer) = (&system.context, &*system.ports.timer);
        supervise(&refreshers, context, timer, &no_configuration, start).await.unwrap();
    });
    statuses.into_inner()
}

impl Act {
    fn happen(self, clock: &ShiftedClock) {
        let aws = &clock.emulator;
        match self {
            Self::Gone => aws.fault(json!({"cut": true, "times": 0})),
            Self::Throttles => {
                aws.fault(json!({"status": 429, "code": "ThrottlingException", "times": 0}));
            }
            Self::Back => aws.clear_faults(),
            Self::Sleeps(seconds) => clock.suspend(Duration::from_secs(seconds)),
        }
    }
}

fn left(status: &Status, reading: ClockReading) -> Option<i64> {
    let session = status.valid(reading)?;
    Some(reading.wall.seconds_until(session.credentials.expiration))
}

#[track_caller]
fn between(statuses: &[StatusAt], from: u64, to: u64, check: impl Fn(&StatusAt) -> bool) {
    let mut any = false;
    for at in statuses.iter().filter(|at| (from..to).contains(&at.elapsed)) {
        any = true;
        let StatusAt { elapsed, left, last_error } = at;
        assert!(check(at), "after {elapsed} s: {left:?} s left, {last_error:?}");
    }
    assert!(any, "nothing was looked at between {from} and {to}");
}

#[test]
fn serves_through_an_hour_without_aws_and_recovers_within_a_minute_of_its_return() {
    let statuses = play(6_000, vec![(1_000, Act::Gone), (4_700, Act::Back)]);
    between(&statuses, 60, 1_000, |at| at.left > Some(25 * 60) && at.last_error.is_none());
    // A session is served to its end, and not for a second longer.
    between(&statuses, 1_000, 3_500, |at| at.left.is_some_and(|left| left > 0));
    between(&statuses, 2_000, 3_500, |at| at.last_error == Some(ErrorKind::Unreachable));
    between(&statuses, 3_650, 4_700, |at| {
        at.left.is_none() && at.last_error == Some(ErrorKind::Unreachable)
    });
    between(&statuses, 4_800, 6_000, |at| at.left > Some(25 * 60) && at.last_error.is_none());
}

#[test]
fn refreshes_at_once_when_the_machine_wakes() {
    let wakes = 500 + 8 * 3_600;
    let statuses = play(wakes + 600, vec![(500, Act::Sleeps(8 * 3_600))]);
    between(&statuses, wakes + 30, wakes + 600, |at| {
        at.left > Some(25 * 60) && at.last_error.is_none()
    });
}

#[test]
fn serves_through_a_throttle() {
    let statuses = play(4_000, vec![(1_500, Act::Throttles), (2_400, Act::Back)]);
    between(&statuses, 60, 4_000, |at| at.left.is_some_and(|left| left > 0));
    between(&statuses, 2_500, 4_000, |at| at.left > Some(25 * 60) && at.last_error.is_none());
}
