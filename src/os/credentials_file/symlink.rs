//! Whose the credentials file and the links to it may be.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::credentials_file::file::ProfileFileError;
use crate::os::credentials_file::{folder_of, is_descriptor, unreadable};

/// How many links Linux follows before it takes them for a circle.
const MAX_LINKS: usize = 40;

/// Returns where the file is that is under a path, behind all links but those of directories.
///
/// A link of another user could lead whoever has more rights to a file that all may read, or that
/// holds something else. So it is followed as Linux does in `/tmp` (`protected_symlinks`): where it
/// is ours, root's, or of the owner of what it leads to.
pub(super) fn follow(path: &Path) -> Result<PathBuf, ProfileFileError> {
    let failed = |error| unreadable(path, error);
    let mut links: Vec<(PathBuf, Metadata)> = Vec::new();
    let mut place = path.to_owned();
    let file = loop {
        if is_descriptor(&place) {
            return Err(ProfileFileError::NotRegular { path: path.to_owned() });
        }
        let metadata = place.symlink_metadata().map_err(failed)?;
        if !metadata.is_symlink() {
            break metadata;
        }
        if links.len() == MAX_LINKS {
            return Err(failed(Errno::LOOP.into()));
        }
        let target = place.read_link().map_err(failed)?;
        links.push((place.clone(), metadata));
        place.pop();
        place.push(target);
    };
    let own = rustix::process::geteuid().as_raw();
    let trusted = [own, 0, file.uid()];
    match links.into_iter().find(|(_, link)| !trusted.contains(&link.uid())) {
        Some((path, link)) => Err(ProfileFileError::ForeignLink { path, owner: link.uid() }),
        None => Ok(place),
    }
}

/// Refuses a file of another user, who could have put it there for us to write credentials to.
///
/// Root may keep the file of a user fresh, in a directory of the same user.
pub(super) fn check_owner(file: &Metadata, target: &Path) -> Result<(), ProfileFileError> {
    let (own, owner) = (rustix::process::geteuid(), file.uid());
    let is_in_own_folder =
        || folder_of(target).metadata().is_ok_and(|folder| folder.uid() == owner);
    match owner == own.as_raw() || owner == 0 || (own.is_root() && is_in_own_folder()) {
        true => Ok(()),
        false => Err(ProfileFileError::ForeignOwner { path: target.to_owned(), owner }),
    }
}
