//! Options: each once, with its flag, its variables, the kind of its value, its default and its help.
//!
//! Those of several commands are here, and the variables of other programs; a command has its own
//! rows. A row stands for an option wherever it is named: the command line is described from rows, a setting
//! is read by its row, and an error names the row that a value comes from. Rows are compared by
//! identity, as two commands have an `--output` each.

pub mod access_key;
mod attributes;
pub mod cache;
pub mod config_file;
pub mod daemon;
pub mod errors;
pub mod follow;
mod help;
pub mod identity;
mod key_location;
pub mod masking;
pub mod offline;
pub mod on_rotate;
mod origin;
pub mod other_programs;
pub mod program;
pub mod program_variables;
pub mod roles;
pub mod secrets;
pub mod secrets_endpoint;
pub mod served;
pub mod session;
pub mod session_groups;
pub mod shared_credentials;
pub mod transport;
mod variable;

use std::fmt;

pub use attributes::{Choice, DefaultValue, EmptyValue, Heading, Help, Syntax, ValueType};
pub use help::Necessity;
pub use key_location::{FileName, KeyLocation};
pub use origin::Origin;
use roles_anywhere_client::text::disclosure::Sensitivity;
use variable::VariableName;

/// The prefix of our variables.
pub const PREFIX: &str = "ROLES_ANYWHERE_";

/// The rows that have no flag: variables of other programs and of the system that are read.
pub static VARIABLES: &[&OptionSpec] = &[
    &cache::RUNTIME_DIRECTORY,
    &cache::XDG_RUNTIME_DIR,
    &config_file::XDG_CONFIG_HOME,
    &identity::CREDENTIALS_DIRECTORY,
    &offline::STATE_DIRECTORY,
    &other_programs::AGENT_TOKEN,
    &other_programs::CLIENT_TOKEN,
    &other_programs::GITHUB_ENV,
    &other_programs::SHELL,
    &session::AWS_ENDPOINT_URL_IAM,
    &session::AWS_ENDPOINT_URL_SECRETS_MANAGER,
    &session::AWS_ENDPOINT_URL_ROLESANYWHERE,
    &session::AWS_ENDPOINT_URL_SSM,
    &session::AWS_ENDPOINT_URL_STS,
    &session::AWS_IGNORE_CONFIGURED_ENDPOINT_URLS,
    &transport::ALL_PROXY,
    &transport::HTTPS_PROXY,
    &transport::NO_PROXY,
    &shared_credentials::AWS_CONFIG_FILE,
    &shared_credentials::AWS_PROFILE,
    &shared_credentials::AWS_SHARED_CREDENTIALS_FILE,
    &shared_credentials::HOME,
];

/// An option: a flag, the variables that stand for it, or both.
pub struct OptionSpec {
    /// Its name in messages: `--role-arn`, the placeholder of a positional argument, or the variable of
    /// an option that has no flag.
    pub name: &'static str,
    /// How it is written on the command line.
    pub syntax: Syntax,
    /// What it takes.
    pub value_type: ValueType,
    /// Whether an error may show its value.
    pub sensitivity: Sensitivity,
    /// What it is if it is not given.
    pub default: DefaultValue,
    /// What an empty value means after its flag.
    pub empty_value: EmptyValue,
    /// Its heading in the help.
    pub heading: Heading,
    /// Its description, without the default.
    pub help: Help,
    /// The values that it takes; empty for any.
    pub choices: &'static [Choice],
    /// What to do if it is required and not given; `None` to pass it.
    pub if_missing: Option<&'static str>,
    /// Its one-letter flag.
    pub short: Option<char>,
    /// Other names of its flag, which no help shows: those of other programs.
    pub aliases: &'static [&'static str],
    /// The rows without a flag whose variables count after those of this row.
    fallbacks: &'static [&'static Self],
    value_name: ValueName,
    own_variable: Option<VariableName>,
    other_variables: &'static [&'static str],
}

/// The placeholder of a value in `--help` and in completion scripts.
enum ValueName {
    Given(&'static str),
    /// `ROLE_ARN` for `--role-arn`.
    OfFlag(VariableName),
}

impl OptionSpec {
    /// Returns an option that takes a value.
    pub const fn new(flag: &'static str, value_name: &'static str, value_type: ValueType) -> Self {
        let own_variable = Some(VariableName::of(flag));
        let value_name = ValueName::Given(value_name);
        Self { own_variable, ..Self::base(flag, Syntax::Value, value_name, value_type) }
    }

    /// Returns one of the options that are only refused by name.
    pub const fn not_yet(flag: &'static str, value_type: ValueType) -> Self {
        let syntax = match value_type {
            ValueType::Boolean => Syntax::OptionalValue { missing: "true" },
            _ => Syntax::Value,
        };
        let value_name = ValueName::OfFlag(VariableName::of(flag));
        Self { help: Help::Hidden, ..Self::base(flag, syntax, value_name, value_type) }
    }

    /// Returns an option without variables.
    const fn base(
        name: &'static str,
        syntax: Syntax,
        value_name: ValueName,
        value_type: ValueType,
    ) -> Self {
        Self {
            name,
            syntax,
            value_name,
            value_type,
            sensitivity: Sensitivity::Public,
            default: DefaultValue::None,
            empty_value: EmptyValue::NotGiven,
            heading: Heading::Options,
            help: Help::None,
            choices: &[],
            if_missing: None,
            short: None,
            aliases: &[],
            fallbacks: &[],
            own_variable: None,
            other_variables: &[],
        }
    }

    /// Returns an option that is on or off.
    pub const fn switch(flag: &'static str) -> Self {
        Self::new(flag, "BOOL", ValueType::Boolean).optional("true")
    }

