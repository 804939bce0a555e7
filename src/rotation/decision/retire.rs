//! The old access keys.

use super::{Deletion, NextStep, document_of, record_id};
use crate::output::rotation::{RotationError, RotationStep};
use crate::rotation::Strategy;
use crate::rotation::access_keys::{self, Due};
use crate::rotation::document::Document;
use crate::rotation::run::Run;
use crate::rotation::snapshot::Snapshot;

/// Returns what is due for the old keys.
pub(super) fn next(snapshot: &Snapshot, run: &Run<'_>) -> Result<Option<NextStep>, RotationError> {
    let (Some(Strategy::IamAccessKey(rotation)), Some(keys)) =
        (&run.settings.strategy, &snapshot.keys)
    else {
        return Ok(None);
    };
    for old in access_keys::replaced_keys(snapshot, keys) {
        let id = old.key.id.clone();
        if run.memory.retired.contains(&id) {
            continue;
        }
        let is_deactivated = run.memory.deactivated.contains(&id);
        match old.due(snapshot.now, rotation.keep_old) {
            Due::Deactivate if is_deactivated => return record(snapshot, run).map(Some),
            Due::Record => return record(snapshot, run).map(Some),
            Due::Deactivate => return Ok(Some(NextStep::Deactivate { id })),
            Due::Delete => return Ok(Some(NextStep::Delete { id, why: Deletion::Old })),
            Due::Nothing(_) => {}
        }
    }
    Ok(None)
}

/// Records the times of the old keys. What is known of the last rotation stays as it is.
fn record(snapshot: &Snapshot, run: &Run<'_>) -> Result<NextStep, RotationError> {
    let Document { old_keys, continues, .. } = document_of(snapshot, run)?;
    let last = match snapshot.record() {
        Some((_, record)) => record.clone(),
        None => Document::new(&run.id, (run.started, run.until)),
    };
    // If an older version was made the current one, its key counts as replaced from when it is so again.
    let (current, ..) = snapshot.current()?;
    let is_current = last.value_version.as_deref() == Some(current);
    let replaces_key = last.replaces_key.clone().filter(|_| is_current);
    let document = Document { old_keys, continues, replaces_key, ..last };
    let from = record_id(snapshot).map(str::to_owned);
    Ok(NextStep::Record { document: Box::new(document), from, why: RotationStep::Retire })
}
