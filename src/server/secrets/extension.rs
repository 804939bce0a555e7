//! The dialect of the Lambda extension: parameters by their names.
//!
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-integration-lambda-extensions.html>

use serde::Serialize;

use super::SecretsEndpoint;
use super::query::{CommonParameters, InvalidQuery, flag};
use super::read::ReadingClient;
use super::reply::EarlyResponse;
use crate::secrets_cache::{BodyFormat, FetchedValue, ReadItem, ReadRequest};
use crate::server::Response;
use crate::server::response;
use roles_anywhere_client::aws::parameter::{
    Decryption, Parameter, ParameterId, ParameterRequest, ParameterSelector,
};
use roles_anywhere_client::secret::{Secret, SecretBytes};
use roles_anywhere_client::time::Timestamp;

impl SecretsEndpoint {
    /// Returns the parameter of `/systemsmanager/parameters/get?name=…`.
    pub(super) async fn parameter(
        &self,
        reader: &ReadingClient<'_>,
        query: &str,
    ) -> Result<Response, EarlyResponse> {
        let mut request = parse(query)?;
        reader.ask(&mut request);
        let served = self.read(reader, &request).await?;
        self.hand_out(reader, &request, &served, |value| {
            value.body(BodyFormat::LambdaExtension, render)
        })
    }
}

/// Reads the query. Of `version` and `label`, the first counts.
fn parse(query: &str) -> Result<ReadRequest, InvalidQuery> {
    let mut name = String::new();
    let (mut selector, mut decryption) = (None, Decryption::Encrypted);
    let mut common = CommonParameters::default();
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*key {
            "name" => name = value.into_owned(),
            "version" => {
                let number =
                    value.parse().map_err(|_| InvalidQuery::from("invalid version value"))?;
                selector.get_or_insert(ParameterSelector::Version(number));
            }
            "label" => {
                selector.get_or_insert_with(|| ParameterSelector::Label(value.into_owned()));
            }
            "withDecryption" => {
                decryption = match flag(&value) {
                    Some(true) => Decryption::Decrypted,
                    Some(false) => Decryption::Encrypted,
                    None => return Err("invalid withDecryption value".into()),
                }
            }
            key => common.take(key, &value)?,
        }
    }
    if name.is_empty() {
        return Err("missing parameter name".into());
    }
    common.check()?;
    // What is no valid ARN is refused by AWS, in its words.
    let parsed = ParameterRequest::parse(&name);
    let mut parameter =
        parsed.unwrap_or_else(|_| ParameterRequest::latest(ParameterId::Name(name)));
    parameter.selector = parameter.selector.or(selector);
    Ok(ReadRequest {
        role: common.role_arn.as_deref().map(Into::into),
        region: None,
        freshness: common.freshness(),
        client: None,
        deadline: None,
        item: ReadItem::Parameter(parameter, decryption),
    })
}

/// Renders a parameter as an SDK for Go does its output, which is what the extension returns.
fn render(value: &FetchedValue) -> SecretBytes {
    let parameter = match value {
        FetchedValue::Parameter(parameter) => parameter,
        // Only parameters are read in this dialect.
        FetchedValue::Secret(_) => return SecretBytes::default(),
    };
    let Parameter { name, kind, value, version, selector, source_result, .. } = parameter;
    response::rendered_bytes(&ExtensionOutput {
        parameter: ExtensionParameter {
            arn: parameter.arn.as_deref(),
            data_type: parameter.data_type.as_deref(),
            last_modified_date: parameter.last_modified.map(rfc3339),
            name,
            selector: selector.as_deref(),
            source_result: source_result.as_ref().map(Secret::expose),
            kind,
            value: value.expose(),
            version: version.unwrap_or_default(),
        },
        result_metadata: ResultMetadata {},
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ExtensionOutput<'a> {
    parameter: ExtensionParameter<'a>,
    result_metadata: ResultMetadata,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ExtensionParameter<'a> {
    #[serde(rename = "ARN")]
    arn: Option<&'a str>,
    data_type: Option<&'a str>,
    last_modified_date: Option<String>,
    name: &'a str,
    selector: Option<&'a str>,
    source_result: Option<&'a str>,
    #[serde(rename = "Type")]
    kind: &'a str,
    value: &'a str,
    version: i64,
}

/// An empty object.
#[derive(Serialize)]
struct ResultMetadata {}

/// Returns a time as Go writes it: the fraction without zeros at its end.
fn rfc3339(microseconds: i64) -> String {
    let seconds = Timestamp::from_unix(microseconds.div_euclid(1_000_000)).to_string();
    let fraction = format!("{:06}", microseconds.rem_euclid(1_000_000));
    match (fraction.trim_end_matches('0'), seconds.strip_suffix('Z')) {
        ("", _) | (_, None) => seconds,
        (fraction, Some(seconds)) => format!("{seconds}.{fraction}Z"),
    }
}
