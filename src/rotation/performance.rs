//! The steps, carried out.

mod commands;

use std::time::Duration;

use super::calls::{FailureKind, IamUser, RotationCallError, RotationCalls};
use super::decision::NextStep;
use super::document::Document;
use super::events;
use super::labels::{CURRENT, Labels, NEW, PENDING, RECORD};
use super::run::{Run, version_id};
use super::snapshot::{Snapshot, UserKeys, VersionContents};
use super::value::{KeyInSecret, with_password};
use super::{Creation, Password, Strategy};
use crate::output::error::Error;
use crate::output::rotation::{RotationError, RotationStep};
use commands::{command, printed, run_command};
use roles_anywhere_client::aws::get_secret_value::SecretValue;
use roles_anywhere_client::credentials::AccessKey;

/// How long a new key is tested until it counts as bad.
const PROPAGATION: Duration = Duration::from_secs(60);
/// The longest wait between two tests.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// A step failed.
#[derive(Debug)]
pub(super) enum StepFailure {
    /// A label was on another version: the state has to be read again.
    LabelElsewhere(Error),
    /// Anything else.
    Final(Error),
}

impl From<RotationCallError> for StepFailure {
    fn from(failure: RotationCallError) -> Self {
        match failure.kind {
            FailureKind::LabelElsewhere => Self::LabelElsewhere(failure.error),
            _ => Self::Final(failure.error),
        }
    }
}

impl From<RotationError> for StepFailure {
    fn from(error: RotationError) -> Self {
        Self::Final(error.into())
    }
}

/// Carries a step out.
pub(super) async fn perform(
    calls: &impl RotationCalls,
    run: &mut Run<'_>,
    snapshot: &Snapshot,
    step: &NextStep,
) -> Result<(), StepFailure> {
    match step {
        NextStep::Claim { document, from } => {
            let to = put_document(calls, run, document).await?;
            move_label(calls, PENDING, (from.as_deref(), Some(&to))).await?;
            run.memory.has_claimed = true;
        }
        NextStep::Record { document, from, .. } => {
            let to = put_document(calls, run, document).await?;
            move_label(calls, RECORD, (from.as_deref(), Some(&to))).await?;
        }
        NextStep::MoveRecord { from, to } => {
            move_label(calls, RECORD, (from.as_deref(), Some(to))).await?;
        }
        NextStep::Create => {
            run.memory.has_begun_to_create = true;
            run.memory.new_value = Some(create(calls, run, snapshot).await?);
        }
        NextStep::Store { version } => store(calls, run, version).await?,
        NextStep::MovePending { from, to } => {
            move_label(calls, PENDING, (Some(from), Some(to))).await?;
            run.memory.new_value = None;
        }
        NextStep::Set => {
            command(calls, run, snapshot, RotationStep::Set).await?;
            run.memory.is_set = true;
        }
        NextStep::Test => {
            test(calls, run, snapshot).await?;
            run.memory.is_tested = true;
        }
        NextStep::Finish { from, to } => {
            move_label(calls, CURRENT, (Some(from), Some(to))).await?;
            run.memory.is_finished = true;
        }
        NextStep::RemoveNewLabel { version } => {
            move_label(calls, NEW, (Some(version), None)).await?;
        }
        NextStep::Release { version, why } => {
            move_label(calls, PENDING, (Some(version), None)).await?;
            released(run, *why);
        }
        NextStep::Deactivate { id } => deactivate(calls, run, snapshot, id).await?,
        NextStep::Delete { id, .. } => delete(calls, run, snapshot, id).await?,
        NextStep::End(_) => {}
    }
    events::report(calls, run, snapshot, step);
    Ok(())
}

/// Keeps in mind that this run has taken its label back, and why.
fn released(run: &mut Run<'_>, why: RotationStep) {
    let memory = &mut run.memory;
    match why {
        RotationStep::Abort => (memory.has_aborted, memory.has_claimed) = (true, false),
        RotationStep::Claim => (memory.has_withdrawn, memory.has_claimed) = (true, false),
        _ => memory.has_tidied_up = !memory.is_finished,
    }
}

/// Moves a label. If AWS says that it is elsewhere, it may be where it belongs: the answer to a first attempt
/// may have been lost.
pub(super) async fn move_label(
    calls: &impl RotationCalls,
    label: &str,
    (from, to): (Option<&str>, Option<&str>),
) -> Result<(), RotationCallError> {
    let error = match calls.move_label(label, from, to).await {
        Err(error) if error.kind == FailureKind::LabelElsewhere => error,
        outcome => return outcome,
    };
    let labels = Labels::new(calls.describe().await?.version_ids_to_stages);
    let is_moved = match to {
        Some(_) => labels.version(label) == to,
        None => labels.version(label) != from,
    };
    if is_moved { Ok(()) } else { Err(error) }
}

/// Stores a document, and returns its version.
pub(super) async fn put_document(
    calls: &impl RotationCalls,
    run: &mut Run<'_>,
    document: &Document,
) -> Result<String, RotationCallError> {
    let version = version_id(calls);
    run.memory.has_stored = true;
    calls.put(&version, &document.to_value(), NEW).await?;
    run.memory.versions.insert(version.clone(), VersionContents::Document(document.clone()));
    Ok(version)
}

