//! The temporary file beside the credentials file, which is the lock and then the new file.

use std::fs::{File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, OFlags, accessat};
use rustix::io::Errno;

use crate::credentials_file::port::{ProfileFileError, ReplaceObstacle};
use crate::os::access;
use crate::os::credentials_file::existing::ExistingFile;
use crate::os::credentials_file::{attributes, busy};
use crate::os::files::is_at;
use crate::os::path::directory_of;
use roles_anywhere_client::secret::SecretBytes;

/// The outcome of the attempt to take the lock.
pub(super) enum LockClaim {
    /// No other process that may write to the directory edits until this is dropped.
    Granted(LockFile),
    /// No file can be created in this directory.
    Denied(io::Error),
}

/// Why the new file did not replace the old one, which is unchanged.
pub(super) enum NotReplaced {
    /// Another program wrote the old file in the meantime.
    Changed,
    /// It cannot be replaced; it may be written in place instead.
    Prevented(ReplaceObstacle, io::Error),
    /// The new file could not be written.
    Failed(io::Error),
}

/// The temporary file, locked; removed when dropped, unless it became the credentials file.
pub(super) struct LockFile {
    path: PathBuf,
    file: File,
}

impl LockFile {
    /// Creates and locks the temporary file of `target`; removes one that a killed process left.
    pub(super) fn claim(target: &Path) -> Result<LockClaim, ProfileFileError> {
        let path = path_of(target);
        let file = match create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                match remove_stale(&path, target)? {
                    None => create(&path),
                    Some(denied) => Err(denied),
                }
            }
            created => created,
        };
        let file = match file {
            Ok(file) => file,
            Err(error) if is_denied(&error) => return Ok(LockClaim::Denied(error)),
            // Another process created it first.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(busy(target)),
            Err(error) => return Err(unwritable(target, error)),
        };
        lock(&file, target)?;
        // Before it was locked, another process may have removed it as one of a killed process.
        let metadata = file.metadata().map_err(|error| unwritable(target, error))?;
        match is_at(&metadata, &path) {
            true => Ok(LockClaim::Granted(Self { path, file })),
            false => Err(busy(target)),
        }
    }

    /// Writes the new text with the attributes of the old file, and renames it to `target`.
    pub(super) fn replace(
        &self,
        target: &Path,
        old: Option<&ExistingFile>,
        text: &SecretBytes,
    ) -> Result<(), NotReplaced> {
        self.write(text).map_err(NotReplaced::Failed)?;
        if let Some(old) = old {
            attributes::copy(old, &self.file)
                .map_err(|error| NotReplaced::Prevented(ReplaceObstacle::Owner, error))?;
        }
        self.file.sync_all().map_err(NotReplaced::Failed)?;
        let as_it_was = match old {
            Some(old) => old.is_unchanged(target),
            None => target.symlink_metadata().is_err(),
        };
        if !as_it_was {
            return Err(NotReplaced::Changed);
        }
        match old {
            Some(_) => std::fs::rename(&self.path, target).map_err(prevented)?,
            None => rename_to_new(&self.path, target)?,
        }
        // The file is replaced; not every file system can sync a directory, so an error is ignored.
        let folder = File::options().read(true).open(directory_of(target));
        let _ = folder.and_then(|folder| folder.sync_all());
        Ok(())
    }

    fn write(&self, text: &SecretBytes) -> io::Result<()> {
        // The umask may have removed more bits at its creation.
        self.file.set_permissions(Permissions::from_mode(0o600))?;
        (&self.file).write_all(text.expose())
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        let is_there = self.file.metadata().is_ok_and(|own| is_at(&own, &self.path));
        if is_there {
            // If that fails, the file is readable by its owner only, and the next run removes it.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Removes the temporary file that a killed process left; returns the error if that is not permitted.
///
/// It is not reused: a process that has it open could read what is written to it.
fn remove_stale(path: &Path, target: &Path) -> Result<Option<io::Error>, ProfileFileError> {
    let in_the_way = || ProfileFileError::InTheWay { path: path.to_owned() };
    let file = match options().read(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(busy(target)),
        Err(error) if is_denied(&error) && !may_write_beside(path) => return Ok(Some(error)),
        Err(_) => return Err(in_the_way()),
    };
    let metadata = file.metadata().map_err(|error| unwritable(target, error))?;
    if !is_ours(&metadata, target) {
        return Err(in_the_way());
    }
    // If its process is alive, it still holds the lock.
    lock(&file, target)?;
    if !is_at(&metadata, path) {
        return Err(busy(target));
    }
    match std::fs::remove_file(path) {
        Ok(()) => Ok(None),
        Err(error) if is_denied(&error) => Ok(Some(error)),
        Err(error) => Err(unwritable(target, error)),
    }
}

/// Renames the new file to a name that does not exist; a file that was created meanwhile stays.
fn rename_to_new(from: &Path, target: &Path) -> Result<(), NotReplaced> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{RenameFlags, renameat_with};
        match renameat_with(CWD, from, CWD, target, RenameFlags::NOREPLACE) {
            // The file system does not support it.
            Err(Errno::INVAL | Errno::NOSYS) => {}
            Err(Errno::EXIST) => return Err(NotReplaced::Changed),
            outcome => return outcome.map_err(|error| prevented(error.into())),
        }
    }
    std::fs::rename(from, target).map_err(prevented)
}

/// Creates a new file of mode 0600.
fn create(path: &Path) -> io::Result<File> {
    options().read(true).write(true).create_new(true).mode(0o600).open(path)
}

/// Opens a file for reading and writing.
pub(super) fn open(path: &Path) -> io::Result<File> {
    options().read(true).write(true).open(path)
}

/// Options that follow no link, and do not wait if the file is a pipe.
fn options() -> OpenOptions {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    let mut options = OpenOptions::new();
    options.custom_flags(flags);
    options
}

/// Locks an open file; an error if another process holds the lock.
pub(super) fn lock(file: &File, target: &Path) -> Result<(), ProfileFileError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(busy(target)),
        Err(TryLockError::Error(error)) => Err(unwritable(target, error)),
    }
}

/// Returns the error for a file that cannot be written.
pub(super) fn unwritable(target: &Path, source: io::Error) -> ProfileFileError {
    ProfileFileError::Write { path: target.to_owned(), source: access::explain(target, source) }
}

/// Returns whether an error is one of missing permission.
pub(super) fn is_denied(error: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem)
}

/// Returns whether a file with the name of the temporary one can be that of a killed run: it belongs to
/// this user, or, if the run was killed after it copied the owner, to that of the credentials file.
fn is_ours(metadata: &Metadata, target: &Path) -> bool {
    let own = rustix::process::geteuid().as_raw();
    let is_owner = || target.metadata().is_ok_and(|target| target.uid() == metadata.uid());
    metadata.is_file() && metadata.nlink() <= 1 && (metadata.uid() == own || is_owner())
}

fn prevented(error: io::Error) -> NotReplaced {
    match Errno::from_io_error(&error) {
        Some(Errno::BUSY | Errno::XDEV) => NotReplaced::Prevented(ReplaceObstacle::Mounted, error),
        _ if is_denied(&error) => NotReplaced::Prevented(ReplaceObstacle::Directory, error),
        _ => NotReplaced::Failed(error),
    }
}

fn path_of(target: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(".roles-anywhere.tmp");
    target.with_file_name(name)
}

fn may_write_beside(path: &Path) -> bool {
    accessat(CWD, directory_of(path), Access::WRITE_OK, AtFlags::EACCESS).is_ok()
}
