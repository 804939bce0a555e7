//! Keeps a session current: at most one fetch in flight, in the background.
//!
//! [`crate::refresh::schedule`] decides when to fetch; the result is published on a
//! [`StatusChannel`]. A refresher never gives up: it ends only when it is told to.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};

use crate::credentials::Session;
use crate::ports::{Event, Events};
use crate::provider::{ErrorKind, ProviderError};
use crate::refresh::clock_reading::ClockReading;
use crate::refresh::observer::Observer;
use crate::refresh::schedule::{FailureKind, Next, Policy, Schedule};
use crate::refresh::status::{RefreshError, Status, StatusChannel};
use crate::secret::Entropy;
use crate::time::{Clock, Timestamp};

/// A source of sessions: an identity in files, and AWS.
pub trait SessionSource {
    /// Reads the identity's files, and uses the new identity if they changed and hold a valid one.
    /// On an error the identity in use stays.
    ///
    /// Files that failed before are tried again if they changed since, after a while, or under
    /// [`Retry::Always`].
    fn reload(&self, retry: Retry) -> Result<ReloadOutcome, ProviderError>;

    /// Fetches a session with the identity in use.
    fn fetch(&self) -> Pin<Box<dyn Future<Output = Result<Session, ProviderError>> + '_>>;
}

/// Whether [`SessionSource::reload`] tries files again that failed before.
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
    /// The files failed before, and were not tried again.
    Skipped,
    /// Another identity is in use now.
    NewIdentity {
        /// Its serial number, in decimal.
        serial: String,
        /// Its subject.
        subject: String,
        /// Its first second.
        not_before: Timestamp,
        /// Its last second.
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

/// The longest wait for an event. The files and the wall clock are read at least this often: no event
/// tells that a clock was set, or that a file changed on a file system without notifications.
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

    /// Keeps a session current until the refresher is told to stop.
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
            let requested = std::pin::pin!(self.channel.requested());
            let event = match select(event, requested).await {
                Either::Left((event, _)) => Some(event),
                Either::Right(((), _)) => None,
            };
            match event {
                Some(Event::Stop) => return,
                Some(Event::Reload) => self.reload_on_request(),
                Some(Event::Timeout | Event::FilesChanged) => {}
                None => self.requested(),
            }
        }
    }

    async fn attempt(&mut self) -> FetchOutcome {
        // After a failure of the identity, its files are read again before AWS is called.
        let is_identity = |failed: &RefreshError| failed.error.kind() == ErrorKind::Identity;
        let read_again = self.status.certificate_end.is_none()
            || self.status.last_error.as_ref().is_some_and(is_identity);
        let reloaded = if read_again { self.reload(Retry::Always) } else { Ok(()) };
        self.schedule.began(self.clock_reading());
        let fetched = match (self.status.certificate_end, reloaded) {
            (None, Err(error)) => Err(error),
            (_, reloaded) => match (self.fetch().await, reloaded) {
                (None, _) => return FetchOutcome::Stopped,
                // Why the new files fail says more than that the certificate in use has expired.
                (Some(Err(error)), Err(next)) if error.kind() == ErrorKind::Identity => Err(next),
                (Some(fetched), _) => fetched,
            },
        };
        match fetched {
            Ok(session) => {
                self.fetched(session);
                FetchOutcome::Fetched
            }
            Err(error) => {
                let error = Arc::new(error);
                self.failed(&error);
                FetchOutcome::Failed(error)
            }
        }
    }

    /// Fetches, and handles events meanwhile; no event starts a second fetch. Returns `None` if the
    /// refresher is told to stop.
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

    fn fetched(&mut self, session: Session) {
        let now = self.clock_reading();
        self.schedule.succeeded(session.life, now);
        self.ports.observer.session_received(&session, now.wall);
        self.publish(|status| {
            status.in_flight = false;
            status.last_error = None;
            status.clock_offset = session.clock_offset;
            status.refreshes.succeeded += 1;
            status.session = Some((Rc::new(session), now));
        });
    }

    fn failed(&mut self, error: &Arc<ProviderError>) {
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
        self.ports.observer.refresh_failed(error, self.status.usable(now).map(Rc::as_ref), next);
        let failed = RefreshError { error: Arc::clone(error), at: now.wall };
        self.publish(|status| {
            status.in_flight = false;
            status.refreshes.count(failed.error.kind());
            status.last_error = Some(failed);
        });
    }

    /// Reads the identity's files, and publishes the end of a new certificate.
    fn reload(&mut self, retry: Retry) -> Result<(), ProviderError> {
        let outcome = self.source.reload(retry)?;
        self.ports.observer.identity_read(Ok(&outcome));
        match outcome {
            ReloadOutcome::Skipped | ReloadOutcome::Unchanged => {}
            ReloadOutcome::NewIdentity { not_after, .. } => {
                self.schedule.renewed();
                self.publish(|status| status.certificate_end = Some(not_after));
            }
        }
        Ok(())
    }

    /// Reads the files between two fetches; the first fetch reads them by itself.
    fn check_files(&mut self) {
        let tried = self.status.certificate_end.is_some() || self.status.last_error.is_some();
        if tried && let Err(error) = self.reload(Retry::IfChanged) {
            self.ports.observer.identity_read(Err(&Arc::new(error)));
        }
    }

    fn reload_on_request(&mut self) {
        self.ports.observer.reload_started();
        if let Err(error) = self.reload(Retry::Always) {
            self.ports.observer.identity_read(Err(&Arc::new(error)));
        }
        // The readers of the status repeat their work on a reload too: `update` checks its file.
        self.publish(|_| {});
        self.ports.observer.reload_finished();
    }

    /// Handles the request of a caller that has no session. If no refresh is due yet, the unchanged
    /// status is published, so that the caller stops waiting.
    fn requested(&mut self) {
        let now = self.clock_reading();
        self.schedule.requested(now);
        if matches!(self.schedule.next(now), Next::Wait(_)) {
            self.publish(|_| {});
        }
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

/// Whether a refresher has been told to stop.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shutdown {
    /// It has not.
    NotRequested,
    /// It has.
    Requested,
}

#[cfg(test)]
mod model;
