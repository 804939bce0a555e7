//! The walk along a path, one directory descriptor after the other, and the write at its end.
//!
//! Each component is judged by what was opened, so that a path that is swapped meanwhile leads to
//! an error, not to another user's file.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::os::access;
use crate::os::destination::stream::{WriteDeadline, duplicate, send};
use crate::os::random::SystemEntropy;
use roles_anywhere_client::secret::Entropy as _;
use roles_anywhere_client::text::disclosure::path_name;

/// What a path leads to.
#[derive(Debug)]
pub(in crate::os) enum Destination {
    /// A regular file, or none yet.
    File(Entry),
    /// A pipe or a device that belongs to this user or to root.
    Special(Entry),
    /// An open descriptor of this process, which is written to where it stands: `/dev/stdout` behind
    /// a shell's `>>` appends.
    Descriptor(u32),
}

/// A name in a directory.
#[derive(Debug)]
pub(in crate::os) struct Entry {
    directory: OwnedFd,
    name: OsString,
}

/// The most links on one path, as Linux has it.
const MAX_LINKS: usize = 40;

/// Follows `path` to what is written to.
///
/// Refuses a link of another user, a pipe or device of another user, and what nothing can be written
/// to. A link to nothing is refused too, since its target may be a mistake.
pub(in crate::os) fn find(path: &Path) -> io::Result<Destination> {
    let mut walk = Walk::new(path)?;
    loop {
        if let Some(number) = walk.descriptor() {
            return Ok(Destination::Descriptor(number));
        }
        let Some(name) = walk.rest.pop_front() else {
            return Err(io::ErrorKind::IsADirectory.into());
        };
        let stat = match rustix::fs::statat(&walk.directory, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) if walk.rest.is_empty() && walk.in_target => {
                let why = "it is a link that leads nowhere";
                return Err(io::Error::new(io::ErrorKind::NotFound, why));
            }
            Err(Errno::NOENT) if walk.rest.is_empty() => {
                return Ok(Destination::File(walk.entry(name)));
            }
            Err(error) => return Err(error.into()),
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink => walk.follow(&name, &stat)?,
            FileType::Directory => walk.enter(&name)?,
            _ if !walk.rest.is_empty() => return Err(io::ErrorKind::NotADirectory.into()),
            FileType::RegularFile => return Ok(Destination::File(walk.entry(name))),
            FileType::Socket => return Err(refused("it is a socket")),
            _ if !is_trusted(&stat) => return Err(refused(foreign("it", &stat))),
            _ => return Ok(Destination::Special(walk.entry(name))),
        }
    }
}

/// A directory that was reached, and the components of the path that are left.
struct Walk {
    directory: OwnedFd,
    /// The path of `directory`, as far as it is known.
    at: PathBuf,
    rest: VecDeque<OsString>,
    links: usize,
    /// Whether the last component of `rest` comes from a link.
    in_target: bool,
}

impl Walk {
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
        // What was read has to be the link whose owner was checked.
        let again = rustix::fs::statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if (again.st_dev, again.st_ino, again.st_uid) != (stat.st_dev, stat.st_ino, stat.st_uid) {
            return Err(refused(format!("the link {} changes", path_name(&link, true))));
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

    /// Returns the number of the descriptor that the components left over name. The text of the
    /// kernel's own links to descriptors is not a path.
    fn descriptor(&self) -> Option<u32> {
        let name = self.rest.back()?;
        let number: u32 = std::str::from_utf8(name.as_bytes()).ok()?.parse().ok()?;
        let mut folder = self.at.clone();
        folder.extend(self.rest.iter().take(self.rest.len() - 1));
        let own = format!("/proc/{}/fd", rustix::process::getpid().as_raw_pid());
        let folders = ["/dev/fd", "/proc/self/fd", "/proc/thread-self/fd", own.as_str()];
        folders.iter().any(|known| folder == Path::new(known)).then_some(number)
    }

    fn entry(self, name: OsString) -> Entry {
        Entry { directory: self.directory, name }
    }
}

impl Destination {
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

impl Entry {
    /// Puts a new file of mode 0600 under this name, in the place of one that has it.
    ///
    /// On Linux the file gets a name when all is in it, so that a process that is killed leaves
    /// nothing. If another file has the name, it needs one beside it for the moment of the rename.
    pub(in crate::os) fn replace(&self, contents: &[u8]) -> io::Result<()> {
        self.try_replace(contents).map_err(|error| match rustix::fs::fstat(&self.directory) {
            // A file is made and renamed by leave of its directory, whatever its own mode is.
            Ok(stat) => {
                let mode = Mode::from_raw_mode(stat.st_mode).as_raw_mode();
                access::denied("its directory", stat.st_uid, mode, error)
            }
            Err(_) => error,
        })
    }

