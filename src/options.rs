//! What was typed: clap's types, nothing derived.
//!
//! Every option is a text here, since the official helper takes an empty one for not given, and a
//! repeated one for its last; [`resolve`] judges.

mod cache;
pub mod clap_error;
mod daemon;
mod lazy_args;
pub mod resolve;

pub use cache::{CacheArgs, CacheCommandArgs, CacheDirArgs};
use clap::{Args, Parser, Subcommand};
pub use clap_complete::Shell;
pub use daemon::{DaemonArgs, ServeArgs, UpdateArgs};
pub use lazy_args::LazyArgs;

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "roles-anywhere",
    version,
    about = "Trades an X.509 certificate for temporary AWS credentials, and reads secrets with them.",
    after_help = EXIT_CODES,
    args_override_self = true,
    disable_help_subcommand = false
)]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub command: CommandArgs,
}

const EXIT_CODES: &str = "\
Exit codes:
   0  success
   2  usage: a flag, an environment variable or their combination
   3  identity: the certificate or the key is missing, wrong, locked or out of date
   4  refused by AWS: CreateSession or the secret
   5  unreachable: network, TLS, proxy, deadline, throttled or failing after three tries, an answer
      that makes no sense
   6  local input or output: files, standard output
  70  internal: a defect of this program

Each option of identity, session and way can also be given as an environment variable, e.g.
ROLES_ANYWHERE_ROLE_ARN.";

const CREDENTIAL_PROCESS_HELP: &str = "\
Example, in ~/.aws/config:
  [profile plant]
  credential_process = roles-anywhere credential-process --certificate /etc/pki/host.pem --private-key /etc/pki/host.key --trust-anchor-arn arn:… --profile-arn arn:… --role-arn arn:…";

const SECRET_GET_HELP: &str = "\
Examples:
  roles-anywhere secret get prod/db-credentials --key password
  roles-anywhere secret get prod/keystore --out keystore.jks";

const SIGN_STRING_HELP: &str = "\
Example:
  roles-anywhere sign-string --private-key host.key --format bin > signature";

const READ_CERTIFICATE_HELP: &str = "\
Example:
  roles-anywhere read-certificate-data --certificate host.pem --output text";

const COMPLETION_HELP: &str = "\
Example:
  roles-anywhere completion bash > /etc/bash_completion.d/roles-anywhere";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum CommandArgs {
    /// Print temporary credentials for AWS SDKs and the AWS CLI, and exit
    #[command(args_override_self = true, after_help = CREDENTIAL_PROCESS_HELP)]
    CredentialProcess(LazyArgs<CredentialProcessArgs>),
    /// Keep a profile of the shared credentials file fresh
    #[command(args_override_self = true, after_help = daemon::UPDATE_HELP)]
    Update(LazyArgs<UpdateArgs>),
    /// Serve credentials to the SDKs of this machine, as EC2 and ECS do
    #[command(args_override_self = true, after_help = daemon::SERVE_HELP)]
    Serve(LazyArgs<ServeArgs>),
    /// Read secrets of AWS Secrets Manager
    #[command(subcommand)]
    Secret(SecretArgs),
    /// Sign a fixed string with the private key, to try it out
    #[command(args_override_self = true, after_help = SIGN_STRING_HELP)]
    SignString(LazyArgs<SignStringArgs>),
    /// Show a certificate, and what AWS will make of it
    #[command(args_override_self = true, after_help = READ_CERTIFICATE_HELP)]
    ReadCertificateData(LazyArgs<ReadCertificateDataArgs>),
    /// Look at the cached credentials of this user, or forget them
    #[command(subcommand)]
    Cache(CacheCommandArgs),
    /// Print the version
    Version,
    /// Print a completion script
    #[command(after_help = COMPLETION_HELP)]
    Completion(CompletionArgs),
}

/// The commands about secrets.
#[derive(Debug, Subcommand)]
pub enum SecretArgs {
    /// Print a secret, or one member of it
    #[command(args_override_self = true, after_help = SECRET_GET_HELP)]
    Get(LazyArgs<SecretGetArgs>),
}

