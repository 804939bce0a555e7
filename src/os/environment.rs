//! The environment variables of this process, and its command line.

use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::text::path;

/// Reads all variables once, as [`path::text`] has them.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn read() -> Environment {
    Environment::new(
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, path::text(value)))),
    )
}

/// Returns the command line, as [`path::text`] has it.
pub fn arguments() -> impl Iterator<Item = String> {
    std::env::args_os().map(path::text)
}
