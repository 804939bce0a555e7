//! The variables and files of a program: from what was given, by which of the sources wins, to what
//! must be resolved. Nothing is opened here, and nothing is sent.

mod assigned;
mod env_file;
mod env_name;
mod expansion;
mod mistake;
mod origin;
mod sources;
mod task_definition;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

pub use assigned::{AssignedVariables, VariableLimits};
pub use env_file::EnvFileMistake;
pub use env_name::EnvName;
pub use expansion::{Expansion, GivenExpansion, GivenPrefix, expansions};
pub use mistake::{FromProblem, ValueProblem, VariableMistake, VariableMistakes};
pub use origin::{VariableOrigin, VariableSource};
pub use sources::{TaskDefinitionFile, VariableSources};
pub use task_definition::TaskDefinitionMistake;

use crate::config::{ExecTable, FileValue, FileVariable};
use crate::options::table::OptionSpec;
use crate::options::table::program::EXEC_ROLE_VARIABLE;
use crate::secrets::reference::{FoundReference, Part, Reference, ReferenceError, uri_in_text};
use roles_anywhere_client::secret::{Secret, SecretBytes};

/// A variable as it was given.
#[derive(Clone, Debug)]
pub struct GivenVariable {
    /// The option, the file or the table that gives it.
    pub origin: VariableOrigin,
    /// Its name, which may be wrong, and may be a secret then.
    pub name: Secret,
    /// Its value.
    pub value: GivenValue,
}

/// The value of a variable as it was given.
#[derive(Clone, Debug)]
pub enum GivenValue {
    /// A text that can have references.
    Text(Secret),
    /// A text as it is.
    Literal(Secret),
    /// A `valueFrom` of ECS.
    ValueFrom(Secret),
    /// A reference whose value is put into a file; the variable holds its path.
    File(Secret),
    /// The value of the caller, if there is one.
    Kept,
}

/// What was given, with the mistakes that were found in there so far.
#[derive(Clone, Debug, Default)]
pub struct GivenVariables {
    /// The variables, those of one source in its order.
    pub variables: Vec<GivenVariable>,
    /// What is given with `--from`.
    pub expansions: Vec<Expansion>,
    /// The arguments of the program.
    pub arguments: Vec<WantedArgument>,
    /// The mistakes.
    pub mistakes: Vec<VariableMistake>,
}

/// The variables and files that a program gets, each name once.
#[derive(Clone, Debug, Default)]
pub struct WantedVariables {
    /// The variables, by their names.
    pub variables: BTreeMap<EnvName, WantedVariable>,
    /// The references whose members become variables, unless `variables` has one of that name.
    pub expansions: Vec<Expansion>,
    /// The arguments of the program that hold references.
    pub arguments: Vec<WantedArgument>,
}

/// An argument of a program that holds references.
#[derive(Clone, Debug)]
pub struct WantedArgument {
    /// Its index; the first one is behind the name of the program.
    pub index: usize,
    /// Texts and the values of references, one after the other.
    pub pieces: Vec<ValuePiece>,
}

/// A variable or a file that a program gets.
#[derive(Clone, Debug)]
pub struct WantedVariable {
    /// The option, the file or the table that gives it.
    pub origin: VariableOrigin,
    /// The value, not resolved yet.
    pub value: WantedValue,
}

/// What a variable is.
#[derive(Clone, Debug)]
pub enum WantedValue {
    /// What the caller has.
    Kept,
    /// Texts and the values of references, one after the other.
    Pieces(Vec<ValuePiece>),
    /// The path of a file with the value of a reference.
    File(Box<Reference>),
}

/// A part of a value.
#[derive(Clone, Debug)]
pub enum ValuePiece {
    /// A text.
    Text(Secret),
    /// The value of a reference.
    Reference(Box<Reference>),
}

impl GivenVariables {
    /// Adds `NAME=VALUE` of an option, whose value `value` makes a variable of.
    pub fn add_assignment(
        &mut self,
        option: &'static OptionSpec,
        text: &str,
        value: fn(Secret) -> GivenValue,
    ) {
        let secret = |text: &str| Secret::new(text.to_owned());
        match text.split_once('=') {
            Some((name, text)) => self.variables.push(GivenVariable {
                origin: VariableOrigin::Flag(option),
                name: secret(name),
                value: value(secret(text)),
            }),
            None => self.mistakes.push(VariableMistake::Assignment { option }),
        }
    }

