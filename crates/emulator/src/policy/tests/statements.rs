//! The calls that a statement is about: actions, resources and principals.

use super::{ACTION, ROLE, SECRET, SESSION, policy, session};
use crate::policy::evaluation::{Evaluation, evaluate};
use crate::policy::{AccessRequest, Context, PolicyKind, Principal};

fn allowed(
    kind: PolicyKind,
    statement: &str,
    principal: &Principal,
    action: &str,
    resource: &str,
) -> bool {
    let policy = policy(kind, statement);
    let request = AccessRequest::new(principal, action, resource, Context::default());
    matches!(evaluate(&[("policy", &policy)], &request), Evaluation::Allowed { .. })
}

#[test]
fn actions_are_compared_without_case() {
    let table = [
        (r#""secretsmanager:GetSecretValue""#, true),
        (r#""SecretsManager:getsecretvalue""#, true),
        (r#""secretsmanager:Get*""#, true),
        (r#""secretsmanager:*Secret*""#, true),
        (r#""secretsmanager:?etSecretValue""#, true),
        (r#""secretsmanager:?GetSecretValue""#, false),
        (r#""secretsmanager:Get""#, false),
        (r#""ssm:*""#, false),
        (r#""*""#, true),
        (r#""*:*""#, true),
        (r#"["ssm:GetParameter","secretsmanager:*"]"#, true),
    ];
    for (action, expected) in table {
        for (element, expected) in [("Action", expected), ("NotAction", !expected)] {
            let statement = format!(r#"{{"Effect":"Allow","{element}":{action},"Resource":"*"}}"#);
            let found = allowed(PolicyKind::Identity, &statement, &session(), ACTION, SECRET);
            assert_eq!(found, expected, "{statement}");
        }
    }
}

#[test]
fn resources_are_compared_with_case_within_segments() {
    let table = [
        (r#""*""#, SECRET, true),
        (
            r#""arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/db-AbCdEf""#,
            SECRET,
            true,
        ),
        (
            r#""arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/db-abcdef""#,
            SECRET,
            false,
        ),
        (
            r#""arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/db-??????""#,
            SECRET,
            true,
        ),
        (r#""arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/*""#, SECRET, true),
        (r#""arn:aws:secretsmanager:*:123456789012:secret:*/db-*""#, SECRET, true),
        (r#""arn:aws:secretsmanager:eu-*:*:secret:prod/d?-*""#, SECRET, true),
        (r#""arn:aws:secretsmanager:*:*:secret:test/*""#, SECRET, false),
        // A `*` that ends its segment goes on behind colons ...
        (r#""arn:aws:secretsmanager:*""#, SECRET, true),
        (r#""arn:aws:secretsmanager:*:secret:prod/*""#, SECRET, true),
        (r#""arn:*""#, SECRET, true),
        // ... and one within a segment does not, nor does a `?`.
        (r#""arn:aws:secretsmanager:e*t:prod/db-*""#, SECRET, false),
        (r#""arn:aws:s3:::b*/x""#, "arn:aws:s3:::bucket/a/b/x", true),
        (r#""arn:aws:s3:::b*/x""#, "arn:aws:s3:::bucket/a:b/x", false),
        (r#""arn:aws:s3:::a?b""#, "arn:aws:s3:::a:b", false),
        (r#"["arn:aws:s3:::a","arn:aws:s3:::b"]"#, "arn:aws:s3:::b", true),
    ];
    for (pattern, resource, expected) in table {
        for (element, expected) in [("Resource", expected), ("NotResource", !expected)] {
            let statement = format!(r#"{{"Effect":"Allow","Action":"*","{element}":{pattern}}}"#);
            let found = allowed(PolicyKind::Identity, &statement, &session(), ACTION, resource);
            assert_eq!(found, expected, "{statement} {resource}");
        }
    }
}

#[test]
fn a_variable_without_a_value_matches_no_resource() {
    for (element, expected) in [("Resource", false), ("NotResource", true)] {
        let statement = format!(
            r#"{{"Effect":"Allow","Action":"*","{element}":"arn:aws:s3:::b/${{aws:username}}*"}}"#
        );
        let resource = "arn:aws:s3:::b/robot-7/x";
        let found = allowed(PolicyKind::Identity, &statement, &session(), ACTION, resource);
        assert_eq!(found, expected, "{element}");
    }
    let statement =
        r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/${aws:PrincipalAccount}/*"}"#;
    for (resource, expected) in
        [("arn:aws:s3:::b/123456789012/x", true), ("arn:aws:s3:::b/210987654321/x", false)]
    {
        let found = allowed(PolicyKind::Identity, statement, &session(), ACTION, resource);
        assert_eq!(found, expected, "{resource}");
    }
}

#[test]
fn principals_name_callers() {
    let service = Principal::Service("rolesanywhere.amazonaws.com".to_owned());
    // The entry, and whether it names the service and the session.
    let table = [
        (r#""*""#.to_owned(), [true, true]),
        (r#"{"AWS":"*"}"#.to_owned(), [true, true]),
        (r#"{"AWS":"123456789012"}"#.to_owned(), [false, true]),
        (r#"{"AWS":"arn:aws:iam::123456789012:root"}"#.to_owned(), [false, true]),
        (r#"{"AWS":"210987654321"}"#.to_owned(), [false; 2]),
        (format!(r#"{{"AWS":"{ROLE}"}}"#), [false, true]),
        (r#"{"AWS":"arn:aws:iam::123456789012:role/Workload"}"#.to_owned(), [false; 2]),
        (format!(r#"{{"AWS":["{SESSION}"]}}"#), [false, true]),
        (format!(r#"{{"AWS":["{SESSION}0"]}}"#), [false; 2]),
        (r#"{"AWS":"arn:aws:iam::123456789012:user/Workload"}"#.to_owned(), [false; 2]),
        (r#"{"Service":"rolesanywhere.amazonaws.com"}"#.to_owned(), [true, false]),
        (r#"{"Service":["ec2.amazonaws.com"]}"#.to_owned(), [false; 2]),
        (r#"{"Federated":"cognito-identity.amazonaws.com"}"#.to_owned(), [false; 2]),
        (r#"{"CanonicalUser":"79a59df9"}"#.to_owned(), [false; 2]),
        (r#"{"AWS":"123456789012","Service":"rolesanywhere.amazonaws.com"}"#.to_owned(), [true; 2]),
    ];
    for (principal, expected) in table {
        let statement =
            format!(r#"{{"Effect":"Allow","Action":"*","Resource":"*","Principal":{principal}}}"#);
        let found = [&service, &session()]
            .map(|caller| allowed(PolicyKind::Resource, &statement, caller, ACTION, SECRET));
        assert_eq!(found, expected, "{principal}");
    }
}

/// The second example of IAM's page on NotPrincipal.
#[test]
fn not_principal_exempts_a_caller_named_with_its_account() {
    let denies = |entries: &str, caller: &Principal| {
        let policy = policy(
            PolicyKind::Resource,
            &format!(
                r#"{{"Effect":"Deny","Action":"*","Resource":"*","NotPrincipal":{{"AWS":{entries}}}}}"#
            ),
        );
        let request = AccessRequest::new(caller, ACTION, SECRET, Context::default());
        matches!(evaluate(&[("policy", &policy)], &request), Evaluation::ExplicitDeny(_))
    };
    let root = "arn:aws:iam::123456789012:root";
    let table = [
        (format!(r#"["{SESSION}","{ROLE}","{root}"]"#), false),
        (format!(r#"["{ROLE}","{root}"]"#), false),
        (format!(r#"["{SESSION}","{ROLE}"]"#), true),
        (format!(r#"["{root}"]"#), true),
        (r#""210987654321""#.to_owned(), true),
        (r#""*""#.to_owned(), false),
    ];
    for (entries, expected) in table {
        assert_eq!(denies(&entries, &session()), expected, "{entries}");
    }
}
