//! The actions on access keys, for a user and for a session.

use time::{Duration, macros::datetime};

use super::users::{KeyStatus, LastUse};
use super::*;
use crate::account::{ACCOUNT, NO_SECRETS_ROLE_ARN, ROLE_ARN, USER_ARN};
use crate::arn::Arn;
use crate::session::Session;
use crate::state::{State, Strictness};

const NOW: OffsetDateTime = datetime!(2026-11-26 12:00 UTC);
const KEY: &str = "AKIAIOSFODNN7EXAMPLE";

fn resources() -> Resources {
    State::built_in(Strictness::Documented).resources
}

fn user() -> Caller {
    Caller::User(Arn::parse(USER_ARN).unwrap())
}

fn session(role: &str) -> Caller {
    Caller::from(Session {
        access_key_id: "ASIACALLER".to_owned(),
        secret_access_key: "secret".to_owned(),
        session_token: "token".to_owned(),
        issued: NOW,
        expiration: NOW + Duration::hours(1),
        duration_seconds: 3600,
        role_arn: Arn::parse(role).unwrap(),
        role_session_name: "job".to_owned(),
        source_identity: "CN=job".to_owned(),
        tags: std::collections::BTreeMap::new(),
        transitive_tag_keys: std::collections::BTreeSet::new(),
        session_policies: Vec::new(),
    })
}

fn call(
    resources: &mut Resources,
    caller: &Caller,
    action: IamAction,
    query: &str,
) -> Result<String, Refusal> {
    let request = Request { query: query.to_owned(), ..Request::default() };
    let region = "us-east-1".to_owned();
    let call = IamCall { caller, region, request: &request, request_id: "id", now: NOW };
    let reply = perform(resources, action, &call)?;
    Ok(String::from_utf8(reply.body).unwrap())
}

/// Returns status, code, message and reason of a refusal.
fn refused(
    resources: &mut Resources,
    caller: &Caller,
    action: IamAction,
    query: &str,
) -> (u16, String, String, &'static str) {
    let refusal = call(resources, caller, action, query).unwrap_err();
    (refusal.status, refusal.code, refusal.message, refusal.reason)
}

fn element<'a>(xml: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!("<{name}>");
    let behind = xml.split(&*start).skip(1);
    let end = format!("</{name}>");
    behind.map(|rest| rest.split(&end).next().unwrap()).collect()
}

#[test]
fn a_user_creates_lists_deactivates_and_deletes_its_own_keys() {
    let (mut resources, user) = (resources(), user());
    let created = call(&mut resources, &user, IamAction::CreateAccessKey, "").unwrap();
    let ids = element(&created, "AccessKeyId");
    let &[id] = &ids[..] else { panic!("{created}") };
    assert!(id.len() == 20 && id.starts_with("AKIA"));
    assert_eq!(element(&created, "SecretAccessKey")[0].len(), 40);
    assert_eq!(element(&created, "UserName"), ["legacy-app"]);
    assert_eq!(element(&created, "CreateDate"), ["2026-11-26T12:00:00Z"]);
    assert!(created.starts_with(
        "<CreateAccessKeyResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\n  \
         <CreateAccessKeyResult><AccessKey><UserName>"
    ));
    let query = format!("AccessKeyId={KEY}&Status=Inactive");
    let updated = call(&mut resources, &user, IamAction::UpdateAccessKey, &query).unwrap();
    assert_eq!(
        updated,
        "<UpdateAccessKeyResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\n  \
         <ResponseMetadata><RequestId>id</RequestId></ResponseMetadata>\n\
         </UpdateAccessKeyResponse>\n"
    );
    let list = call(&mut resources, &user, IamAction::ListAccessKeys, "").unwrap();
    assert_eq!(element(&list, "AccessKeyId"), [KEY, id]);
    assert_eq!(element(&list, "Status"), ["Inactive", "Active"]);
    assert_eq!(element(&list, "IsTruncated"), ["false"]);
    assert_eq!(element(&list, "SecretAccessKey"), [""; 0]);
    let query = format!("AccessKeyId={KEY}&UserName=LEGACY-APP");
    call(&mut resources, &user, IamAction::DeleteAccessKey, &query).unwrap();
    let list = call(&mut resources, &user, IamAction::ListAccessKeys, "").unwrap();
    assert_eq!(element(&list, "AccessKeyId"), [id]);
}