    /// Adds the variables and files of a program of the configuration file.
    pub fn add_exec_table(&mut self, table: &ExecTable) {
        let secret = |text: &str| Secret::new(text.to_owned());
        let mut add = |it: FileVariable<'_>, value: fn(Secret) -> GivenValue| {
            let FileValue { value: text, location } = it.value;
            let origin = VariableOrigin::ConfigFile(Arc::clone(location));
            let (name, value) = (secret(it.name), value(secret(text)));
            self.variables.push(GivenVariable { origin, name, value });
        };
        table.env().for_each(|it| add(it, GivenValue::Text));
        table.files().for_each(|it| add(it, GivenValue::File));
    }

    /// Adds the variables of a file of `--env-file`, whose name is `file` as a message may show it.
    pub fn add_env_file(&mut self, file: &str, contents: &SecretBytes) {
        let file: Arc<str> = file.into();
        let env_file::EnvFileLines { entries, mistakes } = env_file::parse(contents);
        self.variables.extend(entries.into_iter().map(|entry| GivenVariable {
            origin: VariableOrigin::EnvFile { file: Arc::clone(&file), line: entry.line },
            name: Secret::new(entry.name.as_str().to_owned()),
            value: entry.value.map_or(GivenValue::Kept, GivenValue::Text),
        }));
        self.mistakes.extend(mistakes.into_iter().map(|(line, mistake)| {
            VariableMistake::EnvFile { file: Arc::clone(&file), line, mistake }
        }));
    }

    /// Adds the variables of a container of a task definition of ECS, which is in `file`.
    pub fn add_task_definition(&mut self, file: &str, text: &SecretBytes, name: Option<&str>) {
        let file: Arc<str> = file.into();
        let container = match task_definition::container(text.expose(), name) {
            Ok(container) => container,
            Err(mistakes) => {
                self.mistakes.extend(mistakes.into_iter().map(|mistake| {
                    VariableMistake::TaskDefinition { file: Arc::clone(&file), mistake }
                }));
                return;
            }
        };
        let has_env_file = |it: &GivenVariable| it.origin.source() == VariableSource::EnvFile;
        if container.has_environment_files && !self.variables.iter().any(has_env_file) {
            self.mistakes.push(VariableMistake::EnvironmentFiles { file: Arc::clone(&file) });
        }
        let texts = container.environment.into_iter();
        let texts = texts.map(|(name, value)| ("environment", name, GivenValue::Literal(value)));
        let secrets = container
            .secrets
            .into_iter()
            .map(|(name, value)| ("secrets", name, GivenValue::ValueFrom(Secret::new(value))));
        for (list, name, value) in texts.chain(secrets) {
            let shown = EnvName::parse(&name);
            let shown = shown.as_ref().and_then(EnvName::shown).unwrap_or("…");
            let element = format!("{list}.{shown}");
            let origin =
                VariableOrigin::TaskDefinition { element: element.into(), file: Arc::clone(&file) };
            self.variables.push(GivenVariable { origin, name: Secret::new(name), value });
        }
    }

    /// Adds the variables of the caller whose values hold references. An ARN is left as it is: a program
    /// may need it as such.
    pub fn add_inherited<'a>(&mut self, variables: impl Iterator<Item = (&'a str, &'a str)>) {
        let with_references = variables.filter(|(_, value)| holds_references(value));
        self.variables.extend(with_references.map(|(name, value)| GivenVariable {
            origin: VariableOrigin::Inherited,
            name: Secret::new(name.to_owned()),
            value: GivenValue::Text(Secret::new(value.to_owned())),
        }));
    }

    /// Adds the arguments of the program that hold references; the first one is behind its name. An ARN is
    /// left as it is. One behind `=` was meant to be resolved; other texts can be for a shell.
    pub fn add_arguments<'a>(&mut self, arguments: impl Iterator<Item = &'a str>) {
        let is_value = |text: &str| uri_in_text(text).is_some_and(|at| text[..at].ends_with('='));
        let is_meant = |text: &str| text.starts_with('-') && is_value(text);
        for (index, text) in arguments.enumerate() {
            let pieces = match (holds_references(text), is_meant(text)) {
                (true, _) => pieces(text),
                (false, true) => Err(ValueProblem::Reference(ReferenceError::InText)),
                (false, false) => continue,
            };
            match pieces {
                Ok(pieces) => self.arguments.push(WantedArgument { index, pieces }),
                Err(problem) => self.mistakes.push(VariableMistake::Argument { index, problem }),
            }
        }
    }

    /// Returns what the program gets, or all mistakes.
    pub fn wanted(self) -> Result<WantedVariables, VariableMistakes> {
        let Self { variables: given, expansions, arguments, mut mistakes } = self;
        let mut variables: BTreeMap<EnvName, WantedVariable> = BTreeMap::new();
        for GivenVariable { origin, name, value } in given {
            let Some(name) = EnvName::parse(name.expose()) else {
                let name = env_name::shown_invalid(name.expose()).map(str::to_owned);
                mistakes.push(VariableMistake::Name { origin, name });
                continue;
            };
            if name.as_str() == EXEC_ROLE_VARIABLE {
                mistakes.push(VariableMistake::value(name, origin, ValueProblem::Reserved));
                continue;
            }
            let value = wanted_value(&value).unwrap_or_else(|problem| {
                mistakes.push(VariableMistake::value(name.clone(), origin.clone(), problem));
                WantedValue::Kept
            });
            match variables.entry(name) {
                Entry::Vacant(entry) => drop(entry.insert(WantedVariable { origin, value })),
                Entry::Occupied(mut entry) => match entry.get().origin.source() {
                    // What the caller has is what its references stand for.
                    VariableSource::Inherited if matches!(value, WantedValue::Kept) => {}
                    _ if is_inherited(&origin)
                        && matches!(entry.get().value, WantedValue::Kept) =>
                    {
                        entry.insert(WantedVariable { origin, value });
                    }
                    other if other > origin.source() => {}
                    other if other < origin.source() => {
                        entry.insert(WantedVariable { origin, value });
                    }
                    _ => mistakes.push(VariableMistake::Collision {
                        name: entry.key().clone(),
                        first: entry.get().origin.clone(),
                        second: origin,
                    }),
                },
            }
        }
        match VariableMistakes::new(mistakes) {
            Some(mistakes) => Err(mistakes),
            None => Ok(WantedVariables { variables, expansions, arguments }),
        }
    }
}

