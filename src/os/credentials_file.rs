//! The credentials file on this machine's disk: locked, edited, and replaced in one step.
//!
//! The temporary file that takes the place of the old one is the lock, too. Whoever has the
//! advisory lock of the file that stands under its name is the only one to edit; the name goes with
//! the rename, the lock with the process, however it ends. So nothing stays behind but, after a
//! kill, the temporary file itself, which the next run takes over; a lock that lasts beyond the
//! rename would need a file of its own that nobody may ever delete.
//!
//! The credentials file is locked as well, for those who may write to it and not to its directory,
//! or see it as a mount of its own: they write over it, and under its lock alone. Since everybody
//! who may read a file can lock it, and for as long as they like, the others do without this lock
//! where they cannot have it: they look again before the rename, and who wrote in place looks
//! afterwards whether the file is still the one that stands there.
//!
//! Neither the AWS CLI nor an editor knows of these locks. What they write while we edit makes us
//! begin anew, but for the moment between the last look and the rename.

#[cfg(unix)]
mod attributes;
#[cfg(not(unix))]
mod elsewhere;
#[cfg(unix)]
mod link;
#[cfg(unix)]
mod old;
#[cfg(unix)]
mod temporary;

use std::io;
use std::path::{Path, PathBuf};

use crate::os::disk;
use crate::profile::file::{Edit, MAX_SIZE, ProfileFileError, SharedCredentialsFile, Written};
use crate::secret::SecretBytes;

/// Any credentials file on this machine's disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct CredentialsFile;

impl SharedCredentialsFile for CredentialsFile {
    fn try_edit(&self, path: &Path, edit: &mut Edit<'_>) -> Result<Written, ProfileFileError> {
        let target = resolve(path)?;
        // A look without the lock is enough to see that nothing is new, and leaves no trace.
        if target.exists() && edited(&target, &read(&target)?, edit)?.is_none() {
            return Ok(Written::Unchanged);
        }
        replace(&target, edit)
    }

    fn readable_by_others(&self, path: &Path) -> Option<u32> {
        disk::readable_by_others(path)
    }
}

#[cfg(not(unix))]
use elsewhere::{follow, replace};
#[cfg(unix)]
use link::follow;

/// Edits the file under its locks.
#[cfg(unix)]
fn replace(target: &Path, edit: &mut Edit<'_>) -> Result<Written, ProfileFileError> {
    use crate::profile::file::Obstacle;
    use old::Old;
    use temporary::{Claim, Install, Temporary, unwritable};

    // Held until all is done, in whatever way.
    let claim = Temporary::claim(target)?;
    let old = Old::open(target)?;
    let text = old.as_ref().map(|old| old.text.clone()).unwrap_or_default();
    let Some(new) = edited(target, &text, edit)? else { return Ok(Written::Unchanged) };
    let (obstacle, cause) = match &claim {
        Claim::Denied(error) => (Obstacle::Directory, again(error)),
        Claim::Granted(temporary) => match temporary.install(target, old.as_ref(), &new) {
            Ok(()) => return Ok(Written::Whole),
            Err(Install::Changed) => return Err(busy(target)),
            Err(Install::Failed(error)) => return Err(unwritable(target, error)),
            Err(Install::Prevented(obstacle, error)) => (obstacle, error),
        },
    };
    match old {
        Some(old) => old.overwrite(target, &new)?,
        None => return Err(unwritable(target, cause)),
    }
    Ok(Written::InPlace(obstacle))
}

/// Returns the same error of the system once more.
#[cfg(unix)]
fn again(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}

/// Returns the new text of a file; `None` where it is the old one.
fn edited(
    target: &Path,
    old: &SecretBytes,
    edit: &mut Edit<'_>,
) -> Result<Option<SecretBytes>, ProfileFileError> {
    let path = || target.to_owned();
    let new =
        edit(old.expose()).map_err(|source| ProfileFileError::Text { path: path(), source })?;
    if new.expose().len() as u64 > MAX_SIZE {
        return Err(ProfileFileError::TooLarge { path: path() });
    }
    Ok((new.expose() != old.expose()).then_some(new))
}

fn read(target: &Path) -> Result<SecretBytes, ProfileFileError> {
    disk::read(target, MAX_SIZE).map_err(|error| unreadable(target, error))
}

fn unreadable(target: &Path, source: io::Error) -> ProfileFileError {
    let path = target.to_owned();
    match source.kind() {
        io::ErrorKind::FileTooLarge => ProfileFileError::TooLarge { path },
        _ => ProfileFileError::Read { path, source },
    }
}

fn busy(target: &Path) -> ProfileFileError {
    ProfileFileError::Busy { path: target.to_owned() }
}

/// Returns where the file really is or will be, behind all links; makes its directory.
fn resolve(path: &Path) -> Result<PathBuf, ProfileFileError> {
    let unreadable = |error| unreadable(path, error);
    let place = match path.metadata() {
        Ok(metadata) if metadata.is_file() => follow(path)?,
        Ok(_) => return Err(ProfileFileError::NotRegular { path: path.to_owned() }),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unreadable(error)),
        Err(_) if path.is_symlink() => {
            return Err(ProfileFileError::Dangling { path: path.to_owned() });
        }
        Err(error) if path.file_name().is_none() => return Err(unreadable(error)),
        Err(_) => {
            let folder = folder_of(path);
            disk::make_directory(folder).map_err(|source| ProfileFileError::Directory {
                path: folder.to_owned(),
                source,
            })?;
            path.to_owned()
        }
    };
    let folder = folder_of(&place).canonicalize().map_err(unreadable)?;
    Ok(folder.join(place.file_name().unwrap_or_default()))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
