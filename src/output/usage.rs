//! What can be wrong with what was typed: flags, environment variables and their combinations.

use std::fmt;

use crate::credentials_file::ProfileNameError;
use crate::options::table::{OptionSpec, Origin, Syntax, ValueType, identity, session, transport};
use roles_anywhere_client::arn::ArnError;
use roles_anywhere_client::http::EndpointError;
use roles_anywhere_client::http::proxy::ProxyError;
use roles_anywhere_client::text::disclosure::{DisplayValue, KeyMaterialKind, Sensitivity};

/// The command line or the environment asks for something that cannot be done.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UsageError {
    /// Something that is needed was not given.
    #[error("`{option}` is missing")]
    Missing {
        /// The option.
        option: &'static OptionSpec,
        /// The variable that would do as well.
        variable: &'static str,
    },
    /// Key material is given instead of the name of what holds it, or in another option altogether.
    #[error("`{origin}` holds {}{}", contents.noun(), instead_of(origin.option(), *contents))]
    Contents {
        /// The flag or variable.
        origin: Origin,
        /// What it holds.
        contents: KeyMaterialKind,
    },
    /// Key material is given behind `env:`, which takes a name.
    #[error("`{origin}` holds {} behind `env:`, not the name of a variable", contents.noun())]
    ContentsForName {
        /// The flag or variable.
        origin: Origin,
        /// What is behind `env:`.
        contents: KeyMaterialKind,
    },
    /// An ARN is of another kind than expected.
    #[error("`{origin}` is not usable: `{value}`")]
    Arn {
        /// The flag or variable.
        origin: Origin,
        /// What it says, which may be shown.
        value: String,
        /// What is wrong with it.
        source: ArnError,
    },
    /// An endpoint is not usable.
    #[error("`{origin}` is not usable")]
    Endpoint {
        /// The flag or variable.
        origin: Origin,
        /// What is wrong with it.
        source: EndpointError,
    },
    /// A proxy is not usable.
    #[error("`{origin}` is not usable")]
    Proxy {
        /// The flag or variable.
        origin: Origin,
        /// What is wrong with it.
        source: ProxyError,
    },
    /// A text is not the name of a profile.
    #[error("`{origin}` is not usable")]
    Profile {
        /// The flag or variable.
        origin: Origin,
        /// What is wrong with it.
        source: ProfileNameError,
    },
    /// A value is not one of those that are taken.
    #[error("`{origin}` {}, and {expected} is wanted", describe(value))]
    Value {
        /// The flag or variable.
        origin: Origin,
        /// What it says.
        value: DisplayValue,
        /// What it may say.
        expected: &'static str,
    },
    /// A value is not one of those that are taken, and nothing of it is shown.
    #[error("`{origin}` is not usable: expected {expected}")]
    InvalidHidden {
        /// The flag or variable.
        origin: Origin,
        /// What it may say.
        expected: &'static str,
    },
    /// A value that may be a key would become the name of a file or a directory.
    #[error(
        "`{origin}` has a value that is not shown, and there is no file or directory of that name"
    )]
    NoName {
        /// The flag or variable.
        origin: Origin,
    },
    /// A path that is to be created begins with what a shell would have replaced.
    #[error("the `{prefix}` that `{origin}` begins with was not expanded")]
    Unexpanded {
        /// The flag or variable.
        origin: Origin,
        /// `~` or `$`.
        prefix: char,
    },
    /// An option or a variable that is not a path is not UTF-8.
    #[error("`{0}` is not UTF-8")]
    NotUtf8(String),
    /// A flag took another flag for its value, as happens behind an empty shell variable.
    #[error("`{origin}` has {} for its value", flag(value))]
    FlagAsValue {
        /// The flag.
        origin: Origin,
        /// The flag behind it.
        value: DisplayValue,
    },
    /// The value of an option is behind a blank, and belongs behind `=`.
    #[error("the value of `{option}` is an argument of its own")]
    Detached {
        /// The flag.
        option: String,
        /// Its value if it may be shown, else what stands for one.
        value: &'static str,
    },
    /// A part of the command line is rejected, and must not be shown.
    #[error("{}", rejected(part, *contents))]
    Hidden {
        /// The part.
        part: CommandLinePart,
        /// What it holds, if it is recognized as key material.
        contents: Option<KeyMaterialKind>,
    },
    /// Two settings lie in different Regions.
    #[error("`{first}` is in the Region {first_region}, and `{second}` in {second_region}")]
    Regions {
        /// One option.
        first: &'static OptionSpec,
        /// Its Region.
        first_region: String,
        /// The other option.
        second: &'static OptionSpec,
        /// Its Region.
        second_region: String,
        /// Why that cannot be.
        why: &'static str,
    },
    /// Two settings lie in different partitions.
    #[error(
        "`{first}` is in the partition {first_partition}, and `{second}` in {second_partition}"
    )]
    Partitions {
        /// One option.
        first: &'static OptionSpec,
        /// Its partition.
        first_partition: &'static str,
        /// The other option.
        second: &'static OptionSpec,
        /// Its partition.
        second_partition: &'static str,
    },
    /// Two settings exclude each other.
    #[error("`{first}` and `{second}` exclude each other")]
    Conflict {
        /// One of them.
        first: NamedValue,
        /// The other.
        second: NamedValue,
        /// Why.
        why: &'static str,
    },
    /// A flag, a value or a command of the official helper that does not work here yet.
    #[error("`{what}` of the official helper does not work in roles-anywhere yet")]
    NotYet {
        /// As it was typed.
        what: NamedValue,
        /// What works instead.
        instead: &'static str,
    },
}

