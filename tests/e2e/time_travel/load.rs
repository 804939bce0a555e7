//! One `serve` under load while AWS fails in every way, for hours that pass in seconds.

use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::future::join;
use roles_anywhere::command::serve as serving;
use roles_anywhere::os::clock::SystemTimer;
use roles_anywhere::os::listener::{HttpListener, Limits};
use roles_anywhere::os::random::SystemEntropy;
use roles_anywhere::os::token_file::TokenOnDisk;
use roles_anywhere::server::Listener as _;
use roles_anywhere_client::ports::{Event, Ports};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{Daemon, SecrecyCheck, ShiftedClock, run_daemon};
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
            if over.load(Ordering::Relaxed) { Event::Stop } else { Event::Timeout }
        };
        let line = ["serve", "--port", "0", "--token-file", token_file.to_str().unwrap()];
        run_daemon(&shared, &line, Box::new(on_tick), async |daemon| {
            serve(daemon, &bound).await;
        });
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

/// Serves as `main` does until the refresher is told to stop, and sends the address.
async fn serve(daemon: Daemon<'_>, bound: &Sender<SocketAddr>) {
    let Daemon { plan, ports, channel, mut refresher } = daemon;
    let listener =
        HttpListener::bind(&plan.listen, plan.remote, plan.hop_limit, Limits::default()).unwrap();
    let addresses = listener.addresses();
    // Clients are real, and so are their timeouts.
    let server_ports =
        Ports { timer: Arc::new(SystemTimer), entropy: Arc::new(SystemEntropy), ..ports.clone() };
    let place = TokenOnDisk::find(&plan.token_file, &addresses);
    let (endpoints, place) =
        serving::open(plan, place, channel, server_ports, Arc::new(SecrecyCheck)).unwrap();
    bound.send(addresses[0]).unwrap();
    let stop = Rc::new(Notify::new());
    let stopped = Rc::clone(&stop);
    let keeping = async {
        plan.daemon.start(&mut refresher).await.unwrap();
        refresher.run().await;
        stop.notify_one();
    };
    let serving = serving::run(
        place.as_ref().map(|place| place as _),
        endpoints,
        Box::new(listener),
        &*ports.timer,
        Box::pin(async move { stopped.notified().await }),
    );
    join(keeping, serving).await.1.unwrap();
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
