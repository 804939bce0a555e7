//! What a run reports: one event for each step.

use super::calls::RotationCalls;
use super::decision::{Deletion, NextStep};
use super::run::Run;
use super::snapshot::Snapshot;
use crate::output::log::Field;
use crate::output::log::events as log;
use crate::output::rotation::{Ending, RotationStep};

/// Reports a step that was carried out.
pub(super) fn report(
    calls: &impl RotationCalls,
    run: &Run<'_>,
    snapshot: &Snapshot,
    step: &NextStep,
) {
    let secret: Field<'_> = ("secret", &run.settings.secret);
    let strategy = run.strategy_name().as_str();
    let run_id: Field<'_> = ("run", &run.id);
    match step {
        NextStep::Claim { document, .. } if document.is_aborted => {}
        // It records that this run is about to create an access key; runs before it may have, too.
        NextStep::Claim { document, .. } if document.created.iter().any(|it| it.run == run.id) => {}
        NextStep::Claim { .. } => {
            let event = match snapshot.active() {
                Some(_) => &log::ROTATION_CONTINUED,
                None => &log::ROTATION_STARTED,
            };
            calls.report(event, &[secret, ("strategy", &strategy), run_id]);
        }
        NextStep::Record { why: RotationStep::Claim, .. } => {
            calls.report(&log::ROTATION_CONTINUED, &[secret, ("strategy", &strategy), run_id]);
        }
        NextStep::MovePending { to, .. } => {
            calls.report(&log::ROTATION_VALUE_STORED, &[secret, ("version_id", to)]);
        }
        NextStep::Set => calls.report(&log::ROTATION_VALUE_SET, &[secret]),
        NextStep::Test => calls.report(&log::ROTATION_VALUE_TESTED, &[secret]),
        NextStep::Finish { from, to } => {
            let fields = [secret, ("version_id", to as _), ("previous_version_id", from)];
            calls.report(&log::ROTATION_FINISHED, &fields);
        }
        NextStep::Release { version, why: RotationStep::Abort } => {
            calls.report(&log::ROTATION_ABORTED, &[secret, ("version_id", version)]);
        }
        NextStep::Deactivate { id } => {
            calls.report(&log::ACCESS_KEY_DEACTIVATED, &[secret, ("access_key_id", id)]);
        }
        NextStep::Delete { id, why } => {
            let reason = reason(*why);
            let fields = [secret, ("access_key_id", id as _), ("reason", &reason)];
            calls.report(&log::ACCESS_KEY_DELETED, &fields);
        }
        NextStep::End(Ending::HeldBack { due, .. }) => {
            calls.report(&log::ROTATION_NOT_DUE, &[secret, ("due", due)]);
        }
        NextStep::Record { .. }
        | NextStep::MoveRecord { .. }
        | NextStep::Create
        | NextStep::Store { .. }
        | NextStep::RemoveNewLabel { .. }
        | NextStep::Release { .. }
        | NextStep::End(_) => {}
    }
}

/// Reports a new access key.
pub(super) fn created(calls: &impl RotationCalls, run: &Run<'_>, id: &str) {
    let fields: [Field<'_>; 2] = [("secret", &run.settings.secret), ("access_key_id", &id)];
    calls.report(&log::ACCESS_KEY_CREATED, &fields);
}

/// Reports that AWS does not accept a new access key yet.
pub(super) fn waiting(calls: &impl RotationCalls, run: &Run<'_>, id: &str) {
    let fields: [Field<'_>; 2] = [("secret", &run.settings.secret), ("access_key_id", &id)];
    calls.report(&log::ACCESS_KEY_AWAITED, &fields);
}

fn reason(why: Deletion) -> &'static str {
    match why {
        Deletion::Old => "replaced",
        Deletion::Lost => "lost",
        Deletion::Aborted => "aborted",
    }
}
