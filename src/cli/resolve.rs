//! What the command line and the environment mean; the only judge of illegal combinations.
//!
//! Nothing is opened here: the outcome is a plan, or a [`UsageError`] that names the flag.

mod session;
mod setting;
mod transport;

use std::path::PathBuf;
use std::time::Duration;

use crate::aws::endpoint::Service;
use crate::aws::get_secret_value::{SecretId, SecretRequest};
use crate::cli::resolve::session::Session;
use crate::cli::resolve::setting::Settings;
use crate::cli::{CommandArgs, CommandLine, SecretArgs, SecretGetArgs};
use crate::command::secret_get::{Destination, SecretGet, Selection, Stdout};
use crate::http::TransportOptions;
use crate::provider::RolesAnywhere;
use crate::region::Region;
use crate::usage::UsageError;
use crate::world::Environment;

/// What is to be done, and by which means.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The command.
    pub command: Command,
    /// Where the credentials come from.
    pub provider: RolesAnywhere,
    /// How AWS is reached.
    pub transport: TransportOptions,
    /// How long the whole may take.
    pub timeout: Duration,
    /// Whether to show what happens.
    pub debug: Debug,
}

/// What is to be done with the credentials.
#[derive(Clone, Debug)]
pub enum Command {
    /// Print them.
    CredentialProcess,
    /// Read a secret with them.
    SecretGet(Box<SecretGet>),
}

/// Whether to show what happens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Debug {
    /// Say nothing but errors.
    Off,
    /// Show what is signed, sent and answered.
    On,
}

/// Returns the plan behind `line` and `environment`; `stdout` is what standard output is.
pub fn resolve(
    line: CommandLine,
    environment: &Environment,
    stdout: Stdout,
) -> Result<Plan, UsageError> {
    match line.command {
        CommandArgs::CredentialProcess(args) => {
            let settings = Settings { args: &args, environment };
            let session = Session::resolve(&settings)?;
            session.check_own_region(&settings)?;
            plan(&settings, session, Command::CredentialProcess)
        }
        CommandArgs::Secret(SecretArgs::Get(args)) => {
            let settings = Settings { args: &args.session, environment };
            let session = Session::resolve(&settings)?;
            let command = secret_get(&args, &settings, &session, stdout)?;
            plan(&settings, session, Command::SecretGet(Box::new(command)))
        }
        CommandArgs::Update(_) => Err(not_yet("update")),
        CommandArgs::Serve(_) => Err(not_yet("serve")),
        CommandArgs::SignString(_) => Err(not_yet("sign-string")),
        CommandArgs::ReadCertificateData(_) => Err(not_yet("read-certificate-data")),
        CommandArgs::Completion(_) => Err(not_yet("completion")),
    }
}

fn not_yet(command: &str) -> UsageError {
    UsageError::NotYet {
        what: command.to_owned(),
        instead: "`credential-process` and `secret get` work; see `--help`",
    }
}

fn plan(settings: &Settings<'_>, session: Session, command: Command) -> Result<Plan, UsageError> {
    let debug = if settings.flag("debug", |args| &args.debug)? { Debug::On } else { Debug::Off };
    Ok(Plan {
        command,
        provider: session.into_provider(),
        transport: transport::options(settings)?,
        timeout: transport::timeout(settings)?,
        debug,
    })
}

fn secret_get(
    args: &SecretGetArgs,
    settings: &Settings<'_>,
    session: &Session,
    stdout: Stdout,
) -> Result<SecretGet, UsageError> {
    let secret = secret_id(&args.secret)?;
    let region = secret_region(&secret, settings, session)?;
    let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
    let endpoint = session::endpoint(
        settings,
        Service::SecretsManager,
        given(&args.secrets_endpoint).as_deref(),
        session.variant,
        &region,
    )?;
    let destination = match given(&args.out) {
        Some(path) => Destination::File(PathBuf::from(path)),
        None => Destination::Stdout(stdout),
    };
    Ok(SecretGet {
        request: SecretRequest {
            secret,
            version_id: given(&args.version_id),
            version_stage: given(&args.version_stage),
            endpoint,
            region,
        },
        selection: selection(given(&args.output).as_deref(), given(&args.key))?,
        destination,
    })
}

fn secret_id(text: &str) -> Result<SecretId, UsageError> {
    if text.is_empty() {
        let variable = "a name or an ARN behind `secret get`".to_owned();
        return Err(UsageError::Missing { flag: "NAME|ARN", variable });
    }
    if !text.starts_with("arn:") {
        return Ok(SecretId::Name(text.to_owned()));
    }
    text.parse().map(SecretId::Arn).map_err(|source| UsageError::Arn {
        origin: "NAME|ARN".to_owned(),
        value: text.to_owned(),
        source,
    })
}

/// Returns where the secret is: by its ARN, `--region`, or with the trust anchor.
fn secret_region(
    secret: &SecretId,
    settings: &Settings<'_>,
    session: &Session,
) -> Result<Region, UsageError> {
    let asked = settings.region()?.map(|region| region.without_fips().unwrap_or(region));
    let region = match (secret, asked) {
        (SecretId::Arn(arn), Some(asked)) if *arn.region() != asked => {
            return Err(UsageError::Regions {
                first: "NAME|ARN",
                first_region: arn.region().to_string(),
                second: "--region",
                second_region: asked.to_string(),
                why: "the ARN says where the secret is; leave `--region` out",
            });
        }
        (SecretId::Arn(arn), _) => arn.region().clone(),
        (SecretId::Name(_), Some(asked)) => asked,
        (SecretId::Name(_), None) => session.request.region.clone(),
    };
    if region.partition() != session.request.role.partition() {
        let second = match secret {
            SecretId::Arn(_) => "NAME|ARN",
            SecretId::Name(_) => "--region",
        };
        return Err(UsageError::Partitions {
            first: "--role-arn",
            first_partition: session.request.role.partition().as_str(),
            second,
            second_partition: region.partition().as_str(),
        });
    }
    Ok(region)
}

fn selection(output: Option<&str>, key: Option<String>) -> Result<Selection, UsageError> {
    match (output, key) {
        (Some("json"), Some(_)) => Err(UsageError::Conflict {
            first: "--key".to_owned(),
            second: "--output json".to_owned(),
            why: "a member is printed as text; leave one of them out",
        }),
        (Some("json"), None) => Ok(Selection::Document),
        (None | Some("text"), Some(key)) => Ok(Selection::Member(key)),
        (None | Some("text"), None) => Ok(Selection::Value),
        (Some(other), _) => Err(UsageError::Value {
            origin: "--output".to_owned(),
            value: other.to_owned(),
            wanted: "`text` or `json`",
        }),
    }
}

#[cfg(test)]
mod tests;
