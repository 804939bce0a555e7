//! What the operator is told while identities, clocks and sessions come and go.

use std::convert::Infallible;
use std::task::{Context, Waker};

use futures_util::future::BoxFuture;

use super::*;
use crate::test_support::DaemonRecorder;
use roles_anywhere_client::refresh::handle::RefreshHandle;
use roles_anywhere_client::refresh::status::StatusChannel;
use roles_anywhere_test_support::simulation::{AwsBehaviour, Simulation};

/// A refresher that reports, advanced by hand.
struct Run<'a> {
    simulation: &'a Simulation,
    refresher: BoxFuture<'a, Infallible>,
    handle: RefreshHandle,
    channel: Arc<StatusChannel>,
}

impl Run<'_> {
    fn settle(&mut self) {
        for _ in 0..8 {
            let mut context = Context::from_waker(Waker::noop());
            assert!(self.refresher.as_mut().poll(&mut context).is_pending(), "it ended");
        }
    }

    fn pass(&mut self, seconds: u32) {
        for _ in 0..seconds {
            self.simulation.pass();
            self.settle();
        }
    }
}

fn run(simulation: &Simulation, recorder: &DaemonRecorder, act: impl FnOnce(&mut Run<'_>)) {
    let source = Arc::new(simulation.clone());
    let mut refresher =
        recorder.context().refresher_of(source, Arc::default(), &simulation.ports());
    let (handle, channel) = (refresher.handle(), Arc::clone(refresher.channel()));
    let refresher = Box::pin(async move { refresher.run().await });
    let mut run = Run { simulation, refresher, handle, channel };
    run.settle();
    act(&mut run);
}

#[test]
fn varying_clock_offset_is_logged_once() {
    let rows = [
        (0, 0, false),
        (6, 0, false),
        (240, 0, true),
        (0, 240, true),
        (241, 240, false),
        (-299, -240, false),
        (300, 240, true),
    ];
    for (offset, reported, expected) in rows {
        assert_eq!(must_report_offset(offset, reported), expected, "{offset} {reported}");
    }
}

/// Returns the hours after which a certificate of so many days is warned of.
fn hours_of_warnings(days: i64) -> Vec<i64> {
    let (simulation, recorder) = (Simulation::new(), DaemonRecorder::default());
    simulation.certify_for(days * 86_400);
    let mut hours = Vec::new();
    run(&simulation, &recorder, |run| {
        for hour in 1..days * 24 {
            recorder.log.clear();
            run.simulation.sleep_for(3_600);
            run.settle();
            if recorder.log.events().iter().any(|what| what == "certificate_expires_soon") {
                hours.push(hour);
            }
        }
    });
    hours
}

#[test]
fn certificate_expiry_is_logged_once_a_day() {
    for (days, last) in [(9, 3), (300, 30)] {
        let each_day: Vec<i64> = (days - last..days).map(|day| day * 24).collect();
        assert_eq!(hours_of_warnings(days), each_day, "of {days} days");
    }
}

#[test]
fn logs_wrong_and_corrected_clocks() {
    let (simulation, recorder) = (Simulation::new(), DaemonRecorder::default());
    let wrong = "clock_offset_found";
    let right = "clock_offset_resolved";
    run(&simulation, &recorder, |run| {
        for (seconds, expected) in [(0, None), (-7_200, Some(wrong)), (7_200, Some(right))] {
            recorder.log.clear();
            run.simulation.set_clock(seconds);
            run.settle();
            run.pass(5_400);
            let log = recorder.log.events();
            let told: Vec<_> = log.iter().filter(|what| what.contains("clock")).collect();
            assert_eq!(told, Vec::from_iter(expected));
        }
    });
}

const NO_IDENTITY: &str = "identity_reload_failed";

#[test]
fn invalid_files_are_logged_once() {
    let (simulation, recorder) = (Simulation::new(), DaemonRecorder::default());
    run(&simulation, &recorder, |run| {
        run.simulation.rotate(false);
        for _ in 0..3 {
            drop(run.handle.reload());
            run.pass(30);
        }
    });
    assert_eq!(recorder.log.events().iter().filter(|line| *line == NO_IDENTITY).count(), 1);
}

#[test]
fn invalid_files_are_logged_again_after_valid_ones() {
    let (simulation, recorder) = (Simulation::new(), DaemonRecorder::default());
    run(&simulation, &recorder, |run| {
        for _ in 0..2 {
            run.simulation.rotate(false);
            run.pass(30);
            run.simulation.restore();
            run.pass(30);
        }
    });
    let told = |what: &str| recorder.log.events().iter().filter(|line| *line == what).count();
    let usable_again = "identity_reload_recovered";
    assert_eq!((told(NO_IDENTITY), told(usable_again)), (2, 2));
}

#[test]
fn fallback_is_logged_once_and_so_is_its_end() {
    let (simulation, recorder) = (Simulation::new(), DaemonRecorder::default());
    simulation.turn(AwsBehaviour::Lost, 1);
    simulation.fall_back(AwsBehaviour::Answers);
    run(&simulation, &recorder, |run| {
        run.pass(7_200);
        let last_status = || recorder.supervisor.statuses().last().cloned().unwrap();
        assert!(last_status().ends_with(" (fallback eu-west-1)"), "{}", last_status());
        run.simulation.turn(AwsBehaviour::Answers, 0);
        run.pass(900);
        assert!(!last_status().contains("fallback"), "{}", last_status());
    });
    let lines = recorder.log.lines();
    let about: Vec<_> = lines.iter().filter(|line| line.contains("region_")).collect();
    assert_eq!(about.len(), 2, "{about:?}");
    for what in ["region_fallback", "trust-anchor/a", "region=eu-west-1", "reason=no response"] {
        assert!(about[0].contains(what), "{about:?}");
    }
    assert!(about[1].contains("region_restored") && about[1].contains("region=us-east-1"));
    assert!(lines.iter().all(|line| !line.contains("refresh_failed")), "{lines:?}");
}

#[test]
fn failed_renewal_of_a_chain_is_logged_once_and_so_is_its_end() {
    let (simulation, recorder) = (Simulation::new(), DaemonRecorder::default());
    let mut status = None;
    run(&simulation, &recorder, |run| {
        let last_status = || recorder.supervisor.statuses().last().cloned().unwrap();
        assert!(!last_status().contains("failed"), "{}", last_status());
        run.simulation.fail_renewal(true);
        run.pass(7_200);
        status = Some(run.channel.status());
        assert!(last_status().ends_with("; the last refresh failed"), "{}", last_status());
        run.simulation.fail_renewal(false);
        run.pass(3_600);
        assert!(!last_status().contains("failed"), "{}", last_status());
    });
    let refreshes = status.unwrap().refreshes;
    assert!(refreshes.unreachable > 1, "{refreshes:?}");
    assert_eq!(refreshes.succeeded, refreshes.unreachable + 1, "the hop succeeds each time");
    let lines = recorder.log.lines();
    let about = |event: &str| -> Vec<_> {
        let is_of = |line: &&String| line.contains(event);
        lines.iter().filter(is_of).cloned().collect()
    };
    let (failed, recovered) = (about("refresh_failed"), about("refresh_recovered"));
    assert_eq!((failed.len(), recovered.len()), (1, 1), "{lines:?}");
    for what in ["reason=no response", "retry_in_seconds="] {
        assert!(failed[0].contains(what), "{failed:?}");
    }
    let failures = format!("failures={}", refreshes.unreachable);
    assert!(recovered[0].contains(&failures), "{recovered:?}");
    assert!(about("credentials_unavailable").is_empty(), "{lines:?}");
}
