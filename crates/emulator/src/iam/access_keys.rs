//! The five actions on access keys.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html>

use super::input::IamInput;
use super::users::{AccessKey, KeyStatus, MOST_KEYS, User};
use super::{IamAction, IamCall};
use crate::account::Resources;
use crate::arn::partition;
use crate::date::format_iso;
use crate::message::Reply;
use crate::query::{IAM_NAMESPACE, Xml, reply_without_result};
use crate::refusal::Refusal;
use crate::resource_access::ResourceAccess;

/// Performs a call whose parameters are read.
pub(super) fn perform(
    resources: &mut Resources,
    action: IamAction,
    call: &IamCall<'_>,
    input: &IamInput,
) -> Result<Reply, Refusal> {
    let name = user_name(resources, call, action, input)?;
    check_access(resources, action, call, &name)?;
    let propagation = resources.users.key_propagation;
    let user = resources.users.find_mut(call.caller.account(), &name).ok_or_else(|| {
        let message = format!("The user with name {name} cannot be found.");
        Refusal::new(404, "NoSuchEntity", message, "no-user")
    })?;
    let mut result = Xml::default();
    match action {
        IamAction::CreateAccessKey => {
            if user.keys.len() >= MOST_KEYS {
                let message = format!("Cannot exceed quota for AccessKeysPerUser: {MOST_KEYS}");
                return Err(Refusal::new(409, "LimitExceeded", message, "key-limit"));
            }
            let key = AccessKey::create(call.now, propagation);
            result.structure("AccessKey", &created(user, &key));
            user.keys.push(key);
        }
        IamAction::DeleteAccessKey => {
            let position = position(user, &input.access_key_id)?;
            user.keys.remove(position);
            return Ok(without_result(action, call));
        }
        IamAction::UpdateAccessKey => {
            let position = position(user, &input.access_key_id)?;
            user.keys[position].status = new_status(input)?;
            return Ok(without_result(action, call));
        }
        IamAction::ListAccessKeys => list(user, input, &mut result),
        IamAction::GetAccessKeyLastUsed => last_used(user, &input.access_key_id, &mut result),
    }
    Ok(result.reply(IAM_NAMESPACE, action.name(), call.request_id))
}

/// Returns the user that a call is about: the one that it names, the caller, or the one that has the
/// key whose last use is asked for.
fn user_name(
    resources: &Resources,
    call: &IamCall<'_>,
    action: IamAction,
    input: &IamInput,
) -> Result<String, Refusal> {
    if action == IamAction::GetAccessKeyLastUsed {
        let found = resources.users.key(&input.access_key_id);
        let found = found.filter(|(user, _)| user.arn.account() == call.caller.account());
        return found
            .map(|(user, _)| user.name().to_owned())
            .ok_or_else(|| unknown_key(call, &input.access_key_id));
    }
    let own = || call.caller.user_name().map(str::to_owned);
    input.user_name.clone().or_else(own).ok_or_else(|| {
        let message = "Must specify userName when calling with non-User credentials";
        Refusal::new(400, "ValidationError", message, "user-name-missing")
    })
}

/// A key that the account does not have is refused like one that the caller may not ask for.
fn unknown_key(call: &IamCall<'_>, id: &str) -> Refusal {
    let message = format!(
        "User: {} is not authorized to perform: iam:GetAccessKeyLastUsed on resource: access key \
         {id}",
        call.caller.arn()
    );
    Refusal::new(403, "AccessDenied", message, "no-access-key")
        .explained("the caller's account has no such access key")
}

/// Refuses what the caller may not do to a user. A call about a user that does not exist is judged
/// first and not found afterwards.
fn check_access(
    resources: &Resources,
    action: IamAction,
    call: &IamCall<'_>,
    name: &str,
) -> Result<(), Refusal> {
    let account = call.caller.account();
    let known = resources.users.find(account, name);
    let resource = known.map_or_else(|| arn_of_name(call, name), |user| user.arn.to_string());
    ResourceAccess {
        caller: call.caller,
        action: &format!("iam:{}", action.name()),
        resource: &resource,
        account,
        called: &format!("user {name}"),
        policy: None,
        context: call.caller.request_context(call.request, &call.region, call.now),
    }
    .check(resources)
    .map_err(|refusal| Refusal { status: 403, code: "AccessDenied".to_owned(), ..refusal })
}

/// The path of a user that is not there is not known.
fn arn_of_name(call: &IamCall<'_>, name: &str) -> String {
    let (partition, account) = (partition(&call.region), call.caller.account());
    format!("arn:{partition}:iam::{account}:user/{name}")
}

/// Returns where a key of a user is. One of another user is not found, as at AWS.
fn position(user: &User, id: &str) -> Result<usize, Refusal> {
    user.keys.iter().position(|key| key.id == id).ok_or_else(|| {
        let message = format!("The Access Key with id {id} cannot be found.");
        Refusal::new(404, "NoSuchEntity", message, "no-access-key")
    })
}

fn new_status(input: &IamInput) -> Result<KeyStatus, Refusal> {
    input.status.filter(|status| *status != KeyStatus::Expired).ok_or_else(|| {
        let message = "The status of an access key can be set to Active or Inactive.";
        Refusal::new(400, "InvalidInput", message, "key-status")
    })
}

fn without_result(action: IamAction, call: &IamCall<'_>) -> Reply {
    reply_without_result(IAM_NAMESPACE, action.name(), call.request_id)
}

/// Returns a new key, with the secret access key, which is shown this once.
fn created(user: &User, key: &AccessKey) -> Xml {
    let mut access_key = Xml::default();
    access_key.element("UserName", user.name());
    access_key.element("AccessKeyId", &key.id);
    access_key.element("Status", key.status.name());
    access_key.element("SecretAccessKey", &key.secret);
    access_key.element("CreateDate", &format_iso(key.created));
    access_key
}

fn list(user: &User, input: &IamInput, result: &mut Xml) {
    let (page, next) = input.page.of(&user.keys);
    let mut list = Xml::default();
    for key in page {
        let mut member = Xml::default();
        member.element("UserName", user.name());
        member.element("AccessKeyId", &key.id);
        member.element("Status", key.status.name());
        member.element("CreateDate", &format_iso(key.created));
        list.structure("member", &member);
    }
    result.element("IsTruncated", &next.is_some().to_string());
    result.structure("AccessKeyMetadata", &list);
    if let Some(next) = next {
        result.element("Marker", &next);
    }
}

/// A key that was never used has no date, and `N/A` for the rest.
fn last_used(user: &User, id: &str, result: &mut Xml) {
    let key = user.keys.iter().find(|key| key.id == id);
    let last_use = key.and_then(|key| key.last_use.as_ref());
    let mut last_used = Xml::default();
    if let Some(last_use) = last_use {
        last_used.element("LastUsedDate", &format_iso(last_use.date));
    }
    last_used.element("ServiceName", last_use.map_or("N/A", |it| &it.service));
    last_used.element("Region", last_use.map_or("N/A", |it| &it.region));
    result.element("UserName", user.name());
    result.structure("AccessKeyLastUsed", &last_used);
}
