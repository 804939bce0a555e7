//! A directory of files that change together: the files are in a directory of their own, to which the
//! link `..data` leads, and whose replacement is one step. It is what Kubernetes does with volumes of
//! secrets, so programs that follow the one follow the other.
//!
//! ```text
//! DIR/app.conf -> ..data/app.conf
//! DIR/..data -> ..data-4f1c90b2a3d85e67
//! DIR/..data-4f1c90b2a3d85e67/app.conf
//! DIR/..data.lock
//! DIR/..data.pending (while nothing was done about the last change)
//! ```

mod lock;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::os::files;
use crate::os::rendered::NamedContents;
use crate::os::secret_file::{self, FileAttributes, PathEntry, ResolvedTarget};
use crate::secrets::rendered::FileState;
use roles_anywhere_client::secret::Entropy as _;
use roles_anywhere_client::system::SystemEntropy;

/// The link to the current files.
const LINK: &str = "..data";
/// The name of the mark, see [`PathEntry::mark`].
const MARK: &str = "..data.pending";
/// What the name of a directory of files begins with.
const PREFIX: &str = "..data-";

/// A name that is not used: its directory is what is resolved.
const PROBE: &str = ".roles-anywhere";

/// A directory of files that change together, open.
pub(super) struct DataDir {
    directory: OwnedFd,
}

