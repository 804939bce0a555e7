//! `--from` and the `--prefix` behind it: members of a secret as variables.

use super::EnvName;
use super::mistake::{FromProblem, VariableMistake};
use crate::secrets::reference::{Part, Reference};

/// A `--from` as it was given.
#[derive(Clone, Copy, Debug)]
pub struct GivenExpansion<'a> {
    /// Where it is on the command line: a greater number is behind a lesser one.
    pub index: usize,
    /// The reference.
    pub reference: &'a str,
}

/// A `--prefix` as it was given.
#[derive(Clone, Copy, Debug)]
pub struct GivenPrefix<'a> {
    /// Where it is on the command line.
    pub index: usize,
    /// The text.
    pub prefix: &'a str,
}

/// A reference whose members become variables.
#[derive(Clone, Debug)]
pub struct Expansion {
    /// The reference: to an object.
    pub reference: Reference,
    /// What the names of its variables begin with; may be empty.
    pub prefix: String,
}

/// Returns the references with their prefixes, and what is wrong with them. A prefix belongs to the
/// reference before it.
pub fn expansions(
    from: &[GivenExpansion<'_>],
    prefixes: &[GivenPrefix<'_>],
) -> (Vec<Expansion>, Vec<VariableMistake>) {
    let mut mistakes = Vec::new();
    let mut texts = vec![None; from.len()];
    for GivenPrefix { index, prefix } in prefixes {
        let before = from.iter().filter(|it| it.index < *index).count();
        let problem = match before.checked_sub(1).map(|at| &mut texts[at]) {
            None => Some(FromProblem::NoFrom),
            Some(Some(_)) => Some(FromProblem::SecondPrefix),
            Some(text @ None) => {
                *text = Some((*prefix).to_owned());
                let is_prefix = prefix.is_empty() || EnvName::parse(prefix).is_some();
                (!is_prefix).then_some(FromProblem::Prefix)
            }
        };
        mistakes.extend(problem);
    }
    let mut expansions = Vec::new();
    for (GivenExpansion { reference, .. }, prefix) in from.iter().zip(texts) {
        match object(reference) {
            Ok(reference) => {
                let prefix = prefix.unwrap_or_default();
                expansions.push(Expansion { reference, prefix });
            }
            Err(problem) => mistakes.push(problem),
        }
    }
    (expansions, mistakes.into_iter().map(VariableMistake::From).collect())
}

/// Returns a reference to all members of an object.
fn object(text: &str) -> Result<Reference, FromProblem> {
    let reference = Reference::parse(text).map_err(FromProblem::Reference)?;
    match reference.part() {
        Part::Whole | Part::AllMembers => {
            reference.with_all_members().map_err(FromProblem::Reference)
        }
        Part::Member(_) | Part::Path(_) => Err(FromProblem::Key),
    }
}
