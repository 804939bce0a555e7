//! Secrets, by account, Region and name.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use thiserror::Error;
use time::OffsetDateTime;

use super::rotation::{Deletion, ReplicaStatus, Rotation};
use super::versions::{CURRENT, MOST_STAGES, Material, Version};
use crate::account::AttachedPolicy;
use crate::arn::{Arn, Location};
use crate::kms::{self, KeyFailure};
use crate::uuid;

/// Every secret, by location and name.
#[derive(Debug, Default)]
pub(crate) struct Secrets(BTreeMap<(Location, String), Secret>);

/// A name or an ARN, as the caller at a location means it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SecretId<'a> {
    pub(crate) id: &'a str,
    pub(crate) location: &'a Location,
}

/// One secret.
#[derive(Debug, Clone)]
pub(crate) struct Secret {
    pub(crate) name: String,
    pub(crate) arn: Arn,
    pub(crate) description: Option<String>,
    pub(crate) created: OffsetDateTime,
    pub(crate) changed: OffsetDateTime,
    /// The date of the last access.
    pub(crate) accessed: Option<OffsetDateTime>,
    pub(crate) deletion: Option<Deletion>,
    pub(crate) failure: Option<KeyFailure>,
    pub(crate) resource_policy: Option<AttachedPolicy>,
    pub(crate) tags: BTreeMap<String, String>,
    /// The KMS key, by ARN, id or alias; none for the one that AWS manages.
    pub(crate) kms_key_id: Option<String>,
    pub(crate) rotation: Option<Rotation>,
    /// By Region.
    pub(crate) replicas: BTreeMap<String, ReplicaStatus>,
    /// The service that manages the secret, if one does.
    pub(crate) owning_service: Option<String>,
    pub(crate) versions: Vec<Version>,
}

/// Why a secret cannot be read or written, in the service's words.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum StoreError {
    #[error("Secrets Manager can't find the specified secret.")]
    NoSecret,
    #[error("Secrets Manager can't find the specified secret value for staging label: {0}")]
    NoStage(String),
    #[error("Secrets Manager can't find the specified secret value for VersionId: {0}")]
    NoVersion(String),
    #[error("You provided a VersionStage that is not associated to the provided VersionId.")]
    StageOfAnother,
    #[error("You can't perform this operation on the secret because it was marked for deletion.")]
    Deleted,
    #[error(
        "You can't create this secret because a secret with this name is already scheduled for \
         deletion."
    )]
    NameDeleted,
    #[error("The operation failed because the secret {0} already exists.")]
    Exists(String),
    #[error(
        "You can't use ClientRequestToken {token} because that value is already in use for a \
         version of secret {arn}."
    )]
    TokenUsed { token: String, arn: String },
    #[error("You must specify MoveToVersionId, RemoveFromVersionId, or both.")]
    NoMove,
    #[error(
        "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently \
         attached to version {version}, so you must explicitly reference that version in \
         RemoveFromVersionId."
    )]
    StageAttached { stage: String, version: String },
    #[error(
        "The parameter RemoveFromVersionId isn't valid. Staging label {stage} isn't attached to \
         version {version}."
    )]
    StageNotAttached { stage: String, version: String },
    #[error(
        "You can only move staging label AWSCURRENT to a different secret version. It can't be \
         completely removed."
    )]
    CurrentRemoved,
    #[error("A version can't have more than {MOST_STAGES} staging labels.")]
    StageLimit,
    #[error(
        "You tried to enable rotation on a secret that doesn't already have a Lambda function ARN \
         configured and you didn't include such an ARN as a parameter in this call."
    )]
    NoRotation,
    #[error("You can't modify this secret because it is managed by the service {0}.")]
    Managed(String),
    #[error("You can't delete secret {name} that still has replica regions [{regions}]")]
    Replicated { name: String, regions: String },
}

impl Secrets {
    /// Finds a secret of the caller's location by name, by ARN, or by ARN without the six
    /// characters behind the name; one of another account in the Region by its whole ARN only.
    pub(crate) fn find(&self, id: SecretId<'_>) -> Result<&Secret, StoreError> {
        self.0.values().find(|secret| secret.answers_to(id)).ok_or(StoreError::NoSecret)
    }

    /// Finds a secret to write to.
    pub(crate) fn find_mut(&mut self, id: SecretId<'_>) -> Result<&mut Secret, StoreError> {
        self.0.values_mut().find(|secret| secret.answers_to(id)).ok_or(StoreError::NoSecret)
    }

