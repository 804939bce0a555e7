//! The existing credentials file: read, and written in place if it cannot be replaced.

use std::fs::{File, Metadata};
use std::io::{self, Seek as _};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use rustix::io::Errno;
use zeroize::Zeroizing;

use crate::credentials_file::port::{
    Edit, FileSnapshot, MAX_SIZE, ProfileFileError, ReplaceObstacle, ReplacedFile, Stamp,
    WriteMethod, WriteOutcome,
};
use crate::os::credentials_file::lock_file::{
    LockClaim, LockFile, NotReplaced, is_denied, lock, open, unwritable,
};
use crate::os::credentials_file::{
    again, busy, check_owner, edited, snapshot, unreadable, writer_of,
};
use crate::os::files::{self, is_at};
use roles_anywhere_client::secret::SecretBytes;

/// Edits the file under its locks, if it is as `expected`.
pub(super) fn replace(
    target: &Path,
    expected: Option<Stamp>,
    edit: &mut Edit<'_>,
) -> Result<WriteOutcome, ProfileFileError> {
    // Held to the end, whether the file is replaced or written in place.
    let claim = LockFile::claim(target)?;
    let old = ExistingFile::open(target)?;
    if old.as_ref().map(|old| stamp(&old.metadata)) != expected {
        return Err(busy(target));
    }
    let text = old.as_ref().map(|old| old.text.clone()).unwrap_or_default();
    let Some(new) = edited(target, &text, edit)? else { return Ok(WriteMethod::Unchanged.into()) };
    let has_other_names = old.as_ref().is_some_and(|old| old.metadata.nlink() > 1);
    let (obstacle, cause) = match &claim {
        LockClaim::Denied(error) => (ReplaceObstacle::Directory, again(error)),
        LockClaim::Granted(_) if has_other_names => {
            (ReplaceObstacle::HardLinks, Errno::MLINK.into())
        }
        LockClaim::Granted(temporary) => match temporary.replace(target, old.as_ref(), &new) {
            Ok(()) => {
                let replaced = old.map(|old| old.into_replaced());
                return Ok(WriteOutcome { written: WriteMethod::Whole, replaced });
            }
            Err(NotReplaced::Changed) => return Err(busy(target)),
            Err(NotReplaced::Failed(error)) => return Err(unwritable(target, error)),
            Err(NotReplaced::Prevented(obstacle, error)) => (obstacle, error),
        },
    };
    match old {
        Some(old) => old.overwrite(target, &new)?,
        None => return Err(unwritable(target, cause)),
    }
    Ok(WriteMethod::InPlace(obstacle).into())
}

/// Returns the identity of a file and of its version.
pub(super) fn stamp(of: &Metadata) -> Stamp {
    Stamp {
        device: of.dev(),
        inode: of.ino(),
        size: of.len(),
        modified: (of.mtime(), of.mtime_nsec()),
    }
}

/// Returns whether the last change to a file was a write: a rename sets `ctime` later than `mtime`.
pub(super) fn is_in_place(of: &Metadata) -> bool {
    (of.mtime(), of.mtime_nsec()) == (of.ctime(), of.ctime_nsec())
}

impl ReplacedFile for File {
    fn read(&self) -> io::Result<FileSnapshot> {
        snapshot(self)
    }

    fn writer(&self) -> Option<u32> {
        writer_of(&self.metadata().ok()?)
    }
}

/// The existing credentials file, locked unless another process holds its lock.
pub(super) struct ExistingFile {
    pub(super) file: File,
    pub(super) metadata: Metadata,
    pub(super) text: SecretBytes,
    /// Why it is open for reading only.
    denied: Option<io::Error>,
    /// Why it is not locked.
    unlocked: Option<ProfileFileError>,
}