    fn try_replace(&self, contents: &[u8]) -> io::Result<()> {
        let fill = |mut file: &File| file.write_all(contents).and_then(|()| file.sync_all());
        let temporary = format!(".roles-anywhere-{:016x}", SystemEntropy.bits());
        let unnamed = self.unnamed();
        if let Some(file) = &unnamed {
            fill(file)?;
            if self.link(file, &self.name).is_ok() {
                return Ok(());
            }
        }
        let is_there = unnamed.is_some_and(|file| self.link(&file, temporary.as_ref()).is_ok());
        let written = match is_there {
            true => Ok(()),
            // A file system without unnamed files, or a system without `/proc`.
            false => fill(&self.create(&temporary)?),
        };
        let rename =
            || rustix::fs::renameat(&self.directory, &temporary, &self.directory, &self.name);
        written.and_then(|()| Ok(rename()?)).inspect_err(|_| {
            // The first error is the one to tell.
            let _ = rustix::fs::unlinkat(&self.directory, &temporary, AtFlags::empty());
        })
    }

    fn create(&self, name: &str) -> io::Result<File> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        Ok(File::from(rustix::fs::openat(&self.directory, name, flags, mode)?))
    }

    /// Makes a file without a name, where the file system can.
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

    /// Gives a file without a name one that no file has.
    fn link(&self, file: &File, name: &OsStr) -> io::Result<()> {
        let descriptor = format!("/proc/self/fd/{}", file.as_raw_fd());
        let follow = AtFlags::SYMLINK_FOLLOW;
        Ok(rustix::fs::linkat(rustix::fs::CWD, descriptor, &self.directory, name, follow)?)
    }

    /// Opens a pipe or device, once a process reads from it.
    fn open_special(&self, until: &WriteDeadline) -> io::Result<File> {
        let flags =
            OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
        loop {
            match rustix::fs::openat(&self.directory, &self.name, flags, Mode::empty()) {
                Ok(opened) => {
                    let stat = rustix::fs::fstat(&opened)?;
                    let is_regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
                    if is_regular || !is_trusted(&stat) {
                        return Err(refused("it was replaced meanwhile"));
                    }
                    return Ok(File::from(opened));
                }
                Err(Errno::NXIO) => until.pause()?,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn open_directory(above: impl AsFd, name: &OsStr) -> io::Result<OwnedFd> {
    // With O_PATH a directory need not be readable: the kernel asks no more of one on a path.
    #[cfg(target_os = "linux")]
    let access = OFlags::PATH;
    #[cfg(not(target_os = "linux"))]
    let access = OFlags::RDONLY;
    let flags = access | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(above, name, flags, Mode::empty())?)
}

/// Returns whether it belongs to this user or to root.
fn is_trusted(stat: &Stat) -> bool {
    stat.st_uid == 0 || stat.st_uid == rustix::process::geteuid().as_raw()
}

fn foreign(what: &str, stat: &Stat) -> String {
    format!("{what} belongs to another user (uid {})", stat.st_uid)
}

/// Says that nothing is written there. The kind tells it from what the system refuses.
fn refused(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, why)
}
