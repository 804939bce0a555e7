//! AssumeRole in a world of two accounts.

use std::io;
use std::path::Path;

use time::OffsetDateTime;
use time::macros::datetime;

use super::*;
use crate::arn::Arn;
use crate::config::{self, Source, TrustAnchors};
use crate::message::{Peer, Request};
use crate::pki::Pki;
use crate::policy::{Policy, PolicyKind};

const NOW: OffsetDateTime = datetime!(2026-11-26 12:00 UTC);

const WORLD: &str = include_str!("tests/world.toml");

struct World {
    resources: Resources,
    caller: Caller,
    peer: Peer,
}

impl World {
    fn new() -> Self {
        let pki = Pki::shared().unwrap();
        let read_file = |_: &Path| Err(io::ErrorKind::NotFound.into());
        let (path, text) = (Path::new("test.toml"), WORLD);
        let source = Source { path, text, read_file: &read_file, pki: &pki, now: NOW };
        let resources = config::load(&source, TrustAnchors::Added).unwrap().value;
        let caller = Session {
            access_key_id: "ASIACALLER".to_owned(),
            secret_access_key: "secret".to_owned(),
            session_token: "token".to_owned(),
            issued: NOW,
            expiration: NOW + time::Duration::hours(12),
            duration_seconds: 43_200,
            role_arn: Arn::parse("arn:aws:iam::111111111111:role/service/First").unwrap(),
            role_session_name: "0a".to_owned(),
            source_identity: "CN=app".to_owned(),
            tags: BTreeMap::from([("x509Subject/CN".to_owned(), "app".to_owned())]),
            transitive_tag_keys: BTreeSet::new(),
            session_policies: Vec::new(),
        };
        let peer = Peer { ip: Some([127, 0, 0, 1].into()), is_tls: true };
        Self { resources, caller: caller.into(), peer }
    }

    fn call(&self, role: &str, query: &str) -> Result<StsAnswer, Refusal> {
        let account = match role {
            "Foreign" => "222222222222",
            "Anyone" => "333333333333",
            _ => "111111111111",
        };
        let query =
            format!("{query}&RoleArn=arn:aws:iam::{account}:role/{role}&RoleSessionName=second");
        let request = Request { query, peer: self.peer, ..Request::default() };
        let call = StsCall {
            caller: &self.caller,
            region: "eu-central-1".to_owned(),
            request: &request,
            request_id: "id",
            now: NOW,
            end_after_seconds: None,
        };
        assume_role(&self.resources, &call)
    }

    fn session_mut(&mut self) -> &mut Session {
        match &mut self.caller {
            Caller::Session(session) => session,
            Caller::User(arn) => panic!("{arn} has no session"),
        }
    }

    fn session(&self, role: &str, query: &str) -> Session {
        self.call(role, query).unwrap().vended.unwrap()
    }

    /// Returns reason, message and explanation of a refusal.
    fn refused(&self, role: &str, query: &str) -> (&'static str, String, String) {
        let refusal = self.call(role, query).unwrap_err();
        let denied = refusal.code == "AccessDenied";
        assert_eq!(refusal.status, if denied { 403 } else { 400 }, "{refusal:?}");
        (refusal.reason, refusal.message, refusal.explanation.unwrap_or_default())
    }
}

fn tag(key: &str, value: &str, transitive: bool) -> String {
    let keys =
        if transitive { format!("&TransitiveTagKeys.member.1={key}") } else { String::new() };
    format!("Tags.member.1.Key={key}&Tags.member.1.Value={value}{keys}")
}

#[test]
fn the_answer_has_aws_order_and_the_session_is_the_roles() {
    let world = World::new();
    let answer = world.call("Account", "DurationSeconds=900").unwrap();
    let session = answer.vended.unwrap();
    assert_eq!(session.assumed_role_arn(), "arn:aws:sts::111111111111:assumed-role/Account/second");
    assert_eq!(session.expiration, NOW + time::Duration::minutes(15));
    let body = String::from_utf8(answer.reply.body).unwrap();
    let result = body.split("<AssumeRoleResult>").nth(1).unwrap();
    let expected = format!(
        "<Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey>\
         <SessionToken>{}</SessionToken><Expiration>2026-11-26T12:15:00Z</Expiration></Credentials>\
         <AssumedRoleUser><AssumedRoleId>{}</AssumedRoleId>\
         <Arn>arn:aws:sts::111111111111:assumed-role/Account/second</Arn></AssumedRoleUser>\
         <SourceIdentity>CN=app</SourceIdentity></AssumeRoleResult>",
        session.access_key_id,
        session.secret_access_key,
        session.session_token,
        session.assumed_role_id(),
    );
    assert!(result.starts_with(&expected), "{result}");
    assert!(
        body.starts_with(
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
        )
    );
    assert!(body.contains("<ResponseMetadata><RequestId>id</RequestId></ResponseMetadata>"));
    assert_eq!(
        answer.explanation.unwrap(),
        "sts:AssumeRole is allowed by Statement[0] (Sid Assume) of the permissions of role First; \
         sts:SetSourceIdentity is allowed by Statement[0] (Sid Assume) of the permissions of role First"
    );
}

