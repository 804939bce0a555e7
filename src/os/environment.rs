//! The environment variables of this process.

use crate::world::Environment;

/// Reads all variables once; those that are not UTF-8 are passed over.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn read() -> Environment {
    Environment::new(
        std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }),
    )
}
