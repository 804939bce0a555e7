//! The options of the session cache.
#![expect(missing_docs, reason = "the help of a row says what it is")]

use super::{Heading, OptionSpec, ValueType};

/// The default of what is in the runtime directory.
pub const IN_RUNTIME_DIR: &str = "in $RUNTIME_DIRECTORY or $XDG_RUNTIME_DIR";

/// The options of the cache.
pub static CACHE: &[&OptionSpec] = &[&NO_CACHE, &CACHE_DIR];

/// The options of the commands that only read or clear the cache.
pub static CACHE_LOCATION: &[&OptionSpec] = &[&CACHE_DIR];

pub static NO_CACHE: OptionSpec = OptionSpec::switch("--no-cache")
    .under(Heading::Cache)
    .help("Do not use the session cache")
    .details("Do not read or write the session cache: every run calls CreateSession.");

pub static CACHE_DIR: OptionSpec = OptionSpec::new("--cache-dir", "DIR", ValueType::Directory)
    .described_default(IN_RUNTIME_DIR)
    .under(Heading::Cache)
    .help("Directory of the session cache")
    .details("Directory of the session cache. It is created with mode 0700 if it does not exist.");

/// Systemd's runtime directories of a service, separated by colons.
pub static RUNTIME_DIRECTORY: OptionSpec =
    OptionSpec::of_variables(&["RUNTIME_DIRECTORY"], ValueType::SystemPath);

/// The directory for the runtime files of this user.
pub static XDG_RUNTIME_DIR: OptionSpec =
    OptionSpec::of_variables(&["XDG_RUNTIME_DIR"], ValueType::SystemPath);
