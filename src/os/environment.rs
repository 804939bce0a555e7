//! The environment variables of this process, and its command line.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

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

/// Returns all variables as they are, in order.
#[expect(clippy::disallowed_methods, reason = "another program gets them as they are")]
pub fn variables() -> Vec<(OsString, OsString)> {
    std::env::vars_os().collect()
}

/// Returns the absolute path of this program as it was called, by which it is found after an update too:
/// links are not resolved.
pub fn own_executable(environment: &Environment) -> io::Result<PathBuf> {
    let called = PathBuf::from(std::env::args_os().next().unwrap_or_default());
    if called.components().count() > 1 {
        return std::path::absolute(called);
    }
    let dirs = environment.get("PATH").map(path::path).unwrap_or_default();
    let found = std::env::split_paths(&dirs).map(|dir| dir.join(&called));
    let found = found.into_iter().find(|file| file.is_absolute() && file.is_file());
    found.map_or_else(std::env::current_exe, Ok)
}

/// Returns an absolute path, without resolving links.
pub fn absolute(path: &Path) -> io::Result<PathBuf> {
    std::path::absolute(path)
}

/// Returns the command line, as [`path::text`] has it.
pub fn arguments() -> impl Iterator<Item = String> {
    std::env::args_os().map(path::text)
}
