//! A simulation of AWS, of this machine's clocks and of the identity's files, which tests advance.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Waker};
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::arn::TrustAnchorArn;
use crate::aws::error_response::ServiceError;
use crate::aws::retry::RequestError;
use crate::credentials::Credentials;
use crate::credentials::Session;
use crate::diagnosis::{Operation, Refusal};
use crate::identity::{CertificateRole, FileContents, IdentityError};
use crate::input_source::{InputSource, Location};
use crate::ports::Ports;
use crate::provider::ProviderError;
use crate::provider::fallback::{Fetched, MadeBy, Order};
use crate::refresh::Next;
use crate::refresh::observer::Observer;
use crate::refresh::refresher::Refresher;
use crate::refresh::schedule::SHORTEST_INTERVAL;
use crate::refresh::session_source::{ReloadOutcome, Retry, SessionSource};
use crate::secret::Secret;
use crate::test_support::clock::{ManualClock, START};
use crate::test_support::entropy::SequenceEntropy;
use crate::test_support::ports::FakePorts;
use crate::time::{Clock as _, Timer as _, Timestamp};

/// How AWS answers, or fails to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AwsBehaviour {
    /// It returns a session.
    Answers,
    /// It does not answer in time.
    Lost,
    /// It refuses.
    Refuses,
    /// It is not asked, as the certificate has expired.
    CertificateExpired,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) behaviour: AwsBehaviour,
    pub(crate) delay: u64,
    /// How the fallback answers, at once, if there is one.
    pub(crate) fallback: Option<AwsBehaviour>,
    /// Whether an earlier session of the chain cannot be renewed.
    renewal_fails: bool,
    /// How often the primary trust anchor was asked.
    pub(crate) primary_fetches: u64,
    pub(crate) lifetime_seconds: i64,
    /// The identity in the files, whether it can be used, and whether it was looked at.
    pub(crate) files: u64,
    pub(crate) usable: bool,
    pub(crate) seen: bool,
    pub(crate) used: Option<u64>,
    /// Whether reading the files does not end, and whether a reload waits for that.
    hangs: bool,
    is_pending: bool,
    /// The task that waits for the end of that.
    waiting: Vec<Waker>,
    pub(crate) in_flight: usize,
    pub(crate) fetches: u64,
    /// How often another Region was reported.
    pub(crate) region_changes: u64,
    /// How often a session was reported that AWS does not accept.
    pub(crate) rejections: u64,
    /// The start of the last fetch that succeeded.
    pub(crate) succeeded: Option<Duration>,
    /// For how many seconds a certificate is good.
    pub(crate) validity: i64,
}

/// Every port of a refresher, and its source of sessions. Copies share their state.
#[derive(Clone, Debug)]
pub struct Simulation {
    /// The clocks of this machine; AWS's clock is always right.
    pub clock: ManualClock,
    pub(crate) entropy: SequenceEntropy,
    state: Arc<Mutex<State>>,
}

impl Default for Simulation {
    fn default() -> Self {
        Self::new()
    }
}

impl Simulation {
    /// Returns a simulation in which AWS answers at once and all clocks agree.
    pub fn new() -> Self {
        let clock = ManualClock::default();
        clock.set_counts_sleep(true);
        let state = Arc::new(Mutex::new(State {
            behaviour: AwsBehaviour::Answers,
            delay: 0,
            fallback: None,
            renewal_fails: false,
            primary_fetches: 0,
            lifetime_seconds: 3_600,
            files: 1,
            usable: true,
            seen: false,
            used: None,
            hangs: false,
            is_pending: false,
            waiting: Vec::new(),
            in_flight: 0,
            fetches: 0,
            region_changes: 0,
            rejections: 0,
            succeeded: None,
            validity: 1_000_000_000,
        }));
        Self { clock, entropy: SequenceEntropy::pseudo_random(0), state }
    }

    /// Returns the ports of a refresher whose [`SessionSource`] is this simulation, too.
    pub fn ports(&self) -> Ports {
        let (clock, entropy) = (self.clock.clone(), self.entropy.clone());
        FakePorts { clock, entropy, ..FakePorts::default() }.ports()
    }

    /// Returns a refresher of this simulation.
    pub fn refresher(&self, observer: Arc<dyn Observer>) -> Refresher {
        Refresher::new(Arc::new(self.clone()), Arc::default(), self.ports(), observer)
    }

    /// Lets a second pass.
    pub fn pass(&self) {
        self.sleep_for(1);
    }

