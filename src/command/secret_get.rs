//! `secret get`: reads a secret of AWS Secrets Manager with a certificate.

mod plan;

use std::slice;

use crate::app::App;
use crate::app::session::SessionClient;
use crate::app::value_output::LineBreak;
use crate::command::{Command, Plan, SECRET};
use crate::options::arguments::OptionGroups;
use crate::options::command_line::Word;
use crate::options::roles::RoleUse;
use crate::options::secret_output::{ValueDestination, ValueSelection};
use crate::options::services;
use crate::options::session::SessionOptions;
use crate::options::session_plan::SessionPlan;
use crate::options::settings::Settings;
use crate::options::table::{self, OptionSpec};
use crate::output::Outcome;
use crate::output::aws_document::secret_value;
use crate::output::error::Error;
use crate::output::formats::{self, VariableFormat};
use crate::output::references::{ResolveErrors, ValueError};
use crate::output::run::{KeyOptionError, RunError, VariablesError};
use crate::output::usage::UsageError;
use crate::secrets::endpoints::ServiceEndpoints;
use crate::secrets::lookup::LookupPlan;
use crate::secrets::resolver::{self, Found, RoleAccess};
use crate::secrets::selected_member::selected_member;
use crate::secrets::value::members_of;
use crate::secrets::variable_names::variable_names;
use roles_anywhere_client::aws::endpoint::RegionalEndpoint;
use roles_anywhere_client::aws::get_secret_value::{SecretRequest, SecretValue, SecretVersion};
use roles_anywhere_client::region::Region;
use roles_anywhere_client::secret::{Secret, SecretBytes};

/// The plan of `secret get`.
#[derive(Clone, Debug)]
pub struct SecretGetPlan {
    /// The session.
    pub session: SessionPlan,
    /// Where Secrets Manager is.
    pub at: RegionalEndpoint,
    /// The secrets.
    pub get: SecretGet,
}

impl Command for SecretGetPlan {
    const NAME: &'static [Word] =
        &[SECRET, ("get", "Print a secret, or one member of a JSON secret")];
    const DETAILS: &'static str = "\
Reads a secret from AWS Secrets Manager with the credentials of a session. The role must allow secretsmanager:GetSecretValue. \
Several secrets are read 20 at once if it allows secretsmanager:BatchGetSecretValue too.";
    const EXAMPLES: &'static str = "\
# With the certificate and the ARNs in ROLES_ANYWHERE_* variables:
roles-anywhere secret get prod/db-credentials --key password
roles-anywhere secret get prod/keystore --out keystore.jks
roles-anywhere secret get prod/db prod/smtp --output dotenv --out .env";
    const DOCS: &'static [&'static str] = &["secrets.md", "cache.md", "errors.md"];
    const OPTIONS: &'static OptionGroups = &[plan::SECRET_GET, table::session_groups::ONE_SESSION];
    const REQUIRED: &'static [&'static OptionSpec] = plan::REQUIRED;
    const ROLES: RoleUse = RoleUse::One;

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let call = |session: &SessionOptions| plan::get(settings, session);
        let (session, at, get) = services::session_and_call(settings, Self::REQUIRED, call)?;
        Ok(Self { session, at, get })
    }
}

impl Plan for SecretGetPlan {
    fn run(&self, app: &App) -> Result<Outcome, Error> {
        let client = SessionClient::open(app, &self.session);
        let sessions = client.sessions();
        let endpoints = ServiceEndpoints {
            secrets_manager: Some(self.at.endpoint.clone()),
            ..ServiceEndpoints::default()
        };
        let output = client.block_on(async |ports, deadline| {
            let (sessions, endpoints) = (&sessions, &endpoints);
            let access = RoleAccess { role: None, sessions, endpoints, ports, deadline };
            run(&self.get, &self.at.region, &access, app).await
        })?;
        Ok(output.into())
    }
}

/// The secret to read and its destination.
#[derive(Clone, Debug)]
pub struct SecretGet {
    /// The requests, at least one; each secret once.
    pub requests: Vec<SecretRequest>,
    /// What to output.
    pub output: SecretOutput,
    /// Where to write it.
    pub destination: ValueDestination,
}

/// What to output of secrets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SecretOutput {
    /// A part of one secret.
    Part(ValueSelection),
    /// An array of whole responses.
    Array,
    /// The members of JSON secrets as variables of a `.env` file.
    Variables,
}

