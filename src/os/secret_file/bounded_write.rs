//! Writing to pipes, devices and inherited descriptors for a bounded time, since they may block.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::os::descriptor;

/// How often a pipe without a reader is tried again.
const RETRY_INTERVAL: Duration = Duration::from_millis(20);
/// How many bytes a pipe that is ready accepts without blocking on every system (POSIX's PIPE_BUF).
const CHUNK: usize = 512;

/// The deadline of a write.
pub(super) struct WriteDeadline {
    at: Instant,
    limit: Duration,
}

#[expect(clippy::disallowed_methods, reason = "a pipe is waited for where it is written to")]
impl WriteDeadline {
    pub(super) fn after(limit: Duration) -> Self {
        Self { at: Instant::now() + limit, limit }
    }

    fn remaining(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    pub(super) fn pause(&self) -> io::Result<()> {
        if self.remaining().is_zero() {
            return Err(self.late());
        }
        let interval = Timespec::try_from(RETRY_INTERVAL.min(self.remaining())).ok();
        match poll(&mut [], interval.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn late(&self) -> io::Error {
        // Rounded up: it is the rest of a limit that was given in whole seconds.
        let seconds = self.limit.as_millis().div_ceil(1_000);
        let why = format!("no process read it within {seconds} s");
        io::Error::new(io::ErrorKind::TimedOut, why)
    }
}

/// Writes in chunks that never block, whether or not the descriptor is in non-blocking mode.
pub(super) fn send(file: &mut File, contents: &[u8], until: &WriteDeadline) -> io::Result<()> {
    let mut rest = contents;
    while !rest.is_empty() {
        let timeout = Timespec::try_from(until.remaining()).ok();
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

/// Returns a copy of the descriptor `number`.
pub(super) fn duplicate(number: u32) -> io::Result<File> {
    match number {
        1 => return Ok(File::from(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?)),
        2 => return Ok(File::from(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), 3)?)),
        _ => {}
    }
    if let Some(copy) = descriptor::copy(number)? {
        return Ok(copy);
    }
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(format!("/dev/fd/{number}"), flags, Mode::empty())?))
}
