//! The commands: their list, and the run of a command line.

pub mod cache;
pub mod completion;
pub mod credential_process;
pub mod read_certificate_data;
pub mod secret_get;
pub mod serve;
pub mod sign_string;
pub mod update;
pub mod version;

use std::any::Any;

use clap::error::ErrorKind;

use crate::app::App;
use crate::options::arguments::{self, OptionGroups};
use crate::options::clap_error::argument_error;
use crate::options::command_line::{self, CommandSpec, Word};
use crate::options::kubernetes_service::without_service;
use crate::options::settings::Settings;
use crate::options::table::OptionSpec;
use crate::options::variables::check_encoding;
use crate::output::Stdout;
use crate::output::error::{Error, Kind};
use crate::output::log::LogFormat;
use crate::output::report::Failure;
use crate::output::usage::UsageError;
use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::text::disclosure::PathExists;
use roles_anywhere_client::time::Clock as _;

/// The commands, in the order of `--help`.
pub static ALL: &[CommandEntry] = &[
    CommandEntry::of::<credential_process::CredentialProcess>(),
    CommandEntry::of::<update::UpdatePlan>(),
    CommandEntry::of::<serve::ServePlan>(),
    CommandEntry::of::<secret_get::SecretGetPlan>(),
    CommandEntry::of::<sign_string::SignString>(),
    CommandEntry::of::<read_certificate_data::ReadCertificateData>(),
    CommandEntry::of::<cache::CacheShow>(),
    CommandEntry::of::<cache::CacheClear>(),
    CommandEntry::of::<version::Version>(),
    CommandEntry::of::<completion::Completion>(),
];

/// The group of the commands about secrets.
const SECRET: Word = ("secret", "Read secrets of AWS Secrets Manager");
/// The group of the commands about the cache.
const CACHE: Word = ("cache", "Look at the cached credentials of this user, or forget them");

/// A command: its name, its options, and how they make a plan.
pub trait Command: Plan + Sized {
    /// The words of its name, each with its line of `--help`.
    const NAME: &'static [Word];
    /// The end of its `--help`, e.g. examples.
    const AFTER_HELP: &'static str = "";
    /// Its options, in the order of `--help`.
    const OPTIONS: &'static OptionGroups = &[];

    /// Validates the options; opens nothing.
    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError>;
}

/// The validated options of a command, which can run.
pub trait Plan: Any {
    /// Runs the command, and returns its output.
    fn run(&self, app: &App) -> Result<SecretBytes, Error>;

    /// Returns the format of the error that ends the run.
    fn log_format(&self) -> LogFormat {
        LogFormat::Text
    }
}

/// A [`Command`] in a list of commands.
#[derive(Clone, Copy, Debug)]
pub struct CommandEntry {
    spec: CommandSpec,
    plan: fn(&Settings<'_>) -> Result<Box<dyn Plan>, UsageError>,
}

impl CommandEntry {
    /// Returns the entry of a command.
    pub const fn of<C: Command>() -> Self {
        let spec = CommandSpec {
            name: C::NAME,
            after_help: C::AFTER_HELP,
            options: C::OPTIONS,
            describe: |command| arguments::describe(command, C::OPTIONS),
        };
        Self { spec, plan: |settings| Ok(Box::new(C::plan(settings)?)) }
    }

    /// Returns the options of the command.
    pub fn options(&self) -> impl Iterator<Item = &'static OptionSpec> {
        self.spec.options.iter().copied().flatten().copied()
    }
}

/// Why a command line makes no plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandLineError {
    /// Clap rejects it, or prints the help or the version instead.
    #[error(transparent)]
    Clap(#[from] clap::Error),
    /// An option is refused.
    #[error(transparent)]
    Usage(#[from] UsageError),
}

/// Runs the command line `words` on the real system, and returns what to print.
pub fn run(commands: &[CommandEntry], words: &[String], app: &App) -> Result<SecretBytes, Failure> {
    let now = || app.clock().now();
    let plan = match plan(commands, words, app.environment(), app.stdout(), app.paths()) {
        Ok(plan) => plan,
        Err(CommandLineError::Usage(error)) => {
            return Err(Failure::new(&error.into(), LogFormat::Text, now()));
        }
        Err(CommandLineError::Clap(error)) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                return Ok(SecretBytes::new(error.render().to_string().into_bytes()));
            }
            // The help.
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                let report = error.render().to_string().trim_end().to_owned();
                return Err(Failure { report, kind: Kind::Usage });
            }
            _ => {
                let error = argument_error(&error, words, &specs(commands), app.paths());
                return Err(Failure::new(
                    &UsageError::Argument(error).into(),
                    LogFormat::Text,
                    now(),
                ));
            }
        },
    };
    plan.run(app).map_err(|error| Failure::new(&error, plan.log_format(), now()))
}

/// Returns the plan for the command line `words` and an environment. `paths` tells whether a value is
/// an existing path, which an error may show.
pub fn plan(
    commands: &[CommandEntry],
    words: &[String],
    environment: &Environment,
    stdout: Stdout,
    paths: PathExists<'_>,
) -> Result<Box<dyn Plan>, CommandLineError> {
    let specs = specs(commands);
    let (index, typed) = command_line::parse(&specs, words)?;
    check_encoding(&specs, environment)?;
    let (environment, ignored) = without_service(environment);
    let (typed, environment, ignored) = (&typed, &*environment, &*ignored);
    let settings = Settings { typed, environment, stdout, paths, ignored };
    Ok((commands[index].plan)(&settings)?)
}

fn specs(commands: &[CommandEntry]) -> Vec<CommandSpec> {
    commands.iter().map(|command| command.spec).collect()
}

#[cfg(test)]
mod tests;
