//! Staging labels of the versions of a secret.

use std::collections::BTreeMap;

/// The label of the version that readers get.
pub(super) const CURRENT: &str = "AWSCURRENT";
/// The label of the version before it.
pub(super) const PREVIOUS: &str = "AWSPREVIOUS";
/// The label of the version that becomes the current one. The run that has moved it to its own version
/// rotates the secret.
pub(super) const PENDING: &str = "AWSPENDING";
/// The label of the document that is the record of rotations.
pub(super) const RECORD: &str = "roles-anywhere-rotation";
/// The label that each new version begins with: one without any would become the current version. It
/// says nothing about the version, as runs at the same time take it from each other.
pub(super) const NEW: &str = "roles-anywhere-new";
/// The label of the document of a run that has ended with an error: no other run has to wait for it.
pub(super) const ENDED: &str = "roles-anywhere-ended";

/// Which version has which labels.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Labels(BTreeMap<String, Vec<String>>);

impl Labels {
    /// Takes the labels of each version, as DescribeSecret returns them.
    pub(super) fn new(of_versions: BTreeMap<String, Vec<String>>) -> Self {
        Self(of_versions)
    }

    /// Returns the version that has `label`.
    pub(super) fn version(&self, label: &str) -> Option<&str> {
        let mut versions = self.0.iter();
        let has_label = |labels: &[String]| labels.iter().any(|it| it == label);
        versions.find(|(_, labels)| has_label(labels)).map(|(version, _)| version.as_str())
    }

    /// Returns the labels of a version.
    pub(super) fn of(&self, version: &str) -> &[String] {
        self.0.get(version).map_or(&[], Vec::as_slice)
    }

    /// Returns the versions that have a label of another meaning than that they are new or a run has ended. One
    /// without is used only by a rotation that announces it.
    pub(super) fn versions_in_use(&self) -> impl Iterator<Item = &str> {
        let is_use = |label: &String| ![NEW, ENDED].contains(&label.as_str());
        self.versions().filter(move |version| self.of(version).iter().any(is_use))
    }

    /// Returns the versions that have a label.
    pub(super) fn versions(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, labels)| !labels.is_empty()).map(|(version, _)| version.as_str())
    }
}