/// A setting as a message names it: its flag or variable, and its value if that matters and may be shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NamedValue {
    /// The flag or variable.
    pub origin: Origin,
    /// What it says.
    pub value: Option<Box<str>>,
}

impl NamedValue {
    /// Adds the value to a flag or variable.
    pub fn new(origin: Origin, value: impl Into<Box<str>>) -> Self {
        Self { origin, value: Some(value.into()) }
    }
}

impl From<Origin> for NamedValue {
    fn from(origin: Origin) -> Self {
        Self { origin, value: None }
    }
}

impl fmt::Display for NamedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = self.origin;
        match (&self.value, origin.option().syntax) {
            (None, _) => write!(f, "{origin}"),
            (Some(value), Syntax::OptionalValue { .. }) => write!(f, "{origin}={value}"),
            (Some(value), _) => write!(f, "{origin} {value}"),
        }
    }
}

impl UsageError {
    /// Returns the error for an option that was not given.
    pub fn missing(option: &'static OptionSpec) -> Self {
        let variable = option.variables().next().unwrap_or_default();
        Self::Missing { option, variable }
    }

    /// Returns what to do.
    pub fn hint(&self) -> String {
        match self {
            Self::Missing { option, variable } => format!("pass `{option}`, or set {variable}"),
            Self::Contents { origin, contents } => contents_hint(origin.option(), *contents),
            Self::ContentsForName { origin, .. } => {
                let option = origin.option();
                format!("`env:` takes the name of a variable, and not its value: export it as NAME, and pass `{option} env:NAME`")
            }
            Self::Arn { source, .. } => arn_hint(source).to_owned(),
            Self::Endpoint { .. } => {
                "write it as `https://HOST[:PORT]`; `http://` works for this machine alone"
                    .to_owned()
            }
            Self::Proxy { .. } => {
                "write it as `http://HOST:PORT`, or pass `--proxy none`; a user name and a password belong in HTTPS_PROXY, where no other user sees them".to_owned()
            }
            Self::Profile { .. } => {
                "take the name as it stands in brackets in the credentials file".to_owned()
            }
            Self::Value { origin, .. } | Self::InvalidHidden { origin, .. }
                if origin.option().sensitivity == Sensitivity::Password =>
            {
                PASSWORD_HINT.to_owned()
            }
            Self::Value { .. } | Self::InvalidHidden { .. } => "see `--help`".to_owned(),
            Self::NoName { .. } => "if it is the name of a new one, write it as `./NAME`".to_owned(),
            Self::Unexpanded { .. } => {
                "write the path in full, or as `./NAME` if the name begins so: a shell expands `~` at the start of a word only, and other programs do not at all".to_owned()
            }
            Self::NotUtf8(_) => "set it to text in UTF-8, or leave it out".to_owned(),
            Self::FlagAsValue { .. } => {
                "give it a value; a shell variable in this place may be empty".to_owned()
            }
            Self::Detached { option, value } => {
                format!("write `{option}={value}`, without a blank")
            }
            Self::Hidden { contents: Some(_), .. } => {
                "a key belongs in `--private-key` and a certificate in `--certificate`, by their path or as `env:NAME`".to_owned()
            }
            Self::Hidden { contents: None, .. } => {
                "see `--help`; a value with a blank in it has to be in quotes".to_owned()
            }
            Self::Regions { why, .. } => (*why).to_owned(),
            Self::Partitions { .. } => "take all of them from one partition".to_owned(),
            Self::Conflict { why, .. } => (*why).to_owned(),
            Self::NotYet { instead, .. } => (*instead).to_owned(),
        }
    }
}

