//! What is wrong with a configuration, and where.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::policy::Position;

/// One mistake, or something without effect. It reads `FILE:LINE:COLUMN: MESSAGE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    file: PathBuf,
    /// `None` if it is about the whole file.
    position: Option<Position>,
    message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:", self.file.display())?;
        if let Some(position) = self.position {
            write!(formatter, "{position}:")?;
        }
        write!(formatter, " {}", self.message)
    }
}

/// Why a configuration cannot be used: every mistake, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    pub(super) file: PathBuf,
    pub(super) problems: Vec<Problem>,
    pub(super) hints: Vec<String>,
}

impl ConfigErrors {
    /// Returns what to do about some of them.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        let mistakes = if count == 1 { "mistake" } else { "mistakes" };
        write!(formatter, "`{}` has {count} {mistakes}", self.file.display())?;
        self.problems.iter().try_for_each(|problem| write!(formatter, "\n{problem}"))
    }
}

impl std::error::Error for ConfigErrors {}

/// Collects problems while a file is read.
#[derive(Debug)]
pub(super) struct Problems<'a> {
    file: &'a Path,
    text: &'a str,
    mistakes: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Problem>>,
    hints: RefCell<Vec<String>>,
}

impl<'a> Problems<'a> {
    /// Returns a collection for a file and its text.
    pub(super) fn new(file: &'a Path, text: &'a str) -> Self {
        let (mistakes, warnings, hints) = Default::default();
        Self { file, text, mistakes, warnings, hints }
    }

    /// Adds a mistake at the beginning of a part of the file.
    pub(super) fn add(&self, span: &Range<usize>, message: impl Into<String>) {
        self.add_in(self.file, Some(self.position(span.start)), message.into());
    }

    /// Adds a mistake at a position of the file.
    pub(super) fn add_at(&self, position: Position, message: String) {
        self.add_in(self.file, Some(position), message);
    }

    /// Adds a mistake of the whole file, and what to do about it.
    pub(super) fn add_missing(&self, message: &str, hint: &str) {
        self.add_in(self.file, None, message.to_owned());
        self.hints.borrow_mut().push(hint.to_owned());
    }

    /// Adds a mistake of another file.
    pub(super) fn add_in(&self, file: &Path, position: Option<Position>, message: String) {
        self.mistakes.borrow_mut().push(Problem { file: file.to_owned(), position, message });
    }

    /// Adds something that has no effect.
    pub(super) fn warn(&self, file: Option<&Path>, position: Option<Position>, message: String) {
        let file = file.unwrap_or(self.file).to_owned();
        self.warnings.borrow_mut().push(Problem { file, position, message });
    }

    /// Returns line and column of an offset.
    pub(super) fn position(&self, offset: usize) -> Position {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        Position { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
    }

    /// Returns a part of the file as it is written.
    pub(super) fn source(&self, span: &Range<usize>) -> &str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    /// Returns the warnings, or the mistakes if there are any.
    pub(super) fn finish(self) -> Result<Vec<Problem>, ConfigErrors> {
        if self.mistakes.borrow().is_empty() {
            return Ok(self.warnings.into_inner());
        }
        Err(self.into_errors())
    }

    /// Returns the mistakes.
    pub(super) fn into_errors(self) -> ConfigErrors {
        let mut problems = self.mistakes.into_inner();
        // Stable: what is wrong with a file that the configuration names stays together.
        problems.sort_by_key(|problem| (problem.file != self.file, problem.position));
        ConfigErrors { file: self.file.to_owned(), problems, hints: self.hints.into_inner() }
    }
}