impl DataDir {
    /// Opens the directory; `None` if there is none. A link of another user on its path is refused.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        match secret_file::resolve(&path.join(PROBE)) {
            Ok(ResolvedTarget::File(probe)) => Ok(Some(Self { directory: probe.open_above()? })),
            Ok(_) => Err(foreign(PROBE.as_ref())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates the directory for files with these attributes.
    pub(super) fn create(path: &Path, attributes: FileAttributes) -> io::Result<Self> {
        match files::target(path)? {
            ResolvedTarget::File(entry) => entry.make_directory()?,
            _ => return Err(io::ErrorKind::NotADirectory.into()),
        }
        let dir = Self::open(path)?.ok_or(io::ErrorKind::NotFound)?;
        attributes.of_directory().apply(&File::from(dir.directory.try_clone()?))?;
        Ok(dir)
    }

    /// Returns the mark of the files.
    pub(super) fn mark(&self) -> io::Result<PathEntry> {
        Ok(PathEntry::new(self.directory.try_clone()?, MARK.into()))
    }

    /// Keeps other processes of ours from replacing the files until what it returns is dropped. Waits for
    /// them for `limit` at most.
    pub(super) fn lock(&self, attributes: FileAttributes, limit: Duration) -> io::Result<File> {
        lock::wait(&self.directory, attributes, limit)
    }

    /// Refuses a directory that only another user than the owner of the files can enter.
    pub(super) fn refuse_closed(&self, attributes: FileAttributes) -> io::Result<()> {
        let Some((user, _)) = attributes.owner else { return Ok(()) };
        let metadata = File::from(self.directory.try_clone()?).metadata()?;
        let (owner, mode) = (metadata.uid(), metadata.mode() & 0o7777);
        if user == 0 || user == owner || mode & 0o011 != 0 {
            return Ok(());
        }
        let why = format!(
            "the owner of the files cannot enter it: it is of user {owner} with mode {mode:04o}"
        );
        Err(io::Error::new(io::ErrorKind::InvalidInput, why))
    }

    /// Returns how each file differs from what is to be written, and one state more for each file that is
    /// not to be there.
    pub(super) fn states(
        &self,
        files: &[NamedContents<'_>],
        attributes: FileAttributes,
    ) -> io::Result<Vec<FileState>> {
        let current = self.current()?;
        let mut states = Vec::new();
        for (name, contents) in files {
            let state = match &current {
                Some(data) if self.has_link(name)? => match open_file(data, name)? {
                    Some(file) => attributes.state_of(file, contents)?,
                    None => FileState::Missing,
                },
                _ => FileState::Missing,
            };
            states.push(state);
        }
        if let Some(data) = &current {
            let others = names(data)?.into_iter();
            let others = others.filter(|name| files.iter().all(|(file, _)| file != name));
            states.extend(others.map(|_| FileState::Extra));
        }
        Ok(states)
    }

    /// Replaces the files, all at once. Earlier files that are not among `files` are removed.
    pub(super) fn replace(
        &self,
        files: &[NamedContents<'_>],
        attributes: FileAttributes,
    ) -> io::Result<()> {
        self.refuse_others(files)?;
        let before = self.current()?.map(|data| names(&data)).transpose()?.unwrap_or_default();
        let random = SystemEntropy.bits();
        let name = format!("{PREFIX}{random:016x}");
        let written = self.write_files(&name, files, attributes).and_then(|()| {
            let temporary = format!("{LINK}-{random:016x}.link");
            rustix::fs::symlinkat(&name, &self.directory, &temporary)?;
            rustix::fs::renameat(&self.directory, &temporary, &self.directory, LINK)
                .inspect_err(|_| self.unlink(temporary.as_ref()))?;
            Ok(())
        });
        if written.is_err() {
            self.remove_data(name.as_ref());
        }
        written?;
        for (name, _) in files {
            if !self.has_link(name)? {
                rustix::fs::symlinkat(target(name), &self.directory, *name)?;
            }
        }
        for name in before.iter().filter(|name| files.iter().all(|(file, _)| file != name)) {
            if self.has_link(name)? {
                self.unlink(name);
            }
        }
        // Also those that a process which was killed left behind.
        for old in self.others(name.as_ref())? {
            self.remove_data(&old);
        }
        Ok(rustix::fs::fsync(&self.directory)?)
    }

    /// Removes what killed processes have left behind beside the current files, unless another process writes
    /// them. What cannot be removed stays.
    pub(super) fn remove_leftovers(&self, attributes: FileAttributes) {
        let remove = || {
            let Some(current) = self.link(LINK.as_ref())? else { return Ok(()) };
            if self.others(&current)?.is_empty() {
                return Ok(());
            }
            let _lock = self.lock(attributes, Duration::ZERO)?;
            // Another process may have replaced the files in the meantime.
            let Some(current) = self.link(LINK.as_ref())? else { return Ok(()) };
            self.others(&current)?.iter().for_each(|old| self.remove_data(old));
            io::Result::Ok(())
        };
        let _ = remove();
    }

    /// Returns the names of directories of files besides `current`, and of links to them.
    fn others(&self, current: &OsStr) -> io::Result<Vec<OsString>> {
        let is_other =
            |name: &OsString| name.as_bytes().starts_with(PREFIX.as_bytes()) && name != current;
        Ok(names(&self.directory)?.into_iter().filter(is_other).collect())
    }

    /// Opens the directory of the current files, if there is one. The link must be one of ours.
    fn current(&self) -> io::Result<Option<OwnedFd>> {
        let Some(target) = self.link(LINK.as_ref())? else { return Ok(None) };
        if !target.as_bytes().starts_with(PREFIX.as_bytes()) || target.as_bytes().contains(&b'/') {
            return Err(foreign(LINK.as_ref()));
        }
        match open_directory(&self.directory, &target) {
            Ok(data) => Ok(Some(data)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns where a link leads to; `None` if there is nothing of that name.
    fn link(&self, name: &OsStr) -> io::Result<Option<OsString>> {
        match rustix::fs::readlinkat(&self.directory, name, Vec::new()) {
            Ok(target) => Ok(Some(OsString::from_vec(target.into_bytes()))),
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::INVAL) => Err(foreign(name)),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns whether `name` is a link to the current file of that name.
    fn has_link(&self, name: &OsStr) -> io::Result<bool> {
        Ok(self.link(name)?.is_some_and(|link| link == target(name)))
    }

    /// Refuses names that belong to something else.
    pub(super) fn refuse_others(&self, files: &[NamedContents<'_>]) -> io::Result<()> {
        for (name, _) in files {
            if self.link(name)?.is_some_and(|link| link != target(name)) {
                return Err(foreign(name));
            }
        }
        Ok(())
    }

    fn write_files(
        &self,
        name: &str,
        files: &[NamedContents<'_>],
        attributes: FileAttributes,
    ) -> io::Result<()> {
        rustix::fs::mkdirat(&self.directory, name, Mode::RWXU)?;
        let data = open_directory(&self.directory, name.as_ref())?;
        for (name, contents) in files {
            let flags =
                OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mode = Mode::RUSR | Mode::WUSR;
            let mut file = File::from(rustix::fs::openat(&data, *name, flags, mode)?);
            file.write_all(contents)?;
            attributes.apply(&file)?;
            file.sync_all()?;
        }
        let data = File::from(data);
        attributes.of_directory().apply(&data)?;
        data.sync_all()
    }

    /// Removes a directory of files. What cannot be removed stays, and is no error: the files are
    /// replaced.
    fn remove_data(&self, name: &OsStr) {
        if let Ok(data) = open_directory(&self.directory, name) {
            for file in names(&data).unwrap_or_default() {
                let _ = rustix::fs::unlinkat(&data, &file, AtFlags::empty());
            }
        }
        // A process that was killed can also leave the link that was to become `..data`.
        if rustix::fs::unlinkat(&self.directory, name, AtFlags::REMOVEDIR) == Err(Errno::NOTDIR) {
            self.unlink(name);
        }
    }

    fn unlink(&self, name: &OsStr) {
        let _ = rustix::fs::unlinkat(&self.directory, name, AtFlags::empty());
    }
}

fn target(name: &OsStr) -> OsString {
    Path::new(LINK).join(name).into_os_string()
}

fn open_directory(above: impl AsFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(above, name, flags, Mode::empty())
}

fn open_file(above: impl AsFd, name: &OsStr) -> io::Result<Option<File>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(above, name, flags, Mode::empty()) {
        Ok(file) => Ok(Some(file.into())),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Returns the names in a directory, sorted.
fn names(directory: impl AsFd) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(directory)? {
        let name = entry?.file_name().to_bytes().to_vec();
        if !matches!(&*name, b"." | b"..") {
            names.push(OsString::from_vec(name));
        }
    }
    names.sort();
    Ok(names)
}

/// Returns the error for something in the directory that we did not make.
fn foreign(name: &OsStr) -> io::Error {
    let name = roles_anywhere_client::text::disclosure::path_name(Path::new(name), true);
    let why = format!("{name} in it is not a link that `render` made");
    io::Error::new(io::ErrorKind::AlreadyExists, why)
}

#[cfg(test)]
mod tests;
