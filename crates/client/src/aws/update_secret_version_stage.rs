//! `secretsmanager:UpdateSecretVersionStage`, which moves a staging label.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html>

use serde::{Deserialize, Serialize};

use crate::aws::endpoint::RegionalEndpoint;
use crate::aws::get_secret_value::SecretId;
use crate::aws::json_protocol::{JsonOperation, JsonResponseError};
use crate::http::{Request, Response};
use crate::text::disclosure::may_be_repeated;

const OPERATION: JsonOperation = JsonOperation::UpdateSecretVersionStage;

/// A move of a staging label by compare-and-swap: AWS refuses it if another version than `from` has the
/// label, and without `from` if any has it.
///
/// If the answer to the first attempt was lost, a repeated one is refused although the label was moved.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MoveStage {
    /// The secret.
    pub secret: SecretId,
    /// The label.
    pub stage: String,
    /// The version that gets it; `None` to remove it.
    pub to: Option<String>,
    /// The version that has it; `None` if none has.
    pub from: Option<String>,
}

impl MoveStage {
    /// Returns the unsigned request at `at`.
    pub fn to_http(&self, at: &RegionalEndpoint) -> Request {
        let input = UpdateSecretVersionStageInput {
            secret_id: self.secret.to_string(),
            version_stage: &self.stage,
            remove_from_version_id: self.from.as_deref(),
            move_to_version_id: self.to.as_deref(),
        };
        OPERATION.request(at, &input)
    }

    /// Returns the values that must not be shown, even if AWS repeats them.
    pub fn hidden(&self) -> Vec<&str> {
        let texts = [Some(&self.stage), self.to.as_ref(), self.from.as_ref()];
        let texts = texts.into_iter().flatten().map(String::as_str);
        self.secret.hidden().into_iter().chain(texts.filter(|it| !may_be_repeated(it))).collect()
    }
}

/// Checks that a 2xx `response` is one of this operation.
pub fn parse(response: &Response) -> Result<(), JsonResponseError> {
    let UpdateSecretVersionStageOutput { .. } = OPERATION.output(response)?;
    Ok(())
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateSecretVersionStageInput<'a> {
    secret_id: String,
    version_stage: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    remove_from_version_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    move_to_version_id: Option<&'a str>,
}

#[derive(Deserialize)]
struct UpdateSecretVersionStageOutput {
    #[serde(rename = "ARN")]
    _arn: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::SecretBytes;

    #[test]
    fn a_response_of_something_else_is_refused() {
        let parsed = |body: &str| {
            let body = SecretBytes::new(body.as_bytes().to_vec());
            parse(&Response { status: 200, headers: Vec::new(), body })
        };
        assert_eq!(parsed(r#"{"ARN":"a","Name":"n"}"#), Ok(()));
        for body in ["", "{}", "<html>", "[]"] {
            assert_eq!(parsed(body), Err(JsonResponseError::Malformed(OPERATION)), "{body}");
        }
    }
}
