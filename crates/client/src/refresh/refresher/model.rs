//! The refresher against a simulation: random sequences of time, failures and rotations.

use std::collections::BTreeSet;
use std::task::{Context, Poll, Waker};

use futures_util::future::BoxFuture;
use proptest::prelude::*;

use super::*;
use crate::test_support::simulation::{AwsBehaviour, Simulation};

/// One step of a sequence.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// This many seconds pass.
    Pass(u64),
    /// The machine sleeps for this many seconds.
    Sleep(u32),
    /// The wall clock is set forward or back by this many seconds.
    Set(i64),
    /// From now on AWS behaves like this, after so many seconds.
    Turn(AwsBehaviour, u64),
    /// From now on a fallback behaves like this, at once.
    FallBack(AwsBehaviour),
    /// From now on sessions are valid for this many seconds.
    Live(i64),
    /// The files now hold another identity, usable or not.
    Rotate { usable: bool },
    /// From now on the files cannot be read to their end, or they can.
    Hang(bool),
    /// This many callers request a session.
    Ask(usize),
    /// A caller reports that AWS does not accept the session.
    Reject,
    /// A reload is requested.
    Hangup,
}

/// Advances the simulation and the refresher in turns, and checks the invariants at every reading.
struct Play<'a> {
    simulation: &'a Simulation,
    channel: &'a StatusChannel,
    refresher: BoxFuture<'a, Infallible>,
    handle: RefreshHandle,
    /// For how many seconds without sleep AWS has answered and the identity has been usable.
    fair: u64,
    /// The same for the primary trust anchor alone.
    primary_fair: u64,
    /// Whether the primary trust anchor has only answered, or not answered, from the start.
    never_refused: bool,
    /// Whether AWS has answered and the clocks have agreed from the start.
    untroubled: bool,
}

impl<'a> Play<'a> {
    fn settle(&mut self) {
        for _ in 0..8 {
            let mut context = Context::from_waker(Waker::noop());
            assert!(self.refresher.as_mut().poll(&mut context).is_pending(), "the refresher ended");
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Pass(seconds) => (0..seconds).for_each(|_| self.second()),
            Step::Sleep(seconds) => {
                self.simulation.sleep_for(seconds);
                (self.untroubled, self.fair, self.primary_fair) = (false, 0, 0);
            }
            Step::Set(seconds) => {
                self.simulation.set_clock(seconds);
                (self.untroubled, self.fair, self.primary_fair) = (false, 0, 0);
            }
            Step::Turn(behaviour, delay) => {
                self.simulation.turn(behaviour, delay);
                (self.fair, self.primary_fair) = (0, 0);
                self.untroubled &= behaviour == AwsBehaviour::Answers && delay < 20;
                self.never_refused &=
                    [AwsBehaviour::Answers, AwsBehaviour::Lost].contains(&behaviour);
            }
            Step::FallBack(behaviour) => {
                self.simulation.fall_back(behaviour);
                self.fair = 0;
            }
            Step::Live(seconds) => {
                self.simulation.state().lifetime_seconds = seconds;
                self.fair = 0;
                self.untroubled &= seconds == 3_600;
            }
            Step::Rotate { usable } => {
                self.simulation.rotate(usable);
                self.fair = 0;
            }
            Step::Hang(hangs) => self.simulation.hang(hangs),
            Step::Ask(callers) => self.ask(callers),
            Step::Reject => self.reject(),
            Step::Hangup => drop(self.handle.reload()),
        }
        self.settle();
        self.check();
    }

    fn second(&mut self) {
        self.simulation.pass();
        let (fair, primary_fair) = {
            let state = self.simulation.state();
            let answers = |behaviour| behaviour == AwsBehaviour::Answers;
            let is_unreachable = state.behaviour == AwsBehaviour::Lost;
            let falls_back = is_unreachable && state.fallback.is_some_and(answers);
            let is_loaded = state.used.is_some();
            let primary_fair = answers(state.behaviour) && is_loaded;
            (primary_fair || falls_back && is_loaded, primary_fair)
        };
        self.fair = if fair { self.fair + 1 } else { 0 };
        self.primary_fair = if primary_fair { self.primary_fair + 1 } else { 0 };
        self.settle();
        self.check();
    }

