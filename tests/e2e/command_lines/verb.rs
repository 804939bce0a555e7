//! The commands: how often lines have them, and the options that they take.

use super::kind::Kind;
use super::options::{
    CACHE, CACHE_DIRECTORY, EXEC, EXPORT, IDENTITY, MASK, Opt, PARAMETER_GET, PARAMETER_LIST,
    READ_CERTIFICATE_DATA, RENDER, RESOLVE, SECRET_DESCRIBE, SECRET_GET, SECRET_LIST, SERVE,
    SESSION, SIGN_STRING, UPDATE,
};
use super::random::Random;

/// Which command a line is of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verb {
    CredentialProcess,
    Exec,
    Export,
    Update,
    Serve,
    SecretGet,
    SecretList,
    SecretDescribe,
    ParameterGet,
    ParameterList,
    Render,
    Resolve,
    Mask,
    SignString,
    ReadCertificateData,
    Cache,
    Completion,
    Version,
    Help,
    Mistyped,
}

/// One of these for each in a hundred lines.
pub(super) const SHARES: [(usize, Verb); 11] = [
    (24, Verb::CredentialProcess),
    (14, Verb::Update),
    (15, Verb::Serve),
    (13, Verb::SecretGet),
    (11, Verb::SignString),
    (9, Verb::ReadCertificateData),
    (4, Verb::Cache),
    (1, Verb::Completion),
    (1, Verb::Version),
    (3, Verb::Help),
    (5, Verb::Mistyped),
];

/// What asks for a page of the help.
const HELP: &[&[&str]] = &[
    &["help"],
    &["help", "update"],
    &["help", "secret", "get"],
    &["help", "nothing"],
    &["secret", "help", "get"],
    &["cache", "help"],
    &["cache"],
    &["secret"],
    &["--help"],
    &["-h"],
    &["--version"],
    &["-V"],
    &["serve", "-h"],
    &["update", "--help"],
    &["credential-process", "--help"],
    &["sign-string", "--help"],
    &["read-certificate-data", "-h"],
    &["cache", "show", "--help"],
    &["cache", "clear", "-h"],
    &["completion", "--help"],
    &["version", "--help"],
    &["help", "help"],
];

/// What is no command.
const MISTYPED: &[&[&str]] = &[
    &[],
    &["credentials"],
    &["credential_process"],
    &["credential-proces"],
    &["Update"],
    &["server"],
    &["secret", "put"],
    &["secrets", "get"],
    &["get"],
    &["cache", "list"],
    &["sign"],
    &["read-certificate"],
    &["--debug"],
    &["--certificate", "missing.pem"],
    &["-"],
    &["--"],
    &["", "serve"],
    &["version", "now"],
    &["completion"],
    &["completion", "bash", "zsh"],
];

impl Verb {
    pub(super) fn words(self, random: &mut Random) -> &'static [&'static str] {
        match self {
            Self::CredentialProcess => &["credential-process"],
            Self::Exec => &["exec"],
            Self::Export => &["export"],
            Self::Update => &["update"],
            Self::Serve => &["serve"],
            Self::SecretGet => &["secret", "get"],
            Self::SecretList => &["secret", "list"],
            Self::SecretDescribe => &["secret", "describe", "prod/db"],
            Self::ParameterGet => &["parameter", "get", "/prod/url"],
            Self::ParameterList => &["parameter", "list", "--path", "/prod/"],
            Self::Render => &["render", "missing.tmpl"],
            Self::Resolve => &["resolve"],
            Self::Mask => &["mask"],
            Self::SignString => &["sign-string"],
            Self::ReadCertificateData => &["read-certificate-data"],
            Self::Cache if random.percent(50) => &["cache", "show"],
            Self::Cache => &["cache", "clear"],
            Self::Completion => &["completion"],
            Self::Version => &["version"],
            Self::Help => random.pick::<&[&str]>(HELP),
            Self::Mistyped => random.pick::<&[&str]>(MISTYPED),
        }
    }

    pub(super) fn options(self) -> Vec<Opt> {
        match self {
            Self::CredentialProcess => [SESSION, IDENTITY, SESSION, CACHE, CACHE].concat(),
            Self::Exec => [EXEC, IDENTITY, SESSION, SESSION, CACHE].concat(),
            Self::Export => [EXPORT, EXPORT, IDENTITY, SESSION, SESSION, CACHE].concat(),
            Self::Update => [UPDATE, UPDATE, IDENTITY, SESSION, SESSION].concat(),
            Self::Serve => [SERVE, SERVE, IDENTITY, SESSION, SESSION].concat(),
            Self::SecretGet => [SECRET_GET, SECRET_GET, IDENTITY, SESSION, SESSION, CACHE].concat(),
            Self::SecretList => {
                [SECRET_LIST, SECRET_LIST, IDENTITY, SESSION, SESSION, CACHE].concat()
            }
            Self::SecretDescribe => {
                [SECRET_DESCRIBE, SECRET_DESCRIBE, IDENTITY, SESSION, SESSION, CACHE].concat()
            }
            Self::ParameterGet => {
                [PARAMETER_GET, PARAMETER_GET, IDENTITY, SESSION, SESSION, CACHE].concat()
            }
            Self::ParameterList => {
                [PARAMETER_LIST, PARAMETER_LIST, IDENTITY, SESSION, SESSION, CACHE].concat()
            }
            Self::Render => [RENDER, RENDER, IDENTITY, SESSION, SESSION, CACHE].concat(),
            Self::Mask => [MASK, IDENTITY, SESSION, SESSION, CACHE].concat(),
            Self::Resolve => [RESOLVE, RESOLVE, IDENTITY, SESSION, SESSION, CACHE].concat(),
            Self::SignString => [SIGN_STRING, SIGN_STRING, IDENTITY].concat(),
            Self::ReadCertificateData => {
                [READ_CERTIFICATE_DATA, READ_CERTIFICATE_DATA, IDENTITY].concat()
            }
            Self::Cache => CACHE_DIRECTORY.to_vec(),
            Self::Completion | Self::Version | Self::Help | Self::Mistyped => {
                [IDENTITY, SESSION].concat()
            }
        }
    }

    /// Returns the options without which the command, in the environment of most lines, does nothing.
    pub(super) fn required(self) -> Vec<Opt> {
        const OF_A_SESSION: &[Opt] = &[
            ("certificate", Kind::Certificate),
            ("trust-anchor-arn", Kind::TrustAnchor),
            ("profile-arn", Kind::Profile),
            ("role-arn", Kind::Role),
        ];
        match self {
            Self::Update => [OF_A_SESSION, &[("credentials-file", Kind::NewFile)]].concat(),
            Self::Serve => [OF_A_SESSION, &[("token-file", Kind::NewFile)]].concat(),
            Self::SignString => vec![("private-key", Kind::PrivateKey)],
            Self::ReadCertificateData => vec![("certificate", Kind::Certificate)],
            other if other.is_session() => OF_A_SESSION.to_vec(),
            _ => Vec::new(),
        }
    }

    /// Returns whether the command makes a session.
    pub(super) fn is_session(self) -> bool {
        matches!(
            self,
            Self::CredentialProcess
                | Self::Exec
                | Self::Export
                | Self::Update
                | Self::Serve
                | Self::SecretGet
                | Self::SecretList
                | Self::SecretDescribe
                | Self::ParameterGet
                | Self::ParameterList
                | Self::Render
                | Self::Resolve
                | Self::Mask
        )
    }

    /// Returns whether the command opens an identity and then ends.
    pub(super) fn is_local(self) -> bool {
        matches!(self, Self::SignString | Self::ReadCertificateData)
    }
}
