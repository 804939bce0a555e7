//! A lock beside a token's file: one `serve` keeps its token there.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

#[cfg(unix)]
use crate::os::destination;
use crate::os::disk;
use crate::os::private_dir::PrivateDir;
use crate::session_cache::storage::{ConfiguredDir, Store as _};

/// The lock of a token's file, until it is dropped. The token's own file cannot be the lock: it is
/// replaced. The system unlocks what a dead process held.
#[derive(Debug)]
pub struct TokenLock {
    /// Held for its lock.
    _file: File,
    location: LockFile,
}

#[derive(Debug)]
enum LockFile {
    /// A name in a directory of our own.
    Within(ConfiguredDir, String),
    /// A file beside the token's, by its path.
    Beside(PathBuf),
}

impl TokenLock {
    /// Locks the token's file `name` in a directory of our own; `None` if another process has it.
    pub(super) fn within(directory: &ConfiguredDir, name: &str) -> io::Result<Option<Self>> {
        // The name that `beside` takes: the file may be named by its path, too.
        let name = format!(".{name}.lock");
        let file = PrivateDir::new(directory).lock_file(&name)?;
        let location = LockFile::Within(directory.clone(), name);
        Ok(file.map(|file| Self { _file: file, location }))
    }

    /// Locks the token's file at `path`, or what it links to; `None` if another process has it.
    pub(super) fn beside(path: &Path) -> io::Result<Option<Self>> {
        // Through no link of another user: the lock file would be where that leads.
        #[cfg(unix)]
        destination::find(path)?;
        let path =
            path.canonicalize().or_else(|error| match (path.parent(), path.file_name()) {
                (Some(folder), Some(name)) => Ok(folder.canonicalize()?.join(name)),
                _ => Err(error),
            })?;
        let mut name = OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(".lock");
        let path = path.with_file_name(name);
        // Who held it before may remove the file once it is opened here: then it is not the lock.
        loop {
            let file = open(&path)?;
            match file.try_lock() {
                Ok(()) if disk::is_at(&file.metadata()?, &path) => {
                    return Ok(Some(Self { _file: file, location: LockFile::Beside(path) }));
                }
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }
}

/// Leaves no file behind.
impl Drop for TokenLock {
    fn drop(&mut self) {
        // A lock file that stays is taken over by the next process.
        let _ = match &self.location {
            LockFile::Within(directory, name) => PrivateDir::new(directory).remove(name),
            LockFile::Beside(path) => std::fs::remove_file(path),
        };
    }
}

/// Opens the lock file, which is of this user alone, as another user could hold it for ever, and
/// empty, as it is removed in the end.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(flags);
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    let ours = metadata.uid() == rustix::process::geteuid().as_raw();
    let empty = metadata.is_file() && metadata.len() == 0;
    match ours && empty && metadata.mode() & 0o077 == 0 {
        true => Ok(file),
        false => Err(io::ErrorKind::PermissionDenied.into()),
    }
}

#[cfg(not(unix))]
fn open(_path: &Path) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}
