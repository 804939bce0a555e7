//! The log of a daemon, on standard error.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::os::stdio::stderr_is_terminal;
use crate::output::log::events::{LOG_EVENTS_DROPPED, LogEvent};
use crate::output::log::{Field, Log, LogFormat, LogNotWritten};
use roles_anywhere_client::time::{Clock, Timestamp};

/// Writes lines to standard error and never waits for its reader.
///
/// An event is buffered and written by [`Self::run`], many in one write if many came. If more than
/// 64 KiB are buffered, events are dropped and counted. A record is written before [`Log::record`]
/// returns, or fails.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct StderrLog {
    format: LogFormat,
    clock: Arc<dyn Clock>,
    sink: Box<dyn Sink>,
    /// The last second and its text, which many events share.
    stamp: Mutex<(Timestamp, String)>,
    pending: Mutex<Pending>,
    added: Notify,
    /// On a terminal, the last problem of each event and role, which is not repeated.
    shown: Mutex<BTreeMap<(&'static str, String), Vec<String>>>,
}

/// What is to be written.
#[derive(Default)]
struct Pending {
    buffer: Vec<u8>,
    /// The number of events that were dropped since the last report.
    dropped: u64,
}

/// Where lines go.
trait Sink: Send + Sync {
    /// Writes what can be written without waiting, and returns the number of bytes.
    fn write(&self, bytes: &[u8]) -> io::Result<usize>;
}

/// The size of the buffer, in bytes.
const MAX_BUFFERED: usize = 64 << 10;
/// How many bytes a pipe that is ready accepts without blocking (`PIPE_BUF` of Linux).
const CHUNK: usize = 4_096;
/// How long to wait before the log is written again, after it accepted nothing.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

impl StderrLog {
    /// Returns a log with lines of `format`, whose times are those of `clock`.
    pub fn new(format: LogFormat, clock: Arc<dyn Clock>) -> Self {
        let format = match format {
            LogFormat::Text if stderr_is_terminal() => LogFormat::Terminal,
            format => format,
        };
        Self::to(Box::new(Stderr::open()), format, clock)
    }

    fn to(sink: Box<dyn Sink>, format: LogFormat, clock: Arc<dyn Clock>) -> Self {
        let now = clock.now();
        Self {
            format,
            clock,
            sink,
            stamp: Mutex::new((now, now.to_string())),
            pending: Mutex::default(),
            added: Notify::new(),
            shown: Mutex::default(),
        }
    }

    /// Writes events as they come, while it is polled.
    pub async fn run(&self) -> Infallible {
        loop {
            self.added.notified().await;
            while self.flush().is_err() {
                tokio::time::sleep(RETRY_INTERVAL).await;
            }
        }
    }

    /// Writes the buffer, and how many events were dropped.
    fn flush(&self) -> Result<(), LogNotWritten> {
        let Pending { buffer, dropped } = &mut *self.pending();
        self.write(buffer)?;
        if *dropped > 0 {
            let fields: [Field<'_>; 1] = [("events", dropped)];
            *buffer = self.render(&LOG_EVENTS_DROPPED, &fields).into_bytes();
            *dropped = 0;
            self.write(buffer)?;
        }
        Ok(())
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what can be written now from the start of `bytes`, and removes it. The rest stays for the
    /// next write, so that no line is cut off.
    fn write(&self, bytes: &mut Vec<u8>) -> Result<(), LogNotWritten> {
        let mut written = 0;
        while written < bytes.len() {
            let end = bytes.len().min(written + CHUNK);
            match self.sink.write(&bytes[written..end]) {
                Ok(count) if count > 0 => written += count,
                _ => break,
            }
        }
        bytes.drain(..written);
        if bytes.is_empty() { Ok(()) } else { Err(LogNotWritten) }
    }

    /// Returns whether the problem is the one that the last event of that name and role has shown, and
    /// remembers it. An event that ends a problem makes it new.
    fn is_repeated(&self, event: &'static LogEvent, fields: &[Field<'_>]) -> bool {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let role = fields.iter().find(|(name, _)| *name == "role_name");
        let role = role.map(|(_, value)| value.to_string()).unwrap_or_default();
        for ended in event.ends {
            shown.remove(&(*ended, role.clone()));
        }
        let problem: Vec<String> =
            fields.iter().filter_map(|(_, value)| value.problem()).flatten().collect();
        if problem.is_empty() {
            return false;
        }
        shown.insert((event.name, role), problem.clone()).is_some_and(|last| last == problem)
    }

    fn render(&self, event: &LogEvent, fields: &[Field<'_>]) -> String {
        let now = self.clock.now();
        let mut stamp = self.stamp.lock().unwrap_or_else(PoisonError::into_inner);
        if stamp.0 != now {
            *stamp = (now, now.to_string());
        }
        self.format.render(&stamp.1, event, fields)
    }
}

/// Writes the last events.
impl Drop for StderrLog {
    fn drop(&mut self) {
        // A failure cannot be reported anywhere else.
        let _ = self.flush();
    }
}

impl Log for StderrLog {
    fn event(&self, event: &'static LogEvent, fields: &[Field<'_>]) {
        let line = self.render(event, fields);
        if self.format == LogFormat::Terminal && self.is_repeated(event, fields) {
            return;
        }
        let mut pending = self.pending();
        // The number of dropped events is written before any later event.
        match pending.dropped == 0 && pending.buffer.len() + line.len() <= MAX_BUFFERED {
            true => pending.buffer.extend_from_slice(line.as_bytes()),
            false => pending.dropped += 1,
        }
        drop(pending);
        self.added.notify_one();
    }

    fn record(&self, event: &'static LogEvent, fields: &[Field<'_>]) -> Result<(), LogNotWritten> {
        self.flush()?;
        let mut line = self.render(event, fields).into_bytes();
        let length = line.len();
        let written = self.write(&mut line);
        if written.is_err() && line.len() < length {
            // The disk was full in the middle of the line: the rest is written as soon as possible.
            self.pending().buffer.append(&mut line);
            self.added.notify_one();
        }
        written
    }
}

