//! What AWS refused, of which other processes may have made copies.

use std::mem;
use std::time::Duration;

use crate::offline_copy::identity::CopyIdentity;
use crate::offline_copy::index::KnownCopy;
use crate::secrets_cache::{CallScope, ReadItem, RefusedPart};

/// For how long the directory is not searched again for the same session. That AWS refuses it is reported at
/// each read.
const SEARCHED_FOR: Duration = Duration::from_mins(1);

/// The copies of what AWS refuses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum RefusedCopies {
    /// A secret or a parameter, or a version of it.
    Item(CallScope, ReadItem, RefusedPart),
    /// The session of a role, by its ARN.
    Role(String),
}

impl RefusedCopies {
    /// Returns what its copy is of, if it is asked for by its name.
    pub(super) fn identity(&self) -> Option<CopyIdentity> {
        match self {
            Self::Item(scope, item, _) => CopyIdentity::of_name(scope, item),
            Self::Role(_) => None,
        }
    }

    /// Returns whether a copy must not be served any more.
    pub(super) fn has(&self, KnownCopy { identity, arn, .. }: &KnownCopy) -> bool {
        match self {
            Self::Item(scope, item, RefusedPart::Whole) => {
                identity.is_about(scope, item, arn.as_deref())
            }
            Self::Item(scope, item, RefusedPart::Version) => {
                identity.is_of(scope, item, arn.as_deref())
            }
            Self::Role(arn) => identity.role == *arn,
        }
    }
}

/// The refusals for which the directory is to be searched.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    new: Vec<RefusedCopies>,
    /// Those of the search that has begun.
    searched: Vec<RefusedCopies>,
    /// Those of sessions, and until when they need no other search.
    recent: Vec<(RefusedCopies, Duration)>,
}

impl Refusals {
    /// Adds a refusal. Returns whether a search is to follow.
    pub(super) fn add(&mut self, refusal: &RefusedCopies, now: Duration) -> bool {
        self.recent.retain(|(_, until)| *until > now);
        if self.recent.iter().any(|(recent, _)| recent == refusal) {
            return false;
        }
        if matches!(refusal, RefusedCopies::Role(_)) {
            self.recent.push((refusal.clone(), now + SEARCHED_FOR));
        }
        self.new.push(refusal.clone());
        true
    }

    /// Returns whether a search is to be made, which is taken to begin.
    pub(super) fn begin_search(&mut self) -> bool {
        let is_needed = !self.new.is_empty();
        self.searched.append(&mut self.new);
        is_needed
    }

    /// Returns the refusals that were searched for.
    pub(super) fn end_search(&mut self) -> Vec<RefusedCopies> {
        mem::take(&mut self.searched)
    }

    /// Has the search made again that failed.
    pub(super) fn search_again(&mut self) {
        self.new.append(&mut self.searched);
    }
}
