//! Decisions of several policies together, by the logic of IAM's pages on evaluation.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>

use super::{ACCOUNT, ACTION, ROLE, SECRET, SESSION, USER, policy, session, user};
use crate::policy::denial::Layer;
use crate::policy::*;

pub(super) const OTHER_ACCOUNT: &str = "210987654321";
pub(super) const ALLOW: &str = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
pub(super) const DENY: &str = r#"[{"Effect":"Allow","Action":"*","Resource":"*"},
    {"Sid":"No","Effect":"Deny","Action":"*","Resource":"*"}]"#;
pub(super) const NOTHING: &str = r#"{"Effect":"Allow","Action":"ssm:*","Resource":"*"}"#;

/// The statement of a resource's policy, if there is one.
#[derive(Debug, Clone, Copy)]
pub(super) enum Attached {
    None,
    Allows(&'static str),
    Denies(&'static str),
}

use Attached::{Allows, Denies, None as Nothing};

pub(super) const CALLER: &str = "the session";
const ROLE_NAMED: &str = "the role";
const ACCOUNT_NAMED: &str = "the account";
pub(super) const ANYONE: &str = "anyone";
const OTHER: &str = "another role";

fn principal_element(named: &str) -> String {
    match named {
        CALLER => format!(r#"{{"AWS":"{SESSION}"}}"#),
        ROLE_NAMED => format!(r#"{{"AWS":"{ROLE}"}}"#),
        ACCOUNT_NAMED => format!(r#"{{"AWS":"{ACCOUNT}"}}"#),
        ANYONE => r#""*""#.to_owned(),
        _ => r#"{"AWS":"arn:aws:iam::123456789012:role/Other"}"#.to_owned(),
    }
}

/// Judges a call of [`session`]: what its permissions say, what its session policies say (empty: it
/// has none), and what the policy of the resource says, in the session's account or another.
pub(super) fn decide(
    kind: PolicyKind,
    identity: &str,
    session_policy: &str,
    attached: Attached,
    account: &str,
) -> Result<StatementRef, Denial> {
    let identity = policy(PolicyKind::Identity, identity);
    let limit = (!session_policy.is_empty()).then(|| policy(PolicyKind::Identity, session_policy));
    let (effect, named) = match attached {
        Attached::None => ("", ""),
        Allows(named) => ("Allow", named),
        Denies(named) => ("Deny", named),
    };
    let (action, resource, elements) = match kind {
        PolicyKind::Trust => {
            ("sts:AssumeRole", "arn:aws:iam::123456789012:role/Next", r#""Action":"sts:*""#)
        }
        _ => (ACTION, SECRET, r#""Action":"secretsmanager:*","Resource":"*""#),
    };
    let statement =
        format!(r#"{{"Effect":"{effect}",{elements},"Principal":{}}}"#, principal_element(named));
    let attached = (!effect.is_empty()).then(|| policy(kind, &statement));
    let limits: Vec<NamedPolicy<'_>> =
        limit.iter().map(|policy| ("session policy", policy)).collect();
    let caller = session();
    Policies {
        identity: &[("permissions", &identity)],
        session: &limits,
        resource: attached.as_ref().map(|policy| ("attached policy", policy)),
        resource_account: account,
    }
    .authorize(&AccessRequest::new(&caller, action, resource, Context::default()))
}

/// Returns the layer that decided, and how.
fn outcome(decision: &Result<StatementRef, Denial>) -> &'static str {
    match decision {
        Ok(_) => "allowed",
        Err(Denial::Explicit { layer, .. }) => match layer {
            Layer::Identity => "identity denies",
            Layer::Session => "session denies",
            Layer::Resource | Layer::Trust => "resource denies",
        },
        Err(Denial::NoAllow { layer, .. }) => match layer {
            Layer::Identity => "identity lacks",
            Layer::Session => "session lacks",
            Layer::Resource => "resource lacks",
            Layer::Trust => "trust lacks",
        },
    }
}

#[test]
fn a_resource_of_the_same_account_takes_either_policy() {
    let table = [
        (ALLOW, "", Nothing, "allowed"),
        (NOTHING, "", Nothing, "identity lacks"),
        (DENY, "", Nothing, "identity denies"),
        // Session policies limit permissions ...
        (ALLOW, ALLOW, Nothing, "allowed"),
        (ALLOW, NOTHING, Nothing, "session lacks"),
        (ALLOW, DENY, Nothing, "session denies"),
        (NOTHING, ALLOW, Nothing, "identity lacks"),
        // ... and what is granted to the role, not what is granted to the session or to anyone.
        (NOTHING, "", Allows(ROLE_NAMED), "allowed"),
        (NOTHING, ALLOW, Allows(ROLE_NAMED), "allowed"),
        (NOTHING, NOTHING, Allows(ROLE_NAMED), "session lacks"),
        (NOTHING, NOTHING, Allows(CALLER), "allowed"),
        (NOTHING, NOTHING, Allows(ANYONE), "allowed"),
        (NOTHING, DENY, Allows(CALLER), "session denies"),
        (DENY, "", Allows(CALLER), "identity denies"),
        // The account leaves it to the permissions.
        (NOTHING, "", Allows(ACCOUNT_NAMED), "identity lacks"),
        (ALLOW, "", Allows(ACCOUNT_NAMED), "allowed"),
        (NOTHING, "", Allows(OTHER), "identity lacks"),
        (ALLOW, "", Allows(OTHER), "allowed"),
        (ALLOW, "", Denies(ACCOUNT_NAMED), "resource denies"),
        (ALLOW, "", Denies(ROLE_NAMED), "resource denies"),
        (ALLOW, "", Denies(OTHER), "allowed"),
    ];
    for (identity, limit, attached, expected) in table {
        let decision = decide(PolicyKind::Resource, identity, limit, attached, ACCOUNT);
        assert_eq!(outcome(&decision), expected, "{identity} {limit} {attached:?}");
    }
}

#[test]
fn a_resource_of_another_account_needs_both_policies() {
    let table = [
        (ALLOW, "", Nothing, "resource lacks"),
        (ALLOW, "", Allows(OTHER), "resource lacks"),
        (NOTHING, "", Allows(CALLER), "identity lacks"),
        (NOTHING, "", Allows(ANYONE), "identity lacks"),
        (ALLOW, "", Allows(CALLER), "allowed"),
        (ALLOW, "", Allows(ACCOUNT_NAMED), "allowed"),
        (ALLOW, "", Allows(ANYONE), "allowed"),
        (ALLOW, NOTHING, Allows(CALLER), "session lacks"),
        (ALLOW, "", Denies(ANYONE), "resource denies"),
        (DENY, "", Allows(CALLER), "identity denies"),
    ];
    for (identity, limit, attached, expected) in table {
        let decision = decide(PolicyKind::Resource, identity, limit, attached, OTHER_ACCOUNT);
        assert_eq!(outcome(&decision), expected, "{identity} {limit} {attached:?}");
    }
}

#[test]
fn a_role_is_assumed_only_if_its_trust_policy_allows() {
    let table = [
        (ALLOW, "", Allows(OTHER), ACCOUNT, "trust lacks"),
        (ALLOW, "", Allows(ACCOUNT_NAMED), ACCOUNT, "allowed"),
        (NOTHING, "", Allows(ACCOUNT_NAMED), ACCOUNT, "identity lacks"),
        (NOTHING, "", Allows(ROLE_NAMED), ACCOUNT, "allowed"),
        (NOTHING, NOTHING, Allows(ROLE_NAMED), ACCOUNT, "session lacks"),
        (NOTHING, "", Allows(ANYONE), ACCOUNT, "allowed"),
        (DENY, "", Allows(ROLE_NAMED), ACCOUNT, "identity denies"),
        (ALLOW, "", Denies(ROLE_NAMED), ACCOUNT, "resource denies"),
        (ALLOW, "", Allows(ROLE_NAMED), OTHER_ACCOUNT, "allowed"),
        (NOTHING, "", Allows(ROLE_NAMED), OTHER_ACCOUNT, "identity lacks"),
        (NOTHING, "", Allows(ANYONE), OTHER_ACCOUNT, "identity lacks"),
        (ALLOW, "", Allows(OTHER), OTHER_ACCOUNT, "trust lacks"),
    ];
    for (identity, limit, attached, account, expected) in table {
        let decision = decide(PolicyKind::Trust, identity, limit, attached, account);
        assert_eq!(outcome(&decision), expected, "{identity} {limit} {attached:?} {account}");
    }
}

/// Judges a call by the policy of the resource only.
fn attached_only(caller: &Principal, attached: Option<&Policy>) -> Result<StatementRef, Denial> {
    Policies {
        identity: &[],
        session: &[],
        resource: attached.map(|policy| ("trust policy of Workload", policy)),
        resource_account: ACCOUNT,
    }
    .authorize(&AccessRequest::new(caller, "sts:TagSession", ROLE, Context::default()))
}

#[test]
fn a_service_needs_the_trust_policy_only() {
    let service = Principal::Service("rolesanywhere.amazonaws.com".to_owned());
    let trust = |actions: &str, service: &str| {
        let statement = format!(
            r#"{{"Effect":"Allow","Action":{actions},"Principal":{{"Service":"{service}"}}}}"#
        );
        policy(PolicyKind::Trust, &statement)
    };
    let all = r#"["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]"#;
    let decide = |policy: &Policy| attached_only(&service, Some(policy));
    assert!(decide(&trust(all, "rolesanywhere.amazonaws.com")).is_ok());
    let denial = decide(&trust(r#""sts:AssumeRole""#, "rolesanywhere.amazonaws.com")).unwrap_err();
    assert_eq!(denial.to_string(), "no statement of trust policy of Workload allows it");
    let denial = decide(&trust(all, "ec2.amazonaws.com")).unwrap_err();
    assert_eq!(
        denial.to_string(),
        "no statement of trust policy of Workload allows it; Statement of trust policy of Workload \
         does not because it is for another principal"
    );
}

#[test]
fn the_statement_that_names_the_caller_most_directly_decides() {
    let statement = |named: &str| {
        let principal = principal_element(named);
        format!(r#"{{"Effect":"Allow","Action":"*","Resource":"*","Principal":{principal}}}"#)
    };
    let of = [CALLER, ROLE_NAMED, ACCOUNT_NAMED].map(statement);
    let caller = session();
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let statements = order.map(|index| of[index].as_str()).join(",");
        let policy = policy(PolicyKind::Resource, &format!("[{statements}]"));
        let Ok(found) = attached_only(&caller, Some(&policy)) else {
            panic!("{order:?}");
        };
        let expected = order.iter().position(|index| *index == 0).unwrap();
        assert_eq!(found.path, format!("Statement[{expected}]"));
    }
}

#[test]
fn condition_keys_of_the_caller_are_in_the_context() {
    let keys = [
        "aws:PrincipalArn",
        "aws:PrincipalAccount",
        "aws:PrincipalType",
        "aws:PrincipalIsAWSService",
        "aws:PrincipalServiceName",
        "aws:ViaAWSService",
        "aws:MultiFactorAuthPresent",
    ];
    let of = |caller: &Principal| {
        let request = AccessRequest::new(caller, ACTION, SECRET, Context::default());
        keys.map(|key| request.context().values(key).concat())
    };
    let table = [
        (
            Principal::Service("rolesanywhere.amazonaws.com".to_owned()),
            ["", "", "", "true", "rolesanywhere.amazonaws.com", "", ""],
        ),
        (session(), [ROLE, ACCOUNT, "AssumedRole", "false", "", "false", "false"]),
        (user(), [USER, ACCOUNT, "User", "false", "", "false", ""]),
    ];
    for (caller, expected) in table {
        assert_eq!(of(&caller), expected, "{caller:?}");
    }
    // A key that the service has set is kept.
    let context = Context::default().with("AWS:principalarn", "x");
    let caller = session();
    let request = AccessRequest::new(&caller, ACTION, SECRET, context);
    assert_eq!(request.context().values("aws:PrincipalArn"), ["x"]);
    let now = time::macros::datetime!(2026-01-31 12:00 UTC);
    let context = Context::default().at(now);
    assert_eq!(context.values("aws:CurrentTime"), ["2026-01-31T12:00:00Z"]);
    assert_eq!(context.values("aws:EpochTime"), ["1769860800"]);
}

#[test]
fn a_user_is_named_by_its_arn_or_its_account() {
    let resource_policy = |principal: &str| {
        let statement = format!(
            r#"{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"*","Resource":"*"}}"#
        );
        policy(PolicyKind::Resource, &statement)
    };
    let caller = user();
    let own = r#"{"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam::*:user/plant/${aws:username}"}"#;
    let own = policy(PolicyKind::Identity, own);
    let decide = |resource: Option<&Policy>, action, called| {
        let identity = [("permissions", &own)];
        let policies = Policies {
            identity: &identity,
            session: &[],
            resource: resource.map(|policy| ("policy", policy)),
            resource_account: ACCOUNT,
        };
        let request = AccessRequest::new(&caller, action, called, Context::default());
        policies.authorize(&request).is_ok()
    };
    // Named itself, its permissions do not matter; named by its account, they do.
    assert!(decide(Some(&resource_policy(USER)), ACTION, SECRET));
    assert!(!decide(Some(&resource_policy(ACCOUNT)), ACTION, SECRET));
    assert!(!decide(Some(&resource_policy(ROLE)), ACTION, SECRET));
    assert!(decide(None, "iam:ListAccessKeys", USER));
    assert!(!decide(None, "iam:ListAccessKeys", "arn:aws:iam::123456789012:user/plant/other"));
}