/// Standard error.
struct Stderr {
    /// Whether a write may block: not if it is a file or `/dev/null`.
    has_reader: bool,
}

impl Stderr {
    #[cfg(unix)]
    fn open() -> Self {
        use rustix::fs::{FileType, fstat};
        let stderr = rustix::stdio::stderr();
        let kind = fstat(stderr).map(|stat| FileType::from_raw_mode(stat.st_mode));
        let has_reader = match kind {
            Ok(FileType::RegularFile) => false,
            Ok(FileType::CharacterDevice) => rustix::termios::isatty(stderr),
            _ => true,
        };
        Self { has_reader }
    }

    #[cfg(not(unix))]
    fn open() -> Self {
        Self { has_reader: false }
    }
}

impl Sink for Stderr {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        if self.has_reader && !is_ready() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        loop {
            match io::stderr().lock().write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => return outcome,
            }
        }
    }
}

/// Returns whether standard error accepts a line without blocking.
#[cfg(unix)]
fn is_ready() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let stderr = rustix::stdio::stderr();
    let mut descriptors = [PollFd::new(&stderr, PollFlags::OUT)];
    let ready = poll(&mut descriptors, Some(&now));
    // If that cannot be found out, the write is tried.
    ready.is_err() || descriptors[0].revents().contains(PollFlags::OUT)
}

