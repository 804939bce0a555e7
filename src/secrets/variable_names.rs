//! The variables that stand for several values: each named by the name of its value.

use std::fmt;

use crate::output::error::{Error, Kind};
use crate::secrets::variables::EnvName;
use roles_anywhere_client::text::disclosure::may_be_repeated;

/// Returns the names of variables for values of these names, in their order: in upper case, with `_` for
/// each character that is neither a letter nor a digit. The error has every mistake.
pub fn variable_names(names: &[&str]) -> Result<Vec<EnvName>, NamingMistakes> {
    let mut variables: Vec<(EnvName, &str)> = Vec::new();
    let mut mistakes = Vec::new();
    for name in names {
        let Some(variable) = EnvName::of_member("", name) else {
            mistakes.push(NamingMistake::Unnamed(ShownName::of(name)));
            continue;
        };
        match variables.iter().find(|(other, _)| *other == variable) {
            Some((_, first)) => mistakes.push(NamingMistake::Collision {
                variable,
                first: ShownName::of(first),
                second: ShownName::of(name),
            }),
            None => variables.push((variable, name)),
        }
    }
    match mistakes.is_empty() {
        true => Ok(variables.into_iter().map(|(variable, _)| variable).collect()),
        false => Err(NamingMistakes(mistakes)),
    }
}

/// Values that cannot be printed as variables; at least one mistake.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NamingMistakes(pub Vec<NamingMistake>);

/// Why a value has no variable.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NamingMistake {
    /// Its name makes no name of a variable.
    #[error("{0} makes no name of a variable: it begins with a digit, or is too long")]
    Unnamed(ShownName),
    /// Two values have one variable.
    #[error("{first} and {second} are both the variable {variable}")]
    Collision {
        /// The variable.
        variable: EnvName,
        /// The first value.
        first: ShownName,
        /// The second one.
        second: ShownName,
    },
}

/// The name of a value, if it may be shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ShownName(Option<String>);

impl ShownName {
    fn of(name: &str) -> Self {
        Self(may_be_repeated(name).then(|| name.to_owned()))
    }
}

impl fmt::Display for ShownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(name) => write!(f, "`{name}`"),
            None => f.write_str("a name (not shown)"),
        }
    }
}

impl From<NamingMistakes> for Error {
    fn from(NamingMistakes(mut all): NamingMistakes) -> Self {
        let hint = "use `--output json`, which keeps the names as they are";
        if all.len() == 1 {
            return Self::usage(all.remove(0), [hint.to_owned()]);
        }
        let message =
            format!("{} values make no variable; `--output json` keeps their names", all.len());
        Self::listed(Kind::Usage, message, all.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_upper_case_with_underscores() {
        let names = variable_names(&["db/url", "api.key-2"]).unwrap();
        let names: Vec<_> = names.iter().map(EnvName::as_str).collect();
        assert_eq!(names, ["DB_URL", "API_KEY_2"]);
    }

    #[test]
    fn all_mistakes_are_reported() {
        let NamingMistakes(mistakes) = variable_names(&["a.b", "1st", "A_b", "c"]).unwrap_err();
        let texts: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "`1st` makes no name of a variable: it begins with a digit, or is too long",
                "`a.b` and `A_b` are both the variable `A_B`",
            ]
        );
    }
}
