//! Names and ARNs against patterns.

use super::*;
use roles_anywhere_client::aws::get_secret_value::{SecretRequest, SecretValue, SecretVersion};
use roles_anywhere_client::aws::parameter::{Decryption, Parameter, ParameterRequest};
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
    let by_name = rules(&["prod/*"], &["prod/root"]);
    assert!(by_name.may_allow(&secret(ARN)) && by_name.allow(&found("prod/db")));
    let by_arn = rules(&[ARN], &[]);
    assert!(by_arn.may_allow(&secret("prod/db")) && by_arn.allow(&found("prod/db")));
    assert!(!by_arn.allow(&found("other")));
    assert!(!by_arn.may_allow(&secret(&ARN.replace("db", "x"))));
}

#[test]
fn what_cannot_be_allowed_is_not_read() {
    let by_name = rules(&["prod/*", "ssm:///prod/*", "ssm://url"], &["prod/root"]);
    let partial = ARN.strip_suffix("-a1b2c3").unwrap();
    for id in [ARN, partial, "prod/db"] {
        assert!(by_name.may_allow(&secret(id)), "{id}");
    }
    for id in [ARN, partial] {
        for other in ["test/db", "prod/root"] {
            assert!(!by_name.may_allow(&secret(&id.replace("prod/db", other))), "{id} {other}");
        }
    }
    let of_parameter = |path: &str| {
        by_name
            .may_allow(&parameter(&format!("arn:aws:ssm:us-east-1:123456789012:parameter{path}")))
    };
    assert!(of_parameter("/prod/url") && of_parameter("/url") && !of_parameter("/test/url"));
    // A name that ends like an ARN.
    let hyphens = rules(&["prod/db-a1b2c3"], &[]);
    assert!(hyphens.may_allow(&secret(ARN)) && !hyphens.may_allow(&secret(partial)));
    let account = "arn:aws:*:*:123456789012:*";
    let rows = [
        (ARN, "prod/db", "prod/x"),
        (ARN, partial, "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/x"),
        ("arn:aws:secretsmanager:*:*:secret:prod/*", "prod/x", "test/x"),
        ("arn:aws:*:secret:prod/db-??????", "prod/db", "prod/db2"),
    ];
    for (pattern, allowed, refused) in rows {
        let rules = rules(&[pattern], &[]);
        assert!(rules.may_allow(&secret(allowed)), "{pattern} {allowed}");
        assert!(!rules.may_allow(&secret(refused)), "{pattern} {refused}");
    }
    let rules = rules(&[account], &[]);
    assert!(rules.may_allow(&secret("x")) && rules.may_allow(&parameter("/x")));
    assert!(!rules.may_allow(&secret(&"x".repeat(60_000))));
}

#[test]
fn patterns_intersect_if_one_text_matches_both() {
    for (one, other, expected) in [
        ("", "", true),
        ("*", "", true),
        ("a*", "*b", true),
        ("a*c", "a?b", false),
        ("a?c", "?b?", true),
        ("*a*", "b?b", true),
        ("a*", "b*", false),
        ("ab", "a", false),
        ("a**", "*a", true),
    ] {
        assert_eq!(intersect(one, other), expected, "{one} {other}");
        assert_eq!(intersect(other, one), expected, "{other} {one}");
    }
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

/// Returns what the Parameter Store returns for a secret.
fn referred(id: &str, arn: Option<&str>) -> FetchedValue {
    FetchedValue::Parameter(Parameter {
        name: format!("/aws/reference/secretsmanager/{id}"),
        kind: "SecureString".to_owned(),
        value: Secret::new("v".to_owned()),
        version: Some(0),
        selector: None,
        source_result: None,
        last_modified: None,
        arn: arn.map(str::to_owned),
        data_type: None,
    })
}

#[test]
fn secret_from_the_parameter_store_has_the_rules_of_the_secret() {
    let deny_rows = [ARN, "sm://prod/db", "sm://arn:*", "prod/*", "arn:aws:secretsmanager:*"];
    let partial = ARN.strip_suffix("-a1b2c3").unwrap();
    for pattern in deny_rows {
        let pattern = if pattern == ARN { format!("sm://{ARN}") } else { pattern.to_owned() };
        let denied = rules(&[], &[&pattern]);
        let allowed = rules(&[&pattern], &[]);
        for id in ["prod/db", ARN, partial] {
            assert!(!denied.allow(&referred(id, Some(ARN))), "{pattern} {id}");
            assert!(allowed.allow(&referred(id, Some(ARN))), "{pattern} {id}");
            let request = parameter(&format!("/aws/reference/secretsmanager/{id}"));
            assert!(allowed.may_allow(&request), "{pattern} {id}");
        }
    }
    // It is no parameter, unless it is denied as one.
    let parameters = ["ssm://*", "ssm:///aws/reference/secretsmanager/*", "ssm://arn:*"];
    for pattern in parameters {
        let allowed = rules(&[pattern], &[]);
        let name = "/aws/reference/secretsmanager/prod/db";
        let by_arn = format!("arn:aws:ssm:us-east-1:123456789012:parameter{name}");
        for request in [parameter(name), parameter(&by_arn)] {
            assert!(!allowed.may_allow(&request), "{pattern}");
        }
        for arn in [Some(ARN), Some(by_arn.as_str()), None] {
            assert!(!allowed.allow(&referred("prod/db", arn)), "{pattern}");
        }
        assert!(!rules(&[], &[pattern]).allow(&referred("prod/db", Some(ARN))), "{pattern}");
    }
    assert!(rules(&["prod/db"], &[]).allow(&referred("prod/db", None)));
    assert!(!rules(&[], &["prod/db"]).allow(&referred("prod/db", None)));
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
