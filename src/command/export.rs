//! `export`: prints credentials as environment variables.

mod plan;

use std::path::{Path, PathBuf};

use crate::app::App;
use crate::app::session::SessionClient;
use crate::command::{Command, Plan};
use crate::options::arguments::OptionGroups;
use crate::options::cache::cache;
use crate::options::command_line::Word;
use crate::options::roles::RoleUse;
use crate::options::session::SessionOptions;
use crate::options::session_plan::SessionPlan;
use crate::options::settings::Settings;
use crate::options::table::{self, OptionSpec};
use crate::output::error::Error;
use crate::output::formats::{self, VariableFormat, github};
use crate::output::usage::UsageError;
use crate::output::{Outcome, Stdout};
use roles_anywhere_client::credentials::Credentials;
use roles_anywhere_client::region::Region;
use roles_anywhere_client::secret::{Secret, SecretBytes};

/// The plan of `export`.
#[derive(Clone, Debug)]
pub enum ExportPlan {
    /// Print what removes the variables.
    Unset {
        /// What to print.
        text: String,
    },
    /// Print the credentials of a session.
    Print(Box<PrintedSession>),
}

/// The session whose credentials are printed, and how.
#[derive(Clone, Debug)]
pub struct PrintedSession {
    /// The session.
    pub session: SessionPlan,
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

/// A variable that is exported.
struct ExportedVariable {
    name: &'static str,
    /// Whether the log of GitHub Actions hides it.
    is_masked: bool,
    value: fn(&Credentials, &Region) -> Secret,
}

/// The variables, in the order in which they are printed.
static VARIABLES: [ExportedVariable; 6] = [
    ExportedVariable {
        name: "AWS_ACCESS_KEY_ID",
        is_masked: true,
        value: |credentials, _| Secret::new(credentials.access_key_id.clone()),
    },
    ExportedVariable {
        name: "AWS_SECRET_ACCESS_KEY",
        is_masked: true,
        value: |credentials, _| credentials.secret_access_key.clone(),
    },
    ExportedVariable {
        name: "AWS_SESSION_TOKEN",
        is_masked: true,
        value: |credentials, _| credentials.session_token.clone(),
    },
    ExportedVariable {
        name: "AWS_CREDENTIAL_EXPIRATION",
        is_masked: false,
        value: |credentials, _| Secret::new(credentials.expiration.to_string()),
    },
    ExportedVariable {
        name: "AWS_REGION",
        is_masked: false,
        value: |_, region| Secret::new(region.to_string()),
    },
    ExportedVariable {
        name: "AWS_DEFAULT_REGION",
        is_masked: false,
        value: |_, region| Secret::new(region.to_string()),
    },
];

impl Command for ExportPlan {
    const NAME: &'static [Word] = &[("export", "Print credentials as environment variables")];
    const DETAILS: &'static str = "\
Prints the access key, the session token, when they expire, and the Region. They are not refreshed: use `exec` for a program that runs longer than a session.

A value that a format cannot hold is an error.";
    const EXAMPLES: &'static str = "\
eval \"$(roles-anywhere export --role backup --format sh)\"
(umask 077; roles-anywhere export --role backup --format docker > backup.env)
eval \"$(roles-anywhere export --format sh --unset)\"";
    const DOCS: &'static [&'static str] = &["export.md", "cache.md", "errors.md"];
    const OPTIONS: &'static OptionGroups = &[plan::EXPORT, table::session_groups::ONE_SESSION];
    const REQUIRED: &'static [&'static OptionSpec] = table::session::REQUIRED;
    const ROLES: RoleUse = RoleUse::OneUnless { option: &plan::UNSET };

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        if settings.is_on(&plan::UNSET)? {
            let names = VARIABLES.each_ref().map(|variable| variable.name);
            return plan::unset(settings, &names).map(|text| Self::Unset { text });
        }
        let format = plan::format(settings)?;
        let session = SessionOptions::of_own_region(settings)?;
        let session = SessionPlan::new(settings, session, None, cache(settings)?)?;
        let session = session.with_waiting_line(settings)?;
        Ok(Self::Print(Box::new(PrintedSession { session, format, stdout: settings.stdout })))
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

impl PrintedSession {
    /// Returns what is printed on standard output.
    fn run(&self, app: &App) -> Result<SecretBytes, Error> {
        let session = SessionClient::open(app, &self.session).session()?;
        let region = &self.session.provider.session.region;
        let values = VARIABLES.each_ref().map(|it| (it.value)(&session.credentials, region));
        let variables: Vec<(&str, &Secret)> =
            VARIABLES.iter().map(|variable| variable.name).zip(&values).collect();
        let output = match &self.format {
            ExportFormat::Printed(format) => formats::render(*format, &variables)?,
            ExportFormat::GitHub { file } => write_to_github(&variables, file, app)?,
        };
        if self.stdout == Stdout::Terminal {
            app.report(&format!("warning: the terminal shows secrets: {}", self.instead()));
        }
        Ok(output)
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
