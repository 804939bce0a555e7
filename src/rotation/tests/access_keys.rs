//! The keys of the user beside the new one.

use super::model::Account;
use super::*;

/// Kills a run after CreateAccessKey, so that the secret of the key is lost.
fn with_lost_key(settings: &RotationSettings) -> Shared {
    with_lost_key_by_clock(settings, 0)
}

/// The same, on a machine whose clock is this many seconds ahead.
fn with_lost_key_by_clock(settings: &RotationSettings, clock_error: i64) -> Shared {
    for at in 1.. {
        let account = account_for(settings);
        account.borrow_mut().clock_error = clock_error;
        Process::interrupted(&account, Interruption::KillAfter(at)).run(settings);
        if account.borrow().created_keys == 1 {
            return account;
        }
    }
    unreachable!()
}

fn add_key(account: &Shared, change: impl FnOnce(&mut Account)) {
    change(&mut account.borrow_mut());
}

fn text(outcome: Result<Ending, Error>) -> String {
    outcome.unwrap_err().reasons().join(": ")
}

#[test]
fn another_strategy_is_refused_while_an_old_key_is_kept() {
    let settings = iam(IamWith::Role);
    let due = |settings: RotationSettings| RotationSettings { if_older_than: None, ..settings };
    let rotated = || {
        let account = account_for(&settings);
        run(&account, &settings).unwrap();
        account
    };
    let account = rotated();
    // Until it is deleted, it is refused: active, then inactive.
    for (seconds, keys) in [(0, 2), (DAY + 301, 2), (DAY, 1)] {
        pass(&account, seconds);
        let error =
            run(&account, &due(command())).map_or_else(|error| error, |it| panic!("{it:?}"));
        assert_eq!(error.kind().exit_code(), 10, "{error:?}");
        let reasons = error.reasons().join(": ");
        assert!(reasons.contains("key AKIA0000000000000000, which"), "{reasons}");
        run(&account, &settings).unwrap();
        assert_eq!(account.borrow().keys.len(), keys);
    }
    assert!(matches!(run(&account, &due(command())), Ok(Ending::Rotated { .. })));
    // By force it is left, and not asked about again.
    let account = rotated();
    let forced = RotationSettings { force: Force::Yes, ..due(command()) };
    for settings in [forced, due(command())] {
        assert!(matches!(run(&account, &settings), Ok(Ending::Rotated { .. })));
    }
    assert_eq!(account.borrow().keys.len(), 2);
    // A key that was deleted by hand is forgotten by the next run.
    let account = rotated();
    account.borrow_mut().keys.remove(0);
    run(&account, &settings).unwrap();
    assert!(matches!(run(&account, &due(command())), Ok(Ending::Rotated { .. })));
}

#[test]
fn a_key_that_no_version_names_is_never_touched() {
    for iam_with in [IamWith::Role, IamWith::Secret] {
        let settings = iam(iam_with);
        let account = account_for(&settings);
        let other = key(700, account.borrow().now - 50);
        add_key(&account, |account| account.keys.push(other.clone()));
        let text = text(run(&account, &settings));
        assert!(text.contains(&other.id) && text.contains("is not in any version"), "{text}");
        assert_eq!(account.borrow().versions.len(), 1, "nothing is changed");
        pass(&account, 100 * DAY);
        run(&account, &settings).unwrap_err();
        assert!(account.borrow().keys.iter().any(|it| it.id == other.id && it.is_active));
    }
}

#[test]
fn a_lost_key_is_deleted() {
    for iam_with in [IamWith::Role, IamWith::Secret] {
        let settings = iam(iam_with);
        let account = with_lost_key(&settings);
        pass(&account, 10 * DAY);
        assert!(matches!(run(&account, &settings), Ok(Ending::Rotated { .. })));
        let account = account.borrow();
        assert_eq!((account.created_keys, account.keys.len()), (2, 2), "{account:#?}");
        assert!(account.events.iter().any(|event| event == "access_key_deleted"));
    }
}

#[test]
fn a_lost_key_is_known_by_the_clock_of_aws() {
    let settings = iam(IamWith::Role);
    for clock_error in [-230, -3, 3, 230] {
        let account = with_lost_key_by_clock(&settings, clock_error);
        pass(&account, DAY);
        let ending = run(&account, &settings);
        assert!(matches!(ending, Ok(Ending::Rotated { .. })), "{clock_error}: {ending:?}");
    }
}

