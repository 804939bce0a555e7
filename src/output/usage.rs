//! What can be wrong with what was typed: flags, environment variables and their combinations.

mod argument;
mod file_location;
mod hints;
mod reference_role;
mod role;
pub(in crate::output) mod wrong_reference;

use std::fmt;
use std::sync::Arc;

pub use argument::{ArgumentError, CommandLinePart, Meant};
pub use reference_role::{ReferenceRoleError, UnusableRole};
pub use role::RoleError;
pub use wrong_reference::WrongReference;

use crate::credentials_file::ProfileNameError;
use crate::options::table::{KeyLocation, OptionSpec, Origin, Syntax, ValueType};
use roles_anywhere_client::arn::ArnError;
use roles_anywhere_client::http::EndpointError;
use roles_anywhere_client::http::proxy::ProxyError;
use roles_anywhere_client::text::disclosure::{DisplayValue, KeyMaterialKind};

/// The command line or the environment asks for something that cannot be done.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UsageError {
    /// Required options were not given.
    #[error("{}", missing(options, role.as_deref()))]
    Missing {
        /// The options, at least one.
        options: Vec<&'static OptionSpec>,
        /// The flags and variables of these options that are given without a value.
        empty: Vec<&'static str>,
        /// The role of the configuration file that has none of them either, if one is used.
        role: Option<Arc<KeyLocation>>,
    },
    /// Key material is given instead of the name of what holds it, or in another option altogether.
    #[error("invalid value for {}: {}", origin.quoted(), unexpected(origin.option(), *contents))]
    KeyMaterial {
        /// The flag or variable.
        origin: Origin,
        /// What it holds.
        contents: KeyMaterialKind,
    },
    /// Key material is given behind `env:`, which takes a name.
    #[error(
        "invalid value for {}: expected the name of a variable after `env:`, got {}",
        origin.quoted(),
        contents.noun()
    )]
    KeyMaterialForName {
        /// The flag or variable.
        origin: Origin,
        /// What is behind `env:`.
        contents: KeyMaterialKind,
    },
    /// An ARN is of another kind than expected.
    #[error("invalid value `{value}` for {}", origin.quoted())]
    Arn {
        /// The flag or variable.
        origin: Origin,
        /// What it says, which may be shown.
        value: String,
        /// What is wrong with it.
        source: ArnError,
    },
    /// An endpoint is not usable.
    #[error("invalid value for {}", origin.quoted())]
    Endpoint {
        /// The flag or variable.
        origin: Origin,
        /// What is wrong with it.
        source: EndpointError,
    },
    /// A proxy is not usable.
    #[error("invalid value for {}", origin.quoted())]
    Proxy {
        /// The flag or variable.
        origin: Origin,
        /// What is wrong with it.
        source: ProxyError,
    },
    /// A text is not the name of a profile.
    #[error("invalid value for {}", origin.quoted())]
    Profile {
        /// The flag or variable.
        origin: Origin,
        /// What is wrong with it.
        source: ProfileNameError,
    },
    /// A value is not one of those that are taken.
    #[error("{}: expected {expected}{}", invalid(origin, value), got(value))]
    Value {
        /// The flag or variable.
        origin: Origin,
        /// What it says.
        value: DisplayValue,
        /// What it may say.
        expected: &'static str,
    },
    /// A value that may be a key would become the name of a file or a directory.
    #[error(
        "invalid value for {} (not shown, as it may be a secret): no such file or directory",
        origin.quoted()
    )]
    NoSuchPath {
        /// The flag or variable.
        origin: Origin,
    },
    /// A path that is to be created begins with what a shell would have replaced.
    #[error("invalid value for {}: the `{prefix}` at its start was not expanded", origin.quoted())]
    Unexpanded {
        /// The flag or variable.
        origin: Origin,
        /// `~` or `$`.
        prefix: char,
    },
    /// An option or a variable that is not a path is not UTF-8.
    #[error("the value of `{0}` is not valid UTF-8")]
    NotUtf8(String),
    /// A flag took another flag for its value, as happens behind an empty shell variable.
    #[error("{} has no value: the next argument is {}", origin.quoted(), flag(value))]
    FlagAsValue {
        /// The flag.
        origin: Origin,
        /// The flag behind it.
        value: DisplayValue,
    },
    /// Clap rejects an argument.
    #[error(transparent)]
    Argument(ArgumentError),
    /// No role of the configuration file can be used.
    #[error(transparent)]
    Role(Box<RoleError>),
    /// References are not valid.
    #[error("{}", wrong_reference::message(.0))]
    References(Vec<WrongReference>),
    /// Two settings lie in different Regions.
    #[error(
        "{} is in the Region {first_region}, but {} is in {second_region}",
        first.quoted(),
        second.quoted()
    )]
    Regions {
        /// One option.
        first: Origin,
        /// Its Region.
        first_region: Box<str>,
        /// The other option.
        second: Origin,
        /// Its Region.
        second_region: Box<str>,
        /// Why that cannot be.
        why: &'static str,
    },
    /// Two settings lie in different partitions.
    #[error(
        "{} is in the partition {first_partition}, but {} is in {second_partition}",
        first.quoted(),
        second.quoted()
    )]
    Partitions {
        /// One option.
        first: Origin,
        /// Its partition.
        first_partition: &'static str,
        /// The other option.
        second: Origin,
        /// Its partition.
        second_partition: &'static str,
    },
    /// Two settings exclude each other.
    #[error("{first} and {second} cannot be used together")]
    Conflict {
        /// One of them.
        first: NamedValue,
        /// The other.
        second: NamedValue,
        /// Why.
        why: &'static str,
    },
    /// An option means nothing without another one.
    #[error("`{}` needs `{}`", option.name, required.name)]
    Dependent {
        /// The option.
        option: &'static OptionSpec,
        /// The one that it needs.
        required: &'static OptionSpec,
    },
    /// A setting needs a variable that another program sets.
    #[error("{what} needs the variable `{variable}`, which is not set")]
    NoVariable {
        /// The setting.
        what: NamedValue,
        /// The variable.
        variable: &'static OptionSpec,
        /// What to do.
        why: &'static str,
    },
    /// `exec` in a program that `exec` runs.
    #[error("this shell or program already runs in `exec`{}", of_role(role))]
    Nested {
        /// The role of that.
        role: DisplayValue,
    },
    /// A flag, a value or a command of the official helper that does not work here yet.
    #[error("{what} of `aws_signing_helper` is not supported yet")]
    NotYet {
        /// As it was typed.
        what: NamedValue,
        /// What works instead.
        instead: &'static str,
    },
}

