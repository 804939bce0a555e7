//! Many processes at once that need the same session, on a clock that advances when all of them wait.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use super::*;
use crate::os::disk::Disk;
use crate::os::password::KeyPassword;
use crate::session_cache::SessionCache;
use crate::session_cache::storage::DirEntry;
use roles_anywhere_client::http::{Request, Response, Transport, TransportError, Trust};
use roles_anywhere_client::input_source::snapshot::Snapshot;
use roles_anywhere_client::password::PasswordSource;
use roles_anywhere_client::ports::{Environment, NoTrace};
use roles_anywhere_client::secret::{Entropy, SecretBytes};
use roles_anywhere_client::test_support::session::source;
use roles_anywhere_client::test_support::session::{ANSWER, request};
use roles_anywhere_client::time::Timer;

/// A machine with a store, and AWS, which responds after a delay.
struct Machine {
    state: Mutex<State>,
    /// How long AWS takes for each call; the last value is also that of all later calls.
    delays: Vec<Duration>,
    status: u16,
}

#[derive(Default)]
struct State {
    uptime: Duration,
    /// When the sleepers wake up.
    ends: BTreeSet<Duration>,
    files: BTreeMap<String, Vec<u8>>,
    locked: BTreeSet<String>,
    calls: usize,
    random: u64,
}

/// A time at which the certificate is valid.
const START: Timestamp = Timestamp::from_unix(1_780_000_000);

impl Machine {
    fn new(delays: &[u64]) -> Self {
        let delays = delays.iter().copied().map(Duration::from_millis).collect();
        Self { state: Mutex::default(), delays, status: 201 }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn calls(&self) -> usize {
        self.state().calls
    }

    /// Runs a process for each start and time limit, in milliseconds, and returns the outcome of
    /// each, and when it ended.
    fn run(&self, processes: &[(u64, u64)]) -> Vec<(Result<String, Error>, Duration)> {
        let environment = Environment::default();
        let disk = Disk::new(&environment);
        let passwords = KeyPassword::new(PasswordSource::Unsaid { credential: None }, &disk);
        let provider = RolesAnywhere { source: source(), session: request() };
        let identity = Snapshot::take(&disk, provider.source.places()).unwrap();
        let world = World {
            clock: self,
            timer: self,
            entropy: self,
            files: &identity,
            passwords: &passwords,
            transport: self,
            trace: &NoTrace,
        };
        let run = |(start, limit): &(u64, u64)| {
            let (start, limit) = (Duration::from_millis(*start), Duration::from_millis(*limit));
            let cache = SessionCache::new(&provider, &identity, &Trust::System, self);
            async move {
                self.sleep(start).await;
                let deadline = Deadline::new(self.uptime(), limit);
                let served = cache.session(&world, deadline).await;
                (served.map(|served| served.session.credentials.access_key_id), self.uptime())
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
            self.pass();
        }
        ended.into_iter().flatten().collect()
    }

    /// Advances the clock to the end of the next sleep.
    fn pass(&self) {
        let mut state = self.state();
        if let Some(next) = state.ends.pop_first() {
            state.uptime = state.uptime.max(next);
        }
    }

    async fn answer(&self) -> Response {
        let (number, delay) = {
            let mut state = self.state();
            state.calls += 1;
            let delay = self.delays.get(state.calls - 1).or_else(|| self.delays.last()).unwrap();
            (state.calls, *delay)
        };
        self.sleep(delay).await;
        let end = self.now().after(3_600).to_string();
        let body = ANSWER.replace("2015-08-30T12:36:00Z", &end);
        let body = match self.status {
            201 => body.replace("EXAMPLE00", &format!("EXAMPLE0{number}")),
            _ => r#"{"code":"AccessDeniedException"}"#.to_owned(),
        };
        let body = SecretBytes::new(body.into_bytes());
        Response { status: self.status, headers: Vec::new(), body }
    }
}

impl Clock for Machine {
    fn now(&self) -> Timestamp {
        START.after(i64::try_from(self.uptime().as_secs()).unwrap())
    }

    fn uptime(&self) -> Duration {
        self.state().uptime
    }
}

impl Timer for Machine {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        let end = self.uptime() + duration;
        Box::pin(std::future::poll_fn(move |_| {
            let mut state = self.state();
            if state.uptime >= end {
                return Poll::Ready(());
            }
            state.ends.insert(end);
            Poll::Pending
        }))
    }
}

impl Entropy for Machine {
    fn bits(&self) -> u64 {
        let mut state = self.state();
        state.random += 1;
        state.random
    }
}

impl Transport for Machine {
    fn send<'a>(
        &'a self,
        _request: &'a Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, TransportError>> + 'a>> {
        Box::pin(async { Ok(self.answer().await) })
    }
}

impl Store for Machine {
    fn read(&self, name: &str) -> io::Result<Option<SecretBytes>> {
        Ok(self.state().files.get(name).cloned().map(SecretBytes::new))
    }

