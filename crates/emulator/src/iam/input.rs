//! The parameters of the actions, and the constraints of their shape.

use super::IamAction;
use super::users::KeyStatus;
use crate::message::Request;
use crate::paging::Page;
use crate::query::{Constraints, Parameters, Pattern};
use crate::refusal::Refusal;

/// What is asked for. A member that the action does not have is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IamInput {
    /// None if the caller means itself.
    pub(super) user_name: Option<String>,
    /// Empty for an action that is about no single key.
    pub(super) access_key_id: String,
    /// The new status, for `UpdateAccessKey`.
    pub(super) status: Option<KeyStatus>,
    pub(super) page: Page,
}

const NAME: Pattern = Pattern { expression: r"[\w+=,.@-]+", punctuation: "+=,.@-" };
const KEY_ID: Pattern = Pattern { expression: r"[\w]+", punctuation: "" };
/// How many entries a page has if the request does not say it.
const PAGE: usize = 100;

/// Reads the parameters.
pub(super) fn parse(action: IamAction, request: &Request) -> Result<IamInput, Refusal> {
    let parameters = Parameters::of(request);
    let has_user_name = action != IamAction::GetAccessKeyLastUsed;
    let has_key = !matches!(action, IamAction::CreateAccessKey | IamAction::ListAccessKeys);
    let text = |name, is_member: bool| parameters.text(name).filter(|_| is_member);
    let mut constraints = Constraints::default();
    let user_name = text("UserName", has_user_name);
    constraints.length(user_name, "userName", 1..=128);
    constraints.pattern(user_name, "userName", &NAME);
    let key_id = text("AccessKeyId", has_key);
    if has_key {
        constraints.required(key_id, "accessKeyId");
    }
    constraints.length(key_id, "accessKeyId", 16..=128);
    constraints.pattern(key_id, "accessKeyId", &KEY_ID);
    let given_status = text("Status", action == IamAction::UpdateAccessKey);
    if action == IamAction::UpdateAccessKey {
        constraints.required(given_status, "status");
    }
    let status = KeyStatus::ALL.into_iter().find(|known| Some(known.name()) == given_status);
    if given_status.is_some() && status.is_none() {
        let constraint = "satisfy enum value set: [Active, Inactive, Expired]";
        constraints.violate(given_status, "status", constraint);
    }
    let size = page_size(text("MaxItems", action == IamAction::ListAccessKeys), &mut constraints)?;
    constraints.check()?;
    let marker = text("Marker", action == IamAction::ListAccessKeys);
    let page = Page::new(marker, size)
        .map_err(|_| Refusal::new(400, "ValidationError", "Invalid Marker.", "marker"))?;
    Ok(IamInput {
        user_name: user_name.map(str::to_owned),
        access_key_id: key_id.unwrap_or_default().to_owned(),
        status,
        page,
    })
}

fn page_size(text: Option<&str>, constraints: &mut Constraints) -> Result<usize, Refusal> {
    let Some(text) = text else { return Ok(PAGE) };
    let size: i32 = text.parse().map_err(|_| {
        Refusal::new(400, "MalformedInput", "", "parameter")
            .explained("MaxItems is not a whole number of 32 bits")
    })?;
    constraints.range(Some(size), "maxItems", 1..=1000);
    Ok(usize::try_from(size).unwrap_or(PAGE))
}
