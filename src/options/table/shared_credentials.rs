//! The variables of other programs about the shared credentials file.

use super::{OptionSpec, ValueType};

/// The credentials file that the AWS SDKs are given.
pub static AWS_SHARED_CREDENTIALS_FILE: OptionSpec =
    OptionSpec::of_variables(&["AWS_SHARED_CREDENTIALS_FILE"], ValueType::File);

/// The configuration file that the AWS SDKs are given.
pub static AWS_CONFIG_FILE: OptionSpec =
    OptionSpec::of_variables(&["AWS_CONFIG_FILE"], ValueType::File);

/// The home directory.
pub static HOME: OptionSpec = OptionSpec::of_variables(&["HOME"], ValueType::SystemPath);

/// The profile that other programs select.
pub static AWS_PROFILE: OptionSpec = OptionSpec::of_variables(&["AWS_PROFILE"], ValueType::Text);
