//! The next step of a run: a function of what is known.

mod abort;
mod create;
mod ending;
pub(super) mod retire;

pub(super) use ending::{ClaimEnd, can_stop_before, claim_end};

use super::document::Document;
use super::labels::NEW;
use super::run::Run;
use super::snapshot::{Active, PendingHolder, Snapshot};
use super::{Force, Goal, RotationStrategy, Strategy, access_keys};
use crate::output::rotation::{Ending, RotationError, RotationStep};
use roles_anywhere_client::time::Timestamp;

/// The seconds after the time of a run in which it is not aborted: its last call may move AWSCURRENT to the key that
/// an abort deletes. Two clocks may differ by minutes, and a call may take one.
const ABORT_MARGIN: i64 = 600;

/// A step: a call, or two of which the first has no effect without the second.
#[derive(Debug)]
pub(super) enum NextStep {
    /// To store a document, and to move AWSPENDING to it.
    Claim { document: Box<Document>, from: Option<String> },
    /// To store a document, and to make it the record.
    Record { document: Box<Document>, from: Option<String>, why: RotationStep },
    /// To make the document of the claim the record.
    MoveRecord { from: Option<String>, to: String },
    /// To make the new value, which is kept in memory.
    Create,
    /// To store the new value as this version.
    Store { version: String },
    /// To move AWSPENDING to the new value.
    MovePending { from: String, to: String },
    /// To run the command that sets the pending value.
    Set,
    /// To test the pending value.
    Test,
    /// To move AWSCURRENT to the pending version.
    Finish { from: String, to: String },
    /// To take the label of new versions off a version.
    RemoveNewLabel { version: String },
    /// To take AWSPENDING off a version.
    Release { version: String, why: RotationStep },
    /// To deactivate an old key.
    Deactivate { id: String },
    /// To delete a key.
    Delete { id: String, why: Deletion },
    /// Nothing is left to do.
    End(Ending),
}

/// Why a key is deleted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Deletion {
    /// It was replaced and deactivated.
    Old,
    /// Its secret was lost when a run was killed.
    Lost,
    /// It is the one of an aborted rotation.
    Aborted,
}

impl NextStep {
    /// Returns the step of a rotation that it belongs to.
    pub(super) fn rotation_step(&self) -> RotationStep {
        match self {
            Self::Claim { document, .. } if document.is_aborted => RotationStep::Abort,
            Self::Claim { document, .. } if document.created.is_empty() => RotationStep::Claim,
            Self::Claim { .. } | Self::Create | Self::Store { .. } | Self::MovePending { .. } => {
                RotationStep::Create
            }
            Self::MoveRecord { .. } => RotationStep::Claim,
            Self::Set => RotationStep::Set,
            Self::Test => RotationStep::Test,
            Self::Finish { .. } | Self::RemoveNewLabel { .. } | Self::End(_) => {
                RotationStep::Finish
            }
            Self::Record { why, .. } | Self::Release { why, .. } => *why,
            Self::Deactivate { .. } => RotationStep::Retire,
            Self::Delete { why, .. } => match why {
                Deletion::Old => RotationStep::Retire,
                Deletion::Lost => RotationStep::Create,
                Deletion::Aborted => RotationStep::Abort,
            },
        }
    }
}

/// Returns the next step of `run`.
pub(super) fn next_step(snapshot: &Snapshot, run: &Run<'_>) -> Result<NextStep, RotationError> {
    match snapshot.pending() {
        PendingHolder::Other { version, is_empty } => {
            abort::other(snapshot, run, (version, is_empty))
        }
        PendingHolder::Finished(version) => {
            let version = version.to_owned();
            Ok(match snapshot.labels.version(NEW) == Some(&version) {
                true => NextStep::RemoveNewLabel { version },
                false => NextStep::Release { version, why: RotationStep::Finish },
            })
        }
        PendingHolder::Claimed(active) | PendingHolder::Stored(active)
            if active.document.run != run.id =>
        {
            take_over(snapshot, run, active)
        }
        PendingHolder::Claimed(active) if is_outdated(snapshot, active)? => Ok(withdraw(active)),
        PendingHolder::Claimed(active) if Some(active.document_version) != record_id(snapshot) => {
            Ok(enter_record(snapshot, run, active))
        }
        PendingHolder::Claimed(active) if active.document.is_aborted => {
            Ok(abort::next(snapshot, active))
        }
        PendingHolder::Stored(active) if active.document.is_aborted => {
            Ok(abort::next(snapshot, active))
        }
        PendingHolder::Claimed(active) => match create::next(snapshot, run, active) {
            // Nothing was made yet. If the same keeps a new claim from being made, the run ends.
            Err(_) if !run.memory.has_withdrawn && active.document.created.is_empty() => {
                Ok(withdraw(active))
            }
            step => step,
        },
        PendingHolder::Stored(active) => use_value(snapshot, run, active),
        PendingHolder::Free(from) => without_rotation(snapshot, run, from),
    }
}