#[test]
fn a_key_that_appears_before_the_call_of_a_run_is_not_its_lost_one() {
    let settings = iam(IamWith::Role);
    let (mut added, mut kept) = (0, 0);
    for at in 1..=interruptions::calls_of(&settings) {
        let account = account_for(&settings);
        let add = |account: &Shared| {
            let mut account = account.borrow_mut();
            if account.created_keys == 0 {
                let other = key(700, account.now);
                account.keys.push(other);
                added += 1;
            }
        };
        let _ = Process::new(&account).meanwhile(at, add).run(&settings);
        let account = account.borrow();
        kept += usize::from(account.keys.iter().any(|it| it.id == key(700, 0).id));
    }
    assert!(added > 5, "{added}");
    assert_eq!(kept, added);
}

#[test]
fn a_key_that_is_made_by_hand_after_a_refused_call_is_not_a_lost_one() {
    let settings = iam(IamWith::Role);
    let account = account_for(&settings);
    account.borrow_mut().is_create_denied = true;
    let length = |account: &Shared| account.borrow().value("AWSPENDING").unwrap().len();
    run(&account, &settings).unwrap_err();
    let first = length(&account);
    run(&account, &settings).unwrap_err();
    assert_eq!(length(&account), first, "the document does not grow");
    let by_hand = key(700, account.borrow().now + 5);
    add_key(&account, |account| account.keys.push(by_hand.clone()));
    account.borrow_mut().is_create_denied = false;
    pass(&account, 60);
    let text = text(run(&account, &settings));
    assert!(text.contains("is not in any version of the secret"), "{text}");
    assert!(account.borrow().keys.iter().any(|it| it.id == by_hand.id));
    account.borrow_mut().keys.retain(|it| it.id != by_hand.id);
    assert!(matches!(run(&account, &settings), Ok(Ending::Rotated { .. })));
    check_end(&account, &settings, "refused");
}

#[test]
fn a_key_that_was_used_or_made_at_another_time_is_not_a_lost_one() {
    let settings = iam(IamWith::Role);
    let changes: [fn(&mut Account); 3] = [
        |account| account.keys[1].last_used = Some(account.now),
        |account| account.keys[1].created += 125,
        |account| account.keys[1].created -= 5,
    ];
    for change in changes {
        let account = with_lost_key(&settings);
        change(&mut account.borrow_mut());
        pass(&account, DAY);
        let text = text(run(&account, &settings));
        assert!(text.contains("is not in any version of the secret"), "{text}");
        assert_eq!(account.borrow().keys.len(), 2);
    }
}

#[test]
fn an_old_key_keeps_the_next_rotation_from_starting() {
    let settings = RotationSettings { if_older_than: None, ..iam(IamWith::Role) };
    let account = account_for(&settings);
    run(&account, &settings).unwrap();
    pass(&account, HOUR);
    let versions = account.borrow().versions.len();
    let active = text(run(&account, &settings));
    assert!(active.contains("stays active until"), "{active}");
    assert_eq!(account.borrow().versions.len(), versions, "nothing is changed");
    pass(&account, DAY);
    let inactive = text(run(&account, &settings));
    assert!(inactive.contains("was deactivated and is kept until"), "{inactive}");
    pass(&account, DAY);
    assert!(matches!(run(&account, &settings), Ok(Ending::Rotated { .. })));
    assert_eq!(account.borrow().keys.len(), 2);
}

#[test]
fn a_key_that_was_activated_again_is_left() {
    let settings = iam(IamWith::Role);
    let account = account_for(&settings);
    run(&account, &settings).unwrap();
    pass(&account, 2 * DAY);
    run(&account, &settings).unwrap();
    assert!(!account.borrow().keys[0].is_active);
    account.borrow_mut().keys[0].is_active = true;
    pass(&account, 40 * DAY);
    let text = text(run(&account, &settings));
    assert!(text.contains("was activated again"), "{text}");
    assert_eq!(account.borrow().keys.len(), 2);
}

#[test]
fn a_version_that_was_made_current_again_keeps_its_key() {
    let settings = iam(IamWith::Role);
    let account = account_for(&settings);
    run(&account, &settings).unwrap();
    {
        let mut account = account.borrow_mut();
        let (current, previous) =
            (account.labels["AWSCURRENT"].clone(), account.labels["AWSPREVIOUS"].clone());
        account.labels.insert("AWSCURRENT".to_owned(), previous);
        account.labels.insert("AWSPREVIOUS".to_owned(), current);
    }
    let if_older_than = Some(Duration::from_secs(1_000 * 86_400));
    let settings = RotationSettings { if_older_than, ..settings };
    for _ in 0..4 {
        pass(&account, DAY + 1);
        run(&account, &settings).unwrap();
    }
    let account = account.borrow();
    assert_eq!(account.current_key().id, key(0, 0).id);
    assert_eq!(account.keys.len(), 1, "the key of the version that is not current is retired");
}

