//! Resolving a path component by component, each relative to an open directory, and opening or writing
//! to its end.
//!
//! Each component is checked after it was opened. A component that another user swaps in between leads
//! to an error, not to a file of their choice.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::os::access;
use crate::os::secret_file::attributes::FileAttributes;
use crate::os::secret_file::bounded_write::{WriteDeadline, duplicate, send};
use crate::secrets::rendered::FileState;
use roles_anywhere_client::secret::Entropy as _;
use roles_anywhere_client::system::SystemEntropy;
use roles_anywhere_client::text::disclosure::path_name;

/// What a path leads to.
#[derive(Debug)]
pub(in crate::os) enum ResolvedTarget {
    /// A regular file, which may not exist yet.
    File(PathEntry),
    /// A pipe or a device that belongs to this user or to root.
    Special(PathEntry),
    /// An open descriptor of this process, which is written to at its position: `/dev/stdout` appends if
    /// the shell redirected it with `>>`.
    Descriptor(u32),
}

/// A name in a directory.
#[derive(Debug)]
pub(in crate::os) struct PathEntry {
    directory: OwnedFd,
    name: OsString,
}

/// How many links Linux follows on one path.
const MAX_LINKS: usize = 40;

/// Resolves `path` to the file, pipe, device or descriptor to read from or to write to.
///
/// Refuses a link, pipe or device of another user, sockets and directories. A dangling link is refused
/// too, since its target may be a mistake.
pub(in crate::os) fn resolve(path: &Path) -> io::Result<ResolvedTarget> {
    let mut walk = PathWalk::new(path)?;
    loop {
        if let Some(number) = walk.descriptor() {
            return Ok(ResolvedTarget::Descriptor(number));
        }
        let Some(name) = walk.rest.pop_front() else {
            return Err(io::ErrorKind::IsADirectory.into());
        };
        let stat = match rustix::fs::statat(&walk.directory, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) if walk.rest.is_empty() && walk.in_target => {
                let why = "it is a dangling symbolic link";
                return Err(io::Error::new(io::ErrorKind::NotFound, why));
            }
            Err(Errno::NOENT) if walk.rest.is_empty() => {
                return Ok(ResolvedTarget::File(walk.entry(name)));
            }
            Err(error) => return Err(error.into()),
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink => walk.follow(&name, &stat)?,
            FileType::Directory => walk.enter(&name)?,
            _ if !walk.rest.is_empty() => return Err(io::ErrorKind::NotADirectory.into()),
            FileType::RegularFile => return Ok(ResolvedTarget::File(walk.entry(name))),
            FileType::Socket => return Err(refused("it is a socket")),
            _ if !is_trusted(&stat) => return Err(refused(foreign("it", &stat))),
            _ => return Ok(ResolvedTarget::Special(walk.entry(name))),
        }
    }
}

/// An open directory on the path, and the components that remain.
struct PathWalk {
    directory: OwnedFd,
    /// The path of `directory`, as far as it is known.
    at: PathBuf,
    rest: VecDeque<OsString>,
    links: usize,
    /// Whether the last component of `rest` comes from a link.
    in_target: bool,
}

impl PathWalk {
    fn new(path: &Path) -> io::Result<Self> {
        if path.as_os_str().is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let start = if path.is_absolute() { "/" } else { "." };
        let mut walk = Self {
            directory: open_directory(rustix::fs::CWD, OsStr::new(start))?,
            at: PathBuf::from(start),
            rest: VecDeque::new(),
            links: 0,
            in_target: false,
        };
        walk.prepend(path);
        Ok(walk)
    }

    fn prepend(&mut self, path: &Path) {
        for component in path.components().rev() {
            match component {
                Component::Normal(name) => self.rest.push_front(name.to_owned()),
                Component::ParentDir => self.rest.push_front(OsString::from("..")),
                Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
            }
        }
    }

    fn enter(&mut self, name: &OsStr) -> io::Result<()> {
        self.directory = open_directory(&self.directory, name)?;
        if name == ".." {
            self.at.pop();
        } else {
            self.at.push(name);
        }
        Ok(())
    }

    fn follow(&mut self, name: &OsStr, stat: &Stat) -> io::Result<()> {
        let link = self.at.join(name);
        if !is_trusted(stat) {
            return Err(refused(foreign(&format!("the link {}", path_name(&link, true)), stat)));
        }
        let target = rustix::fs::readlinkat(&self.directory, name, Vec::new())?;
        // The link that was read has to be the one whose owner was checked.
        let again = rustix::fs::statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if (again.st_dev, again.st_ino, again.st_uid) != (stat.st_dev, stat.st_ino, stat.st_uid) {
            return Err(refused(format!("the symbolic link {} changes", path_name(&link, true))));
        }
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(Errno::LOOP.into());
        }
        let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
        if target.is_absolute() {
            self.directory = open_directory(rustix::fs::CWD, OsStr::new("/"))?;
            self.at = PathBuf::from("/");
        }
        self.in_target |= self.rest.is_empty();
        self.prepend(&target);
        Ok(())
    }

    /// Returns the number of the descriptor that the remaining components name, if any. They cannot be
    /// resolved further: the kernel's links to descriptors have a text that is not a path.
    fn descriptor(&self) -> Option<u32> {
        let name = self.rest.back()?;
        let number: u32 = std::str::from_utf8(name.as_bytes()).ok()?.parse().ok()?;
        let mut folder = self.at.clone();
        folder.extend(self.rest.iter().take(self.rest.len() - 1));
        let own = format!("/proc/{}/fd", rustix::process::getpid().as_raw_pid());
        let folders = ["/dev/fd", "/proc/self/fd", "/proc/thread-self/fd", own.as_str()];
        folders.iter().any(|known| folder == Path::new(known)).then_some(number)
    }

    fn entry(self, name: OsString) -> PathEntry {
        PathEntry { directory: self.directory, name }
    }
}

