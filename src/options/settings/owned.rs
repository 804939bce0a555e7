//! The settings of a command that has been planned, for roles that are planned while it runs.

use std::fmt;
use std::sync::Arc;

use clap::ArgMatches;

use super::Settings;
use crate::config::Config;
use crate::options::command_line::CommandSpec;
use crate::options::kubernetes_service::without_service;
use crate::options::roles::default;
use crate::output::Stdout;
use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::text::disclosure::PathExists;

/// What was typed, and the configuration file; the environment is that of the process.
#[derive(Clone)]
pub struct OwnedSettings {
    program: String,
    typed: ArgMatches,
    commands: Vec<CommandSpec>,
    stdout: Stdout,
    config: Arc<Config>,
}

impl OwnedSettings {
    /// Returns the settings, if a configuration file applies.
    pub fn of(settings: &Settings<'_>) -> Option<Self> {
        let config = Arc::clone(settings.config?);
        Some(Self {
            program: settings.program.to_owned(),
            typed: settings.typed.clone(),
            commands: settings.commands.to_vec(),
            stdout: settings.stdout,
            config,
        })
    }

    /// Returns the configuration file.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Calls `act` with the settings, which are of no role yet.
    pub fn with<T>(
        &self,
        environment: &Environment,
        paths: PathExists<'_>,
        act: impl FnOnce(&Settings<'_>) -> T,
    ) -> T {
        let (environment, ignored) = without_service(environment);
        act(&Settings {
            program: &self.program,
            typed: &self.typed,
            environment: &environment,
            commands: &self.commands,
            stdout: self.stdout,
            paths,
            ignored: &ignored,
            layers: None,
            roles: &[],
            are_roles_named: false,
            default_role: default(&self.config).map(|role| role.name()),
            config: Some(&self.config),
        })
    }
}

/// Nothing that was typed: it may be a secret.
impl fmt::Debug for OwnedSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedSettings").field("config", &self.config).finish_non_exhaustive()
    }
}