async fn store(
    calls: &impl RotationCalls,
    run: &mut Run<'_>,
    version: &str,
) -> Result<(), RotationCallError> {
    run.memory.has_stored_value = true;
    match &run.memory.new_value {
        Some(value) => calls.put(version, value, NEW).await,
        None => Ok(()),
    }
}

/// Makes the new value.
async fn create(
    calls: &impl RotationCalls,
    run: &mut Run<'_>,
    snapshot: &Snapshot,
) -> Result<SecretValue, StepFailure> {
    let (_, current, _) = snapshot.current()?;
    let text = match (&run.settings.strategy, &snapshot.keys) {
        (Some(Strategy::IamAccessKey(_)), Some(keys)) => {
            let created = calls.create_access_key(iam_user(keys)).await;
            let key = created.inspect_err(|failure| {
                run.memory.is_key_refused = failure.kind.is_refusal();
            })?;
            run.memory.new_key = Some(key.id.clone());
            events::created(calls, run, &key.id);
            KeyInSecret::replaced(current, &key).map_err(RotationError::Value)?
        }
        (
            Some(
                Strategy::RandomPassword { password, .. }
                | Strategy::Command { create: Creation::Password(password), .. },
            ),
            _,
        ) => {
            let Password { key, rules } = password;
            let new = calls.random_password(rules).await?;
            with_password(current, key.as_deref(), &new).map_err(RotationError::Value)?
        }
        (Some(Strategy::Command { create: Creation::Command(command), .. }), _) => {
            printed(&run_command(calls, run, snapshot, ("--create", command)).await?)?
        }
        _ => return Err(RotationError::NoCurrentValue.into()),
    };
    Ok(SecretValue::Text(text))
}

async fn test(
    calls: &impl RotationCalls,
    run: &Run<'_>,
    snapshot: &Snapshot,
) -> Result<(), StepFailure> {
    if !matches!(run.settings.strategy, Some(Strategy::IamAccessKey(_))) {
        return command(calls, run, snapshot, RotationStep::Test).await;
    }
    let pending = snapshot.active().and_then(|active| snapshot.value(active.pending));
    let pending = pending.ok_or(RotationError::TakenOver)?;
    let KeyInSecret { key, user } =
        KeyInSecret::parse(pending).map_err(RotationError::PendingValue)?;
    let arn = accepted(calls, run, &key).await?;
    match user {
        Some(user) if arn.rsplit('/').next() != Some(&user) => {
            Err(RotationError::OtherUser { arn }.into())
        }
        _ => Ok(()),
    }
}

/// Waits until AWS accepts a key, for a minute at most, and returns the ARN of its user.
async fn accepted(
    calls: &impl RotationCalls,
    run: &Run<'_>,
    key: &AccessKey,
) -> Result<String, StepFailure> {
    let (started, mut wait) = (calls.now(), Duration::from_secs(1));
    loop {
        let failure = match calls.caller_identity(key).await {
            Ok(identity) => return Ok(identity.arn),
            Err(failure) => failure,
        };
        let now = calls.now();
        let waited = started.duration_until(now);
        let is_over = waited >= PROPAGATION || run.remaining(now) <= wait;
        if failure.kind != FailureKind::KeyNotAccepted || is_over {
            return Err(failure.into());
        }
        if waited.is_zero() {
            events::waiting(calls, run, &key.id);
        }
        calls.sleep(wait).await;
        if let Some(signal) = calls.stop_signal() {
            return Err(RotationError::Stopped { signal }.into());
        }
        wait = (wait * 2).min(MAX_WAIT);
    }
}

async fn deactivate(
    calls: &impl RotationCalls,
    run: &mut Run<'_>,
    snapshot: &Snapshot,
    id: &str,
) -> Result<(), RotationCallError> {
    let Some(keys) = &snapshot.keys else { return Ok(()) };
    match calls.deactivate_access_key(iam_user(keys), id).await {
        Err(failure) if failure.kind == FailureKind::NotFound => {
            run.memory.deleted.insert(id.to_owned());
        }
        done => {
            done?;
            run.memory.deactivated.insert(id.to_owned());
        }
    }
    Ok(())
}

async fn delete(
    calls: &impl RotationCalls,
    run: &mut Run<'_>,
    snapshot: &Snapshot,
    id: &str,
) -> Result<(), RotationCallError> {
    let Some(keys) = &snapshot.keys else { return Ok(()) };
    match calls.delete_access_key(iam_user(keys), id).await {
        Err(failure) if failure.kind == FailureKind::NotFound => {}
        done => done?,
    }
    run.memory.deleted.insert(id.to_owned());
    Ok(())
}

/// Returns the user of these keys, and the key that signs calls about them.
pub(super) fn iam_user(keys: &UserKeys) -> IamUser<'_> {
    IamUser { caller: keys.caller.as_ref(), name: keys.name.as_deref() }
}