fn is_inherited(origin: &VariableOrigin) -> bool {
    origin.source() == VariableSource::Inherited
}

/// Returns what a value means.
fn wanted_value(given: &GivenValue) -> Result<WantedValue, ValueProblem> {
    match given {
        GivenValue::Kept => Ok(WantedValue::Kept),
        GivenValue::Literal(text) => Ok(WantedValue::Pieces(vec![literal(text.expose())?])),
        GivenValue::ValueFrom(text) => {
            let reference = Reference::parse_value_from(text.expose());
            let reference = single(reference.map_err(ValueProblem::Reference)?)?;
            Ok(WantedValue::Pieces(vec![ValuePiece::Reference(Box::new(reference))]))
        }
        GivenValue::File(text) => {
            let reference = Reference::parse(text.expose()).map_err(ValueProblem::Reference)?;
            Ok(WantedValue::File(Box::new(single(reference)?)))
        }
        GivenValue::Text(text) => text_value(text.expose()).map(WantedValue::Pieces),
    }
}

/// Returns the pieces of the value of a variable.
fn text_value(text: &str) -> Result<Vec<ValuePiece>, ValueProblem> {
    let pieces = pieces(text)?;
    let is_meant = |piece: &ValuePiece| match piece {
        ValuePiece::Text(text) => uri_in_text(text.expose()).is_some(),
        ValuePiece::Reference(_) => false,
    };
    match pieces.iter().any(is_meant) {
        true => Err(ValueProblem::Reference(ReferenceError::InText)),
        false => Ok(pieces),
    }
}

/// Returns the texts and references of a value, at least one piece.
fn pieces(text: &str) -> Result<Vec<ValuePiece>, ValueProblem> {
    let mut pieces = Vec::new();
    let mut from = 0;
    for FoundReference { range, reference } in Reference::find_in_value(text) {
        if range.start > from {
            pieces.push(literal(&text[from..range.start])?);
        }
        let reference = single(reference.map_err(ValueProblem::Reference)?)?;
        pieces.push(ValuePiece::Reference(Box::new(reference)));
        from = range.end;
    }
    if from < text.len() || pieces.is_empty() {
        pieces.push(literal(&text[from..])?);
    }
    Ok(pieces)
}

/// Returns whether a text that was not given for a value holds references. An ARN in there is one for
/// the program.
fn holds_references(text: &str) -> bool {
    let is_arn =
        |found: &FoundReference| found.range.len() == text.len() && text.starts_with("arn:");
    Reference::find_in_value(text).iter().any(|found| !is_arn(found))
}

fn literal(text: &str) -> Result<ValuePiece, ValueProblem> {
    match text.contains('\0') {
        true => Err(ValueProblem::Nul),
        false => Ok(ValuePiece::Text(Secret::new(text.to_owned()))),
    }
}

/// Refuses a reference that stands for several values.
fn single(reference: Reference) -> Result<Reference, ValueProblem> {
    match reference.part() {
        Part::AllMembers => Err(ValueProblem::AllMembers),
        _ => Ok(reference),
    }
}

#[cfg(test)]
mod tests;
