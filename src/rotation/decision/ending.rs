//! How a run ends before its work is done.

use super::NextStep;
use crate::rotation::run::Run;
use crate::rotation::snapshot::{Active, PendingHolder, Snapshot};

/// What becomes of the claim of a run that has failed or was stopped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::rotation) enum ClaimEnd {
    /// AWSPENDING is taken off it: nothing else was changed.
    GiveBack,
    /// It loses its call of CreateAccessKey, which AWS has refused, and is marked as ended.
    WithdrawCall,
    /// It is marked as ended, so that the next run continues it at once.
    MarkEnded,
}

/// Returns what becomes of the claim `active` of this run.
pub(in crate::rotation) fn claim_end(
    snapshot: &Snapshot,
    run: &Run<'_>,
    active: Active<'_>,
) -> ClaimEnd {
    let document = active.document;
    let is_claimed = matches!(snapshot.pending(), PendingHolder::Claimed(_));
    let has_changed = run.memory.has_begun_to_create
        || run.memory.has_stored_value
        || !document.created.is_empty()
        || snapshot.has_value_of(document)
        || document.is_aborted;
    match (run.memory.is_key_refused, is_claimed && !has_changed) {
        (true, _) => ClaimEnd::WithdrawCall,
        (false, true) => ClaimEnd::GiveBack,
        (false, false) => ClaimEnd::MarkEnded,
    }
}

/// Returns whether a signal stops a run before `step`. Once AWSCURRENT is moved, only labels are left to tidy
/// up, and the secret is rotated.
pub(in crate::rotation) fn can_stop_before(step: &NextStep, run: &Run<'_>) -> bool {
    match step {
        NextStep::End(_) => false,
        _ => !run.memory.is_finished,
    }
}
