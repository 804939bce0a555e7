//! `export`: prints credentials as environment variables.

mod plan;

use std::path::{Path, PathBuf};

use crate::app::App;
use crate::app::session::SessionClient;
use crate::command::{Command, Plan};
use crate::options::access_key::session_and_secret;
use crate::options::arguments::OptionGroups;
use crate::options::cache::cache;
use crate::options::command_line::Word;
use crate::options::roles::RoleUse;
use crate::options::session_plan::SessionPlan;
use crate::options::settings::Settings;
use crate::options::table::{self, OptionSpec};
use crate::output::error::Error;
use crate::output::formats::{self, VariableFormat, github};
use crate::output::usage::UsageError;
use crate::output::{Outcome, Stdout};
use crate::secrets::access_key::{AccessKeySecret, SecretAccessKey};
use roles_anywhere_client::credentials::{AccessKey, Session};
use roles_anywhere_client::region::Region;
use roles_anywhere_client::secret::{Secret, SecretBytes};
use roles_anywhere_client::time::Timestamp;

/// The plan of `export`.
#[derive(Clone, Debug)]
pub enum ExportPlan {
    /// Print what removes the variables.
    Unset {
        /// What to print.
        text: String,
    },
    /// Print credentials.
    Print(Box<PrintedCredentials>),
}

/// The credentials that are printed, and how.
#[derive(Clone, Debug)]
pub struct PrintedCredentials {
    /// The session.
    pub session: SessionPlan,
    /// The secret whose access key is printed instead.
    pub access_key: Option<AccessKeySecret>,
    /// The format.
    pub format: ExportFormat,
    /// The kind of standard output.
    pub stdout: Stdout,
}

/// How variables are exported.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ExportFormat {
    /// On standard output, in this format.
    Printed(VariableFormat),
    /// To GitHub Actions.
    GitHub {
        /// The file that `GITHUB_ENV` names.
        file: PathBuf,
    },
}

impl From<VariableFormat> for ExportFormat {
    fn from(format: VariableFormat) -> Self {
        Self::Printed(format)
    }
}

/// The credentials that are exported.
struct ExportedCredentials<'a> {
    key: AccessKey,
    /// When AWS stops accepting them, if that is known. The time after which the key of a secret should be
    /// read again is none: no SDK reads variables again, and botocore uses no key after that time.
    expiration: Option<Timestamp>,
    region: &'a Region,
}

/// A variable that is exported.
struct ExportedVariable {
    name: &'static str,
    /// Whether the log of GitHub Actions hides it.
    is_masked: bool,
    /// Whether SDKs read an empty value as none.
    may_be_empty: bool,
    /// Returns its value, if it has one.
    value: fn(&ExportedCredentials<'_>) -> Option<Secret>,
}

const EXPIRATION: &str = "AWS_CREDENTIAL_EXPIRATION";

/// The variables, in the order in which they are printed.
static VARIABLES: [ExportedVariable; 6] = [
    ExportedVariable {
        name: "AWS_ACCESS_KEY_ID",
        is_masked: true,
        may_be_empty: false,
        value: |exported| Some(Secret::new(exported.key.id.clone())),
    },
    ExportedVariable {
        name: "AWS_SECRET_ACCESS_KEY",
        is_masked: true,
        may_be_empty: false,
        value: |exported| Some(exported.key.secret.clone()),
    },
    ExportedVariable {
        name: "AWS_SESSION_TOKEN",
        is_masked: true,
        may_be_empty: true,
        value: |exported| exported.key.session_token.clone(),
    },
    ExportedVariable {
        name: EXPIRATION,
        is_masked: false,
        // botocore fails at an empty time.
        may_be_empty: false,
        value: |exported| exported.expiration.map(|end| Secret::new(end.to_string())),
    },
    ExportedVariable {
        name: "AWS_REGION",
        is_masked: false,
        may_be_empty: false,
        value: |exported| Some(Secret::new(exported.region.to_string())),
    },
    ExportedVariable {
        name: "AWS_DEFAULT_REGION",
        is_masked: false,
        may_be_empty: false,
        value: |exported| Some(Secret::new(exported.region.to_string())),
    },
];

impl Command for ExportPlan {
    const NAME: &'static [Word] = &[("export", "Print credentials as environment variables")];
    const DETAILS: &'static str = "\
Prints the access key, the session token, when they expire, and the Region. They are not refreshed: use `exec` for a program that runs longer than a session.

A value that a format cannot hold is an error.

With `--from-secret`, it prints the access key that a secret of AWS Secrets Manager holds.";
    const EXAMPLES: &'static str = "\
eval \"$(roles-anywhere export --role backup --format sh)\"
(umask 077; roles-anywhere export --role backup --format docker > backup.env)
eval \"$(roles-anywhere export --format sh --unset)\"";
    const DOCS: &'static [&'static str] = &["export.md", "access-keys.md", "cache.md", "errors.md"];
    const OPTIONS: &'static OptionGroups =
        &[plan::EXPORT, table::access_key::WITHOUT_REFRESH, table::session_groups::ONE_SESSION];
    const REQUIRED: &'static [&'static OptionSpec] = table::session::REQUIRED;
    const ROLES: RoleUse = RoleUse::OneUnless { option: &plan::UNSET };

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        if settings.is_on(&plan::UNSET)? {
            let names = VARIABLES.each_ref().map(|variable| variable.name);
            return plan::unset(settings, &names).map(|text| Self::Unset { text });
        }
        let format = plan::format(settings)?;
        let (session, access_key) = session_and_secret(settings)?;
        let endpoint = access_key.as_ref().map(|secret| secret.at.endpoint.clone());
        let session = SessionPlan::new(settings, session, endpoint, cache(settings)?)?;
        let session = session.with_waiting_line(settings)?;
        let stdout = settings.stdout;
        Ok(Self::Print(Box::new(PrintedCredentials { session, access_key, format, stdout })))
    }
}