    /// Creates a secret with its first version; the same request again is answered as the first.
    pub(crate) fn create(
        &mut self,
        mut secret: Secret,
        version: Option<Version>,
    ) -> Result<&Secret, StoreError> {
        let key = secret.key();
        if let Some(known) = self.0.get(&key) {
            if known.deletion.is_some() {
                return Err(StoreError::NameDeleted);
            }
            let again = version.is_some_and(|version| {
                known.versions.iter().any(|v| v.id == version.id && v.material == version.material)
            });
            return if again {
                self.0.get(&key).ok_or(StoreError::NoSecret)
            } else {
                Err(StoreError::Exists(secret.name))
            };
        }
        if let Some(version) = version {
            secret.put(version, &[CURRENT.to_owned()])?;
        }
        Ok(self.0.entry(key).or_insert(secret))
    }

    /// Gives a secret a new current version, and creates the secret if it is not there. Returns it
    /// with the id of the version.
    pub(crate) fn set(
        &mut self,
        location: &Location,
        name: &str,
        material: Material,
        now: OffsetDateTime,
    ) -> Result<(&Secret, String), StoreError> {
        let secret = Secret::new(location, name, now);
        let secret = self.0.entry(secret.key()).or_insert(secret);
        let version = Version::new(&uuid::random(), material, now);
        let id = version.id.clone();
        secret.put(version, &[CURRENT.to_owned()])?;
        Ok((secret, id))
    }

    /// Returns every secret, in the order of their locations and names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Secret> {
        self.0.values()
    }

    /// Removes the secrets whose recovery window is over.
    pub(crate) fn purge(&mut self, now: OffsetDateTime) {
        let is_over = |secret: &Secret| secret.deletion.is_some_and(|it| it.date <= now);
        self.0.retain(|_, secret| !is_over(secret));
    }

    /// Removes a secret at once.
    pub(crate) fn remove(&mut self, id: SecretId<'_>) {
        self.0.retain(|_, secret| !secret.answers_to(id));
    }

    /// Puts a secret in, and replaces one of its name.
    pub(crate) fn insert(&mut self, secret: Secret) {
        self.0.insert(secret.key(), secret);
    }
}

impl Secret {
    /// Returns a secret without a version.
    pub(crate) fn new(location: &Location, name: &str, now: OffsetDateTime) -> Self {
        Self::with_arn(arn(location, name), name, now)
    }

    /// Returns a secret without a version that has an ARN already.
    pub(crate) fn with_arn(arn: Arn, name: &str, now: OffsetDateTime) -> Self {
        Self {
            name: name.to_owned(),
            arn,
            description: None,
            created: now,
            changed: now,
            accessed: None,
            deletion: None,
            failure: None,
            resource_policy: None,
            tags: BTreeMap::new(),
            kms_key_id: None,
            rotation: None,
            replicas: BTreeMap::new(),
            owning_service: None,
            versions: Vec::new(),
        }
    }

    /// Returns the ARN of the KMS key; none for the one that AWS manages.
    pub(crate) fn kms_key(&self) -> Option<Arn> {
        kms::key_arn(&self.arn.location(), self.kms_key_id.as_deref()?)
    }

    /// Refuses a change of a secret that is scheduled for deletion or managed by a service.
    pub(crate) fn check_writable(&self) -> Result<(), StoreError> {
        match (&self.deletion, &self.owning_service) {
            (Some(_), _) => Err(StoreError::Deleted),
            (None, Some(service)) => Err(StoreError::Managed(service.clone())),
            (None, None) => Ok(()),
        }
    }

    fn answers_to(&self, SecretId { id, location }: SecretId<'_>) -> bool {
        let own = self.arn.location();
        if own.region != location.region {
            return false;
        }
        self.arn.as_str() == id
            || own == *location && (self.name == id || self.partial_arn().as_str() == id)
    }

    fn key(&self) -> (Location, String) {
        (self.arn.location(), self.name.clone())
    }

    fn partial_arn(&self) -> Arn {
        Arn::new("secretsmanager", &self.arn.location(), &format!("secret:{}", self.name))
    }
}

/// Returns the ARN of a secret that is created with a name.
pub(crate) fn arn(location: &Location, name: &str) -> Arn {
    Arn::new("secretsmanager", location, &format!("secret:{name}-{}", suffix(name)))
}

