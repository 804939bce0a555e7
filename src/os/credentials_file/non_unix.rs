//! Systems other than Unix: a lock file that stays, and a temporary file that is renamed.

use std::fs::Metadata;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::credentials_file::port::{Edit, ProfileFileError, Stamp, WriteMethod, WriteOutcome};
use crate::os::credentials_file::{busy, edited, read, unreadable};
use crate::os::path::directory_of;
use roles_anywhere_client::secret::SecretBytes;

/// Returns the file that `path` leads to, with all links resolved.
pub(super) fn follow(path: &Path) -> Result<PathBuf, ProfileFileError> {
    path.canonicalize().map_err(|error| unreadable(path, error))
}

/// Edits the file under a lock. Locks are mandatory here, so a lock on the credentials file would shut
/// out its readers: a separate file is locked.
pub(super) fn replace(
    target: &Path,
    expected: Option<Stamp>,
    edit: &mut Edit<'_>,
) -> Result<WriteOutcome, ProfileFileError> {
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
    if target.metadata().ok().as_ref().map(stamp) != expected {
        return Err(busy(target));
    }
    let old = if target.exists() { read(target)? } else { SecretBytes::default() };
    let Some(new) = edited(target, &old, edit)? else { return Ok(WriteMethod::Unchanged.into()) };
    let mut temporary = tempfile::NamedTempFile::new_in(directory_of(target)).map_err(failed)?;
    temporary.write_all(new.expose()).map_err(failed)?;
    temporary.as_file().sync_all().map_err(failed)?;
    temporary.persist(target).map_err(|error| failed(error.error))?;
    Ok(WriteMethod::Whole.into())
}

/// Returns the identity of a version of a file.
pub(super) fn stamp(of: &Metadata) -> Stamp {
    let modified = of.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let modified = modified.unwrap_or_default();
    let seconds = i64::try_from(modified.as_secs()).unwrap_or(i64::MAX);
    let modified = (seconds, i64::from(modified.subsec_nanos()));
    Stamp { size: of.len(), modified, ..Stamp::default() }
}

/// Accepts any file: the owner is not known here.
pub(super) fn check_owner(_file: &Metadata, _target: &Path) -> Result<(), ProfileFileError> {
    Ok(())
}

/// Returns true: a rename cannot be told from a write here.
pub(super) fn is_in_place(_file: &Metadata) -> bool {
    true
}
