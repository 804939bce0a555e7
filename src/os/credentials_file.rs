//! The credentials file on disk: locked, edited, and replaced in one step.
//!
//! The temporary file that replaces the old one is also the lock. Only the process that holds the
//! advisory lock of the file with that name edits. The rename removes the name, and the end of the
//! process releases the lock, however it ends. So nothing stays behind, except the temporary file of a
//! killed process, which the next run removes. A separate lock file, the usual alternative, could never
//! be deleted: one process could lock the deleted file while another one locks a new one.
//!
//! The credentials file itself is locked as well, for processes that may write to it but not to its
//! directory, or that see it as a mount. They write it in place, and only while they hold this lock.
//! Every process that may read a file can lock it for as long as it likes, so the processes that can
//! replace the file go on without this lock: they check the file again before the rename. A process
//! that wrote in place checks afterwards that its file is still the one with that name.
//!
//! The AWS CLI and editors do not know these locks. Therefore a file is edited only if it is still as
//! the caller has read it, and the replaced file is returned open, since a program may have opened it
//! before the rename and may still write to it.

#[cfg(unix)]
mod attributes;
#[cfg(unix)]
mod existing;
#[cfg(unix)]
mod lock_file;
#[cfg(not(unix))]
mod non_unix;
#[cfg(unix)]
mod symlink;
#[cfg(target_os = "linux")]
mod writers;

use std::fs::File;
#[cfg(not(target_os = "linux"))]
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

use crate::credentials_file::port::{
    Edit, FileSnapshot, MAX_SIZE, ProfileFileError, SharedCredentialsFile, Stamp, WriteMethod,
    WriteOutcome,
};
use crate::os::path::directory_of;
use crate::os::{access, files};
use roles_anywhere_client::secret::SecretBytes;

/// Credentials files on disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct CredentialsFile;

impl SharedCredentialsFile for CredentialsFile {
    fn read(&self, path: &Path) -> Result<FileSnapshot, ProfileFileError> {
        let Some(target) = find(path)? else { return Ok(FileSnapshot::default()) };
        match File::options().read(true).open(&target) {
            Ok(file) => {
                let metadata = file.metadata().map_err(|error| unreadable(&target, error))?;
                check_owner(&metadata, &target)?;
                snapshot(&file).map_err(|error| unreadable(&target, error))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(FileSnapshot::default()),
            Err(error) => Err(unreadable(&target, error)),
        }
    }

    fn writer(&self, path: &Path) -> Option<u32> {
        writer_of(&path.metadata().ok()?)
    }

    fn try_edit(
        &self,
        path: &Path,
        expected: Option<Stamp>,
        edit: &mut Edit<'_>,
    ) -> Result<WriteOutcome, ProfileFileError> {
        let target = resolve(path)?;
        // If nothing changes, reading without the lock is enough, and no temporary file is created.
        if target.exists() && edited(&target, &read(&target)?, edit)?.is_none() {
            return Ok(WriteMethod::Unchanged.into());
        }
        replace(&target, expected, edit)
    }

    fn readable_by_others(&self, path: &Path) -> Option<u32> {
        files::readable_by_others(path)
    }
}

#[cfg(unix)]
use existing::{is_in_place, replace, stamp};
#[cfg(not(unix))]
use non_unix::{check_owner, follow, is_in_place, replace, stamp};
#[cfg(unix)]
use symlink::{check_owner, follow};
#[cfg(target_os = "linux")]
use writers::writer_of;

/// Returns `None`: not implemented for this system.
#[cfg(not(target_os = "linux"))]
fn writer_of(_file: &Metadata) -> Option<u32> {
    None
}

/// How many times a file is read that changes while it is read.
const MAX_READS: u32 = 4;

/// Reads an open file from its start.
fn snapshot(file: &File) -> io::Result<FileSnapshot> {
    use std::io::Seek as _;
    let mut file = file;
    let mut reads = 0;
    // Read again if it changed meanwhile, since the stamp has to be that of the text. A program that
    // never stops writing must not block the event loop, so the reads are limited. The stamp from
    // before the last read is then outdated at the next read, and the file is not edited.
    loop {
        let before = file.metadata()?;
        file.rewind()?;
        let text = files::whole(file, usize::try_from(before.len()).unwrap_or(0), MAX_SIZE)?;
        let after = file.metadata()?;
        reads += 1;
        if stamp(&before) == stamp(&after) || reads == MAX_READS {
            let age = after.modified()?.elapsed().unwrap_or_default();
            let in_place = is_in_place(&after);
            return Ok(FileSnapshot { stamp: Some(stamp(&before)), age, in_place, text });
        }
    }
}

/// Returns a copy of an error of the system.
#[cfg(unix)]
fn again(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}

/// Returns the new text of a file; `None` if it equals the old one.
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
    files::read(target, MAX_SIZE).map_err(|error| unreadable(target, error))
}

fn unreadable(target: &Path, source: io::Error) -> ProfileFileError {
    let path = target.to_owned();
    match source.kind() {
        io::ErrorKind::FileTooLarge => ProfileFileError::TooLarge { path },
        _ => ProfileFileError::Read { path, source: access::explain(target, source) },
    }
}

fn busy(target: &Path) -> ProfileFileError {
    ProfileFileError::Busy { path: target.to_owned() }
}

/// Returns the path of the file with all links resolved; creates its directory if it is missing.
fn resolve(path: &Path) -> Result<PathBuf, ProfileFileError> {
    let place = match find(path)? {
        Some(place) => place,
        None => {
            let folder = directory_of(path);
            files::make_directory(folder).map_err(|source| ProfileFileError::Directory {
                path: folder.to_owned(),
                source: access::explain(folder, source),
            })?;
            path.to_owned()
        }
    };
    let folder = directory_of(&place).canonicalize().map_err(|error| unreadable(path, error))?;
    Ok(folder.join(place.file_name().unwrap_or_default()))
}

/// Returns the path of the file with links resolved, except those of directories; `None` if it does not
/// exist.
fn find(path: &Path) -> Result<Option<PathBuf>, ProfileFileError> {
    match path.metadata() {
        _ if is_descriptor(path) => Err(ProfileFileError::NotRegular { path: path.to_owned() }),
        Ok(metadata) if metadata.is_file() => follow(path).map(Some),
        Ok(_) => Err(ProfileFileError::NotRegular { path: path.to_owned() }),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unreadable(path, error)),
        Err(_) if path.is_symlink() => Err(ProfileFileError::Dangling { path: path.to_owned() }),
        Err(error) if path.file_name().is_none() => Err(unreadable(path, error)),
        Err(_) => Ok(None),
    }
}

/// Returns whether `path` is that of an open descriptor. It may lead to a regular file, such as the one
/// that standard output was redirected to.
fn is_descriptor(path: &Path) -> bool {
    directory_of(path)
        .canonicalize()
        .is_ok_and(|folder| folder == Path::new("/dev/fd") || folder.starts_with("/proc"))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
