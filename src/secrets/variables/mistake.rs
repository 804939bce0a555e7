//! What is wrong with the variables of a program. No text quotes a value.

use std::fmt;
use std::sync::Arc;

use super::{EnvFileMistake, EnvName, TaskDefinitionMistake, VariableOrigin};
use crate::options::table::{KeyLocation, OptionSpec};
use crate::output::error::{Error, Kind};
use crate::secrets::reference::ReferenceError;
use roles_anywhere_client::text::disclosure::may_be_repeated;

/// What is wrong with a variable, or with one of the sources of variables.
#[derive(Clone, Debug)]
pub enum VariableMistake {
    /// The value of an option is not `NAME=VALUE`.
    Assignment {
        /// The option.
        option: &'static OptionSpec,
    },
    /// A name is not that of a variable.
    Name {
        /// The place of the variable.
        origin: VariableOrigin,
        /// The name, if it may be shown.
        name: Option<String>,
    },
    /// A value cannot be used.
    Value {
        /// The variable.
        name: EnvName,
        /// The place of the variable.
        origin: VariableOrigin,
        /// Why the value cannot be used.
        problem: ValueProblem,
    },
    /// An argument of the program cannot be used.
    Argument {
        /// Its index; the first one is behind the name of the program.
        index: usize,
        /// Why the argument cannot be used.
        problem: ValueProblem,
    },
    /// A source gives a variable twice.
    Collision {
        /// The variable.
        name: EnvName,
        /// The place that was read first.
        first: VariableOrigin,
        /// The place that was read later.
        second: VariableOrigin,
    },
    /// A line of a file of variables.
    EnvFile {
        /// The file, as a message may show it.
        file: Arc<str>,
        /// The line, from 1.
        line: u32,
        /// The mistake in the line.
        mistake: EnvFileMistake,
    },
    /// A task definition.
    TaskDefinition {
        /// The file, as a message may show it.
        file: Arc<str>,
        /// The mistake in the file.
        mistake: TaskDefinitionMistake,
    },
    /// A container has files of variables in S3, and no `--env-file` is given.
    EnvironmentFiles {
        /// The file of the task definition, as a message may show it.
        file: Arc<str>,
    },
    /// A member of a reference of `--from` makes no name of a variable.
    MemberName {
        /// The member.
        origin: VariableOrigin,
    },
    /// The value of `--from`.
    From(FromProblem),
}

/// What is wrong with the value of a variable.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ValueProblem {
    /// It is not a reference, or not a valid one.
    Reference(ReferenceError),
    /// It is a reference to several values.
    AllMembers,
    /// It has a NUL byte, which no program can get.
    Nul,
    /// It is longer than the system passes on.
    TooLong {
        /// Its bytes, with the name.
        length: usize,
    },
    /// `exec` sets the variable itself.
    Reserved,
    /// The variable would stand beside the credentials that the program gets.
    Credentials,
    /// The name comes from a member of a secret, and programs run or load what the variable says.
    ChoosesCode,
}

/// What is wrong with `--from` and `--prefix`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FromProblem {
    /// The value of `--from` is not a reference.
    Reference(ReferenceError),
    /// It is a reference to one member.
    Key,
    /// A `--prefix` without a `--from` before it.
    NoFrom,
    /// Two `--prefix` behind one `--from`.
    SecondPrefix,
    /// A prefix that no name of a variable begins with.
    Prefix,
}

/// All mistakes, at least one.
#[derive(Clone, Debug)]
pub struct VariableMistakes(Vec<VariableMistake>);

impl VariableMistake {
    /// Returns where it is in the configuration file, with the name of the variable if that may be shown;
    /// `None` if it is elsewhere.
    pub fn in_config_file(&self) -> Option<(&KeyLocation, Option<&str>)> {
        let (origin, name) = match self {
            Self::Name { origin, name } => (origin, name.as_deref()),
            Self::Value { origin, name, .. } | Self::Collision { second: origin, name, .. } => {
                (origin, name.shown())
            }
            _ => return None,
        };
        match origin {
            VariableOrigin::ConfigFile(location) => Some((location, name)),
            _ => None,
        }
    }

    /// Returns the text for a message that says where it is.
    pub fn without_place(&self) -> String {
        match self {
            Self::Name { name: Some(name), .. } => {
                format!("invalid variable name `{name}`: expected {}", EnvName::EXPECTED)
            }
            Self::Name { name: None, .. } => {
                format!("invalid variable name: expected {}", EnvName::EXPECTED)
            }
            Self::Value { name, problem, .. } => format!("{name}: {problem}"),
            Self::Collision { name, .. } => format!("{name} is in `env` and in `files`"),
            other => other.to_string(),
        }
    }

    pub(super) fn value(name: EnvName, origin: VariableOrigin, problem: ValueProblem) -> Self {
        Self::Value { name, origin, problem }
    }
}

impl VariableMistakes {
    /// Returns mistakes, if there are some.
    pub fn new(mistakes: Vec<VariableMistake>) -> Option<Self> {
        (!mistakes.is_empty()).then_some(Self(mistakes))
    }

