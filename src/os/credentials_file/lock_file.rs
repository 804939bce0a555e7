//! The temporary file beside the credentials file: the lock, and what takes its place.

use std::fs::{File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, OFlags, accessat};
use rustix::io::Errno;

use crate::credentials_file::file::{Obstacle, ProfileFileError};
use crate::os::access;
use crate::os::credentials_file::existing::Old;
use crate::os::credentials_file::{attributes, busy, folder_of};
use crate::os::disk::is_at;
use roles_anywhere_client::secret::SecretBytes;

/// What came of the attempt to be the one who edits.
pub(super) enum Claim {
    /// Nobody else of those who may write to the directory edits until this is dropped.
    Granted(Temporary),
    /// Nothing can be made in this directory.
    Denied(io::Error),
}

/// Why the new file did not take the place of the old one, which is as it was.
pub(super) enum Install {
    /// Somebody wrote the old file in the meantime.
    Changed,
    /// It cannot be done; the old file may be written over instead.
    Prevented(Obstacle, io::Error),
    /// The new file could not be written.
    Failed(io::Error),
}

/// The temporary file, locked; removed when dropped, unless it became the credentials file.
pub(super) struct Temporary {
    path: PathBuf,
    file: File,
}

impl Temporary {
    /// Makes the temporary file of `target`; one that a killed process left is removed first.
    pub(super) fn claim(target: &Path) -> Result<Claim, ProfileFileError> {
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
            Err(error) if is_denied(&error) => return Ok(Claim::Denied(error)),
            // Another process was quicker.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(busy(target)),
            Err(error) => return Err(unwritable(target, error)),
        };
        lock(&file, target)?;
        // Until it was locked, another process may have taken it for one that was left.
        let metadata = file.metadata().map_err(|error| unwritable(target, error))?;
        match is_at(&metadata, &path) {
            true => Ok(Claim::Granted(Self { path, file })),
            false => Err(busy(target)),
        }
    }

    /// Writes the new text with the attributes of the old file, and puts it into its place.
    pub(super) fn install(
        &self,
        target: &Path,
        old: Option<&Old>,
        text: &SecretBytes,
    ) -> Result<(), Install> {
        self.write(text).map_err(Install::Failed)?;
        if let Some(old) = old {
            attributes::copy(old, &self.file)
                .map_err(|error| Install::Prevented(Obstacle::Owner, error))?;
        }
        self.file.sync_all().map_err(Install::Failed)?;
        let as_it_was = match old {
            Some(old) => old.is_unchanged(target),
            None => target.symlink_metadata().is_err(),
        };
        if !as_it_was {
            return Err(Install::Changed);
        }
        match old {
            Some(_) => std::fs::rename(&self.path, target).map_err(prevented)?,
            None => rename_to_new(&self.path, target)?,
        }
        // The new file is there already; that its name lasts through a loss of power is as much as
        // the file system grants.
        let folder = File::options().read(true).open(folder_of(target));
        let _ = folder.and_then(|folder| folder.sync_all());
        Ok(())
    }

    fn write(&self, text: &SecretBytes) -> io::Result<()> {
        // The umask of this process may have taken more away.
        self.file.set_permissions(Permissions::from_mode(0o600))?;
        (&self.file).write_all(text.expose())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let is_there = self.file.metadata().is_ok_and(|own| is_at(&own, &self.path));
        if is_there {
            // What cannot be removed is for its owner only, and the next run removes it.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Removes the temporary file that a killed process left; returns why it may not be removed.
///
/// It is never written into: a process that had it open would see what is written.
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
    // A process that is alive holds the lock.
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

/// Renames the new file to a name that no file has: one that was made in the meantime stays.
fn rename_to_new(from: &Path, target: &Path) -> Result<(), Install> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{RenameFlags, renameat_with};
        match renameat_with(CWD, from, CWD, target, RenameFlags::NOREPLACE) {
            // A file system that cannot.
            Err(Errno::INVAL | Errno::NOSYS) => {}
            Err(Errno::EXIST) => return Err(Install::Changed),
            outcome => return outcome.map_err(|error| prevented(error.into())),
        }
    }
    std::fs::rename(from, target).map_err(prevented)
}

/// Makes a file of mode 0600 that was not there.
fn create(path: &Path) -> io::Result<File> {
    options().read(true).write(true).create_new(true).mode(0o600).open(path)
}

/// Opens a file for reading and writing.
pub(super) fn open(path: &Path) -> io::Result<File> {
    options().read(true).write(true).open(path)
}

/// Opens what is no link, without waiting if it is a pipe.
fn options() -> OpenOptions {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    let mut options = OpenOptions::new();
    options.custom_flags(flags);
    options
}

/// Takes the lock of an open file, unless another process has it.
pub(super) fn lock(file: &File, target: &Path) -> Result<(), ProfileFileError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(busy(target)),
        Err(TryLockError::Error(error)) => Err(unwritable(target, error)),
    }
}

/// Returns the error for a file that the system does not let us write.
pub(super) fn unwritable(target: &Path, source: io::Error) -> ProfileFileError {
    ProfileFileError::Write { path: target.to_owned(), source: access::explain(target, source) }
}

/// Returns whether an error is about what we may do.
pub(super) fn is_denied(error: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem)
}

/// Returns whether a file under the name of the temporary one can be what a run of ours left: one
/// that is killed when it has given the file away leaves that of the credentials file's owner.
fn is_ours(metadata: &Metadata, target: &Path) -> bool {
    let own = rustix::process::geteuid().as_raw();
    let is_owner = || target.metadata().is_ok_and(|target| target.uid() == metadata.uid());
    metadata.is_file() && metadata.nlink() <= 1 && (metadata.uid() == own || is_owner())
}

fn prevented(error: io::Error) -> Install {
    match Errno::from_io_error(&error) {
        Some(Errno::BUSY | Errno::XDEV) => Install::Prevented(Obstacle::Mounted, error),
        _ if is_denied(&error) => Install::Prevented(Obstacle::Directory, error),
        _ => Install::Failed(error),
    }
}

fn path_of(target: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(".roles-anywhere.tmp");
    target.with_file_name(name)
}

fn may_write_beside(path: &Path) -> bool {
    accessat(CWD, folder_of(path), Access::WRITE_OK, AtFlags::EACCESS).is_ok()
}