    /// Returns an argument without a flag.
    pub const fn positional(id: &'static str, name: &'static str, value_type: ValueType) -> Self {
        let syntax = Syntax::Positional { id, is_repeated: false };
        Self::base(name, syntax, ValueName::Given(name), value_type)
    }

    /// Returns all arguments from the first one on that is no option.
    pub const fn trailing(id: &'static str, name: &'static str, value_type: ValueType) -> Self {
        let syntax = Syntax::Trailing { id };
        Self::base(name, syntax, ValueName::Given(name), value_type)
    }

    /// Returns what only the variables of other programs set; `names` are in the order of precedence.
    pub const fn of_variables(names: &'static [&'static str], value_type: ValueType) -> Self {
        let base = Self::base(names[0], Syntax::None, ValueName::Given(""), value_type);
        Self { other_variables: names, ..base }
    }

    /// Returns a key of the configuration file that no flag or variable stands for.
    pub const fn file_key(key: &'static str, value_type: ValueType) -> Self {
        Self::base(key, Syntax::None, ValueName::Given(""), value_type)
    }

    /// Sets its heading in the help.
    #[must_use]
    pub const fn under(self, heading: Heading) -> Self {
        Self { heading, ..self }
    }

    /// Sets its line of `-h`, without the default.
    #[must_use]
    pub const fn help(self, summary: &'static str) -> Self {
        Self { help: Help::Shown { summary, details: "" }, ..self }
    }

    /// Sets what `--help` says instead of the line of `-h`, without the default.
    #[must_use]
    #[expect(clippy::panic, reason = "a row is a static: this is an error of the compiler")]
    pub const fn details(self, details: &'static str) -> Self {
        match self.help {
            Help::Shown { summary, .. } => Self { help: Help::Shown { summary, details }, ..self },
            Help::Hidden | Help::None => panic!("details come after the line of `-h`"),
        }
    }

    /// Sets the values that it takes. For a positional argument, clap refuses all others.
    #[must_use]
    pub const fn choices(self, choices: &'static [Choice]) -> Self {
        Self { choices, ..self }
    }

    /// Adds a one-letter flag.
    #[must_use]
    pub const fn short(self, letter: char) -> Self {
        Self { short: Some(letter), ..self }
    }

    /// Adds names of the flag that no help shows.
    #[must_use]
    pub const fn aliases(self, names: &'static [&'static str]) -> Self {
        Self { aliases: names, ..self }
    }

    /// Names the rows without a flag whose variables count after those of this row, for the help.
    #[must_use]
    pub const fn fallbacks(self, rows: &'static [&'static Self]) -> Self {
        Self { fallbacks: rows, ..self }
    }

    /// Sets the value that it has if it is not given.
    #[must_use]
    pub const fn default_value(self, value: &'static str) -> Self {
        Self { default: DefaultValue::Value(value), ..self }
    }

    /// Describes what it is if it is not given.
    #[must_use]
    pub const fn described_default(self, words: &'static str) -> Self {
        Self { default: DefaultValue::Described(words), ..self }
    }

    /// Sets what to do if it is required and not given.
    #[must_use]
    pub const fn if_missing(self, hint: &'static str) -> Self {
        Self { if_missing: Some(hint), ..self }
    }

    /// Refuses an empty value, as `expected` is what it takes.
    #[must_use]
    pub const fn refuse_empty(self, expected: &'static str) -> Self {
        Self { empty_value: EmptyValue::Refused(expected), ..self }
    }

    /// Sets whether an error may show its value.
    #[must_use]
    pub const fn sensitivity(self, sensitivity: Sensitivity) -> Self {
        Self { sensitivity, ..self }
    }

    /// Lets the flag stand without a value.
    #[must_use]
    pub const fn optional(self, missing: &'static str) -> Self {
        Self { syntax: Syntax::OptionalValue { missing }, ..self }
    }

    /// Refuses the flag if it is given several times, instead of taking the last one.
    #[must_use]
    pub const fn once(self) -> Self {
        Self { syntax: Syntax::Once, ..self }
    }

    /// Lets the flag, or the argument without one, be given several times.
    #[must_use]
    pub const fn repeated(self) -> Self {
        let syntax = match self.syntax {
            Syntax::Positional { id, .. } => Syntax::Positional { id, is_repeated: true },
            _ => Syntax::Repeated,
        };
        Self { syntax, ..self }
    }

    /// Adds the variables of other programs that count after our own.
    #[must_use]
    pub const fn also(self, variables: &'static [&'static str]) -> Self {
        Self { other_variables: variables, ..self }
    }

    /// Removes our variable.
    #[must_use]
    pub const fn without_variable(self) -> Self {
        Self { own_variable: None, ..self }
    }

    /// Returns the name of the option for clap: its flag without dashes.
    pub fn id(&self) -> &'static str {
        match self.syntax {
            Syntax::Positional { id, .. } | Syntax::Trailing { id } => id,
            _ => self.name.trim_start_matches("--"),
        }
    }

    /// Returns the placeholder of its value.
    pub fn value_name(&'static self) -> &'static str {
        match &self.value_name {
            ValueName::Given(name) => name,
            ValueName::OfFlag(name) => &name.as_str()[PREFIX.len()..],
        }
    }

    /// Returns our variable: `ROLES_ANYWHERE_ROLE_ARN` for `--role-arn`.
    pub fn own_variable(&'static self) -> Option<&'static str> {
        self.own_variable.as_ref().map(VariableName::as_str)
    }

    /// Returns the variables that stand for it, in the order of precedence.
    pub fn variables(&'static self) -> impl Iterator<Item = &'static str> {
        self.own_variable().into_iter().chain(self.other_variables.iter().copied())
    }
}

impl PartialEq for OptionSpec {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for OptionSpec {}

impl fmt::Display for OptionSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Debug for OptionSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
