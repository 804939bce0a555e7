//! Two refreshers in one daemon, second by second.

use std::cell::RefCell;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::*;
use crate::daemon::{Daemon, OnStartupFailure, RunningRefresher};
use crate::test_support::{DaemonRecorder, Notice};
use roles_anywhere_client::refresh::clock_reading::ClockReading;
use roles_anywhere_client::refresh::status::StatusChannel;
use roles_anywhere_test_support::simulation::{AwsBehaviour, Simulation};

/// A daemon of two roles, each with an identity and an AWS of its own.
struct Fixture {
    simulations: [Simulation; 2],
    channels: [Arc<StatusChannel>; 2],
    recorder: DaemonRecorder,
    daemon: Daemon,
    refreshers: RefresherSet,
    adds_at_reload: Cell<bool>,
    /// The refreshers of the roles, while they run.
    running: RefCell<Vec<Option<RunningRefresher>>>,
}

/// The daemon while it runs.
struct Play<'a> {
    fixture: &'a Fixture,
    running: Pin<Box<dyn Future<Output = Result<(), Error>> + 'a>>,
}

impl Fixture {
    fn new() -> Self {
        let simulations = [Simulation::new(), Simulation::new()];
        let channels = [Arc::default(), Arc::default()];
        let (recorder, daemon) = (DaemonRecorder::default(), Daemon::default());
        let (refreshers, running) = (RefresherSet::default(), RefCell::default());
        let adds_at_reload = Cell::default();
        Self { simulations, channels, recorder, daemon, refreshers, adds_at_reload, running }
    }

    /// Returns a daemon that ends if the first refresh of the first role fails.
    fn failing_fast() -> Self {
        let daemon = Daemon { on_startup_failure: OnStartupFailure::Exit, ..Daemon::default() };
        Self { daemon, ..Self::new() }
    }

    /// Adds the refresher of the next role.
    fn add(&self) {
        let mut running = self.running.borrow_mut();
        let role = running.len();
        let (simulation, channel) = (&self.simulations[role], &self.channels[role]);
        let (source, context) = (Arc::new(simulation.clone()), self.recorder.context());
        let refresher = context.refresher_of(source, Arc::clone(channel), &simulation.ports());
        running.push(Some(self.refreshers.add(refresher)));
    }

    /// Removes the refresher of a role.
    fn remove(&self, role: usize) {
        self.running.borrow_mut()[role] = None;
    }

    /// Starts the daemon with both roles.
    fn start(&self) -> Play<'_> {
        self.add();
        self.add();
        self.start_with_added()
    }

    /// Starts the daemon with the first role.
    fn start_first(&self) -> Play<'_> {
        self.add();
        self.start_with_added()
    }

    /// Starts the daemon with the roles that were added.
    fn start_with_added(&self) -> Play<'_> {
        let context = self.recorder.context();
        let running = Box::pin(async move {
            let start = async {
                if self.daemon.fails_fast() {
                    self.daemon.first_refresh(&self.channels[0]).await?;
                }
                Ok(pending())
            };
            let (timer, reconfigure) = (&self.simulations[0].clock, || self.reconfigure());
            supervise(&self.refreshers, &context, timer, &reconfigure, start).await
        });
        let mut play = Play { fixture: self, running };
        play.settle();
        play
    }

    /// Adds the next role at a reload, if that is what the test is about.
    fn reconfigure(&self) -> LocalBoxFuture<'_, ()> {
        Box::pin(async {
            if self.adds_at_reload.take() {
                self.add();
            }
        })
    }

    fn has_session(&self, role: usize) -> bool {
        let now = ClockReading::of(&self.simulations[role].clock);
        self.channels[role].status().valid(now).is_some()
    }

    /// Returns what the supervisor was told, without the statuses.
    fn notices(&self) -> Vec<Notice> {
        let mut notices = self.recorder.supervisor.notices();
        notices.retain(|notice| !matches!(notice, Notice::Status(_)));
        notices
    }

    fn identities_read(&self) -> usize {
        self.recorder.log.events().iter().filter(|event| *event == "identity_loaded").count()
    }
}

