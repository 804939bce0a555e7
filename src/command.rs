//! The commands: their list, and the run of a command line.

pub mod cache;
pub mod completion;
pub mod config;
pub mod credential_process;
pub mod exec;
pub mod export;
pub mod mask;
pub mod parameter_get;
pub mod parameter_list;
mod planning;
pub mod read_certificate_data;
pub mod render;
pub mod resolve;
pub mod roles;
pub mod secret_describe;
pub mod secret_get;
pub mod secret_list;
pub mod secret_rotate;
pub mod serve;
pub mod sign_string;
pub mod update;
pub mod version;
pub mod watch;

use std::any::Any;

use clap::error::ErrorKind;

use crate::app::App;
use crate::options::arguments::{self, OptionGroups};
use crate::options::clap_error::argument_error;
use crate::options::command_line::{self, CommandSpec, CommandTexts, Word};
use crate::options::error_format::error_format;
use crate::options::help::{self, HelpLayout};
use crate::options::kubernetes_service::without_service;
use crate::options::roles::RoleUse;
use crate::options::session_plan::SessionPlan;
use crate::options::settings::Settings;
use crate::options::table::OptionSpec;
use crate::options::table::program::EXEC_ROLE_VARIABLE;
use crate::options::variables::{UnknownVariable, unknown_variables};
use crate::output::error::{Error, Kind};
use crate::output::log::LogFormat;
use crate::output::report::{ErrorFormat, Failure};
use crate::output::usage::{RoleError, UsageError};
use crate::output::{Outcome, Stdout};
use planning::replan;
pub use planning::{CommandLineError, PlanInputs, plan, session_plan};
use roles_anywhere_client::time::Clock as _;

/// The commands, in the order of `--help`.
pub static ALL: &[CommandEntry] = &[
    CommandEntry::of::<credential_process::CredentialProcess>(),
    CommandEntry::of::<exec::ExecPlan>(),
    CommandEntry::of::<export::ExportPlan>(),
    CommandEntry::of::<serve::ServePlan>(),
    CommandEntry::of::<update::UpdatePlan>(),
    CommandEntry::of::<secret_get::SecretGetPlan>(),
    CommandEntry::of::<secret_list::SecretListPlan>(),
    CommandEntry::of::<secret_describe::SecretDescribePlan>(),
    CommandEntry::of::<secret_rotate::SecretRotatePlan>(),
    CommandEntry::of::<parameter_get::ParameterGetPlan>(),
    CommandEntry::of::<parameter_list::ParameterListPlan>(),
    CommandEntry::of::<render::RenderPlan>(),
    CommandEntry::of::<resolve::Resolve>(),
    CommandEntry::of::<watch::WatchPlan>(),
    CommandEntry::of::<mask::MaskPlan>(),
    CommandEntry::of::<read_certificate_data::ReadCertificateData>(),
    CommandEntry::of::<sign_string::SignString>(),
    CommandEntry::of::<cache::CacheShow>(),
    CommandEntry::of::<cache::CacheClear>(),
    CommandEntry::of::<roles::RolesPlan>(),
    CommandEntry::of::<config::check::ConfigCheck>(),
    CommandEntry::of::<config::show::ConfigShow>(),
    CommandEntry::of::<config::schema::ConfigSchema>(),
    CommandEntry::of::<config::import::ConfigImport>(),
    CommandEntry::of::<completion::Completion>(),
    CommandEntry::of::<version::Version>(),
];

/// The group of the commands about secrets.
const SECRET: Word = ("secret", "Read secrets from AWS Secrets Manager");
/// The group of the commands about parameters.
const PARAMETER: Word = ("parameter", "Read parameters from the Parameter Store");
/// The group of the commands about the cache.
const CACHE: Word = ("cache", "List or remove cached sessions");

/// The group of the commands about the configuration file.
const CONFIG: Word = ("config", "Check, show or make the configuration file");

/// A command: its name, its options, and how they make a plan.
pub trait Command: Plan + Sized {
    /// The words of its name, each with its line in the list of commands.
    const NAME: &'static [Word];
    /// Paragraphs of `--help`.
    const DETAILS: &'static str = "";
    /// Lines of the help that can be copied.
    const EXAMPLES: &'static str = "";
    /// Its files in `docs/`, without the folder.
    const DOCS: &'static [&'static str] = &[];
    /// Its options, in the order of the help within each heading.
    const OPTIONS: &'static OptionGroups = &[];
    /// The options without which it does not run.
    const REQUIRED: &'static [&'static OptionSpec] = &[];
    /// Which roles of the configuration file it uses.
    const ROLES: RoleUse = RoleUse::None;

    /// Validates the options; opens nothing.
    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError>;
}

/// The validated options of a command, which can run.
pub trait Plan: Any + Send {
    /// Runs the command, and returns its output and exit code.
    fn run(&self, app: &App) -> Result<Outcome, Error>;

    /// Returns whether it runs until it is stopped.
    fn is_daemon(&self) -> bool {
        false
    }

    /// Returns how its session is made, if it runs a program with credentials. A credentials endpoint plans
    /// the command line again for that.
    fn session_plan(&self) -> Option<&SessionPlan> {
        None
    }