/// A part of a command line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CommandLinePart {
    /// An argument that no option or command takes.
    Argument,
    /// The name of a command.
    Command,
    /// The value of the argument of that name.
    Value(String),
}

fn rejected(part: &CommandLinePart, contents: Option<KeyMaterialKind>) -> String {
    match (part, contents) {
        (CommandLinePart::Argument, Some(contents)) => {
            format!("unexpected argument: it holds {}", contents.noun())
        }
        (CommandLinePart::Argument, None) => "unexpected argument, which is not shown".to_owned(),
        (CommandLinePart::Command, Some(contents)) => {
            format!("the command line holds {} instead of a command", contents.noun())
        }
        (CommandLinePart::Command, None) => {
            "unrecognized subcommand, which is not shown".to_owned()
        }
        (CommandLinePart::Value(name), Some(contents)) => {
            format!("`{name}` holds {}", contents.noun())
        }
        (CommandLinePart::Value(name), None) => format!("`{name}` has a value that is not shown"),
    }
}

const PASSWORD_HINT: &str =
    "write the password to a file, and pass its path by `--key-password-file`";

fn describe(value: &DisplayValue) -> String {
    match value {
        DisplayValue::Value(value) => format!("is `{value}`"),
        DisplayValue::Hidden(Some(contents)) => format!("holds {}", contents.noun()),
        DisplayValue::Hidden(None) => "has a value that is not shown".to_owned(),
    }
}

fn flag(value: &DisplayValue) -> String {
    value.value().map_or_else(|| "a flag".to_owned(), |value| format!("the flag `{value}`"))
}

/// Returns `, not …` with what belongs in the option.
fn instead_of(option: &OptionSpec, contents: KeyMaterialKind) -> &'static str {
    let own = match contents {
        KeyMaterialKind::PrivateKey => option == &identity::PRIVATE_KEY,
        KeyMaterialKind::Certificate => option == &identity::CERTIFICATE,
        KeyMaterialKind::Encoded => false,
    };
    match (option.value_type, contents) {
        (ValueType::Source, _) if own => ", not the path of one",
        (ValueType::Source, KeyMaterialKind::Certificate) if option == &session::INTERMEDIATES => {
            ", not the path of a file of them"
        }
        (ValueType::Source | ValueType::File, _) => ", not the path of a file",
        (ValueType::Directory, _) => ", not the path of a directory",
        (ValueType::VariableName, _) => ", not the name of a variable",
        (ValueType::Descriptor, _) => ", not the number of a file descriptor",
        (ValueType::SecretId, _) => ", not the name or the ARN of a secret",
        (ValueType::Arn, _) => ", not an ARN",
        (ValueType::Url, _) => ", not a URL",
        (ValueType::Text | ValueType::Boolean | ValueType::Password | ValueType::SystemPath, _) => {
            ""
        }
    }
}

fn contents_hint(option: &OptionSpec, contents: KeyMaterialKind) -> String {
    let swapped = match contents {
        KeyMaterialKind::PrivateKey => option == &identity::CERTIFICATE,
        KeyMaterialKind::Certificate => option == &identity::PRIVATE_KEY,
        KeyMaterialKind::Encoded => false,
    };
    if swapped {
        return "were `--certificate` and `--private-key` swapped? each takes a path, or `env:NAME`"
            .to_owned();
    }
    match contents {
        contents if option.value_type == ValueType::Source => {
            let noun = match contents {
                KeyMaterialKind::PrivateKey => "the key",
                KeyMaterialKind::Certificate => "the certificate",
                KeyMaterialKind::Encoded => "it",
            };
            format!("pass `{option} env:NAME`, or write {noun} to a file")
        }
        KeyMaterialKind::Certificate if option == &transport::CA_BUNDLE => {
            "write the certificate to a file, and name that".to_owned()
        }
        _ if option.sensitivity == Sensitivity::Password => PASSWORD_HINT.to_owned(),
        KeyMaterialKind::PrivateKey => {
            "a key belongs in `--private-key`, by its path or as `env:NAME`".to_owned()
        }
        KeyMaterialKind::Certificate | KeyMaterialKind::Encoded => "certificates belong in `--certificate` and `--intermediates`, by their path or as `env:NAME`".to_owned(),
    }
}

fn arn_hint(error: &ArnError) -> &'static str {
    match error {
        ArnError::Kind { .. } => "the ARNs of trust anchor, profile and role are easily swapped",
        ArnError::Partition(_) | ArnError::RegionPartition { .. } => {
            "the second part of the ARN is its partition, such as `aws` or `aws-cn`"
        }
        _ => "copy the ARN as the AWS console or CLI shows it",
    }
}
