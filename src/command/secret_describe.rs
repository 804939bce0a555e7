//! `secret describe`: prints all about a secret but its value.

mod text;

use crate::app::App;
use crate::app::session::SessionClient;
use crate::command::{Command, Plan, SECRET};
use crate::options::arguments::OptionGroups;
use crate::options::command_line::Word;
use crate::options::roles::RoleUse;
use crate::options::secret_output::{OutputFormat, output_format};
use crate::options::services;
use crate::options::session::{self, SessionOptions};
use crate::options::session_plan::SessionPlan;
use crate::options::settings::Settings;
use crate::options::table::secrets::SECRETS_ENDPOINT;
use crate::options::table::session::required_with;
use crate::options::table::{self, Heading, OptionSpec, ValueType};
use crate::output::Outcome;
use crate::output::aws_document::secret;
use crate::output::error::Error;
use crate::output::usage::UsageError;
use roles_anywhere_client::aws::endpoint::RegionalEndpoint;
use roles_anywhere_client::aws::get_secret_value::SecretId;
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::provider::secrets_manager::SecretsManager;

static SECRET_ID: OptionSpec = OptionSpec::positional("secret", "NAME|ARN", ValueType::SecretId)
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

static SECRET_DESCRIBE: &[&OptionSpec] = &[&SECRET_ID, &OUTPUT, &SECRETS_ENDPOINT];

/// The plan of `secret describe`.
#[derive(Clone, Debug)]
pub struct SecretDescribePlan {
    /// The session.
    pub session: SessionPlan,
    /// Where Secrets Manager is.
    pub at: RegionalEndpoint,
    /// The secret.
    pub secret: SecretId,
    /// The output format.
    pub format: OutputFormat,
}

impl Command for SecretDescribePlan {
    const NAME: &'static [Word] =
        &[SECRET, ("describe", "Show versions, rotation and key of a secret")];
    const DETAILS: &'static str = "\
Shows all about a secret but its value: versions and their labels, rotation, KMS key, replicas, tags. \
The role must allow secretsmanager:DescribeSecret.";
    const EXAMPLES: &'static str = "roles-anywhere secret describe prod/db-credentials";
    const DOCS: &'static [&'static str] = &["secrets.md", "cache.md", "errors.md"];
    const OPTIONS: &'static OptionGroups = &[SECRET_DESCRIBE, table::session_groups::ONE_SESSION];
    const REQUIRED: &'static [&'static OptionSpec] = &required_with(&SECRET_ID);
    const ROLES: RoleUse = RoleUse::One;

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let call = |session: &SessionOptions| {
            let secret: SecretId = session::arn(settings.flag_or_default(&SECRET_ID)?)?;
            let region = services::region((&SECRET_ID, secret.region()), settings, session)?;
            let at = services::secrets_manager(settings, session, region)?;
            Ok((at, (secret, output_format(&settings.required(&OUTPUT)?)?)))
        };
        let (session, at, (secret, format)) =
            services::session_and_call(settings, Self::REQUIRED, call)?;
        Ok(Self { session, at, secret, format })
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
        Ok(match self.format {
            OutputFormat::Json => secret::description(&description).into(),
            OutputFormat::Text => text::render(&description).into(),
        })
    }
}
