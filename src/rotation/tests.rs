//! Rotations of an account in memory.

mod access_keys;
mod commands;
mod interleavings;
mod interruptions;
mod model;
mod plans;
mod refusals;

use std::time::Duration;

use super::*;
use crate::output::error::Error;
use crate::output::rotation::Ending;
use model::{Interruption, Process, Shared, account, key, secret_of};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
const PASSWORD: &str = r#"{"user":"u", "password" : "old"}"#;

fn settings(strategy: Strategy) -> RotationSettings {
    RotationSettings {
        secret: "prod/key".to_owned(),
        goal: Goal::Rotate,
        strategy: Some(strategy),
        force: Force::No,
        if_older_than: Some(Duration::from_secs(30 * 86_400)),
        run_limit: Duration::from_secs(300),
    }
}

fn iam(iam_with: IamWith) -> RotationSettings {
    let keep_old = Duration::from_secs(86_400);
    settings(Strategy::IamAccessKey(AccessKeyRotation { iam_with, keep_old }))
}

fn commands() -> Commands {
    Commands { set: "set".to_owned(), test: "test".to_owned() }
}

fn password(commands: Option<Commands>) -> RotationSettings {
    let password = Password { key: Some("password".to_owned()), rules: PasswordRules::default() };
    settings(Strategy::RandomPassword { password, commands })
}

fn command() -> RotationSettings {
    let create = Creation::Command("create".to_owned());
    settings(Strategy::Command { create, commands: commands() })
}

fn aborting(settings: &RotationSettings) -> RotationSettings {
    RotationSettings { goal: Goal::Abort, ..settings.clone() }
}

/// Returns an account for a strategy.
fn account_for(settings: &RotationSettings) -> Shared {
    match &settings.strategy {
        Some(Strategy::IamAccessKey(_)) => account(&secret_of(&key(0, 0))),
        _ => account(PASSWORD),
    }
}

fn run(account: &Shared, settings: &RotationSettings) -> Result<Ending, Error> {
    Process::new(account).run(settings).expect("nothing kills it")
}

fn pass(account: &Shared, seconds: i64) {
    account.borrow_mut().now += seconds;
}

/// All strategies, each with every caller of IAM.
fn all() -> Vec<RotationSettings> {
    vec![
        iam(IamWith::Role),
        iam(IamWith::Secret),
        password(None),
        password(Some(commands())),
        command(),
    ]
}

/// A strategy with calls of IAM and one with commands: what the others do is a part of it.
fn two() -> Vec<RotationSettings> {
    vec![iam(IamWith::Secret), password(Some(commands()))]
}

/// Checks that nothing is left to do, now and after the times of old keys.
fn check_end(account: &Shared, settings: &RotationSettings, what: &str) {
    {
        let account = account.borrow();
        assert_eq!(account.labels.get("AWSPENDING"), None, "{what}: {account:#?}");
        let current = account.value("AWSCURRENT").unwrap();
        if matches!(settings.strategy, Some(Strategy::IamAccessKey(_))) {
            let known = [account.value("AWSCURRENT"), account.value("AWSPREVIOUS")];
            let known: Vec<_> = known.into_iter().flatten().map(model::key_id).collect();
            assert!(account.keys.iter().all(|key| known.contains(&key.id)), "{what}: {account:#?}");
        } else if settings.strategy.as_ref().is_some_and(|it| it.commands().is_some()) {
            let current: serde_json::Value = serde_json::from_str(current).unwrap();
            let password = current["password"].as_str();
            assert_eq!(account.database.last().map(String::as_str), password, "{what}");
        }
    }
    if !matches!(settings.strategy, Some(Strategy::IamAccessKey(_))) {
        return;
    }
    // The old key is deactivated by the first run after a day, and deleted by the first run a day later.
    let current = account.borrow().current_key().id.clone();
    for (seconds, active, all) in [(DAY + 301, 1, 2), (DAY - HOUR, 1, 2), (HOUR + 1, 1, 1)] {
        pass(account, seconds);
        let ending = run(account, settings).unwrap();
        assert!(matches!(ending, Ending::HeldBack { .. }), "{what}: {ending:?}");
        let account = account.borrow();
        assert_eq!(account.keys.iter().filter(|key| key.is_active).count(), active, "{what}");
        assert!(account.keys.len() <= all, "{what}: {account:#?}");
        assert_eq!(account.current_key().id, current, "{what}");
    }
    let account = account.borrow();
    assert_eq!(account.keys.len(), 1, "{what}: {account:#?}");
}
