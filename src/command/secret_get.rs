//! `secret get`: reads a secret of AWS Secrets Manager with a certificate.

mod document;
mod plan;

use std::path::PathBuf;

use crate::app::App;
use crate::app::session::SessionClient;
use crate::command::{Command, Plan, SECRET};
use crate::options::arguments::OptionGroups;
use crate::options::cache::cache;
use crate::options::command_line::Word;
use crate::options::roles::RoleUse;
use crate::options::session::SessionOptions;
use crate::options::session_plan::SessionPlan;
use crate::options::settings::Settings;
use crate::options::table::{self, OptionSpec};
use crate::output::error::Error;
use crate::output::run::SecretSelectionError;
use crate::output::usage::UsageError;
use crate::output::{Outcome, Stdout};
use crate::session_cache::SessionCache;
use roles_anywhere_client::aws::endpoint::RegionalEndpoint;
use roles_anywhere_client::aws::get_secret_value::{SecretRequest, SecretValue, SecretVersion};
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::input_source::FileError;
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::provider::secrets_manager::SecretsManager;
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::time::Deadline;

/// The plan of `secret get`.
#[derive(Clone, Debug)]
pub struct SecretGetPlan {
    /// The session.
    pub session: SessionPlan,
    /// The secret.
    pub get: SecretGet,
}

impl Command for SecretGetPlan {
    const NAME: &'static [Word] =
        &[SECRET, ("get", "Print a secret, or one member of a JSON secret")];
    const DETAILS: &'static str = "\
Reads a secret from AWS Secrets Manager with the credentials of a session. The role must allow secretsmanager:GetSecretValue.";
    const EXAMPLES: &'static str = "\
# With the certificate and the ARNs in ROLES_ANYWHERE_* variables:
roles-anywhere secret get prod/db-credentials --key password
roles-anywhere secret get prod/keystore --out keystore.jks";
    const DOCS: &'static [&'static str] = &["secrets.md", "cache.md", "errors.md"];
    const OPTIONS: &'static OptionGroups = &[
        plan::SECRET_GET,
        table::roles::ONE,
        table::identity::IDENTITY,
        table::session::CHAIN,
        table::identity::KEY_ACCESS,
        table::identity::NOT_YET,
        table::session::SESSION,
        table::session::ASSUME,
        table::transport::TRANSPORT,
        table::cache::CACHE,
        table::errors::ERRORS,
    ];
    const REQUIRED: &'static [&'static OptionSpec] = plan::REQUIRED;
    const ROLES: RoleUse = RoleUse::One;

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let given = SessionOptions::resolve(settings)
            .and_then(|session| Ok((plan::get(settings, &session)?, session)));
        let (get, session) = given.map_err(|error| match error {
            // The name of the secret is named with the options of the session.
            UsageError::Missing { .. } => settings.missing(Self::REQUIRED),
            error => error,
        })?;
        let cache = cache(settings)?;
        let endpoint = Some(get.at.endpoint.clone());
        let session = SessionPlan::new(settings, session, endpoint, cache)?;
        Ok(Self { session: session.with_waiting_line(settings)?, get })
    }
}

impl Plan for SecretGetPlan {
    fn run(&self, app: &App) -> Result<Outcome, Error> {
        let client = SessionClient::open(app, &self.session);
        let sessions = client.sessions();
        let output = client.block_on(async |ports, deadline| {
            run(&sessions, &self.get, deadline, ports, app).await
        })?;
        Ok(output.into())
    }
}

/// The secret to read and its destination.
#[derive(Clone, Debug)]
pub struct SecretGet {
    /// The request for the secret.
    pub request: SecretRequest,
    /// Where Secrets Manager is.
    pub at: RegionalEndpoint,
    /// The part of it to output.
    pub selection: SecretSelection,
    /// Where to write it.
    pub destination: SecretDestination,
}

/// The part of a secret to output.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SecretSelection {
    /// The value as it is.
    Value,
    /// One member of a value that is a JSON object.
    Member(String),
    /// The whole response, as the AWS CLI prints it.
    Document,
}

/// Where a secret is written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SecretDestination {
    /// Standard output.
    Stdout(Stdout),
    /// A file of mode 0600, replaced as a whole.
    File(PathBuf),
}