    /// Returns the mistakes.
    pub fn all(&self) -> &[VariableMistake] {
        &self.0
    }
}

impl From<VariableMistakes> for Error {
    fn from(VariableMistakes(mut all): VariableMistakes) -> Self {
        if all.len() == 1 {
            return Self::usage(all.remove(0), []);
        }
        let message = format!("the variables have {} mistakes", all.len());
        Self::listed(Kind::Usage, message, all.iter())
    }
}

impl std::error::Error for VariableMistake {}

impl fmt::Display for VariableMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Assignment { option } => {
                write!(f, "invalid value for `{option}`: expected NAME=VALUE")
            }
            Self::Name { origin, name } => {
                let expected = EnvName::EXPECTED;
                match name {
                    Some(name) => write!(f, "invalid variable name `{name}` in {origin}")?,
                    None => write!(f, "invalid variable name in {origin}")?,
                }
                write!(f, ": expected {expected}")
            }
            Self::Value { name, origin, problem } => write!(f, "{name} in {origin}: {problem}"),
            Self::Argument { index, problem } => write!(f, "argument {}: {problem}", index + 1),
            Self::Collision { name, first, second } => {
                match (first.to_string(), second.to_string()) {
                    (first, second) if first == second => {
                        write!(f, "{name} is given twice in {first}")
                    }
                    (first, second) => {
                        write!(f, "{name} is given twice: in {first} and in {second}")
                    }
                }
            }
            Self::EnvFile { file, line, mistake } => write!(f, "line {line} of {file}: {mistake}"),
            Self::TaskDefinition { file, mistake } => write!(f, "{file}: {mistake}"),
            Self::EnvironmentFiles { file } => write!(
                f,
                "{file}: the container has `environmentFiles` in S3, which are not read: pass copies \
                 of them with `--env-file`"
            ),
            Self::MemberName { origin } => {
                write!(f, "{origin} makes no variable name: pass `--prefix` after `--from`")
            }
            Self::From(problem) => problem.fmt(f),
        }
    }
}

impl fmt::Display for ValueProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reference(error) => write_reference(f, error),
            Self::AllMembers => {
                f.write_str("`#*` stands for several values: use `--from` for all members")
            }
            Self::Nul => f.write_str("the value contains a NUL byte, which no program can get"),
            Self::TooLong { length } => {
                write!(f, "{length} bytes with the name are too long for a variable: use `--file`")
            }
            Self::Reserved => f.write_str("the variable is set by `exec`"),
            Self::Credentials => f.write_str(
                "the variable cannot be set together with credentials: remove it, or do not pass \
                 `--credentials` or `--static`",
            ),
            Self::ChoosesCode => f.write_str(
                "programs run or load what this variable says: pass `--prefix`, or name it with \
                 `--env NAME=REF`",
            ),
        }
    }
}

impl fmt::Display for FromProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reference(error) => {
                f.write_str("invalid value for `--from`: ")?;
                write_reference(f, error)
            }
            Self::Key => {
                f.write_str("`--from` takes all members: use `--env NAME=REF` for one of them")
            }
            Self::NoFrom => f.write_str("`--prefix` has no `--from` before it"),
            Self::SecondPrefix => f.write_str("`--prefix` is given twice for one `--from`"),
            Self::Prefix => {
                let expected = EnvName::EXPECTED;
                write!(f, "invalid value for `--prefix`: expected {expected}")
            }
        }
    }
}

/// Writes what is wrong with a reference, with its cause.
fn write_reference(f: &mut fmt::Formatter<'_>, error: &ReferenceError) -> fmt::Result {
    match error {
        ReferenceError::NoReference => write!(f, "{error}")?,
        error => write!(f, "invalid reference: {error}")?,
    }
    match std::error::Error::source(error) {
        Some(cause) => write!(f, ": {cause}"),
        None => Ok(()),
    }
}

impl fmt::Display for EnvFileMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 => f.write_str("it is not UTF-8"),
            Self::SpaceBeforeEquals => f.write_str("remove the space before `=`"),
            Self::Name => write!(f, "expected NAME=VALUE; NAME is {}", EnvName::EXPECTED),
            Self::Unclosed => f.write_str("the quote at the start of the value is not closed"),
            Self::AfterQuote => f.write_str(
                "there is text behind the closing quote: escape quotes inside with a backslash",
            ),
        }
    }
}

impl fmt::Display for TaskDefinitionMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { line, column } => {
                write!(f, "invalid JSON in line {line}, column {column}")
            }
            Self::NoContainers => f.write_str("it has no `containerDefinitions`"),
            Self::Several { names } => {
                write!(f, "it has several containers: pass `--container` with {}", listed(names))
            }
            Self::Unknown { names } => {
                write!(f, "it has no container of that name: expected {}", listed(names))
            }
            Self::Member { path, expected } => write!(f, "`{path}`: expected {expected}"),
        }
    }
}

/// Returns names in backticks, those that may be shown.
fn listed(names: &[String]) -> String {
    let names = names.iter().filter(|name| may_be_repeated(name));
    let names: Vec<String> =
        names.take(crate::output::usage::MAX_NAMES).map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        None => "one of its names".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}
