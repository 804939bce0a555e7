//! The names that a parameter may have.
//!
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html>

use thiserror::Error;

/// The most levels of a hierarchy.
pub(super) const MOST_LEVELS: usize = 15;
/// The most characters of a name.
const MOST_LETTERS: usize = 1011;

/// Why a parameter cannot have a name, in the service's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum NameError {
    #[error("Parameter name must be a fully qualified name.")]
    Unqualified,
    #[error("Parameter name: can't be longer than {MOST_LETTERS} characters.")]
    Long,
    #[error(
        "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). If formed \
         as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be \
         formed as a mix of letters, numbers and the following 3 symbols .-_"
    )]
    Letters,
    /// `/aws/…` is for AWS.
    #[error("No access to reserved parameter name.")]
    Reserved,
    #[error("Parameter name: can't have more than {MOST_LEVELS} levels.")]
    Levels,
}

/// Refuses a name that no parameter can have.
pub(crate) fn check_name(name: &str) -> Result<(), NameError> {
    if !is_spelled_of_letters(name) {
        return Err(NameError::Letters);
    }
    let lower = name.to_ascii_lowercase();
    let has_levels = name.trim_start_matches('/').contains('/');
    if has_levels && lower.starts_with("/aws") {
        return Err(NameError::Reserved);
    }
    if ["aws", "ssm"].iter().any(|prefix| lower.trim_start_matches('/').starts_with(prefix)) {
        return Err(NameError::Letters);
    }
    if has_levels && !name.starts_with('/') {
        return Err(NameError::Unqualified);
    }
    if name.len() > MOST_LETTERS {
        return Err(NameError::Long);
    }
    if levels(name) > MOST_LEVELS { Err(NameError::Levels) } else { Ok(()) }
}

/// Returns how many levels a name or a path has.
pub(super) fn levels(name: &str) -> usize {
    name.split('/').filter(|level| !level.is_empty()).count()
}

/// Returns whether a name has a letter at its end and no other characters than names may have.
fn is_spelled_of_letters(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || "_.-/".contains(c);
    !name.is_empty() && name.chars().all(is_letter) && !name.contains("//") && !name.ends_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_checked_as_parameter_store_does() {
        let levels = |count: usize| "/a".repeat(count);
        for (name, expected) in [
            ("plain", Ok(())),
            ("/plain", Ok(())),
            ("/prod/db-1/user_name.x", Ok(())),
            (&levels(15), Ok(())),
            (&levels(16), Err(NameError::Levels)),
            ("prod/db", Err(NameError::Unqualified)),
            ("", Err(NameError::Letters)),
            ("/prod/", Err(NameError::Letters)),
            ("/prod//db", Err(NameError::Letters)),
            ("/prod/a@b", Err(NameError::Letters)),
            ("a b", Err(NameError::Letters)),
            ("a:1", Err(NameError::Letters)),
            ("awsome", Err(NameError::Letters)),
            ("/SSM/x", Err(NameError::Letters)),
            ("/aws/service/x", Err(NameError::Reserved)),
            (&"x".repeat(1011), Ok(())),
            (&"x".repeat(1012), Err(NameError::Long)),
        ] {
            assert_eq!(check_name(name), expected, "{name}");
        }
    }
}