/// A setting as a message names it, in backticks: its flag or variable, and its value if that matters and may be shown.
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

impl From<&Origin> for NamedValue {
    fn from(origin: &Origin) -> Self {
        origin.clone().into()
    }
}

impl fmt::Display for NamedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = &self.origin;
        match (&self.value, origin, origin.option().syntax) {
            (None, _, _) => write!(f, "{}", origin.quoted()),
            (Some(value), Origin::File(..), _) => write!(f, "`{value}` for {}", origin.quoted()),
            (Some(value), _, Syntax::OptionalValue { .. }) => write!(f, "`{origin}={value}`"),
            (Some(value), _, _) => write!(f, "`{origin} {value}`"),
        }
    }
}

fn missing(options: &[&'static OptionSpec], role: Option<&KeyLocation>) -> String {
    let is_argument = |option: &&OptionSpec| matches!(option.syntax, Syntax::Positional { .. });
    let is_variable = |option: &&OptionSpec| option.syntax == Syntax::None;
    let noun = if options.iter().any(is_argument) {
        "argument"
    } else if options.iter().all(is_variable) {
        "variable"
    } else {
        "option"
    };
    let noun = if options.len() == 1 { noun.to_owned() } else { format!("{noun}s") };
    let names = quoted_list(options.iter().map(|option| option.name));
    match role {
        Some(role) => format!("missing required {noun} {names} for {}", role.quoted_table()),
        None => format!("missing required {noun} {names}"),
    }
}

/// The most names of tables that a message lists.
pub const MAX_NAMES: usize = 6;

fn quoted_list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Returns `invalid value … for …`; an empty value is called empty.
fn invalid(origin: &Origin, value: &DisplayValue) -> String {
    let origin = origin.quoted();
    match value {
        DisplayValue::Value(value) if value.is_empty() => format!("{origin} is empty"),
        DisplayValue::Value(value) => format!("invalid value `{value}` for {origin}"),
        DisplayValue::Hidden(_) => format!("invalid value for {origin}"),
    }
}

fn got(value: &DisplayValue) -> String {
    match value {
        DisplayValue::Hidden(Some(contents)) => format!(", got {}", contents.noun()),
        DisplayValue::Value(_) | DisplayValue::Hidden(None) => String::new(),
    }
}

/// Returns a name in backticks after a space, if it may be shown.
fn shown_name(value: &DisplayValue) -> String {
    value.value().map(|name| format!(" `{name}`")).unwrap_or_default()
}

fn of_role(name: &DisplayValue) -> String {
    name.value().map(|name| format!(", with the role `{name}`")).unwrap_or_default()
}

fn flag(value: &DisplayValue) -> String {
    value.value().map_or_else(|| "another option".to_owned(), |value| format!("`{value}`"))
}

/// Returns `expected …, got …` for key material in the place of something else.
fn unexpected(option: &OptionSpec, contents: KeyMaterialKind) -> String {
    let expected = match option.value_type {
        ValueType::Source | ValueType::File => "the path of a file",
        ValueType::Directory => "the path of a directory",
        ValueType::VariableName => "the name of a variable",
        ValueType::Descriptor => "the number of a file descriptor",
        ValueType::SecretId => "the name or the ARN of a secret",
        ValueType::ParameterId => "the name or the ARN of a parameter",
        ValueType::Arn => "an ARN",
        ValueType::Url => "a URL",
        ValueType::Text
        | ValueType::Assignment
        | ValueType::Boolean
        | ValueType::Password
        | ValueType::SystemPath => {
            return format!("it is {}", contents.noun());
        }
    };
    format!("expected {expected}, got {}", contents.noun())
}