fn record_id(snapshot: &Snapshot) -> Option<&str> {
    snapshot.record().map(|(id, _)| id)
}

/// Returns whether a claim was made for a current version that was replaced meanwhile, and has no value.
fn is_outdated(snapshot: &Snapshot, active: Active<'_>) -> Result<bool, RotationError> {
    let Document { is_aborted, replaces, created, .. } = active.document;
    let is_replaced = replaces.as_deref() != Some(snapshot.current()?.0);
    let has_value = snapshot.has_value_of(active.document);
    Ok(is_replaced && !has_value && !is_aborted && created.is_empty())
}

/// Gives a claim up that has changed nothing.
fn withdraw(active: Active<'_>) -> NextStep {
    NextStep::Release { version: active.pending.to_owned(), why: RotationStep::Claim }
}

/// Continues the rotation of another run that has ended.
fn take_over(
    snapshot: &Snapshot,
    run: &Run<'_>,
    active: Active<'_>,
) -> Result<NextStep, RotationError> {
    let Active { document, pending, .. } = active;
    if run.has_claimed() {
        return Err(RotationError::TakenOver);
    }
    check_end(snapshot, run, active)?;
    let is_of = |strategy: &Strategy| strategy.name() == document.strategy;
    let is_without_keys = !matches!(document.strategy, RotationStrategy::IamAccessKey);
    match &run.settings.strategy {
        Some(strategy) if is_of(strategy) => {}
        None if is_without_keys => {}
        _ => return Err(RotationError::OtherStrategy { pending: document.strategy }),
    }
    let is_stored = is_stored(active);
    let is_forced = !snapshot.has_ended(active, document.until);
    let others_until = document.others_until.max(is_forced.then_some(document.until));
    let mut next = Document {
        others_until,
        strategy: document.strategy,
        is_aborted: document.is_aborted || run.settings.goal == Goal::Abort,
        created: document.created.clone(),
        ..document_of(snapshot, run)?
    };
    if is_stored || snapshot.has_value_of(document) {
        next.value_version.clone_from(&document.value_version);
        next.replaces.clone_from(&document.replaces);
        next.replaces_key.clone_from(&document.replaces_key);
    }
    let document = Box::new(next);
    Ok(match is_stored {
        true => {
            let why = if document.is_aborted { RotationStep::Abort } else { RotationStep::Claim };
            NextStep::Record { document, from: record_id(snapshot).map(str::to_owned), why }
        }
        false => NextStep::Claim { document, from: Some(pending.to_owned()) },
    })
}

/// Returns whether the value of a rotation is pending.
fn is_stored(active: Active<'_>) -> bool {
    active.document.value_version.as_deref() == Some(active.pending)
}

/// Refuses to take a rotation over from a run that may not have ended, without `--force`.
///
/// `--force` does not abort a pending access key of such a run. That run may move AWSCURRENT to the key in its next
/// call, which depends on AWSCURRENT only, so nothing that this run does first would make it fail.
fn check_end(snapshot: &Snapshot, run: &Run<'_>, active: Active<'_>) -> Result<(), RotationError> {
    let Document { started, until, others_until, strategy, .. } = active.document;
    let (is_aborting, is_forced) =
        (run.settings.goal == Goal::Abort, run.settings.force == Force::Yes);
    if is_aborting && is_stored(active) && *strategy == RotationStrategy::IamAccessKey {
        let own = (!snapshot.has_ended(active, until.after(ABORT_MARGIN))).then_some(*until);
        let last = own.max(*others_until).map(|until| until.after(ABORT_MARGIN));
        return match last.filter(|until| snapshot.now < *until) {
            Some(until) => Err(RotationError::MayFinish { until }),
            None => Ok(()),
        };
    }
    let until = if is_aborting { until.after(ABORT_MARGIN) } else { *until };
    match is_forced || snapshot.has_ended(active, until) {
        true => Ok(()),
        false => Err(RotationError::InProgress { started: *started, until }),
    }
}

