//! The log of a daemon, on standard error.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::log::{Fact, Level, Log, LogFormat};
use crate::time::{Clock, Timestamp};

/// Gathers lines and writes what there is whenever the event loop comes round, many at once where
/// many came. A reader who does not read holds nothing up: beyond 64 KiB lines are lost, and
/// counted.
#[expect(missing_debug_implementations, reason = "holds a port")]
pub struct StderrLog {
    format: LogFormat,
    clock: Rc<dyn Clock>,
    /// The last second, and how it is written: many events share one.
    stamp: RefCell<(Timestamp, String)>,
    waiting: RefCell<Vec<u8>>,
    /// The events that there was no room for.
    lost: Cell<u64>,
    came: Notify,
}

/// The most bytes of lines that wait.
const ROOM: usize = 64 << 10;
/// What a pipe that is ready takes without a wait (`PIPE_BUF` of Linux).
const PIPE: usize = 4_096;
/// How long a reader who does not read is left alone.
const PAUSE: Duration = Duration::from_millis(100);

impl StderrLog {
    /// Takes the form of a line and the clock that stamps it.
    pub fn new(format: LogFormat, clock: Rc<dyn Clock>) -> Self {
        let now = clock.now();
        Self {
            format,
            clock,
            stamp: RefCell::new((now, now.to_string())),
            waiting: RefCell::default(),
            lost: Cell::default(),
            came: Notify::new(),
        }
    }

    /// Writes what comes, for as long as it is polled.
    pub async fn run(&self) -> Infallible {
        loop {
            self.came.notified().await;
            while !self.flush() {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Writes what can be written at once, and returns whether that is all.
    fn flush(&self) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        let mut stderr = io::stderr().lock();
        let mut written = 0;
        while written < waiting.len() && is_ready() {
            let end = waiting.len().min(written + PIPE);
            // Where nobody can be told any more, nothing is worth keeping.
            if stderr.write_all(&waiting[written..end]).is_err() {
                written = waiting.len();
                break;
            }
            written = end;
        }
        waiting.drain(..written);
        waiting.is_empty()
    }

    /// Keeps a line until it is written, where there is room.
    fn keep(&self, line: &str) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        let room = waiting.len() + line.len() <= ROOM;
        if room {
            waiting.extend_from_slice(line.as_bytes());
            self.came.notify_one();
        }
        room
    }
}

/// What came last is written, too.
impl Drop for StderrLog {
    fn drop(&mut self) {
        self.flush();
    }
}

impl Log for StderrLog {
    fn event(&self, level: Level, what: &str, facts: &[Fact<'_>]) {
        let now = self.clock.now();
        let mut stamp = self.stamp.borrow_mut();
        if stamp.0 != now {
            *stamp = (now, now.to_string());
        }
        let now = stamp.1.as_str();
        let lost = self.lost.get();
        if lost > 0 {
            let facts: [Fact<'_>; 1] = [("events", &lost)];
            let line = self.format.render(now, Level::Warning, "nobody read the log", &facts);
            if self.keep(&line) {
                self.lost.set(0);
            }
        }
        if !self.keep(&self.format.render(now, level, what, facts)) {
            self.lost.set(self.lost.get() + 1);
        }
    }
}

/// Returns whether standard error takes a line without a wait.
#[cfg(unix)]
fn is_ready() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let stderr = rustix::stdio::stderr();
    let mut descriptors = [PollFd::new(&stderr, PollFlags::OUT)];
    let ready = poll(&mut descriptors, Some(&now));
    // What cannot be asked is written to: files are always ready.
    ready.is_err() || descriptors[0].revents().contains(PollFlags::OUT)
}

#[cfg(not(unix))]
fn is_ready() -> bool {
    true
}
