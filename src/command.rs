//! The commands: their list, and the run of a command line.

pub mod cache;
pub mod completion;
pub mod config;
pub mod credential_process;
pub mod exec;
pub mod export;
pub mod parameter_get;
pub mod parameter_list;
pub mod read_certificate_data;
pub mod render;
pub mod resolve;
pub mod roles;
pub mod secret_describe;
pub mod secret_get;
pub mod secret_list;
pub mod serve;
pub mod sign_string;
pub mod update;
pub mod version;

use std::any::Any;
use std::sync::Arc;

use clap::error::ErrorKind;

use crate::app::{App, Replan};
use crate::config::files::{ConfigFiles, NoConfigFiles};
use crate::config::{Config, ExecTable, Mistake, RoleLayers, RoleTable};
use crate::options::arguments::{self, OptionGroups};
use crate::options::clap_error::argument_error;
use crate::options::command_line::{self, CommandSpec, CommandTexts, Word};
use crate::options::config_check;
use crate::options::config_file::{self, ConfigError, no_file};
use crate::options::error_format::{self, error_format};
use crate::options::help::{self, HelpLayout};
use crate::options::kubernetes_service::without_service;
use crate::options::program_variables::{app, has_app};
use crate::options::roles::{
    RoleNames, RoleUse, choose, default, refuse_flags_for_several, refuse_variables, select,
};

use crate::options::session_plan::SessionPlan;
use crate::options::settings::Settings;
use crate::options::table::config_file::EXEC_ROLE;
use crate::options::table::program::EXEC_ROLE_VARIABLE;
use crate::options::table::program_variables::APP;
use crate::options::table::{OptionSpec, Origin};
use crate::options::variables::{UnknownVariable, check_encoding, unknown_variables};
use crate::output::error::{Error, Kind};
use crate::output::log::LogFormat;
use crate::output::report::{ErrorFormat, Failure};
use crate::output::run::RunError;
use crate::output::usage::{RoleError, UsageError};
use crate::output::{Outcome, Stdout};
use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::text::disclosure::PathExists;
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
    CommandEntry::of::<parameter_get::ParameterGetPlan>(),
    CommandEntry::of::<parameter_list::ParameterListPlan>(),
    CommandEntry::of::<render::RenderPlan>(),
    CommandEntry::of::<resolve::Resolve>(),
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
    /// The configuration file is refused.
    #[error(transparent)]
    Config(ConfigError),
}

impl CommandLineError {
    /// Returns the error to report for the command line `words`.
    fn into_error(self, words: &[String], specs: &[CommandSpec], paths: PathExists<'_>) -> Error {
        match self {
            Self::Clap(error) => {
                UsageError::Argument(argument_error(&error, words, specs, paths)).into()
            }
            Self::Usage(error) => error.into(),
            Self::Config(error) => error.into(),
        }
    }
}

impl From<ConfigError> for CommandLineError {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::Usage(error) => error.into(),
            error => Self::Config(error),
        }
    }
}

/// What a plan is made of, beside the command line.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "holds a port")]
pub struct PlanInputs<'a> {
    /// The environment.
    pub environment: &'a Environment,
    /// The kind of standard output.
    pub stdout: Stdout,
    /// Tells whether a value is an existing path, which an error may show.
    pub paths: PathExists<'a>,
    /// The configuration files.
    pub config_files: &'a dyn ConfigFiles,
}

impl<'a> PlanInputs<'a> {
    /// Returns those of the real system.
    pub fn of_system(app: &'a App) -> Self {
        Self {
            environment: app.environment(),
            stdout: app.stdout(),
            paths: app.paths(),
            config_files: app.config_files(),
        }
    }

