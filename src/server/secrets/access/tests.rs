//! Names and ARNs against patterns.

use super::*;
use roles_anywhere_client::aws::get_secret_value::{SecretRequest, SecretValue, SecretVersion};
use roles_anywhere_client::aws::parameter::{Decryption, ParameterRequest};
use roles_anywhere_client::secret::Secret;

const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-a1b2c3";

fn rules(allow: &[&str], deny: &[&str]) -> AccessRules {
    let parsed =
        |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
    AccessRules { allow: parsed(allow), deny: parsed(deny) }
}

fn secret(id: &str) -> ReadItem {
    ReadItem::Secret(SecretRequest::current(id.parse().unwrap()))
}

fn parameter(id: &str) -> ReadItem {
    ReadItem::Parameter(ParameterRequest::parse(id).unwrap(), Decryption::Decrypted)
}

fn found(name: &str) -> FetchedValue {
    FetchedValue::Secret(SecretVersion {
        arn: format!("arn:aws:secretsmanager:us-east-1:123456789012:secret:{name}-a1b2c3"),
        name: name.to_owned(),
        version_id: None,
        version_stages: Vec::new(),
        created: None,
        value: SecretValue::Text(Secret::new("v".to_owned())),
    })
}

#[test]
fn stars_and_question_marks_match_as_in_iam() {
    for (pattern, text, expected) in [
        ("", "", true),
        ("*", "", true),
        ("*", "a/b", true),
        ("prod/*", "prod/db", true),
        ("prod/*", "prod/a/b", true),
        ("prod/*", "prod/", true),
        ("prod/*", "prod", false),
        ("prod/*", "xprod/db", false),
        ("*/db", "prod/db", true),
        ("*/db", "prod/db2", false),
        ("a*b*c", "a1b2b3c", true),
        ("a*b*c", "acb", false),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("**", "x", true),
        ("a", "ab", false),
    ] {
        assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
    }
    let slow = "a*".repeat(20) + "b";
    assert!(!matches(slow.as_bytes(), "a".repeat(2_000).as_bytes()));
}

#[test]
fn everything_is_allowed_without_rules() {
    let none = rules(&[], &[]);
    assert!(none.may_allow(&secret("x")) && none.allow(&found("x")));
}

#[test]
fn deny_takes_precedence() {
    let rules = rules(&["prod/*"], &["prod/root"]);
    assert!(rules.may_allow(&secret("prod/db")) && rules.allow(&found("prod/db")));
    assert!(!rules.may_allow(&secret("prod/root")) && !rules.allow(&found("prod/root")));
    assert!(!rules.may_allow(&secret("test/db")) && !rules.allow(&found("test/db")));
}

#[test]
fn other_form_of_a_name_is_checked_once_it_is_known() {
    let by_name = rules(&["prod/*"], &["prod/db"]);
    assert!(by_name.may_allow(&secret(ARN)));
    assert!(!by_name.allow(&found("prod/db")));
    let by_arn = rules(&[ARN], &[]);
    assert!(by_arn.may_allow(&secret("prod/db")) && by_arn.allow(&found("prod/db")));
    assert!(by_arn.may_allow(&secret("other")) && !by_arn.allow(&found("other")));
    assert!(!by_arn.may_allow(&secret(&ARN.replace("db", "x"))));
}

#[test]
fn pattern_of_names_matches_no_arn() {
    let rules = rules(&["*secret*"], &["*aws*"]);
    assert!(!rules.allow(&found("prod/db")));
    assert!(rules.allow(&found("my-secret")));
    assert!(!rules.allow(&found("aws-secret")));
}

#[test]
fn scheme_limits_a_pattern_to_secrets_or_parameters() {
    let secrets = rules(&["sm://prod/*"], &[]);
    assert!(secrets.may_allow(&secret("prod/db")) && !secrets.may_allow(&parameter("prod/db")));
    let parameters = rules(&["ssm:///prod/*"], &[]);
    assert!(parameters.may_allow(&parameter("/prod/url")));
    assert!(!parameters.may_allow(&secret("/prod/url")));
}

#[test]
fn parameter_that_refers_to_a_secret_is_of_its_name() {
    let denied = rules(&[], &["sm://prod/*"]);
    assert!(!denied.may_allow(&parameter("/aws/reference/secretsmanager/prod/db")));
    let allowed = rules(&["prod/*"], &[]);
    assert!(allowed.may_allow(&parameter("/aws/reference/secretsmanager/prod/db")));
    assert!(!allowed.may_allow(&parameter("/aws/reference/secretsmanager/test/db")));
}

#[test]
fn refuses_what_matches_no_name() {
    for text in ["", "sm://", "ssm://", "a b", "a,b", "a\n", "ä", "a\"b", "[a]"] {
        assert_eq!(text.parse::<AccessPattern>(), Err(PatternError), "{text:?}");
    }
    for text in ["sm://prod/*", "ssm:///a/?", "*", ARN] {
        assert_eq!(text.parse::<AccessPattern>().unwrap().to_string(), text);
    }
}
