//! One `serve` under load while everything goes wrong at AWS, for hours that pass in seconds.

use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::future::join;
use roles_anywhere::command::serve as serving;
use roles_anywhere::options::resolve::Purpose;
use roles_anywhere::os::clock::SystemTimer;
use roles_anywhere::os::listener::{Http, Limits};
use roles_anywhere::os::random::SystemEntropy;
use roles_anywhere::os::token_file::TokenOnDisk;
use roles_anywhere::server::{Listener as _, ServerPorts};
use roles_anywhere_client::ports::Event;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{Daemon, Hands, Quiet, live};
use crate::client::{Client, End, Told};
use crate::fault::{faults, struck, vended};
use crate::machine;

/// How many faults strike.
const FAULTS: usize = 1_000;
/// How many clients ask at once.
const CLIENTS: usize = 8;
/// The seconds that a session lives.
const LIFE: u64 = 30;
/// The 400 ms that an answer may wait, and what a busy machine takes; an AWS that does not answer
/// is given up later.
const LONGEST: Duration = Duration::from_millis(1_400);
/// How long all of it may take.
const LIMIT: Duration = Duration::from_secs(300);

#[test]
fn a_thousand_faults_bring_no_blank_and_no_stale_credentials() {
    let _timed = machine::timed();
    let clock = Rc::new(Hands::new());
    let hands: &Hands = &clock;
    hands.emulator.end_sessions_after(Some(LIFE));
    hands.emulator.fault(script().into());
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    let over = AtomicBool::new(false);
    let told = thread::scope(|scope| {
        let (bound, address) = channel();
        let (over, token_file) = (&over, &token_file);
        let asking = scope.spawn(move || {
            let _end = End(over);
            load(hands, address.recv().unwrap(), token_file)
        });
        let mut waits = 0;
        let meanwhile = |_: &_| {
            waits += 1;
            // Now and then an hour passes at once: sessions end, the container token grows old.
            if waits % 200 == 0 {
                hands.pass(Duration::from_secs(3_600));
            }
            if over.load(Ordering::Relaxed) { Event::Stop } else { Event::Timeout }
        };
        let line = ["serve", "--port", "0", "--token-file", token_file.to_str().unwrap()];
        live(hands, &line, Box::new(meanwhile), async |daemon| {
            serve(daemon, Rc::clone(&clock), &bound).await;
        });
        asking.join().unwrap()
    });
    let strangers: Vec<_> = told.keys().difference(&vended(&hands.emulator)).cloned().collect();
    assert_eq!(strangers, Vec::<String>::new());
    assert!(told.longest < LONGEST, "{:?}", told.longest);
    assert!(told.served > FAULTS && told.refused > CLIENTS, "{} and {}", told.served, told.refused);
    assert!(told.keys().len() > FAULTS / 20, "{:?}", told.keys());
}

/// A thousand faults, and an AWS that now and then does not answer.
fn script() -> Vec<Value> {
    let mut script = faults(FAULTS);
    for at in [300, 700] {
        script.insert(at, json!({"status": 503, "delay_ms": 600_000}));
    }
    script
}

/// Serves as `main` does until the refresher is told to stop, and tells where.
async fn serve(daemon: Daemon<'_>, clock: Rc<Hands>, bound: &Sender<SocketAddr>) {
    let Daemon { exchange, world, channel, mut refresher } = daemon;
    let Purpose::Serve(plan) = &exchange.purpose else { unreachable!("it is `serve`") };
    let listener =
        Http::bind(&plan.listen, plan.remote, plan.hop_limit, Limits::default()).unwrap();
    let addresses = listener.addresses();
    // Clients are of this world, and so is their patience.
    let ports = ServerPorts {
        clock,
        timer: Rc::new(SystemTimer),
        entropy: Rc::new(SystemEntropy),
        log: Rc::new(Quiet),
    };
    let place = TokenOnDisk::find(&plan.token_file, &addresses);
    let (endpoints, place) = serving::open(plan, place, channel, ports).unwrap();
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
        world.timer,
        Box::pin(async move { stopped.notified().await }),
    );
    join(keeping, serving).await.1.unwrap();
}

/// Asks from all sides until every fault has struck, and then until there are credentials again.
fn load(hands: &Hands, address: SocketAddr, token_file: &Path) -> Told {
    let begun = Instant::now();
    let over = AtomicBool::new(false);
    let told = thread::scope(|scope| {
        let end = End(&over);
        let ask = || {
            let _end = End(&over);
            Client::connect(address, token_file).ask_until(&over, hands)
        };
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(ask)).collect();
        while !over.load(Ordering::Relaxed) && struck(&hands.emulator) < FAULTS {
            assert!(begun.elapsed() < LIMIT, "only {} struck", struck(&hands.emulator));
            thread::sleep(Duration::from_millis(200));
        }
        drop(end);
        let mut told = Told::default();
        clients.into_iter().for_each(|client| told.add(client.join().unwrap()));
        told
    });
    hands.emulator.clear_faults();
    let mut client = Client::connect(address, token_file);
    while client.container().status != 200 {
        assert!(begun.elapsed() < LIMIT, "it does not recover");
        thread::sleep(Duration::from_millis(5));
    }
    told
}
