//! `roles`: lists the roles of the configuration file.

mod document;
mod stanza;

use std::path::PathBuf;

use crate::app::App;
use crate::app::session::SessionClient;
use crate::command::{Command, Plan};
use crate::config::{RoleLayers, TableName};
use crate::options::arguments::OptionGroups;
use crate::options::cache::cache_location;
use crate::options::command_line::{Word, parse};
use crate::options::config_check::COMMAND;
use crate::options::config_file::no_file;
use crate::options::roles::{RoleUse, variables_of_role};
use crate::options::session::SessionOptions;
use crate::options::session_plan::SessionPlan;
use crate::options::settings::Settings;
use crate::options::table::{self, Heading, OptionSpec, ValueType};
use crate::output::Outcome;
use crate::output::error::Error;
use crate::output::run::RunError;
use crate::output::table::aligned;
use crate::output::usage::UsageError;
use crate::session_cache::CacheLocation;
use roles_anywhere_client::arn::RoleArn;
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::identity::read_certificates;
use roles_anywhere_client::input_source::Location;
use roles_anywhere_client::password::{PasswordError, Passwords};
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::text::{escape, path};
use roles_anywhere_client::time::{Clock as _, Timestamp};

static OUTPUT: OptionSpec = OptionSpec::new("--output", "FORMAT", ValueType::Text)
    .without_variable()
    .default_value("text")
    .under(Heading::Output)
    .choices(&[("text", "A table"), ("json", "JSON, with the ARNs and the expirations")])
    .help("Format: text or json")
    .details("What to print.");

static STANZA: OptionSpec = OptionSpec::switch("--stanza")
    .without_variable()
    .under(Heading::Output)
    .help("Print profiles for ~/.aws/config")
    .details(
        "Print a `[profile NAME]` for ~/.aws/config for each role instead of the table, or beside \
         the other members of the JSON. It has the absolute path of this program, and `--config` \
         if that is given.",
    );

/// The plan of `roles`.
#[derive(Clone, Debug)]
pub struct RolesPlan {
    /// The roles, in the order of the file.
    pub roles: Vec<PlannedRole>,
    /// The file of `--config`, if it is given.
    pub config: Option<PathBuf>,
    /// Whether to print profiles for the AWS CLI.
    pub stanza: bool,
    /// Whether to print JSON.
    pub is_json: bool,
}

/// A role, and the session that `credential-process` makes for it.
#[derive(Clone, Debug)]
pub struct PlannedRole {
    name: TableName,
    is_default: bool,
    identity: Option<TableName>,
    session: SessionPlan,
}

impl Command for RolesPlan {
    const NAME: &'static [Word] = &[("roles", "List the roles of the configuration file")];
    const DETAILS: &'static str = "\
Lists the roles of the configuration file: account, role and identity, the cached session, and how many \
days the certificate is valid. Of a chain, account and role are those of the last role.

Nothing is sent, and no password is requested. A certificate that cannot be read is listed with the \
reason; the exit code is 0 nevertheless.";
    const EXAMPLES: &'static str = "roles-anywhere roles --stanza >> ~/.aws/config";
    const DOCS: &'static [&'static str] = &["configuration.md"];
    const OPTIONS: &'static OptionGroups = &[
        table::roles::SEVERAL,
        table::cache::CACHE_LOCATION,
        &[&OUTPUT, &STANZA],
        table::errors::ERRORS,
    ];
    const ROLES: RoleUse = RoleUse::Every;

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let output = settings.flag_or_default(&OUTPUT)?;
        let is_json = match output.value {
            "text" => false,
            "json" => true,
            _ => return Err(output.refuse("`text` or `json`")),
        };
        let config = settings.text(&table::roles::CONFIG)?;
        let cache = cache_location(settings)?;
        let roles = settings.roles.iter().map(|layers| role(settings, *layers, &cache));
        Ok(Self {
            roles: roles.collect::<Result<_, _>>()?,
            config: config.map(|setting| path::path(setting.value)),
            stanza: settings.is_on(&STANZA)?,
            is_json,
        })
    }
}

/// Returns a role as `credential-process --role` uses it, without the variables that are refused there.
fn role(
    settings: &Settings<'_>,
    layers: RoleLayers<'_>,
    cache: &CacheLocation,
) -> Result<PlannedRole, UsageError> {
    let words = [settings.program, COMMAND].map(str::to_owned);
    let (index, typed) =
        parse(settings.commands, &words).expect("the command has no required argument");
    let refused = variables_of_role(settings.commands[index].options()).map(str::to_owned);
    let environment = &settings.environment.without(&refused.collect::<Vec<_>>());
    let of_role = Settings { typed: &typed, environment, layers: Some(layers), ..*settings };
    let session = SessionOptions::of_own_region(&of_role)?;
    let name = layers.role().name();
    Ok(PlannedRole {
        name: name.clone(),
        is_default: settings.default_role == Some(name),
        identity: layers.identity().map(|identity| identity.name().clone()),
        session: SessionPlan::new(&of_role, session, None, cache.clone())?,
    })
}

