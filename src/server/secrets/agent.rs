//! The dialect of AWS's agent: secrets by their ids.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/userguide/secrets-manager-agent.html>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::SecretsEndpoint;
use super::query::SecretQuery;
use super::read::ReadingClient;
use super::reply::EarlyResponse;
use crate::secrets_cache::{BodyFormat, FetchedValue, ReadItem, ReadRequest};
use crate::server::Response;
use crate::server::response;
use roles_anywhere_client::aws::get_secret_value::{SecretValue, SecretVersion};
use roles_anywhere_client::secret::{Secret, SecretBytes};

impl SecretsEndpoint {
    /// Returns the secret of `/secretsmanager/get?secretId=…`.
    pub(super) async fn secret_by_query(
        &self,
        reader: &ReadingClient<'_>,
        query: &str,
    ) -> Result<Response, EarlyResponse> {
        self.secret(reader, SecretQuery::of_query(query)?).await
    }

    /// Returns the secret whose id is in the path.
    pub(super) async fn secret_by_path(
        &self,
        reader: &ReadingClient<'_>,
        path: &str,
        query: &str,
    ) -> Result<Response, EarlyResponse> {
        let query = SecretQuery::of_path(path, &reader.rules.policy.path_prefix, query)?;
        self.secret(reader, query).await
    }

    async fn secret(
        &self,
        reader: &ReadingClient<'_>,
        query: SecretQuery,
    ) -> Result<Response, EarlyResponse> {
        let SecretQuery { secret, common } = query;
        let mut request = ReadRequest {
            role: common.role_arn.as_deref().map(Into::into),
            region: None,
            freshness: common.freshness(),
            client: None,
            deadline: None,
            item: ReadItem::Secret(secret),
        };
        reader.ask(&mut request);
        let served = self.read(reader, &request).await?;
        self.hand_out(reader, &request, &served, |value| value.body(BodyFormat::Agent, render))
    }
}

/// Renders a version of a secret: the keys in this order, the date as a text.
fn render(value: &FetchedValue) -> SecretBytes {
    let secret = match value {
        FetchedValue::Secret(secret) => secret,
        // Only secrets are read in this dialect.
        FetchedValue::Parameter(_) => return SecretBytes::default(),
    };
    let SecretVersion { arn, name, version_id, version_stages, created, value } = secret;
    let base64 = match value {
        SecretValue::Binary(bytes) => Some(Secret::new(STANDARD.encode(bytes.expose()))),
        SecretValue::Text(_) => None,
    };
    let text = match value {
        SecretValue::Text(text) => Some(text.expose()),
        SecretValue::Binary(_) => None,
    };
    response::rendered_bytes(&AgentSecret {
        arn,
        name,
        version_id: version_id.as_deref(),
        secret_string: text,
        secret_binary: base64.as_ref().map(Secret::expose),
        version_stages,
        created_date: created.map(seconds),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AgentSecret<'a> {
    #[serde(rename = "ARN")]
    arn: &'a str,
    name: &'a str,
    version_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_string: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_binary: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    version_stages: &'a [String],
    created_date: Option<String>,
}

/// Returns microseconds as seconds, with as many digits of the fraction as are needed.
fn seconds(microseconds: i64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "exact for the next 250 years")]
    let seconds = microseconds as f64 / 1e6;
    seconds.to_string()
}