/// Returns the output; nothing if the secret was written to a file.
pub async fn run(
    get: &SecretGet,
    region: &Region,
    access: &RoleAccess<'_>,
    app: &App,
) -> Result<SecretBytes, Error> {
    let SecretGet { requests, output, destination } = get;
    let versions = read(requests, region, access).await?;
    let output = match (output, &versions[..]) {
        (SecretOutput::Part(selection), [secret]) => {
            let is_text = matches!(secret.value, SecretValue::Text(_));
            let line_break = match is_text && *selection != ValueSelection::Document {
                true => LineBreak::OnTerminal,
                false => LineBreak::Never,
            };
            (select(secret, selection)?, line_break)
        }
        (SecretOutput::Variables, _) => (variables(requests, &versions)?, LineBreak::Never),
        (SecretOutput::Array | SecretOutput::Part(_), _) => {
            (secret_value::list(&versions), LineBreak::Never)
        }
    };
    app.deliver(output, destination, access.ports, access.deadline)
}

/// Returns all secrets, in the order of the requests, or all that cannot be read.
async fn read(
    requests: &[SecretRequest],
    region: &Region,
    access: &RoleAccess<'_>,
) -> Result<Vec<SecretVersion>, Error> {
    let lookups = LookupPlan::of_secrets(requests, region);
    let mut results = resolver::read(&lookups, slice::from_ref(access)).await;
    if let Some((_, error)) = results.session_errors.pop() {
        return Err(error);
    }
    let (mut versions, mut failures) = (Vec::new(), ResolveErrors::of_secrets(requests.len()));
    for (index, (request, found)) in requests.iter().zip(results.found).enumerate() {
        match found {
            Some(Ok(Found::Secret(version))) => versions.push(version),
            Some(Err(failure)) => failures.add_secret((index, &request.secret), failure.error),
            Some(Ok(Found::Parameter(_))) | None => {
                return Err(RunError::Internal { what: "a secret was not read" }.into());
            }
        }
    }
    if failures.is_empty() { Ok(versions) } else { Err(failures.into()) }
}

/// Returns the members of all secrets as variables.
fn variables(requests: &[SecretRequest], versions: &[SecretVersion]) -> Result<SecretBytes, Error> {
    let mut members: Vec<(String, Secret)> = Vec::new();
    for (request, version) in requests.iter().zip(versions) {
        let of_secret = members_of(version);
        members.extend(
            of_secret.map_err(|why| VariablesError { secret: request.secret.shown(), why })?,
        );
    }
    let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    let names = variable_names(&names)?;
    let variables = names.iter().zip(&members).map(|(name, (_, value))| (name.as_str(), value));
    Ok(formats::render(VariableFormat::Dotenv, &variables.collect::<Vec<_>>())?)
}

fn select(
    secret: &SecretVersion,
    selection: &ValueSelection,
) -> Result<SecretBytes, KeyOptionError> {
    match (selection, &secret.value) {
        (ValueSelection::Document, _) => Ok(secret_value::one(secret)),
        (ValueSelection::Value, SecretValue::Text(text)) => Ok(bytes(text.expose())),
        (ValueSelection::Value, SecretValue::Binary(binary)) => Ok(binary.clone()),
        (ValueSelection::Member(_), SecretValue::Binary(_)) => {
            Err(KeyOptionError(ValueError::Binary))
        }
        (ValueSelection::Member(key), SecretValue::Text(text)) => selected_member(text, key),
    }
}

fn bytes(text: &str) -> SecretBytes {
    SecretBytes::new(text.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(value: SecretValue) -> SecretVersion {
        SecretVersion {
            arn: "arn:aws:secretsmanager:us-east-1:123456789012:secret:n-AbCdEf".to_owned(),
            name: "n".to_owned(),
            version_id: Some("v".to_owned()),
            version_stages: vec!["AWSCURRENT".to_owned()],
            created: Some(1_440_938_160_250_000),
            value,
        }
    }

    fn text(text: &str) -> SecretVersion {
        secret(SecretValue::Text(Secret::new(text.to_owned())))
    }

    fn selected(
        secret: &SecretVersion,
        selection: &ValueSelection,
    ) -> Result<String, KeyOptionError> {
        select(secret, selection).map(|b| String::from_utf8_lossy(b.expose()).into_owned())
    }

    #[test]
    fn refuses_members_of_a_binary_secret() {
        let key = ValueSelection::Member("a".to_owned());
        let binary = secret(SecretValue::Binary(SecretBytes::new(vec![0])));
        assert_eq!(selected(&binary, &key), Err(KeyOptionError(ValueError::Binary)));
    }

    #[test]
    fn prints_the_members_of_the_aws_cli() {
        assert_eq!(
            selected(&text("s"), &ValueSelection::Document).unwrap(),
            r#"{
    "ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:n-AbCdEf",
    "Name": "n",
    "VersionId": "v",
    "SecretString": "s",
    "VersionStages": [
        "AWSCURRENT"
    ],
    "CreatedDate": "2015-08-30T12:36:00.250000+00:00"
}
"#
        );
        let binary = secret(SecretValue::Binary(SecretBytes::new(vec![0, 255])));
        let document = selected(&binary, &ValueSelection::Document).unwrap();
        assert!(document.contains(r#""SecretBinary": "AP8=""#), "{document}");
    }
}
