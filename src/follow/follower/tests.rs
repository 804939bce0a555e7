//! The loop with values, an outage and a clock in memory.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures_util::future::LocalBoxFuture;

use super::*;
use crate::follow::source::FollowedValue;
use crate::output::run::RunError;
use crate::secrets::value::{Resolved, ResolvedValue};
use crate::secrets_cache::StaleReason;
use crate::test_support::RecordingLog;
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::time::Timer as _;
use roles_anywhere_test_support::clock::ManualClock;
use roles_anywhere_test_support::entropy::SequenceEntropy;

const QUIET: Duration = Duration::from_secs(5);

/// Two secrets, which a program consumes, and a third, which it does not.
#[derive(Default)]
struct FakeSource {
    clock: ManualClock,
    values: Cell<[u64; 3]>,
    /// Those that were read last.
    seen: Cell<Option<[u64; 3]>>,
    reads: Cell<usize>,
    /// The time after each action until it could be done again.
    retries: RefCell<Vec<u64>>,
    /// Why AWS does not confirm the values.
    stale: Cell<Option<OutageReason>>,
    /// Whether AWS cannot be reached.
    is_out: Cell<bool>,
    log: RecordingLog,
    acted: RefCell<Vec<(Duration, [u64; 2])>>,
    last: Cell<[u64; 2]>,
    /// Whether actions fail.
    is_broken: Cell<bool>,
}

/// A value that cannot be used.
const UNUSABLE: u64 = 7;

fn consumed(values: &FollowedValues) -> [u64; 2] {
    let number = |at: usize| match &values.values[at].resolved.value {
        ResolvedValue::Text(text) => text.expose().parse().unwrap(),
        _ => unreachable!(),
    };
    [number(0), number(1)]
}

impl FakeSource {
    fn snapshot(&self) -> FollowedValues {
        let value = |(at, value): (usize, u64)| FollowedValue {
            resolved: Resolved {
                value: ResolvedValue::Text(Secret::new(value.to_string())),
                is_json: false,
                version: Some(value.to_string()),
            },
            name: format!("secret-{at}"),
            version: Some(value.to_string()),
            stale: self
                .stale
                .get()
                .map(|reason| StaleReason { past_ttl: Duration::from_secs(1), reason }),
        };
        FollowedValues { values: self.values.get().into_iter().enumerate().map(value).collect() }
    }

    fn set(&self, at: usize, value: u64) {
        let mut values = self.values.get();
        values[at] = value;
        self.values.set(values);
    }

    fn ports<'a>(&'a self, entropy: &'a SequenceEntropy) -> FollowPorts<'a> {
        FollowPorts { clock: &self.clock, entropy, log: &self.log }
    }
}

impl ReferenceSource for FakeSource {
    fn read(&self) -> LocalBoxFuture<'_, Result<FollowedValues, Error>> {
        Box::pin(async {
            self.reads.set(self.reads.get() + 1);
            match self.is_out.get() {
                false => {
                    self.seen.set(Some(self.values.get()));
                    Ok(self.snapshot())
                }
                true => Err(RunError::Internal { what: "AWS cannot be reached" }.into()),
            }
        })
    }

    fn changed(&self, limit: Duration) -> LocalBoxFuture<'_, ()> {
        Box::pin(async move {
            let end = self.clock.uptime() + limit;
            let is_same = || self.seen.get() == Some(self.values.get());
            while self.clock.uptime() < end && (self.is_out.get() || is_same()) {
                self.clock.sleep(Duration::from_millis(500)).await;
                if self.is_out.get() {
                    return;
                }
            }
        })
    }
}

impl Consumer for FakeSource {
    type Change = [u64; 2];

    fn change(&self, values: &FollowedValues) -> Result<Option<[u64; 2]>, Error> {
        match consumed(values) {
            [UNUSABLE, _] => Err(RunError::Internal { what: "no member" }.into()),
            new => Ok((new != self.last.get()).then_some(new)),
        }
    }

