//! What is wrong with a template. No text quotes a value, or a word of a template that may be secret.

use std::fmt;

use crate::output::error::{Error, Kind};
use crate::secrets::reference::ReferenceError;
use crate::secrets::template::jinja;
use roles_anywhere_client::provider::ErrorKind;

/// A mistake in a template, which is found before anything is resolved.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TemplateMistake {
    /// The template, as a message may show it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The mistake.
    pub problem: TemplateProblem,
}

/// What is wrong in a template.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TemplateProblem {
    /// A reference is not valid.
    #[error("{0}")]
    Reference(ReferenceError),
    /// `sm://` or `ssm://` in the place of a value; what to write instead.
    #[error("`sm://` and `ssm://` are text in a template: use `{0}`")]
    Uri(&'static str),
    /// A call of Jinja, in a template that is not read as Jinja.
    #[error("this is Jinja: pass `--syntax jinja`")]
    NotCloudFormation,
    /// `{{resolve:…}}` in a template that is read as Jinja.
    #[error(
        "`{{{{resolve:…}}}}` is not Jinja: use `{{{{ secret(\"NAME\") }}}}`, or pass `--syntax cloudformation`"
    )]
    NotJinja,
    /// The file is not UTF-8, which Jinja reads.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// It is not Jinja, in the words of its parser, which quote names only.
    #[error("{0}")]
    Syntax(String),
    /// The name of a secret or a parameter is not a literal.
    #[error(
        "`{0}` expects one name in quotes, because all values are read before anything is rendered"
    )]
    NotLiteral(&'static str),
    /// A reference to all members, of which a template reads one by one.
    #[error("`#*` cannot be used in a template")]
    AllMembers,
    /// An unknown function.
    #[error("there is no function {0}: there are `secret` and `parameter`")]
    Function(String),
    /// An unknown filter.
    #[error("there is no filter {0}: there are {filters}", filters = jinja::listed(&jinja::FILTERS))]
    Filter(String),
    /// An unknown test.
    #[error("there is no test {0}: there are {tests}", tests = jinja::listed(&jinja::TESTS))]
    Test(String),
}

impl TemplateProblem {
    /// Returns whether the template is of the other syntax.
    pub(super) fn is_of_syntax(&self) -> bool {
        matches!(self, Self::NotCloudFormation | Self::NotJinja)
    }
}

impl fmt::Display for TemplateMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}: {}", self.file, self.line, self.problem)
    }
}

impl std::error::Error for TemplateMistake {}

/// All mistakes of all templates, at least one.
#[derive(Clone, Debug)]
pub struct TemplateMistakes(pub Vec<TemplateMistake>);

impl From<TemplateMistakes> for Error {
    fn from(TemplateMistakes(mut all): TemplateMistakes) -> Self {
        if all.len() == 1 {
            return Self::usage(all.remove(0), []);
        }
        let message = format!("the templates have {} mistakes", all.len());
        Self::listed(Kind::Usage, message, all.iter())
    }
}

/// A template cannot be rendered with the values.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{file}, line {line}: {problem}")]
pub struct RenderError {
    /// The template, as a message may show it.
    pub file: String,
    /// The line, from 1; 0 if it is not known.
    pub line: usize,
    /// Why the line cannot be rendered.
    pub problem: RenderProblem,
}

/// What is wrong with a value in a template.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RenderProblem {
    /// There is no such value or member.
    #[error("a value is undefined")]
    Undefined,
    /// The value is binary.
    #[error("the secret is binary, and a template is text")]
    Binary,
    /// An operation that the value does not have; its name, as minijinja calls it.
    #[error("{0}")]
    Operation(&'static str),
}

impl From<RenderError> for Error {
    fn from(error: RenderError) -> Self {
        let hint = match error.problem {
            RenderProblem::Undefined => Some(
                "check the names of the members; `default(\"…\")` replaces one that is undefined",
            ),
            RenderProblem::Binary => Some("with `--syntax jinja`, the filter `b64` encodes it"),
            RenderProblem::Operation(_) => None,
        };
        hint.into_iter().fold(Self::new(ErrorKind::Local, error), Self::hint)
    }
}