    fn write(&self, name: &str, contents: &[u8]) -> io::Result<()> {
        self.state().files.insert(name.to_owned(), contents.to_vec());
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.state().files.remove(name);
        Ok(())
    }

    fn try_lock(&self, name: &str) -> io::Result<Option<Box<dyn Lock + '_>>> {
        if !self.state().locked.insert(name.to_owned()) {
            return Ok(None);
        }
        Ok(Some(Box::new(MachineLock { machine: self, name: name.to_owned() })))
    }

    fn list(&self, _matches: fn(&str) -> bool) -> io::Result<Option<Vec<DirEntry>>> {
        Ok(None)
    }
}

struct MachineLock<'a> {
    machine: &'a Machine,
    name: String,
}

impl Lock for MachineLock<'_> {
    fn write(&mut self, contents: &[u8]) -> io::Result<()> {
        self.machine.write(&self.name, contents)
    }
}

impl Drop for MachineLock<'_> {
    fn drop(&mut self) {
        self.machine.state().locked.remove(&self.name);
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
    let machine = Machine::new(&[11_500]);
    let ended = machine.run(&processes(60));
    let latest = ended.iter().map(|(_, end)| *end).max().unwrap();
    assert!(latest < Duration::from_millis(11_700), "{latest:?}");
    assert_eq!(ids(ended).len(), 1, "all have the first session");
    assert_eq!(machine.calls(), 2);
}

#[test]
fn the_second_call_serves_all_if_the_first_one_is_stuck() {
    let machine = Machine::new(&[600_000, 300]);
    let mut ended = machine.run(&processes(60));
    let (first, _) = ended.remove(0);
    assert!(first.is_err());
    assert_eq!(ids(ended), BTreeSet::from(["ASIAEXAMPLEEXAMPLE02".to_owned()]));
    assert_eq!(machine.calls(), 2);
}

#[test]
fn no_process_calls_aws_at_the_end_of_its_time() {
    let machine = Machine::new(&[25_000]);
    for (at, (ended, end)) in machine.run(&processes(60)).into_iter().enumerate() {
        let error = ended.unwrap_err();
        assert_eq!(error.kind(), Kind::Unreachable, "{at}: {error}");
        let start = Duration::from_millis(at as u64 * 1_000 / 60);
        assert!(end - start >= Duration::from_secs(20), "{at} ended before its time: {error}");
    }
    assert_eq!(machine.calls(), 2);
}

#[test]
fn refusal_of_the_second_call_is_the_error_of_all() {
    let machine = Machine { status: 403, ..Machine::new(&[15_000, 300]) };
    for (ended, _) in machine.run(&processes(60)) {
        assert_eq!(ended.unwrap_err().kind(), Kind::Refused);
    }
    assert_eq!(machine.calls(), 2);
}

#[test]
fn processes_with_more_time_than_was_too_short_try_at_once() {
    let machine = Machine::new(&[1_500]);
    let mut ended = machine.run(&[(0, 1_000), (10, 20_000), (10, 20_000), (10, 20_000)]);
    assert!(ended.remove(0).0.is_err());
    ids(ended);
    assert_eq!(machine.calls(), 4);
}
