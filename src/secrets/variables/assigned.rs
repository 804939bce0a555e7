//! From the values of references to the variables and files of a program.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::mistake::{ValueProblem, VariableMistake, VariableMistakes};
use super::{
    EnvName, Expansion, ValuePiece, VariableOrigin, WantedArgument, WantedValue, WantedVariable,
    WantedVariables,
};
use crate::secrets::reference::{NamedReference, Reference};
use crate::secrets::value::ResolvedValue;
use roles_anywhere_client::secret::{Secret, SecretBytes};
use roles_anywhere_client::text::disclosure::may_be_repeated;

/// The variables and files of a program, in the order of their names.
#[derive(Clone, Debug, Default)]
pub struct AssignedVariables {
    /// The variables that are set.
    pub set: Vec<(EnvName, SecretBytes)>,
    /// The variables that the program does not get: their references are optional, and stand for nothing.
    pub removed: Vec<EnvName>,
    /// The contents of files, by the variables that hold their paths.
    pub files: Vec<(EnvName, SecretBytes)>,
    /// The arguments that are replaced, by their index.
    pub arguments: Vec<(usize, SecretBytes)>,
}

/// What the system and the program allow.
#[derive(Clone, Debug, Default)]
pub struct VariableLimits {
    /// The most bytes of a variable with its name; `None` if there is no such limit.
    pub length: Option<usize>,
    /// The variables that would stand beside the credentials that the program gets.
    pub reserved: Vec<&'static str>,
    /// Whether a program is started with the variables.
    pub starts_program: bool,
}

impl AssignedVariables {
    /// Returns whether it is the same to a program.
    pub fn is_same(&self, other: &Self) -> bool {
        fn is_equal<T: PartialEq>(ours: &[(T, SecretBytes)], theirs: &[(T, SecretBytes)]) -> bool {
            let is_equal = |((name, value), (other, other_value)): (&(T, _), &(T, SecretBytes))| {
                let value: &SecretBytes = value;
                name == other && value.expose() == other_value.expose()
            };
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(is_equal)
        }
        is_equal(&self.set, &other.set)
            && self.removed == other.removed
            && is_equal(&self.files, &other.files)
            && is_equal(&self.arguments, &other.arguments)
    }

    /// Returns the variables whose values or absence it decides.
    pub fn names(&self) -> impl Iterator<Item = &EnvName> {
        let set = self.set.iter().chain(&self.files).map(|(name, _)| name);
        set.chain(&self.removed)
    }
}

impl WantedVariables {
    /// Returns whether a variable holds the path of a file.
    pub fn has_files(&self) -> bool {
        let mut variables = self.variables.values();
        variables.any(|wanted| matches!(wanted.value, WantedValue::File(_)))
    }

    /// Returns whether a variable or an argument holds the value of a reference, and not the path of a file.
    pub fn has_values(&self) -> bool {
        let of_pieces = |pieces: &[ValuePiece]| references(pieces).next().is_some();
        let is_value = |wanted: &WantedVariable| match &wanted.value {
            WantedValue::Pieces(pieces) => of_pieces(pieces),
            WantedValue::Kept | WantedValue::File(_) => false,
        };
        !self.expansions.is_empty()
            || self.variables.values().any(is_value)
            || self.arguments.iter().any(|argument| of_pieces(&argument.pieces))
    }

    /// Returns the references whose values are needed, in the order in which [`Self::assigned`] takes them.
    pub fn references(&self) -> Vec<NamedReference> {
        let of_variables = self.variables.iter().flat_map(|(name, wanted)| {
            let (pieces, file) = match &wanted.value {
                WantedValue::Kept => (&[][..], None),
                WantedValue::Pieces(pieces) => (&pieces[..], None),
                WantedValue::File(reference) => (&[][..], Some(&**reference)),
            };
            references(pieces).chain(file).map(|reference| named(name.to_string(), reference))
        });
        let of_expansions = self.expansions.iter();
        let of_expansions =
            of_expansions.map(|expansion| named("`--from`".to_owned(), &expansion.reference));
        let of_arguments = self.arguments.iter().flat_map(|WantedArgument { index, pieces }| {
            let name = format!("argument {}", index + 1);
            references(pieces).map(move |reference| named(name.clone(), reference))
        });
        of_variables.chain(of_expansions).chain(of_arguments).collect()
    }

    /// Returns the variables and files of a program, or all mistakes. `values` are those of
    /// [`Self::references`].
    pub fn assigned(
        self,
        values: impl IntoIterator<Item = ResolvedValue>,
        limits: &VariableLimits,
    ) -> Result<AssignedVariables, VariableMistakes> {
        let Self { variables, expansions, arguments } = self;
        let mut values = values.into_iter();
        let mut next = || values.next().unwrap_or(ResolvedValue::Absent);
        let (assigned, mistakes) = (AssignedVariables::default(), Vec::new());
        let mut assignment = Assignment { limits, assigned, mistakes, origins: BTreeMap::new() };
        for (name, WantedVariable { origin, value }) in variables {
            let value = match value {
                WantedValue::Kept => AssignedValue::Kept,
                WantedValue::Pieces(pieces) => joined(pieces, &mut next),
                WantedValue::File(_) => {
                    bytes_of(next()).map_or(AssignedValue::Removed, AssignedValue::File)
                }
            };
            assignment.add(name, origin, value);
        }
        for expansion in expansions {
            if let ResolvedValue::Members(members) = next() {
                assignment.add_members(&expansion, members);
            }
        }
        for WantedArgument { index, pieces } in arguments {
            assignment.add_argument(index, joined(pieces, &mut next));
        }
        assignment.assigned.set.sort_by(|(a, _), (b, _)| a.cmp(b));
        match VariableMistakes::new(assignment.mistakes) {
            Some(mistakes) => Err(mistakes),
            None => Ok(assignment.assigned),
        }
    }
}