impl Plan for RolesPlan {
    fn run(&self, app: &App) -> Result<Outcome, Error> {
        if self.roles.is_empty() {
            return Err(no_file(app.environment(), None).into());
        }
        let now = app.clock().now();
        let stanza = |role: &PlannedRole| {
            let stanza = stanza::of(&role.name, self.config.as_deref(), app);
            self.stanza.then_some(stanza).transpose()
        };
        let listed = self.roles.iter().map(|role| {
            let stanza = stanza(role).map_err(RunError::System)?;
            Ok(ListedRole::new(role, stanza, app))
        });
        let listed: Vec<ListedRole<'_>> = listed.collect::<Result<_, Error>>()?;
        let text = match (self.is_json, self.stanza) {
            (true, _) => document::render(&listed, now),
            (false, true) => {
                let stanzas = listed.into_iter().filter_map(|role| role.stanza);
                stanzas.collect::<Vec<_>>().join("\n")
            }
            (false, false) => text(&listed, now),
        };
        Ok(text.into())
    }
}

/// A role and what was found of it.
struct ListedRole<'a> {
    planned: &'a PlannedRole,
    /// The role whose credentials are used: the last one of a chain.
    role: &'a RoleArn,
    /// When the certificate expires, or why it cannot be read.
    certificate: Result<Timestamp, String>,
    session: Option<Session>,
    stanza: Option<String>,
}

impl<'a> ListedRole<'a> {
    fn new(planned: &'a PlannedRole, stanza: Option<String>, app: &App) -> Self {
        let provider = &planned.session.provider;
        let source = &provider.source;
        let mut inputs = std::iter::once(&source.certificate)
            .chain(source.private_key.inputs())
            .chain(&source.intermediates);
        // Standard input and descriptors are of the command that uses the role.
        let is_readable =
            inputs.all(|input| matches!(input.location, Location::File(_) | Location::Variable(_)));
        let session = is_readable.then(|| {
            let client = SessionClient::open(app, &planned.session);
            client.sessions().stored(app.clock())
        });
        Self {
            planned,
            role: provider.role(),
            certificate: expiration(planned, app),
            session: session.flatten(),
            stanza,
        }
    }
}

/// Returns when the first certificate of the file expires.
fn expiration(planned: &PlannedRole, app: &App) -> Result<Timestamp, String> {
    let source = &planned.session.provider.source.certificate;
    if !matches!(source.location, Location::File(_) | Location::Variable(_)) {
        return Err("it is read when the role is used".to_owned());
    }
    let passwords = app.passwords(&planned.session.password);
    match read_certificates(source, &**app.files(), &WithoutPrompt(&passwords)) {
        Ok(certificates) => {
            let first = certificates.first().map(|certificate| certificate.not_after());
            first.ok_or_else(|| "there is no certificate".to_owned())
        }
        Err(error) => {
            let causes = std::iter::successors(std::error::Error::source(&error), |it| it.source());
            let texts = std::iter::once(error.to_string()).chain(causes.map(ToString::to_string));
            Err(texts.collect::<Vec<_>>().join(": "))
        }
    }
}

/// Passwords of which none is requested.
struct WithoutPrompt<'a, P>(&'a P);

impl<P: Passwords> Passwords for WithoutPrompt<'_, P> {
    fn password(&self, file_name: &str) -> Result<Secret, PasswordError> {
        match self.0.prompts() {
            true => Err(PasswordError::NotRequested),
            false => self.0.password(file_name),
        }
    }
}

fn text(roles: &[ListedRole<'_>], now: Timestamp) -> String {
    let heading = ["NAME", "ACCOUNT", "ROLE", "IDENTITY", "CACHED SESSION", "CERTIFICATE"];
    let mut rows = vec![heading.map(str::to_owned)];
    for ListedRole { planned, role, certificate, session, .. } in roles {
        let default = if planned.is_default { " (default)" } else { "" };
        rows.push([
            format!("{}{default}", planned.name),
            role.account().to_owned(),
            role.name().to_owned(),
            planned.identity.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
            session.as_ref().map_or_else(
                || "-".to_owned(),
                |session| format!("until {}", session.credentials.expiration),
            ),
            match certificate {
                Ok(expiration) => match days(*expiration, now) {
                    days @ ..=-1 => format!("expired {} days ago", -days),
                    1 => "1 day left".to_owned(),
                    days => format!("{days} days left"),
                },
                Err(reason) => format!("not read: {}", escape::line(reason)),
            },
        ]);
    }
    aligned(&rows) + "\n"
}

/// Returns the whole days until a certificate expires; negative after that.
fn days(expiration: Timestamp, now: Timestamp) -> i64 {
    now.seconds_until(expiration).div_euclid(86_400)
}
