//! The environment variables of this process.

use std::ffi::OsString;

use crate::world::Environment;

/// Reads all variables once; of those that are not UTF-8, the names.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn read() -> Environment {
    let variables = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        Some((name, value.into_string()))
    });
    type Pair = (String, Result<String, OsString>);
    let (legible, illegible): (Vec<Pair>, Vec<Pair>) =
        variables.partition(|(_, value)| value.is_ok());
    let pairs = legible.into_iter().filter_map(|(name, value)| Some((name, value.ok()?)));
    Environment::new(pairs).with_illegible(illegible.into_iter().map(|(name, _)| name))
}
