//! From the values of references to the variables and files of a program.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::mistake::{ValueProblem, VariableMistake, VariableMistakes};
use super::{
    EnvName, Expansion, ValuePiece, VariableOrigin, WantedValue, WantedVariable, WantedVariables,
};
use crate::secrets::reference::Reference;
use roles_anywhere_client::secret::{Secret, SecretBytes};
use roles_anywhere_client::text::disclosure::may_be_repeated;

/// What a reference stands for.
#[derive(Clone, Debug)]
pub enum ReferenceValue {
    /// Nothing: it is optional.
    Absent,
    /// A text, or the bytes of a binary secret.
    Value(SecretBytes),
    /// The members of an object, each with its name.
    Members(Vec<(String, Secret)>),
}

/// The variables and files of a program, in the order of their names.
#[derive(Clone, Debug, Default)]
pub struct AssignedVariables {
    /// The variables that are set.
    pub set: Vec<(EnvName, SecretBytes)>,
    /// The variables that the program does not get: their references are optional, and stand for nothing.
    pub removed: Vec<EnvName>,
    /// The contents of files, by the variables that hold their paths.
    pub files: Vec<(EnvName, SecretBytes)>,
}

/// What the system and the program allow.
#[derive(Clone, Copy, Debug)]
pub struct VariableLimits {
    /// The most bytes of a variable with its name; `None` if there is no such limit.
    pub length: Option<usize>,
    /// Tells whether a variable would stand beside the credentials that the program gets.
    pub is_reserved: fn(&str) -> bool,
}

impl WantedVariables {
    /// Returns the references whose values are needed, in the order in which [`Self::assigned`] takes them.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        let of_variables = self.variables.values().flat_map(|wanted| {
            let (pieces, file) = match &wanted.value {
                WantedValue::Kept => (&[][..], None),
                WantedValue::Pieces(pieces) => (&pieces[..], None),
                WantedValue::File(reference) => (&[][..], Some(&**reference)),
            };
            let of_pieces = pieces.iter().filter_map(|piece| match piece {
                ValuePiece::Text(_) => None,
                ValuePiece::Reference(reference) => Some(&**reference),
            });
            of_pieces.chain(file)
        });
        of_variables.chain(self.expansions.iter().map(|expansion| &expansion.reference))
    }

    /// Returns the variables and files of a program, or all mistakes. `values` are those of
    /// [`Self::references`].
    pub fn assigned(
        self,
        values: impl IntoIterator<Item = ReferenceValue>,
        limits: VariableLimits,
    ) -> Result<AssignedVariables, VariableMistakes> {
        let Self { variables, expansions } = self;
        let mut values = values.into_iter();
        let mut next = || values.next().unwrap_or(ReferenceValue::Absent);
        let (assigned, mistakes) = (AssignedVariables::default(), Vec::new());
        let mut assignment = Assignment { limits, assigned, mistakes, origins: BTreeMap::new() };
        for (name, WantedVariable { origin, value }) in variables {
            let value = match value {
                WantedValue::Kept => AssignedValue::Kept,
                WantedValue::Pieces(pieces) => joined(pieces, &mut next),
                WantedValue::File(_) => match next() {
                    ReferenceValue::Value(contents) => AssignedValue::File(contents),
                    _ => AssignedValue::Removed,
                },
            };
            assignment.add(name, origin, value);
        }
        for expansion in expansions {
            if let ReferenceValue::Members(members) = next() {
                assignment.add_members(&expansion, members);
            }
        }
        assignment.assigned.set.sort_by(|(a, _), (b, _)| a.cmp(b));
        match VariableMistakes::new(assignment.mistakes) {
            Some(mistakes) => Err(mistakes),
            None => Ok(assignment.assigned),
        }
    }
}

/// What a variable is, with the values of its references.
enum AssignedValue {
    Kept,
    Removed,
    Set(SecretBytes),
    File(SecretBytes),
}

/// Returns a value of its pieces.
fn joined(pieces: Vec<ValuePiece>, next: &mut impl FnMut() -> ReferenceValue) -> AssignedValue {
    let mut parts: Vec<SecretBytes> = Vec::with_capacity(pieces.len());
    let mut is_absent = false;
    for piece in pieces {
        match piece {
            ValuePiece::Text(text) => parts.push(bytes(&text)),
            ValuePiece::Reference(_) => match next() {
                ReferenceValue::Value(value) => parts.push(value),
                ReferenceValue::Absent | ReferenceValue::Members(_) => is_absent = true,
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

fn bytes(text: &Secret) -> SecretBytes {
    SecretBytes::new(text.expose().as_bytes().to_vec())
}

/// The variables that are assigned so far.
struct Assignment {
    limits: VariableLimits,
    assigned: AssignedVariables,
    mistakes: Vec<VariableMistake>,
    /// Where each is given.
    origins: BTreeMap<EnvName, VariableOrigin>,
}

impl Assignment {
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
                None => self.add(name, origin, AssignedValue::Set(bytes(&value))),
            }
        }
    }

    /// Returns why a program cannot get a variable.
    fn problem(&self, name: &EnvName, value: &AssignedValue) -> Option<ValueProblem> {
        let VariableLimits { length, is_reserved } = self.limits;
        if matches!(value, AssignedValue::Kept) {
            return None;
        }
        if is_reserved(name.as_str()) {
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
