//! What was typed for the commands that go on running.

use clap::Args;

use crate::options::SessionArgs;

pub(super) const UPDATE_HELP: &str = "\
Example:
  roles-anywhere update --profile plant --certificate /etc/pki/host.pem --private-key /etc/pki/host.key --trust-anchor-arn arn:… --profile-arn arn:… --role-arn arn:…";

pub(super) const SERVE_HELP: &str = "\
Examples:
  roles-anywhere serve --print-env --certificate /etc/pki/host.pem --private-key /etc/pki/host.key --trust-anchor-arn arn:… --profile-arn arn:… --role-arn arn:…
  AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:9911 aws sts get-caller-identity";

/// What it takes to keep a profile fresh.
#[derive(Args, Clone, Debug, Default)]
pub struct UpdateArgs {
    /// The profile to write [default: default]
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub profile: Option<String>,
    /// Write it once, and exit
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub once: Option<String>,
    /// Replace a long-lived access key in the profile
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub force: Option<String>,
    /// Print nothing on success (with `--once`)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub quiet: Option<String>,
    /// The shared credentials file [default: ~/.aws/credentials; also AWS_SHARED_CREDENTIALS_FILE]
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub credentials_file: Option<String>,
    /// How it runs.
    #[command(flatten)]
    pub daemon: DaemonArgs,
    /// The session.
    #[command(flatten)]
    pub session: SessionArgs,
}

/// What it takes to serve credentials.
#[derive(Args, Clone, Debug, Default)]
pub struct ServeArgs {
    /// The port on 127.0.0.1; 0 for a free one [default: 9911]
    #[arg(long, value_name = "PORT", allow_hyphen_values = true)]
    pub port: Option<String>,
    /// An address to listen on instead, IPv4 or IPv6; may be repeated
    #[arg(long, value_name = "ADDR:PORT", action = clap::ArgAction::Append, allow_hyphen_values = true)]
    pub listen: Vec<String>,
    /// Let other machines in: `container` (with its token), or `imds` too [default, without it: none]
    #[arg(long, value_name = "WHAT", num_args = 0..=1, require_equals = true, default_missing_value = "container")]
    pub allow_remote: Option<String>,
    /// A host that requests may be for, beside this machine: a service's name, a translated address; may be repeated
    #[arg(long, value_name = "NAME[:PORT]", action = clap::ArgAction::Append, allow_hyphen_values = true)]
    pub allow_host: Vec<String>,
    /// Serve container credentials only, no instance metadata
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub no_imds: Option<String>,
    /// Serve instance metadata only, no container credentials
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub no_container: Option<String>,
    /// Refuse credentials while the log does not take the line of a vend
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub require_audit: Option<String>,
    /// The IP time to live of replies, 1 to 255 [default: 64; 1 where other machines are let in]
    #[arg(long, value_name = "HOPS", allow_hyphen_values = true)]
    pub hop_limit: Option<String>,
    /// Where the token of the container route is kept [default: in $RUNTIME_DIRECTORY or $XDG_RUNTIME_DIR]
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub token_file: Option<String>,
    /// Print what SDKs need in their environment, then serve
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub print_env: Option<String>,
    /// How it runs.
    #[command(flatten)]
    pub daemon: DaemonArgs,
    /// The session.
    #[command(flatten)]
    pub session: SessionArgs,
}

/// How a daemon runs.
#[derive(Args, Clone, Debug, Default)]
pub struct DaemonArgs {
    /// Exit if the first try fails, instead of retrying
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub fail_fast: Option<String>,
    /// `text` or `json`, to stderr [default: text]
    #[arg(long, value_name = "FORMAT", allow_hyphen_values = true)]
    pub log_format: Option<String>,
}
