//! The new value.

use super::{Deletion, NextStep};
use crate::output::rotation::{RotatedValueError, RotationError};
use crate::rotation::document::{Document, KeyCreation};
use crate::rotation::run::Run;
use crate::rotation::snapshot::{Active, Snapshot, UserKeys};
use crate::rotation::value::{KeyInSecret, with_password};
use crate::rotation::{Creation, Strategy, access_keys};
use roles_anywhere_client::aws::get_secret_value::SecretValue;
use roles_anywhere_client::secret::Secret;

/// The seconds by which the time of a call may be later than the one that AWS's clock has shown: each
/// is known to a second.
const CLOCK_PRECISION: i64 = 1;
/// The seconds after which a call is recorded again that was not made yet.
const FRESH: i64 = 60;

/// Refuses what can be known before anything is changed: a value that cannot be replaced, two keys.
pub(super) fn check(snapshot: &Snapshot, run: &Run<'_>) -> Result<(), RotationError> {
    let (_, value, _) = snapshot.current()?;
    match (&run.settings.strategy, &snapshot.keys) {
        (Some(Strategy::IamAccessKey(rotation)), Some(keys)) => {
            KeyInSecret::parse(value).map_err(RotationError::Value)?;
            let record = snapshot.record().map(|(_, record)| record);
            access_keys::room_for_a_key(snapshot, record, keys, rotation.keep_old)
        }
        (
            Some(
                Strategy::RandomPassword { password, .. }
                | Strategy::Command { create: Creation::Password(password), .. },
            ),
            _,
        ) => with_password(value, password.key.as_deref(), &Secret::new(String::new()))
            .map(drop)
            .map_err(RotationError::Value),
        (Some(Strategy::Command { .. }), _) => match value {
            SecretValue::Text(_) => Ok(()),
            _ => Err(RotationError::Value(RotatedValueError::Binary)),
        },
        _ => Ok(()),
    }
}

/// Returns the next step of a run whose document has AWSPENDING and is the record.
pub(super) fn next(
    snapshot: &Snapshot,
    run: &Run<'_>,
    active: Active<'_>,
) -> Result<NextStep, RotationError> {
    let Active { document, pending, .. } = active;
    let version = document.value_version.clone().unwrap_or_else(|| run.value_version.clone());
    if snapshot.value(&version).is_some() {
        return Ok(NextStep::MovePending { from: pending.to_owned(), to: version });
    }
    if run.memory.new_value.is_some() {
        return Ok(NextStep::Store { version });
    }
    match (&run.settings.strategy, &snapshot.keys) {
        (Some(Strategy::IamAccessKey(rotation)), Some(keys)) => {
            let is_announced = |call: &KeyCreation| {
                call.run == run.id && call.called.seconds_until(snapshot.now) < FRESH
            };
            if document.created.last().is_some_and(is_announced) {
                return Ok(NextStep::Create);
            }
            // This run has not made its call: a key that appeared since is another program's.
            let document = &document.without_calls_of(&run.id);
            if let Some(lost) = access_keys::lost_key(snapshot, document, keys) {
                return Ok(NextStep::Delete { id: lost.id.clone(), why: Deletion::Lost });
            }
            let keep = rotation.keep_old;
            access_keys::room_for_a_key(snapshot, Some(document), keys, keep)?;
            Ok(announce(snapshot, run, Active { document, ..active }, keys))
        }
        _ => Ok(NextStep::Create),
    }
}

/// Records that CreateAccessKey is about to be called.
fn announce(snapshot: &Snapshot, run: &Run<'_>, active: Active<'_>, keys: &UserKeys) -> NextStep {
    let Active { document, document_version, pending } = active;
    let mut created = document.created.clone();
    created.push(KeyCreation {
        run: run.id.clone(),
        called: snapshot.now.after(-CLOCK_PRECISION),
        keys_before: keys.keys.iter().map(|key| key.id.clone()).collect(),
    });
    let continues = Some(document_version.to_owned());
    let document = Document { created, continues, ..document.clone() };
    NextStep::Claim { document: Box::new(document), from: Some(pending.to_owned()) }
}
