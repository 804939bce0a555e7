//! Two processes at the same time: each stands still before any of its calls while the other one goes on.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::interruptions::calls_of;
use super::*;

/// More calls than any run of an abort makes.
const CALLS_OF_ABORT: usize = 20;

/// Runs a first process to a call, a second one to a call, the first one to its end, and the second one to its
/// end. Returns both outcomes.
fn interleaved(
    account: &Shared,
    (first, pause): (&RotationSettings, usize),
    (second, other_pause): (&RotationSettings, usize),
) -> [Result<Ending, Error>; 2] {
    let mut context = Context::from_waker(Waker::noop());
    let processes =
        [pause, other_pause].map(|at| Process::interrupted(account, Interruption::PauseBefore(at)));
    let mut runs = (pin!(rotate(&processes[0], first)), pin!(rotate(&processes[1], second)));
    let mut outcomes = (None, None);
    let mut poll = |which: usize| match which {
        0 if outcomes.0.is_none() => {
            if let Poll::Ready(outcome) = runs.0.as_mut().poll(&mut context) {
                outcomes.0 = Some(outcome);
            }
        }
        1 if outcomes.1.is_none() => {
            if let Poll::Ready(outcome) = runs.1.as_mut().poll(&mut context) {
                outcomes.1 = Some(outcome);
            }
        }
        _ => {}
    };
    poll(0);
    poll(1);
    for (which, process) in processes.iter().enumerate() {
        process.resume();
        poll(which);
    }
    [outcomes.0, outcomes.1].map(|outcome| outcome.expect("nothing holds it up"))
}

/// The model checks after every call that the current key exists and is active.
#[test]
fn a_forced_abort_beside_a_live_run_leaves_a_current_key() {
    for settings in all() {
        let abort = RotationSettings { force: Force::Yes, ..aborting(&settings) };
        let (mut aborted, mut rotated) = (0, 0);
        for at in 1..=calls_of(&settings) {
            for of_abort in 1..=CALLS_OF_ABORT {
                let what = format!("{:?} {at} {of_abort}", settings.strategy);
                let account = account_for(&settings);
                let [run, abort] = interleaved(&account, (&settings, at), (&abort, of_abort));
                aborted += usize::from(matches!(abort, Ok(Ending::Aborted)));
                rotated += usize::from(matches!(run, Ok(Ending::Rotated { .. })));
                let is_told = |error: &Error| error.kind().exit_code() == 17;
                assert!(abort.as_ref().err().is_none_or(is_told), "{what}: {abort:?}");
                pass(&account, 901);
                let ending = super::run(&account, &settings);
                assert!(ending.is_ok(), "{what}: {ending:?} {:#?}", account.borrow());
                check_end(&account, &settings, &what);
            }
        }
        assert!(aborted > 5 && rotated > 5, "{aborted} {rotated}");
    }
}

#[test]
fn a_forced_abort_waits_for_every_run_that_may_make_its_key_current() {
    let settings = iam(IamWith::Role);
    let account = account_for(&settings);
    account.borrow_mut().is_test_failing = true;
    // The first run stands still before it makes its key current. The second one takes over by force, and fails.
    let at = calls_of(&settings) - 5;
    let short = RotationSettings {
        force: Force::Yes,
        run_limit: Duration::from_secs(10),
        ..settings.clone()
    };
    Process::interrupted(&account, Interruption::KillAfter(at)).run(&settings);
    let has_key = account.borrow().value("AWSPENDING").is_some_and(|it| it.contains("AccessKeyId"));
    assert!(has_key, "{:#?}", account.borrow());
    run(&account, &short).unwrap_err();
    let keys = account.borrow().keys.len();
    pass(&account, 30);
    for force in [Force::No, Force::Yes] {
        let error = run(&account, &RotationSettings { force, ..aborting(&settings) }).unwrap_err();
        assert_eq!(error.kind().exit_code(), 17, "{error:?}");
        assert_eq!(account.borrow().keys.len(), keys);
    }
    pass(&account, 900);
    assert_eq!(run(&account, &aborting(&settings)).unwrap(), Ending::Aborted);
}

#[test]
fn a_forced_abort_of_a_dead_run_leaves_no_key_behind() {
    for settings in all() {
        let abort = RotationSettings { force: Force::Yes, ..aborting(&settings) };
        for at in 0..=calls_of(&settings) {
            let what = format!("{:?} {at}", settings.strategy);
            let account = account_for(&settings);
            Process::interrupted(&account, Interruption::KillAfter(at)).run(&settings);
            let is_told = |error: Error| error.kind().exit_code() == 17;
            assert!(run(&account, &abort).err().is_none_or(is_told), "{what}");
            pass(&account, 901);
            let ending = run(&account, &settings);
            assert!(ending.is_ok(), "{what}: {ending:?} {:#?}", account.borrow());
            check_end(&account, &settings, &what);
        }
    }
}
