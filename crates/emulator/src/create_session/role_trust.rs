//! Whether a role lets Roles Anywhere assume it: what STS evaluates before CreateSession answers.
//!
//! <https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html>

use time::OffsetDateTime;

use crate::account::{Role, TrustAnchor};
use crate::policy::{AccessRequest, Context, Policies, Principal};
use crate::session::Session;

/// The service that assumes roles for holders of certificates.
const SERVICE: &str = "rolesanywhere.amazonaws.com";

/// Returns why the trust policy does not allow the session, in a sentence for the log.
///
/// Roles Anywhere sets a source identity, and passes session tags if the certificate has any that
/// the profile maps: each is an action of its own that the trust policy must allow.
pub(super) fn check(
    role: &Role,
    anchor: &TrustAnchor,
    session: &Session,
    now: OffsetDateTime,
) -> Result<(), String> {
    let principal = Principal::Service(SERVICE.to_owned());
    let context = context(anchor, session, now).with("aws:ResourceAccount", role.arn.account());
    let policies = Policies {
        identity: &[],
        session: &[],
        resource: Some(role.trust_policy.named()),
        resource_account: role.arn.account(),
    };
    let tags = (!session.tags.is_empty()).then_some("sts:TagSession");
    for action in ["sts:AssumeRole", "sts:SetSourceIdentity"].into_iter().chain(tags) {
        let request = AccessRequest::new(&principal, action, role.arn.as_str(), context.clone());
        policies
            .authorize(&request)
            .map_err(|denial| format!("{action} on {}: {denial}", role.arn))?;
    }
    Ok(())
}

