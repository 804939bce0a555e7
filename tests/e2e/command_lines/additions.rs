//! What came after the first 10,000 lines: commands and options.
//!
//! A row draws random numbers of its own, from the number of the line and the name of the row. So a
//! new row changes the lines that it is drawn for and no other, and rows may come in any order.

use super::kind::Kind::{
    CaBundle, Certificate, Duration, ErrorFormat, Format, NewFile, Port, Role, Text, Url,
};
use super::options::Opt;
use super::verb::Verb::{self, *};

/// A command that takes over lines of others.
pub(super) struct NewCommand {
    /// What its random numbers are drawn from.
    pub(super) name: &'static str,
    /// Of a hundred lines.
    pub(super) share: usize,
    pub(super) verb: Verb,
}

pub(super) const COMMANDS: &[NewCommand] = &[
    NewCommand { name: "version", share: 1, verb: Version },
    NewCommand { name: "export", share: 2, verb: Export },
    NewCommand { name: "exec", share: 2, verb: Exec },
    NewCommand { name: "render", share: 2, verb: Render },
    NewCommand { name: "resolve", share: 2, verb: Resolve },
    NewCommand { name: "mask", share: 2, verb: Mask },
    NewCommand { name: "secret list", share: 1, verb: SecretList },
    NewCommand { name: "secret describe", share: 1, verb: SecretDescribe },
    NewCommand { name: "parameter get", share: 1, verb: ParameterGet },
    NewCommand { name: "parameter list", share: 1, verb: ParameterList },
];

/// An option that is added to lines of some commands.
pub(super) struct NewOption {
    /// What its random numbers are drawn from.
    pub(super) name: &'static str,
    /// Of a hundred lines of its commands.
    pub(super) share: usize,
    /// Returns whether a command is one of them.
    pub(super) verbs: fn(Verb) -> bool,
    pub(super) added: Added,
}

pub(super) enum Added {
    /// In one of the spellings of an option that has a variable.
    Option(Opt),
    /// One of these words.
    Word(&'static [&'static str]),
}

/// Returns whether the command opens an identity.
fn has_identity(verb: Verb) -> bool {
    verb.is_session() || verb.is_local()
}

/// Returns whether the command hands out the access key of a secret. Two of them have no time for that.
fn has_from_secret(verb: Verb) -> bool {
    matches!(verb, CredentialProcess | Exec | Export | Update)
}

pub(super) const OPTIONS: &[NewOption] = &[
    NewOption {
        name: "error-format",
        share: 8,
        verbs: |verb| verb != Serve,
        added: Added::Option(("error-format", ErrorFormat)),
    },
    NewOption {
        name: "error-format, which serve does not have",
        share: 1,
        verbs: |verb| verb == Serve,
        added: Added::Option(("error-format", ErrorFormat)),
    },
    NewOption {
        name: "output of cache show",
        share: 40,
        verbs: |verb| verb == Cache,
        added: Added::Option(("output", Format)),
    },
    NewOption {
        name: "output of version",
        share: 60,
        verbs: |verb| verb == Version,
        added: Added::Option(("output", Format)),
    },
    NewOption {
        name: "a second name of secret get",
        share: 3,
        verbs: |verb| verb == SecretGet,
        added: Added::Word(&["team/b", "prod/db", ""]),
    },
    NewOption {
        name: "output as variables of secret get",
        share: 3,
        verbs: |verb| verb == SecretGet,
        added: Added::Word(&["--output=dotenv"]),
    },
    NewOption {
        name: "parameters-endpoint of render",
        share: 8,
        verbs: |verb| verb == Render,
        added: Added::Option(("parameters-endpoint", Url)),
    },
    NewOption {
        name: "watch of render",
        share: 8,
        verbs: |verb| verb == Render,
        added: Added::Word(&[
            "--watch",
            "--watch",
            "--watch=false",
            "--on-change=true",
            "--on-change=signal:HUP",
            "--quiet-period=forever",
            "--splay=1m",
            "--secrets-ttl=0",
            "--secrets-max-stale=",
        ]),
    },
    NewOption {
        name: "on-rotate of exec",
        share: 8,
        verbs: |verb| verb == Exec,
        added: Added::Word(&[
            "--on-rotate=restart",
            "--on-rotate=restart",
            "--on-rotate=signal:HUP",
            "--on-rotate=reload",
            "--grace=1m",
            "--grace=forever",
            "--quiet-period=2s",
            "--splay=",
            "--secrets-ttl=0",
            "--secrets-max-stale=1h",
        ]),
    },
    NewOption {
        name: "secrets-url of exec and render",
        share: 6,
        verbs: |verb| matches!(verb, Exec | Render),
        added: Added::Word(&[
            "--secrets-url=http://127.0.0.1:1",
            "--secrets-url=http://127.0.0.1:1",
            "--secrets-url=https://a.example",
            "--secrets-token-file=absent",
            "--secrets-url=",
        ]),
    },
    NewOption {
        name: "mask of exec",
        share: 3,
        verbs: |verb| verb == Exec,
        added: Added::Word(&["--mask", "--mask", "--mask-short"]),
    },
    NewOption {
        name: "secrets",
        share: 12,
        verbs: |verb| verb == Serve,
        added: Added::Word(&["--secrets", "--secrets", "--secrets=false", "--secrets=maybe"]),
    },
    NewOption {
        name: "secrets-port",
        share: 6,
        verbs: |verb| verb == Serve,
        added: Added::Option(("secrets-port", Port)),
    },
    NewOption {
        name: "secrets-token-file",
        share: 4,
        verbs: |verb| verb == Serve,
        added: Added::Option(("secrets-token-file", NewFile)),
    },
    NewOption {
        name: "v",
        share: 2,
        verbs: has_identity,
        added: Added::Word(&["-v", "-v", "-v", "-vv", "-v=true", "-v=false", "-vh", "-V"]),
    },
    NewOption {
        name: "cert",
        share: 1,
        verbs: has_identity,
        added: Added::Option(("cert", Certificate)),
    },
    NewOption {
        name: "cacert",
        share: 1,
        verbs: Verb::is_session,
        added: Added::Option(("cacert", CaBundle)),
    },
    NewOption {
        name: "duration",
        share: 1,
        verbs: Verb::is_session,
        added: Added::Option(("duration", Duration)),
    },
    NewOption {
        name: "assume-role-arn",
        share: 3,
        verbs: Verb::is_session,
        added: Added::Option(("assume-role-arn", Role)),
    },
    NewOption {
        name: "external-id",
        share: 1,
        verbs: Verb::is_session,
        added: Added::Option(("external-id", Text)),
    },
    NewOption {
        name: "from-secret",
        share: 2,
        verbs: has_from_secret,
        added: Added::Word(&[
            "--from-secret=prod/db",
            "--from-secret=arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-AbCdEf",
            "--from-secret=arn:aws:iam::123456789012:role/a",
            "--from-secret=",
        ]),
    },
    NewOption {
        name: "refresh-after",
        share: 1,
        verbs: has_from_secret,
        added: Added::Word(&["--refresh-after=2h", "--refresh-after=0", "--refresh-after=forever"]),
    },
];
