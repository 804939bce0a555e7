//! A secret as the AWS CLI prints it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::output::aws_document::{self, iso_8601};
use roles_anywhere_client::aws::get_secret_value::{SecretValue, SecretVersion};
use roles_anywhere_client::secret::{Secret, SecretBytes};

/// Renders the whole answer with the AWS CLI's members, indented as the AWS CLI does, and a newline.
pub(super) fn render(secret: &SecretVersion) -> SecretBytes {
    let (text, binary) = match &secret.value {
        SecretValue::Text(text) => (Some(text.expose()), None),
        SecretValue::Binary(bytes) => (None, Some(Secret::new(STANDARD.encode(bytes.expose())))),
    };
    let document = SecretDocument {
        arn: &secret.arn,
        name: &secret.name,
        version_id: secret.version_id.as_deref(),
        secret_binary: binary.as_ref().map(Secret::expose),
        secret_string: text,
        version_stages: &secret.version_stages,
        created_date: secret.created.and_then(iso_8601),
    };
    let value = text.map_or(0, str::len) + binary.as_ref().map_or(0, |b| b.expose().len());
    aws_document::render(&document, value)
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SecretDocument<'a> {
    #[serde(rename = "ARN")]
    arn: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_binary: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_string: Option<&'a str>,
    version_stages: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    created_date: Option<String>,
}