#[test]
fn the_trust_policy_and_the_callers_permissions_decide() {
    let world = World::new();
    for role in ["Named", "Account", "Foreign"] {
        assert!(world.call(role, "").is_ok(), "{role}");
    }
    let message = |action: &str, account: &str, role: &str| {
        format!(
            "User: arn:aws:sts::111111111111:assumed-role/First/0a is not authorized to perform: \
             {action} on resource: arn:aws:iam::{account}:role/{role}"
        )
    };
    let assume = |role: &str| message("sts:AssumeRole", "111111111111", role);
    // The caller does not learn whether the role exists.
    let (reason, told, explanation) = world.refused("Absent", "");
    assert_eq!((reason, told), ("policy", assume("Absent")));
    assert_eq!(explanation, "there is no role arn:aws:iam::111111111111:role/Absent");
    let (reason, told, explanation) = world.refused("NotPermitted", "");
    assert_eq!((reason, told), ("policy", assume("NotPermitted")));
    assert!(explanation.contains("no statement of the permissions of role First"), "{explanation}");
    // Another account trusts everyone, and this one permits nothing there.
    let (_, told, explanation) = world.refused("Anyone", "");
    assert_eq!(told, message("sts:AssumeRole", "333333333333", "Anyone"));
    assert!(explanation.contains("no statement of the permissions of role First"), "{explanation}");
    let (_, _, explanation) = world.refused("Named", "RoleSessionName=forbidden");
    assert!(explanation.contains("denied by Statement[1] (Sid Never)"), "{explanation}");
    let (reason, told, _) = world.refused("AssumeOnly", "");
    assert_eq!(reason, "source-identity-policy");
    assert_eq!(told, message("sts:SetSourceIdentity", "111111111111", "AssumeOnly"));
    assert!(world.call("NoTags", "").is_ok());
    let (reason, told, _) = world.refused("NoTags", &tag("Project", "one", false));
    assert_eq!(reason, "tag-session-policy");
    assert_eq!(told, message("sts:TagSession", "111111111111", "NoTags"));
}

#[test]
fn conditions_see_the_request_and_the_callers_tags() {
    let mut world = World::new();
    let good = format!("ExternalId=secret-handshake&{}", tag("Project", "one", false));
    assert!(world.call("Conditions", &good).is_ok());
    for wrong in [&good.replace("handshake", "x"), &good.replace("one", "two"), "ExternalId=x1"] {
        assert_eq!(world.refused("Conditions", wrong).0, "policy", "{wrong}");
    }
    world.session_mut().tags.clear();
    assert_eq!(world.refused("Conditions", &good).0, "policy");
}

#[test]
fn conditions_see_where_a_request_comes_from() {
    let mut world = World::new();
    assert!(world.call("Local", "").is_ok());
    world.peer.is_tls = false;
    assert_eq!(world.refused("Local", "").0, "policy");
    world.peer = Peer { ip: Some([10, 0, 0, 1].into()), is_tls: true };
    assert_eq!(world.refused("Local", "").0, "policy");
}

#[test]
fn the_callers_session_policies_limit_it() {
    let mut world = World::new();
    let text =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
    let policy = Policy::parse(PolicyKind::Identity, text).unwrap();
    let name = "limit".to_owned();
    world.session_mut().session_policies =
        vec![crate::account::AttachedPolicy { name, policy }.into()];
    let (_, _, explanation) = world.refused("Account", "");
    assert!(explanation.contains("no statement of limit allows it"), "{explanation}");
}

#[test]
fn a_source_identity_is_inherited_and_does_not_change() {
    let world = World::new();
    assert_eq!(world.session("Named", "").source_identity, "CN=app");
    assert_eq!(world.session("Named", "SourceIdentity=CN=app").source_identity, "CN=app");
    let (reason, message, _) = world.refused("Named", "SourceIdentity=other");
    assert_eq!(reason, "source-identity");
    assert_eq!(message, "The source identity is already set for this assume role session");
}