    async fn act(&self, new: [u64; 2], retry_in: Duration) {
        self.retries.borrow_mut().push(retry_in.as_secs());
        self.clock.sleep(Duration::from_secs(1)).await;
        if !self.is_broken.get() {
            self.last.set(new);
        }
        self.acted.borrow_mut().push((self.clock.uptime(), new));
    }
}

/// The loop while it runs.
struct FollowLoop<'a> {
    source: &'a FakeSource,
    running: Pin<Box<dyn Future<Output = Infallible> + 'a>>,
}

impl<'a> FollowLoop<'a> {
    fn start(source: &'a FakeSource, entropy: &'a SequenceEntropy, splay: Duration) -> Self {
        let timing = Timing { quiet_period: QUIET, splay };
        let running = Box::pin(follow(source, source, timing, source.ports(entropy)));
        Self { source, running }
    }

    fn advance(&mut self, time: Duration) {
        let end = self.source.clock.uptime() + time;
        while self.source.clock.uptime() < end {
            let _: Poll<Infallible> =
                self.running.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            self.source.clock.advance(Duration::from_millis(250));
        }
    }
}

#[test]
fn several_changes_within_the_quiet_period_are_one_action() {
    let (source, entropy) = (FakeSource::default(), SequenceEntropy::counting());
    let mut running = FollowLoop::start(&source, &entropy, Duration::ZERO);
    running.advance(Duration::from_secs(100));
    assert!(source.acted.borrow().is_empty() && source.log.lines().is_empty());
    for value in 1..4 {
        source.set(0, value);
        source.set(1, value + 10);
        running.advance(Duration::from_secs(3));
    }
    running.advance(Duration::from_secs(100));
    let acted: Vec<_> = source.acted.borrow().iter().map(|(_, values)| *values).collect();
    assert_eq!(acted, [[3, 13]]);
    let changed = "info: references_changed names=secret-0 secret-1";
    assert_eq!(source.log.lines(), [changed; 3]);
}

#[test]
fn what_is_not_consumed_and_what_changes_back_is_not_acted_on() {
    let (source, entropy) = (FakeSource::default(), SequenceEntropy::counting());
    let mut running = FollowLoop::start(&source, &entropy, Duration::ZERO);
    running.advance(Duration::from_secs(10));
    source.set(2, 1);
    running.advance(Duration::from_secs(60));
    source.set(0, 1);
    running.advance(Duration::from_secs(3));
    source.set(0, 0);
    running.advance(Duration::from_secs(200));
    assert!(source.acted.borrow().is_empty());
}

#[test]
fn unusable_values_and_outages_change_nothing_and_are_reported_once() {
    let (source, entropy) = (FakeSource::default(), SequenceEntropy::counting());
    let mut running = FollowLoop::start(&source, &entropy, Duration::ZERO);
    running.advance(Duration::from_secs(10));
    // One that could be used comes before it.
    source.set(0, 1);
    running.advance(Duration::from_secs(2));
    source.set(0, UNUSABLE);
    running.advance(Duration::from_secs(200));
    assert!(source.acted.borrow().is_empty());
    source.set(0, 2);
    running.advance(Duration::from_secs(2));
    source.is_out.set(true);
    running.advance(Duration::from_secs(400));
    assert!(source.acted.borrow().is_empty());
    source.is_out.set(false);
    running.advance(Duration::from_secs(100));
    assert_eq!(source.acted.borrow().len(), 1);
    assert_eq!(
        source.log.events(),
        [
            "references_changed",
            "references_changed",
            "values_unusable",
            "references_changed",
            "values_usable",
            "followed_read_failed",
            "followed_read_recovered"
        ]
    );
}

