//! Parameter Store of Systems Manager: JSON in and out, and who may call it.
//!
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/>

mod access;
mod by_path;
mod filter;
mod get;
mod input;
pub(crate) mod name;
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
const HANDLERS: [(&str, ParameterHandler); 3] = [
    ("GetParameter", get::get_parameter),
    ("GetParameters", get::get_parameters),
    ("GetParametersByPath", by_path::get_parameters_by_path),
];

/// The errors whose text is in `message`. Those that are not listed have it in `Message`.
pub(crate) const SMALL_MESSAGE: [&str; 4] =
    ["InvalidFilterOption", "InvalidKeyId", "ParameterNotFound", "ParameterVersionNotFound"];

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
        };
        let message = error.to_string();
        Self::new(400, code, message, reason)
    }
}
