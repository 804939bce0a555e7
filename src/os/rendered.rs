//! Rendered files, which are replaced as a whole and only if they differ.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::secrets::rendered::{FileAccess, FileState, OnDifference, RenderedPath};

/// The name of a file and its contents.
pub type NamedContents<'a> = (&'a OsStr, &'a [u8]);

#[cfg(unix)]
pub use unix::{is_marked, is_special, render_dir, render_file, unmark};

/// Returns that there is no mark: there are no actions here.
#[cfg(not(unix))]
pub fn is_marked(_rendered: RenderedPath<'_>) -> bool {
    false
}

/// Does nothing.
#[cfg(not(unix))]
pub fn unmark(_rendered: RenderedPath<'_>) {}

/// Returns whether two paths lead to the same file, which exists.
pub fn is_same_file(path: &Path, other: &Path) -> bool {
    path.canonicalize().is_ok_and(|path| other.canonicalize().is_ok_and(|other| path == other))
}

/// Returns whether a path leads to a pipe, a device or a descriptor, which are no files here.
#[cfg(not(unix))]
pub fn is_special(_path: &Path) -> bool {
    false
}

#[cfg(unix)]
mod unix {
    use super::*;
    use crate::os::access;
    use crate::os::data_dir::DataDir;
    use crate::os::files::target;
    use crate::os::secret_file::{FileAttributes, PathEntry, ResolvedTarget};
    use crate::secrets::rendered::OwnerName;
    use nix::unistd::{Gid, Group, Uid, User};

    /// Returns whether a path leads to a pipe, a device or a descriptor.
    pub fn is_special(path: &Path) -> bool {
        matches!(target(path), Ok(ResolvedTarget::Special(_) | ResolvedTarget::Descriptor(_)))
    }

    /// Writes a file if it differs, or only says how it does. What is written to a pipe, a device or a
    /// descriptor always differs.
    pub fn render_file(
        path: &Path,
        contents: &[u8],
        access: &FileAccess,
        on_difference: OnDifference,
        limit: Duration,
    ) -> io::Result<FileState> {
        let attributes = attributes(access)?;
        let render = |found: ResolvedTarget| match (found, on_difference) {
            (ResolvedTarget::File(entry), _) => {
                let state = entry.state(contents, attributes)?;
                if on_difference != OnDifference::Report {
                    entry.remove_leftovers();
                    if state != FileState::Unchanged {
                        if on_difference == OnDifference::WriteAndMark
                            && let Ok(mark) = entry.mark()
                        {
                            mark.touch();
                        }
                        entry.replace_with(contents, attributes)?;
                    }
                }
                Ok(state)
            }
            (_, OnDifference::Report) => {
                Err(io::Error::new(io::ErrorKind::Unsupported, "it is not a regular file"))
            }
            (other, OnDifference::Write | OnDifference::WriteAndMark) => {
                other.write(contents, limit).map(|()| FileState::Contents)
            }
        };
        render(target(path)?).map_err(|error| access::explain(path, error))
    }

    /// Writes the files of a directory, all at once, if one of them differs; or only says how they do.
    /// Those come first in the answer that were rendered.
    /// Other processes that write them are waited for for `limit` at most.
    pub fn render_dir(
        (path, limit): (&Path, Duration),
        files: &[NamedContents<'_>],
        access: &FileAccess,
        on_difference: OnDifference,
    ) -> io::Result<Vec<FileState>> {
        let attributes = attributes(access)?;
        let render = || {
            let dir = match (DataDir::open(path)?, on_difference) {
                (Some(dir), _) => dir,
                (None, OnDifference::Report) => return Ok(vec![FileState::Missing; files.len()]),
                (None, _) => DataDir::create(path, attributes)?,
            };
            dir.refuse_closed(attributes)?;
            let is_same = |states: &[_]| states.iter().all(|state| *state == FileState::Unchanged);
            let states = dir.states(files, attributes)?;
            if on_difference == OnDifference::Report {
                return Ok(states);
            }
            if is_same(&states) {
                dir.remove_leftovers(attributes);
                return Ok(states);
            }
            dir.refuse_others(files)?;
            let _lock = dir.lock(attributes, limit)?;
            // Another process may have written them in the meantime.
            let states = dir.states(files, attributes)?;
            if !is_same(&states) {
                if on_difference == OnDifference::WriteAndMark
                    && let Ok(mark) = dir.mark()
                {
                    mark.touch();
                }
                dir.replace(files, attributes)?;
            }
            Ok(states)
        };
        render().map_err(|error| access::explain(path, error))
    }

    /// Returns whether there is a mark beside files: they were replaced, and nothing was done about it.
    pub fn is_marked(rendered: RenderedPath<'_>) -> bool {
        mark_of(rendered).is_ok_and(|mark| mark.exists())
    }

    /// Removes the mark beside files.
    pub fn unmark(rendered: RenderedPath<'_>) {
        if let Ok(mark) = mark_of(rendered) {
            mark.unlink();
        }
    }

    fn mark_of(rendered: RenderedPath<'_>) -> io::Result<PathEntry> {
        match rendered {
            RenderedPath::File(path) => match target(path)? {
                ResolvedTarget::File(entry) => entry.mark(),
                _ => Err(io::ErrorKind::Unsupported.into()),
            },
            RenderedPath::Dir(path) => DataDir::open(path)?.ok_or(io::ErrorKind::NotFound)?.mark(),
        }
    }

    fn attributes(access: &FileAccess) -> io::Result<FileAttributes> {
        let owner = access.owner.as_ref().map(ids).transpose()?;
        Ok(FileAttributes { mode: access.mode.bits(), owner })
    }

    /// Returns the numbers of a user and a group. The last number of 32 bits is none: it stands for "as it
    /// is" in system calls.
    fn ids(owner: &OwnerName) -> io::Result<(u32, u32)> {
        let unknown = |what: &str, name: &str| {
            io::Error::new(io::ErrorKind::InvalidInput, format!("there is no {what} `{name}`"))
        };
        let user = match owner.user.parse() {
            Ok(u32::MAX) => return Err(unknown("user", &owner.user)),
            Ok(number) => (number, User::from_uid(Uid::from_raw(number))?.map(|user| user.gid)),
            Err(_) => {
                let user = User::from_name(&owner.user)?;
                let user = user.ok_or_else(|| unknown("user", &owner.user))?;
                (user.uid.as_raw(), Some(user.gid))
            }
        };
        let group = match &owner.group {
            None => user.1.map(Gid::as_raw).ok_or_else(|| unknown("user", &owner.user))?,
            Some(name) => match name.parse() {
                Ok(u32::MAX) => return Err(unknown("group", name)),
                Ok(number) => number,
                Err(_) => {
                    let group = Group::from_name(name)?.ok_or_else(|| unknown("group", name))?;
                    group.gid.as_raw()
                }
            },
        };
        Ok((user.0, group))
    }
}

/// Fails: links and modes of this kind are not known on this system.
#[cfg(not(unix))]
pub fn render_dir(
    _place: (&Path, Duration),
    _files: &[NamedContents<'_>],
    _access: &FileAccess,
    _on_difference: OnDifference,
) -> io::Result<Vec<FileState>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Writes a file if it differs, or only says whether it does. It has no mode and no owner here.
#[cfg(not(unix))]
pub fn render_file(
    path: &Path,
    contents: &[u8],
    _access: &FileAccess,
    on_difference: OnDifference,
    _limit: Duration,
) -> io::Result<FileState> {
    let state = match crate::os::files::read(path, contents.len() as u64) {
        Ok(bytes) if bytes.expose() == contents => FileState::Unchanged,
        Err(error) if error.kind() == io::ErrorKind::NotFound => FileState::Missing,
        _ => FileState::Contents,
    };
    if state != FileState::Unchanged && on_difference == OnDifference::Write {
        crate::os::files::replace(path, contents)?;
    }
    Ok(state)
}
