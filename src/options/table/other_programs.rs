//! The variables by which other programs say what they are.

use super::{OptionSpec, ValueType};
use roles_anywhere_client::text::disclosure::Sensitivity;

/// The login shell of this user.
pub static SHELL: OptionSpec = OptionSpec::of_variables(&["SHELL"], ValueType::SystemPath);

/// The shell of every system: the one to use if no other is named, and what runs a file without `#!`.
pub const POSIX_SHELL: &str = "/bin/sh";

/// The file from which GitHub Actions takes the variables of later steps.
pub static GITHUB_ENV: OptionSpec =
    OptionSpec::of_variables(&["GITHUB_ENV"], ValueType::SystemPath);

/// The token of AWS's agent, in the variables that the agent and its clients read.
pub static AGENT_TOKEN: OptionSpec = OptionSpec::of_variables(
    &["AWS_TOKEN", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN"],
    ValueType::Password,
)
.sensitivity(Sensitivity::Password);

/// The token of AWS's agent, as its clients have it. It is not taken from the agent's other variables: a session
/// token of AWS is for AWS only.
pub static CLIENT_TOKEN: OptionSpec = OptionSpec::of_variables(&["AWS_TOKEN"], ValueType::Password)
    .sensitivity(Sensitivity::Password);
