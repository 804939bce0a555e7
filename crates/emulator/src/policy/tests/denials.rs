//! The texts of a denial: in the log, and for the client.

use super::decisions::Attached::{Allows, Denies, None as Nothing};
use super::decisions::{ALLOW, ANYONE, CALLER, DENY, NOTHING, OTHER_ACCOUNT, decide};
use super::{ACCOUNT, ACTION, SECRET, SESSION, policy, session};
use crate::policy::*;

#[test]
fn a_denial_names_the_statement_that_decided() {
    let denial = decide(PolicyKind::Resource, DENY, "", Nothing, ACCOUNT).unwrap_err();
    assert_eq!(denial.to_string(), "denied by Statement[1] (Sid No) of permissions");
    let denial = decide(PolicyKind::Resource, NOTHING, "", Nothing, ACCOUNT).unwrap_err();
    assert_eq!(denial.to_string(), "no statement of permissions allows it");
    let denial = decide(PolicyKind::Resource, ALLOW, "", Nothing, OTHER_ACCOUNT).unwrap_err();
    assert_eq!(denial.to_string(), "there is no resource-based policy");
    let Ok(statement) = decide(PolicyKind::Resource, NOTHING, "", Allows(CALLER), ACCOUNT) else {
        panic!("denied");
    };
    assert_eq!(statement.to_string(), "Statement of attached policy");
}

#[test]
fn a_denial_says_why_the_nearest_statement_does_not_allow() {
    let statements = r#"[
        {"Sid":"Other","Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::x"},
        {"Sid":"Plant","Effect":"Allow","Action":"secretsmanager:*","Resource":"*",
         "Condition":{"StringLike":{"aws:PrincipalTag/x509Subject/CN":"plant-*"}}},
        {"Effect":"Deny","Action":"ssm:*","Resource":"*"}]"#;
    let policy = policy(PolicyKind::Identity, statements);
    let caller = session();
    let decide = |action: &str, context: Context| {
        Policies {
            identity: &[("secrets.json", &policy)],
            session: &[],
            resource: None,
            resource_account: ACCOUNT,
        }
        .authorize(&AccessRequest::new(&caller, action, SECRET, context))
        .unwrap_err()
        .to_string()
    };
    let key = "aws:PrincipalTag/x509Subject/CN";
    assert_eq!(
        decide(ACTION, Context::default().with(key, "plant\u{1b}7")),
        "no statement of secrets.json allows it; Statement[1] (Sid Plant) of secrets.json does not \
         because its condition StringLike on aws:PrincipalTag/x509Subject/CN is not met: the \
         request has `plant\\u{1b}7`"
    );
    assert_eq!(
        decide(ACTION, Context::default()),
        "no statement of secrets.json allows it; Statement[1] (Sid Plant) of secrets.json does not \
         because its condition StringLike on aws:PrincipalTag/x509Subject/CN is not met: the \
         request does not have this key"
    );
    assert_eq!(
        decide("sts:AssumeRole", Context::default()),
        "no statement of secrets.json allows it; Statement[0] (Sid Other) of secrets.json does not \
         because it is for another resource"
    );
}

/// The texts of <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>.
#[test]
fn the_message_for_the_client_is_that_of_aws() {
    let caller = session();
    let request = AccessRequest::new(&caller, ACTION, SECRET, Context::default());
    let begin =
        format!("User: {SESSION} is not authorized to perform: {ACTION} on resource: {SECRET}");
    let table = [
        (
            decide(PolicyKind::Resource, NOTHING, "", Nothing, ACCOUNT),
            "because no identity-based policy allows the secretsmanager:GetSecretValue action",
        ),
        (
            decide(PolicyKind::Resource, ALLOW, NOTHING, Nothing, ACCOUNT),
            "because no session policy allows the secretsmanager:GetSecretValue action",
        ),
        (
            decide(PolicyKind::Resource, ALLOW, "", Nothing, OTHER_ACCOUNT),
            "because no resource-based policy allows the secretsmanager:GetSecretValue action",
        ),
        (
            decide(PolicyKind::Resource, DENY, "", Nothing, ACCOUNT),
            "with an explicit deny in an identity-based policy",
        ),
        (
            decide(PolicyKind::Resource, ALLOW, DENY, Nothing, ACCOUNT),
            "with an explicit deny in a session policy",
        ),
        (
            decide(PolicyKind::Resource, ALLOW, "", Denies(ANYONE), ACCOUNT),
            "with an explicit deny in a resource-based policy",
        ),
        (
            decide(PolicyKind::Trust, ALLOW, "", Denies(ANYONE), ACCOUNT),
            "with an explicit deny in the role trust policy",
        ),
    ];
    for (decision, expected) in table {
        let denial = decision.unwrap_err();
        assert_eq!(denial.message(&request), format!("{begin} {expected}"));
    }
    assert_eq!(Denial::message_without_reason(&request), begin);
}
