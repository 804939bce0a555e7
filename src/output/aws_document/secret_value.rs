//! Secrets with their values as the AWS CLI prints them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::{iso_8601, render};
use roles_anywhere_client::aws::get_secret_value::{SecretValue, SecretVersion};
use roles_anywhere_client::secret::{Secret, SecretBytes};

/// Renders a secret as `aws secretsmanager get-secret-value` does.
pub fn one(secret: &SecretVersion) -> SecretBytes {
    let binary = base64(secret);
    render(&document(secret, binary.as_ref()), length(secret))
}

/// Renders several in an array.
pub fn list(secrets: &[SecretVersion]) -> SecretBytes {
    let binaries: Vec<_> = secrets.iter().map(base64).collect();
    let documents = secrets.iter().zip(&binaries);
    let documents: Vec<_> = documents.map(|(it, binary)| document(it, binary.as_ref())).collect();
    // The other members are a few hundred bytes.
    render(&documents, secrets.iter().map(|secret| 200 + length(secret)).sum())
}

fn base64(secret: &SecretVersion) -> Option<Secret> {
    match &secret.value {
        SecretValue::Text(_) => None,
        SecretValue::Binary(bytes) => Some(Secret::new(STANDARD.encode(bytes.expose()))),
    }
}

/// Returns an upper bound of the length of the value in the document, before it is escaped.
fn length(secret: &SecretVersion) -> usize {
    match &secret.value {
        SecretValue::Text(text) => text.expose().len(),
        SecretValue::Binary(bytes) => 2 * bytes.expose().len(),
    }
}

fn document<'a>(secret: &'a SecretVersion, binary: Option<&'a Secret>) -> SecretDocument<'a> {
    SecretDocument {
        arn: &secret.arn,
        name: &secret.name,
        version_id: secret.version_id.as_deref(),
        secret_binary: binary.map(Secret::expose),
        secret_string: match &secret.value {
            SecretValue::Text(text) => Some(text.expose()),
            SecretValue::Binary(_) => None,
        },
        version_stages: &secret.version_stages,
        created_date: secret.created.and_then(iso_8601),
    }
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