impl ExistingFile {
    /// Opens the file, locks it if possible, and reads it; `None` if it does not exist.
    pub(super) fn open(target: &Path) -> Result<Option<Self>, ProfileFileError> {
        let failed = |error| unreadable(target, error);
        let (file, denied) = match open(target) {
            Ok(file) => (file, None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if is_denied(&error) => {
                let file = File::options().read(true).open(target);
                (file.map_err(failed)?, Some(error))
            }
            Err(error) => return Err(failed(error)),
        };
        let unlocked = lock(&file, target).err();
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(ProfileFileError::NotRegular { path: target.to_owned() });
        }
        check_owner(&metadata, target)?;
        // Before it was open, another file may have replaced it.
        if !is_at(&metadata, target) {
            return Err(busy(target));
        }
        let size = usize::try_from(metadata.len()).unwrap_or(0);
        let text = files::whole(&file, size, MAX_SIZE).map_err(failed)?;
        Ok(Some(Self { file, metadata, text, denied, unlocked }))
    }

    /// Returns whether the file still exists as it was read.
    ///
    /// Two writes within the resolution of the timestamp leave the same stamp, so the text is compared
    /// too.
    pub(super) fn is_unchanged(&self, target: &Path) -> bool {
        let now = self.file.metadata();
        now.is_ok_and(|now| stamp(&now) == stamp(&self.metadata))
            && is_at(&self.metadata, target)
            && self.read_again().is_ok_and(|now| now.expose() == self.text.expose())
    }

    /// Returns the open file with the text that was edited.
    fn into_replaced(self) -> (Box<dyn ReplacedFile>, FileSnapshot) {
        let stamp = Some(stamp(&self.metadata));
        let base = FileSnapshot { stamp, text: self.text, ..FileSnapshot::default() };
        (Box::new(self.file), base)
    }

    fn read_again(&self) -> io::Result<SecretBytes> {
        (&self.file).rewind()?;
        files::whole(&self.file, self.text.expose().len(), MAX_SIZE)
    }

    /// Writes the file in place.
    ///
    /// Refuses without the lock of the file, which alone keeps apart the processes that cannot replace
    /// it. A process that can does not need that lock, so the file may be replaced meanwhile.
    pub(super) fn overwrite(
        mut self,
        target: &Path,
        text: &SecretBytes,
    ) -> Result<(), ProfileFileError> {
        if let Some(denied) = self.denied.take() {
            return Err(unwritable(target, denied));
        }
        if let Some(unlocked) = self.unlocked.take() {
            return Err(unlocked);
        }
        self.write(text).map_err(|error| unwritable(target, error))?;
        match is_at(&self.metadata, target) {
            true => Ok(()),
            false => Err(busy(target)),
        }
    }

    /// Writes the new text in one call and truncates the file after it, so that it is never empty. If the
    /// old text is longer, its rest is overwritten with empty lines, which no parser rejects.
    fn write(&self, text: &SecretBytes) -> io::Result<()> {
        let text = text.expose();
        reserve(&self.file, text.len())?;
        let length = text.len().max(self.text.expose().len());
        let mut padded = Zeroizing::new(Vec::with_capacity(length));
        padded.extend_from_slice(text);
        padded.resize(length, b'\n');
        let written = self.file.write_all_at(&padded, 0);
        written
            .and_then(|()| self.file.set_len(text.len() as u64))
            .inspect_err(|_| self.restore())?;
        self.file.sync_all()
    }

    /// Writes the old text back, after a quota or a limit ended the write in its middle. The old text
    /// needs no more space than it had.
    fn restore(&self) {
        let old = self.text.expose();
        let restored = self.file.write_all_at(old, 0);
        let _ = restored.and_then(|()| self.file.set_len(old.len() as u64));
    }
}

/// Returns an error if the disk is full, before anything is written; if the file system supports that.
#[cfg(target_os = "linux")]
fn reserve(file: &File, length: usize) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    match fallocate(file, FallocateFlags::KEEP_SIZE, 0, length as u64) {
        Err(error @ (Errno::NOSPC | Errno::DQUOT)) => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(not(target_os = "linux"))]
fn reserve(_file: &File, _length: usize) -> io::Result<()> {
    Ok(())
}
