//! `secret list`: lists the secrets of an account, without their values.

use crate::app::App;
use crate::app::session::SessionClient;
use crate::command::{Command, Plan, SECRET};
use crate::options::arguments::OptionGroups;
use crate::options::command_line::Word;
use crate::options::roles::RoleUse;
use crate::options::secret_output::OutputFormat;
use crate::options::services;
use crate::options::session::SessionOptions;
use crate::options::session_plan::SessionPlan;
use crate::options::settings::Settings;
use crate::options::table::secrets::SECRETS_ENDPOINT;
use crate::options::table::session::REQUIRED;
use crate::options::table::{self, Heading, OptionSpec, ValueType};
use crate::output::Outcome;
use crate::output::aws_document::secret;
use crate::output::empty_list::{EmptyListError, ListedEntries};
use crate::output::error::Error;
use crate::output::table::aligned;
use crate::output::usage::UsageError;
use roles_anywhere_client::aws::endpoint::RegionalEndpoint;
use roles_anywhere_client::aws::secret_description::SecretDescription;
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::provider::secrets_manager::SecretsManager;
use roles_anywhere_client::text::escape;
use roles_anywhere_client::time::Timestamp;

static PREFIX: OptionSpec = OptionSpec::new("--prefix", "PREFIX", ValueType::Text)
    .without_variable()
    .refuse_empty("the beginning of a name")
    .under(Heading::Secret)
    .help("List secrets whose names start with this");

static OUTPUT: OptionSpec = OptionSpec::new("--output", "FORMAT", ValueType::Text)
    .without_variable()
    .refuse_empty("`table` or `json`")
    .default_value("table")
    .under(Heading::Output)
    .choices(&[("table", "A table"), ("json", "JSON, as the AWS CLI prints it")])
    .help("Format: table or json")
    .details("What to print.");

static SECRET_LIST: &[&OptionSpec] = &[&PREFIX, &OUTPUT, &SECRETS_ENDPOINT];

/// The plan of `secret list`.
#[derive(Clone, Debug)]
pub struct SecretListPlan {
    /// The session.
    pub session: SessionPlan,
    /// Where Secrets Manager is.
    pub at: RegionalEndpoint,
    /// What the names start with.
    pub prefix: Option<String>,
    /// The output format.
    pub format: OutputFormat,
}

impl Command for SecretListPlan {
    const NAME: &'static [Word] = &[SECRET, ("list", "List secrets, without their values")];
    const DETAILS: &'static str = "\
Lists the secrets of the account of the role in a Region, from all pages: names, changes, rotation. The list of AWS can be five minutes old. \
The role must allow secretsmanager:ListSecrets.";
    const EXAMPLES: &'static str = "roles-anywhere secret list --prefix prod/";
    const DOCS: &'static [&'static str] = &["secrets.md", "cache.md", "errors.md"];
    const OPTIONS: &'static OptionGroups = &[SECRET_LIST, table::session_groups::ONE_SESSION];
    const REQUIRED: &'static [&'static OptionSpec] = REQUIRED;
    const ROLES: RoleUse = RoleUse::One;

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let call = |session: &SessionOptions| {
            let output = settings.required(&OUTPUT)?;
            let format = match output.value {
                "table" => OutputFormat::Text,
                "json" => OutputFormat::Json,
                _ => return Err(output.refuse("`table` or `json`")),
            };
            let prefix = settings.text(&PREFIX)?.map(|prefix| prefix.value.to_owned());
            let region = services::default_region(settings, session)?;
            Ok((services::secrets_manager(settings, session, region)?, (prefix, format)))
        };
        let (session, at, (prefix, format)) =
            services::session_and_call(settings, Self::REQUIRED, call)?;
        Ok(Self { session, at, prefix, format })
    }
}

impl Plan for SecretListPlan {
    fn run(&self, app: &App) -> Result<Outcome, Error> {
        let client = SessionClient::open(app, &self.session);
        let sessions = client.sessions();
        let listed = client.block_on(async |ports, deadline| {
            let secrets = SecretsManager { at: &self.at, provider: sessions.provider() };
            let prefix = self.prefix.as_deref();
            let list = async |session: &Session| {
                secrets.list_secrets(prefix, session, ports, deadline).await
            };
            sessions.call(ports, deadline, list).await
        })?;
        if listed.is_empty() && self.format == OutputFormat::Text {
            let entries = ListedEntries::Secrets { prefix: self.prefix.clone() };
            app.report(&EmptyListError { entries, region: self.at.region.clone() }.note());
        }
        Ok(match self.format {
            OutputFormat::Json => secret::list(&listed).into(),
            OutputFormat::Text => table_of(&listed).into(),
        })
    }
}

fn table_of(secrets: &[SecretDescription]) -> String {
    let date = |micros: Option<i64>| match micros {
        Some(micros) => Timestamp::from_unix(micros / 1_000_000).to_string(),
        None => "-".to_owned(),
    };
    let row = |secret: &SecretDescription| {
        let rotation = match (secret.deleted_date, secret.rotation_enabled) {
            (Some(_), _) => "scheduled for deletion",
            (None, Some(true)) => "rotated",
            (None, _) => "-",
        };
        [
            escape::line(&secret.name).into_owned(),
            date(secret.last_changed_date),
            rotation.to_owned(),
            escape::line(secret.description.as_deref().unwrap_or_default()).into_owned(),
        ]
    };
    let heading = ["NAME", "CHANGED", "STATE", "DESCRIPTION"].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(heading).chain(secrets.iter().map(row)).collect();
    aligned(&rows) + "\n"
}
