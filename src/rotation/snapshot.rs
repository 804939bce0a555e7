//! What is known of a secret and of its keys at one time.

use std::collections::BTreeMap;

use super::document::Document;
use super::labels::{CURRENT, ENDED, Labels, PENDING, RECORD};
use super::value::KeyInSecret;
use crate::output::rotation::{OtherRotation, RotationError};
use roles_anywhere_client::aws::get_access_key_last_used::LastUsed;
use roles_anywhere_client::aws::get_secret_value::SecretValue;
use roles_anywhere_client::aws::list_access_keys::AccessKeyMetadata;
use roles_anywhere_client::credentials::AccessKey;
use roles_anywhere_client::time::Timestamp;

/// The state of a secret.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// When it was read.
    pub(super) now: Timestamp,
    /// The ARN of the secret.
    pub(super) arn: String,
    /// The KMS key of the secret, if it is not that of Secrets Manager.
    pub(super) kms_key: Option<String>,
    /// Which version has which label.
    pub(super) labels: Labels,
    /// What rotates the secret besides this program.
    pub(super) other: Option<OtherRotation>,
    /// The versions that were read.
    pub(super) versions: BTreeMap<String, VersionContents>,
    /// The keys of the user, if they were read.
    pub(super) keys: Option<UserKeys>,
}

/// A version of the secret.
#[derive(Clone, Debug)]
pub(super) enum VersionContents {
    /// A document of ours.
    Document(Document),
    /// A value.
    Value {
        /// The value.
        value: SecretValue,
        /// When it was stored.
        created: Option<Timestamp>,
    },
    /// There is no such version, or it has no value.
    Missing,
}

/// The access keys of a user.
#[derive(Clone, Debug)]
pub(super) struct UserKeys {
    /// The key that asks for them; `None` for the session.
    pub(super) caller: Option<AccessKey>,
    /// The name of the user; `None` for that of the caller.
    pub(super) name: Option<String>,
    /// All of them.
    pub(super) keys: Vec<AccessKeyMetadata>,
    /// When those were used that may be lost ones.
    pub(super) last_used: BTreeMap<String, LastUsed>,
}

/// The version that has AWSPENDING, by who has put the label there.
#[derive(Debug)]
pub(super) enum PendingHolder<'a> {
    /// No version has it, or the current one, which is named then.
    Free(Option<&'a str>),
    /// A run of this program, whose value is not pending yet.
    Claimed(Active<'a>),
    /// A run of this program; its value is pending.
    Stored(Active<'a>),
    /// The current version, since a run of this program has rotated the secret.
    Finished(&'a str),
    /// Another program.
    Other {
        /// The version.
        version: &'a str,
        /// Whether it has no value.
        is_empty: bool,
    },
}

/// A rotation of this program that has not ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Active<'a> {
    /// The document of its run.
    pub(super) document: &'a Document,
    /// The version that is the document.
    pub(super) document_version: &'a str,
    /// The version that has AWSPENDING.
    pub(super) pending: &'a str,
}

impl Snapshot {
    /// Returns a version, if it was read.
    fn version(&self, id: &str) -> &VersionContents {
        self.versions.get(id).unwrap_or(&VersionContents::Missing)
    }

    /// Returns the value of a version.
    pub(super) fn value(&self, id: &str) -> Option<&SecretValue> {
        match self.version(id) {
            VersionContents::Value { value, .. } => Some(value),
            VersionContents::Document(_) | VersionContents::Missing => None,
        }
    }

    /// Returns whether the value that a document announces is stored.
    pub(super) fn has_value_of(&self, document: &Document) -> bool {
        document.value_version.as_deref().is_some_and(|id| self.value(id).is_some())
    }

    /// Returns the id of the current version, its value, and when it was stored.
    pub(super) fn current(&self) -> Result<(&str, &SecretValue, Option<Timestamp>), RotationError> {
        let id = self.labels.version(CURRENT).ok_or(RotationError::NoCurrentValue)?;
        match self.version(id) {
            VersionContents::Value { value, created } => Ok((id, value, *created)),
            VersionContents::Document(_) | VersionContents::Missing => {
                Err(RotationError::NoCurrentValue)
            }
        }
    }

    /// Returns the record of rotations and its version.
    pub(super) fn record(&self) -> Option<(&str, &Document)> {
        let id = self.labels.version(RECORD)?;
        match self.version(id) {
            VersionContents::Document(document) => Some((id, document)),
            VersionContents::Value { .. } | VersionContents::Missing => None,
        }
    }

    /// Returns the version that has AWSPENDING.
    pub(super) fn pending(&self) -> PendingHolder<'_> {
        let Some(pending) = self.labels.version(PENDING) else { return PendingHolder::Free(None) };
        if let VersionContents::Document(document) = self.version(pending) {
            return PendingHolder::Claimed(Active { document, document_version: pending, pending });
        }
        let is_current = self.labels.version(CURRENT) == Some(pending);
        let record = self.record();
        match record.filter(|(_, it)| it.value_version.as_deref() == Some(pending)) {
            Some(_) if is_current => PendingHolder::Finished(pending),
            Some((document_version, document)) => {
                PendingHolder::Stored(Active { document, document_version, pending })
            }
            None if is_current => PendingHolder::Free(Some(pending)),
            None => {
                let is_empty = matches!(self.version(pending), VersionContents::Missing);
                PendingHolder::Other { version: pending, is_empty }
            }
        }
    }

    /// Returns the rotation of this program that has not ended.
    pub(super) fn active(&self) -> Option<Active<'_>> {
        match self.pending() {
            PendingHolder::Claimed(active) | PendingHolder::Stored(active) => Some(active),
            PendingHolder::Free(_) | PendingHolder::Finished(_) | PendingHolder::Other { .. } => {
                None
            }
        }
    }

    /// Returns whether the run of a rotation has ended: it says so, or it is `until`.
    pub(super) fn has_ended(&self, active: Active<'_>, until: Timestamp) -> bool {
        self.labels.version(ENDED) == Some(active.document_version) || self.now >= until
    }

    /// Returns the id of the access key in a version.
    pub(super) fn key_in(&self, version: &str) -> Option<String> {
        self.value(version).and_then(|value| KeyInSecret::parse(value).ok()).map(|it| it.key.id)
    }
}
