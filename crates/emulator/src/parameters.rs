//! Parameter Store of Systems Manager: JSON in and out, and who may call it.
//!
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/>

mod access;
mod by_path;
mod filter;
mod get;
mod input;
pub(crate) mod labels;
pub(crate) mod name;
mod put;
pub(crate) mod selector;
pub(crate) mod store;

use serde_json::Value;

use crate::account::Resources;
use crate::json_call::JsonCall;
use crate::refusal::Refusal;
use input::ParameterInput;
use store::ParameterError;

/// What answers an operation.
type ParameterHandler =
    fn(&mut Resources, &JsonCall<'_>, &ParameterInput) -> Result<Value, Refusal>;

/// The operations that there are.
const HANDLERS: [(&str, ParameterHandler); 7] = [
    ("GetParameter", get::get_parameter),
    ("GetParameters", get::get_parameters),
    ("GetParametersByPath", by_path::get_parameters_by_path),
    ("PutParameter", put::put_parameter),
    ("DeleteParameter", put::delete_parameter),
    ("DeleteParameters", put::delete_parameters),
    ("LabelParameterVersion", labels::label_parameter_version),
];

/// The errors whose text is in `message`. Those that are not listed have it in `Message`.
pub(crate) const SMALL_MESSAGE: [&str; 9] = [
    "HierarchyLevelLimitExceededException",
    "HierarchyTypeMismatchException",
    "InvalidFilterOption",
    "InvalidKeyId",
    "ParameterAlreadyExists",
    "ParameterMaxVersionLimitExceeded",
    "ParameterNotFound",
    "ParameterVersionLabelLimitExceeded",
    "ParameterVersionNotFound",
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
    handle(resources, call, &ParameterInput::parse(call.request)?)
}

impl From<ParameterError> for Refusal {
    fn from(error: ParameterError) -> Self {
        let (code, reason) = match error {
            ParameterError::NotFound => ("ParameterNotFound", "no-parameter"),
            ParameterError::NoVersion { .. } | ParameterError::NoLabel { .. } => {
                ("ParameterVersionNotFound", "no-version")
            }
            ParameterError::Exists => ("ParameterAlreadyExists", "exists"),
            ParameterError::OtherType => ("HierarchyTypeMismatchException", "type"),
            ParameterError::NoType => ("ValidationException", "type"),
            ParameterError::Large(_) | ParameterError::Downgraded => {
                ("ValidationException", "tier")
            }
            ParameterError::OldestLabelled { .. } => ("ParameterMaxVersionLimitExceeded", "label"),
            ParameterError::LabelLimit => ("ParameterVersionLabelLimitExceeded", "label"),
        };
        let message = error.to_string();
        Self::new(400, code, message, reason)
    }
}
