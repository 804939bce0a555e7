//! The commands: their names, help and options.

use std::ffi::OsString;

use clap::{ArgMatches, Command};

use crate::options::arguments::{OptionGroups, describe};
use crate::options::table::{
    cache, completion, daemon, diagnostic, identity, secret, serve, session, transport, update,
};

/// The command line.
#[derive(Debug)]
pub struct CommandLine {
    /// What to do.
    pub command: CommandName,
    /// The options that were typed.
    pub options: ArgMatches,
}

/// The commands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CommandName {
    /// `credential-process`
    CredentialProcess,
    /// `update`
    Update,
    /// `serve`
    Serve,
    /// `secret get`
    SecretGet,
    /// `sign-string`
    SignString,
    /// `read-certificate-data`
    ReadCertificateData,
    /// `cache show`
    CacheShow,
    /// `cache clear`
    CacheClear,
    /// `version`
    Version,
    /// `completion`
    Completion,
}

impl CommandLine {
    /// Parses the words of a command line, of which the first is the program.
    pub fn try_parse_from(
        words: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    ) -> Result<Self, clap::Error> {
        let mut root = Self::command();
        let mut matches = root.try_get_matches_from_mut(words)?;
        let mut path = Vec::new();
        while let Some((name, inner)) = matches.remove_subcommand() {
            path.push(name);
            matches = inner;
        }
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let command = match path[..] {
            ["credential-process"] => CommandName::CredentialProcess,
            ["update"] => CommandName::Update,
            ["serve"] => CommandName::Serve,
            ["secret", "get"] => CommandName::SecretGet,
            ["sign-string"] => CommandName::SignString,
            ["read-certificate-data"] => CommandName::ReadCertificateData,
            ["cache", "show"] => CommandName::CacheShow,
            ["cache", "clear"] => CommandName::CacheClear,
            ["version"] => CommandName::Version,
            ["completion"] => CommandName::Completion,
            // Clap refuses any other.
            _ => return Err(root.error(clap::error::ErrorKind::InvalidSubcommand, "no command")),
        };
        Ok(Self { command, options: matches })
    }

    /// Returns the description of all commands. Options are added by [`Command::defer`] to the command
    /// that is used: describing all would take a fifth of the instructions of a cache hit.
    pub fn command() -> Command {
        parent("roles-anywhere", ABOUT)
            .version(env!("CARGO_PKG_VERSION"))
            .after_help(EXIT_CODES)
            .args_override_self(true)
            .subcommand(
                Command::new("credential-process")
                    .about("Print temporary credentials for AWS SDKs and the AWS CLI, and exit")
                    .after_help(CREDENTIAL_PROCESS_HELP)
                    .defer(|command| describe(command, CREDENTIAL_PROCESS)),
            )
            .subcommands(daemons())
            .subcommand(
                parent("secret", "Read secrets of AWS Secrets Manager").subcommand(
                    Command::new("get")
                        .about("Print a secret, or one member of it")
                        .after_help(SECRET_GET_HELP)
                        .defer(|command| describe(command, SECRET_GET)),
                ),
            )
            .subcommands(diagnostics())
            .subcommand(cache_commands())
            .subcommand(Command::new("version").about("Print the version"))
            .subcommand(
                Command::new("completion")
                    .about("Print a completion script")
                    .after_help(COMPLETION_HELP)
                    .defer(|command| describe(command, &[&completion::COMPLETION])),
            )
    }
}

fn parent(name: &'static str, about: &'static str) -> Command {
    Command::new(name).about(about).subcommand_required(true).arg_required_else_help(true)
}

fn daemons() -> [Command; 2] {
    [
        Command::new("update")
            .about("Keep a profile of the shared credentials file fresh")
            .after_help(UPDATE_HELP)
            .defer(|command| describe(command, UPDATE)),
        Command::new("serve")
            .about("Serve credentials to the SDKs of this machine, as EC2 and ECS do")
            .after_help(SERVE_HELP)
            .defer(|command| describe(command, SERVE)),
    ]
}

fn diagnostics() -> [Command; 2] {
    [
        Command::new("sign-string")
            .about("Sign a fixed string with the private key, to try it out")
            .after_help(SIGN_STRING_HELP)
            .defer(|command| describe(command, SIGN_STRING)),
        Command::new("read-certificate-data")
            .about("Show a certificate, and what AWS will make of it")
            .after_help(READ_CERTIFICATE_HELP)
            .defer(|command| describe(command, READ_CERTIFICATE_DATA)),
    ]
}

fn cache_commands() -> Command {
    parent("cache", "Look at the cached credentials of this user, or forget them")
        .subcommand(
            Command::new("show")
                .about("List the cached sessions: role, name, access key id, time left; no secret")
                .defer(|command| describe(command, CACHE)),
        )
        .subcommand(
            Command::new("clear")
                .about("Remove the cached sessions")
                .defer(|command| describe(command, CACHE)),
        )
}

const CREDENTIAL_PROCESS: &OptionGroups =
    &[&identity::IDENTITY, &session::SESSION, &transport::TRANSPORT, &cache::CACHE];

const UPDATE: &OptionGroups = &[
    &update::UPDATE,
    &daemon::DAEMON,
    &identity::IDENTITY,
    &session::SESSION,
    &transport::TRANSPORT,
];

const SERVE: &OptionGroups = &[
    &serve::SERVE,
    &daemon::DAEMON,
    &identity::IDENTITY,
    &session::SESSION,
    &transport::TRANSPORT,
];

const SECRET_GET: &OptionGroups = &[
    &secret::SECRET_GET,
    &identity::IDENTITY,
    &session::SESSION,
    &transport::TRANSPORT,
    &cache::CACHE,
];

const SIGN_STRING: &OptionGroups = &[&diagnostic::SIGN_STRING, &identity::IDENTITY];

const READ_CERTIFICATE_DATA: &OptionGroups =
    &[&diagnostic::READ_CERTIFICATE_DATA, &identity::IDENTITY];

const CACHE: &OptionGroups = &[&cache::CACHE_LOCATION];

const ABOUT: &str =
    "Trades an X.509 certificate for temporary AWS credentials, and reads secrets with them.";

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

const UPDATE_HELP: &str = "\
Example:
  roles-anywhere update --profile plant --certificate /etc/pki/host.pem --private-key /etc/pki/host.key --trust-anchor-arn arn:… --profile-arn arn:… --role-arn arn:…";

const SERVE_HELP: &str = "\
Examples:
  roles-anywhere serve --print-env --certificate /etc/pki/host.pem --private-key /etc/pki/host.key --trust-anchor-arn arn:… --profile-arn arn:… --role-arn arn:…
  AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:9911 aws sts get-caller-identity";