    /// Advances the time by this many seconds at once, as the sleep of a machine does.
    pub fn sleep_for(&self, seconds: u32) {
        self.clock.advance(Duration::from_secs(seconds.into()));
    }

    /// Sets this machine's clock forward by so many seconds, or back.
    pub fn set_clock(&self, seconds: i64) {
        self.clock.set_wall(self.clock.now().after(seconds));
    }

    /// Makes AWS answer like this from now on, after so many seconds.
    pub fn turn(&self, behaviour: AwsBehaviour, delay: u64) {
        let mut state = self.state();
        (state.behaviour, state.delay) = (behaviour, delay);
    }

    /// Makes a fallback answer like this from now on.
    pub fn fall_back(&self, behaviour: AwsBehaviour) {
        self.state().fallback = Some(behaviour);
    }

    /// Makes the renewal of an earlier session of the chain fail from now on, or succeed.
    pub fn fail_renewal(&self, fails: bool) {
        self.state().renewal_fails = fails;
    }

    /// Replaces the identity's files with others, usable or not.
    pub fn rotate(&self, usable: bool) {
        let mut state = self.state();
        state.files += 1;
        (state.usable, state.seen) = (usable, false);
    }

    /// Brings the identity's previous files back.
    pub fn restore(&self) {
        self.state().files -= 1;
    }

    /// Makes reading the files hang from now on, or end.
    pub fn hang(&self, hangs: bool) {
        let mut state = self.state();
        state.hangs = hangs;
        state.waiting.drain(..).for_each(Waker::wake);
    }

    /// Makes certificates be valid for so many seconds from now on.
    pub fn certify_for(&self, seconds: i64) {
        self.state().validity = seconds;
    }

    /// Returns how often AWS was asked.
    pub fn fetches(&self) -> u64 {
        self.state().fetches
    }

    /// Returns the time that AWS goes by.
    pub(crate) fn truth(&self) -> Timestamp {
        START.after(self.clock.uptime().as_secs().try_into().unwrap())
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Returns a session with a unique access key id, whose lifetime starts now by AWS's clock.
    fn session(&self) -> Session {
        let state = self.state();
        let (truth, wall) = (self.truth(), self.clock.now());
        Session {
            credentials: Credentials {
                access_key_id: format!("ASIA{}", state.fetches),
                secret_access_key: Secret::new("secret".to_owned()),
                session_token: Secret::new("token".to_owned()),
                expiration: truth.after(state.lifetime_seconds),
                account_id: "123456789012".to_owned(),
                role_session_name: None,
            },
            received: wall,
            lifetime_seconds: state.lifetime_seconds,
            clock_offset: wall.seconds_until(truth),
        }
    }

    /// Returns the answer of a trust anchor to the fetch that began at `start`.
    fn answer(
        &self,
        behaviour: AwsBehaviour,
        made_by: MadeBy,
        start: Duration,
        primary_error: Option<Arc<ProviderError>>,
    ) -> Result<Fetched, ProviderError> {
        match behaviour {
            AwsBehaviour::Answers => {
                self.succeeds(start);
                let session = self.session();
                let renewal_error = self.state().renewal_fails.then(|| Arc::new(lost(10)));
                Ok(Fetched { session, made_by, primary_error, renewal_error })
            }
            AwsBehaviour::Lost => Err(lost(self.state().delay)),
            AwsBehaviour::Refuses => Err(refused()),
            AwsBehaviour::CertificateExpired => Err(expired(self.clock.now())),
        }
    }

    /// Checks that a fetch that began at `start` may succeed: AWS is called at most every 5 s by
    /// refreshes that succeed.
    fn succeeds(&self, start: Duration) {
        let before = self.state().succeeded.replace(start);
        let interval = before.map(|before| start.saturating_sub(before));
        let is_long_enough = |interval: Duration| interval >= SHORTEST_INTERVAL;
        assert!(interval.is_none_or(is_long_enough), "two refreshes within {interval:?}");
    }
}

impl Observer for Simulation {
    fn identity_read(&self, _found: Result<&ReloadOutcome, &Arc<ProviderError>>) {}

    fn session_received(&self, _session: &Session, _now: Timestamp) {}

    fn chain_renewed(&self, _: &Session, _: Option<&Arc<ProviderError>>, _: Next) {}

    fn region_changed(&self, _fetched: &Fetched) {
        self.state().region_changes += 1;
    }

