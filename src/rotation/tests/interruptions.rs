//! A process is killed at any call, any answer is lost, another run comes at any time.

use std::cell::Cell;

use super::*;

/// Returns the number of calls of a run that nothing interrupts, and of those that change something.
fn numbers_of(settings: &RotationSettings) -> (usize, usize) {
    let account = account_for(settings);
    let process = Process::new(&account);
    let ending = process.run(settings).unwrap().unwrap();
    assert!(matches!(ending, Ending::Rotated { .. }), "{ending:?}");
    (process.made(), process.changes())
}

pub(super) fn calls_of(settings: &RotationSettings) -> usize {
    numbers_of(settings).0
}

fn kills(calls: usize) -> impl Iterator<Item = Interruption> {
    (0..=calls).map(Interruption::KillAfter)
}

/// Two processes that are killed one after the other. To be killed after a call that only reads is the
/// same as after the change before it.
fn pairs(settings: &RotationSettings) -> Vec<(Interruption, Interruption)> {
    let changes = numbers_of(settings).1;
    let pairs = (1..=changes).flat_map(|one| (1..=changes + 4).map(move |two| (one, two)));
    let kill = Interruption::KillAfterChange;
    pairs.map(|(one, two)| (kill(one), kill(two))).collect()
}

/// Runs until the secret is rotated, each time after the limit of the run before.
fn finish(account: &Shared, settings: &RotationSettings, what: &str) {
    pass(account, 301);
    match run(account, settings) {
        Ok(Ending::Rotated { .. } | Ending::WasRotated { .. } | Ending::HeldBack { .. }) => {}
        other => panic!("{what}: {other:?} {:#?}", account.borrow()),
    }
}

fn is_rotated(account: &Shared) -> bool {
    let account = account.borrow();
    account.value("AWSPREVIOUS").is_some()
}

#[test]
fn a_run_that_nothing_interrupts_ends_right() {
    for settings in all() {
        let account = account_for(&settings);
        let ending = run(&account, &settings).unwrap();
        assert!(matches!(ending, Ending::Rotated { .. }), "{ending:?}");
        check_end(&account, &settings, "whole");
    }
}

#[test]
fn a_run_that_is_killed_at_any_call_is_continued() {
    for settings in all() {
        for kill in kills(calls_of(&settings)) {
            let what = format!("{:?} {kill:?}", settings.strategy);
            let account = account_for(&settings);
            Process::interrupted(&account, kill).run(&settings);
            finish(&account, &settings, &what);
            assert!(is_rotated(&account), "{what}");
            check_end(&account, &settings, &what);
        }
    }
}

#[test]
fn two_runs_that_are_killed_at_any_calls_are_continued() {
    for settings in two() {
        for (first, second) in pairs(&settings) {
            let what = format!("{:?} {first:?} {second:?}", settings.strategy);
            let account = account_for(&settings);
            Process::interrupted(&account, first).run(&settings);
            pass(&account, 301);
            Process::interrupted(&account, second).run(&settings);
            finish(&account, &settings, &what);
            assert!(is_rotated(&account), "{what}");
            check_end(&account, &settings, &what);
        }
    }
}

#[test]
fn a_run_whose_call_fails_or_loses_its_answer_is_continued_at_once() {
    for settings in all() {
        for at in 1..=calls_of(&settings) {
            for interruption in [Interruption::LoseAnswer(at), Interruption::Fail(at)] {
                let what = format!("{:?} {interruption:?}", settings.strategy);
                let account = account_for(&settings);
                let outcome = Process::interrupted(&account, interruption).run(&settings);
                assert!(outcome.unwrap().is_err(), "{what}");
                match run(&account, &settings) {
                    Ok(
                        Ending::Rotated { .. }
                        | Ending::WasRotated { .. }
                        | Ending::HeldBack { .. },
                    ) => {}
                    other => panic!("{what}: {other:?} {:#?}", account.borrow()),
                }
                check_end(&account, &settings, &what);
            }
        }
    }
}

#[test]
fn a_run_that_is_stopped_during_any_call_is_continued_at_once() {
    for settings in all() {
        let mut unfinished = 0;
        for at in 1..=calls_of(&settings) {
            let what = format!("{:?} {at}", settings.strategy);
            let account = account_for(&settings);
            let process = Process::interrupted(&account, Interruption::Stop(at));
            let outcome = process.run(&settings).expect("nothing kills it");
            if let Err(error) = outcome {
                assert_eq!(error.kind().exit_code(), 143, "{what}: {error:?}");
                assert!(!is_rotated(&account), "{what}");
                unfinished += 1;
            }
            // Of a claim without anything, nothing is left.
            {
                let account = account.borrow();
                let has_claim = account.labels.contains_key("AWSPENDING");
                assert!(account.made_values > 0 || !has_claim, "{what}: {account:#?}");
            }
            match run(&account, &settings) {
                Ok(
                    Ending::Rotated { .. } | Ending::WasRotated { .. } | Ending::HeldBack { .. },
                ) => {}
                other => panic!("{what}: {other:?} {:#?}", account.borrow()),
            }
            check_end(&account, &settings, &what);
        }
        assert!(unfinished > 5, "{unfinished}");
    }
}

