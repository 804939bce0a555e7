//! A run: read, decide, carry out, until nothing is left to do.

use std::time::Duration;

use super::calls::{RotationCallError, RotationCalls};
use super::decision::{ClaimEnd, NextStep, can_stop_before, claim_end, next_step};
use super::labels::{ENDED, Labels, PENDING, RECORD};
use super::performance::{StepFailure, iam_user, move_label, perform, put_document};
use super::reading::read;
use super::run::Run;
use super::snapshot::{Active, PendingHolder, Snapshot};
use super::{RotationSettings, events};
use crate::output::error::Error;
use crate::output::rotation::{Ending, RotationError, RotationStep};

/// How often a run finds a label on another version before it gives up.
const MAX_CONFLICTS: u32 = 5;
/// How long it waits then.
const CONFLICT_WAIT: Duration = Duration::from_secs(1);

/// Rotates a secret, or aborts its rotation.
///
/// If it fails, the same call again continues it.
pub async fn rotate(
    calls: &impl RotationCalls,
    settings: &RotationSettings,
) -> Result<Ending, Error> {
    let mut run = Run::start(calls, settings);
    let outcome = steps(calls, &mut run).await;
    if outcome.is_err() && run.memory.has_stored {
        end_claim(calls, &mut run).await;
    }
    outcome
}

async fn steps(calls: &impl RotationCalls, run: &mut Run<'_>) -> Result<Ending, Error> {
    let mut conflicts = 0;
    loop {
        let snapshot = read(calls, run).await.map_err(|error| in_claim(error, run))?;
        if snapshot.active().is_some_and(|active| active.document.run == run.id) {
            run.memory.has_claimed = true;
        }
        let decided = next_step(&snapshot, run);
        // The labels may have changed between the calls of one snapshot.
        let is_final = match &decided {
            Err(_) => true,
            Ok(step) => matches!(step, NextStep::Deactivate { .. } | NextStep::Delete { .. }),
        };
        if is_final && conflicts < MAX_CONFLICTS && has_changed(calls, &snapshot).await {
            conflicts += 1;
            continue;
        }
        let secret = &run.settings.secret;
        let step = decided
            .map_err(|error| Error::from(error).of_rotation(undecided(&snapshot, run), secret))?;
        let failed = |error: Error| error.of_rotation(step.rotation_step(), secret);
        if let NextStep::End(ending) = &step {
            events::report(calls, run, &snapshot, &step);
            return Ok(ending.clone());
        }
        if let (Some(signal), true) = (calls.stop_signal(), can_stop_before(&step, run)) {
            return Err(failed(RotationError::Stopped { signal }.into()));
        }
        if calls.now() >= run.until {
            let limit = run.settings.run_limit;
            return Err(failed(RotationError::OutOfTime { limit }.into()));
        }
        match perform(calls, run, &snapshot, &step).await {
            Ok(()) => conflicts = 0,
            Err(StepFailure::Final(error)) => return Err(failed(error)),
            Err(StepFailure::LabelElsewhere(error)) if conflicts == MAX_CONFLICTS => {
                return Err(failed(error));
            }
            // If the answer to the first of two attempts was lost, the label is where it belongs.
            Err(StepFailure::LabelElsewhere(_)) => {
                conflicts += 1;
                if conflicts > 1 {
                    calls.sleep(CONFLICT_WAIT).await;
                }
            }
        }
    }
}

/// Returns whether labels were moved since a snapshot was begun.
async fn has_changed(calls: &impl RotationCalls, snapshot: &Snapshot) -> bool {
    let now = calls.describe().await;
    now.is_ok_and(|now| Labels::new(now.version_ids_to_stages) != snapshot.labels)
}

/// Adds to an error of reading which step it keeps from being made, if the rotation has begun.
fn in_claim(error: Error, run: &Run<'_>) -> Error {
    match run.memory.has_claimed {
        true => error.of_rotation(step_of(run), &run.settings.secret),
        false => error,
    }
}

fn step_of(run: &Run<'_>) -> RotationStep {
    match (run.memory.is_finished, run.memory.is_tested) {
        (true, _) | (_, true) => RotationStep::Finish,
        _ => RotationStep::Create,
    }
}

/// Returns the step of a run that cannot decide on the next one.
fn undecided(snapshot: &Snapshot, run: &Run<'_>) -> RotationStep {
    match snapshot.pending() {
        _ if run.settings.goal == super::Goal::Abort => RotationStep::Abort,
        PendingHolder::Claimed(active) if active.document.run == run.id => RotationStep::Create,
        PendingHolder::Stored(active) if active.document.run == run.id => RotationStep::Finish,
        _ => RotationStep::Claim,
    }
}

/// Lets the next run continue at once; and deletes the key of this run if another one has made its own.
/// What fails here is left to the next run.
async fn end_claim(calls: &impl RotationCalls, run: &mut Run<'_>) {
    let Ok(snapshot) = read(calls, run).await else { return };
    let active = snapshot.active();
    let own = active.filter(|active| active.document.run == run.id);
    let documents = [active.map(|active| active.document), snapshot.record().map(|(_, it)| it)];
    let announced = documents.map(|document| document?.value_version.as_deref());
    let is_used = |id: &String| {
        let mut versions = snapshot.labels.versions_in_use().chain(announced.into_iter().flatten());
        versions.any(|version| snapshot.key_in(version).as_ref() == Some(id))
    };
    // A value that this run has tried to store may be found later.
    let is_kept = |id: &String| is_used(id) || own.is_some() && run.memory.has_stored_value;
    if let (Some(id), Some(keys)) = (&run.memory.new_key, &snapshot.keys)
        && !is_kept(id)
    {
        let _ = calls.delete_access_key(iam_user(keys), id).await;
    }
    let Some(active) = own else { return };
    let mut version = active.document_version.to_owned();
    match claim_end(&snapshot, run, active) {
        ClaimEnd::GiveBack => {
            let _ = calls.move_label(PENDING, Some(active.pending), None).await;
            return;
        }
        ClaimEnd::WithdrawCall => match withdraw_call(calls, run, &snapshot, active).await {
            Ok(without_call) => version = without_call,
            Err(_) => return,
        },
        ClaimEnd::MarkEnded => {}
    }
    let _ = calls.move_label(ENDED, snapshot.labels.version(ENDED), Some(&version)).await;
}

/// Replaces the document of this run by one without its call of CreateAccessKey, which AWS has refused. A key
/// that someone makes soon after it is none of ours.
async fn withdraw_call(
    calls: &impl RotationCalls,
    run: &mut Run<'_>,
    snapshot: &Snapshot,
    active: Active<'_>,
) -> Result<String, RotationCallError> {
    let record = snapshot.record().map(|(id, _)| id);
    let mut document = active.document.without_calls_of(&run.id);
    document.continues = record.map(str::to_owned);
    let version = put_document(calls, run, &document).await?;
    move_label(calls, PENDING, (Some(active.pending), Some(&version))).await?;
    move_label(calls, RECORD, (record, Some(&version))).await?;
    Ok(version)
}
