//! The removal of a pending version.

use super::{Deletion, NextStep};
use crate::output::rotation::{OtherRotation, RotationError, RotationStep, RotationStrategy};
use crate::rotation::run::Run;
use crate::rotation::snapshot::{Active, Snapshot};
use crate::rotation::{Force, Goal, access_keys};

/// Decides about a pending version of another program.
pub(super) fn other(
    snapshot: &Snapshot,
    run: &Run<'_>,
    (version, is_empty): (&str, bool),
) -> Result<NextStep, RotationError> {
    if run.has_claimed() {
        return Err(RotationError::TakenOver);
    }
    let version = version.to_owned();
    // An empty version is what a rotation leaves that was cancelled.
    let is_left = is_empty && snapshot.other.is_none();
    match run.settings.goal {
        Goal::Abort if is_left || run.settings.force == Force::Yes => {
            Ok(NextStep::Release { version, why: RotationStep::Abort })
        }
        Goal::Rotate if snapshot.other.is_some() && run.settings.force == Force::No => {
            let other = snapshot.other.clone().unwrap_or(OtherRotation::Scheduled);
            Err(RotationError::RotatedElsewhere(other))
        }
        Goal::Abort | Goal::Rotate => Err(RotationError::OtherPending { version, is_empty }),
    }
}

/// Returns the next step of a run that aborts a rotation of this program.
pub(super) fn next(snapshot: &Snapshot, active: Active<'_>) -> NextStep {
    let Active { document, pending, .. } = active;
    let release = NextStep::Release { version: pending.to_owned(), why: RotationStep::Abort };
    let (RotationStrategy::IamAccessKey, Some(keys)) = (document.strategy, &snapshot.keys) else {
        return release;
    };
    if let Some(lost) = access_keys::lost_key(snapshot, document, keys) {
        return NextStep::Delete { id: lost.id.clone(), why: Deletion::Lost };
    }
    let version = document.value_version.as_deref().unwrap_or_default();
    let of_version = snapshot.key_in(version);
    let exists = |id: &String| keys.keys.iter().any(|key| key.id == *id);
    match of_version.filter(|id| exists(id) && !is_in_another(snapshot, version, id)) {
        Some(id) => NextStep::Delete { id, why: Deletion::Aborted },
        None => release,
    }
}

fn is_in_another(snapshot: &Snapshot, version: &str, id: &str) -> bool {
    let mut others = snapshot.labels.versions().filter(|it| *it != version);
    others.any(|other| snapshot.key_in(other).as_deref() == Some(id))
}
