//! Keeps a session current: at most one fetch in flight, in the background.
//!
//! The schedule (`refresh/schedule.rs`) decides when to fetch; the result is published on a
//! [`StatusChannel`]. A refresher never gives up: it runs until it receives a stop event.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, Either, select};

use crate::credentials::Session;
use crate::ports::{Event, Events};
use crate::provider::{ErrorKind, ProviderError};
use crate::refresh::clock_reading::ClockReading;
use crate::refresh::observer::Observer;
use crate::refresh::schedule::{FailureKind, Next, Policy, Schedule};
use crate::refresh::status::{Status, StatusChannel};
use crate::secret::Entropy;
use crate::time::{Clock, Timestamp};

/// Fetches sessions from AWS, with an identity read from files.
pub trait SessionSource: Send + Sync {
    /// Reads the identity's files, and uses the new identity if they changed and hold a valid one.
    /// On an error the identity in use stays.
    ///
    /// Files that failed before are read again if they have changed since, after a while, or with
    /// [`Retry::Always`].
    fn reload(&self, retry: Retry) -> Result<ReloadOutcome, ProviderError>;

    /// Fetches a session with the identity in use.
    fn fetch(&self) -> BoxFuture<'_, Result<Session, ProviderError>>;
}

/// Whether [`SessionSource::reload`] reads files again that failed before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Retry {
    /// Only if they changed, or after a while.
    IfChanged,
    /// Always.
    Always,
}

/// The result of [`SessionSource::reload`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ReloadOutcome {
    /// The files hold the identity in use.
    Unchanged,
    /// The files failed before, and were not read again.
    Skipped,
    /// The files changed and hold the identity in use, by its
    /// [`Fingerprint`](crate::identity::Fingerprint): it may be encoded or encrypted in another way.
    SameIdentity {
        /// The option that gave a password although the key needs none.
        unused_password: Option<String>,
    },
    /// Another identity is in use now.
    NewIdentity {
        /// Its serial number, in decimal.
        serial: String,
        /// Its subject.
        subject: String,
        /// Start of its validity (inclusive).
        not_before: Timestamp,
        /// End of its validity (inclusive).
        not_after: Timestamp,
        /// The option that gave a password although the key needs none.
        unused_password: Option<String>,
    },
}

/// The ports of a refresher.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "nothing but references to ports")]
pub struct RefresherPorts<'a> {
    /// Tells the time.
    pub clock: &'a dyn Clock,
    /// Spreads the refreshes of many hosts.
    pub entropy: &'a dyn Entropy,
    /// Waits for events from outside.
    pub events: &'a dyn Events,
    /// Receives the events of the refresher.
    pub observer: &'a dyn Observer,
}

/// The longest wait for an event. The files and the wall clock are read at least this often: the
/// system reports neither a clock change nor, on some file systems, a changed file.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Keeps a session current.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct Refresher<'a> {
    source: &'a dyn SessionSource,
    channel: &'a StatusChannel,
    ports: RefresherPorts<'a>,
    schedule: Schedule,
    status: Status,
}

/// The result of one fetch.
enum FetchOutcome {
    Fetched,
    Failed(Arc<ProviderError>),
    Stopped,
}

impl<'a> Refresher<'a> {
    /// Returns a refresher that fetches from `source` and publishes on `channel`.
    pub fn new(
        source: &'a dyn SessionSource,
        channel: &'a StatusChannel,
        ports: RefresherPorts<'a>,
    ) -> Self {
        let schedule = Schedule::new(Policy::jittered(ports.entropy.bits()));
        Self { source, channel, ports, schedule, status: Status::default() }
    }

    /// Fetches once, and returns the error if that fails.
    pub async fn start(&mut self) -> Result<Shutdown, Arc<ProviderError>> {
        match self.attempt().await {
            FetchOutcome::Fetched => Ok(Shutdown::NotRequested),
            FetchOutcome::Failed(error) => Err(error),
            FetchOutcome::Stopped => Ok(Shutdown::Requested),
        }
    }

    /// Keeps a session current until a stop event.
    pub async fn run(&mut self) {
        loop {
            self.ports.observer.watchdog();
            self.check_files();
            let wait = match self.schedule.next(self.clock_reading()) {
                Next::Wait(wait) => wait.min(self.longest_wait()),
                Next::Fetch => match self.attempt().await {
                    FetchOutcome::Stopped => return,
                    FetchOutcome::Fetched | FetchOutcome::Failed(_) => continue,
                },
            };
            let event = self.ports.events.next(wait);
            let session_requested = std::pin::pin!(self.channel.requested());
            let event = match select(event, session_requested).await {
                Either::Left((event, _)) => Some(event),
                Either::Right(((), _)) => None,
            };
            match event {
                Some(Event::Stop) => return,
                Some(Event::Reload) => self.reload_on_request(),
                Some(Event::Timeout | Event::FilesChanged) => {}
                None => self.handle_session_request(),
            }
        }
    }

