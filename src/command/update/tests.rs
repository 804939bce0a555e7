//! `update` beside other programs that write the file, second by second.

use std::io;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::keep::keep;
use super::key_reader::KeyReader;
use super::plan::CREDENTIALS_FILE;
use super::settle_watch::{NextAction, SettleWatch};
use super::target::{Target, Targets};
use super::*;
use crate::credentials_file::port::WriteMethod;
use crate::credentials_file::reconcile::{NotSettled, ReconcileStep};
use crate::daemon::{Daemon, Event, OnStartupFailure, RefresherSet, no_configuration};
use crate::options::table::Origin;
use crate::test_support::{DaemonRecorder, FakeCredentialsFile, Notice};
use roles_anywhere_client::provider::ErrorKind;
use roles_anywhere_test_support::simulation::{AwsBehaviour, Simulation};

/// `update`, and the ports that it runs in.
struct Play<'a> {
    simulation: &'a Simulation,
    recorder: &'a DaemonRecorder,
    updating: Pin<Box<dyn Future<Output = Result<(), Error>> + 'a>>,
}

impl Play<'_> {
    fn pass(&mut self, seconds: u64) {
        for second in 0..=seconds {
            if second > 0 {
                self.simulation.pass();
            }
            for _ in 0..8 {
                let mut context = Context::from_waker(Waker::noop());
                assert!(self.updating.as_mut().poll(&mut context).is_pending(), "it ended");
            }
        }
    }
}

/// Keeps the profile fresh with the sessions of `simulation`.
async fn keep_simulated(
    plan: &Update,
    simulation: &Simulation,
    recorder: &DaemonRecorder,
    file: &FakeCredentialsFile,
) -> Result<(), Error> {
    keep_with_key(plan, simulation, recorder, (file, None)).await
}

/// As [`keep_simulated`], with the key of a secret.
async fn keep_with_key(
    plan: &Update,
    simulation: &Simulation,
    recorder: &DaemonRecorder,
    (file, key): (&FakeCredentialsFile, Option<KeyReader>),
) -> Result<(), Error> {
    let (context, ports) = (recorder.context(), simulation.ports());
    let source = Arc::new(simulation.clone());
    let refresher = context.refresher_of(source, Arc::default(), &ports);
    let channel = Arc::clone(refresher.channel());
    let target = Target::new(plan.clone(), channel, key, context.clone());
    let (refreshers, targets) = (RefresherSet::default(), Targets::default());
    targets.replace(vec![Rc::new(target)]);
    let _running = refreshers.add(refresher);
    keep((&targets, &refreshers), &context, &ports, file, &no_configuration).await
}

fn plan(on_startup_failure: OnStartupFailure) -> Update {
    Update {
        profile: "a".parse().unwrap(),
        from_secret: None,
        file: PathBuf::from("credentials"),
        origin: Origin::Flag(&CREDENTIALS_FILE),
        force: false,
        quiet: false,
        selected: None,
        daemon: Daemon { on_startup_failure, ..Daemon::default() },
    }
}

fn play(file: &FakeCredentialsFile, act: impl FnOnce(&mut Play<'_>)) {
    let (simulation, recorder) = (Simulation::new(), DaemonRecorder::default());
    let plan = plan(OnStartupFailure::KeepTrying);
    let updating = Box::pin(keep_simulated(&plan, &simulation, &recorder, file));
    let mut play = Play { simulation: &simulation, recorder: &recorder, updating };
    play.pass(0);
    act(&mut play);
}

#[test]
fn restores_profile_only_while_session_is_valid() {
    let file = FakeCredentialsFile::default();
    play(&file, |play| {
        assert!(file.text().contains("ASIA1"), "{}", file.text());
        play.simulation.turn(AwsBehaviour::Lost, 0);
        play.pass(3_500);
        file.put("");
        play.pass(30);
        assert!(file.text().contains("ASIA1"), "it is not looked at again");
        play.pass(100);
        file.put("");
        play.pass(300);
        assert_eq!(file.text(), "", "what is over was written");
    });
}

#[test]
fn stop_event_ends_it_before_the_first_session() {
    let (simulation, file) = (Simulation::new(), FakeCredentialsFile::default());
    let recorder = DaemonRecorder::default();
    simulation.turn(AwsBehaviour::Answers, 10);
    recorder.events.happen(Event::Stop);
    let plan = plan(OnStartupFailure::KeepTrying);
    let updating = pin!(keep_simulated(&plan, &simulation, &recorder, &file));
    let ended = updating.poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(ended, Poll::Ready(Ok(()))));
}

