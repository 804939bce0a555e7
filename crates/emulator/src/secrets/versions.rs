//! The versions of a secret and their staging labels: a label is on one version at a time, and
//! AWSPREVIOUS moves to the version that AWSCURRENT leaves.

use std::collections::BTreeSet;
use std::fmt;

use time::{Duration, OffsetDateTime};

use super::store::{Secret, StoreError};

/// The label of the version that is read by default.
pub(crate) const CURRENT: &str = "AWSCURRENT";
/// The most bytes that the value of a version has.
pub(crate) const MOST_BYTES: usize = 65_536;
/// The most labels that a version has.
pub(crate) const MOST_STAGES: usize = 20;
const PREVIOUS: &str = "AWSPREVIOUS";
const PENDING: &str = "AWSPENDING";
/// How many versions are kept at least, and for how long all of them.
const KEPT_VERSIONS: usize = 100;
const KEPT_FOR: Duration = Duration::hours(24);

/// One version of a secret.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    pub(crate) id: String,
    /// None if an unfinished rotation has made the version, and put no value in.
    pub(crate) material: Option<Material>,
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

impl Version {
    /// Returns a version without labels.
    pub(crate) fn new(id: &str, material: Material, created: OffsetDateTime) -> Self {
        Self { material: Some(material), ..Self::empty(id, created) }
    }

    /// Returns a version without a value and labels.
    pub(crate) fn empty(id: &str, created: OffsetDateTime) -> Self {
        Self { id: id.to_owned(), material: None, stages: BTreeSet::new(), created }
    }
}

/// Where UpdateSecretVersionStage takes a label from and moves it to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StageMove<'a> {
    pub(crate) stage: &'a str,
    pub(crate) remove_from: Option<&'a str>,
    pub(crate) move_to: Option<&'a str>,
}

impl Secret {
    /// Returns the version of an id, or of a label, AWSCURRENT where neither is given. One without a
    /// value is not found.
    pub(crate) fn version(
        &self,
        id: Option<&str>,
        stage: Option<&str>,
    ) -> Result<&Version, StoreError> {
        let Some(id) = id else {
            let stage = stage.unwrap_or(CURRENT);
            let holder = self.holder(stage).filter(|version| version.material.is_some());
            return holder.ok_or_else(|| StoreError::NoStage(stage.to_owned()));
        };
        let version = self.of_id(id)?;
        match stage {
            Some(stage) if !version.stages.contains(stage) => Err(StoreError::StageOfAnother),
            _ if version.material.is_none() => Err(StoreError::NoVersion(id.to_owned())),
            _ => Ok(version),
        }
    }

    /// Adds a version with its labels and returns those that it has.
    ///
    /// The same id with the same value again changes nothing; with another value it is refused. A
    /// version without a value gets it.
    pub(crate) fn put(
        &mut self,
        version: Version,
        stages: &[String],
    ) -> Result<BTreeSet<String>, StoreError> {
        self.check_writable()?;
        match self.of_id(&version.id) {
            Ok(known) if known.material == version.material => Ok(known.stages.clone()),
            Ok(known) if known.material.is_some() => Err(self.token_used(&version.id)),
            _ => Ok(self.add(version, stages)),
        }
    }

    /// Adds a current version; an id that a version has is refused, with the same value too.
    pub(crate) fn update(&mut self, version: Version) -> Result<(), StoreError> {
        self.check_writable()?;
        if self.of_id(&version.id).is_ok() {
            return Err(self.token_used(&version.id));
        }
        self.add(version, &[CURRENT.to_owned()]);
        Ok(())
    }