impl Play<'_> {
    fn poll(&mut self) -> Poll<Result<(), Error>> {
        self.running.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    fn settle(&mut self) {
        for _ in 0..8 {
            assert!(self.poll().is_pending(), "it ended");
        }
    }

    fn pass(&mut self, seconds: u32) {
        for _ in 0..seconds {
            self.fixture.simulations.iter().for_each(Simulation::pass);
            self.settle();
        }
    }

    /// Requests a reload that lasts until the files of the second role are read.
    fn reload_while_the_second_hangs(&mut self) {
        let fixture = self.fixture;
        fixture.simulations[1].hang(true);
        fixture.recorder.events.happen(Event::Reload);
        self.pass(60);
        assert_eq!(fixture.notices(), [Notice::Ready, Notice::Reloading]);
        fixture.simulations[1].hang(false);
        self.pass(6);
    }
}

#[test]
fn failure_of_one_refresher_stops_no_other() {
    let fixture = Fixture::new();
    let [refused, answered] = &fixture.simulations;
    refused.turn(AwsBehaviour::Refuses, 0);
    let mut play = fixture.start();
    play.pass(7_000);
    assert!(!fixture.has_session(0) && fixture.has_session(1));
    assert!(answered.fetches() > 2, "{}", answered.fetches());
    assert!(refused.fetches() > 2, "it goes on too: {}", refused.fetches());
    refused.turn(AwsBehaviour::Answers, 0);
    play.pass(1_000);
    assert!(fixture.has_session(0) && fixture.has_session(1));
}

#[test]
fn one_that_waits_for_aws_stops_no_other() {
    let fixture = Fixture::new();
    fixture.simulations[0].turn(AwsBehaviour::Answers, 10_000);
    let mut play = fixture.start();
    play.pass(5_000);
    assert_eq!(fixture.simulations[0].fetches(), 1);
    assert!(!fixture.has_session(0) && fixture.has_session(1));
    assert!(fixture.simulations[1].fetches() > 1);
}

#[test]
fn reload_reaches_all() {
    let fixture = Fixture::new();
    // One is in the middle of a fetch.
    fixture.simulations[0].turn(AwsBehaviour::Answers, 10_000);
    let mut play = fixture.start();
    assert_eq!(fixture.identities_read(), 2);
    fixture.simulations.iter().for_each(|simulation| simulation.rotate(true));
    play.settle();
    assert_eq!(fixture.identities_read(), 2, "no time has passed");
    fixture.recorder.events.happen(Event::Reload);
    play.settle();
    assert_eq!(fixture.identities_read(), 4);
    assert_eq!(fixture.notices(), [Notice::Ready, Notice::Reloading, Notice::Ready]);
}

#[test]
fn reload_ends_when_the_last_refresher_has_read_its_files() {
    let fixture = Fixture::new();
    let mut play = fixture.start();
    play.reload_while_the_second_hangs();
    assert_eq!(fixture.notices(), [Notice::Ready, Notice::Reloading, Notice::Ready]);
}

#[test]
fn added_refresher_starts_and_a_removed_one_ends() {
    let fixture = Fixture::new();
    let mut play = fixture.start_first();
    play.pass(100);
    assert!(fixture.has_session(0) && !fixture.has_session(1));
    fixture.add();
    play.settle();
    assert!(fixture.has_session(1), "it starts at once");
    fixture.remove(0);
    play.pass(7_000);
    assert_eq!(fixture.simulations[0].fetches(), 1, "it has ended");
    assert!(fixture.simulations[1].fetches() > 2, "the other one goes on");
    assert_eq!(fixture.notices(), [Notice::Ready]);
}

#[test]
fn reload_waits_for_what_it_adds() {
    let fixture = Fixture::new();
    let mut play = fixture.start_first();
    fixture.adds_at_reload.set(true);
    play.reload_while_the_second_hangs();
    assert!(fixture.has_session(1));
    assert_eq!(fixture.notices(), [Notice::Ready, Notice::Reloading, Notice::Ready]);
    assert_eq!(fixture.simulations[0].fetches(), 1, "the other one keeps its session");
}

