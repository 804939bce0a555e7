//! `ssm:GetParameters`: up to ten parameters.
//!
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html>

use serde::{Deserialize, Serialize};

use crate::aws::endpoint::RegionalEndpoint;
use crate::aws::json_protocol::{JsonOperation, JsonResponseError, or_empty};
use crate::aws::parameter::{Decryption, Parameter, ParameterMembers, ParameterRequest};
use crate::http::{Request, Response};

/// The most parameters of one request.
pub const MAX_PARAMETERS: usize = 10;

const OPERATION: JsonOperation = JsonOperation::GetParameters;

/// Returns the unsigned request for `parameters` at `at`.
pub fn to_http(
    parameters: &[ParameterRequest],
    decryption: Decryption,
    at: &RegionalEndpoint,
) -> Request {
    let input = GetParametersInput {
        names: parameters.iter().map(ToString::to_string).collect(),
        with_decryption: decryption == Decryption::Decrypted,
    };
    OPERATION.request(at, &input)
}

/// The parameters of a response.
#[derive(Debug)]
pub struct FoundParameters {
    /// Those that were read.
    pub parameters: Vec<Parameter>,
    /// The names of those that do not exist, as they were requested.
    pub invalid: Vec<String>,
}

/// Reads a 2xx `response`.
pub fn parse(response: &Response) -> Result<FoundParameters, JsonResponseError> {
    let GetParametersOutput { parameters, invalid_parameters } = OPERATION.output(response)?;
    let parameters = parameters.into_iter().map(Parameter::from).collect();
    Ok(FoundParameters { parameters, invalid: invalid_parameters })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetParametersInput {
    names: Vec<String>,
    with_decryption: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetParametersOutput {
    #[serde(default, deserialize_with = "or_empty")]
    parameters: Vec<ParameterMembers>,
    #[serde(default, deserialize_with = "or_empty")]
    invalid_parameters: Vec<String>,
}