impl Plan for ExportPlan {
    fn run(&self, app: &App) -> Result<Outcome, Error> {
        match self {
            Self::Unset { text } => Ok(text.clone().into()),
            Self::Print(printed) => Ok(printed.run(app)?.into()),
        }
    }
}

impl PrintedCredentials {
    /// Returns what is printed on standard output.
    fn run(&self, app: &App) -> Result<SecretBytes, Error> {
        let exported = self.credentials(app)?;
        let replaces = self.format.replaces_by_empty();
        let empty = |it: &ExportedVariable| {
            (replaces && it.may_be_empty).then(|| Secret::new(String::new()))
        };
        let value = |it: &ExportedVariable| (it.value)(&exported).or_else(|| empty(it));
        let values = VARIABLES.each_ref().map(value);
        let named = VARIABLES.iter().map(|variable| variable.name).zip(&values);
        let variables: Vec<(&str, &Secret)> =
            named.clone().filter_map(|(name, value)| Some((name, value.as_ref()?))).collect();
        let absent: Vec<&str> =
            named.filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
        let output = match &self.format {
            ExportFormat::Printed(format) => printed(*format, &variables, &absent)?,
            ExportFormat::GitHub { file } => {
                warn_of_expiration(&absent, app);
                write_to_github(&variables, file, app)?
            }
        };
        if self.stdout == Stdout::Terminal {
            app.report(&format!("warning: the terminal shows secrets: {}", self.instead()));
        }
        Ok(output)
    }

    /// Returns the credentials.
    fn credentials(&self, app: &App) -> Result<ExportedCredentials<'_>, Error> {
        if let Some(secret) = &self.access_key {
            let SecretAccessKey { key, expiration, .. } = app.access_key(&self.session, secret)?;
            return Ok(ExportedCredentials { key, expiration, region: &secret.at.region });
        }
        let Session { credentials, .. } = SessionClient::open(app, &self.session).session()?;
        Ok(ExportedCredentials {
            key: AccessKey::from(&credentials),
            expiration: Some(credentials.expiration),
            region: &self.session.provider.session.region,
        })
    }

    /// Returns what to do instead of printing the variables on a terminal.
    fn instead(&self) -> &'static str {
        match self.format {
            ExportFormat::Printed(VariableFormat::Sh) => {
                "use `eval \"$(roles-anywhere export …)\"`"
            }
            ExportFormat::Printed(VariableFormat::Fish) => "use `roles-anywhere export … | source`",
            ExportFormat::Printed(VariableFormat::PowerShell) => {
                "use `roles-anywhere export … | Out-String | Invoke-Expression`"
            }
            ExportFormat::Printed(_) => "redirect standard output to a file",
            ExportFormat::GitHub { .. } => "use this format in a step of GitHub Actions only",
        }
    }
}

impl ExportFormat {
    /// Returns whether an empty value takes the place of a variable that its reader may have already, as
    /// nothing in the format removes one.
    fn replaces_by_empty(&self) -> bool {
        match self {
            Self::Printed(format) => formats::unset(*format, &[]).is_none(),
            Self::GitHub { .. } => true,
        }
    }
}

/// Says that an earlier step has set the expiration of other credentials, which this step cannot remove.
fn warn_of_expiration(absent: &[&str], app: &App) {
    let is_set =
        app.variables().iter().any(|(name, value)| name == EXPIRATION && !value.is_empty());
    if is_set && absent.contains(&EXPIRATION) {
        app.report(&format!(
            "warning: {EXPIRATION} of an earlier step stays set: boto3 does not use the key after that time"
        ));
    }
}

/// Returns the variables in a format. In a shell, those that have no value are removed: a token of other
/// credentials beside a long-term key is an error of AWS.
fn printed(
    format: VariableFormat,
    variables: &[(&str, &Secret)],
    absent: &[&str],
) -> Result<SecretBytes, Error> {
    let text = formats::render(format, variables)?;
    match formats::unset(format, absent).filter(|removal| !removal.is_empty()) {
        None => Ok(text),
        Some(removal) => Ok(SecretBytes::new([removal.as_bytes(), text.expose()].concat())),
    }
}

/// Writes the variables for later steps to a file, and returns nothing more to print.
fn write_to_github(
    variables: &[(&str, &Secret)],
    file: &Path,
    app: &App,
) -> Result<SecretBytes, Error> {
    let lines = github::render(variables, &app.entropy())?;
    let is_masked = |name: &str| VARIABLES.iter().any(|it| it.name == name && it.is_masked);
    let masked = variables.iter().filter(|(name, _)| is_masked(name));
    let masked: Vec<&Secret> = masked.map(|(_, value)| *value).collect();
    // Before the next step can have the values. If the file is not written, masks do no harm.
    app.print(github::masks(&masked).expose())?;
    app.files().append(file, lines.expose())?;
    Ok(SecretBytes::default())
}
