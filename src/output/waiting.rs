//! The line on a terminal that says which host the program waits for: shown after two seconds, written
//! again each second, and erased before anything else is printed.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, Either, select};
use tokio::sync::Notify;

use roles_anywhere_client::http::{Request, Response, Transport, TransportError};
use roles_anywhere_client::password::{PasswordError, Passwords};
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::text::escape;
use roles_anywhere_client::time::{Clock, Timer};

/// Whether a run says on a terminal which host it waits for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum WaitDisplay {
    /// It does not.
    #[default]
    Nothing,
    /// In one line, if standard error is a terminal.
    Line,
}

/// The terminal that the line is shown on.
pub trait LineTerminal: Send + Sync {
    /// Returns its columns; `None` if it must not be written to now, as this process is in the
    /// background.
    fn columns(&self) -> Option<u16>;

    /// Writes `text` as it is.
    fn write(&self, text: &str);
}

/// The line, and the wait that it tells of. [`WaitingTransport`] notes the wait, and [`Self::beside`]
/// shows it.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct WaitingLine {
    clock: Arc<dyn Clock>,
    timer: Arc<dyn Timer>,
    terminal: Box<dyn LineTerminal>,
    state: Mutex<LineState>,
    changed: Notify,
}

#[derive(Default)]
struct LineState {
    current: Option<HostWait>,
    is_shown: bool,
}

/// A wait for a host.
struct HostWait {
    host: String,
    /// The uptime at its start.
    since: Duration,
}

/// A wait that is not longer is not shown.
const SHOWN_AFTER: Duration = Duration::from_secs(2);
/// Returns to the start of the line, and erases it to its end.
const ERASE: &str = "\r\x1b[K";

impl WaitingLine {
    /// Returns a line that shows nothing yet.
    pub fn new(
        clock: Arc<dyn Clock>,
        timer: Arc<dyn Timer>,
        terminal: Box<dyn LineTerminal>,
    ) -> Self {
        Self { clock, timer, terminal, state: Mutex::default(), changed: Notify::new() }
    }

    /// Runs `work`, and shows the line while it waits. The line is erased when it ends.
    pub async fn beside<T>(&self, work: impl Future<Output = T>) -> T {
        let outcome = match select(pin!(work), pin!(self.keep_current())).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right((never, _)) => match never {},
        };
        self.end();
        outcome
    }

    async fn keep_current(&self) -> Infallible {
        loop {
            let changed = self.changed.notified();
            match self.show() {
                Some(pause) => drop(select(self.timer.sleep(pause), pin!(changed)).await),
                None => changed.await,
            }
        }
    }

    /// Shows the line if it is time, and returns the time until it changes; `None` without a wait.
    fn show(&self) -> Option<Duration> {
        let mut state = self.state();
        let HostWait { host, since } = state.current.as_ref()?;
        let waited = self.clock.uptime().saturating_sub(*since);
        if waited >= SHOWN_AFTER
            && let Some(columns) = self.terminal.columns()
        {
            let text = line(host, waited.as_secs(), columns.into());
            self.terminal.write(&format!("\r{text}\x1b[K"));
            state.is_shown = true;
        }
        Some(until_change(waited))
    }

    /// Notes that a request to `host` is sent. One that is sent again continues the same wait.
    fn begin(&self, host: &str) {
        let mut state = self.state();
        if state.current.as_ref().is_none_or(|wait| wait.host != host) {
            let since = self.clock.uptime();
            state.current = Some(HostWait { host: host.to_owned(), since });
            self.changed.notify_one();
        }
    }

    /// Notes that the wait has ended, and erases the line.
    fn end(&self) {
        let mut state = self.state();
        state.current = None;
        // In the background the line at the cursor may be the shell's.
        if std::mem::take(&mut state.is_shown) && self.terminal.columns().is_some() {
            self.terminal.write(ERASE);
        }
    }

    fn state(&self) -> MutexGuard<'_, LineState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the line, of fewer characters than the terminal has columns. If there are too few, the host
/// is cut off.
fn line(host: &str, seconds: u64, columns: usize) -> String {
    let (start, end) = ("waiting for ", format!(", {seconds} s"));
    // In the last column some terminals already begin the next line.
    let columns = columns.saturating_sub(1);
    let room = columns.saturating_sub(start.len() + end.len());
    let host = escape::line(host);
    let text: String = if host.chars().count() <= room {
        [start, &host, &end].concat()
    } else {
        let cut: String = host.chars().take(room.saturating_sub("...".len())).collect();
        [start, &cut, "...", &end].concat()
    };
    text.chars().take(columns).collect()
}

/// Returns the time until the line of a wait changes.
fn until_change(waited: Duration) -> Duration {
    match SHOWN_AFTER.checked_sub(waited) {
        Some(left) if !left.is_zero() => left,
        _ => Duration::from_secs(waited.as_secs() + 1) - waited,
    }
}

/// Sends requests by another transport, and notes which host is waited for.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct WaitingTransport {
    /// Sends them.
    pub transport: Arc<dyn Transport>,
    /// Shows the host.
    pub line: Arc<WaitingLine>,
}

impl Transport for WaitingTransport {
    fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Response, TransportError>> {
        Box::pin(async move {
            self.line.begin(request.endpoint.host());
            let outcome = self.transport.send(request).await;
            // Anything else may be sent again after a pause, which is part of the wait.
            if outcome
                .as_ref()
                .is_ok_and(|response| response.status < 500 && response.status != 429)
            {
                self.line.end();
            }
            outcome
        })
    }
}

/// Reads passwords from another source, which may ask on the terminal.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct LineErasingPasswords {
    /// Reads them.
    pub passwords: Arc<dyn Passwords>,
    /// Is erased first.
    pub line: Arc<WaitingLine>,
}

impl Passwords for LineErasingPasswords {
    fn password(&self, file_name: &str) -> Result<Secret, PasswordError> {
        self.line.end();
        self.passwords.password(file_name)
    }

    fn prompts(&self) -> bool {
        self.passwords.prompts()
    }

    fn unused(&self) -> Option<String> {
        self.passwords.unused()
    }
}

#[cfg(test)]
mod tests;
