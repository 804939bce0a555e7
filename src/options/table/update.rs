//! The options of `update`.
#![expect(missing_docs, reason = "the help of a row says what it is")]

use super::{OptionSpec, ValueType};

/// The options of `update` alone.
pub static UPDATE: [&OptionSpec; 5] = [&PROFILE, &ONCE, &FORCE, &QUIET, &CREDENTIALS_FILE];

pub static PROFILE: OptionSpec = OptionSpec::new("--profile", "NAME", ValueType::Text)
    .default_value("default")
    .help("The profile to write");

pub static ONCE: OptionSpec = OptionSpec::switch("--once").help("Write it once, and exit");

pub static FORCE: OptionSpec =
    OptionSpec::switch("--force").help("Replace a long-lived access key in the profile");

pub static QUIET: OptionSpec =
    OptionSpec::switch("--quiet").help("Print nothing on success (with `--once`)");

pub static CREDENTIALS_FILE: OptionSpec =
    OptionSpec::new("--credentials-file", "FILE", ValueType::File)
        .described_default("~/.aws/credentials; also AWS_SHARED_CREDENTIALS_FILE")
        .help("The shared credentials file");

/// The credentials file that the AWS SDKs are given.
pub static AWS_SHARED_CREDENTIALS_FILE: OptionSpec =
    OptionSpec::of_variables(&["AWS_SHARED_CREDENTIALS_FILE"], ValueType::File);

/// The home directory.
pub static HOME: OptionSpec = OptionSpec::of_variables(&["HOME"], ValueType::SystemPath);

/// The profile that other programs select.
pub static AWS_PROFILE: OptionSpec = OptionSpec::of_variables(&["AWS_PROFILE"], ValueType::Text);