    /// Returns an environment without any files, and with a stream for standard output.
    pub fn of(environment: &'a Environment) -> Self {
        let paths = PathExists(&|_| false);
        Self { environment, stdout: Stdout::Stream, paths, config_files: &NoConfigFiles }
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

/// Plans the command line `words`, and returns how its session is made.
pub fn session_plan(
    commands: &[CommandEntry],
    words: &[String],
    app: &App,
) -> Result<SessionPlan, Error> {
    let inputs = PlanInputs::of_system(app);
    let plan = plan(commands, words, &inputs);
    let plan = plan.map_err(|error| error.into_error(words, &specs(commands), app.paths()))?;
    let missing = RunError::Internal { what: "the command makes no session" };
    Ok(plan.session_plan().cloned().ok_or(missing)?)
}

/// Returns what plans the command line `words` again, with the files as they are then.
fn replan(commands: &[CommandEntry], words: &[String], app: &App) -> Replan {
    let (commands, words) = (commands.to_vec(), words.to_vec());
    let (environment, stdout) = (Arc::clone(app.environment()), app.stdout());
    Arc::new(move || {
        // The files of another thread.
        let app = App::start();
        let inputs =
            PlanInputs { environment: &environment, stdout, ..PlanInputs::of_system(&app) };
        match plan(&commands, &words, &inputs) {
            Ok(plan) => Ok(plan as Box<dyn Any + Send>),
            Err(error) => Err(error.into_error(&words, &specs(&commands), app.paths())),
        }
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

/// Returns the plan for the command line `words`.
pub fn plan(
    commands: &[CommandEntry],
    words: &[String],
    inputs: &PlanInputs<'_>,
) -> Result<Box<dyn Plan>, CommandLineError> {
    let specs = specs(commands);
    let (index, typed) = command_line::parse(&specs, words)?;
    check_encoding(&specs, inputs.environment)?;
    let (environment, ignored) = without_service(inputs.environment);
    let settings = Settings {
        program: command_line::program(words),
        typed: &typed,
        environment: &environment,
        commands: &specs,
        stdout: inputs.stdout,
        paths: inputs.paths,
        ignored: &ignored,
        layers: None,
        roles: &[],
        are_roles_named: false,
        default_role: None,
        config: None,
    };
    error_format::check(&settings, &specs[index])?;
    let command = &commands[index];
    let uses_none = match command.roles {
        RoleUse::None => true,
        RoleUse::OneUnless { option } => settings.is_on(option)?,
        _ => false,
    };
    if uses_none {
        return Ok((command.plan)(&settings)?);
    }
    plan_with_roles(command, &settings, inputs.config_files)
}

/// Returns the plan of a command with the roles of the configuration file that apply.
fn plan_with_roles(
    command: &CommandEntry,
    settings: &Settings<'_>,
    files: &dyn ConfigFiles,
) -> Result<Box<dyn Plan>, CommandLineError> {
    let options: Vec<&'static OptionSpec> = command.options().collect();
    let config = match choose(settings, &options)? {
        Some(choice) => {
            config_file::load(&choice, settings, files)?.map(|it| (Arc::new(it), choice.roles))
        }
        None => None,
    };
    if config.is_none() && has_app(settings, &options) {
        return Err(no_file(settings.environment, Some(Origin::Flag(&APP))).into());
    }
    let Some((config, names)) = &config else { return Ok((command.plan)(settings)?) };
    let names = &role_of_app(config, names, settings, &options)?;
    let roles = select(config, names, command.roles, settings)?;
    if let [_, _, ..] = roles[..] {
        refuse_variables(settings, &options, None)?;
        refuse_flags_for_several(settings, &options)?;
    }
    let roles = roles.into_iter().map(|role| config.layers(role));
    let roles = roles.collect::<Result<Vec<RoleLayers<'_>>, _>>().map_err(ConfigError::from)?;
    let only = if let [only] = roles[..] { Some(only) } else { None };
    let default_role = default(config).map(RoleTable::name);
    let settings = Settings {
        layers: only,
        roles: &roles,
        are_roles_named: matches!(names, RoleNames::Named(_)),
        default_role,
        config: Some(config),
        ..*settings
    };
    (command.plan)(&settings).map_err(|error| refused(error, config, &settings))
}

/// Returns the names of the roles: if none is named, that of the program of `--app`.
fn role_of_app<'a>(
    config: &'a Config,
    names: &RoleNames<'a>,
    settings: &Settings<'a>,
    options: &[&'static OptionSpec],
) -> Result<RoleNames<'a>, UsageError> {
    let table = match has_app(settings, options) {
        true => app(settings, config)?,
        false => None,
    };
    match (names, table.and_then(ExecTable::role)) {
        (RoleNames::Unnamed, Some(role)) => {
            let role = settings.of_file(&EXEC_ROLE, role)?;
            refuse_variables(settings, options, Some(&role.origin))?;
            Ok(RoleNames::Named(vec![role]))
        }
        (names, _) => Ok(names.clone()),
    }
}

/// Returns the error of a plan; if it is about a value of the configuration file, all mistakes in there.
fn refused(error: UsageError, config: &Config, settings: &Settings<'_>) -> CommandLineError {
    let Some(location) = error.file_location() else { return error.into() };
    let is_about = |mistake: &Mistake| mistake.line == location.line;
    match config_check::check(config, settings) {
        Err(mistakes) if mistakes.all().iter().any(is_about) => {
            ConfigError::Mistakes(mistakes).into()
        }
        // It has to do with what was typed or with a variable.
        _ => error.into(),
    }
}

fn specs(commands: &[CommandEntry]) -> Vec<CommandSpec> {
    commands.iter().map(|command| command.spec).collect()
}

#[cfg(test)]
mod tests;