    /// Lets callers request a session as `serve` does: each is answered within its timeout.
    fn ask(&mut self, callers: usize) {
        let (simulation, channel) = (self.simulation, self.channel);
        let mut waiting: Vec<_> = (0..callers)
            .map(|_| {
                Box::pin(channel.wait_for_session(
                    &simulation.clock,
                    &simulation.clock,
                    Duration::from_secs(1),
                ))
            })
            .collect();
        let mut context = Context::from_waker(Waker::noop());
        let at_once = channel.status().valid(ClockReading::of(&simulation.clock)).is_some();
        for second in 0..2 {
            waiting.retain_mut(|caller| match caller.as_mut().poll(&mut context) {
                Poll::Pending => true,
                Poll::Ready(status) => {
                    assert_good(simulation, &status);
                    false
                }
            });
            assert!(!at_once || waiting.is_empty(), "a caller waits though a session is valid");
            self.settle();
            if second == 0 {
                waiting.retain_mut(|caller| caller.as_mut().poll(&mut context).is_pending());
                self.second();
            }
        }
        assert!(waiting.is_empty(), "{} callers wait beyond their timeout", waiting.len());
    }

    /// Reports that AWS does not accept the session.
    fn reject(&self) {
        let (simulation, status) = (self.simulation, self.channel.status());
        let Some((session, _)) = &status.session else { return };
        let mut caller = Box::pin(self.channel.wait_for_other_session(
            session,
            &simulation.clock,
            Duration::from_secs(1),
        ));
        assert!(caller.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }

    fn check(&self) {
        let status = self.channel.status();
        assert_good(self.simulation, &status);
        let state = self.simulation.state();
        let valid = status.valid(ClockReading::of(&self.simulation.clock));
        assert!(state.in_flight <= 1);
        // Fair behaviour ends every failure, that of a refusal after its longest pause. A session that
        // lives no longer than its fetch takes cannot be had all the time.
        if self.fair > 900 + 120 && state.lifetime_seconds > 120 {
            assert!(valid.is_some(), "no session after {} fair seconds: {status:?}", self.fair);
            assert!(status.last_error.is_none(), "{status:?}");
        }
        if self.primary_fair > 900 + 120 && self.never_refused && state.lifetime_seconds > 120 {
            let made_by = status.made_by.as_ref();
            assert!(
                made_by.is_some_and(|it| !it.is_fallback()),
                "the primary one is not taken back"
            );
        }
        if self.untroubled
            && let Some(session) = valid
        {
            let left = self.simulation.truth().seconds_until(session.credentials.expiration);
            assert!(left >= 25 * 60, "{left} s of an untroubled hour are left");
        }
    }
}

/// Checks that a usable session is complete and not expired by AWS's clock, and that a missing one is
/// explained.
fn assert_good(simulation: &Simulation, status: &Status) {
    let reading = ClockReading::of(&simulation.clock);
    let truth = simulation.truth();
    if let Some(session) = status.usable(reading) {
        assert!(!session.credentials.access_key_id.is_empty());
        let left = truth.seconds_until(session.credentials.expiration);
        assert!(left > 0, "a session that ended {} s ago is handed out", -left);
    } else if !status.in_flight {
        let silent = status.last_error.is_none() && status.session.is_none();
        assert!(!silent, "there is neither a session nor an error");
    }
}

fn play(steps: &[Step]) {
    let simulation = Simulation::new();
    perform(&simulation, |play| steps.iter().for_each(|step| play.take(*step)));
}

/// Starts a refresher, and lets `act` go on with it.
fn perform<T>(simulation: &Simulation, act: impl FnOnce(&mut Play<'_>) -> T) -> T {
    let mut refresher = simulation.refresher(Arc::new(simulation.clone()));
    let (channel, handle) = (Arc::clone(refresher.channel()), refresher.handle());
    let refresher = Box::pin(async move { refresher.run().await });
    let mut play = Play {
        simulation,
        channel: &channel,
        refresher,
        handle,
        fair: 0,
        primary_fair: 0,
        never_refused: true,
        untroubled: true,
    };
    play.settle();
    act(&mut play)
}

#[test]
fn hosts_refresh_at_different_times() {
    let refreshed = |random| {
        let simulation = Simulation::new();
        simulation.entropy.reseed(random);
        let is_second = |play: &mut Play<'_>| {
            play.second();
            simulation.state().fetches == 2
        };
        perform(&simulation, |play| (0..3_600).find(|_| is_second(play)))
    };
    let times: BTreeSet<Option<u64>> = (0..8).map(|host| refreshed(host << 40)).collect();
    assert!(times.len() > 4 && !times.contains(&None), "{times:?}");
}

#[test]
fn expired_certificate_reports_why_the_next_is_unusable() {
    let simulation = Simulation::new();
    let last_error = perform(&simulation, |play| {
        for step in
            [Step::Rotate { usable: false }, Step::Turn(AwsBehaviour::CertificateExpired, 0)]
        {
            play.take(step);
        }
        play.take(Step::Pass(2_000));
        play.channel.status().last_error.clone()
    });
    assert_eq!(last_error.unwrap().code(), "no_certificate");
}

#[test]
fn waiting_caller_is_answered_when_the_fetch_fails() {
    let simulation = Simulation::new();
    simulation.turn(AwsBehaviour::Refuses, 0);
    perform(&simulation, |play| {
        let channel = play.channel;
        let mut asking = Box::pin(channel.wait_for_session(
            &simulation.clock,
            &simulation.clock,
            Duration::from_secs(1),
        ));
        let mut ask = || asking.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(ask().is_pending());
        play.settle();
        assert!(ask().is_ready());
    });
}

#[test]
fn session_is_refreshed_while_new_files_hang() {
    let simulation = Simulation::new();
    perform(&simulation, |play| {
        play.take(Step::Hang(true));
        play.take(Step::Rotate { usable: true });
        play.take(Step::Pass(9_000));
        assert!(play.channel.status().valid(ClockReading::of(&simulation.clock)).is_some());
        assert_eq!(simulation.state().used, Some(1));
        assert!(simulation.fetches() > 3, "{}", simulation.fetches());
        play.take(Step::Hang(false));
        assert_eq!(simulation.state().used, Some(2));
    });
}

#[test]
fn requested_reload_ends_when_the_files_are_read() {
    let simulation = Simulation::new();
    perform(&simulation, |play| {
        // While it waits, and during a fetch.
        for (behaviour, delay) in [(AwsBehaviour::Answers, 0), (AwsBehaviour::Lost, 40_000)] {
            play.take(Step::Turn(behaviour, delay));
            play.take(Step::Pass(2_000));
            play.take(Step::Hang(true));
            let mut reload = Box::pin(play.handle.reload());
            let mut is_over = || {
                let mut context = Context::from_waker(Waker::noop());
                reload.as_mut().poll(&mut context).is_ready()
            };
            play.take(Step::Pass(30));
            assert!(!is_over(), "{behaviour:?}");
            play.take(Step::Hang(false));
            assert!(is_over(), "{behaviour:?}");
        }
        assert!(play.channel.status().in_flight);
    });
}

#[test]
fn first_files_that_hang_are_waited_for() {
    let simulation = Simulation::new();
    simulation.hang(true);
    perform(&simulation, |play| {
        play.take(Step::Pass(600));
        assert_eq!(simulation.fetches(), 0);
        assert!(play.channel.status().in_flight, "its callers have to wait");
        let mut reload = Box::pin(play.handle.reload());
        play.take(Step::Pass(1));
        let mut context = Context::from_waker(Waker::noop());
        assert!(reload.as_mut().poll(&mut context).is_pending());
        play.take(Step::Hang(false));
        assert!(reload.as_mut().poll(&mut context).is_ready());
        assert_eq!(simulation.fetches(), 1);
    });
}

#[test]
fn requested_reload_ends_the_backoff_of_a_refusal() {
    let simulation = Simulation::new();
    perform(&simulation, |play| {
        play.take(Step::Turn(AwsBehaviour::Refuses, 0));
        play.take(Step::Pass(1_900));
        let before = simulation.fetches();
        play.take(Step::Pass(2));
        assert_eq!(simulation.fetches(), before, "it waits");
        play.take(Step::Hangup);
        assert_eq!(simulation.fetches(), before + 1);
        // Also if the files are read for longer.
        play.take(Step::Hang(true));
        play.take(Step::Hangup);
        play.take(Step::Hang(false));
        assert_eq!(simulation.fetches(), before + 2);
        play.take(Step::Pass(2));
        assert_eq!(simulation.fetches(), before + 2);
    });
}

#[test]
fn session_that_aws_does_not_accept_is_replaced_once() {
    let simulation = Simulation::new();
    perform(&simulation, |play| {
        play.take(Step::Pass(10));
        let old = Arc::clone(&play.channel.status().session.as_ref().unwrap().0);
        let (channel, clock) = (play.channel, &simulation.clock);
        let ask = || Box::pin(channel.wait_for_other_session(&old, clock, Duration::from_secs(1)));
        let mut callers = [ask(), ask()];
        let mut context = Context::from_waker(Waker::noop());
        assert!(callers.iter_mut().all(|caller| caller.as_mut().poll(&mut context).is_pending()));
        play.settle();
        let is_other = |status: &Status| !Arc::ptr_eq(&status.session.as_ref().unwrap().0, &old);
        for mut caller in callers.into_iter().chain([ask()]) {
            let Poll::Ready(status) = caller.as_mut().poll(&mut context) else { panic!("no") };
            assert!(is_other(&status));
        }
        assert_eq!((simulation.fetches(), simulation.state().rejections), (2, 1));
        // The next one is not accepted either: callers are told at once that it stays for now.
        let next = Arc::clone(&channel.status().session.as_ref().unwrap().0);
        play.take(Step::Pass(10));
        play.take(Step::Reject);
        let mut caller =
            Box::pin(channel.wait_for_other_session(&next, clock, Duration::from_secs(1)));
        assert!(caller.as_mut().poll(&mut context).is_pending());
        play.settle();
        assert!(caller.as_mut().poll(&mut context).is_ready());
        assert_eq!((simulation.fetches(), simulation.state().rejections), (2, 2));
        play.take(Step::Pass(60));
        assert_eq!(simulation.fetches(), 3);
    });
}

#[test]
fn refreshes_at_most_every_five_seconds() {
    let simulation = Simulation::new();
    let fetches = perform(&simulation, |play| {
        play.take(Step::Live(2));
        for _ in 0..60 {
            play.take(Step::Rotate { usable: true });
            play.take(Step::Hangup);
            play.take(Step::Set(3_600));
            play.second();
        }
        simulation.state().fetches
    });
    assert_eq!(fetches, 13);
}

#[test]
fn wall_clock_jump_ends_no_valid_session() {
    let simulation = Simulation::new();
    perform(&simulation, |play| {
        for behaviour in [AwsBehaviour::CertificateExpired, AwsBehaviour::Lost] {
            play.take(Step::Turn(behaviour, 0));
            play.take(Step::Set(40 * 366 * 86_400));
            play.take(Step::Pass(600));
            let status = play.channel.status();
            assert!(status.last_error.is_some(), "{behaviour:?}");
            assert!(status.usable(ClockReading::of(&simulation.clock)).is_some(), "{behaviour:?}");
        }
        // Its end is its end.
        play.take(Step::Pass(2_400));
        assert!(play.channel.status().usable(ClockReading::of(&simulation.clock)).is_none());
    });
}

#[test]
fn caller_waits_for_refresh_after_a_clock_jump() {
    let simulation = Simulation::new();
    perform(&simulation, |play| {
        play.take(Step::Pass(10));
        let old = Arc::clone(&play.channel.status().session.as_ref().unwrap().0);
        simulation.set_clock(7_200);
        let channel = play.channel;
        let mut asking = Box::pin(channel.wait_for_session(
            &simulation.clock,
            &simulation.clock,
            Duration::from_secs(1),
        ));
        let mut ask = || asking.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(ask().is_pending(), "the session may have expired");
        play.settle();
        let Poll::Ready(status) = ask() else { panic!("AWS has answered") };
        let served = status.usable(ClockReading::of(&simulation.clock)).unwrap();
        assert_ne!(served.credentials.access_key_id, old.credentials.access_key_id);
    });
}

/// Starts a refresher whose primary trust anchor cannot be reached and whose fallback answers.
fn fall_back<T>(simulation: &Simulation, act: impl FnOnce(&mut Play<'_>) -> T) -> T {
    simulation.turn(AwsBehaviour::Lost, 3);
    simulation.fall_back(AwsBehaviour::Answers);
    perform(simulation, |play| {
        play.take(Step::Pass(10));
        act(play)
    })
}

fn is_fallback(play: &Play<'_>) -> bool {
    play.channel.status().made_by.as_ref().unwrap().is_fallback()
}

#[test]
fn primary_trust_anchor_is_taken_back_before_the_session_is_due() {
    let simulation = Simulation::new();
    fall_back(&simulation, |play| {
        assert!(is_fallback(play));
        play.take(Step::Pass(200));
        play.take(Step::Turn(AwsBehaviour::Answers, 0));
        play.take(Step::Pass(240));
        assert!(!is_fallback(play));
        assert_eq!(simulation.state().region_changes, 2);
        assert_eq!(simulation.fetches() - simulation.state().primary_fetches, 0);
    });
}

#[test]
fn failed_probe_disturbs_nothing() {
    let simulation = Simulation::new();
    fall_back(&simulation, |play| {
        let before = play.channel.status();
        let access_key_id = |status: &Status| {
            status.session.as_ref().map(|(session, _)| session.credentials.access_key_id.clone())
        };
        let probes_before = simulation.state().primary_fetches;
        for _ in 0..1_400 {
            play.second();
            let status = play.channel.status();
            assert!(!status.in_flight && status.last_error.is_none());
            assert_eq!(status.refreshes, before.refreshes);
            assert_eq!(access_key_id(&status), access_key_id(&before));
        }
        // 15 to 30 s after the first failure, then up to twice as long each time.
        let probes = simulation.state().primary_fetches - probes_before;
        assert!((4..=7).contains(&probes), "{probes} probes");
        // A day later, the fallback still makes the sessions, and it was reported once.
        play.take(Step::Pass(86_400));
        assert!(is_fallback(play) && play.channel.status().last_error.is_none());
        assert_eq!(simulation.state().region_changes, 1);
        let probes = simulation.state().primary_fetches - probes_before;
        assert!(probes < 86_400 / 450 + 60, "{probes} probes in a day");
    });
}

#[test]
fn refusal_of_the_primary_trust_anchor_counts_when_the_session_is_due() {
    let simulation = Simulation::new();
    fall_back(&simulation, |play| {
        play.take(Step::Turn(AwsBehaviour::Refuses, 0));
        play.take(Step::Pass(600));
        let asked = simulation.state().primary_fetches;
        assert_eq!(asked, 2, "one probe, which is refused");
        assert!(is_fallback(play) && play.channel.status().last_error.is_none());
        play.take(Step::Pass(1_300));
        let status = play.channel.status();
        assert_eq!(status.last_error.as_ref().unwrap().kind(), ErrorKind::Refused);
        assert!(status.valid(ClockReading::of(&simulation.clock)).is_some());
        play.take(Step::Pass(2_000));
        let status = play.channel.status();
        assert!(status.valid(ClockReading::of(&simulation.clock)).is_none());
    });
}

#[test]
fn probe_is_not_made_at_once_after_a_refresh() {
    play(&[
        Step::Turn(AwsBehaviour::CertificateExpired, 17),
        Step::Pass(2_741),
        Step::FallBack(AwsBehaviour::Answers),
        Step::Live(1),
        Step::Sleep(114),
        Step::Pass(745),
        Step::Ask(2),
        Step::Pass(26),
        Step::Turn(AwsBehaviour::Lost, 0),
        Step::Pass(24),
        Step::Turn(AwsBehaviour::Answers, 0),
        Step::Pass(60),
    ]);
}

fn behaviour() -> impl Strategy<Value = AwsBehaviour> {
    prop_oneof![
        Just(AwsBehaviour::Answers),
        Just(AwsBehaviour::Lost),
        Just(AwsBehaviour::Refuses),
        Just(AwsBehaviour::CertificateExpired),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_u64..30).prop_map(Step::Pass),
        4 => (30_u64..4_000).prop_map(Step::Pass),
        1 => (1_u32..100_000).prop_map(Step::Sleep),
        1 => (-10_000_i64..10_000).prop_map(Step::Set),
        4 => (behaviour(), 0_u64..30).prop_map(|(behaviour, delay)| Step::Turn(behaviour, delay)),
        1 => prop_oneof![Just(3_600_i64), Just(900), Just(43_200), 1_i64..60].prop_map(Step::Live),
        2 => behaviour().prop_map(Step::FallBack),
        2 => any::<bool>().prop_map(|usable| Step::Rotate { usable }),
        1 => any::<bool>().prop_map(Step::Hang),
        4 => (1_usize..5).prop_map(Step::Ask),
        2 => Just(Step::Reject),
        1 => Just(Step::Hangup),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn keeps_the_invariants_in_any_sequence_of_steps(
        steps in proptest::collection::vec(step(), 1..40),
    ) {
        play(&steps);
    }
}
