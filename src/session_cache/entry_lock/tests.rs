//! Many processes at once that need the same session, on a clock that advances when all of them wait.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::*;
use crate::session_cache::SessionCache;
use crate::test_support::FakeStore;
use roles_anywhere_client::http::Trust;
use roles_anywhere_client::provider::ErrorKind;
use roles_anywhere_client::time::Timer as _;
use roles_anywhere_test_support::clock::ManualClock;
use roles_anywhere_test_support::entropy::SequenceEntropy;
use roles_anywhere_test_support::files::FakeFiles;
use roles_anywhere_test_support::password::FixedPassword;
use roles_anywhere_test_support::ports::FakePorts;
use roles_anywhere_test_support::session::{ANSWER, request, source};
use roles_anywhere_test_support::transport::{Reply, ScriptedTransport};

/// The processes of one user, and AWS, which responds after a delay.
struct ProcessesFixture {
    store: FakeStore,
    ports: FakePorts,
}

/// A time at which the certificate is valid.
const START: Timestamp = Timestamp::from_unix(1_780_000_000);

impl ProcessesFixture {
    /// AWS takes so many milliseconds for each call; the last value is also that of all later calls.
    fn new(status: u16, delays: &[u64]) -> Self {
        let clock = ManualClock::at(START);
        let delays = delays.iter().copied().map(Duration::from_millis).collect();
        let time = clock.clone();
        let transport = ScriptedTransport::new(move |_, number| match status {
            201 => {
                let end = time.now().after(3_600).to_string();
                let body = ANSWER.replace("2015-08-30T12:36:00Z", &end);
                Reply::status(201, &body.replace("EXAMPLE00", &format!("EXAMPLE0{number}")))
            }
            _ => Reply::status(status, r#"{"code":"AccessDeniedException"}"#),
        });
        let transport = transport.with_delays(&clock, delays);
        let ports = FakePorts {
            clock,
            entropy: SequenceEntropy::counting(),
            files: FakeFiles::of_repository(""),
            passwords: FixedPassword::unused(),
            transport,
            ..FakePorts::default()
        };
        Self { store: FakeStore::default(), ports }
    }

    fn calls(&self) -> usize {
        self.ports.transport.requests().len()
    }

    /// Runs a process for each start and time limit, in milliseconds, and returns the outcome of
    /// each, and when it ended. Time passes only when all of them wait.
    fn run(&self, processes: &[(u64, u64)]) -> Vec<(Result<String, Error>, Duration)> {
        let provider = RolesAnywhere::new(source(), request());
        let ports = self.ports.ports();
        let identity = Arc::new(provider.source.snapshot(&ports.files).unwrap());
        let ports = Ports { files: Arc::clone(&identity) as _, ..ports };
        let (ports, clock) = (&ports, &self.ports.clock);
        let run = |(start, limit): &(u64, u64)| {
            let (start, limit) = (Duration::from_millis(*start), Duration::from_millis(*limit));
            let cache = SessionCache::new(&provider, &identity, &Trust::System, &self.store);
            async move {
                clock.sleep(start).await;
                let deadline = Deadline::new(clock.uptime(), limit);
                let served = cache.session(ports, deadline).await;
                (served.map(|served| served.session.credentials.access_key_id), clock.uptime())
            }
        };
        let mut running: Vec<_> = processes.iter().map(run).map(Box::pin).enumerate().collect();
        let mut ended: Vec<Option<_>> = processes.iter().map(|_| None).collect();
        let mut context = Context::from_waker(Waker::noop());
        while !running.is_empty() {
            running.retain_mut(|(at, process)| match process.as_mut().poll(&mut context) {
                Poll::Ready(outcome) => {
                    ended[*at] = Some(outcome);
                    false
                }
                Poll::Pending => true,
            });
            clock.advance_to_next_wake();
        }
        ended.into_iter().flatten().collect()
    }
}

/// Returns `count` processes that start within a second of each other and have 20 seconds.
fn processes(count: u64) -> Vec<(u64, u64)> {
    (0..count).map(|at| (at * 1_000 / count, 20_000)).collect()
}

fn ids(ended: Vec<(Result<String, Error>, Duration)>) -> BTreeSet<String> {
    ended.into_iter().map(|(id, _)| id.unwrap()).collect()
}

#[test]
fn sixty_at_once_make_two_calls_if_aws_takes_more_than_half_of_their_time() {
    let fixture = ProcessesFixture::new(201, &[11_500]);
    let ended = fixture.run(&processes(60));
    let latest = ended.iter().map(|(_, end)| *end).max().unwrap();
    assert!(latest < Duration::from_millis(11_700), "{latest:?}");
    assert_eq!(ids(ended).len(), 1, "all have the first session");
    assert_eq!(fixture.calls(), 2);
}

#[test]
fn the_second_call_serves_all_if_the_first_one_is_stuck() {
    let fixture = ProcessesFixture::new(201, &[600_000, 300]);
    let mut ended = fixture.run(&processes(60));
    let (first, _) = ended.remove(0);
    assert!(first.is_err());
    assert_eq!(ids(ended), BTreeSet::from(["ASIAEXAMPLEEXAMPLE02".to_owned()]));
    assert_eq!(fixture.calls(), 2);
}

#[test]
fn no_process_calls_aws_at_the_end_of_its_time() {
    let fixture = ProcessesFixture::new(201, &[25_000]);
    for (at, (ended, end)) in fixture.run(&processes(60)).into_iter().enumerate() {
        let error = ended.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{at}: {error}");
        let start = Duration::from_millis(at as u64 * 1_000 / 60);
        assert!(end - start >= Duration::from_secs(20), "{at} ended before its time: {error}");
    }
    assert_eq!(fixture.calls(), 2);
}

#[test]
fn refusal_of_the_second_call_is_the_error_of_all() {
    let fixture = ProcessesFixture::new(403, &[15_000, 300]);
    for (ended, _) in fixture.run(&processes(60)) {
        assert_eq!(ended.unwrap_err().kind(), ErrorKind::Refused);
    }
    assert_eq!(fixture.calls(), 2);
}

#[test]
fn processes_with_more_time_than_was_too_short_try_at_once() {
    let fixture = ProcessesFixture::new(201, &[1_500]);
    let mut ended = fixture.run(&[(0, 1_000), (10, 20_000), (10, 20_000), (10, 20_000)]);
    assert!(ended.remove(0).0.is_err());
    ids(ended);
    assert_eq!(fixture.calls(), 4);
}
