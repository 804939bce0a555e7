//! `secretsmanager:ListSecrets`.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html>

use serde::{Deserialize, Serialize};

use crate::aws::endpoint::RegionalEndpoint;
use crate::aws::json_protocol::{JsonOperation, JsonResponseError};
use crate::aws::secret_description::SecretDescription;
use crate::http::{Request, Response};

const OPERATION: JsonOperation = JsonOperation::ListSecrets;

/// The most secrets of a page.
const MAX_RESULTS: u8 = 100;

/// Returns the unsigned request for the secrets whose names start with `prefix`, if one is given, at `at`;
/// `page` is the `NextToken` of the page before.
pub fn to_http(prefix: Option<&str>, page: Option<&str>, at: &RegionalEndpoint) -> Request {
    let filters = prefix.map(|prefix| Filter { key: "name", values: [prefix] });
    let filters = filters.into_iter().collect();
    OPERATION.request(at, &ListSecretsInput { filters, max_results: MAX_RESULTS, next_token: page })
}

/// A page of the response.
#[derive(Debug)]
pub struct SecretPage {
    /// The secrets; there may be none although there is another page.
    pub secrets: Vec<SecretDescription>,
    /// The token of the next page.
    pub next_page: Option<String>,
}

/// Reads a 2xx `response`.
pub fn parse(response: &Response) -> Result<SecretPage, JsonResponseError> {
    let ListSecretsOutput { secret_list, next_token } = OPERATION.output(response)?;
    Ok(SecretPage { secrets: secret_list, next_page: next_token })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListSecretsInput<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    filters: Vec<Filter<'a>>,
    max_results: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Filter<'a> {
    key: &'static str,
    values: [&'a str; 1],
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListSecretsOutput {
    #[serde(default)]
    secret_list: Vec<SecretDescription>,
    next_token: Option<String>,
}
