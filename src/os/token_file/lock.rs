//! The lock of a token file: only one `serve` at a time keeps its token there.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::os::files;
use crate::os::path::directory_of;
use crate::os::private_dir::PrivateDir;
#[cfg(unix)]
use crate::os::secret_file;
use crate::private_dir::{ConfiguredDir, Store as _};

/// The lock of a token file, until it is dropped. A separate file is locked, since the token file
/// itself is replaced with each new token. The system releases the lock of a process that has died.
#[derive(Debug)]
pub struct TokenLock {
    /// Open for its lock.
    _file: File,
    location: LockLocation,
}

#[derive(Debug)]
enum LockLocation {
    /// A file name in a private directory.
    Within(ConfiguredDir, String),
    /// The path of a file beside the token file.
    Beside(PathBuf),
}

impl TokenLock {
    /// Locks the token file `name` in a private directory; `None` if another process has locked it.
    pub(super) fn within(directory: &ConfiguredDir, name: &str) -> io::Result<Option<Self>> {
        // The same name as in `beside`: another process may name the file by its path.
        let name = format!(".{name}.lock");
        let file = PrivateDir::new(directory).lock_file(&name)?;
        let location = LockLocation::Within(directory.clone(), name);
        Ok(file.map(|file| Self { _file: file, location }))
    }

    /// Locks the token file at `path`, or the one it links to; `None` if another process has locked it.
    pub(super) fn beside(path: &Path) -> io::Result<Option<Self>> {
        // Refuses links of other users: they could choose where the lock file is created.
        #[cfg(unix)]
        secret_file::resolve(path)?;
        let path = path.canonicalize().or_else(|error| match path.file_name() {
            Some(name) => Ok(directory_of(path).canonicalize()?.join(name)),
            None => Err(error),
        })?;
        let mut name = OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(".lock");
        let path = path.with_file_name(name);
        // The process that held it before may remove the file after it is opened here. Then another
        // process may lock a new file, so the lock counts only if the file is still there.
        loop {
            let file = open(&path)?;
            match file.try_lock() {
                Ok(()) if files::is_at(&file.metadata()?, &path) => {
                    return Ok(Some(Self { _file: file, location: LockLocation::Beside(path) }));
                }
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }
}

/// Removes the lock file.
impl Drop for TokenLock {
    fn drop(&mut self) {
        // If it stays, the next process locks it.
        let _ = match &self.location {
            LockLocation::Within(directory, name) => PrivateDir::new(directory).remove(name),
            LockLocation::Beside(path) => std::fs::remove_file(path),
        };
    }
}

/// Opens the lock file. It has to belong to this user only, as another user could hold the lock for
/// ever, and to be empty, as it is removed in the end.
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
