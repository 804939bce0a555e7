//! `ssm:GetParametersByPath`: the parameters below a path.
//!
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParametersByPath.html>

use serde::{Deserialize, Serialize};

use crate::aws::endpoint::RegionalEndpoint;
use crate::aws::json_protocol::{JsonOperation, JsonResponseError};
use crate::aws::parameter::{Decryption, Parameter, ParameterMembers};
use crate::http::{Request, Response};

const OPERATION: JsonOperation = JsonOperation::GetParametersByPath;

/// A request for the parameters below a path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PathRequest {
    /// The path, which starts with a slash.
    pub path: String,
    /// How deep they are.
    pub depth: PathDepth,
}

/// How deep below a path parameters are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PathDepth {
    /// Directly below it.
    OneLevel,
    /// Anywhere below it.
    AllLevels,
}

impl PathRequest {
    /// Returns the unsigned request at `at`; `page` is the `NextToken` of the page before.
    pub fn to_http(
        &self,
        decryption: Decryption,
        page: Option<&str>,
        at: &RegionalEndpoint,
    ) -> Request {
        let input = GetParametersByPathInput {
            path: &self.path,
            recursive: self.depth == PathDepth::AllLevels,
            with_decryption: decryption == Decryption::Decrypted,
            max_results: MAX_RESULTS,
            next_token: page,
        };
        OPERATION.request(at, &input)
    }
}

/// The most parameters of a page.
const MAX_RESULTS: u8 = 10;

/// A page of the response.
#[derive(Debug)]
pub struct ParameterPage {
    /// The parameters; there may be none although there is another page.
    pub parameters: Vec<Parameter>,
    /// The token of the next page.
    pub next_page: Option<String>,
}

/// Reads a 2xx `response`.
pub fn parse(response: &Response) -> Result<ParameterPage, JsonResponseError> {
    let GetParametersByPathOutput { parameters, next_token } = OPERATION.output(response)?;
    let parameters = parameters.into_iter().map(Parameter::from).collect();
    Ok(ParameterPage { parameters, next_page: next_token })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetParametersByPathInput<'a> {
    path: &'a str,
    recursive: bool,
    with_decryption: bool,
    max_results: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetParametersByPathOutput {
    #[serde(default)]
    parameters: Vec<ParameterMembers>,
    next_token: Option<String>,
}