#[test]
fn a_third_key_is_refused() {
    let (mut resources, user) = (resources(), user());
    call(&mut resources, &user, IamAction::CreateAccessKey, "").unwrap();
    let message = "Cannot exceed quota for AccessKeysPerUser: 2".to_owned();
    // An inactive key counts.
    let query = format!("AccessKeyId={KEY}&Status=Inactive");
    call(&mut resources, &user, IamAction::UpdateAccessKey, &query).unwrap();
    assert_eq!(
        refused(&mut resources, &user, IamAction::CreateAccessKey, ""),
        (409, "LimitExceeded".to_owned(), message, "key-limit")
    );
}

#[test]
fn a_session_must_name_the_user() {
    let (mut resources, session) = (resources(), session(ROLE_ARN));
    for action in [IamAction::CreateAccessKey, IamAction::ListAccessKeys] {
        let (status, code, message, _) = refused(&mut resources, &session, action, "");
        assert_eq!((status, &*code), (400, "ValidationError"));
        assert_eq!(message, "Must specify userName when calling with non-User credentials");
        assert!(call(&mut resources, &session, action, "UserName=legacy-app").is_ok());
    }
}

#[test]
fn permissions_are_for_the_user_that_is_named() {
    let mut resources = resources();
    let path = "UserName=legacy-app";
    let no_secrets = session(NO_SECRETS_ROLE_ARN);
    let (status, code, message, reason) =
        refused(&mut resources, &no_secrets, IamAction::CreateAccessKey, path);
    assert_eq!((status, &*code, reason), (403, "AccessDenied", "policy"));
    assert_eq!(
        message,
        "User: arn:aws:sts::123456789012:assumed-role/NoSecrets/job is not authorized to perform: \
         iam:CreateAccessKey on resource: user legacy-app because no identity-based policy allows \
         the iam:CreateAccessKey action"
    );
    // The user may manage its own keys; another user is refused before it is not found.
    let (status, _, message, _) =
        refused(&mut resources, &user(), IamAction::ListAccessKeys, "UserName=other");
    assert!(status == 403 && message.contains("on resource: user other"), "{message}");
    let query = "UserName=other";
    assert_eq!(
        refused(&mut resources, &session(ROLE_ARN), IamAction::ListAccessKeys, query),
        (
            404,
            "NoSuchEntity".to_owned(),
            "The user with name other cannot be found.".to_owned(),
            "no-user"
        )
    );
}

#[test]
fn a_key_that_is_not_there_is_not_found() {
    let (mut resources, user) = (resources(), user());
    let absent = "AccessKeyId=AKIAIOSFODNN7ABSENT0";
    let update = format!("{absent}&Status=Active");
    for (action, query) in
        [(IamAction::DeleteAccessKey, absent), (IamAction::UpdateAccessKey, &*update)]
    {
        let (status, code, message, reason) = refused(&mut resources, &user, action, query);
        assert_eq!((status, &*code, reason), (404, "NoSuchEntity", "no-access-key"));
        assert_eq!(message, "The Access Key with id AKIAIOSFODNN7ABSENT0 cannot be found.");
    }
    let (status, code, message, _) =
        refused(&mut resources, &user, IamAction::GetAccessKeyLastUsed, absent);
    assert_eq!((status, &*code), (403, "AccessDenied"));
    assert!(message.ends_with("on resource: access key AKIAIOSFODNN7ABSENT0"), "{message}");
}

