//! The walk along a path, one directory descriptor after the other, and the write at its end.
//!
//! Each component is judged by what was opened, so that a path that is swapped meanwhile leads to
//! an error, not to another user's file.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::os::destination::stream::{WriteDeadline, duplicate, send};
use crate::os::random::SystemEntropy;
use crate::reveal::path_name;
use crate::secret::Entropy as _;

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
    /// Writes a temporary file of mode 0600 beside it and renames it over it.
    pub(in crate::os) fn replace(&self, contents: &[u8]) -> io::Result<()> {
        let temporary = format!(".roles-anywhere-{:016x}", SystemEntropy.bits());
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let made = rustix::fs::openat(&self.directory, &temporary, flags, mode)?;
        let mut file = File::from(made);
        let rename =
            || rustix::fs::renameat(&self.directory, &temporary, &self.directory, &self.name);
        let written =
            file.write_all(contents).and_then(|()| file.sync_all()).and_then(|()| Ok(rename()?));
        written.inspect_err(|_| {
            // The first error is the one to tell.
            let _ = rustix::fs::unlinkat(&self.directory, &temporary, AtFlags::empty());
        })
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