fn named(name: String, reference: &Reference) -> NamedReference {
    NamedReference { name: Some(name), reference: reference.clone() }
}

fn references(pieces: &[ValuePiece]) -> impl Iterator<Item = &Reference> {
    pieces.iter().filter_map(|piece| match piece {
        ValuePiece::Text(_) => None,
        ValuePiece::Reference(reference) => Some(&**reference),
    })
}

/// What a variable is, with the values of its references.
enum AssignedValue {
    Kept,
    Removed,
    Set(SecretBytes),
    File(SecretBytes),
}

/// Returns a value of its pieces.
fn joined(pieces: Vec<ValuePiece>, next: &mut impl FnMut() -> ResolvedValue) -> AssignedValue {
    let mut parts: Vec<SecretBytes> = Vec::with_capacity(pieces.len());
    let mut is_absent = false;
    for piece in pieces {
        match piece {
            ValuePiece::Text(text) => parts.push(bytes(&text)),
            ValuePiece::Reference(_) => match bytes_of(next()) {
                Some(value) => parts.push(value),
                None => is_absent = true,
            },
        }
    }
    match (is_absent, parts.len()) {
        (true, _) => AssignedValue::Removed,
        (false, 1) => AssignedValue::Set(parts.remove(0)),
        (false, _) => {
            let parts: Vec<&[u8]> = parts.iter().map(SecretBytes::expose).collect();
            AssignedValue::Set(SecretBytes::new(parts.concat()))
        }
    }
}

/// Returns a single value, if there is one.
fn bytes_of(value: ResolvedValue) -> Option<SecretBytes> {
    match value {
        ResolvedValue::Text(text) => Some(bytes(&text)),
        ResolvedValue::Binary(bytes) => Some(bytes),
        ResolvedValue::Absent | ResolvedValue::Members(_) => None,
    }
}

fn bytes(text: &Secret) -> SecretBytes {
    SecretBytes::new(text.expose().as_bytes().to_vec())
}

/// The variables that are assigned so far.
struct Assignment<'a> {
    limits: &'a VariableLimits,
    assigned: AssignedVariables,
    mistakes: Vec<VariableMistake>,
    /// Where each is given.
    origins: BTreeMap<EnvName, VariableOrigin>,
}

impl Assignment<'_> {
    fn add(&mut self, name: EnvName, origin: VariableOrigin, value: AssignedValue) {
        if let Some(problem) = self.problem(&name, &value) {
            self.mistakes.push(VariableMistake::value(name.clone(), origin.clone(), problem));
        }
        self.origins.insert(name.clone(), origin);
        match value {
            AssignedValue::Kept => {}
            AssignedValue::Removed => self.assigned.removed.push(name),
            AssignedValue::Set(value) => self.assigned.set.push((name, value)),
            AssignedValue::File(contents) => self.assigned.files.push((name, contents)),
        }
    }

    /// Adds an argument. What is optional and has no value is empty, so that those behind it keep their
    /// places.
    fn add_argument(&mut self, index: usize, value: AssignedValue) {
        let value = match value {
            AssignedValue::Set(value) => value,
            _ => SecretBytes::default(),
        };
        if value.expose().contains(&0) {
            let problem = ValueProblem::Nul;
            self.mistakes.push(VariableMistake::Argument { index, problem });
        }
        self.assigned.arguments.push((index, value));
    }

    /// Adds the members of a reference of `--from`, but those that another source gives.
    fn add_members(&mut self, expansion: &Expansion, members: Vec<(String, Secret)>) {
        let reference: Arc<str> = expansion.reference.shown().into();
        for (key, value) in members {
            let shown = may_be_repeated(&key).then(|| format!("`{key}`"));
            let key_text = shown.unwrap_or_else(|| "(not shown)".to_owned()).into();
            let reference = Arc::clone(&reference);
            let origin = VariableOrigin::Member { reference, key: key_text };
            let Some(name) = EnvName::of_member(&expansion.prefix, &key) else {
                self.mistakes.push(VariableMistake::MemberName { origin });
                continue;
            };
            match self.origins.get(&name) {
                Some(other) if other.source() != origin.source() => {}
                Some(first) => {
                    let (first, second) = (first.clone(), origin);
                    self.mistakes.push(VariableMistake::Collision { name, first, second });
                }
                None if self.limits.starts_program && name.chooses_code() => {
                    let problem = ValueProblem::ChoosesCode;
                    self.mistakes.push(VariableMistake::value(name, origin, problem));
                }
                None => self.add(name, origin, AssignedValue::Set(bytes(&value))),
            }
        }
    }

    /// Returns why a program cannot get a variable.
    fn problem(&self, name: &EnvName, value: &AssignedValue) -> Option<ValueProblem> {
        let VariableLimits { length, reserved, .. } = self.limits;
        if matches!(value, AssignedValue::Kept) {
            return None;
        }
        if reserved.contains(&name.as_str()) {
            return Some(ValueProblem::Credentials);
        }
        let AssignedValue::Set(value) = value else { return None };
        let value = value.expose();
        // As the system counts it: with `=` and the NUL byte at the end.
        let total = name.as_str().len() + value.len() + 2;
        match value.contains(&0) {
            true => Some(ValueProblem::Nul),
            false => {
                length.filter(|most| total > *most).map(|_| ValueProblem::TooLong { length: total })
            }
        }
    }
}
