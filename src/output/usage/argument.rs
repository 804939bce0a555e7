//! Arguments that belong to no option or command: clap rejects them, and the words are ours.

use super::quoted_list;
use roles_anywhere_client::text::disclosure::KeyMaterialKind;

/// The command line has an argument too many, or lacks one.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ArgumentError {
    /// An argument that the command does not take.
    #[error("unexpected argument `{argument}`")]
    Unexpected {
        /// The argument, which may be shown.
        argument: String,
        /// What was probably meant.
        meant: Meant,
    },
    /// There is no such command.
    #[error("unknown command `{command}`")]
    UnknownCommand {
        /// The word, which may be shown.
        command: String,
        /// The command that was probably meant.
        nearest: Option<String>,
        /// The commands.
        commands: Vec<String>,
    },
    /// A required argument was not given.
    #[error("missing required argument `{argument}`")]
    Missing {
        /// The placeholder of the argument.
        argument: String,
        /// The command, if it is known.
        command: Option<String>,
    },
    /// An option was given without its value.
    #[error("`{option}` has no value")]
    NoValue {
        /// The option.
        option: String,
    },
    /// A value is not one of a few.
    #[error("invalid value `{value}` for `{argument}`: expected {}", alternatives(expected))]
    Choice {
        /// The placeholder of the argument.
        argument: String,
        /// The value, which may be shown.
        value: String,
        /// What it may be.
        expected: Vec<String>,
    },
    /// The value of an option follows it after a space, and belongs behind `=`.
    #[error("the value of `{option}` must follow an equals sign")]
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
    /// A flag that takes no value has one.
    #[error("`{option}` takes no value")]
    UnexpectedValue {
        /// The flag.
        option: String,
    },
}

/// What was probably meant by an argument that a command does not take.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Meant {
    /// An option of a similar name.
    Option(&'static str),
    /// An option of the command that follows it.
    AfterCommand,
    /// An option of another command.
    OptionOf(String),
    /// A part of a value with spaces.
    PartOfValue,
    /// It is not known: the command has these options.
    NoneOf(Vec<&'static str>),
    /// It is not known, and no command comes before it: these are the commands.
    NoCommand(Vec<String>),
    /// Options of one letter: these are all that the command has.
    NoLetterOf(Vec<String>),
}

/// A part of a command line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CommandLinePart {
    /// An argument that no option or command takes.
    Argument,
    /// The name of one of these commands.
    Command(Vec<String>),
    /// The value of an argument.
    Value {
        /// The placeholder of the argument.
        name: String,
        /// What it may be; empty for any value.
        expected: Vec<String>,
    },
}

impl ArgumentError {
    /// Returns what to do.
    pub(super) fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Unexpected { meant, argument } => return meant.hint(argument),
            Self::UnknownCommand { nearest: Some(nearest), .. } => {
                format!("did you mean `{nearest}`?")
            }
            Self::UnknownCommand { commands, .. }
            | Self::Hidden { contents: None, part: CommandLinePart::Command(commands) } => {
                one_of(commands)
            }
            Self::Hidden { contents: None, part: CommandLinePart::Value { expected, .. } }
                if !expected.is_empty() =>
            {
                one_of(expected)
            }
            Self::Missing { argument, command: Some(command) } => {
                format!("pass it after the command: `roles-anywhere {command} {argument}`")
            }
            Self::NoValue { option } => format!("pass a value: `{option} VALUE`"),
            Self::Detached { option, value } => {
                format!("write `{option}={value}`, without a space")
            }
            Self::Hidden { contents: Some(_), .. } => {
                "pass a key with `--private-key` and a certificate with `--certificate`, as a path or as `env:NAME`".to_owned()
            }
            Self::Hidden { contents: None, .. } => QUOTES.to_owned(),
            Self::UnexpectedValue { option } => format!("write `{option}` only"),
            Self::Missing { .. } | Self::Choice { .. } => return Vec::new(),
        };
        vec![hint]
    }
}

impl Meant {
    fn hint(&self, argument: &str) -> Vec<String> {
        let hint = match self {
            Self::Option(option) => format!("did you mean `{option}`?"),
            Self::AfterCommand => format!("pass `{argument}` after the command"),
            Self::OptionOf(command) => {
                format!("remove it: `{argument}` is an option of `{command}`")
            }
            Self::PartOfValue => QUOTES.to_owned(),
            Self::NoneOf(options) => {
                format!("the options of this command are {}", quoted_list(options.iter().copied()))
            }
            Self::NoCommand(commands) => {
                let commands = quoted_list(commands.iter().map(String::as_str));
                format!("pass one of these commands first: {commands}")
            }
            Self::NoLetterOf(letters) => format!(
                "write the name of the option in full; options of one letter are {}",
                quoted_list(letters.iter().map(String::as_str))
            ),
        };
        vec![hint]
    }
}

fn one_of(names: &[String]) -> String {
    format!("use one of {}", quoted_list(names.iter().map(String::as_str)))
}

const QUOTES: &str = "if a value contains spaces, put it in quotes";

fn rejected(part: &CommandLinePart, contents: Option<KeyMaterialKind>) -> String {
    let what = match part {
        CommandLinePart::Argument => "unexpected argument".to_owned(),
        CommandLinePart::Command(_) => "unknown command".to_owned(),
        CommandLinePart::Value { name, .. } => format!("invalid value for `{name}`"),
    };
    match contents {
        Some(contents) => format!("{what}: it is {}", contents.noun()),
        None => format!("{what} (not shown, as it may be a secret)"),
    }
}

/// Returns a list that ends with `or`.
fn alternatives(names: &[String]) -> String {
    match names {
        [rest @ .., last] if !rest.is_empty() => {
            format!("{} or `{last}`", quoted_list(rest.iter().map(String::as_str)))
        }
        names => quoted_list(names.iter().map(String::as_str)),
    }
}