#[test]
fn values_that_aws_does_not_confirm_are_reported_once_for_each_reason() {
    let (source, entropy) = (FakeSource::default(), SequenceEntropy::counting());
    let mut running = FollowLoop::start(&source, &entropy, Duration::ZERO);
    running.advance(Duration::from_secs(100));
    for reason in [OutageReason::Connection, OutageReason::Session] {
        source.stale.set(Some(reason));
        running.advance(Duration::from_secs(300));
    }
    source.stale.set(None);
    running.advance(Duration::from_secs(100));
    assert_eq!(source.log.events(), ["values_stale", "values_stale", "values_confirmed"]);
    let lines = source.log.lines();
    let names = "names=secret-0 secret-1 secret-2";
    assert!(lines[0].contains(names) && lines[0].contains("AWS cannot be reached"), "{lines:?}");
    assert!(lines[1].contains("credentials_unavailable"), "{lines:?}");
}

#[test]
fn an_action_that_could_not_be_done_is_done_again_ever_more_rarely() {
    let (source, entropy) = (FakeSource::default(), SequenceEntropy::counting());
    source.is_broken.set(true);
    let mut running = FollowLoop::start(&source, &entropy, Duration::ZERO);
    source.set(0, 1);
    running.advance(Duration::from_secs(300));
    assert_eq!(source.acted.borrow().len(), 5);
    source.is_broken.set(false);
    running.advance(Duration::from_secs(900));
    assert_eq!(source.acted.borrow().len(), 6);
    assert_eq!(source.retries.borrow()[..5], [10, 20, 40, 80, 160]);
    // What is done again is no action that another one delays.
    assert_eq!(source.log.lines(), [""; 0]);
}

#[test]
fn an_action_that_is_delayed_by_the_one_before_is_reported_in_whole_seconds() {
    let (source, entropy) = (FakeSource::default(), SequenceEntropy::counting());
    let mut running = FollowLoop::start(&source, &entropy, Duration::ZERO);
    running.advance(Duration::from_secs(10));
    for value in 1..3 {
        source.set(0, value);
        running.advance(Duration::from_millis(6_500));
    }
    running.advance(Duration::from_secs(60));
    let lines = source.log.lines();
    let delays: Vec<_> = lines.iter().filter(|line| line.contains("action_delayed")).collect();
    assert_eq!(source.acted.borrow().len(), 2);
    assert!(delays.len() == 1 && !delays[0].contains("seconds=0"), "{lines:?}");
}

/// Fifty rotations, of which some come in the middle of others or of an outage.
#[test]
fn each_burst_of_fifty_rotations_is_acted_on_once() {
    let entropy = SequenceEntropy::pseudo_random(22);
    for _ in 0..20 {
        let source = FakeSource::default();
        let splay = Duration::from_secs(entropy.bits() % 3);
        let mut running = FollowLoop::start(&source, &entropy, splay);
        let (mut bursts, mut changes) = (0, 0);
        while changes < 50 {
            let before = source.last.get();
            for _ in 0..1 + entropy.bits() % 4 {
                changes += 1;
                source.set(usize::from(entropy.bits().is_multiple_of(2)), 100 + changes);
                source.is_out.set(entropy.bits().is_multiple_of(3));
                running.advance(Duration::from_millis(entropy.bits() % 4_500));
            }
            source.is_out.set(false);
            // The quiet period, the splay, and the action itself; twice the brake.
            running.advance(Duration::from_secs(40));
            let now = consumed(&source.snapshot());
            assert_ne!(before, now);
            assert_eq!(source.last.get(), now);
            bursts += 1;
            assert_eq!(source.acted.borrow().len(), bursts, "{changes} changes");
        }
        // One for each change and each action, one in each minute, and one in each half second of an outage.
        let halves = source.clock.uptime().as_secs() * 2;
        assert!(source.reads.get() as u64 <= halves, "{} reads", source.reads.get());
        assert!(source.log.events().contains(&"followed_read_recovered".to_owned()));
    }
}