/// What it takes to print credentials.
#[derive(Args, Clone, Debug, Default)]
pub struct CredentialProcessArgs {
    /// The session.
    #[command(flatten)]
    pub session: SessionArgs,
    /// The cache.
    #[command(flatten)]
    pub cache: CacheArgs,
}

/// What it takes to sign a fixed string.
#[derive(Args, Clone, Debug, Default)]
pub struct SignStringArgs {
    /// `json`: hex in quotes; `text`: hex; `bin`: raw bytes [default: json]
    #[arg(long, value_name = "FORMAT", allow_hyphen_values = true)]
    pub format: Option<String>,
    /// SHA256, SHA384 or SHA512; ML-DSA takes none [default: SHA256]
    #[arg(long, value_name = "DIGEST", allow_hyphen_values = true)]
    pub digest: Option<String>,
    /// The identity, of which the key is enough.
    #[command(flatten)]
    pub identity: IdentityArgs,
}

/// What it takes to show a certificate.
#[derive(Args, Clone, Debug, Default)]
pub struct ReadCertificateDataArgs {
    /// The view [default: the official helper's JSON]
    #[arg(long, value_name = "text|full", allow_hyphen_values = true)]
    pub output: Option<String>,
    /// The certificate, and the password where it is a PKCS#12.
    #[command(flatten)]
    pub identity: IdentityArgs,
}

/// What it takes to print a completion script.
#[derive(Args, Clone, Debug)]
pub struct CompletionArgs {
    /// The shell
    pub shell: Shell,
}

/// What it takes to open an identity.
#[derive(Args, Clone, Debug, Default)]
pub struct IdentityArgs {
    /// The certificate, alone or with its chain and key: PEM, DER or PKCS#12 (a path, `-`, `fd:N`, `env:NAME`)
    #[arg(long, value_name = "SOURCE", allow_hyphen_values = true)]
    pub certificate: Option<String>,
    /// Its private key: RSA, P-256, P-384, P-521 or ML-DSA [default: in the certificate's file]
    #[arg(long, value_name = "SOURCE", allow_hyphen_values = true)]
    pub private_key: Option<String>,
    /// The password of an encrypted key or PKCS#12, in a file
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub key_password_file: Option<String>,
    /// The same, in an environment variable of that name
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub key_password_env: Option<String>,
    /// The same, on an open file descriptor
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub key_password_fd: Option<String>,
    /// The same, itself: every user of this machine can see it
    #[arg(long, value_name = "PASSWORD", allow_hyphen_values = true)]
    pub pkcs8_password: Option<String>,
    /// Refuse a key file that others than its owner can read
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub strict_permissions: Option<String>,
    /// Flags of the official helper that do not work yet.
    #[command(flatten)]
    pub not_yet: NotYetArgs,
}

