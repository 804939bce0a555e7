//! Which environment variables this program reads.

use crate::options::command_line::{CommandSpec, options};
use crate::options::suggestion::nearest;
use crate::options::table::program::EXEC_ROLE_VARIABLE;
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

/// A variable with our prefix that this program does not read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnknownVariable {
    /// Its name.
    pub name: String,
    /// The variable that was probably meant.
    pub nearest: Option<&'static str>,
}

impl UnknownVariable {
    /// Returns the hint beside an error; `None` if it is like no variable of this program.
    pub fn hint(&self) -> Option<String> {
        let Self { name, nearest } = self;
        nearest.map(|nearest| {
            format!("`{name}` is set, but no option has that variable: did you mean `{nearest}`?")
        })
    }
}

/// The variables with our prefix that the scripts and tests of this repository read, without it.
const OF_TESTS: &[&str] = &["BIN_DIR", "CLIENTS", "LINES", "RECORD", "TOOL", "WITH_PROXY"];

/// Returns the variables with our prefix that no command reads. The environment is without those of
/// Kubernetes.
pub fn unknown_variables(
    commands: &[CommandSpec],
    environment: &Environment,
) -> Vec<UnknownVariable> {
    let without_prefix = |name: &'static str| name.strip_prefix(PREFIX);
    let known = || options(commands).flat_map(OptionSpec::variables).filter_map(without_prefix);
    // Another name is no misspelling, and may be anything.
    let is_plain = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    environment
        .with_prefix(PREFIX)
        .filter_map(|(name, _)| name.strip_prefix(PREFIX))
        .filter(|name| is_plain(name) && !OF_TESTS.contains(name))
        .filter(|name| {
            Some(*name) != without_prefix(EXEC_ROLE_VARIABLE) && !known().any(|it| it == *name)
        })
        .map(|name| UnknownVariable {
            name: format!("{PREFIX}{name}"),
            // Without the prefix, which makes all of them similar.
            nearest: nearest(name, known()).and_then(|nearest| {
                let mut all = options(commands).flat_map(OptionSpec::variables);
                all.find(|variable| without_prefix(variable) == Some(nearest))
            }),
        })
        .collect()
}

/// Returns whether this program reads the variable.
fn is_ours(name: &str) -> bool {
    name.starts_with(PREFIX)
        || name.starts_with("AWS_ENDPOINT_URL")
        || name.to_ascii_uppercase().ends_with("_PROXY")
}
