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
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

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
/// How often a pipe without a reader is opened again.
const INTERVAL: Duration = Duration::from_millis(20);
/// What a pipe that is ready takes at once on every system (POSIX's PIPE_BUF).
const CHUNK: usize = 512;

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

/// A directory that was reached, and the way that is left.
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

    /// Returns the number of the descriptor that the way that is left names. The kernel's own links
    /// to descriptors lead nowhere by their text.
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
                let until = Deadline::after(limit);
                let mut file = entry.open_special(&until)?;
                send(&mut file, contents, &until)
            }
            Self::Descriptor(number) => {
                send(&mut duplicate(*number)?, contents, &Deadline::after(limit))
            }
        }
    }
}

impl Entry {
    /// Writes a temporary file of mode 0600 beside it and renames it over it.
    pub(in crate::os) fn replace(&self, contents: &[u8]) -> io::Result<()> {
        let temporary = format!(".roles-anywhere-{:016x}", SystemEntropy.bits());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let mode = Mode::RUSR | Mode::WUSR;
        let flags = flags | OFlags::CLOEXEC;
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
    fn open_special(&self, until: &Deadline) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY;
        loop {
            let flags = flags | OFlags::CLOEXEC;
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

/// When writing has to end.
struct Deadline {
    at: Instant,
    limit: Duration,
}

#[expect(clippy::disallowed_methods, reason = "a pipe is waited for where it is written to")]
impl Deadline {
    fn after(limit: Duration) -> Self {
        Self { at: Instant::now() + limit, limit }
    }

    fn left(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    fn pause(&self) -> io::Result<()> {
        if self.left().is_zero() {
            return Err(self.late());
        }
        let interval = Timespec::try_from(INTERVAL.min(self.left())).ok();
        match poll(&mut [], interval.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn late(&self) -> io::Error {
        let seconds = self.limit.as_secs();
        let why = format!("no process read it within {seconds} s");
        io::Error::new(io::ErrorKind::TimedOut, why)
    }
}

/// Writes as much at a time as never blocks, whether or not the descriptor may.
fn send(file: &mut File, contents: &[u8], until: &Deadline) -> io::Result<()> {
    let mut rest = contents;
    while !rest.is_empty() {
        let timeout = Timespec::try_from(until.left()).ok();
        let ready = match poll(&mut [PollFd::new(file, PollFlags::OUT)], timeout.as_ref()) {
            Err(Errno::INTR) => continue,
            ready => ready?,
        };
        if ready == 0 {
            return Err(until.late());
        }
        match rustix::io::write(file.as_fd(), &rest[..rest.len().min(CHUNK)]) {
            Ok(count) => rest = &rest[count..],
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Returns another descriptor of what `number` has open. Opening its path instead would start at
/// the beginning of a file.
fn duplicate(number: u32) -> io::Result<File> {
    match number {
        1 => return Ok(File::from(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?)),
        2 => return Ok(File::from(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), 3)?)),
        _ => {}
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
        let raw =
            i32::try_from(number).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        let copied = pidfd_open(getpid(), PidfdFlags::empty())
            .and_then(|own| pidfd_getfd(own, raw, PidfdGetfdFlags::empty()));
        match copied {
            Ok(descriptor) => return Ok(File::from(descriptor)),
            // A kernel before 5.6, or a sandbox that does not let it through.
            Err(Errno::NOSYS | Errno::PERM) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(format!("/dev/fd/{number}"), flags, Mode::empty())?))
}

fn open_directory(above: impl AsFd, name: &OsStr) -> io::Result<OwnedFd> {
    // With O_PATH a directory need not be readable, as none has to be on a way.
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
