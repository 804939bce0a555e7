//! What a row says of its option.

/// How an option is written on the command line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Syntax {
    /// `--name VALUE` or `--name=VALUE`; the last one counts.
    Value,
    /// `--name` or `--name=VALUE`; the last one counts.
    OptionalValue {
        /// The value that `--name` stands for.
        missing: &'static str,
    },
    /// `--name VALUE` or `--name=VALUE`; a second one is refused.
    Once,
    /// `--name VALUE`, as often as needed.
    Repeated,
    /// An argument without a flag, which is required unless it can be given several times.
    Positional {
        /// Its name in completion scripts.
        id: &'static str,
        /// Whether it can be given several times.
        is_repeated: bool,
    },
    /// All arguments from the first one on that is no option, which may be none.
    Trailing {
        /// Its name in completion scripts.
        id: &'static str,
    },
    /// Not at all: only variables.
    None,
}

/// A value that an option takes, and its line of `--help`.
pub type Choice = (&'static str, &'static str);

/// The heading of an option in its help, in the order of the help.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Heading {
    /// The options of a command that has no heading of its own.
    Options,
    /// What `update` writes.
    Profile,
    /// What `serve` serves, and where.
    Server,
    /// How another program is run.
    Program,
    /// The variables and files of another program.
    Variables,
    /// When and how to act on changed secrets.
    Changes,
    /// Which secret is read.
    Secret,
    /// How a secret is rotated.
    Rotation,
    /// The password that a rotation makes.
    Password,
    /// Which parameters are read.
    Parameter,
    /// The configuration file and its roles.
    Configuration,
    /// The certificate, the key, its password.
    Identity,
    /// What the session is for.
    Session,
    /// Endpoints, TLS, proxies, timeouts.
    Network,
    /// The session cache.
    Cache,
    /// How a daemon runs.
    Daemon,
    /// What is printed.
    Output,
}

impl Heading {
    /// Returns whether its options are of an identity or a role.
    pub fn is_of_role(self) -> bool {
        matches!(self, Self::Identity | Self::Session | Self::Network)
    }

    /// Returns the heading without its colon.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Options => "Options",
            Self::Changes => "Changes",
            Self::Secret => "Secret",
            Self::Rotation => "Rotation",
            Self::Password => "Password",
            Self::Parameter => "Parameter",
            Self::Profile => "Profile",
            Self::Server => "Server",
            Self::Program => "Program",
            Self::Variables => "Variables",
            Self::Configuration => "Configuration",
            Self::Identity => "Identity",
            Self::Session => "Session",
            Self::Network => "Network",
            Self::Cache => "Cache",
            Self::Daemon => "Daemon",
            Self::Output => "Output",
        }
    }
}

/// What an option takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ValueType {
    /// A text of its own kind.
    Text,
    /// The name of a variable, `=`, and any text, which is never shown.
    Assignment,
    /// `true` or `false`, as Go reads them.
    Boolean,
    /// A certificate or a key: the path of a file, `-`, `fd:N` or `env:NAME`.
    Source,
    /// The path of a file.
    File,
    /// The path of a directory.
    Directory,
    /// A path that the system or another program sets.
    SystemPath,
    /// The name of an environment variable.
    VariableName,
    /// The number of a file descriptor.
    Descriptor,
    /// A password itself.
    Password,
    /// An ARN.
    Arn,
    /// The name or the ARN of a secret.
    SecretId,
    /// The name or the ARN of a parameter.
    ParameterId,
    /// A URL.
    Url,
}

impl ValueType {
    /// Returns whether it is a path, which may be any bytes.
    pub fn is_path(self) -> bool {
        matches!(self, Self::Source | Self::File | Self::Directory | Self::SystemPath)
    }
}

/// What an option is if it is not given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DefaultValue {
    /// Not set.
    None,
    /// As if this value was given.
    Value(&'static str),
    /// Something that is found out, in the words of `--help`.
    Described(&'static str),
}

/// What an empty value means on the command line. An empty variable is not set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EmptyValue {
    /// As if the option was not given, as for the official helper.
    NotGiven,
    /// It is refused, as this is what the option takes.
    Refused(&'static str),
}

/// The description of an option.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Help {
    /// In the help, in manual pages and in completion scripts.
    Shown {
        /// Its line of `-h`.
        summary: &'static str,
        /// What `--help` says instead; empty if that is the summary.
        details: &'static str,
    },
    /// Nowhere, as the option does not work yet.
    Hidden,
    /// Nowhere, as there is no flag.
    None,
}
