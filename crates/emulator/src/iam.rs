//! IAM: the access keys of users, by the Query protocol.
//!
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/>

mod access_keys;
mod input;
pub(crate) mod users;

use time::OffsetDateTime;

use crate::account::Resources;
use crate::caller::Caller;
use crate::message::{Reply, Request};
use crate::refusal::Refusal;

/// The one version that IAM ever had.
pub(crate) const VERSION: &str = "2010-05-08";

/// What IAM does here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IamAction {
    CreateAccessKey,
    DeleteAccessKey,
    GetAccessKeyLastUsed,
    ListAccessKeys,
    UpdateAccessKey,
}

impl IamAction {
    pub(crate) const ALL: [Self; 5] = [
        Self::CreateAccessKey,
        Self::DeleteAccessKey,
        Self::GetAccessKeyLastUsed,
        Self::ListAccessKeys,
        Self::UpdateAccessKey,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::CreateAccessKey => "CreateAccessKey",
            Self::DeleteAccessKey => "DeleteAccessKey",
            Self::GetAccessKeyLastUsed => "GetAccessKeyLastUsed",
            Self::ListAccessKeys => "ListAccessKeys",
            Self::UpdateAccessKey => "UpdateAccessKey",
        }
    }
}

/// Returns the action of a name, or the error message if there is no such action here.
pub(crate) fn action(name: &str) -> Result<IamAction, String> {
    IamAction::ALL.into_iter().find(|action| action.name() == name).ok_or_else(|| {
        format!(
            "this emulator has no iam:{name}; set AWS_ENDPOINT_URL_IAM to an endpoint that has it"
        )
    })
}

/// Returns the Region that requests of a partition are signed for: IAM is in one only.
pub(crate) fn signing_region(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "cn-north-1",
        "aws-us-gov" => "us-gov-west-1",
        "aws-iso" => "us-iso-east-1",
        "aws-iso-b" => "us-isob-east-1",
        "aws-iso-e" => "eu-isoe-west-1",
        "aws-iso-f" => "us-isof-south-1",
        "aws-eusc" => "eusc-de-east-1",
        _ => "us-east-1",
    }
}

/// A call of an action.
#[derive(Debug)]
pub(crate) struct IamCall<'a> {
    pub(crate) caller: &'a Caller,
    /// The Region that the request is signed for.
    pub(crate) region: String,
    pub(crate) request: &'a Request,
    pub(crate) request_id: &'a str,
    pub(crate) now: OffsetDateTime,
}

/// Performs a call.
pub(crate) fn perform(
    resources: &mut Resources,
    action: IamAction,
    call: &IamCall<'_>,
) -> Result<Reply, Refusal> {
    let input = input::parse(action, call.request)?;
    access_keys::perform(resources, action, call, &input)
}

#[cfg(test)]
mod tests;