    async fn attempt(&mut self) -> FetchOutcome {
        // After an identity error, the files are read again before AWS is called.
        let is_identity = |error: &Arc<ProviderError>| error.kind() == ErrorKind::Identity;
        let must_reload =
            !self.identity_is_loaded() || self.status.last_error.as_ref().is_some_and(is_identity);
        let reload_result = if must_reload { self.reload(Retry::Always) } else { Ok(()) };
        self.schedule.began(self.clock_reading());
        let result = match reload_result {
            Err(error) if !self.identity_is_loaded() => Err(error),
            reload_result => match (self.fetch().await, reload_result) {
                (None, _) => return FetchOutcome::Stopped,
                // Report why the new files are unusable, not that the current certificate has
                // expired.
                (Some(Err(error)), Err(next)) if error.kind() == ErrorKind::Identity => Err(next),
                (Some(result), _) => result,
            },
        };
        match result {
            Ok(session) => {
                self.on_success(session);
                FetchOutcome::Fetched
            }
            Err(error) => {
                let error = Arc::new(error);
                self.on_failure(&error);
                FetchOutcome::Failed(error)
            }
        }
    }

    /// Fetches, and handles events meanwhile; no event starts a second fetch. Returns `None` after a
    /// stop event.
    async fn fetch(&mut self) -> Option<Result<Session, ProviderError>> {
        self.publish(|status| status.in_flight = true);
        let source = self.source;
        let mut fetch = source.fetch();
        loop {
            match select(fetch, self.ports.events.next(self.longest_wait())).await {
                Either::Left((fetched, _)) => return Some(fetched),
                Either::Right((event, rest)) => {
                    fetch = rest;
                    self.ports.observer.watchdog();
                    match event {
                        Event::Stop => return None,
                        Event::Reload => self.reload_on_request(),
                        Event::Timeout | Event::FilesChanged => {}
                    }
                }
            }
        }
    }

    fn on_success(&mut self, session: Session) {
        let now = self.clock_reading();
        self.schedule.succeeded(session.lifetime_seconds, now);
        self.ports.observer.session_received(&session, now.wall);
        self.publish(|status| {
            status.in_flight = false;
            status.last_error = None;
            status.clock_offset = session.clock_offset;
            status.refreshes.succeeded += 1;
            status.session = Some((Arc::new(session), now));
        });
    }

    fn on_failure(&mut self, error: &Arc<ProviderError>) {
        let now = self.clock_reading();
        let failure = match error.kind() {
            ErrorKind::Refused => FailureKind::Refused,
            ErrorKind::Identity => FailureKind::Identity,
            ErrorKind::Unreachable | ErrorKind::Local | ErrorKind::Internal => {
                FailureKind::Transient
            }
        };
        self.schedule.failed(failure, error.retry_after(), self.ports.entropy.bits(), now);
        let next = self.schedule.next(now);
        self.ports.observer.refresh_failed(error, self.status.usable(now).map(Arc::as_ref), next);
        self.publish(|status| {
            status.in_flight = false;
            status.refreshes.count(error.kind());
            status.last_error = Some(Arc::clone(error));
        });
    }

    /// Reads the identity's files, and publishes the end of a new certificate.
    fn reload(&mut self, retry: Retry) -> Result<(), ProviderError> {
        let outcome = self.source.reload(retry)?;
        self.ports.observer.identity_read(Ok(&outcome));
        match outcome {
            ReloadOutcome::Unchanged
            | ReloadOutcome::Skipped
            | ReloadOutcome::SameIdentity { .. } => {}
            ReloadOutcome::NewIdentity { not_after, .. } => {
                self.schedule.renewed();
                self.publish(|status| status.certificate_end = Some(not_after));
            }
        }
        Ok(())
    }

    /// Reads the files between two fetches; the first fetch reads them itself.
    fn check_files(&mut self) {
        let first_read_done = self.identity_is_loaded() || self.status.last_error.is_some();
        if first_read_done {
            self.reload_and_report(Retry::IfChanged);
        }
    }

    fn reload_and_report(&mut self, retry: Retry) {
        if let Err(error) = self.reload(retry) {
            self.ports.observer.identity_read(Err(&Arc::new(error)));
        }
    }

    fn reload_on_request(&mut self) {
        self.ports.observer.reload_started();
        self.reload_and_report(Retry::Always);
        // Publish again, because `update` also checks its credentials file on a reload.
        self.publish(|_| {});
        self.ports.observer.reload_finished();
    }

    /// Handles the request of a caller that has no session. If no refresh is due yet, the unchanged
    /// status is published, so that the caller stops waiting.
    fn handle_session_request(&mut self) {
        let now = self.clock_reading();
        self.schedule.requested(now);
        if matches!(self.schedule.next(now), Next::Wait(_)) {
            self.publish(|_| {});
        }
    }

    fn identity_is_loaded(&self) -> bool {
        self.status.certificate_end.is_some()
    }

    fn publish(&mut self, change: impl FnOnce(&mut Status)) {
        change(&mut self.status);
        self.channel.publish(self.status.clone());
    }

    fn clock_reading(&self) -> ClockReading {
        ClockReading::of(self.ports.clock)
    }

    fn longest_wait(&self) -> Duration {
        let half = self.ports.observer.watchdog_interval().map(|interval| interval / 2);
        half.map_or(LONGEST_WAIT, |half| half.min(LONGEST_WAIT))
    }
}

/// Whether a stop event was received.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shutdown {
    /// It was not.
    NotRequested,
    /// It was.
    Requested,
}

#[cfg(test)]
mod model;