impl ResolvedTarget {
    /// Writes all of `contents`, or fails after `limit`: a pipe may have no reader.
    pub(in crate::os) fn write(&self, contents: &[u8], limit: Duration) -> io::Result<()> {
        match self {
            Self::File(entry) => entry.replace(contents),
            Self::Special(entry) => {
                let until = WriteDeadline::after(limit);
                let mut file = entry.open_special(&until)?;
                send(&mut file, contents, &until)
            }
            Self::Descriptor(number) => {
                send(&mut duplicate(*number)?, contents, &WriteDeadline::after(limit))
            }
        }
    }
}

impl PathEntry {
    /// Returns the user of its directory, who can replace it.
    pub(in crate::os) fn directory_owner(&self) -> io::Result<u32> {
        Ok(rustix::fs::fstat(&self.directory)?.st_uid)
    }

    /// Returns the name in a directory.
    pub(in crate::os) fn new(directory: OwnedFd, name: OsString) -> Self {
        Self { directory, name }
    }

    /// Returns the mark of the file that has this name. What is called a mark is an empty file: it is there while
    /// nothing was done about the last change of the files beside it.
    pub(in crate::os) fn mark(&self) -> io::Result<Self> {
        let mut name = OsString::from(".");
        name.push(&self.name);
        name.push(".roles-anywhere-pending");
        Ok(Self { directory: self.directory.try_clone()?, name })
    }

    /// Creates an empty file with this name, unless there is one. Without it, an action may be lost if this process
    /// is killed, which is no reason not to write.
    pub(in crate::os) fn touch(&self) {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        drop(rustix::fs::openat(&self.directory, &self.name, flags, mode));
    }

    /// Returns whether there is something with this name.
    pub(in crate::os) fn exists(&self) -> bool {
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        rustix::fs::statat(&self.directory, &self.name, flags).is_ok()
    }

    /// Removes the file with this name. What cannot be removed stays.
    pub(in crate::os) fn unlink(&self) {
        let _ = rustix::fs::unlinkat(&self.directory, &self.name, AtFlags::empty());
    }

