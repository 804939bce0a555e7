//! Which environment variables this program reads.

use crate::options::command_line::{CommandSpec, options};
use crate::options::suggestion::nearest;
use crate::options::table::{OptionSpec, PREFIX};
use crate::output::usage::UsageError;
use roles_anywhere_client::ports::Environment;

/// Refuses variables that this program reads and that are not UTF-8, except for paths.
pub fn check_encoding(
    commands: &[CommandSpec],
    environment: &Environment,
) -> Result<(), UsageError> {
    let is_path = |name: &str| {
        let mut options = options(commands);
        options.any(|option| option.value_type.is_path() && option.own_variable() == Some(name))
    };
    match environment.non_utf8_names().find(|name| is_ours(name) && !is_path(name)) {
        Some(name) => Err(UsageError::NotUtf8(name.to_owned())),
        None => Ok(()),
    }
}

/// Adds to an error about missing options the variables that were probably meant for them.
pub fn with_misspelt(
    error: UsageError,
    commands: &[CommandSpec],
    environment: &Environment,
) -> UsageError {
    let UsageError::Missing { options: missing, empty, .. } = error else {
        return error;
    };
    let known: Vec<&str> = options(commands).filter_map(OptionSpec::own_variable).collect();
    // The prefix would make any two names similar.
    let endings = || known.iter().filter_map(|name| name.strip_prefix(PREFIX));
    let misspelt = environment
        .with_prefix(PREFIX)
        .filter(|(name, _)| !known.contains(name))
        .filter_map(|(name, _)| {
            let ending = nearest(&name[PREFIX.len()..], endings())?;
            let mut variables = missing.iter().filter_map(|option| option.own_variable());
            let meant = variables.find(|name| name.strip_prefix(PREFIX) == Some(ending))?;
            Some((name.to_owned(), meant))
        })
        .collect();
    UsageError::Missing { options: missing, empty, misspelt }
}

/// Returns whether this program reads the variable.
fn is_ours(name: &str) -> bool {
    name.starts_with(PREFIX)
        || name.starts_with("AWS_ENDPOINT_URL")
        || name.to_ascii_uppercase().ends_with("_PROXY")
}
