//! Prints lines without waiting for their reader.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::thread;
use std::time::Duration;

/// How many lines wait behind the one that is being written, at most.
const MOST_LINES: usize = 1;
/// How long a line is waited for, so that it comes before what the client prints.
const WRITE_TIMEOUT: Duration = Duration::from_secs(1);

/// Writes lines from a thread of its own: a pipe without a reader must not stop the emulator.
pub(crate) struct LinePrinter {
    /// Lines, each with what is told once it is written.
    lines: SyncSender<(String, SyncSender<()>)>,
    dropped: Arc<AtomicUsize>,
}

impl LinePrinter {
    /// Starts the thread, which writes a line in one write.
    pub(crate) fn start(mut output: impl Write + Send + 'static) -> io::Result<Self> {
        let (lines, waiting) = mpsc::sync_channel::<(String, SyncSender<()>)>(MOST_LINES);
        let dropped = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&dropped);
        thread::Builder::new().name("lines".to_owned()).spawn(move || {
            for (line, written) in waiting {
                let _ = output.write_all(line.as_bytes());
                let dropped = count.swap(0, Ordering::Relaxed);
                if dropped > 0 {
                    let warning = format!("warning: {dropped} lines were dropped\n");
                    let _ = output.write_all(warning.as_bytes());
                }
                let _ = written.send(());
            }
        })?;
        Ok(Self { lines, dropped })
    }

    /// Prints a line, with its line feed, or drops it if too many wait.
    pub(crate) fn print(&self, line: String) {
        let (written, wait) = mpsc::sync_channel(1);
        if self.lines.try_send((line, written)).is_ok() {
            let _ = wait.recv_timeout(WRITE_TIMEOUT);
        } else {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::Receiver;

    use super::*;

    /// Says that a line came, and takes it when it may.
    struct Slow {
        came: mpsc::Sender<()>,
        may: Receiver<()>,
        written: Arc<Mutex<String>>,
    }

    impl Write for Slow {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            let _ = self.came.send(());
            let _ = self.may.recv();
            self.written.lock().unwrap().push_str(str::from_utf8(line).unwrap());
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn unread_lines_are_dropped_and_counted() {
        let ((came, coming), (allow, may)) = (mpsc::channel(), mpsc::channel());
        let written = Arc::new(Mutex::new(String::new()));
        let printer = LinePrinter::start(Slow { came, may, written: written.clone() }).unwrap();
        printer.print("first\n".to_owned());
        coming.recv().unwrap();
        for n in 0..MOST_LINES + 2 {
            printer.print(format!("{n}\n"));
        }
        drop(allow);
        drop(printer);
        // Until the thread has ended, however long it takes.
        assert!(coming.iter().count() > MOST_LINES);
        let written = written.lock().unwrap();
        let lines: Vec<_> = written.lines().collect();
        assert_eq!(lines, ["first", "warning: 2 lines were dropped", "0"]);
    }
}