/// The keys that Roles Anywhere documents: the source is the trust anchor, and the session's tags
/// are the principal's already. That they are those of the request too follows from STS.
///
/// There is no `aws:SourceIp`: it is a service that calls STS.
fn context(anchor: &TrustAnchor, session: &Session, now: OffsetDateTime) -> Context {
    let mut context = Context::default()
        .at(now)
        .with("aws:SourceArn", anchor.arn.as_str())
        .with("aws:SourceAccount", anchor.arn.account())
        .with("aws:RequestedRegion", anchor.arn.location().region)
        .with("aws:SecureTransport", "true")
        .with("sts:RoleSessionName", session.role_session_name.as_str())
        .with("sts:SourceIdentity", session.source_identity.as_str())
        .with_all("aws:TagKeys", session.tags.keys().map(String::as_str));
    for (key, value) in &session.tags {
        context = context
            .with(&format!("aws:PrincipalTag/{key}"), value.as_str())
            .with(&format!("aws:RequestTag/{key}"), value.as_str());
    }
    context
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::account::AttachedPolicy;
    use crate::arn::Arn;
    use crate::policy::{Policy, PolicyKind};
    use crate::session;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
    const ANCHOR: &str = "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/plant";
    const ACTIONS: &str = r#"["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]"#;

    fn role(trust_policy: &str) -> Role {
        let policy = Policy::parse(PolicyKind::Trust, trust_policy).unwrap();
        Role {
            arn: Arn::parse("arn:aws:iam::123456789012:role/Workload").unwrap(),
            description: None,
            max_session_seconds: 3600,
            trust_policy: AttachedPolicy { name: "trust.json".to_owned(), policy },
            permissions: Vec::new(),
        }
    }

    /// Returns a role that Roles Anywhere may assume under conditions.
    fn role_if(conditions: &str) -> Role {
        role(&format!(
            r#"{{"Statement": {{"Effect": "Allow", "Action": {ACTIONS}, "Condition": {conditions},
                "Principal": {{"Service": "rolesanywhere.amazonaws.com"}}}}}}"#
        ))
    }

    /// Returns what decides for the holder of a certificate, `Ok` if nothing is against it.
    fn judge(role: &Role, common_name: &str) -> Result<(), String> {
        let anchor = TrustAnchor {
            arn: Arn::parse(ANCHOR).unwrap(),
            description: None,
            enabled: true,
            certificates: Vec::new(),
            crls: Vec::new(),
            is_built_in: false,
        };
        let tags = [("x509Subject/CN", common_name), ("x509Subject/OU", "Security/Research")];
        let session = Session {
            access_key_id: session::access_key_id(),
            secret_access_key: session::secret_access_key(),
            session_token: session::session_token(),
            issued: NOW,
            expiration: NOW,
            duration_seconds: 3600,
            role_arn: role.arn.clone(),
            role_session_name: "job-7".to_owned(),
            source_identity: format!("CN={common_name}"),
            tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            transitive_tag_keys: BTreeSet::new(),
            session_policies: Vec::new(),
        };
        let without_tags = Session { tags: BTreeMap::new(), ..session.clone() };
        let session = if common_name.is_empty() { without_tags } else { session };
        check(role, &anchor, &session, NOW)
    }

    #[test]
    fn trust_policies_can_test_the_keys_of_roles_anywhere() {
        for conditions in [
            r#"{"StringEquals": {"aws:PrincipalTag/x509Subject/CN": "web-7"}}"#,
            r#"{"StringLike": {"aws:PrincipalTag/x509Subject/OU": "Security/*"},
                "StringEquals": {"sts:SourceIdentity": "CN=web-7", "sts:RoleSessionName": "job-7"}}"#,
            &format!(
                r#"{{"ArnEquals": {{"aws:SourceArn": "{ANCHOR}"}},
                    "StringEquals": {{"aws:SourceAccount": "123456789012",
                        "aws:ResourceAccount": "123456789012"}}}}"#
            ),
            r#"{"ForAllValues:StringLike": {"aws:TagKeys": "x509Subject/*"}}"#,
        ] {
            let role = role_if(conditions);
            assert_eq!(judge(&role, "web-7"), Ok(()), "{conditions}");
        }
    }

    #[test]
    fn a_condition_that_does_not_hold_refuses() {
        const NONE: &str = "sts:AssumeRole on arn:aws:iam::123456789012:role/Workload: no \
                            statement of trust.json allows it";
        for (conditions, key) in [
            (
                r#"{"StringEquals": {"aws:PrincipalTag/x509Subject/CN": "web-8"}}"#,
                "aws:PrincipalTag/x509Subject/CN is not met: the request has `web-7`",
            ),
            (
                r#"{"StringEquals": {"aws:PrincipalTag/x509SAN/DNS": "web-7"}}"#,
                "aws:PrincipalTag/x509SAN/DNS",
            ),
            (
                r#"{"ArnLike": {"aws:SourceArn": "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/other"}}"#,
                "aws:SourceArn",
            ),
            (r#"{"StringEquals": {"aws:SourceAccount": "999988887777"}}"#, "aws:SourceAccount"),
            (r#"{"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}"#, "aws:SourceIp"),
        ] {
            let why = judge(&role_if(conditions), "web-7").unwrap_err();
            assert!(why.starts_with(NONE) && why.contains(key), "{conditions}: {why}");
        }
    }

    #[test]
    fn each_action_is_decided_separately() {
        let trusting = |service: &str, actions: &str| {
            role(&format!(
                r#"{{"Statement": [{{"Effect": "Allow", "Principal": {{"Service": "{service}"}},
                    "Action": {actions}}}]}}"#
            ))
        };
        let own = |actions| trusting("rolesanywhere.amazonaws.com", actions);
        let refused = |role: &Role, name: &str| {
            judge(role, name).unwrap_err().split(' ').next().unwrap().to_owned()
        };
        assert_eq!(refused(&trusting("ec2.amazonaws.com", ACTIONS), "web"), "sts:AssumeRole");
        assert_eq!(
            refused(&own(r#"["sts:AssumeRole", "sts:TagSession"]"#), "web"),
            "sts:SetSourceIdentity"
        );
        let without_tags = own(r#"["sts:AssumeRole", "sts:SetSourceIdentity"]"#);
        assert_eq!(refused(&without_tags, "web"), "sts:TagSession");
        // A profile that maps nothing passes no tags.
        assert_eq!(judge(&without_tags, ""), Ok(()));
    }

    #[test]
    fn an_explicit_deny_wins_and_is_named() {
        let role = role(&format!(
            r#"{{"Statement": [
                {{"Effect": "Allow", "Principal": "*", "Action": {ACTIONS}}},
                {{"Sid": "NotThisOne", "Effect": "Deny", "Principal": "*", "Action": "sts:TagSession",
                  "Condition": {{"StringEquals": {{"aws:PrincipalTag/x509Subject/CN": "stolen"}}}}}}
            ]}}"#
        ));
        assert_eq!(judge(&role, "web"), Ok(()));
        let expected = "sts:TagSession on arn:aws:iam::123456789012:role/Workload: denied by \
                        Statement[1] (Sid NotThisOne) of trust.json";
        assert_eq!(judge(&role, "stolen"), Err(expected.to_owned()));
    }
}