#[test]
fn a_key_that_was_current_again_is_kept_from_then_on() {
    let settings = iam(IamWith::Role);
    let account = account_for(&settings);
    run(&account, &settings).unwrap();
    let exchange = || {
        let mut account = account.borrow_mut();
        let (current, previous) =
            (account.labels["AWSCURRENT"].clone(), account.labels["AWSPREVIOUS"].clone());
        account.labels.insert("AWSCURRENT".to_owned(), previous);
        account.labels.insert("AWSPREVIOUS".to_owned(), current);
    };
    let if_older_than = Some(Duration::from_secs(1_000 * 86_400));
    let settings = RotationSettings { if_older_than, ..settings };
    pass(&account, HOUR);
    exchange();
    run(&account, &settings).unwrap();
    pass(&account, DAY - 2 * HOUR);
    exchange();
    pass(&account, 2 * HOUR);
    run(&account, &settings).unwrap();
    assert!(account.borrow().keys[0].is_active, "it was the current one two hours ago");
    pass(&account, DAY);
    run(&account, &settings).unwrap();
    assert!(!account.borrow().keys[0].is_active);
}

#[test]
fn a_key_of_a_version_with_a_label_of_others_is_kept() {
    let settings = iam(IamWith::Role);
    let account = account_for(&settings);
    run(&account, &settings).unwrap();
    let previous = account.borrow().labels["AWSPREVIOUS"].clone();
    account.borrow_mut().labels.insert("legacy-app".to_owned(), previous);
    for _ in 0..4 {
        pass(&account, DAY);
        run(&account, &settings).unwrap();
    }
    assert!(account.borrow().keys.iter().all(|key| key.is_active));
}

#[test]
fn the_key_of_a_rotation_by_another_program_is_retired_from_its_first_sight() {
    let settings = iam(IamWith::Role);
    let account = account_for(&settings);
    {
        let mut account = account.borrow_mut();
        let (new, now) = (key(900, 0), account.now);
        let id = "55555555-5555-4555-8555-555555555555".to_owned();
        account.versions.insert(id.clone(), (secret_of(&new), now));
        account.keys.push(new);
        let old = account.labels.insert("AWSCURRENT".to_owned(), id).unwrap();
        account.labels.insert("AWSPREVIOUS".to_owned(), old);
    }
    let active = |account: &Shared| account.borrow().keys.iter().filter(|it| it.is_active).count();
    for (seconds, expected, all) in [(0, 2, 2), (DAY - 1, 2, 2), (1, 1, 2), (DAY, 1, 1)] {
        pass(&account, seconds);
        assert!(matches!(run(&account, &settings), Ok(Ending::HeldBack { .. })));
        assert_eq!((active(&account), account.borrow().keys.len()), (expected, all));
    }
}

#[test]
fn twenty_rotations_never_leave_a_reader_with_a_refused_key() {
    for iam_with in [IamWith::Role, IamWith::Secret] {
        let settings = iam(iam_with);
        let account = account_for(&settings);
        account.borrow_mut().propagation = 8;
        // A reader keeps a key for an hour; the model checks the current one at every call.
        let (mut held, mut read_at) = (String::new(), 0);
        for hour in 0..(20 * 32 * 24) {
            pass(&account, HOUR);
            if hour % 16 == 0 {
                run(&account, &settings).unwrap();
            }
            let account = account.borrow();
            if account.now >= read_at + HOUR {
                held = account.current_key().id.clone();
                read_at = account.now;
            }
            assert!(account.keys.iter().any(|key| key.id == held && key.is_active), "{account:#?}");
        }
        assert!(account.borrow().created_keys >= 20, "{}", account.borrow().created_keys);
    }
}

#[test]
fn the_user_of_a_key_is_asked_for_if_the_secret_does_not_name_it() {
    let settings = iam(IamWith::Role);
    let account = account_for(&settings);
    {
        let mut account = account.borrow_mut();
        account.is_user_named = false;
        let current = account.labels["AWSCURRENT"].clone();
        let value = account.secret_of(&key(0, 0));
        assert!(!value.contains("UserName"));
        account.versions.get_mut(&current).unwrap().0 = value;
    }
    assert!(matches!(run(&account, &settings), Ok(Ending::Rotated { .. })));
}
