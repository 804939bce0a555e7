//! The copies that are known to be on the disk, encrypted as they are there.
//!
//! They are in memory so that no read of a secret waits for a disk.

use super::identity::CopyIdentity;
use super::sealing::SealedCopy;
use crate::secrets_cache::{CallScope, ReadItem};
use roles_anywhere_client::time::Timestamp;

/// The most copies, and the most bytes of all of them.
pub(super) const MAX_COPIES: usize = 400;
pub(super) const MAX_BYTES: usize = 16 << 20;

/// A copy.
pub(super) struct KnownCopy {
    pub(super) identity: CopyIdentity,
    /// The ARN, if AWS returned one.
    pub(super) arn: Option<String>,
    /// When AWS last confirmed it, as the file says.
    pub(super) confirmed: Timestamp,
    pub(super) fingerprint: [u8; 32],
    pub(super) sealed: SealedCopy,
    pub(super) file: CopyFile,
}

/// Whether the file of a copy is there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum CopyFile {
    /// It is to be written.
    ToBeWritten,
    /// It was there. Another process may have removed it.
    Written,
}

/// The copies.
#[derive(Default)]
pub(super) struct CopyIndex(Vec<KnownCopy>);

impl CopyIndex {
    pub(super) fn all(&self) -> &[KnownCopy] {
        &self.0
    }

    /// Returns the copy of `item` that was confirmed last.
    pub(super) fn find(&self, scope: &CallScope, item: &ReadItem) -> Option<&KnownCopy> {
        let is_it = |copy: &&KnownCopy| copy.identity.is_of(scope, item, copy.arn.as_deref());
        self.0.iter().filter(is_it).max_by_key(|copy| copy.confirmed)
    }

    /// Returns the copy in the file `name`.
    pub(super) fn named(&self, name: &str) -> Option<&KnownCopy> {
        self.0.iter().find(|copy| copy.sealed.name == name)
    }

    /// Takes that a file is there.
    pub(super) fn set_written(&mut self, name: &str) {
        let copy = self.0.iter_mut().find(|copy| copy.sealed.name == name);
        copy.into_iter().for_each(|copy| copy.file = CopyFile::Written);
    }

    /// Adds a copy in the place of the one in the same file. Returns those that are too many then: the ones
    /// that were confirmed first.
    pub(super) fn add(&mut self, copy: KnownCopy) -> Vec<KnownCopy> {
        self.0.retain(|other| other.sealed.name != copy.sealed.name);
        self.0.push(copy);
        self.0.sort_by_key(|copy| copy.confirmed);
        let mut bytes: usize = self.0.iter().map(|copy| copy.sealed.contents.len()).sum();
        let mut count = 0;
        while self.0.len() - count > MAX_COPIES || bytes > MAX_BYTES {
            bytes -= self.0[count].sealed.contents.len();
            count += 1;
        }
        self.0.drain(..count).collect()
    }

    /// Removes the copies that `is_removed` accepts.
    pub(super) fn remove(&mut self, is_removed: impl Fn(&KnownCopy) -> bool) -> Vec<KnownCopy> {
        let (removed, kept) = std::mem::take(&mut self.0).into_iter().partition(is_removed);
        self.0 = kept;
        removed
    }
}
