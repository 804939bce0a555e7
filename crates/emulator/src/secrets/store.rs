//! Secrets, their versions and their staging labels: a label is on one version at a time, and
//! AWSPREVIOUS moves to the version that AWSCURRENT leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use sha2::{Digest as _, Sha256};
use thiserror::Error;
use time::OffsetDateTime;

use super::rotation::{Deletion, ReplicaStatus, Rotation};
use crate::account::AttachedPolicy;
use crate::arn::{Arn, Location};
use crate::kms::{self, KeyFailure};
use crate::uuid;

/// The label of the version that is read by default.
pub(crate) const CURRENT: &str = "AWSCURRENT";
/// The most bytes that the value of a version has.
pub(crate) const MOST_BYTES: usize = 65_536;
const PREVIOUS: &str = "AWSPREVIOUS";

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

/// One version of a secret.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    pub(crate) id: String,
    pub(crate) material: Material,
    pub(crate) stages: BTreeSet<String>,
    pub(crate) created: OffsetDateTime,
}

/// The value of a secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Material {
    Text(String),
    Binary(Vec<u8>),
}

/// Without the value.
impl fmt::Debug for Material {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Text(_) => "Text(..)",
            Self::Binary(_) => "Binary(..)",
        })
    }
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

    /// Returns the version of an id, or of a label, AWSCURRENT where neither is given.
    pub(crate) fn version(
        &self,
        id: Option<&str>,
        stage: Option<&str>,
    ) -> Result<&Version, StoreError> {
        let Some(id) = id else {
            let stage = stage.unwrap_or(CURRENT);
            return self
                .versions
                .iter()
                .find(|version| version.stages.contains(stage))
                .ok_or_else(|| StoreError::NoStage(stage.to_owned()));
        };
        let version = self
            .versions
            .iter()
            .find(|version| version.id == id)
            .ok_or_else(|| StoreError::NoVersion(id.to_owned()))?;
        match stage {
            Some(stage) if !version.stages.contains(stage) => Err(StoreError::StageOfAnother),
            _ => Ok(version),
        }
    }

    /// Adds a version with its labels and returns those that it has.
    ///
    /// The same id with the same value again changes nothing; with another value it is refused.
    pub(crate) fn put(
        &mut self,
        version: Version,
        stages: &[String],
    ) -> Result<BTreeSet<String>, StoreError> {
        if self.deletion.is_some() {
            return Err(StoreError::Deleted);
        }
        if let Some(known) = self.versions.iter().find(|known| known.id == version.id) {
            if known.material == version.material {
                return Ok(known.stages.clone());
            }
            return Err(StoreError::TokenUsed { token: version.id, arn: self.arn.to_string() });
        }
        let id = version.id.clone();
        self.changed = version.created;
        self.versions.push(version);
        let mut stages: BTreeSet<_> = stages.iter().cloned().collect();
        if self.versions.len() == 1 {
            stages.insert(CURRENT.to_owned());
        }
        for stage in &stages {
            self.label(&id, stage);
        }
        Ok(stages)
    }

    /// Moves a label to a version, and AWSPREVIOUS to where AWSCURRENT was.
    fn label(&mut self, id: &str, stage: &str) {
        let mut from = None;
        for version in &mut self.versions {
            if version.stages.remove(stage) {
                from = Some(version.id.clone());
            }
            if version.id == id {
                version.stages.insert(stage.to_owned());
            }
        }
        if let Some(from) = from.filter(|from| stage == CURRENT && from != id) {
            self.label(&from, PREVIOUS);
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

impl Version {
    /// Returns a version without labels.
    pub(crate) fn new(id: &str, material: Material, created: OffsetDateTime) -> Self {
        Self { id: id.to_owned(), material, stages: BTreeSet::new(), created }
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

    fn labels(secret: &Secret) -> Vec<(String, Vec<String>)> {
        secret
            .versions
            .iter()
            .map(|version| (version.id.clone(), version.stages.iter().cloned().collect()))
            .collect()
    }

    fn stages(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn debug_does_not_print_the_value() {
        let mut secrets = Secrets::default();
        create(&mut secrets, "db", Some(version("v1", "hunter2"))).unwrap();
        let binary = Version::new("v2", Material::Binary(b"hunter3".to_vec()), NOW);
        create(&mut secrets, "binary", Some(binary)).unwrap();
        let debug = format!("{secrets:?}");
        assert!(debug.contains("material: Text(..)") && debug.contains("Binary(..)"), "{debug}");
        assert!(!debug.contains("hunter") && !debug.contains("104, 117"), "{debug}");
    }

    #[test]
    fn current_moves_and_previous_follows_it() {
        let mut secret = Secret::new(&here(), "s", NOW);
        for id in ["1", "2", "3"] {
            secret.put(version(id, id), &stages(&[CURRENT])).unwrap();
        }
        assert_eq!(
            labels(&secret),
            [
                ("1".to_owned(), vec![]),
                ("2".to_owned(), stages(&[PREVIOUS])),
                ("3".to_owned(), stages(&[CURRENT])),
            ]
        );
        assert_eq!(secret.version(None, None).unwrap().id, "3");
        assert_eq!(secret.version(None, Some(PREVIOUS)).unwrap().id, "2");
        assert_eq!(secret.version(Some("1"), None).unwrap().id, "1");
    }

    #[test]
    fn a_pending_version_leaves_current_alone() {
        let mut secret = Secret::new(&here(), "s", NOW);
        secret.put(version("1", "a"), &stages(&[CURRENT])).unwrap();
        secret.put(version("2", "b"), &stages(&["AWSPENDING"])).unwrap();
        assert_eq!(secret.version(None, None).unwrap().id, "1");
        assert_eq!(secret.version(Some("2"), Some("AWSPENDING")).unwrap().id, "2");
        assert_eq!(
            secret.version(Some("1"), Some("AWSPENDING")).unwrap_err(),
            StoreError::StageOfAnother
        );
        assert_eq!(
            secret.version(None, Some("X")).unwrap_err(),
            StoreError::NoStage("X".to_owned())
        );
        assert_eq!(
            secret.version(Some("9"), None).unwrap_err(),
            StoreError::NoVersion("9".to_owned())
        );
    }

    #[test]
    fn a_repeated_request_token_is_idempotent_or_refused() {
        let mut secret = Secret::new(&here(), "s", NOW);
        secret.put(version("1", "a"), &stages(&[CURRENT])).unwrap();
        assert!(secret.put(version("1", "a"), &stages(&[CURRENT])).is_ok());
        assert_eq!(secret.versions.len(), 1);
        assert!(matches!(
            secret.put(version("1", "b"), &stages(&[CURRENT])),
            Err(StoreError::TokenUsed { .. })
        ));
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
}
