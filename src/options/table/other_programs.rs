//! The variables by which other programs say what they are.

use super::{OptionSpec, ValueType};

/// The login shell of this user.
pub static SHELL: OptionSpec = OptionSpec::of_variables(&["SHELL"], ValueType::SystemPath);

/// The shell of every system: the one to use if no other is named, and what runs a file without `#!`.
pub const POSIX_SHELL: &str = "/bin/sh";

/// The file from which GitHub Actions takes the variables of later steps.
pub static GITHUB_ENV: OptionSpec =
    OptionSpec::of_variables(&["GITHUB_ENV"], ValueType::SystemPath);
