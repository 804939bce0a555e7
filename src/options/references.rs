//! The references of a command line.

use crate::options::arguments::all_typed;
use crate::options::reference_reader::is_through_serve;
use crate::options::settings::Settings;
use crate::options::table::secrets::REFERENCE;
use crate::options::table::session::required_with;
use crate::options::table::{OptionSpec, Origin};
use crate::output::usage::{UsageError, WrongReference};
use crate::secrets::reference::{NamedReference, Reference, shown_text};

/// The options without which no references are read with a session.
pub const REQUIRED: &[&OptionSpec] = &required_with(&REFERENCE);

/// Returns an error about an option that is missing so that it names the references with the options of the
/// session.
pub fn with_all_missing(settings: &Settings<'_>, error: UsageError) -> UsageError {
    let is_of_both = |options: &[_]| options.iter().all(|option| REQUIRED.contains(option));
    match error {
        UsageError::Missing { options, .. }
            if is_of_both(&options) && !is_through_serve(settings) =>
        {
            settings.missing(REQUIRED)
        }
        error => error,
    }
}

/// Returns the references; the error lists all that are wrong.
pub fn references(settings: &Settings<'_>) -> Result<Vec<NamedReference>, UsageError> {
    let (mut references, mut wrong) = (Vec::new(), Vec::new());
    for text in all_typed(settings.typed, &REFERENCE) {
        let setting = settings.setting(Origin::Flag(&REFERENCE), text)?;
        match Reference::parse(setting.value) {
            Ok(reference) => references.push(NamedReference { name: None, reference }),
            Err(source) => wrong.push(WrongReference { shown: shown_text(text), source }),
        }
    }
    match (wrong.is_empty(), references.is_empty()) {
        (false, _) => Err(UsageError::References(wrong)),
        (true, true) => Err(settings.missing(&[&REFERENCE])),
        (true, false) => Ok(references),
    }
}