    fn session_rejected(&self, _session: &Session, _next: Next) {
        self.state().rejections += 1;
    }

    fn refresh_failed(&self, _error: &Arc<ProviderError>, _held: Option<&Session>, _next: Next) {}
}

fn trust_anchor(region: &str) -> TrustAnchorArn {
    let arn = format!("arn:aws:rolesanywhere:{region}:123456789012:trust-anchor/a");
    arn.parse().expect("an ARN with a valid Region")
}

fn refused() -> ProviderError {
    let service_error = ServiceError {
        status: 403,
        code: Some("AccessDeniedException".to_owned()),
        message: String::new(),
        request_id: None,
        date: None,
    };
    let source = Box::new(Refusal {
        operation: Operation::CreateSession,
        service_error,
        causes: Vec::new(),
    });
    ProviderError::Refused { source, retry_after: None }
}

fn lost(limit: u64) -> ProviderError {
    let (host, limit) = ("aws.example".to_owned(), Duration::from_secs(limit));
    RequestError::Timeout { host, limit, attempt: 1 }.into()
}

/// Returns the error of files that make no identity.
fn no_identity() -> ProviderError {
    let place = InputSource::from(Location::Stdin).name(false);
    let (expected, contents) = (CertificateRole::EndEntity, FileContents::default());
    IdentityError::NoCertificate { place, expected, contents }.into()
}

fn expired(now: Timestamp) -> ProviderError {
    IdentityError::Expired { subject: "CN=a".to_owned(), not_after: now, now }.into()
}

/// Counts fetches in flight, however they end.
struct Flight<'a>(&'a Simulation);

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.0.state().in_flight -= 1;
    }
}

impl SessionSource for Simulation {
    fn reload(&self, retry: Retry) -> Result<ReloadOutcome, ProviderError> {
        let mut state = self.state();
        state.is_pending = state.hangs;
        if state.hangs {
            return Ok(ReloadOutcome::Pending);
        }
        if state.used == Some(state.files) {
            return Ok(ReloadOutcome::Unchanged);
        }
        if state.seen && retry != Retry::Always {
            return Ok(ReloadOutcome::Skipped);
        }
        state.seen = true;
        if !state.usable {
            return Err(no_identity());
        }
        state.used = Some(state.files);
        let not_after = self.truth().after(state.validity);
        Ok(ReloadOutcome::NewIdentity {
            unused_password: None,
            serial: state.files.to_string(),
            subject: String::new(),
            not_before: START,
            not_after,
        })
    }

    fn is_reloading(&self) -> bool {
        self.state().is_pending
    }

    fn reloaded(&self) -> BoxFuture<'_, ()> {
        Box::pin(poll_fn(|context| {
            let mut state = self.state();
            if state.is_pending && !state.hangs {
                return Poll::Ready(());
            }
            // One refresher waits. The last waker is kept only, as `Waker::noop` need not equal itself.
            state.waiting = vec![context.waker().clone()];
            Poll::Pending
        }))
    }

    fn fetch(&self, order: Order) -> BoxFuture<'_, Result<Fetched, ProviderError>> {
        let (start, delay) = {
            let mut state = self.state();
            state.in_flight += 1;
            state.fetches += 1;
            assert_eq!(state.in_flight, 1, "two fetches at once");
            assert!(state.used.is_some(), "a fetch without an identity");
            (self.clock.uptime(), Duration::from_secs(state.delay))
        };
        let flight = Flight(self);
        Box::pin(async move {
            let _flight = flight;
            let fallback = |primary_error| {
                let fallback = self.state().fallback;
                let made_by = MadeBy::Fallback(trust_anchor("eu-west-1"));
                fallback.map(|behaviour| self.answer(behaviour, made_by, start, primary_error))
            };
            if order == Order::FallbacksFirst
                && let Some(Ok(fetched)) = fallback(None)
            {
                return Ok(fetched);
            }
            self.state().primary_fetches += 1;
            self.clock.sleep(delay).await;
            let behaviour = self.state().behaviour;
            let made_by = MadeBy::Primary(trust_anchor("us-east-1"));
            match self.answer(behaviour, made_by, start, None) {
                Err(error) if order == Order::PrimaryFirst && error.allows_fallback() => {
                    let error = Arc::new(error);
                    let answer = fallback(Some(Arc::clone(&error)));
                    answer.unwrap_or_else(|| Err(lost(delay.as_secs())))
                }
                answer => answer,
            }
        })
    }
}