#[test]
fn fail_fast_ends_at_the_first_file_error() {
    let (simulation, file) = (Simulation::new(), FakeCredentialsFile::default());
    let recorder = DaemonRecorder::default();
    file.obstruct(io::ErrorKind::PermissionDenied);
    let plan = plan(OnStartupFailure::Exit);
    let mut updating = pin!(keep_simulated(&plan, &simulation, &recorder, &file));
    let mut poll = || updating.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    // The session is published, then written.
    assert!(poll().is_pending());
    let ended = poll();
    assert!(matches!(ended, Poll::Ready(Err(error)) if error.kind() == ErrorKind::Local));
}

#[test]
fn reload_before_the_first_write_is_not_readiness() {
    let (simulation, file) = (Simulation::new(), FakeCredentialsFile::default());
    let recorder = DaemonRecorder::default();
    simulation.turn(AwsBehaviour::Answers, 100);
    let plan = plan(OnStartupFailure::KeepTrying);
    let updating = Box::pin(keep_simulated(&plan, &simulation, &recorder, &file));
    let mut play = Play { simulation: &simulation, recorder: &recorder, updating };
    play.pass(10);
    recorder.events.happen(Event::Reload);
    play.pass(80);
    let is_ready = || recorder.supervisor.notices().contains(&Notice::Ready);
    assert!(!is_ready(), "{:?}", recorder.supervisor.notices());
    play.pass(20);
    assert!(is_ready() && file.text().contains("ASIA1"));
}

#[test]
fn status_shows_file_error_until_written() {
    let file = FakeCredentialsFile::default();
    play(&file, |play| {
        let recorder = play.recorder;
        let status = || recorder.supervisor.statuses().pop().unwrap_or_default();
        assert!(status().starts_with("the session is valid until "), "{}", status());
        file.obstruct(io::ErrorKind::PermissionDenied);
        // The session was renewed, and the file still holds the previous one.
        play.pass(3_000);
        assert!(status().starts_with("cannot write the profile: "), "{}", status());
        assert!(status().ends_with(" (from --credentials-file)"), "{}", status());
        file.obstruct(None);
        play.pass(30);
        assert!(status().starts_with("the session is valid until "), "{}", status());
    });
}

#[test]
fn write_error_backs_off_and_is_logged_once() {
    let file = FakeCredentialsFile::default();
    play(&file, |play| {
        for (before, is_lost) in [true, true, false, true].into_iter().enumerate() {
            if is_lost {
                file.put("[b]\n");
            }
            file.obstruct(io::ErrorKind::PermissionDenied);
            let edits = file.edits();
            while file.edits() == edits {
                play.pass(1);
            }
            for pause in [2, 4, 8, 16, 30, 30] {
                let edits = file.edits();
                play.pass(pause - 1);
                assert_eq!(file.edits(), edits, "before {pause} s");
                play.pass(1);
                assert_eq!(file.edits(), edits + 1, "after {pause} s");
            }
            let mut statuses = play.recorder.supervisor.statuses();
            statuses.retain(|status| status.starts_with("cannot write the profile: "));
            assert_eq!(statuses.len(), before + 1, "{statuses:?}");
            assert!(!statuses[before].contains("error: "), "{statuses:?}");
            file.obstruct(None);
            play.pass(30);
            // A session later, or not.
            assert!(file.text().contains("ASIA"), "{}", file.text());
        }
    });
}

#[test]
fn dropped_keys_are_restored_within_five_seconds() {
    let file = FakeCredentialsFile::holding("[b]\nx = 1\n");
    play(&file, |play| {
        for _ in 0..3 {
            file.put("[b]\nx = 1\n");
            play.pass(5);
            assert!(file.text().contains("ASIA1"), "{}", file.text());
            play.pass(50);
        }
    });
}

#[test]
fn waits_for_a_truncated_file_and_logs_once() {
    let file = FakeCredentialsFile::holding("[b]\nx = 1\n");
    play(&file, |play| {
        let current = file.current().unwrap();
        file.put("");
        file.show_writer(current, 7);
        play.pass(60);
        assert_eq!(file.text(), "");
        let said = |play: &Play<'_>| {
            play.recorder.log.events().iter().filter(|what| *what == "profile_write_failed").count()
        };
        assert_eq!(said(play), 1);
        file.put("[b]\nx = 2\n");
        file.show_writer(current, None);
        play.pass(5);
        assert!(file.text().starts_with("[b]\nx = 2\n") && file.text().contains("ASIA1"));
        assert_eq!(said(play), 1);
    });
}

#[test]
fn keeps_new_long_lived_key_and_logs_once() {
    let file = FakeCredentialsFile::holding("");
    let mut text = "[a]\naws_access_key_id = AKIA1\naws_secret_access_key = s\n";
    file.put("[b]\nx = 1\n");
    play(&file, |play| {
        play.pass(5);
        file.put(text);
        // Other sessions come, too.
        play.pass(5_000);
        assert_eq!(file.text(), text);
        let said = play.recorder.log.events();
        assert_eq!(said.iter().filter(|what| *what == "profile_write_failed").count(), 1);
        text = "[b]\nx = 1\n";
        file.put(text);
        play.pass(5);
        assert!(file.text().contains("ASIA"), "{}", file.text());
    });
}

