//! One stream: read, masked, written.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read};
use zeroize::Zeroizing;

use crate::secrets::masking::Masker;
use roles_anywhere_client::time::Clock;

/// The most bytes that are read at once.
const BUFFER: usize = 64 << 10;

/// Why a stream ended before its source did.
#[derive(Debug)]
pub enum PumpError {
    /// The source cannot be read.
    Read(io::Error),
    /// The target cannot be written to.
    Write(io::Error),
}

/// What there is to do.
enum Ready {
    Source,
    /// The program has ended.
    Ended,
    TimedOut,
    /// By a signal.
    Interrupted,
}

/// Writes what is read from `source` to `target`, masked, until the source ends; or, once `ended` is closed at
/// its other end, until there is nothing left to read: other processes may keep the source open.
pub(super) fn pump(
    source: &impl AsFd,
    target: &impl AsFd,
    mut masker: Masker,
    clock: &dyn Clock,
    ended: Option<&io::PipeReader>,
) -> Result<(), PumpError> {
    let mut buffer = Zeroizing::new(vec![0; BUFFER]);
    let mut output = Vec::with_capacity(BUFFER);
    let mut ended = ended;
    let mut is_ending = false;
    loop {
        let limit = match masker.deadline() {
            _ if is_ending => Some(Duration::ZERO),
            deadline => deadline.map(|at| at.saturating_sub(clock.uptime())),
        };
        match wait(source, ended, limit).map_err(PumpError::Read)? {
            Ready::Source => match read(source, &mut buffer[..]) {
                // The last is what a terminal says when nothing has its other end open.
                Ok(0) | Err(Errno::IO) => break,
                Ok(length) => masker.push(&buffer[..length], clock.uptime(), &mut output),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(error) => return Err(PumpError::Read(error.into())),
            },
            Ready::Ended => (ended, is_ending) = (None, true),
            Ready::TimedOut if is_ending => break,
            Ready::TimedOut | Ready::Interrupted => {}
        }
        if masker.deadline().is_some_and(|at| at <= clock.uptime()) {
            masker.release(&mut output);
        }
        write(target, &output).map_err(PumpError::Write)?;
        output.clear();
    }
    masker.release(&mut output);
    write(target, &output).map_err(PumpError::Write)
}

fn wait(
    source: &impl AsFd,
    ended: Option<&io::PipeReader>,
    limit: Option<Duration>,
) -> io::Result<Ready> {
    let limit = limit.map(|limit| Timespec::try_from(limit).unwrap_or_default());
    let mut ready = vec![PollFd::new(source, PollFlags::IN)];
    ready.extend(ended.map(|ended| PollFd::new(ended, PollFlags::IN)));
    match poll(&mut ready, limit.as_ref()) {
        Ok(0) => return Ok(Ready::TimedOut),
        Err(Errno::INTR) => return Ok(Ready::Interrupted),
        Ok(_) => {}
        Err(error) => return Err(error.into()),
    }
    // What the program has written before its end is read first.
    Ok(if ready[0].revents().is_empty() { Ready::Ended } else { Ready::Source })
}

/// Writes all of `bytes`, also to a target that another process has made non-blocking.
fn write(target: &impl AsFd, bytes: &[u8]) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match rustix::io::write(target, rest) {
            Ok(written) => rest = &rest[written..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let mut ready = [PollFd::new(target, PollFlags::OUT)];
                poll(&mut ready, None)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
