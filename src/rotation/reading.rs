//! The state of a secret, read from Secrets Manager and IAM.

use std::collections::BTreeMap;

use super::access_keys;
use super::calls::{FailureKind, IamUser, RotationCallError, RotationCalls};
use super::document::Document;
use super::labels::{CURRENT, Labels, PENDING, RECORD};
use super::run::Run;
use super::snapshot::{PendingHolder, Snapshot, UserKeys, VersionContents};
use super::value::KeyInSecret;
use super::{AccessKeyRotation, IamWith, Strategy};
use crate::output::error::Error;
use crate::output::rotation::{OtherRotation, RotationError};
use roles_anywhere_client::aws::list_access_keys::KeyStatus;
use roles_anywhere_client::aws::secret_description::SecretDescription;
use roles_anywhere_client::time::Timestamp;

/// Reads what the next step of `run` depends on.
pub(super) async fn read(calls: &impl RotationCalls, run: &mut Run<'_>) -> Result<Snapshot, Error> {
    let description = calls.describe().await?;
    let other = other_rotation(&description);
    let labels = Labels::new(description.version_ids_to_stages);
    let keys_of = match &run.settings.strategy {
        Some(Strategy::IamAccessKey(rotation)) => Some(*rotation),
        _ => None,
    };
    let of_label = |label| labels.version(label).map(str::to_owned);
    let mut ids: Vec<String> =
        [CURRENT, PENDING, RECORD].into_iter().filter_map(of_label).collect();
    if keys_of.is_some() {
        ids.extend(labels.versions().map(str::to_owned));
    }
    let mut versions = BTreeMap::new();
    for id in ids {
        read_version(calls, run, id, &mut versions).await?;
    }
    let announced: Vec<String> = versions.values().filter_map(announced).collect();
    for id in announced {
        read_version(calls, run, id, &mut versions).await?;
    }
    let (arn, kms_key, now) = (description.arn, description.kms_key_id, calls.now());
    let mut snapshot = Snapshot { now, arn, kms_key, labels, other, versions, keys: None };
    if let (Some(rotation), true) = (keys_of, needs_keys(&snapshot, run)) {
        snapshot.keys = Some(read_keys(calls, run, &snapshot, rotation).await?);
    }
    Ok(snapshot)
}

fn other_rotation(description: &SecretDescription) -> Option<OtherRotation> {
    match (&description.owning_service, description.rotation_enabled) {
        (Some(service), _) => Some(OtherRotation::Service(service.clone())),
        (None, Some(true)) => Some(OtherRotation::Scheduled),
        (None, _) => None,
    }
}

/// Returns the version of the value that a document announces.
fn announced(version: &VersionContents) -> Option<String> {
    match version {
        VersionContents::Document(document) => document.value_version.clone(),
        VersionContents::Value { .. } | VersionContents::Missing => None,
    }
}

/// Adds a version, which is read once if it exists: it never changes.
async fn read_version(
    calls: &impl RotationCalls,
    run: &mut Run<'_>,
    id: String,
    versions: &mut BTreeMap<String, VersionContents>,
) -> Result<(), RotationCallError> {
    if versions.contains_key(&id) {
        return Ok(());
    }
    if let Some(version) = run.memory.versions.get(&id) {
        versions.insert(id, version.clone());
        return Ok(());
    }
    let version = match calls.version(&id).await {
        Ok(found) => {
            let created = found.created.map(|micros| Timestamp::from_unix(micros / 1_000_000));
            match Document::parse(&found.value) {
                Some(document) => VersionContents::Document(match created {
                    Some(created) => document.stored(created),
                    None => document,
                }),
                None => VersionContents::Value { value: found.value, created },
            }
        }
        Err(failure) if failure.kind == FailureKind::NotFound => {
            versions.insert(id, VersionContents::Missing);
            return Ok(());
        }
        Err(failure) => return Err(failure),
    };
    run.memory.versions.insert(id.clone(), version.clone());
    versions.insert(id, version);
    Ok(())
}

/// Returns whether the next step depends on the keys of the user.
fn needs_keys(snapshot: &Snapshot, run: &Run<'_>) -> bool {
    match snapshot.pending() {
        PendingHolder::Free(_) => !run.memory.is_finished,
        PendingHolder::Claimed(_) => true,
        PendingHolder::Stored(active) => active.document.is_aborted,
        PendingHolder::Finished(_) | PendingHolder::Other { .. } => false,
    }
}

async fn read_keys(
    calls: &impl RotationCalls,
    run: &mut Run<'_>,
    snapshot: &Snapshot,
    rotation: AccessKeyRotation,
) -> Result<UserKeys, Error> {
    let has_claimed = run.has_claimed();
    let (step, secret) = (run.first_step(), &run.settings.secret);
    let refused = |error: RotationError| match has_claimed {
        true => Error::from(error),
        false => Error::from(error).of_rotation(step, secret),
    };
    let (_, value, _) = snapshot.current().map_err(refused)?;
    let parsed = KeyInSecret::parse(value).map_err(RotationError::Value);
    let KeyInSecret { key, user } = parsed.map_err(refused)?;
    let (caller, name) = match rotation.iam_with {
        // Its own user needs no name, and a wrong one would be that of another.
        IamWith::Secret => (Some(key), None),
        IamWith::Role => {
            let name = match user {
                Some(user) => Some(user),
                None => user_of(calls, run, &key.id).await?,
            };
            (None, Some(name.ok_or(RotationError::NoUser).map_err(refused)?))
        }
    };
    let user = IamUser { caller: caller.as_ref(), name: name.as_deref() };
    let mut keys = calls.list_access_keys(user).await?;
    keys.retain(|key| !run.memory.deleted.contains(&key.id));
    for key in &mut keys {
        if run.memory.deactivated.contains(&key.id) {
            key.status = KeyStatus::Inactive;
        }
    }
    let mut last_used = BTreeMap::new();
    let documents = snapshot.active().map(|active| active.document);
    let documents = documents.or_else(|| snapshot.record().map(|(_, record)| record));
    if let Some(document) = documents {
        for key in access_keys::maybe_lost(snapshot, document, &keys) {
            match calls.last_used(user, &key.id).await {
                Ok(of_key) => drop(last_used.insert(key.id.clone(), of_key)),
                // The run that has made it has deleted it since the list was read.
                Err(failure) if failure.kind == FailureKind::NotFound => {}
                Err(failure) => return Err(failure.into()),
            }
        }
    }
    Ok(UserKeys { caller, name, keys, last_used })
}

/// Returns the user of a key whose secret does not name it.
async fn user_of(
    calls: &impl RotationCalls,
    run: &mut Run<'_>,
    id: &str,
) -> Result<Option<String>, RotationCallError> {
    if let Some((_, user)) = run.memory.user_of_key.as_ref().filter(|(of, _)| of == id) {
        return Ok(user.clone());
    }
    let of_session = IamUser { caller: None, name: None };
    let user = match calls.last_used(of_session, id).await {
        Ok(last_used) => last_used.user_name,
        Err(failure) if failure.kind == FailureKind::NotFound => None,
        Err(failure) => return Err(failure),
    };
    run.memory.user_of_key = Some((id.to_owned(), user.clone()));
    Ok(user)
}
