//! The old access keys.

use super::{Deletion, NextStep, document_of, record_id};
use crate::output::rotation::{RotationError, RotationStep, RotationStrategy};
use crate::rotation::access_keys::{self, Due};
use crate::rotation::document::Document;
use crate::rotation::labels::CURRENT;
use crate::rotation::run::Run;
use crate::rotation::snapshot::Snapshot;
use crate::rotation::{Force, Strategy};

/// Returns what is due for the old keys.
pub(super) fn next(snapshot: &Snapshot, run: &Run<'_>) -> Result<Option<NextStep>, RotationError> {
    let (Some(Strategy::IamAccessKey(rotation)), Some(keys)) =
        (&run.settings.strategy, &snapshot.keys)
    else {
        return check_strategy(snapshot, run).map(|()| None);
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
    let is_gone =
        |id: &&str| !keys.keys.iter().any(|key| key.id == *id) && !run.memory.retired.contains(*id);
    match snapshot.record().is_some_and(|(_, it)| named(snapshot, it).iter().any(is_gone)) {
        true => record(snapshot, run).map(Some),
        false => Ok(None),
    }
}

/// Returns the old keys that a record names.
pub(in crate::rotation) fn named<'a>(snapshot: &Snapshot, record: &'a Document) -> Vec<&'a str> {
    let is_current = record.value_version.as_deref() == snapshot.labels.version(CURRENT);
    let replaced = record.replaces_key.as_ref().filter(|_| is_current);
    let old = record.old_keys.iter().map(|old| &old.id);
    old.chain(replaced).map(String::as_str).collect()
}

/// Refuses another strategy while an old access key is kept, which no run of that would deactivate or delete.
fn check_strategy(snapshot: &Snapshot, run: &Run<'_>) -> Result<(), RotationError> {
    let record = snapshot.record().map(|(_, record)| record);
    let record = record.filter(|it| it.strategy == RotationStrategy::IamAccessKey);
    let kept = record.and_then(|record| named(snapshot, record).first().map(|id| id.to_string()));
    match kept.filter(|_| run.settings.force == Force::No) {
        Some(id) => Err(RotationError::OldKeyKept { id }),
        None => Ok(()),
    }
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
    let exists = |id: &String| {
        let keys = snapshot.keys.as_ref();
        keys.is_none_or(|keys| keys.keys.iter().any(|key| key.id == *id))
    };
    let replaces_key = last.replaces_key.clone().filter(|id| is_current && exists(id));
    let document = Document { old_keys, continues, replaces_key, ..last };
    let from = record_id(snapshot).map(str::to_owned);
    Ok(NextStep::Record { document: Box::new(document), from, why: RotationStep::Retire })
}