/// Returns a document of this run for the current version, which continues the record.
fn document_of(snapshot: &Snapshot, run: &Run<'_>) -> Result<Document, RotationError> {
    let (current, ..) = snapshot.current()?;
    let old_keys = match (&snapshot.keys, snapshot.record()) {
        (Some(keys), _) => access_keys::recorded(snapshot, keys, &run.memory.deactivated),
        (None, Some((_, record))) => record.old_keys.clone(),
        (None, None) => Vec::new(),
    };
    Ok(Document {
        value_version: Some(run.value_version.clone()),
        replaces: Some(current.to_owned()),
        replaces_key: snapshot.key_in(current),
        continues: record_id(snapshot).map(str::to_owned),
        old_keys,
        ..Document::new(&run.id, (run.started, run.until))
    })
}

/// Makes the document of the claim the record, or writes it again if the record was changed meanwhile.
fn enter_record(snapshot: &Snapshot, run: &Run<'_>, active: Active<'_>) -> NextStep {
    let Active { document, document_version, pending } = active;
    let record = record_id(snapshot).map(str::to_owned);
    if document.continues == record {
        return NextStep::MoveRecord { from: record, to: document_version.to_owned() };
    }
    let old_keys = match &snapshot.keys {
        Some(keys) => access_keys::recorded(snapshot, keys, &run.memory.deactivated),
        None => document.old_keys.clone(),
    };
    let document = Document { continues: record, old_keys, ..document.clone() };
    NextStep::Claim { document: Box::new(document), from: Some(pending.to_owned()) }
}

/// Sets, tests and finishes.
fn use_value(
    snapshot: &Snapshot,
    run: &Run<'_>,
    active: Active<'_>,
) -> Result<NextStep, RotationError> {
    let (current, ..) = snapshot.current()?;
    if active.document.replaces.as_deref() != Some(current) {
        return Err(RotationError::CurrentChanged { version: current.to_owned() });
    }
    let is_unknown_to_others =
        matches!(run.settings.strategy, Some(Strategy::RandomPassword { commands: None, .. }));
    let has_commands = run.settings.strategy.as_ref().is_some_and(|it| it.commands().is_some());
    Ok(match (run.memory.is_set, run.memory.is_tested) {
        (false, _) if has_commands => NextStep::Set,
        (_, false) if !is_unknown_to_others => NextStep::Test,
        _ => NextStep::Finish { from: current.to_owned(), to: active.pending.to_owned() },
    })
}

/// Decides if no rotation of this program is under way.
fn without_rotation(
    snapshot: &Snapshot,
    run: &Run<'_>,
    from: Option<&str>,
) -> Result<NextStep, RotationError> {
    let (current, _, created) = snapshot.current()?;
    let version = current.to_owned();
    if run.memory.is_finished {
        return Ok(NextStep::End(Ending::Rotated { version }));
    }
    if run.settings.goal == Goal::Abort {
        let ending = match (run.memory.has_aborted, run.memory.has_tidied_up) {
            (true, false) => Ending::Aborted,
            _ => Ending::NothingToAbort,
        };
        return Ok(NextStep::End(ending));
    }
    if run.has_claimed() && !run.memory.has_aborted {
        return Err(RotationError::TakenOver);
    }
    if let (Some(other), Force::No) = (&snapshot.other, run.settings.force) {
        return Err(RotationError::RotatedElsewhere(other.clone()));
    }
    if let Some(step) = retire::next(snapshot, run)? {
        return Ok(step);
    }
    if run.memory.has_tidied_up {
        return Ok(NextStep::End(Ending::WasRotated { version }));
    }
    if let Some(ending) = held_back(snapshot.now, created, run) {
        return Ok(NextStep::End(ending));
    }
    create::check(snapshot, run)?;
    let strategy = run.strategy_name();
    let unfinished = snapshot
        .record()
        .filter(|(_, record)| record.value_version.is_some() && !snapshot.has_value_of(record));
    // AWSPENDING was taken off by hand; a key of that rotation may be lost.
    let created = unfinished.map(|(_, record)| record.created.clone()).unwrap_or_default();
    let mut document = Document { strategy, created, ..document_of(snapshot, run)? };
    if strategy != RotationStrategy::IamAccessKey {
        // By force: no run of this strategy could do what is due for them.
        document.old_keys.clear();
    }
    Ok(NextStep::Claim { document: Box::new(document), from: from.map(str::to_owned) })
}

/// Returns the ending of a run if the secret is not old enough.
fn held_back(now: Timestamp, created: Option<Timestamp>, run: &Run<'_>) -> Option<Ending> {
    let least = run.settings.if_older_than?;
    let created = created?;
    let due = created.plus(least);
    (now < due).then_some(Ending::HeldBack { created, due })
}
