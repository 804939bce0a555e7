//! The access keys of the user beside the current one: old ones, lost ones, others.

use std::collections::BTreeSet;
use std::time::Duration;

use super::document::{Document, KeyCreation, OldKey};
use super::labels::{CURRENT, ENDED, Labels, NEW, PREVIOUS, RECORD};
use super::snapshot::{Snapshot, UserKeys};
use crate::output::rotation::{KeptKey, RotationError};
use roles_anywhere_client::aws::list_access_keys::{AccessKeyMetadata, KeyStatus};
use roles_anywhere_client::time::Timestamp;

/// How long after a call of CreateAccessKey a key may have been made by it, in seconds.
const LOST_WINDOW: i64 = 120;
/// The most access keys of a user.
const MAX_KEYS: usize = 2;

/// A key that a version before the current one has or had.
#[derive(Debug)]
pub(super) struct ReplacedKey<'a> {
    pub(super) key: &'a AccessKeyMetadata,
    /// Since when it is replaced; `None` if that is not known.
    pub(super) replaced: Option<Timestamp>,
    /// When it was deactivated.
    pub(super) deactivated: Option<Timestamp>,
}

/// What is due for a replaced key.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Due {
    /// To record when it was replaced or deactivated.
    Record,
    /// To deactivate it.
    Deactivate,
    /// To delete it.
    Delete,
    /// Nothing, for this reason.
    Nothing(KeptKey),
}

impl ReplacedKey<'_> {
    /// Returns what is due at `now`, if a key is kept for `keep`, once active and once inactive.
    pub(super) fn due(&self, now: Timestamp, keep: Duration) -> Due {
        let Some(replaced) = self.replaced else { return Due::Record };
        let is_active = self.key.status == KeyStatus::Active;
        match self.deactivated {
            Some(_) if is_active => Due::Nothing(KeptKey::Reactivated),
            Some(deactivated) if now >= deactivated.plus(keep) => Due::Delete,
            Some(deactivated) => {
                Due::Nothing(KeptKey::Deactivated { until: deactivated.plus(keep) })
            }
            None if !is_active => Due::Record,
            None if now >= replaced.plus(keep) => Due::Deactivate,
            None => Due::Nothing(KeptKey::Replaced { until: replaced.plus(keep) }),
        }
    }
}

/// Returns the replaced keys that still exist.
pub(super) fn replaced_keys<'a>(snapshot: &Snapshot, keys: &'a UserKeys) -> Vec<ReplacedKey<'a>> {
    let kept = kept_keys(snapshot);
    let known = known_as_replaced(snapshot);
    let of_key = |key: &'a AccessKeyMetadata| {
        if kept.contains(&key.id) {
            return None;
        }
        let (_, replaced, deactivated) = known.iter().find(|(id, ..)| *id == key.id)?;
        Some(ReplacedKey { key, replaced: *replaced, deactivated: *deactivated })
    };
    keys.keys.iter().filter_map(of_key).collect()
}

/// Returns the keys that the record or the previous version has, each with the times that are known.
fn known_as_replaced(snapshot: &Snapshot) -> Vec<(String, Option<Timestamp>, Option<Timestamp>)> {
    let mut known = Vec::new();
    if let Some((_, record)) = snapshot.record() {
        let old = record.old_keys.iter();
        known.extend(old.map(|old| (old.id.clone(), Some(old.replaced), old.deactivated)));
        let current = snapshot.labels.version(CURRENT);
        if let (Some(id), true) = (&record.replaces_key, record.value_version.as_deref() == current)
        {
            known.push((id.clone(), Some(record.until), None));
        }
    }
    let previous = snapshot.labels.version(PREVIOUS).and_then(|it| snapshot.key_in(it));
    known.extend(previous.map(|id| (id, None, None)));
    known
}

/// Returns the keys that versions have with labels of other meanings than that of an old version.
fn kept_keys(snapshot: &Snapshot) -> BTreeSet<String> {
    let versions = snapshot.labels.versions();
    let kept = versions.filter(|version| has_other_label(&snapshot.labels, version));
    kept.filter_map(|version| snapshot.key_in(version)).collect()
}

fn has_other_label(labels: &Labels, version: &str) -> bool {
    labels.of(version).iter().any(|it| ![PREVIOUS, RECORD, NEW, ENDED].contains(&it.as_str()))
}

