//! One `serve` under load while AWS fails in every way, for hours that pass in seconds.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use roles_anywhere::command::serve::{self, ServePlan};
use roles_anywhere::daemon::Event;
use roles_anywhere::output::log::events::LogEvent;
use roles_anywhere::output::log::{Field, Log, LogNotWritten};
use serde_json::{Value, json};

use super::{SecrecyCheck, ShiftedClock, run_daemon};
use crate::client::{Client, Received, SetOnDrop};
use crate::fault::{faults, struck, vended};
use crate::machine;

/// How many faults strike.
const FAULTS: usize = 1_000;
/// How many clients ask at once.
const CLIENTS: usize = 8;
/// The seconds that a session is valid for.
const LIFE: u64 = 30;
/// The 400 ms that an answer may wait, and what a busy machine takes; an AWS that does not answer
/// is given up later.
const LONGEST: Duration = Duration::from_millis(1_400);
/// How long all of it may take.
const LIMIT: Duration = Duration::from_secs(300);

#[test]
fn a_thousand_faults_bring_no_blank_and_no_stale_credentials() {
    let _timed = machine::timed();
    let shared = Arc::new(ShiftedClock::new());
    let clock: &ShiftedClock = &shared;
    clock.emulator.end_sessions_after(Some(LIFE));
    clock.emulator.fault(script().into());
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    let over = AtomicBool::new(false);
    let received = thread::scope(|scope| {
        let (bound, address) = channel();
        let (over, token_file) = (&over, &token_file);
        let asking = scope.spawn(move || {
            let _end = SetOnDrop(over);
            load(clock, address.recv().unwrap(), token_file)
        });
        let mut waits = 0;
        let on_tick = |_: &_| {
            waits += 1;
            // Now and then an hour passes at once: sessions end, the container token grows old.
            if waits % 200 == 0 {
                clock.advance(Duration::from_secs(3_600));
            }
            over.load(Ordering::Relaxed).then_some(Event::Stop)
        };
        let line = ["serve", "--port", "0", "--token-file", token_file.to_str().unwrap()];
        let log = Arc::new(AddressLog(bound));
        run_daemon(
            &shared,
            &line,
            log,
            Box::new(on_tick),
            async |ServePlan { roles, serve }, system| {
                serve::daemon::run(serve, roles, system).await.unwrap();
            },
        );
        asking.join().unwrap()
    });
    let strangers: Vec<_> = received.keys().difference(&vended(&clock.emulator)).cloned().collect();
    assert_eq!(strangers, Vec::<String>::new());
    assert!(received.longest < LONGEST, "{:?}", received.longest);
    assert!(
        received.served > FAULTS && received.refused > CLIENTS,
        "{} and {}",
        received.served,
        received.refused
    );
    assert!(received.keys().len() > FAULTS / 20, "{:?}", received.keys());
}

/// A thousand faults, and an AWS that now and then does not answer.
fn script() -> Vec<Value> {
    let mut script = faults(FAULTS);
    for at in [300, 700] {
        script.insert(at, json!({"status": 503, "delay_ms": 600_000}));
    }
    script
}

/// Sends the address that the daemon logs.
struct AddressLog(Sender<SocketAddr>);

impl Log for AddressLog {
    fn event(&self, event: &'static LogEvent, fields: &[Field<'_>]) {
        SecrecyCheck.event(event, fields);
        if event.name == "listening" {
            self.0.send(fields[0].1.to_string().parse().unwrap()).unwrap();
        }
    }

    fn record(&self, event: &'static LogEvent, fields: &[Field<'_>]) -> Result<(), LogNotWritten> {
        SecrecyCheck.record(event, fields)
    }
}

/// Sends requests from several clients until every fault has struck, and then until there are
/// credentials again.
fn load(clock: &ShiftedClock, address: SocketAddr, token_file: &Path) -> Received {
    let begun = Instant::now();
    let over = AtomicBool::new(false);
    let received = thread::scope(|scope| {
        let end = SetOnDrop(&over);
        let ask = || {
            let _end = SetOnDrop(&over);
            Client::connect(address, token_file).ask_until(&over, clock)
        };
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(ask)).collect();
        while !over.load(Ordering::Relaxed) && struck(&clock.emulator) < FAULTS {
            assert!(begun.elapsed() < LIMIT, "only {} struck", struck(&clock.emulator));
            thread::sleep(Duration::from_millis(200));
        }
        drop(end);
        let mut received = Received::default();
        clients.into_iter().for_each(|client| received.add(client.join().unwrap()));
        received
    });
    clock.emulator.clear_faults();
    let mut client = Client::connect(address, token_file);
    while client.container().status != 200 {
        assert!(begun.elapsed() < LIMIT, "it does not recover");
        thread::sleep(Duration::from_millis(5));
    }
    received
}
