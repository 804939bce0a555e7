//! AWS JSON 1.1, the protocol of Secrets Manager and of Systems Manager.
//!
//! <https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use crate::aws::endpoint::{RegionalEndpoint, Service};
use crate::http::{Request, Response};

/// Reads a value, or `null` as an empty one.
pub(super) fn or_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// An operation of a service that speaks this protocol.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum JsonOperation {
    /// `secretsmanager:GetSecretValue`.
    GetSecretValue,
    /// `secretsmanager:BatchGetSecretValue`.
    BatchGetSecretValue,
    /// `secretsmanager:DescribeSecret`.
    DescribeSecret,
    /// `secretsmanager:ListSecrets`.
    ListSecrets,
    /// `secretsmanager:PutSecretValue`.
    PutSecretValue,
    /// `secretsmanager:UpdateSecretVersionStage`.
    UpdateSecretVersionStage,
    /// `secretsmanager:GetRandomPassword`.
    GetRandomPassword,
    /// `ssm:GetParameter`.
    GetParameter,
    /// `ssm:GetParameters`.
    GetParameters,
    /// `ssm:GetParametersByPath`.
    GetParametersByPath,
}

impl JsonOperation {
    /// Returns its name, without the service.
    pub fn name(self) -> &'static str {
        match self {
            Self::GetSecretValue => "GetSecretValue",
            Self::BatchGetSecretValue => "BatchGetSecretValue",
            Self::DescribeSecret => "DescribeSecret",
            Self::ListSecrets => "ListSecrets",
            Self::PutSecretValue => "PutSecretValue",
            Self::UpdateSecretVersionStage => "UpdateSecretVersionStage",
            Self::GetRandomPassword => "GetRandomPassword",
            Self::GetParameter => "GetParameter",
            Self::GetParameters => "GetParameters",
            Self::GetParametersByPath => "GetParametersByPath",
        }
    }

    /// Returns its service.
    pub fn service(self) -> Service {
        match self {
            Self::GetSecretValue
            | Self::BatchGetSecretValue
            | Self::DescribeSecret
            | Self::ListSecrets
            | Self::PutSecretValue
            | Self::UpdateSecretVersionStage
            | Self::GetRandomPassword => Service::SecretsManager,
            Self::GetParameter | Self::GetParameters | Self::GetParametersByPath => Service::Ssm,
        }
    }

    /// Returns the action that a policy must allow, e.g. `ssm:GetParameter`.
    pub fn action(self) -> String {
        format!("{}:{self}", self.service().name())
    }

    /// Returns the unsigned request with `input` at `at`.
    pub(super) fn request(self, at: &RegionalEndpoint, input: &impl Serialize) -> Request {
        self.request_of_length(at, input, 0)
    }

    /// As [`Self::request`], for an `input` of at most `length` bytes: its buffer is not moved while it is
    /// written, so no copy of a secret is left in memory.
    pub(super) fn request_of_length(
        self,
        at: &RegionalEndpoint,
        input: &impl Serialize,
        length: usize,
    ) -> Request {
        let mut body = Vec::with_capacity(length);
        serde_json::to_writer(&mut body, input).expect("strings, numbers and lists serialize");
        let target = match self.service() {
            Service::Ssm => "AmazonSSM",
            service => service.name(),
        };
        Request {
            method: "POST",
            endpoint: at.endpoint.clone(),
            path: "/",
            query: String::new(),
            headers: vec![
                ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
                ("x-amz-target".to_owned(), format!("{target}.{self}")),
            ],
            body,
        }
    }

    /// Reads the output in a 2xx `response`. The error does not quote it, as it may hold a secret.
    pub(super) fn output<T: DeserializeOwned>(
        self,
        response: &Response,
    ) -> Result<T, JsonResponseError> {
        serde_json::from_slice(response.body.expose())
            .map_err(|_| JsonResponseError::Malformed(self))
    }
}

/// Renders its name, without the service.
impl fmt::Display for JsonOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a 2xx response is not what was requested.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum JsonResponseError {
    /// It is not the documented JSON.
    #[error("the response of {0} cannot be parsed")]
    Malformed(JsonOperation),
    /// `SecretBinary` is not base64.
    #[error("the member `SecretBinary` of the response is not base64")]
    Base64,
    /// There is neither `SecretString` nor `SecretBinary`.
    #[error("the response contains neither `SecretString` nor `SecretBinary`")]
    NoValue,
    /// Something that was requested is neither among the results nor among the errors.
    #[error("the response of {0} leaves out a requested name")]
    LeftOut(JsonOperation),
    /// The page refers to itself as the next one.
    #[error("two pages of {0} have the same `NextToken`")]
    RepeatedPage(JsonOperation),
}

impl JsonResponseError {
    /// Returns the service that the response should be of.
    pub fn service(self) -> Service {
        match self {
            Self::Base64 | Self::NoValue => Service::SecretsManager,
            Self::Malformed(operation)
            | Self::LeftOut(operation)
            | Self::RepeatedPage(operation) => operation.service(),
        }
    }
}

/// Returns seconds since the Unix epoch in microseconds.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a float casts to the nearest integer there is"
)]
pub(super) fn microseconds(seconds: f64) -> i64 {
    (seconds * 1e6).round() as i64
}

#[cfg(test)]
mod tests;
