//! From a command line to the plan of a command, with the roles of the configuration file that apply.

use std::any::Any;
use std::sync::Arc;

use super::{CommandEntry, Plan, specs};
use crate::app::{App, Replan};
use crate::config::files::{ConfigFiles, NoConfigFiles};
use crate::config::{Config, ExecTable, Mistake, RoleLayers, RoleTable};
use crate::options::clap_error::argument_error;
use crate::options::command_line::{self, CommandSpec};
use crate::options::config_check;
use crate::options::config_file::{self, ConfigError, no_file};
use crate::options::error_format;
use crate::options::kubernetes_service::without_service;
use crate::options::program_variables::{app, has_app};
use crate::options::roles::{
    RoleNames, RoleUse, choose, default, refuse_flags_for_several, refuse_variables, select,
};
use crate::options::secrets_endpoint::is_served;
use crate::options::session_plan::SessionPlan;
use crate::options::settings::Settings;
use crate::options::table::config_file::EXEC_ROLE;
use crate::options::table::program_variables::APP;
use crate::options::table::secrets_endpoint::SECRETS;
use crate::options::table::{OptionSpec, Origin};
use crate::options::variables::check_encoding;
use crate::output::Stdout;
use crate::output::error::Error;
use crate::output::run::RunError;
use crate::output::usage::UsageError;
use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::text::disclosure::PathExists;

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
    pub(super) fn into_error(
        self,
        words: &[String],
        specs: &[CommandSpec],
        paths: PathExists<'_>,
    ) -> Error {
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
        RoleUse::OneUnlessGiven { option } => settings.flag(option)?.is_some(),
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
    if options.contains(&&SECRETS) && is_served(&Settings { config: Some(config), ..*settings })? {
        // With a path that cannot be expanded, all mistakes of the file are reported.
        if config.check_secrets_paths().is_err() {
            config_check::check(config, settings).map_err(ConfigError::from)?;
        }
    }
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
pub(super) fn replan(commands: &[CommandEntry], words: &[String], app: &App) -> Replan {
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
