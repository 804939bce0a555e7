//! A run, and what it has done so far.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::calls::RotationCalls;
use super::snapshot::VersionContents;
use super::{Goal, RotationSettings, RotationStrategy};
use crate::output::rotation::RotationStep;
use roles_anywhere_client::aws::get_secret_value::SecretValue;
use roles_anywhere_client::time::Timestamp;

/// A run of `secret rotate`.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub(super) settings: &'a RotationSettings,
    /// Its id.
    pub(super) id: String,
    /// The version that it stores a new value as.
    pub(super) value_version: String,
    /// When it started.
    pub(super) started: Timestamp,
    /// When it ends at the latest.
    pub(super) until: Timestamp,
    pub(super) memory: Memory,
}

/// What a run has done, and what it has read that does not change.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Whether AWSPENDING was on a version of this run.
    pub(super) has_claimed: bool,
    /// Whether it has given a claim up that had changed nothing.
    pub(super) has_withdrawn: bool,
    /// Whether it has stored a document, or tried to.
    pub(super) has_stored: bool,
    /// Whether it has begun to make the new value.
    pub(super) has_begun_to_create: bool,
    /// The new value, until it is stored.
    pub(super) new_value: Option<SecretValue>,
    /// Whether it has stored the new value, or tried to.
    pub(super) has_stored_value: bool,
    /// Whether AWS has refused to create an access key.
    pub(super) is_key_refused: bool,
    /// The access key that it has created.
    pub(super) new_key: Option<String>,
    pub(super) is_set: bool,
    pub(super) is_tested: bool,
    /// Whether it has moved AWSCURRENT.
    pub(super) is_finished: bool,
    /// Whether another run had moved AWSCURRENT, and this one has tidied up.
    pub(super) has_tidied_up: bool,
    /// Whether it has removed a pending version.
    pub(super) has_aborted: bool,
    /// The keys that it has deactivated and deleted, which IAM may still list as they were.
    pub(super) deactivated: BTreeSet<String>,
    pub(super) deleted: BTreeSet<String>,
    /// The keys for which nothing is due any more, as far as a plan is concerned.
    pub(super) retired: BTreeSet<String>,
    /// The versions that were read.
    pub(super) versions: BTreeMap<String, VersionContents>,
    /// The user of a key whose secret does not name it.
    pub(super) user_of_key: Option<(String, Option<String>)>,
}

impl<'a> Run<'a> {
    /// Starts a run.
    pub(super) fn start(calls: &impl RotationCalls, settings: &'a RotationSettings) -> Self {
        let started = calls.now();
        let (id, value_version) = (version_id(calls), version_id(calls));
        let (until, memory) = (started.plus(settings.run_limit), Memory::default());
        Self { settings, id, value_version, started, until, memory }
    }

    /// Returns the strategy that it rotates with.
    pub(super) fn strategy_name(&self) -> RotationStrategy {
        let strategy = self.settings.strategy.as_ref();
        strategy.map_or(RotationStrategy::Command, super::Strategy::name)
    }

    /// Returns whether it has rotated the secret at some time, in this process.
    pub(super) fn has_claimed(&self) -> bool {
        self.memory.has_claimed
    }

    /// Returns the step that fails if the run cannot begin.
    pub(super) fn first_step(&self) -> RotationStep {
        match self.settings.goal {
            Goal::Rotate => RotationStep::Claim,
            Goal::Abort => RotationStep::Abort,
        }
    }

    /// Returns the time that is left.
    pub(super) fn remaining(&self, now: Timestamp) -> Duration {
        now.duration_until(self.until)
    }
}

/// Returns an id for a version: a random UUID.
pub(super) fn version_id(calls: &impl RotationCalls) -> String {
    let high = calls.random() & 0xffff_ffff_ffff_0fff | 0x4000;
    let low = calls.random() & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}
