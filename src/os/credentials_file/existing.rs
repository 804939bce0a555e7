//! The credentials file as it is found: read, and written over where nothing can replace it.

use std::fs::{File, Metadata};
use std::io::{self, Seek as _};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use rustix::io::Errno;
use zeroize::Zeroizing;

use crate::credentials_file::file::{
    Edit, Edited, Look, MAX_SIZE, Obstacle, ProfileFileError, ReplacedFile, Stamp, Written,
};
use crate::os::credentials_file::lock_file::{
    Claim, Install, Temporary, is_denied, lock, open, unwritable,
};
use crate::os::credentials_file::{again, busy, check_owner, edited, look, unreadable, writer_of};
use crate::os::disk::{self, is_at};
use roles_anywhere_client::secret::SecretBytes;

/// Edits the file under its locks, if it is as `expected`.
pub(super) fn replace(
    target: &Path,
    expected: Option<Stamp>,
    edit: &mut Edit<'_>,
) -> Result<Edited, ProfileFileError> {
    // Held until all is done, in whatever way.
    let claim = Temporary::claim(target)?;
    let old = Old::open(target)?;
    if old.as_ref().map(|old| stamp(&old.metadata)) != expected {
        return Err(busy(target));
    }
    let text = old.as_ref().map(|old| old.text.clone()).unwrap_or_default();
    let Some(new) = edited(target, &text, edit)? else { return Ok(Written::Unchanged.into()) };
    let has_other_names = old.as_ref().is_some_and(|old| old.metadata.nlink() > 1);
    let (obstacle, cause) = match &claim {
        Claim::Denied(error) => (Obstacle::Directory, again(error)),
        Claim::Granted(_) if has_other_names => (Obstacle::HardLinks, Errno::MLINK.into()),
        Claim::Granted(temporary) => match temporary.install(target, old.as_ref(), &new) {
            Ok(()) => {
                let replaced = old.map(|old| old.into_replaced());
                return Ok(Edited { written: Written::Whole, replaced });
            }
            Err(Install::Changed) => return Err(busy(target)),
            Err(Install::Failed(error)) => return Err(unwritable(target, error)),
            Err(Install::Prevented(obstacle, error)) => (obstacle, error),
        },
    };
    match old {
        Some(old) => old.overwrite(target, &new)?,
        None => return Err(unwritable(target, cause)),
    }
    Ok(Written::InPlace(obstacle).into())
}

/// Returns what tells a file, and a version of it, from others.
pub(super) fn stamp(of: &Metadata) -> Stamp {
    Stamp {
        device: of.dev(),
        inode: of.ino(),
        size: of.len(),
        modified: (of.mtime(), of.mtime_nsec()),
    }
}

/// Returns whether nothing happened to a file since it was modified; a rename does.
pub(super) fn is_in_place(of: &Metadata) -> bool {
    (of.mtime(), of.mtime_nsec()) == (of.ctime(), of.ctime_nsec())
}

impl ReplacedFile for File {
    fn look(&self) -> io::Result<Look> {
        look(self)
    }

    fn writer(&self) -> Option<u32> {
        writer_of(&self.metadata().ok()?)
    }
}

/// The credentials file as it is found, locked where nobody else has its lock.
pub(super) struct Old {
    pub(super) file: File,
    pub(super) metadata: Metadata,
    pub(super) text: SecretBytes,
    /// Why it is open for reading alone.
    denied: Option<io::Error>,
    /// Why it is not locked.
    unlocked: Option<ProfileFileError>,
}

impl Old {
    /// Opens the file, locks it if it can, and reads it; `None` where there is none.
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
        // Until it was open, another file may have taken its place.
        if !is_at(&metadata, target) {
            return Err(busy(target));
        }
        let size = usize::try_from(metadata.len()).unwrap_or(0);
        let text = disk::whole(&file, size, MAX_SIZE).map_err(failed)?;
        Ok(Some(Self { file, metadata, text, denied, unlocked }))
    }

    /// Returns whether the file is still there as it was read.
    ///
    /// Its stamp alone would not tell of who wrote it a moment after it was written before.
    pub(super) fn is_unchanged(&self, target: &Path) -> bool {
        let now = self.file.metadata();
        now.is_ok_and(|now| stamp(&now) == stamp(&self.metadata))
            && is_at(&self.metadata, target)
            && self.read_again().is_ok_and(|now| now.expose() == self.text.expose())
    }

    /// Hands the file over, with its text as it was edited.
    fn into_replaced(self) -> (Box<dyn ReplacedFile>, Look) {
        let stamp = Some(stamp(&self.metadata));
        let base = Look { stamp, text: self.text, ..Look::default() };
        (Box::new(self.file), base)
    }

    fn read_again(&self) -> io::Result<SecretBytes> {
        (&self.file).rewind()?;
        disk::whole(&self.file, self.text.expose().len(), MAX_SIZE)
    }

    /// Writes over the file.
    ///
    /// Refuses without the lock of the file: nothing else keeps those apart who cannot replace it.
    /// Whoever can does so without that lock, too, so it may be gone afterwards.
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

    /// The new text comes in one call and only then is the file cut, so that it is never empty; in
    /// between empty lines, which nobody minds, stand where the old text was longer.
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

    /// Writes the old text back: a quota or a limit may end a write in its middle, and what was
    /// there before takes no more space than it did.
    fn restore(&self) {
        let old = self.text.expose();
        let restored = self.file.write_all_at(old, 0);
        let _ = restored.and_then(|()| self.file.set_len(old.len() as u64));
    }
}

/// Finds out that the disk is full before anything was written, where the file system can tell.
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
