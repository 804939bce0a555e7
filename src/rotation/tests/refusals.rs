//! What is refused, and what it leaves.

use super::*;
use crate::output::rotation::RotationStep;

/// The exit code of a run that another one keeps from rotating: no step has failed.
const BUSY: u8 = 17;

fn refused(account: &Shared, settings: &RotationSettings) -> (String, u8) {
    let error = run(account, settings).unwrap_err();
    (error.reasons().join(": "), error.kind().exit_code())
}

/// Kills a run after its value is pending.
fn interrupted(settings: &RotationSettings) -> Shared {
    for at in 1.. {
        let account = account_for(settings);
        Process::interrupted(&account, Interruption::KillAfter(at)).run(settings);
        let is_pending = {
            let account = account.borrow();
            account.value("AWSPENDING").is_some_and(|value| !value.contains("roles-anywhere"))
        };
        if is_pending {
            return account;
        }
    }
    unreachable!()
}

#[test]
fn a_rotation_by_a_schedule_is_refused_without_force() {
    for settings in all() {
        let account = account_for(&settings);
        account.borrow_mut().rotation_enabled = true;
        let (text, code) = refused(&account, &settings);
        assert!(text.contains("RotationEnabled"), "{text}");
        assert_eq!((code, account.borrow().versions.len()), (10, 1));
        let forced = RotationSettings { force: Force::Yes, ..settings };
        assert!(matches!(run(&account, &forced), Ok(Ending::Rotated { .. })));
    }
}

#[test]
fn a_run_in_its_time_is_not_taken_over() {
    for settings in all() {
        let account = interrupted(&settings);
        let before = account.borrow().labels.clone();
        for settings in [settings.clone(), aborting(&settings)] {
            pass(&account, 10);
            let (text, code) = refused(&account, &settings);
            assert!(text.contains("another run rotates it"), "{text}");
            assert_eq!((code, &account.borrow().labels), (BUSY, &before));
        }
        let forced = RotationSettings { force: Force::Yes, ..settings };
        assert!(matches!(run(&account, &forced), Ok(Ending::Rotated { .. })));
    }
}

#[test]
fn a_pending_version_of_another_program_is_left() {
    for settings in all() {
        let account = account_for(&settings);
        let foreign = "22222222-2222-4222-8222-222222222222";
        account.borrow_mut().versions.insert(foreign.to_owned(), ("theirs".to_owned(), 0));
        account.borrow_mut().labels.insert("AWSPENDING".to_owned(), foreign.to_owned());
        for settings in [settings.clone(), aborting(&settings)] {
            let (text, _) = refused(&account, &settings);
            assert!(text.contains("another program has made"), "{text}");
        }
        let forced = RotationSettings { force: Force::Yes, ..aborting(&settings) };
        assert_eq!(run(&account, &forced).unwrap(), Ending::Aborted);
        assert!(matches!(run(&account, &settings), Ok(Ending::Rotated { .. })));
    }
}

#[test]
fn an_empty_version_of_a_cancelled_rotation_is_aborted_without_force() {
    let settings = iam(IamWith::Role);
    let account = account_for(&settings);
    let empty = "33333333-3333-4333-8333-333333333333".to_owned();
    account.borrow_mut().labels.insert("AWSPENDING".to_owned(), empty);
    let (text, code) = refused(&account, &settings);
    assert!(text.contains("has no value yet"), "{text}");
    assert_eq!(code, RotationStep::Claim.exit_code());
    assert_eq!(run(&account, &aborting(&settings)).unwrap(), Ending::Aborted);
}

#[test]
fn pending_on_the_current_version_is_free() {
    for settings in all() {
        let account = account_for(&settings);
        let current = account.borrow().labels["AWSCURRENT"].clone();
        account.borrow_mut().labels.insert("AWSPENDING".to_owned(), current);
        assert!(matches!(run(&account, &settings), Ok(Ending::Rotated { .. })));
        check_end(&account, &settings, "free");
    }
}

#[test]
fn a_run_that_may_be_in_its_last_call_is_continued_and_not_aborted() {
    for settings in all() {
        let account = interrupted(&settings);
        pass(&account, 400);
        let (text, code) = refused(&account, &aborting(&settings));
        assert!(text.contains("another run rotates it"), "{text}");
        assert_eq!(code, BUSY);
        assert!(matches!(run(&account, &settings), Ok(Ending::Rotated { .. })));
    }
}

#[test]
fn a_failed_test_leaves_the_current_version_and_is_continued() {
    for settings in [iam(IamWith::Role), password(Some(commands())), command()] {
        let account = account_for(&settings);
        account.borrow_mut().is_test_failing = true;
        let current = account.borrow().labels["AWSCURRENT"].clone();
        let (text, code) = refused(&account, &settings);
        assert!(text.contains("step `test` failed; AWSCURRENT is unchanged"), "{text}");
        assert_eq!((code, &account.borrow().labels["AWSCURRENT"]), (13, &current));
        let pending = account.borrow().labels["AWSPENDING"].clone();
        account.borrow_mut().is_test_failing = false;
        assert_eq!(run(&account, &settings).unwrap(), Ending::Rotated { version: pending });
        check_end(&account, &settings, "continued");
    }
}

#[test]
fn another_strategy_does_not_continue_a_rotation() {
    let account = interrupted(&iam(IamWith::Role));
    pass(&account, 901);
    for settings in [password(None), aborting(&password(None))] {
        let (text, code) = refused(&account, &settings);
        assert!(text.contains("is of the strategy `iam-access-key`"), "{text}");
        assert_eq!(code, if settings.goal == Goal::Abort { 16 } else { 10 });
    }
}

#[test]
fn a_current_version_that_was_changed_meanwhile_is_not_replaced() {
    for settings in all() {
        let account = interrupted(&settings);
        pass(&account, 301);
        let (other, value) = ("44444444-4444-4444-8444-444444444444", {
            let account = account.borrow();
            account.value("AWSCURRENT").unwrap().to_owned()
        });
        account.borrow_mut().versions.insert(other.to_owned(), (value, 0));
        account.borrow_mut().labels.insert("AWSCURRENT".to_owned(), other.to_owned());
        let (text, _) = refused(&account, &settings);
        assert!(text.contains("AWSCURRENT was moved"), "{text}");
        assert_eq!(run(&account, &aborting(&settings)).unwrap(), Ending::Aborted);
        assert!(matches!(run(&account, &settings), Ok(Ending::Rotated { .. })));
    }
}

#[test]
fn a_run_ends_at_its_limit() {
    let settings = RotationSettings { run_limit: Duration::from_secs(20), ..iam(IamWith::Role) };
    let account = account_for(&settings);
    account.borrow_mut().propagation = 50;
    let error = run(&account, &settings).unwrap_err();
    assert_eq!(error.kind().exit_code(), 13);
    let (started, now) = (account.borrow().keys[1].created, account.borrow().now);
    assert!(now <= started + 20, "{}", now - started);
    pass(&account, 40);
    assert!(matches!(run(&account, &settings), Ok(Ending::Rotated { .. })));
}
