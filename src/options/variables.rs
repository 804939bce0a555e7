//! Which environment variables this program reads.

use crate::options::command_line::{CommandSpec, options};
use crate::options::table::PREFIX;
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

/// Returns whether this program reads the variable.
fn is_ours(name: &str) -> bool {
    name.starts_with(PREFIX)
        || name.starts_with("AWS_ENDPOINT_URL")
        || name.to_ascii_uppercase().ends_with("_PROXY")
}
