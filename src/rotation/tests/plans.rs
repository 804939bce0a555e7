//! What `--dry-run` says, and that it changes nothing.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::*;

fn planned(account: &Shared, settings: &RotationSettings) -> String {
    let process = Process::new(account);
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(plan) = pin!(dry_run(&process, settings)).poll(&mut context) else {
        unreachable!("nothing interrupts it")
    };
    assert_eq!(process.changes(), 0);
    plan.unwrap()
}

#[test]
fn a_plan_has_the_steps_of_the_run() {
    for settings in all() {
        let account = account_for(&settings);
        let plan = planned(&account, &settings);
        let is_key = matches!(settings.strategy, Some(Strategy::IamAccessKey(_)));
        let has_set = settings.strategy.as_ref().is_some_and(|it| it.commands().is_some());
        for (step, is_planned) in [
            ("\n  claim ", true),
            ("\n  create ", true),
            ("\n  set ", has_set),
            ("\n  test ", has_set || is_key),
            ("\n  finish ", true),
            ("\n  retire ", is_key),
        ] {
            assert_eq!(plan.contains(step), is_planned, "{step} {plan}");
        }
    }
}

#[test]
fn what_is_due_for_old_keys_is_planned_until_it_is_done() {
    let settings = iam(IamWith::Role);
    let account = account_for(&settings);
    run(&account, &settings).unwrap();
    assert!(!planned(&account, &settings).contains("AKIA"));
    for due in ["deactivate the access key ", "delete the access key "] {
        pass(&account, DAY + 301);
        let line = format!("{due}{}", key(0, 0).id);
        assert!(planned(&account, &settings).contains(&line));
        assert!(!planned(&account, &aborting(&settings)).contains(&line));
        run(&account, &settings).unwrap();
        assert!(!planned(&account, &settings).contains("AKIA"));
    }
}