/// Polls `keep` once, in whatever ports.
fn first_poll(plan: &Update, file: &FakeCredentialsFile) -> Poll<Result<(), Error>> {
    let (simulation, recorder) = (Simulation::new(), DaemonRecorder::default());
    let updating = pin!(keep_simulated(plan, &simulation, &recorder, file));
    let poll = updating.poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(
        simulation.fetches() > 0,
        poll.is_pending(),
        "AWS is asked if the file can be written"
    );
    poll
}

#[test]
fn long_lived_key_ends_it_before_any_request() {
    let file = FakeCredentialsFile::holding("[a]\naws_access_key_id = AKIA1\n");
    let mut plan = plan(OnStartupFailure::KeepTrying);
    let Poll::Ready(Err(error)) = first_poll(&plan, &file) else { panic!("it goes on") };
    assert_eq!(error.kind(), ErrorKind::Local);
    let words = error.to_string();
    assert!(words.contains("profile `a`") && words.contains("`AKIA1`"), "{words}");
    assert!(words.contains("`--force`"), "{words}");
    plan.force = true;
    assert!(first_poll(&plan, &file).is_pending());
}

#[test]
fn foreign_file_ends_it_before_any_request() {
    let file = FakeCredentialsFile::holding("[b]\n");
    file.give_to(4_321);
    let plan = plan(OnStartupFailure::KeepTrying);
    let Poll::Ready(Err(error)) = first_poll(&plan, &file) else { panic!("it goes on") };
    assert_eq!(error.kind(), ErrorKind::Local);
    assert!(error.to_string().contains("another user (uid 4321)"), "{error}");
}

#[test]
fn watch_ends_when_no_writer_is_left() {
    let at = Duration::from_millis;
    let idle = || None;
    let busy = || Some(7);
    let mut watch = SettleWatch::default();
    // Nothing was new.
    assert_eq!(watch.after(ReconcileStep::Current, at(0), false, busy), NextAction::End(None));
    assert_eq!(
        watch.after(ReconcileStep::Written(WriteMethod::Whole), at(100), false, idle),
        NextAction::Wait
    );
    assert_eq!(watch.after(ReconcileStep::Current, at(1_050), false, idle), NextAction::Wait);
    assert_eq!(watch.after(ReconcileStep::Current, at(1_100), true, idle), NextAction::Wait);
    // What was written until no process had it open is seen by the next step.
    assert_eq!(watch.after(ReconcileStep::Current, at(1_100), false, idle), NextAction::Wait);
    assert_eq!(
        watch.after(ReconcileStep::Watching(NotSettled::Recent), at(1_120), false, idle),
        NextAction::Wait
    );
    assert_eq!(watch.after(ReconcileStep::Current, at(1_140), false, idle), NextAction::Wait);
    assert_eq!(watch.after(ReconcileStep::Current, at(1_160), false, busy), NextAction::End(None));
    // A writer that we see, or that was seen to truncate the old file, has six seconds.
    assert_eq!(watch.after(ReconcileStep::Current, at(1_100), false, busy), NextAction::Wait);
    assert_eq!(
        watch.after(ReconcileStep::Watching(NotSettled::Empty), at(6_000), false, idle),
        NextAction::Wait
    );
    let open = Some(NotSettled::Open(7));
    assert_eq!(watch.after(ReconcileStep::Current, at(6_100), false, busy), NextAction::End(open));
    assert_eq!(
        watch.after(ReconcileStep::Watching(NotSettled::Open(7)), at(6_100), false, idle),
        NextAction::End(open)
    );
    assert_eq!(
        watch.after(ReconcileStep::Watching(NotSettled::Recent), at(6_100), false, idle),
        NextAction::Wait
    );
    // Each edit is watched again, and a file that never holds still is given up.
    assert_eq!(
        watch.after(ReconcileStep::Written(WriteMethod::Whole), at(7_000), false, idle),
        NextAction::Wait
    );
    assert_eq!(watch.after(ReconcileStep::Current, at(7_900), false, idle), NextAction::Wait);
    let recent = ReconcileStep::Waiting(NotSettled::Recent);
    assert_eq!(watch.after(recent, at(8_000), false, idle), NextAction::Wait);
    assert_eq!(watch.after(recent, at(27_900), false, idle), NextAction::Wait);
    assert_eq!(
        watch.after(recent, at(28_000), false, idle),
        NextAction::GiveUp(NotSettled::Recent)
    );
    assert_eq!(watch.after(ReconcileStep::Current, at(28_000), false, idle), NextAction::Wait);
    assert_eq!(watch.after(recent, at(28_000), false, idle), NextAction::Wait);
}

mod keys;