/// Returns the old keys for a new document, with `now` for times that are not known.
pub(super) fn recorded(
    snapshot: &Snapshot,
    keys: &UserKeys,
    deactivated: &BTreeSet<String>,
) -> Vec<OldKey> {
    let now = snapshot.now;
    let replaced = replaced_keys(snapshot, keys);
    let old = replaced.iter().map(|old| {
        let is_inactive = old.key.status != KeyStatus::Active || deactivated.contains(&old.key.id);
        OldKey {
            id: old.key.id.clone(),
            replaced: old.replaced.unwrap_or(now),
            deactivated: old.deactivated.or_else(|| is_inactive.then_some(now)),
        }
    });
    old.collect()
}

/// Returns the keys that a call of CreateAccessKey may have made whose answer was lost.
pub(super) fn maybe_lost<'a>(
    snapshot: &Snapshot,
    document: &Document,
    keys: &'a [AccessKeyMetadata],
) -> Vec<&'a AccessKeyMetadata> {
    let known = named_keys(snapshot, document);
    let unknown = keys.iter().filter(|key| !known.contains(&key.id));
    unknown.filter(|key| document.created.iter().any(|call| may_have_made(call, key))).collect()
}

fn may_have_made(call: &KeyCreation, key: &AccessKeyMetadata) -> bool {
    let after = call.called.seconds_until(key.created);
    (0..=LOST_WINDOW).contains(&after) && !call.keys_before.contains(&key.id)
}

/// Returns a key that was lost and is certainly used by nothing.
pub(super) fn lost_key<'a>(
    snapshot: &Snapshot,
    document: &Document,
    keys: &'a UserKeys,
) -> Option<&'a AccessKeyMetadata> {
    let candidates = maybe_lost(snapshot, document, &keys.keys);
    candidates
        .into_iter()
        .find(|key| keys.last_used.get(&key.id).is_some_and(|last| last.last_used.is_none()))
}

/// Returns the keys that the secret, or a document of it, names.
fn named_keys(snapshot: &Snapshot, document: &Document) -> BTreeSet<String> {
    let mut named: BTreeSet<String> =
        snapshot.labels.versions_in_use().filter_map(|version| snapshot.key_in(version)).collect();
    named.extend(document.value_version.as_deref().and_then(|id| snapshot.key_in(id)));
    named.extend(known_as_replaced(snapshot).into_iter().map(|(id, ..)| id));
    named.extend(document.old_keys.iter().map(|old| old.id.clone()));
    named.extend(document.replaces_key.clone());
    named
}

/// Refuses to create a key if the user has two that stay.
pub(super) fn room_for_a_key(
    snapshot: &Snapshot,
    document: Option<&Document>,
    keys: &UserKeys,
    keep: Duration,
) -> Result<(), RotationError> {
    let current = snapshot.key_in(snapshot.current()?.0);
    let is_current = |key: &&AccessKeyMetadata| Some(&key.id) == current.as_ref();
    let lost = document.and_then(|document| lost_key(snapshot, document, keys));
    let stays = |key: &&AccessKeyMetadata| lost.is_none_or(|lost| lost.id != key.id);
    let staying: Vec<_> = keys.keys.iter().filter(stays).collect();
    if !keys.keys.iter().any(|key| is_current(&key)) {
        let id = current.unwrap_or_default();
        return Err(RotationError::NotOfUser { id, name: keys.name.clone() });
    }
    let second = staying.iter().find(|key| !is_current(key));
    match second {
        Some(second) if staying.len() >= MAX_KEYS => Err(RotationError::TwoKeys {
            name: keys.name.clone(),
            id: second.id.clone(),
            reason: reason(snapshot, keys, &second.id, keep),
        }),
        _ => Ok(()),
    }
}

fn reason(snapshot: &Snapshot, keys: &UserKeys, id: &str, keep: Duration) -> KeptKey {
    let replaced = replaced_keys(snapshot, keys);
    match replaced.iter().find(|old| old.key.id == id).map(|old| old.due(snapshot.now, keep)) {
        Some(Due::Nothing(reason)) => reason,
        Some(_) => KeptKey::Replaced { until: snapshot.now },
        None if kept_keys(snapshot).contains(id) => KeptKey::Named,
        None => KeptKey::Unknown,
    }
}
