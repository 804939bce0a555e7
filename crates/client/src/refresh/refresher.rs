//! Keeps a session current: at most one fetch in flight, in the background.
//!
//! The schedule (`refresh/schedule.rs`) decides when to fetch; the result is published on a
//! [`StatusChannel`]. A refresher never gives up: it runs until it is dropped.

mod files;
mod session_requests;

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::sync::{mpsc, oneshot};

use crate::ports::Ports;
use crate::provider::fallback::{FallbackState, Fetched, Order};
use crate::provider::{ErrorKind, ProviderError};
use crate::refresh::clock_reading::ClockReading;
use crate::refresh::handle::{RefreshHandle, RefresherRequest};
use crate::refresh::observer::Observer;
use crate::refresh::schedule::{FailureKind, Next, Policy, Schedule};
use crate::refresh::session_source::{Retry, SessionSource};
use crate::refresh::status::{Status, StatusChannel};

/// The longest wait. The files and the wall clock are read at least this often: the system reports neither
/// a clock change nor, on some file systems, a changed file.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Keeps a session current.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct Refresher {
    source: Arc<dyn SessionSource>,
    channel: Arc<StatusChannel>,
    ports: Ports,
    observer: Arc<dyn Observer>,
    handle: RefreshHandle,
    requests: mpsc::UnboundedReceiver<RefresherRequest>,
    /// The requested reloads that have not ended.
    reloads: Vec<oneshot::Sender<()>>,
    schedule: Schedule,
    /// When the primary trust anchor is asked, by uptime in seconds.
    fallback: FallbackState,
    status: Status,
    /// Why an earlier session of the chain of the last session could not be renewed.
    renewal_error: Option<Arc<ProviderError>>,
}

impl Refresher {
    /// Returns a refresher that fetches from `source`, publishes on `channel` and reports to `observer`.
    pub fn new(
        source: Arc<dyn SessionSource>,
        channel: Arc<StatusChannel>,
        ports: Ports,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let schedule = Schedule::new(Policy::jittered(ports.entropy.bits()));
        let (handle, requests) = RefreshHandle::new();
        let status = Status::default();
        let (reloads, fallback) = (Vec::new(), FallbackState::default());
        Self {
            source,
            channel,
            ports,
            observer,
            handle,
            requests,
            reloads,
            schedule,
            fallback,
            status,
            renewal_error: None,
        }
    }

    /// Returns the channel that it publishes on.
    pub fn channel(&self) -> &Arc<StatusChannel> {
        &self.channel
    }

    /// Returns the means to tell it about changes.
    pub fn handle(&self) -> RefreshHandle {
        self.handle.clone()
    }

    /// Keeps a session current until it is dropped.
    pub async fn run(&mut self) -> Infallible {
        let mut retry = Retry::IfChanged;
        loop {
            self.check_files(retry);
            retry = match self.schedule.next(self.clock_reading()) {
                Next::Fetch => {
                    self.attempt().await;
                    Retry::IfChanged
                }
                Next::Wait(wait) => match self.until_probe() {
                    Some(Duration::ZERO) => {
                        self.probe().await;
                        Retry::IfChanged
                    }
                    probe => {
                        let probe = probe.unwrap_or(LONGEST_WAIT);
                        self.wait(wait.min(probe).min(LONGEST_WAIT)).await
                    }
                },
            };
        }
    }

    /// Waits for `limit`, or until there is something to do. Returns how the files are to be checked then.
    async fn wait(&mut self, limit: Duration) -> Retry {
        let request = {
            let elapsed = select(self.ports.timer.sleep(limit), self.source.reloaded());
            let request = pin!(self.requests.recv());
            let session_requested = pin!(self.channel.requested());
            match select(select(request, elapsed), session_requested).await {
                Either::Left((Either::Left((request, _)), _)) => request,
                Either::Left((Either::Right(_), _)) => return Retry::IfChanged,
                Either::Right(_) => None,
            }
        };
        // `self.handle` keeps the requests open, so no request means that a session is requested.
        match request {
            Some(RefresherRequest::Reload(done)) => self.reload_on_request(done),
            Some(RefresherRequest::CheckFiles) => return Retry::AfterChange,
            None => self.handle_session_request(),
        }
        Retry::IfChanged
    }

    /// Fetches once.
    async fn attempt(&mut self) {
        // After an identity error, the files are read again before AWS is called.
        let is_identity = |error: &Arc<ProviderError>| error.kind() == ErrorKind::Identity;
        let must_reload =
            !self.identity_is_loaded() || self.status.last_error.as_ref().is_some_and(is_identity);
        let reload_result = if must_reload { self.reload_first().await } else { Ok(()) };
        self.schedule.began(self.clock_reading());
        let result = match reload_result {
            Err(error) if !self.identity_is_loaded() => Err(error),
            reload_result => match (self.fetch_needed().await, reload_result) {
                // Report why the new files are unusable, not that the current certificate has
                // expired.
                (Err(error), Err(next)) if error.kind() == ErrorKind::Identity => Err(next),
                (result, _) => result,
            },
        };
        match result {
            Ok(fetched) => self.on_success(fetched),
            Err(error) => self.on_failure(&Arc::new(error)),
        }
    }

    /// Returns how long it is until the primary trust anchor is asked again while the session of a fallback is
    /// in use: not at once after a refresh. `None` if it need not be asked.
    fn until_probe(&self) -> Option<Duration> {
        let backoff = self.fallback.until_probe(self.uptime())?;
        let backoff = Duration::from_secs(u64::try_from(backoff).unwrap_or(0));
        let uptime = self.clock_reading().uptime;
        Some(backoff.max(self.schedule.earliest().saturating_sub(uptime)))
    }

