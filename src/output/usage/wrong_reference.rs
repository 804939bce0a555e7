//! References on a command line that are not valid.

use crate::output::error::{Error, Kind};
use crate::secrets::reference::ReferenceError;

/// A text that is not a valid reference.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WrongReference {
    /// The text, as it may be shown.
    pub shown: String,
    /// Why it is not a reference.
    pub source: ReferenceError,
}

/// The only reference that is not valid.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct InvalidReference {
    message: String,
    source: ReferenceError,
}

/// What to do.
pub(super) const HINT: &str =
    "`roles-anywhere resolve --help` and docs/references.md show how references are written";

/// Returns what is printed of several.
pub(super) fn message(wrong: &[WrongReference]) -> String {
    match wrong {
        [only] => format!("invalid reference `{}`", only.shown),
        _ => format!("{} references are not valid", wrong.len()),
    }
}

/// Returns the error of all of them.
pub(in crate::output) fn error(wrong: &[WrongReference]) -> Error {
    let message = message(wrong);
    if let [WrongReference { source, .. }] = wrong {
        let error = InvalidReference { message, source: source.clone() };
        return Error::new(Kind::Usage, error).hint(HINT);
    }
    let line = |WrongReference { shown, source }: &WrongReference| {
        let mut causes = source.to_string();
        let mut cause = std::error::Error::source(source);
        while let Some(inner) = cause {
            causes = format!("{causes}: {inner}");
            cause = inner.source();
        }
        format!("`{shown}`: {causes}")
    };
    Error::listed(Kind::Usage, message, wrong.iter().map(line)).unabridged().hint(HINT)
}
