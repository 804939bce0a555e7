//! Where there is no Unix: a lock file that stays, and a temporary file that is renamed.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::os::credentials_file::{busy, edited, read, unreadable};
use crate::profile::file::{Edit, ProfileFileError, Written};
use crate::secret::SecretBytes;

/// Returns where the file is that is under a path, behind all links.
pub(super) fn follow(path: &Path) -> Result<PathBuf, ProfileFileError> {
    path.canonicalize().map_err(|error| unreadable(path, error))
}

/// Edits the file under a lock. A lock on a file that is to be replaced would shut its readers out
/// here, so it is on a file of its own.
pub(super) fn replace(target: &Path, edit: &mut Edit<'_>) -> Result<Written, ProfileFileError> {
    let failed = |source| ProfileFileError::Write { path: target.to_owned(), source };
    let mut name = std::ffi::OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(".roles-anywhere.lock");
    let lock = target.with_file_name(name);
    let options = &mut std::fs::File::options();
    let lock = options.write(true).create(true).truncate(false).open(lock).map_err(failed)?;
    match lock.try_lock() {
        Err(std::fs::TryLockError::WouldBlock) => return Err(busy(target)),
        Err(std::fs::TryLockError::Error(error)) => return Err(failed(error)),
        Ok(()) => {}
    }
    let old = if target.exists() { read(target)? } else { SecretBytes::default() };
    let Some(new) = edited(target, &old, edit)? else { return Ok(Written::Unchanged) };
    let folder = target.parent().unwrap_or(Path::new("."));
    let mut temporary = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    temporary.write_all(new.expose()).map_err(failed)?;
    temporary.as_file().sync_all().map_err(failed)?;
    temporary.persist(target).map_err(|error| failed(error.error))?;
    Ok(Written::Whole)
}