    /// Opens the file for reading; does not wait for the writer of a pipe.
    pub(in crate::os) fn open(&self) -> io::Result<File> {
        let flags =
            OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.directory, &self.name, flags, Mode::empty())?.into())
    }

    /// Opens the directory that has this name, for more than walking through it.
    pub(in crate::os) fn open_above(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.directory, ".", flags, Mode::empty())?)
    }

    /// Creates a directory of mode 0700 with this name.
    pub(in crate::os) fn make_directory(&self) -> io::Result<()> {
        Ok(rustix::fs::mkdirat(&self.directory, &self.name, Mode::RWXU)?)
    }

    /// Creates a file of mode 0600 with this name, or replaces the one that has it.
    pub(in crate::os) fn replace(&self, contents: &[u8]) -> io::Result<()> {
        self.replace_with(contents, FileAttributes::PRIVATE)
    }

    /// Returns how the file with this name differs from what is to be written.
    pub(in crate::os) fn state(
        &self,
        contents: &[u8],
        attributes: FileAttributes,
    ) -> io::Result<FileState> {
        match self.open() {
            Ok(file) => attributes.state_of(file, contents),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(FileState::Missing),
            Err(error) => Err(error),
        }
    }

    /// Creates a file with this name, or replaces the one that has it.
    ///
    /// On Linux the file gets a name only when it is complete, so that a killed process leaves nothing
    /// behind. If the name is taken, it gets a temporary name first, as only a rename replaces a file.
    pub(in crate::os) fn replace_with(
        &self,
        contents: &[u8],
        attributes: FileAttributes,
    ) -> io::Result<()> {
        self.try_replace(contents, attributes).map_err(|error| {
            match rustix::fs::fstat(&self.directory) {
                // The mode of the directory decides whether a file may be created, not that of the file.
                Ok(stat) => {
                    let mode = Mode::from_raw_mode(stat.st_mode).as_raw_mode();
                    access::denied("its directory", stat.st_uid, mode, error)
                }
                Err(_) => error,
            }
        })
    }

    fn try_replace(&self, contents: &[u8], attributes: FileAttributes) -> io::Result<()> {
        let fill = |mut file: &File| {
            file.write_all(contents)?;
            if attributes != FileAttributes::PRIVATE {
                attributes.apply(file)?;
            }
            file.sync_all()
        };
        let temporary = format!("{TEMPORARY}{:016x}", SystemEntropy.bits());
        let unnamed = self.unnamed().inspect(lock);
        if let Some(file) = &unnamed {
            fill(file)?;
            if self.link(file, &self.name).is_ok() {
                return Ok(());
            }
        }
        // It stays open, and locked, until it has its name.
        let linked = unnamed.filter(|file| self.link(file, temporary.as_ref()).is_ok());
        let (_file, written) = match linked {
            Some(file) => (file, Ok(())),
            // The file system has no unnamed files, or `/proc` is not mounted.
            None => {
                let file = self.create(&temporary)?;
                lock(&file);
                let written = fill(&file);
                (file, written)
            }
        };
        let rename =
            || rustix::fs::renameat(&self.directory, &temporary, &self.directory, &self.name);
        written.and_then(|()| Ok(rename()?)).inspect_err(|_| {
            // The first error is the one to report.
            let _ = rustix::fs::unlinkat(&self.directory, &temporary, AtFlags::empty());
        })
    }

    /// Removes the temporary files that killed processes have left behind in the directory. What cannot be
    /// removed stays.
    pub(in crate::os) fn remove_leftovers(&self) {
        let Ok(directory) = self.open_above() else { return };
        let Ok(entries) = rustix::fs::Dir::read_from(&directory) else { return };
        let names = entries.flatten().map(|entry| entry.file_name().to_owned());
        for name in names.filter(|name| is_temporary(name.to_bytes())) {
            let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let Ok(file) = rustix::fs::openat(&directory, &name, flags, Mode::empty()) else {
                continue;
            };
            // A process that still writes it holds the lock.
            if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
                let _ = rustix::fs::unlinkat(&directory, &name, AtFlags::empty());
            }
        }
    }

    fn create(&self, name: &str) -> io::Result<File> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        Ok(File::from(rustix::fs::openat(&self.directory, name, flags, mode)?))
    }

    /// Creates a file without a name, if the file system supports it.
    #[cfg(target_os = "linux")]
    fn unnamed(&self) -> Option<File> {
        let flags = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        rustix::fs::openat(&self.directory, ".", flags, mode).ok().map(File::from)
    }

    #[cfg(not(target_os = "linux"))]
    fn unnamed(&self) -> Option<File> {
        None
    }

    /// Gives a name to a file without one; fails if the name is taken.
    fn link(&self, file: &File, name: &OsStr) -> io::Result<()> {
        let descriptor = format!("/proc/self/fd/{}", file.as_raw_fd());
        let follow = AtFlags::SYMLINK_FOLLOW;
        Ok(rustix::fs::linkat(rustix::fs::CWD, descriptor, &self.directory, name, follow)?)
    }

    /// Opens a device, or a pipe as soon as a process reads from it.
    fn open_special(&self, until: &WriteDeadline) -> io::Result<File> {
        let flags =
            OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
        loop {
            match rustix::fs::openat(&self.directory, &self.name, flags, Mode::empty()) {
                Ok(opened) => {
                    let stat = rustix::fs::fstat(&opened)?;
                    let is_regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
                    if is_regular || !is_trusted(&stat) {
                        return Err(refused("it was replaced in the meantime"));
                    }
                    return Ok(File::from(opened));
                }
                Err(Errno::NXIO) => until.pause()?,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// What the name of a temporary file begins with, before 16 digits.
const TEMPORARY: &str = ".roles-anywhere-";

/// Returns whether a name is that of a temporary file.
fn is_temporary(name: &[u8]) -> bool {
    let digits = name.strip_prefix(TEMPORARY.as_bytes());
    digits.is_some_and(|digits| digits.len() == 16 && digits.iter().all(u8::is_ascii_hexdigit))
}

/// Says that a process writes a file. A file system without locks has no leftovers that are removed.
fn lock(file: &File) {
    let _ = rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive);
}

fn open_directory(above: impl AsFd, name: &OsStr) -> io::Result<OwnedFd> {
    // O_PATH: a directory on a path need not be readable, only searchable.
    #[cfg(target_os = "linux")]
    let access = OFlags::PATH;
    #[cfg(not(target_os = "linux"))]
    let access = OFlags::RDONLY;
    let flags = access | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(above, name, flags, Mode::empty())?)
}

/// Returns whether a file belongs to this user or to root.
fn is_trusted(stat: &Stat) -> bool {
    stat.st_uid == 0 || stat.st_uid == rustix::process::geteuid().as_raw()
}

fn foreign(what: &str, stat: &Stat) -> String {
    format!("{what} belongs to another user (uid {})", stat.st_uid)
}

/// Returns the error for a target that we refuse. Its kind differs from those of the system.
fn refused(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, why)
}