#[cfg(not(unix))]
fn is_ready() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::log::events::{ALL, REFRESH_FAILED, REFRESH_RECOVERED};
    use crate::output::log::{Level, Reasons};

    const fn named(name: &'static str) -> LogEvent {
        LogEvent { name, level: Level::Info, message: name, fields: &[], ends: &[] }
    }
    static ONE: LogEvent = named("one");
    static TWO: LogEvent = named("two");
    static THREE: LogEvent = named("three");
    use roles_anywhere_client::system::SystemClock;

    /// A file on a disk with space for a number of bytes.
    #[derive(Clone, Default)]
    struct FullDisk(Arc<Mutex<(Vec<u8>, usize)>>);

    impl FullDisk {
        fn with(room: usize) -> Self {
            Self(Arc::new(Mutex::new((Vec::new(), room))))
        }

        fn grow(&self, room: usize) {
            self.0.lock().unwrap().1 += room;
        }

        fn lines(&self) -> Vec<String> {
            let text = String::from_utf8(self.0.lock().unwrap().0.clone()).unwrap();
            text.lines().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect()
        }
    }

    impl Sink for FullDisk {
        fn write(&self, bytes: &[u8]) -> io::Result<usize> {
            let mut disk = self.0.lock().unwrap();
            let count = bytes.len().min(disk.1);
            disk.0.extend_from_slice(&bytes[..count]);
            disk.1 -= count;
            if count == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(count) }
        }
    }

    fn log(disk: &FullDisk) -> StderrLog {
        StderrLog::to(Box::new(disk.clone()), LogFormat::Text, Arc::new(SystemClock::start()))
    }

    #[test]
    fn record_is_written_after_earlier_events() {
        let disk = FullDisk::with(usize::MAX);
        let log = log(&disk);
        log.event(&ONE, &[]);
        assert!(disk.lines().is_empty());
        for _ in 0..1_000 {
            assert_eq!(log.record(&TWO, &[]), Ok(()));
        }
        let lines = disk.lines();
        assert_eq!(
            (lines.len(), &*lines[0], &*lines[1]),
            (1_001, "info one event=one", "info two event=two")
        );
    }

    /// Returns a log on a terminal.
    fn terminal(disk: &FullDisk) -> StderrLog {
        let mut log = log(disk);
        log.format = LogFormat::Terminal;
        log
    }

    fn fail(log: &StderrLog, event: &'static LogEvent, text: &str, id: Option<&str>) {
        log.event(event, &[("reason", &Reasons::new(vec![text.to_owned()], id))]);
    }

    /// Returns the lines that begin with the heading of an error.
    fn errors(log: StderrLog, disk: &FullDisk) -> Vec<String> {
        drop(log);
        let lines = disk.lines().into_iter();
        lines.filter_map(|line| line.strip_prefix(" error: ").map(str::to_owned)).collect()
    }

    #[test]
    fn an_error_is_shown_once_for_each_cause_on_a_terminal() {
        let disk = FullDisk::with(usize::MAX / 2);
        let log = terminal(&disk);
        for text in ["a", "a", "b", "b", "a"] {
            fail(&log, &ONE, text, None);
        }
        fail(&log, &TWO, "a", None);
        log.event(&THREE, &[]);
        log.event(&THREE, &[]);
        assert_eq!(errors(log, &disk), ["a", "b", "a", "a"]);
        assert_eq!(disk.lines().iter().filter(|line| line.contains("three")).count(), 2);
    }

    #[test]
    fn problems_of_two_roles_are_separate() {
        let disk = FullDisk::with(usize::MAX / 2);
        let log = terminal(&disk);
        let fail = |role: &str, text: &str| {
            let reason = Reasons::new(vec![text.to_owned()], None);
            log.event(&REFRESH_FAILED, &[("reason", &reason), ("role_name", &role)]);
        };
        for _ in 0..2 {
            fail("a", "of a");
            fail("b", "of b");
        }
        log.event(&REFRESH_RECOVERED, &[("role_name", &"b")]);
        fail("a", "of a");
        fail("b", "of b");
        assert_eq!(errors(log, &disk), ["of a", "of b", "of b"]);
    }

    #[test]
    fn an_error_with_another_request_id_is_not_a_new_cause() {
        let disk = FullDisk::with(usize::MAX / 2);
        let log = terminal(&disk);
        fail(&log, &ONE, "denied (request id 1f)", Some("1f"));
        fail(&log, &ONE, "denied (request id 2f)", Some("2f"));
        fail(&log, &ONE, "throttled (request id 3f)", Some("3f"));
        assert_eq!(errors(log, &disk), ["denied (request id 1f)", "throttled (request id 3f)"]);
    }

    #[test]
    fn each_event_that_ends_a_problem_makes_that_one_new() {
        for event in ALL {
            for ended in ALL {
                let disk = FullDisk::with(usize::MAX / 2);
                let log = terminal(&disk);
                fail(&log, ended, "a", None);
                log.event(event, &[]);
                fail(&log, ended, "a", None);
                let times = if event.ends.contains(&ended.name) { 2 } else { 1 };
                assert_eq!(errors(log, &disk).len(), times, "{} {}", event.name, ended.name);
            }
        }
    }

    #[test]
    fn failed_record_is_not_buffered() {
        let disk = FullDisk::with(0);
        let log = log(&disk);
        assert_eq!(log.record(&ONE, &[]), Err(LogNotWritten));
        disk.grow(1_000);
        assert_eq!(log.record(&TWO, &[]), Ok(()));
        assert_eq!(disk.lines(), ["info two event=two"]);
    }

    #[test]
    fn full_disk_does_not_cut_a_line_off() {
        let disk = FullDisk::with(10);
        let log = log(&disk);
        assert_eq!(log.record(&ONE, &[]), Err(LogNotWritten));
        assert_eq!(log.record(&TWO, &[]), Err(LogNotWritten));
        disk.grow(1_000);
        assert_eq!(log.record(&THREE, &[]), Ok(()));
        assert_eq!(disk.lines(), ["info one event=one", "info three event=three"]);
    }

    #[test]
    fn dropped_events_are_counted() {
        let disk = FullDisk::with(0);
        let log = log(&disk);
        for _ in 0..10_000 {
            log.event(&ONE, &[]);
        }
        assert_eq!(log.flush(), Err(LogNotWritten));
        disk.grow(usize::MAX / 2);
        assert_eq!(log.flush(), Ok(()));
        let lines = disk.lines();
        let (last, kept) = lines.split_last().unwrap();
        let lost = 10_000 - kept.len();
        assert!(lost > 0 && kept.iter().all(|line| line == "info one event=one"));
        assert_eq!(
            *last,
            format!(
                "warning events were dropped because the log was not read events={lost} event=log_events_dropped"
            )
        );
    }
}