#[test]
fn a_call_that_is_carried_out_twice_makes_no_difference() {
    for settings in all() {
        for at in 1..=calls_of(&settings) {
            let what = format!("{:?} {at}", settings.strategy);
            let account = account_for(&settings);
            let process = Process::interrupted(&account, Interruption::Repeat(at));
            let outcome = process.run(&settings).unwrap();
            // CreateAccessKey is never sent twice. A refused one counts as one that has made no key.
            let has_two = account.borrow().created_keys == 1 && account.borrow().keys.len() == 2;
            match outcome {
                Ok(Ending::Rotated { .. }) => {}
                Err(_) if has_two => continue,
                other => panic!("{what}: {other:?} {:#?}", account.borrow()),
            }
            check_end(&account, &settings, &what);
        }
    }
}

#[test]
fn the_time_between_a_kill_and_the_next_run_makes_no_difference() {
    for settings in all() {
        for (kill, wait) in
            kills(calls_of(&settings)).flat_map(|kill| [HOUR, 40 * DAY].map(|it| (kill, it)))
        {
            let what = format!("{:?} {kill:?} {wait}", settings.strategy);
            let account = account_for(&settings);
            Process::interrupted(&account, kill).run(&settings);
            pass(&account, wait);
            // After 40 days, a secret that was rotated is due again, and its old key not yet.
            if wait == HOUR || !is_rotated(&account) {
                finish(&account, &settings, &what);
                if wait == HOUR {
                    check_end(&account, &settings, &what);
                }
            }
        }
    }
}

#[test]
fn of_two_runs_at_the_same_time_one_rotates() {
    for settings in all() {
        for at in 1..=calls_of(&settings) {
            let what = format!("{:?} {at}", settings.strategy);
            let account = account_for(&settings);
            let has_rotated = |ending: &Ending| matches!(ending, Ending::Rotated { .. });
            let is_rotated_by_other = Cell::new(false);
            let other = |account: &Shared| {
                let outcome = run(account, &settings);
                is_rotated_by_other.set(outcome.is_ok_and(|ending| has_rotated(&ending)));
            };
            let first = Process::new(&account).meanwhile(at, other).run(&settings).unwrap();
            let first = first.unwrap_or_else(|error| panic!("{what}: {error:?}"));
            assert_ne!(has_rotated(&first), is_rotated_by_other.get(), "{what}");
            let is_iam = matches!(settings.strategy, Some(Strategy::IamAccessKey(_)));
            assert_eq!(account.borrow().created_keys, usize::from(is_iam), "{what}");
            check_end(&account, &settings, &what);
        }
    }
}

#[test]
fn a_run_that_another_one_overtakes_changes_nothing_any_more() {
    for settings in two() {
        let (calls, changes) = numbers_of(&settings);
        let of_call =
            |at| (1..=changes + 4).map(move |two| (at, Interruption::KillAfterChange(two)));
        for (at, kill) in (1..=calls).flat_map(of_call) {
            let what = format!("{:?} {at} {kill:?}", settings.strategy);
            let account = account_for(&settings);
            // The first run stands still for longer than its limit; then another one comes.
            let other = |account: &Shared| {
                pass(account, 301);
                let _ = Process::interrupted(account, kill).run(&settings);
            };
            let _ = Process::new(&account).meanwhile(at, other).run(&settings);
            finish(&account, &settings, &what);
            assert!(is_rotated(&account), "{what}");
            check_end(&account, &settings, &what);
        }
    }
}

#[test]
fn an_interrupted_rotation_is_aborted() {
    for settings in all() {
        for kill in kills(calls_of(&settings)) {
            let what = format!("{:?} {kill:?}", settings.strategy);
            let account = account_for(&settings);
            Process::interrupted(&account, kill).run(&settings);
            pass(&account, 901);
            let was_rotated = is_rotated(&account);
            let abort = aborting(&settings);
            let ending = run(&account, &abort).unwrap();
            assert!(
                matches!(ending, Ending::Aborted | Ending::NothingToAbort),
                "{what}: {ending:?}"
            );
            assert_eq!(account.borrow().labels.get("AWSPENDING"), None, "{what}");
            assert_eq!(is_rotated(&account), was_rotated, "{what}");
            if !was_rotated {
                assert_eq!(account.borrow().keys.len(), 1, "{what}: {:#?}", account.borrow());
            }
            if !was_rotated {
                account.borrow_mut().events.clear();
                finish(&account, &settings, &what);
                let events = account.borrow().events.clone();
                assert!(events.iter().any(|it| it == "rotation_started"), "{what}: {events:?}");
            }
            check_end(&account, &settings, &what);
        }
    }
}

#[test]
fn an_abort_that_is_killed_is_completed_by_the_next_run() {
    for settings in two() {
        for (kill, second) in pairs(&settings) {
            let what = format!("{:?} {kill:?} {second:?}", settings.strategy);
            let account = account_for(&settings);
            Process::interrupted(&account, kill).run(&settings);
            pass(&account, 901);
            Process::interrupted(&account, second).run(&aborting(&settings));
            finish(&account, &settings, &what);
            assert!(is_rotated(&account), "{what}");
            check_end(&account, &settings, &what);
        }
    }
}