    /// Moves a label, attaches it or takes it off. The version that has it must be named: two
    /// callers cannot both move it from there.
    pub(crate) fn move_stage(
        &mut self,
        StageMove { stage, remove_from, move_to }: StageMove<'_>,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        self.check_writable()?;
        let stage_of = |version: &str| (stage.to_owned(), version.to_owned());
        let holder = self.holder(stage).map(|version| version.id.clone());
        for id in [remove_from, move_to].into_iter().flatten() {
            self.of_id(id)?;
        }
        match (holder.as_deref(), remove_from, move_to) {
            (_, None, None) => return Err(StoreError::NoMove),
            (Some(holder), None, Some(to)) if holder != to => {
                let (stage, version) = stage_of(holder);
                return Err(StoreError::StageAttached { stage, version });
            }
            (holder, Some(from), _) if holder != Some(from) => {
                let (stage, version) = stage_of(from);
                return Err(StoreError::StageNotAttached { stage, version });
            }
            (_, _, None) if stage == CURRENT => return Err(StoreError::CurrentRemoved),
            _ => {}
        }
        self.changed = now;
        match move_to {
            Some(to) => {
                let stages = &self.of_id(to)?.stages;
                if stages.len() >= MOST_STAGES && !stages.contains(stage) {
                    return Err(StoreError::StageLimit);
                }
                let to = to.to_owned();
                self.label(&to, stage);
            }
            None => self.versions.iter_mut().for_each(|version| {
                version.stages.remove(stage);
            }),
        }
        Ok(())
    }

    /// Puts AWSPENDING on a version without a value, as a rotation does that is not finished.
    pub(crate) fn leave_rotation_unfinished(&mut self, id: &str, now: OffsetDateTime) {
        self.versions.push(Version::empty(id, now));
        self.label(id, PENDING);
    }

    /// Returns the id of the version that a rotation has begun and not finished.
    pub(crate) fn unfinished_version(&self) -> Option<&str> {
        let pending = self.holder(PENDING)?;
        (!pending.stages.contains(CURRENT)).then_some(&*pending.id)
    }

