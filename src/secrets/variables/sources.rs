//! The sources of variables of a command line, before their files are read.

use super::GivenVariables;
use crate::output::error::Error;
use roles_anywhere_client::input_source::{Files, InputSource};
use roles_anywhere_client::ports::Environment;

/// What a command line gives, and the files in which there is more.
#[derive(Clone, Debug, Default)]
pub struct VariableSources {
    /// What the command line itself gives, and the configuration file.
    pub given: GivenVariables,
    /// The files of variables.
    pub env_files: Vec<InputSource>,
    /// The task definition of ECS.
    pub task_definition: Option<TaskDefinitionFile>,
    /// Whether references in the variables of the caller are resolved.
    pub resolves_inherited: bool,
}

/// A task definition of ECS.
#[derive(Clone, Debug)]
pub struct TaskDefinitionFile {
    /// The file.
    pub file: InputSource,
    /// The name of the container; `None` for the only one.
    pub container: Option<String>,
}

impl VariableSources {
    /// Returns whether nothing is given.
    pub fn is_empty(&self) -> bool {
        let Self { given, env_files, task_definition, resolves_inherited } = self;
        let GivenVariables { variables, expansions, arguments, mistakes } = given;
        let is_given = !variables.is_empty() || !expansions.is_empty() || !arguments.is_empty();
        let has_files = !env_files.is_empty() || task_definition.is_some();
        !is_given && mistakes.is_empty() && !has_files && !resolves_inherited
    }

    /// Reads the files, and returns all that is given.
    pub fn read(&self, files: &dyn Files, caller: &Environment) -> Result<GivenVariables, Error> {
        let mut given = self.given.clone();
        for file in &self.env_files {
            given.add_env_file(&name(file), &files.read(file)?);
        }
        if let Some(TaskDefinitionFile { file, container }) = &self.task_definition {
            given.add_task_definition(&name(file), &files.read(file)?, container.as_deref());
        }
        if self.resolves_inherited {
            given.add_inherited(caller.with_prefix(""));
        }
        Ok(given)
    }
}

/// Returns the name of a file for messages, without the option that names it.
fn name(file: &InputSource) -> String {
    InputSource { origin: None, ..file.clone() }.name(true).to_string()
}