#[test]
fn the_last_use_of_a_key_is_told() {
    let (mut resources, user) = (resources(), user());
    let query = format!("AccessKeyId={KEY}");
    let never = call(&mut resources, &user, IamAction::GetAccessKeyLastUsed, &query).unwrap();
    assert!(
        never.contains(
            "<UserName>legacy-app</UserName><AccessKeyLastUsed><ServiceName>N/A</ServiceName>\
             <Region>N/A</Region></AccessKeyLastUsed>"
        ),
        "{never}"
    );
    let (service, region) = ("sts".to_owned(), "eu-central-1".to_owned());
    resources.users.note_use(KEY, LastUse { date: NOW, service, region });
    let used = call(&mut resources, &user, IamAction::GetAccessKeyLastUsed, &query).unwrap();
    assert_eq!(element(&used, "LastUsedDate"), ["2026-11-26T12:00:00Z"]);
    assert_eq!(element(&used, "ServiceName"), ["sts"]);
    assert_eq!(element(&used, "Region"), ["eu-central-1"]);
}

#[test]
fn a_list_has_pages() {
    let (mut resources, user) = (resources(), user());
    call(&mut resources, &user, IamAction::CreateAccessKey, "").unwrap();
    let first = call(&mut resources, &user, IamAction::ListAccessKeys, "MaxItems=1").unwrap();
    assert_eq!(element(&first, "AccessKeyId"), [KEY]);
    assert_eq!(element(&first, "IsTruncated"), ["true"]);
    let query = format!("MaxItems=1&Marker={}", element(&first, "Marker")[0].replace('=', "%3D"));
    let last = call(&mut resources, &user, IamAction::ListAccessKeys, &query).unwrap();
    assert_eq!(element(&last, "AccessKeyId").len(), 1);
    assert_ne!(element(&last, "AccessKeyId"), [KEY]);
    assert_eq!(element(&last, "IsTruncated"), ["false"]);
}

#[test]
fn the_shape_of_a_request_is_checked() {
    let (mut resources, user) = (resources(), user());
    let constraint = |what: &str| format!("1 validation error detected: Value {what}");
    for (action, query, expected) in [
        (
            IamAction::CreateAccessKey,
            "UserName=a%20b",
            constraint(
                "'a b' at 'userName' failed to satisfy constraint: Member must satisfy regular \
                 expression pattern: [\\w+=,.@-]+",
            ),
        ),
        (
            IamAction::CreateAccessKey,
            "UserName=",
            constraint(
                "'' at 'userName' failed to satisfy constraint: Member must have length greater \
                 than or equal to 1",
            ),
        ),
        (
            IamAction::DeleteAccessKey,
            "",
            constraint(
                "null at 'accessKeyId' failed to satisfy constraint: Member must not be null",
            ),
        ),
        (
            IamAction::UpdateAccessKey,
            "AccessKeyId=AKIAIOSFODNN7EXAMPLE&Status=off",
            constraint(
                "'off' at 'status' failed to satisfy constraint: Member must satisfy enum value \
                 set: [Active, Inactive, Expired]",
            ),
        ),
        (
            IamAction::ListAccessKeys,
            "MaxItems=1001",
            constraint(
                "'1001' at 'maxItems' failed to satisfy constraint: Member must have value less \
                 than or equal to 1000",
            ),
        ),
        (IamAction::ListAccessKeys, "Marker=mine", "Invalid Marker.".to_owned()),
    ] {
        let (status, code, message, _) = refused(&mut resources, &user, action, query);
        assert_eq!((status, &*code, message), (400, "ValidationError", expected), "{query}");
    }
    let expired = format!("AccessKeyId={KEY}&Status=Expired");
    let (status, code, ..) = refused(&mut resources, &user, IamAction::UpdateAccessKey, &expired);
    assert_eq!((status, &*code), (400, "InvalidInput"));
    let (_, key) = resources.users.key(KEY).unwrap();
    assert_eq!(key.status, KeyStatus::Active);
}

#[test]
fn a_key_of_another_account_is_not_told_of() {
    let mut resources = resources();
    let other = USER_ARN.replace(ACCOUNT, "210987654321");
    let other = Caller::User(Arn::parse(&other).unwrap());
    let query = format!("AccessKeyId={KEY}");
    let (status, ..) = refused(&mut resources, &other, IamAction::GetAccessKeyLastUsed, &query);
    assert_eq!(status, 403);
}

#[test]
fn debug_does_not_print_the_secret_of_a_key() {
    let debug = format!("{:?}", resources().users);
    assert!(debug.contains(KEY) && !debug.contains("wJalr"), "{debug}");
}