/// Returns the output; nothing if the secret was written to a file.
pub async fn run(
    sessions: &SessionCache<'_>,
    plan: &SecretGet,
    deadline: Deadline,
    ports: &Ports,
    app: &App,
) -> Result<SecretBytes, Error> {
    let secrets = SecretsManager { at: &plan.at, provider: sessions.provider() };
    let get = async |session: &Session| {
        secrets.get_secret_value(&plan.request, session, ports, deadline).await
    };
    let secret = sessions.call(ports, deadline, get).await?;
    let bytes = select(&secret, &plan.selection)?;
    match &plan.destination {
        SecretDestination::File(path) => {
            let left = deadline.remaining(ports.clock.uptime());
            let written = app.files().write(path, bytes.expose(), left);
            written.map_err(|error| FileError { place: error.place.named_by("--out"), ..error })?;
            Ok(SecretBytes::default())
        }
        SecretDestination::Stdout(stdout) => Ok(ended(bytes, &secret, &plan.selection, *stdout)),
    }
}

fn select(
    secret: &SecretVersion,
    selection: &SecretSelection,
) -> Result<SecretBytes, SecretSelectionError> {
    match (selection, &secret.value) {
        (SecretSelection::Document, _) => Ok(document::render(secret)),
        (SecretSelection::Value, SecretValue::Text(text)) => Ok(bytes(text.expose())),
        (SecretSelection::Value, SecretValue::Binary(binary)) => Ok(binary.clone()),
        (SecretSelection::Member(_), SecretValue::Binary(_)) => Err(SecretSelectionError::Binary),
        (SecretSelection::Member(key), SecretValue::Text(text)) => document::member(text, key),
    }
}

fn bytes(text: &str) -> SecretBytes {
    SecretBytes::new(text.as_bytes().to_vec())
}

/// Adds a newline to a text on a terminal.
fn ended(
    bytes: SecretBytes,
    secret: &SecretVersion,
    selection: &SecretSelection,
    stdout: Stdout,
) -> SecretBytes {
    let is_text =
        matches!(secret.value, SecretValue::Text(_)) && *selection != SecretSelection::Document;
    if stdout == Stdout::Stream || !is_text || bytes.expose().ends_with(b"\n") {
        return bytes;
    }
    SecretBytes::new([bytes.expose(), b"\n"].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use roles_anywhere_client::secret::Secret;

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
        selection: &SecretSelection,
    ) -> Result<String, SecretSelectionError> {
        select(secret, selection).map(|b| String::from_utf8_lossy(b.expose()).into_owned())
    }

    #[test]
    fn picks_one_member() {
        let object = text(r#"{"user":"a\"b","port":5432,"tls":{"on":true},"none":null}"#);
        let member = |key: &str| selected(&object, &SecretSelection::Member(key.to_owned()));
        assert_eq!(member("user").unwrap(), "a\"b");
        assert_eq!(member("port").unwrap(), "5432");
        assert_eq!(member("tls").unwrap(), r#"{"on":true}"#);
        assert_eq!(
            member("User").unwrap_err(),
            SecretSelectionError::NoMember { key: "User".to_owned(), count: 4 }
        );
    }

    #[test]
    fn refuses_members_of_what_has_none() {
        let key = SecretSelection::Member("a".to_owned());
        let binary = secret(SecretValue::Binary(SecretBytes::new(vec![0])));
        assert_eq!(selected(&binary, &key), Err(SecretSelectionError::Binary));
        for value in ["hunter2", "[1]", "1"] {
            assert_eq!(selected(&text(value), &key), Err(SecretSelectionError::NotAnObject));
        }
    }

    #[test]
    fn prints_the_members_of_the_aws_cli() {
        assert_eq!(
            selected(&text("s"), &SecretSelection::Document).unwrap(),
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
        let document = selected(&binary, &SecretSelection::Document).unwrap();
        assert!(document.contains(r#""SecretBinary": "AP8=""#), "{document}");
    }

    #[test]
    fn ends_text_in_a_newline_on_a_terminal_only() {
        let end = |value: &str, selection, stdout| {
            let secret = text(value);
            let bytes = select(&secret, &selection).unwrap();
            String::from_utf8_lossy(ended(bytes, &secret, &selection, stdout).expose()).into_owned()
        };
        assert_eq!(end("s", SecretSelection::Value, Stdout::Terminal), "s\n");
        assert_eq!(end("s\n", SecretSelection::Value, Stdout::Terminal), "s\n");
        assert_eq!(end("s", SecretSelection::Value, Stdout::Stream), "s");
        assert!(end("s", SecretSelection::Document, Stdout::Stream).ends_with("}\n"));
    }
}