#[test]
fn refresher_is_removed_during_a_fetch() {
    let fixture = Fixture::new();
    fixture.simulations[0].turn(AwsBehaviour::Answers, 60);
    let mut play = fixture.start();
    play.pass(30);
    fixture.remove(0);
    play.pass(60);
    assert!(!fixture.has_session(0) && fixture.has_session(1));
}

#[test]
fn reload_and_changed_files_reach_an_added_refresher_and_wait_for_no_removed_one() {
    let fixture = Fixture::new();
    let mut play = fixture.start_first();
    fixture.simulations[0].hang(true);
    fixture.add();
    play.settle();
    fixture.remove(0);
    fixture.simulations[1].rotate(true);
    fixture.recorder.events.happen(Event::FilesChanged);
    play.settle();
    assert_eq!(fixture.identities_read(), 3);
    fixture.simulations[1].rotate(true);
    fixture.recorder.events.happen(Event::Reload);
    play.settle();
    assert_eq!(fixture.identities_read(), 4);
    assert_eq!(fixture.notices(), [Notice::Ready, Notice::Reloading, Notice::Ready]);
}

#[test]
fn changed_files_are_read_at_once() {
    let fixture = Fixture::new();
    let mut play = fixture.start();
    fixture.simulations.iter().for_each(|simulation| simulation.rotate(true));
    fixture.recorder.events.happen(Event::FilesChanged);
    play.settle();
    assert_eq!(fixture.identities_read(), 4);
}

#[test]
fn stop_event_ends_it_also_during_a_fetch_and_a_reload() {
    let fixture = Fixture::new();
    fixture.simulations[0].turn(AwsBehaviour::Answers, 10_000);
    let mut play = fixture.start();
    fixture.recorder.events.happen(Event::Reload);
    fixture.recorder.events.happen(Event::Stop);
    assert!(matches!(play.poll(), Poll::Ready(Ok(()))));
    assert_eq!(fixture.notices(), [Notice::Ready, Notice::Reloading, Notice::Stopping]);
}

#[test]
fn it_is_ready_when_its_start_completes() {
    let fixture = Fixture::failing_fast();
    fixture.simulations[0].turn(AwsBehaviour::Answers, 100);
    let mut play = fixture.start();
    play.pass(90);
    assert_eq!(fixture.notices(), []);
    play.pass(20);
    assert_eq!(fixture.notices(), [Notice::Ready]);
}

#[test]
fn reload_before_the_start_completes_is_not_readiness() {
    let fixture = Fixture::failing_fast();
    fixture.simulations[0].turn(AwsBehaviour::Answers, 10_000);
    let mut play = fixture.start();
    play.pass(100);
    fixture.recorder.events.happen(Event::Reload);
    play.pass(100);
    assert_eq!(fixture.notices(), [Notice::Reloading]);
}

#[test]
fn failed_start_ends_it() {
    let fixture = Fixture::failing_fast();
    fixture.simulations[0].turn(AwsBehaviour::Refuses, 100);
    let mut play = fixture.start();
    play.pass(90);
    (0..20).for_each(|_| fixture.simulations[0].pass());
    // The refresher publishes the failure, then the start ends.
    assert!(play.poll().is_pending());
    assert!(matches!(play.poll(), Poll::Ready(Err(_))));
    assert_eq!(fixture.notices(), [Notice::Stopping]);
}

#[test]
fn watchdog_is_told_twice_in_each_interval() {
    let mut fixture = Fixture::new();
    fixture.recorder.supervisor.watchdog = Some(Duration::from_secs(10));
    fixture.simulations[0].turn(AwsBehaviour::Lost, 60);
    let told = |fixture: &Fixture| {
        let notices = fixture.recorder.supervisor.notices();
        notices.iter().filter(|notice| **notice == Notice::Watchdog).count()
    };
    let mut play = fixture.start();
    for seconds in 0..100 {
        assert_eq!(told(&fixture), 1 + seconds / 5, "after {seconds} s");
        play.pass(1);
    }
}