    /// Asks the primary trust anchor for a session while the one of a fallback is in use. A failure
    /// changes nothing but when it is asked again.
    async fn probe(&mut self) {
        self.schedule.began(self.clock_reading());
        match self.fetch(Order::PrimaryOnly).await {
            Ok(fetched) => self.on_success(fetched),
            Err(error) => {
                let (now, random) = (self.uptime(), self.ports.entropy.bits());
                self.fallback = self.fallback.probe_failed(&error, now, random);
            }
        }
    }

    /// Reads the identity's files, and waits until they were read if no identity is loaded yet.
    async fn reload_first(&mut self) -> Result<(), ProviderError> {
        let mut retry = Retry::Always;
        loop {
            if let Some(result) = self.reload(retry) {
                self.finish_requested_reloads();
                return result;
            }
            if self.identity_is_loaded() {
                return Ok(());
            }
            if !self.status.in_flight {
                self.publish(|status| status.in_flight = true);
            }
            retry = Retry::IfChanged;
            match select(pin!(self.requests.recv()), self.source.reloaded()).await {
                Either::Left((Some(RefresherRequest::Reload(done)), _)) => {
                    self.reloads.push(done);
                    retry = Retry::Always;
                }
                Either::Left((Some(RefresherRequest::CheckFiles), _)) => retry = Retry::AfterChange,
                Either::Left((None, _)) | Either::Right(((), _)) => {}
            }
        }
    }

    /// Fetches a session that is needed; its callers wait for it.
    async fn fetch_needed(&mut self) -> Result<Fetched, ProviderError> {
        self.publish(|status| status.in_flight = true);
        self.fetch(self.fallback.order(self.uptime())).await
    }

    /// Fetches, and reads the files on request meanwhile; nothing starts a second fetch.
    async fn fetch(&mut self, order: Order) -> Result<Fetched, ProviderError> {
        let source = Arc::clone(&self.source);
        let mut fetch = source.fetch(order);
        loop {
            let request = {
                let request = pin!(self.requests.recv());
                match select(&mut fetch, select(request, source.reloaded())).await {
                    Either::Left((fetched, _)) => return fetched,
                    Either::Right((Either::Left((request, _)), _)) => request,
                    Either::Right((Either::Right(((), _)), _)) => None,
                }
            };
            match request {
                Some(RefresherRequest::Reload(done)) => self.reload_on_request(done),
                Some(RefresherRequest::CheckFiles) => self.reload_and_report(Retry::AfterChange),
                // A pending reload has ended.
                None => self.reload_and_report(Retry::IfChanged),
            }
        }
    }

    fn on_success(&mut self, fetched: Fetched) {
        let now = self.clock_reading();
        self.fallback = self.fallback.fetched(&fetched, self.uptime(), self.ports.entropy.bits());
        let is_new = match &self.status.made_by {
            Some(last) => *last != fetched.made_by,
            None => fetched.made_by.is_fallback(),
        };
        if is_new {
            self.observer.region_changed(&fetched);
        }
        let Fetched { session, made_by, renewal_error, .. } = fetched;
        self.schedule.succeeded(session.lifetime_seconds, now);
        self.observer.session_received(&session, now.wall);
        let next = self.schedule.next(now);
        self.observer.chain_renewed(&session, renewal_error.as_ref(), next);
        let last = std::mem::replace(&mut self.renewal_error, renewal_error.clone());
        // A session that was made with the same earlier one has the same error.
        let is_known = |error: &Arc<_>| last.as_ref().is_some_and(|last| Arc::ptr_eq(last, error));
        let new_error = renewal_error.filter(|error| !is_known(error));
        self.publish(|status| {
            status.in_flight = false;
            status.clock_offset = session.clock_offset;
            status.refreshes.succeeded += 1;
            if let Some(error) = new_error {
                status.refreshes.count(error.kind());
            }
            status.succeeded(Arc::new(session), now);
            status.made_by = Some(made_by);
        });
    }

    fn on_failure(&mut self, error: &Arc<ProviderError>) {
        let now = self.clock_reading();
        self.fallback = self.fallback.failed();
        let failure = match error.kind() {
            ErrorKind::Refused => FailureKind::Refused,
            ErrorKind::Identity => FailureKind::Identity,
            ErrorKind::Unreachable | ErrorKind::Local | ErrorKind::Internal => {
                FailureKind::Transient
            }
        };
        self.schedule.failed(failure, error.retry_after(), self.ports.entropy.bits(), now);
        let next = self.schedule.next(now);
        self.observer.refresh_failed(error, self.status.usable(now).map(Arc::as_ref), next);
        self.publish(|status| {
            status.in_flight = false;
            status.refreshes.count(error.kind());
            status.failed(Some(Arc::clone(error)));
        });
    }

    fn identity_is_loaded(&self) -> bool {
        self.status.certificate_end.is_some()
    }

    fn publish(&mut self, change: impl FnOnce(&mut Status)) {
        change(&mut self.status);
        self.channel.publish(self.status.clone());
    }

    fn clock_reading(&self) -> ClockReading {
        ClockReading::of(&*self.ports.clock)
    }

    fn uptime(&self) -> i64 {
        i64::try_from(self.ports.clock.uptime().as_secs()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod model;