/// What it takes to make a session.
#[derive(Args, Clone, Debug, Default)]
pub struct SessionArgs {
    /// The identity.
    #[command(flatten)]
    pub identity: IdentityArgs,
    /// CA certificates between the certificate and the trust anchor: PEM, DER or PKCS#7, in any order
    #[arg(long, value_name = "SOURCE", allow_hyphen_values = true)]
    pub intermediates: Option<String>,
    /// The trust anchor
    #[arg(long, value_name = "ARN", allow_hyphen_values = true)]
    pub trust_anchor_arn: Option<String>,
    /// The profile
    #[arg(long, value_name = "ARN", allow_hyphen_values = true)]
    pub profile_arn: Option<String>,
    /// The role to assume
    #[arg(long, value_name = "ARN", allow_hyphen_values = true)]
    pub role_arn: Option<String>,
    /// The name of the session, where the profile accepts one [default: the serial number]
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub role_session_name: Option<String>,
    /// How long the session lives: seconds, 900 to 43200, or `profile` [default: 3600]
    #[arg(long, value_name = "SECONDS", allow_hyphen_values = true)]
    pub session_duration: Option<String>,
    /// The Region [default: the trust anchor's; for a secret, that of its ARN first]
    #[arg(long, value_name = "REGION", allow_hyphen_values = true)]
    pub region: Option<String>,
    /// Where IAM Roles Anywhere is [default: by Region; also AWS_ENDPOINT_URL_ROLESANYWHERE]
    #[arg(long, value_name = "URL", allow_hyphen_values = true)]
    pub endpoint: Option<String>,
    /// Believe any TLS certificate: for tests alone
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub no_verify_ssl: Option<String>,
    /// Use the proxy of the environment; that is so without this flag too
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub with_proxy: Option<String>,
    /// Show on stderr what is signed, sent and answered; never a secret
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub debug: Option<String>,
    /// CA certificates to believe instead of the system's, PEM [also AWS_CA_BUNDLE, SSL_CERT_FILE]
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub ca_bundle: Option<String>,
    /// An HTTP or SOCKS5 proxy, or `none` [default: HTTPS_PROXY, NO_PROXY]
    #[arg(long, value_name = "URL", allow_hyphen_values = true)]
    pub proxy: Option<String>,
    /// How long the whole may take, in seconds, 1 to 600 [default: 20]
    #[arg(long, value_name = "SECONDS", allow_hyphen_values = true)]
    pub timeout: Option<String>,
    /// Use FIPS endpoints [also AWS_USE_FIPS_ENDPOINT]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub fips: Option<String>,
    /// Use endpoints of IPv4 and IPv6 [also AWS_USE_DUALSTACK_ENDPOINT]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub dual_stack: Option<String>,
}

/// Flags of the official helper that do not work yet, to be refused by name.
#[derive(Args, Clone, Debug, Default)]
pub struct NotYetArgs {
    /// Not yet.
    #[arg(long, hide = true, allow_hyphen_values = true)]
    pub cert_selector: Option<String>,
    /// Not yet.
    #[arg(long, hide = true, allow_hyphen_values = true)]
    pub system_store_name: Option<String>,
    /// Not yet.
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub use_latest_expiring_certificate: Option<String>,
    /// Not yet.
    #[arg(long, hide = true, allow_hyphen_values = true)]
    pub pkcs11_lib: Option<String>,
    /// Not yet.
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub reuse_pin: Option<String>,
    /// Not yet.
    #[arg(long, hide = true, allow_hyphen_values = true)]
    pub tpm_key_password: Option<String>,
    /// Not yet.
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub no_tpm_key_password: Option<String>,
}

/// What it takes to read a secret.
#[derive(Args, Clone, Debug, Default)]
pub struct SecretGetArgs {
    /// The secret's name, or its ARN
    #[arg(value_name = "NAME|ARN")]
    pub secret: String,
    /// A version by its id
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    pub version_id: Option<String>,
    /// A version by its staging label [default: AWSCURRENT]
    #[arg(long, value_name = "LABEL", allow_hyphen_values = true)]
    pub version_stage: Option<String>,
    /// One member of a secret that is a JSON object
    #[arg(long, value_name = "JSON-KEY", allow_hyphen_values = true)]
    pub key: Option<String>,
    /// `text`: the value alone; `json`: all that the AWS CLI shows [default: text]
    #[arg(long, value_name = "FORMAT", allow_hyphen_values = true)]
    pub output: Option<String>,
    /// Write to a file of mode 0600, whole or not at all, instead of standard output
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub out: Option<String>,
    /// Where Secrets Manager is [default: by Region; also AWS_ENDPOINT_URL_SECRETS_MANAGER]
    #[arg(long, value_name = "URL", allow_hyphen_values = true)]
    pub secrets_endpoint: Option<String>,
    /// The session.
    #[command(flatten)]
    pub session: SessionArgs,
    /// The cache.
    #[command(flatten)]
    pub cache: CacheArgs,
}