    /// Returns the format of its log, in which the error that ends the run is written too. A terminal
    /// shows that error as text over several lines in place of [`LogFormat::Text`].
    fn log_format(&self) -> LogFormat {
        LogFormat::Terminal
    }
}

/// A [`Command`] in a list of commands.
#[derive(Clone, Copy, Debug)]
pub struct CommandEntry {
    spec: CommandSpec,
    roles: RoleUse,
    plan: fn(&Settings<'_>) -> Result<Box<dyn Plan>, UsageError>,
}

impl CommandEntry {
    /// Returns the entry of a command.
    pub const fn of<C: Command>() -> Self {
        let spec = CommandSpec {
            name: C::NAME,
            texts: CommandTexts { details: C::DETAILS, examples: C::EXAMPLES, docs: C::DOCS },
            option_groups: C::OPTIONS,
            required: C::REQUIRED,
            describe: |command| arguments::describe(command, C::OPTIONS),
        };
        Self { spec, roles: C::ROLES, plan: |settings| Ok(Box::new(C::plan(settings)?)) }
    }

    /// Returns the description of the command.
    pub fn spec(&self) -> &CommandSpec {
        &self.spec
    }

    /// Returns the options of the command.
    pub fn options(&self) -> impl Iterator<Item = &'static OptionSpec> {
        self.spec.options()
    }
}

/// Runs the command line `words` on the real system, and returns what to print and the exit code.
pub fn run(commands: &[CommandEntry], words: &[String], app: &App) -> Result<Outcome, Failure> {
    let inputs = PlanInputs::of_system(app);
    let plan = match plan(commands, words, &inputs) {
        Ok(plan) => plan,
        Err(CommandLineError::Clap(error)) => return rejected(&error, commands, words, app),
        Err(error) => {
            let removed = removed_by_exec(&error, app);
            let error = error.into_error(words, &specs(commands), app.paths());
            let error = removed.into_iter().fold(error, Error::hint);
            return Err(failure(&explained(error, commands, app), commands, words, app));
        }
    };
    if plan.is_daemon() {
        app.set_replan(replan(commands, words, app));
    }
    plan.run(app).map_err(|error| {
        let error = explained(error, commands, app);
        let json = || error_format(&specs(commands), words, app.environment()) == ErrorFormat::Json;
        if !plan.is_daemon() && json() {
            return Failure::new(&error, ErrorFormat::Json);
        }
        let format = match plan.log_format() {
            LogFormat::Text if app.stderr_is_terminal() => LogFormat::Terminal,
            format => format,
        };
        Failure::logged(&error, format, app.clock().now())
    })
}

/// Returns the report of the error that the command line `words` ends with.
pub fn failure(error: &Error, commands: &[CommandEntry], words: &[String], app: &App) -> Failure {
    Failure::new(error, error_format(&specs(commands), words, app.environment()))
}

/// Returns a hint for a program of `exec` in which something is missing that its caller may have set.
fn removed_by_exec(error: &CommandLineError, app: &App) -> Option<&'static str> {
    let CommandLineError::Usage(error) = error else { return None };
    let is_missing = match error {
        UsageError::Missing { .. } => true,
        UsageError::Role(error) => matches!(**error, RoleError::NoFile { .. }),
        _ => false,
    };
    (is_missing && app.environment().get(EXEC_ROLE_VARIABLE).is_some()).then_some(
        "`exec`, which runs this program, has removed the `ROLES_ANYWHERE_…` variables: pass options, or `--config`",
    )
}

/// Returns an error with a hint for each variable that may be misspelled.
fn explained(error: Error, commands: &[CommandEntry], app: &App) -> Error {
    let (environment, _) = without_service(app.environment());
    let unknown = unknown_variables(&specs(commands), &environment);
    let hints = unknown.iter().filter_map(UnknownVariable::hint).take(MAX_MISSPELLED);
    hints.fold(error, Error::hint)
}

/// The most variables that are named beside an error as misspelled.
const MAX_MISSPELLED: usize = 3;

/// Returns what to print if clap rejects a command line, which it also does to print the help.
fn rejected(
    error: &clap::Error,
    commands: &[CommandEntry],
    words: &[String],
    app: &App,
) -> Result<Outcome, Failure> {
    let specs = specs(commands);
    let page = |stdout| {
        let layout = HelpLayout::new(app.environment(), stdout, app.terminal_width());
        let page = help::requested(&specs, words);
        help::text(&specs, command_line::program(words), page, layout)
    };
    let report = match error.kind() {
        ErrorKind::DisplayHelp => return Ok(page(app.stdout()).into()),
        ErrorKind::DisplayVersion => return Ok(error.render().to_string().into()),
        // On standard error, which has no colours.
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            page(Stdout::Stream).trim_end().to_owned()
        }
        _ => {
            let error = UsageError::Argument(argument_error(error, words, &specs, app.paths()));
            return Err(failure(&explained(error.into(), commands, app), commands, words, app));
        }
    };
    Err(Failure { report, kind: Kind::Usage })
}

fn specs(commands: &[CommandEntry]) -> Vec<CommandSpec> {
    commands.iter().map(|command| command.spec).collect()
}

#[cfg(test)]
mod tests;
