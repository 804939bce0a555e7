//! The references of a command line.

use crate::options::arguments::all_typed;
use crate::options::settings::Settings;
use crate::options::table::Origin;
use crate::options::table::secrets::REFERENCE;
use crate::output::usage::{UsageError, WrongReference};
use crate::secrets::reference::{NamedReference, Reference, shown_text};

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