#[test]
fn transitive_tags_are_inherited_and_others_are_not() {
    let mut world = World::new();
    let first = world.session("Named", &tag("Project", "one", true));
    assert_eq!(first.tags, BTreeMap::from([("Project".to_owned(), "one".to_owned())]));
    // As if `First` had been assumed with them.
    world.session_mut().tags.extend(first.tags);
    world.session_mut().transitive_tag_keys = first.transitive_tag_keys;
    let second = world.session("Named", &tag("Team", "x", false));
    let tags: Vec<_> = second.tags.keys().collect();
    assert_eq!(tags, ["Project", "Team"]);
    assert_eq!(Vec::from_iter(&second.transitive_tag_keys), ["Project"]);
    let (reason, message, _) = world.refused("Named", &tag("project", "two", false));
    assert_eq!(reason, "tags");
    assert!(message.ends_with("conflicts with a transitive tag key from the calling session"));
    // Inherited ones are tags of the request too.
    assert_eq!(world.refused("NoTags", "").0, "tag-session-policy");
}

#[test]
fn a_session_lasts_as_long_as_the_role_and_the_chain_allow() {
    let world = World::new();
    for (role, seconds, message) in [
        ("Named", 3600, None),
        (
            "Named",
            3601,
            Some("The requested DurationSeconds exceeds the MaxSessionDuration set for this role."),
        ),
        ("Account", 3600, None),
        (
            "Account",
            3601,
            Some(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed \
                 by role chaining.",
            ),
        ),
        (
            "Account",
            7201,
            Some("The requested DurationSeconds exceeds the MaxSessionDuration set for this role."),
        ),
    ] {
        let answer = world.call(role, &format!("DurationSeconds={seconds}"));
        assert_eq!(answer.err().map(|refusal| refusal.message).as_deref(), message, "{seconds}");
    }
}

#[test]
fn session_policies_are_read_and_managed_ones_found() {
    let world = World::new();
    let policy = "%7B%22Version%22:%222012-10-17%22,%22Statement%22:%7B%22Effect%22:%22Allow%22,\
                  %22Action%22:%22secretsmanager:*%22,%22Resource%22:%22*%22%7D%7D";
    let arn = |arn: &str| format!("PolicyArns.member.1.arn=arn:aws:iam::{arn}");
    for query in [
        format!("Policy={policy}"),
        arn("aws:policy/ReadOnlyAccess"),
        arn("111111111111:policy/Own"),
    ] {
        let answer = world.call("Named", &query).unwrap();
        assert_eq!(answer.vended.unwrap().session_policies.len(), 1, "{query}");
        let body = String::from_utf8(answer.reply.body).unwrap();
        assert!(body.contains("</AssumedRoleUser><PackedPolicySize>"), "{body}");
    }
    let (reason, message, _) = world.refused("Named", "Policy=%7B");
    assert_eq!((reason, &*message), ("policy-document", "Syntax errors in policy."));
    for unknown in [arn("aws:policy/AdministratorAccess"), arn("222222222222:policy/Own")] {
        assert_eq!(world.refused("Named", &unknown).0, "policy-arn", "{unknown}");
    }
    let tags: String = (1..=10)
        .map(|n| format!("Tags.member.{n}.Key=k{n}&Tags.member.{n}.Value={}&", "v".repeat(256)))
        .collect();
    let (reason, message, _) = world.refused("Named", &tags);
    assert_eq!(reason, "packed-policy-size");
    assert!(message.starts_with("Packed policy consumes 127% of allotted space"), "{message}");
}

#[test]
fn a_user_gets_a_session_that_is_not_chained() {
    let mut world = World::new();
    world.caller = Caller::User(Arn::parse("arn:aws:iam::111111111111:user/operator").unwrap());
    let more = format!("DurationSeconds=43200&{}", tag("Project", "one", true));
    let session = world.session("ForUser", &more);
    assert_eq!(session.expiration, NOW + time::Duration::hours(12));
    assert_eq!(session.source_identity, "");
    assert_eq!(session.tags, BTreeMap::from([("Project".to_owned(), "one".to_owned())]));
    // A source identity needs a permission of its own, and nothing else sets one.
    let (reason, ..) = world.refused("ForUser", "SourceIdentity=me");
    assert_eq!(reason, "source-identity-policy");
    let (reason, message, _) = world.refused("Named", "");
    assert_eq!(reason, "policy");
    assert!(message.starts_with("User: arn:aws:iam::111111111111:user/operator is"), "{message}");
}
