//! The lock of a directory of rendered files. It is a file of its own, which only the owner of the files
//! can open: with a lock on the directory, everyone who can open it could keep `render` waiting.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, poll};
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::os::secret_file::FileAttributes;

/// The name of the file.
pub(super) const NAME: &str = "..data.lock";

/// How often a lock that another process holds is tried again.
const RETRY_INTERVAL: Duration = Duration::from_millis(20);

/// Waits for the lock, for `limit` at most. The lock is held until the file is dropped.
#[expect(clippy::disallowed_methods, reason = "the lock is waited for where it is taken")]
pub(super) fn wait(
    directory: impl AsFd,
    attributes: FileAttributes,
    limit: Duration,
) -> io::Result<File> {
    let file = open(directory, attributes)?;
    let end = Instant::now() + limit;
    loop {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::INTR) => {}
            Err(Errno::WOULDBLOCK) if Instant::now() < end => {
                let _ = poll(&mut [], Timespec::try_from(RETRY_INTERVAL).ok().as_ref());
            }
            Err(Errno::WOULDBLOCK) => return Err(late(limit)),
            outcome => return Ok(outcome.map(|()| file)?),
        }
    }
}

fn open(directory: impl AsFd, attributes: FileAttributes) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let new = flags | OFlags::CREATE | OFlags::EXCL;
    match rustix::fs::openat(&directory, NAME, new, Mode::RUSR | Mode::WUSR) {
        Ok(file) => {
            // Only that of a new file is set: one that exists can be a link to another file.
            let file = File::from(file);
            FileAttributes { owner: attributes.owner, ..FileAttributes::PRIVATE }.apply(&file)?;
            Ok(file)
        }
        Err(Errno::EXIST) => {
            Ok(rustix::fs::openat(&directory, NAME, flags, Mode::empty()).map(File::from)?)
        }
        Err(error) => Err(error.into()),
    }
}

fn late(limit: Duration) -> io::Error {
    // Rounded up: it is the rest of a limit that was given in whole seconds.
    let seconds = limit.as_millis().div_ceil(1_000);
    let why = format!(
        "another process has locked `{NAME}` in it for {seconds} s: `render`, or a program of the owner"
    );
    io::Error::new(io::ErrorKind::ResourceBusy, why)
}
