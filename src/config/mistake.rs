//! Mistakes in the file, as data; a message shows the key, and nothing else of the text.

mod render;
mod words;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::import::AgentMistake;
use super::keys::TableKind;
use super::paths::PathReason;
use super::syntax::SyntaxReason;
use crate::options::table::{FileName, KeyLocation};
use crate::output::error::{Detail, Error, Kind, MAX_LISTED};
use crate::output::usage::UsageError;

/// A mistake and its location.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mistake {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// The part of the line that may be shown.
    pub excerpt: Excerpt,
    /// What is wrong.
    pub kind: MistakeKind,
}

/// The part of a line that may be shown: it is made again from what is known to be no secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Excerpt {
    /// A key and what stands for its value; `None` if the key may be a secret.
    Key(Option<Box<str>>),
    /// What stands for the value of a key.
    Value {
        /// The key.
        key: &'static str,
        /// The location of the key.
        column: u32,
    },
    /// The heading of a table.
    Heading {
        /// What is before the name: `[role.`
        before: &'static str,
        /// The name; `None` if it may be a secret.
        name: Option<Box<str>>,
    },
    /// Nothing.
    Hidden,
}

/// What is wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MistakeKind {
    /// It is not TOML.
    Syntax(SyntaxReason),
    /// An unknown key or table.
    UnknownKey {
        /// The key, if it may be shown.
        key: Option<Box<str>>,
        /// The table that it is in.
        table: TableKind,
        /// The key that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A key of another table.
    Misplaced {
        /// The key.
        key: &'static str,
        /// The table that takes it.
        table: TableKind,
    },
    /// A password in the file.
    InlinePassword {
        /// The key.
        key: &'static str,
    },
    /// An empty string: it neither is a value nor takes that of `[defaults]`.
    Empty {
        /// The key.
        key: &'static str,
    },
    /// A value of another type.
    Type {
        /// The key, or what it is called.
        key: Box<str>,
        /// The type that is expected.
        expected: &'static str,
        /// The type that it is of.
        found: &'static str,
    },
    /// The name of a table is not one that a table can have.
    Name {
        /// The table.
        table: TableKind,
    },
    /// A name that leads to no table.
    Dangling {
        /// The key.
        key: &'static str,
        /// The tables that have such names.
        table: TableKind,
        /// The names that there are.
        names: Vec<Box<str>>,
        /// The one that was probably meant.
        nearest: Option<Box<str>>,
    },
    /// A required key that is not there.
    Missing {
        /// The key.
        key: &'static str,
        /// The table.
        table: TableKind,
        /// The values that it can have, if they are few.
        names: Vec<Box<str>>,
    },
    /// None or several of the keys of which a table has exactly one.
    OneOf {
        /// The table.
        table: TableKind,
        /// How many of them there are.
        found: usize,
    },
    /// A path that cannot be expanded.
    Path {
        /// The key.
        key: &'static str,
        /// Why.
        reason: PathReason,
    },
    /// A variable or a file of a program.
    Variable(Box<str>),
    /// What cannot be imported of the configuration of AWS's agent.
    Agent(AgentMistake),
    /// A value that the option refuses.
    Value(Box<UsageError>),
}

impl Mistake {
    /// Returns a mistake of a key whose name is known, or of a table with a name as a whole.
    pub fn at_key(location: &KeyLocation, kind: MistakeKind) -> Self {
        let headings = ["[role.", "[identity.", "[exec.", "[secrets.token."];
        let heading = headings.into_iter().find_map(|before| {
            let name = location.table.strip_prefix(&before[1..])?;
            Some(Excerpt::Heading { before, name: Some(name.into()) })
        });
        let excerpt = match heading.filter(|_| location.key.is_empty()) {
            Some(heading) => heading,
            None => Excerpt::Key(Some(location.key.into())),
        };
        Self { line: location.line, column: location.column, excerpt, kind }
    }
}

/// All mistakes of a file, in its order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mistakes {
    file: Arc<Path>,
    all: Vec<Mistake>,
}

impl Mistakes {
    /// Returns the mistakes of a file, sorted.
    pub fn new(file: Arc<Path>, mut all: Vec<Mistake>) -> Self {
        all.sort_by_key(|mistake| (mistake.line, mistake.column));
        // Roles share values of identities and defaults. Equal mistakes are in one place.
        let mut once: Vec<Mistake> = Vec::with_capacity(all.len());
        for mistake in all {
            let is_here = |it: &&Mistake| (it.line, it.column) == (mistake.line, mistake.column);
            if !once.iter().rev().take_while(is_here).any(|it| *it == mistake) {
                once.push(mistake);
            }
        }
        Self { file, all: once }
    }

    /// Returns the file.
    pub fn file(&self) -> &Arc<Path> {
        &self.file
    }

    /// Returns them in the order of the file.
    pub fn all(&self) -> &[Mistake] {
        &self.all
    }

    /// Returns each in one line: `FILE:LINE:COLUMN: MESSAGE`.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.all.iter().map(|mistake| {
            let Mistake { line, column, .. } = mistake;
            let mut text = format!("{}:{line}:{column}: {mistake}", FileName(&self.file));
            if let Some(label) = mistake.label() {
                text.push_str(": ");
                text.push_str(&label);
            }
            text
        })
    }
}

/// Writes the number of mistakes.
impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = match self.all.len() {
            1 => "a mistake".to_owned(),
            count => format!("{count} mistakes"),
        };
        write!(f, "the configuration file `{}` has {count}", FileName(&self.file))
    }
}

impl std::error::Error for Mistakes {}

impl From<Mistakes> for Error {
    fn from(mistakes: Mistakes) -> Self {
        let pairs = mistakes.lines().zip(mistakes.blocks()).take(MAX_LISTED);
        let details =
            pairs.map(|(line, block)| Detail { line, block, hints: Vec::new() }).collect();
        let more = mistakes.all.len().saturating_sub(MAX_LISTED);
        Self::detailed(Kind::Usage, mistakes.to_string(), details, more)
    }
}