/// Six letters that look random and always are the same for a name.
fn suffix(name: &str) -> String {
    const LETTERS: &[u8; 52] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let digest = Sha256::digest(name.as_bytes());
    digest.iter().take(6).map(|byte| char::from(LETTERS[usize::from(*byte) % 52])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn here() -> Location {
        Location { account: "123456789012".to_owned(), region: "eu-central-1".to_owned() }
    }

    fn find<'a>(secrets: &'a Secrets, id: &str) -> Result<&'a Secret, StoreError> {
        secrets.find(SecretId { id, location: &here() })
    }

    fn create<'a>(
        secrets: &'a mut Secrets,
        name: &str,
        version: Option<Version>,
    ) -> Result<&'a Secret, StoreError> {
        secrets.create(Secret::new(&here(), name, NOW), version)
    }

    fn version(id: &str, text: &str) -> Version {
        Version::new(id, Material::Text(text.to_owned()), NOW)
    }

    #[test]
    fn debug_does_not_print_the_value() {
        let mut secrets = Secrets::default();
        create(&mut secrets, "db", Some(version("v1", "hunter2"))).unwrap();
        let binary = Version::new("v2", Material::Binary(b"hunter3".to_vec()), NOW);
        create(&mut secrets, "binary", Some(binary)).unwrap();
        let debug = format!("{secrets:?}");
        assert!(
            debug.contains("material: Some(Text(..))") && debug.contains("Binary(..)"),
            "{debug}"
        );
        assert!(!debug.contains("hunter") && !debug.contains("104, 117"), "{debug}");
    }

    #[test]
    fn a_secret_is_found_by_name_arn_and_partial_arn() {
        let mut secrets = Secrets::default();
        create(&mut secrets, "a/b", Some(version("1", "x"))).unwrap();
        let arn = find(&secrets, "a/b").unwrap().arn.clone();
        let (arn, partial) = (arn.as_str(), &arn.as_str()[..arn.as_str().len() - 7]);
        assert_eq!(find(&secrets, arn).unwrap().name, "a/b");
        assert!(find(&secrets, partial).is_ok());
        assert!(find(&secrets, &arn[..arn.len() - 1]).is_err());
        let other = Location { account: "999999999999".to_owned(), ..here() };
        let by = |id, location: &Location| secrets.find(SecretId { id, location }).is_ok();
        assert!(by(arn, &other) && !by(partial, &other) && !by("a/b", &other));
        let elsewhere = Location { region: "eu-west-1".to_owned(), ..here() };
        assert!(!by(arn, &elsewhere) && !by("a/b", &elsewhere));
        assert!(find(&secrets, "a").is_err());
        assert_eq!(suffix("a/b"), suffix("a/b"));
    }

    #[test]
    fn a_secret_name_cannot_be_used_twice() {
        let mut secrets = Secrets::default();
        create(&mut secrets, "a", Some(version("1", "x"))).unwrap();
        assert!(create(&mut secrets, "a", Some(version("1", "x"))).is_ok());
        assert_eq!(
            create(&mut secrets, "a", Some(version("2", "x"))).unwrap_err(),
            StoreError::Exists("a".to_owned())
        );
        secrets.find_mut(SecretId { id: "a", location: &here() }).unwrap().deletion =
            Some(Deletion::after_days(30, NOW));
        assert_eq!(create(&mut secrets, "a", None).unwrap_err(), StoreError::NameDeleted);
        assert_eq!(
            secrets
                .find_mut(SecretId { id: "a", location: &here() })
                .unwrap()
                .put(version("3", "x"), &[])
                .unwrap_err(),
            StoreError::Deleted
        );
    }

    #[test]
    fn a_deleted_secret_is_gone_after_its_recovery_window() {
        let mut secrets = Secrets::default();
        create(&mut secrets, "a", Some(version("1", "x"))).unwrap();
        let deletion = Deletion::after_days(7, NOW);
        let id = SecretId { id: "a", location: &here() };
        secrets.find_mut(id).unwrap().deletion = Some(deletion);
        secrets.purge(deletion.date - time::Duration::SECOND);
        assert!(find(&secrets, "a").is_ok());
        secrets.purge(deletion.date);
        assert_eq!(find(&secrets, "a").unwrap_err(), StoreError::NoSecret);
        assert!(create(&mut secrets, "a", None).is_ok());
    }
}
