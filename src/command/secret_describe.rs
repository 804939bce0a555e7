//! `secret describe`: prints all about a secret but its value.

mod text;

use crate::app::App;
use crate::app::session::SessionClient;
use crate::command::{Command, Plan, SECRET};
use crate::options::arguments::OptionGroups;
use crate::options::cache::cache;
use crate::options::command_line::Word;
use crate::options::roles::RoleUse;
use crate::options::secret_output::is_json;
use crate::options::services;
use crate::options::session::{self, SessionOptions};
use crate::options::session_plan::SessionPlan;
use crate::options::settings::Settings;
use crate::options::table::identity::CERTIFICATE;
use crate::options::table::secrets::SECRETS_ENDPOINT;
use crate::options::table::session::{PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN};
use crate::options::table::{self, Heading, OptionSpec, ValueType};
use crate::output::Outcome;
use crate::output::aws_document::secret;
use crate::output::error::Error;
use crate::output::usage::UsageError;
use roles_anywhere_client::aws::endpoint::RegionalEndpoint;
use roles_anywhere_client::aws::get_secret_value::SecretId;
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::provider::secrets_manager::SecretsManager;

static DESCRIBED: OptionSpec = OptionSpec::positional("secret", "NAME|ARN", ValueType::SecretId)
    .refuse_empty("the name or the ARN of a secret")
    .help("Name or ARN of the secret");

static OUTPUT: OptionSpec = OptionSpec::new("--output", "FORMAT", ValueType::Text)
    .without_variable()
    .refuse_empty("`text` or `json`")
    .default_value("text")
    .under(Heading::Output)
    .choices(&[("text", "Lines for people"), ("json", "JSON, as the AWS CLI prints it")])
    .help("Format: text or json")
    .details("What to print.");

static SECRET_DESCRIBE: &[&OptionSpec] = &[&DESCRIBED, &OUTPUT, &SECRETS_ENDPOINT];

/// The plan of `secret describe`.
#[derive(Clone, Debug)]
pub struct SecretDescribePlan {
    /// The session.
    pub session: SessionPlan,
    /// Where Secrets Manager is.
    pub at: RegionalEndpoint,
    /// The secret.
    pub secret: SecretId,
    /// Whether to print JSON.
    pub is_json: bool,
}

impl Command for SecretDescribePlan {
    const NAME: &'static [Word] =
        &[SECRET, ("describe", "Show versions, rotation and key of a secret")];
    const DETAILS: &'static str = "\
Shows all about a secret but its value: versions and their labels, rotation, KMS key, replicas, tags. \
The role must allow secretsmanager:DescribeSecret.";
    const EXAMPLES: &'static str = "roles-anywhere secret describe prod/db-credentials";
    const DOCS: &'static [&'static str] = &["secrets.md", "cache.md", "errors.md"];
    const OPTIONS: &'static OptionGroups = &[
        SECRET_DESCRIBE,
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
    const REQUIRED: &'static [&'static OptionSpec] =
        &[&DESCRIBED, &CERTIFICATE, &TRUST_ANCHOR_ARN, &PROFILE_ARN, &ROLE_ARN];
    const ROLES: RoleUse = RoleUse::One;

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let given = SessionOptions::resolve(settings)
            .and_then(|session| Ok((secret_id(settings)?, session)));
        let (secret, session) = given.map_err(|error| match error {
            UsageError::Missing { .. } => settings.missing(Self::REQUIRED),
            error => error,
        })?;
        let of_arn = match &secret {
            SecretId::Arn(arn) => Some(arn.region()),
            SecretId::Name(_) => None,
        };
        let region = services::region((&DESCRIBED, of_arn), settings, &session)?;
        let at = services::secrets_manager(settings, &session, region)?;
        let is_json = is_json(&settings.required(&OUTPUT)?)?;
        let endpoint = Some(at.endpoint.clone());
        let session = SessionPlan::new(settings, session, endpoint, cache(settings)?)?;
        Ok(Self { session: session.with_waiting_line(settings)?, at, secret, is_json })
    }
}

fn secret_id(settings: &Settings<'_>) -> Result<SecretId, UsageError> {
    let setting = settings.flag(&DESCRIBED)?.ok_or_else(|| settings.missing(&[&DESCRIBED]))?;
    match setting.value {
        arn if arn.starts_with("arn:") => session::arn(setting).map(SecretId::Arn),
        name => Ok(SecretId::Name(name.to_owned())),
    }
}

impl Plan for SecretDescribePlan {
    fn run(&self, app: &App) -> Result<Outcome, Error> {
        let client = SessionClient::open(app, &self.session);
        let sessions = client.sessions();
        let description = client.block_on(async |ports, deadline| {
            let secrets = SecretsManager { at: &self.at, provider: sessions.provider() };
            let describe = async |session: &Session| {
                secrets.describe_secret(&self.secret, session, ports, deadline).await
            };
            sessions.call(ports, deadline, describe).await
        })?;
        Ok(match self.is_json {
            true => secret::description(&description).into(),
            false => text::render(&description).into(),
        })
    }
}