    fn holder(&self, stage: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.stages.contains(stage))
    }

    fn of_id(&self, id: &str) -> Result<&Version, StoreError> {
        let version = self.versions.iter().find(|version| version.id == id);
        version.ok_or_else(|| StoreError::NoVersion(id.to_owned()))
    }

    fn token_used(&self, id: &str) -> StoreError {
        StoreError::TokenUsed { token: id.to_owned(), arn: self.arn.to_string() }
    }

    fn add(&mut self, version: Version, stages: &[String]) -> BTreeSet<String> {
        let (id, now) = (version.id.clone(), version.created);
        self.changed = now;
        let mut stages: BTreeSet<_> = stages.iter().cloned().collect();
        match self.versions.iter_mut().find(|known| known.id == id) {
            Some(empty) => {
                stages.append(&mut empty.stages);
                *empty = version;
            }
            None => self.versions.push(version),
        }
        if self.versions.len() == 1 {
            stages.insert(CURRENT.to_owned());
        }
        for stage in &stages {
            self.label(&id, stage);
        }
        if let Some(rotation) = self.rotation.as_mut().filter(|_| stages.contains(CURRENT)) {
            rotation.restart(now);
        }
        self.drop_old_versions(now);
        stages
    }

    /// Drops the oldest versions without labels, if there are too many and they are old enough.
    fn drop_old_versions(&mut self, now: OffsetDateTime) {
        let mut surplus = self.versions.len().saturating_sub(KEPT_VERSIONS);
        self.versions.retain(|version| {
            let drops =
                surplus > 0 && version.stages.is_empty() && version.created + KEPT_FOR <= now;
            surplus -= usize::from(drops);
            !drops
        });
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arn::Location;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn secret() -> Secret {
        let here = Location { account: "123456789012".into(), region: "eu-central-1".into() };
        Secret::new(&here, "s", NOW)
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

    /// Returns a secret in the middle of a rotation: `1` is the previous version, `2` the current
    /// one, `3` the pending one.
    fn in_rotation() -> Secret {
        let mut secret = secret();
        for (id, stage) in [("1", CURRENT), ("2", CURRENT), ("3", "AWSPENDING")] {
            secret.put(version(id, id), &stages(&[stage])).unwrap();
        }
        secret
    }

    fn moved(
        secret: &mut Secret,
        stage: &str,
        remove_from: Option<&str>,
        move_to: Option<&str>,
    ) -> Result<(), StoreError> {
        secret.move_stage(StageMove { stage, remove_from, move_to }, NOW)
    }

    #[test]
    fn current_moves_and_previous_follows_it() {
        let mut secret = secret();
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
        let mut secret = secret();
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
        let mut secret = secret();
        secret.put(version("1", "a"), &stages(&[CURRENT])).unwrap();
        assert!(secret.put(version("1", "a"), &stages(&[CURRENT])).is_ok());
        assert_eq!(secret.versions.len(), 1);
        assert!(matches!(
            secret.put(version("1", "b"), &stages(&[CURRENT])),
            Err(StoreError::TokenUsed { .. })
        ));
    }

    #[test]
    fn a_version_without_a_value_is_listed_and_not_found() {
        let mut secret = secret();
        secret.put(version("1", "a"), &stages(&[CURRENT])).unwrap();
        secret.leave_rotation_unfinished("2", NOW);
        assert_eq!(secret.unfinished_version(), Some("2"));
        assert_eq!(labels(&secret)[1], ("2".to_owned(), stages(&[PENDING])));
        let by_label = StoreError::NoStage(PENDING.to_owned());
        assert_eq!(secret.version(None, Some(PENDING)).unwrap_err(), by_label);
        let by_id = StoreError::NoVersion("2".to_owned());
        assert_eq!(secret.version(Some("2"), None).unwrap_err(), by_id);
        assert_eq!(secret.version(Some("2"), Some(PENDING)).unwrap_err(), by_id);
        // A request token that is its id puts the value in.
        let attached = secret.put(version("2", "b"), &stages(&["mine"])).unwrap();
        assert_eq!(attached, stages(&[PENDING, "mine"]).into_iter().collect());
        assert_eq!(secret.version(None, Some(PENDING)).unwrap().id, "2");
        assert!(matches!(
            secret.put(version("2", "c"), &stages(&[PENDING])),
            Err(StoreError::TokenUsed { .. })
        ));
        // A rotation that is finished is no unfinished one, although the label is left.
        moved(&mut secret, CURRENT, Some("1"), Some("2")).unwrap();
        assert_eq!(secret.unfinished_version(), None);
        assert_eq!(labels(&secret)[0], ("1".to_owned(), stages(&[PREVIOUS])));
        assert_eq!(labels(&secret)[1].1, stages(&[CURRENT, PENDING, "mine"]));
    }

    #[test]
    fn a_new_version_takes_any_label_and_a_move_does_not() {
        for stage in [CURRENT, PREVIOUS, "AWSPENDING", "mine"] {
            let mut secret = in_rotation();
            moved(&mut secret, "mine", None, Some("1")).unwrap();
            secret.put(version("4", "4"), &stages(&[stage])).unwrap();
            assert_eq!(secret.version(None, Some(stage)).unwrap().id, "4", "{stage}");
            let error = moved(&mut secret, stage, None, Some("2")).unwrap_err();
            assert!(matches!(error, StoreError::StageAttached { .. }), "{stage}: {error}");
            assert_eq!(secret.version(None, Some(stage)).unwrap().id, "4", "{stage}");
        }
    }

    #[test]
    fn back_to_the_previous_version_the_labels_change_places() {
        let mut secret = in_rotation();
        moved(&mut secret, CURRENT, Some("2"), Some("1")).unwrap();
        assert_eq!(labels(&secret)[0].1, stages(&[CURRENT]));
        assert_eq!(labels(&secret)[1].1, stages(&[PREVIOUS]));
        // A version without labels is still read by its id.
        moved(&mut secret, PREVIOUS, Some("2"), None).unwrap();
        assert_eq!(secret.version(Some("2"), None).unwrap().id, "2");
    }

    #[test]
    fn the_end_of_a_rotation_moves_current_and_takes_pending_off() {
        let mut secret = in_rotation();
        moved(&mut secret, CURRENT, Some("2"), Some("3")).unwrap();
        moved(&mut secret, "AWSPENDING", Some("3"), None).unwrap();
        assert_eq!(
            labels(&secret),
            [
                ("1".to_owned(), vec![]),
                ("2".to_owned(), stages(&[PREVIOUS])),
                ("3".to_owned(), stages(&[CURRENT])),
            ]
        );
    }

    #[test]
    fn a_label_moves_only_from_the_version_that_is_named() {
        for (stage, holder) in [(CURRENT, "2"), (PREVIOUS, "1"), ("AWSPENDING", "3")] {
            let mut secret = in_rotation();
            let before = labels(&secret);
            let other = if holder == "1" { "2" } else { "1" };
            let error = moved(&mut secret, stage, None, Some(other)).unwrap_err();
            assert!(
                error.to_string().starts_with(&format!(
                    "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is \
                     currently attached to version {holder}"
                )),
                "{error}"
            );
            let error = moved(&mut secret, stage, Some(other), Some(other)).unwrap_err();
            assert!(matches!(error, StoreError::StageNotAttached { .. }), "{error}");
            assert_eq!(labels(&secret), before);
            // To where it is already, it moves without a name.
            assert_eq!(moved(&mut secret, stage, None, Some(holder)), Ok(()));
            assert_eq!(labels(&secret), before);
        }
    }

    #[test]
    fn a_label_is_attached_taken_off_and_never_lost_by_mistake() {
        let mut secret = in_rotation();
        assert_eq!(moved(&mut secret, "mine", None, Some("1")), Ok(()));
        assert_eq!(secret.version(None, Some("mine")).unwrap().id, "1");
        assert_eq!(moved(&mut secret, "mine", Some("1"), None), Ok(()));
        assert!(secret.version(None, Some("mine")).is_err());
        let not_attached = moved(&mut secret, "mine", Some("1"), None).unwrap_err();
        assert!(matches!(not_attached, StoreError::StageNotAttached { .. }));
        assert_eq!(moved(&mut secret, CURRENT, Some("2"), None), Err(StoreError::CurrentRemoved));
        assert_eq!(moved(&mut secret, "mine", None, None), Err(StoreError::NoMove));
        let absent = StoreError::NoVersion("9".to_owned());
        assert_eq!(moved(&mut secret, "mine", None, Some("9")), Err(absent));
        for label in 0..MOST_STAGES - 1 {
            moved(&mut secret, &format!("l{label}"), None, Some("1")).unwrap();
        }
        assert_eq!(moved(&mut secret, "mine", None, Some("1")), Err(StoreError::StageLimit));
        secret.owning_service = Some("rds".to_owned());
        let managed = StoreError::Managed("rds".to_owned());
        assert_eq!(moved(&mut secret, "mine", None, Some("3")), Err(managed));
    }

    #[test]
    fn an_update_refuses_a_request_token_that_a_version_has() {
        let mut secret = in_rotation();
        let error = secret.update(version("2", "2")).unwrap_err();
        assert!(matches!(error, StoreError::TokenUsed { .. }), "{error}");
        secret.update(version("4", "2")).unwrap();
        assert_eq!(secret.version(None, None).unwrap().id, "4");
    }

    #[test]
    fn old_versions_without_labels_are_dropped_when_there_are_too_many() {
        let mut secret = secret();
        let later =
            |id: usize, now| Version::new(&id.to_string(), Material::Text(id.to_string()), now);
        for id in 0..150 {
            secret.put(later(id, NOW), &stages(&[CURRENT])).unwrap();
        }
        assert_eq!(secret.versions.len(), 150);
        secret.put(later(150, NOW + KEPT_FOR), &stages(&[CURRENT])).unwrap();
        assert_eq!(secret.versions.len(), KEPT_VERSIONS);
        assert_eq!(secret.version(None, Some(PREVIOUS)).unwrap().id, "149");
    }
}
