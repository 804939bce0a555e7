//! Who may own the credentials file and the symbolic links to it.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::credentials_file::port::ProfileFileError;
use crate::os::credentials_file::{is_descriptor, unreadable};
use crate::os::path::directory_of;

/// How many links Linux follows before it reports a loop.
const MAX_LINKS: usize = 40;

/// Returns the file that `path` leads to, with links resolved except those of directories.
///
/// A link of another user could make a process with more rights write credentials to a file that
/// everyone may read, or overwrite another file. So a link is followed as Linux does it in `/tmp`
/// (`protected_symlinks`): if this user, root, or the owner of the file it leads to owns it.
pub(super) fn follow(path: &Path) -> Result<PathBuf, ProfileFileError> {
    let failed = |error| unreadable(path, error);
    let mut links: Vec<(PathBuf, Metadata)> = Vec::new();
    let mut current = path.to_owned();
    let file = loop {
        if is_descriptor(&current) {
            return Err(ProfileFileError::NotRegular { path: path.to_owned() });
        }
        let metadata = current.symlink_metadata().map_err(failed)?;
        if !metadata.is_symlink() {
            break metadata;
        }
        if links.len() == MAX_LINKS {
            return Err(failed(Errno::LOOP.into()));
        }
        let target = current.read_link().map_err(failed)?;
        links.push((current.clone(), metadata));
        current.pop();
        current.push(target);
    };
    let own = rustix::process::geteuid().as_raw();
    let trusted = [own, 0, file.uid()];
    match links.into_iter().find(|(_, link)| !trusted.contains(&link.uid())) {
        Some((path, link)) => Err(ProfileFileError::ForeignLink { path, owner: link.uid() }),
        None => Ok(current),
    }
}

/// Refuses a file of another user, who could have put it there for us to write credentials to.
///
/// Root may update the file of another user, if that user owns its directory too.
pub(super) fn check_owner(file: &Metadata, target: &Path) -> Result<(), ProfileFileError> {
    let (own, owner) = (rustix::process::geteuid(), file.uid());
    let is_in_own_folder =
        || directory_of(target).metadata().is_ok_and(|folder| folder.uid() == owner);
    match owner == own.as_raw() || owner == 0 || (own.is_root() && is_in_own_folder()) {
        true => Ok(()),
        false => Err(ProfileFileError::ForeignOwner { path: target.to_owned(), owner }),
    }
}
