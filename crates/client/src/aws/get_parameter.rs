//! `ssm:GetParameter`.
//!
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html>

use serde::{Deserialize, Serialize};

use crate::aws::endpoint::RegionalEndpoint;
use crate::aws::json_protocol::{JsonOperation, JsonResponseError};
use crate::aws::parameter::{Decryption, Parameter, ParameterMembers, ParameterRequest};
use crate::http::{Request, Response};

const OPERATION: JsonOperation = JsonOperation::GetParameter;

/// Returns the unsigned request for a parameter at `at`.
pub fn to_http(
    parameter: &ParameterRequest,
    decryption: Decryption,
    at: &RegionalEndpoint,
) -> Request {
    let input = GetParameterInput {
        name: parameter.to_string(),
        with_decryption: decryption == Decryption::Decrypted,
    };
    OPERATION.request(at, &input)
}

/// Reads the parameter of a 2xx `response`.
pub fn parse(response: &Response) -> Result<Parameter, JsonResponseError> {
    Ok(OPERATION.output::<GetParameterOutput>(response)?.parameter.into())
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetParameterInput {
    name: String,
    with_decryption: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetParameterOutput {
    parameter: ParameterMembers,
}
