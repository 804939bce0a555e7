//! Secrets Manager: JSON in and out, and who may call it.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/>

mod access;
mod deletion;
mod describe;
mod filter;
mod input;
mod list;
mod random_password;
mod resource_policy;
pub(crate) mod rotation;
pub(crate) mod seed;
pub(crate) mod store;
mod tags;
mod value;
mod version_ids;
pub(crate) mod versions;
mod write;

use serde_json::Value;

use crate::account::Resources;
use crate::json_call::JsonCall;
use crate::refusal::Refusal;
use input::SecretInput;
use store::StoreError;
pub(crate) use value::read_as_parameter;

/// What answers an operation.
type SecretHandler = fn(&mut Resources, &JsonCall<'_>, &SecretInput) -> Result<Value, Refusal>;

/// The operations that there are.
const HANDLERS: [(&str, SecretHandler); 18] = [
    ("GetSecretValue", value::get_secret_value),
    ("BatchGetSecretValue", value::batch_get_secret_value),
    ("DescribeSecret", describe::describe_secret),
    ("ListSecrets", list::list_secrets),
    ("ListSecretVersionIds", version_ids::list_secret_version_ids),
    ("CreateSecret", write::create_secret),
    ("PutSecretValue", write::put_secret_value),
    ("UpdateSecret", write::update_secret),
    ("UpdateSecretVersionStage", write::update_secret_version_stage),
    ("DeleteSecret", deletion::delete_secret),
    ("RestoreSecret", deletion::restore_secret),
    ("CancelRotateSecret", write::cancel_rotate_secret),
    ("GetRandomPassword", random_password::get_random_password),
    ("TagResource", tags::tag_resource),
    ("UntagResource", tags::untag_resource),
    ("PutResourcePolicy", resource_policy::put_resource_policy),
    ("GetResourcePolicy", resource_policy::get_resource_policy),
    ("DeleteResourcePolicy", resource_policy::delete_resource_policy),
];

/// Returns the names of the operations.
pub(crate) fn operations() -> impl Iterator<Item = &'static str> {
    HANDLERS.iter().map(|(name, _)| *name)
}

/// Performs an operation.
pub(crate) fn perform(
    resources: &mut Resources,
    operation: &str,
    call: &JsonCall<'_>,
) -> Result<Value, Refusal> {
    let handler = HANDLERS.iter().find(|(name, _)| *name == operation);
    let (_, handle) = handler.ok_or_else(Refusal::unknown_operation)?;
    resources.secrets.purge(call.now);
    handle(resources, call, &SecretInput::parse(call.request)?)
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let (code, reason) = match error {
            StoreError::NoSecret => ("ResourceNotFoundException", "no-secret"),
            StoreError::NoStage(_) | StoreError::NoVersion(_) => {
                ("ResourceNotFoundException", "no-version")
            }
            StoreError::Deleted | StoreError::NameDeleted => ("InvalidRequestException", "deleted"),
            StoreError::StageOfAnother => ("InvalidRequestException", "stage-mismatch"),
            StoreError::Exists(_) => ("ResourceExistsException", "exists"),
            StoreError::TokenUsed { .. } => ("ResourceExistsException", "token-used"),
            StoreError::NoMove
            | StoreError::StageAttached { .. }
            | StoreError::StageNotAttached { .. }
            | StoreError::CurrentRemoved => ("InvalidParameterException", "stage"),
            StoreError::StageLimit => ("LimitExceededException", "stage"),
            StoreError::NoRotation => ("InvalidRequestException", "no-rotation"),
            StoreError::Managed(_) => ("InvalidRequestException", "managed"),
            StoreError::Replicated { .. } => ("InvalidParameterException", "replicas"),
        };
        Self::new(400, code, error.to_string(), reason)
    }
}
