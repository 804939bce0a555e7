//! Passwords and commands.

use super::*;
use crate::output::rotation::RotationStep;

#[test]
fn the_rest_of_the_secret_stays_as_it_is_written() {
    for settings in [password(None), password(Some(commands()))] {
        let account = account_for(&settings);
        run(&account, &settings).unwrap();
        let account = account.borrow();
        let value = account.value("AWSCURRENT").unwrap();
        assert!(value.starts_with(r#"{"user":"u", "password" : "password-"#), "{value}");
        assert_eq!(account.value("AWSPREVIOUS"), Some(PASSWORD));
    }
}

#[test]
fn the_output_of_create_is_the_value() {
    let settings = command();
    let account = account_for(&settings);
    run(&account, &settings).unwrap();
    let account = account.borrow();
    let value = account.value("AWSCURRENT").unwrap();
    assert!(value.starts_with(r#"{"password":"created-"#) && value.ends_with('}'), "{value}");
}

#[test]
fn every_step_is_reported_once() {
    let steps = |settings: &RotationSettings| {
        let account = account_for(settings);
        account.borrow_mut().propagation = 3;
        run(&account, settings).unwrap();
        account.borrow().events.join(" ")
    };
    assert_eq!(
        steps(&iam(IamWith::Role)),
        "rotation_started access_key_created rotation_value_stored access_key_awaited rotation_value_tested rotation_finished"
    );
    assert_eq!(
        steps(&command()),
        "rotation_started rotation_value_stored rotation_value_set rotation_value_tested rotation_finished"
    );
    assert_eq!(steps(&password(None)), "rotation_started rotation_value_stored rotation_finished");
}

#[test]
fn a_secret_without_the_member_is_refused_before_anything_is_changed() {
    let settings = password(None);
    let account = account(r#"{"user":"u"}"#);
    let error = run(&account, &settings).unwrap_err();
    assert_eq!(error.kind().exit_code(), RotationStep::Claim.exit_code());
    assert_eq!(account.borrow().versions.len(), 1);
}
