//! The identity of a daemon, which follows its sources.
//!
//! Certificate, chain and key are read together and replaced together, so that a rotation that has
//! replaced only some of the files never mixes two identities.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, Either, select};

use crate::identity::{Identity, IdentityError};
use crate::input_source::snapshot::InputDigest;
use crate::ports::Ports;
use crate::provider::earlier_hops::EarlierHops;
use crate::provider::fallback::{Fetched, Order, fetch_timeout};
use crate::provider::{ProviderError, RolesAnywhere};
use crate::refresh::loading::{FailedInputs, LoadJob, LoadResult, Loader};
use crate::refresh::session_source::{ReloadOutcome, Retry, SessionSource};
use crate::time::Deadline;

/// Fetches sessions with the identity in use, and reloads that identity from its sources.
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct ReloadingIdentity {
    provider: RolesAnywhere,
    ports: Ports,
    /// The timeout of one fetch.
    timeout: Duration,
    state: Mutex<State>,
}

/// The time after which unchanged files that failed are read again: the cause may be outside of them,
/// such as a missing password.
const RETRY_UNCHANGED_AFTER: Duration = Duration::from_secs(30);

/// The time between two checks whether a job takes too long.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Default)]
struct State {
    loaded: Option<Loaded>,
    /// The inputs that last failed, and when that was.
    failed: Option<(FailedInputs, Duration)>,
    clock_offset: i64,
    /// The sessions before the last hop, made with the identity in use.
    previous: EarlierHops,
    running: Option<RunningLoad>,
}

/// The identity in use, and the digest of the inputs that it was read from.
struct Loaded {
    digest: InputDigest,
    identity: Arc<Identity>,
}

/// The job that reads the inputs. There is one at most: if a file system hangs, each would.
struct RunningLoad {
    job: LoadJob,
    /// How the inputs have to be read again after it, if they have to be.
    again: Option<Retry>,
    is_reported_late: bool,
}

impl RunningLoad {
    fn new(job: LoadJob) -> Self {
        Self { job, again: None, is_reported_late: false }
    }
}

impl ReloadingIdentity {
    /// Returns an identity that is not loaded yet; no file is opened.
    pub fn new(provider: RolesAnywhere, ports: Ports, timeout: Duration) -> Self {
        Self { provider, ports, timeout, state: Mutex::default() }
    }

    /// Returns what to load, given what is known.
    fn loader(&self, state: &State, retry: Retry, now: Duration) -> Loader {
        let failed = state.failed.as_ref().filter(|(_, at)| {
            retry != Retry::Always && now.saturating_sub(*at) < RETRY_UNCHANGED_AFTER
        });
        Loader {
            provider: self.provider.clone(),
            ports: self.ports.clone(),
            clock_offset: state.clock_offset,
            in_use: state.loaded.as_ref().map(|loaded| loaded.digest),
            failed: failed.map(|(inputs, _)| inputs.clone()),
        }
    }

    /// Returns the outcome of a reload while another one runs.
    fn while_running(
        &self,
        running: &mut RunningLoad,
        retry: Retry,
    ) -> Result<ReloadOutcome, ProviderError> {
        if retry != Retry::IfChanged {
            running.again = running.again.max(Some(retry));
        }
        let Some(error) = self.delay(&running.job) else {
            running.is_reported_late = false;
            return Ok(ReloadOutcome::Pending);
        };
        if std::mem::replace(&mut running.is_reported_late, true) && retry != Retry::Always {
            return Ok(ReloadOutcome::Skipped);
        }
        Err(error.into())
    }

    /// Completes when the job that runs has ended, or takes too long and that is not reported yet.
    async fn end_of_job(&self) {
        let of = |running: &RunningLoad| (running.job.clone(), running.is_reported_late);
        let running = self.state().running.as_ref().map(of);
        let Some((job, is_reported_late)) = running else { return std::future::pending().await };
        while is_reported_late || self.delay(&job).is_none() {
            let pause = self.ports.timer.sleep(CHECK_INTERVAL);
            if let Either::Left(_) = select(pin!(job.ended()), pause).await {
                return;
            }
        }
    }

    /// Returns the error of a job that takes too long.
    fn delay(&self, job: &LoadJob) -> Option<IdentityError> {
        let key = self.provider.source.private_key.name();
        job.delay(key, self.ports.passwords.prompts())
    }

    async fn exchange(&self, order: Order) -> Result<Fetched, ProviderError> {
        let (identity, offset, mut previous) = {
            let mut state = self.state();
            let identity = state.loaded.as_ref().map(|loaded| Arc::clone(&loaded.identity));
            let identity = identity.ok_or(ProviderError::NoIdentity)?;
            (identity, state.clock_offset, std::mem::take(&mut state.previous))
        };
        let ports = &self.ports;
        let deadline = Deadline::new(ports.clock.uptime(), fetch_timeout(order, self.timeout));
        let fetched = self
            .provider
            .fetch_chain(&mut previous, (&identity, order, offset), ports, deadline)
            .await;
        let mut state = self.state();
        // Of an identity that was replaced meanwhile, none is kept.
        if state.loaded.as_ref().is_some_and(|loaded| Arc::ptr_eq(&loaded.identity, &identity)) {
            state.previous = previous;
        }
        let fetched = fetched?;
        state.clock_offset = fetched.session.clock_offset;
        Ok(fetched)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes the result of a job; a new identity becomes the one in use.
    fn finish(
        &mut self,
        result: LoadResult,
        now: Duration,
    ) -> Result<ReloadOutcome, ProviderError> {
        let (digest, identity, unused_password) = match result {
            LoadResult::FailedBefore => return Ok(ReloadOutcome::Skipped),
            LoadResult::Failed { inputs, error } => {
                self.failed = Some((inputs, now));
                return Err(error.into());
            }
            LoadResult::Unchanged => {
                self.failed = None;
                return Ok(ReloadOutcome::Unchanged);
            }
            LoadResult::Loaded { digest, identity, unused_password } => {
                (digest, Arc::new(identity), unused_password)
            }
        };
        self.failed = None;
        let previous = self.loaded.replace(Loaded { digest, identity: Arc::clone(&identity) });
        if previous.map(|loaded| loaded.identity.fingerprint()) == Some(identity.fingerprint()) {
            // What was made with the same certificates stays.
            return Ok(ReloadOutcome::SameIdentity { unused_password });
        }
        self.previous = EarlierHops::default();
        let leaf = identity.certificate();
        Ok(ReloadOutcome::NewIdentity {
            serial: leaf.serial().to_owned(),
            subject: leaf.subject().to_string(),
            not_before: leaf.not_before(),
            not_after: leaf.not_after(),
            unused_password,
        })
    }
}

impl SessionSource for ReloadingIdentity {
    fn reload(&self, mut retry: Retry) -> Result<ReloadOutcome, ProviderError> {
        let now = self.ports.clock.uptime();
        let mut state = self.state();
        if let Some(mut running) = state.running.take() {
            let Some(result) = running.job.take_result() else {
                let outcome = self.while_running(&mut running, retry);
                state.running = Some(running);
                return outcome;
            };
            let Some(again) = running.again else { return state.finish(result, now) };
            // A new identity is used until the next one is there; another result is out of date.
            if matches!(result, LoadResult::Loaded { .. }) {
                let outcome = state.finish(result, now);
                let job = LoadJob::start(self.loader(&state, again, now));
                state.running = Some(RunningLoad::new(job));
                return outcome;
            }
            retry = again;
        }
        let job = LoadJob::start(self.loader(&state, retry, now));
        match job.take_result() {
            Some(result) => state.finish(result, now),
            None => {
                state.running = Some(RunningLoad::new(job));
                Ok(ReloadOutcome::Pending)
            }
        }
    }

    fn is_reloading(&self) -> bool {
        self.state().running.as_ref().is_some_and(|running| !running.is_reported_late)
    }

    fn reloaded(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.end_of_job())
    }

    fn fetch(&self, order: Order) -> BoxFuture<'_, Result<Fetched, ProviderError>> {
        Box::pin(self.exchange(order))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::test_support::files::{FakeFiles, committed};
    use crate::test_support::password::FixedPassword;
    use crate::test_support::ports::FakePorts;
    use crate::test_support::session::{request, variables};

    #[test]
    fn identity_is_new_if_its_certificates_are() {
        let file = |name: &str| committed(&format!("certs/{name}"));
        let ports = FakePorts {
            files: FakeFiles::empty(),
            passwords: FixedPassword::known("hunter2"),
            ..FakePorts::default()
        };
        let provider = RolesAnywhere::new(variables(), request());
        let reloading = ReloadingIdentity::new(provider, ports.ports(), Duration::from_secs(20));
        let reload = |certificate: &str, key: &str| {
            ports.files.put("env:certificate", file(certificate));
            ports.files.put("env:key", file(key));
            reloading.reload(Retry::IfChanged).unwrap()
        };
        let is_new = |outcome| matches!(outcome, ReloadOutcome::NewIdentity { .. });
        assert!(is_new(reload("leaf/p256.pem", "leaf/p256.key.pem")));
        let again = reload("leaf/p256.pem", "leaf/p256.key.pem");
        assert_eq!(again, ReloadOutcome::Unchanged);
        let encrypted = reload("leaf/p256.pem", "forms/scrypt.key.pem");
        assert_eq!(encrypted, ReloadOutcome::SameIdentity { unused_password: None });
        assert!(is_new(reload("leaf/p384.pem", "leaf/p384.key.pem")));
        assert!(is_new(reload("leaf/p256.pem", "forms/scrypt.key.pem")));
    }

    fn is_ready(future: BoxFuture<'_, ()>) -> bool {
        future.now_or_never().is_some()
    }

    fn with_identity() -> FakePorts {
        let file = |name: &str| committed(&format!("certs/leaf/{name}"));
        let files = FakeFiles::empty()
            .with("env:certificate", file("p256.pem"))
            .with("env:key", file("p256.key.pem"));
        FakePorts { files, ..FakePorts::default() }
    }

    fn reloading(ports: &FakePorts) -> ReloadingIdentity {
        let provider = RolesAnywhere::new(variables(), request());
        ReloadingIdentity::new(provider, ports.ports(), Duration::from_secs(20))
    }

    fn is_new(outcome: &Result<ReloadOutcome, ProviderError>) -> bool {
        matches!(outcome, Ok(ReloadOutcome::NewIdentity { .. }))
    }

    fn is_too_slow(outcome: &Result<ReloadOutcome, ProviderError>) -> bool {
        matches!(outcome, Err(error) if error.code() == "too_slow")
    }

    #[test]
    fn one_job_runs_at_a_time_and_its_late_result_is_used() {
        let ports = with_identity();
        let reloading = reloading(&ports);
        ports.blocking.hold(true);
        let mut is_over = is_ready(reloading.reloaded());
        assert!(!is_over, "nothing is read yet");
        for seconds in [0, 5, 9] {
            ports.clock.advance(Duration::from_secs(seconds));
            assert_eq!(reloading.reload(Retry::IfChanged).unwrap(), ReloadOutcome::Pending);
        }
        ports.clock.advance(Duration::from_secs(1));
        let late = reloading.reload(Retry::IfChanged);
        assert!(is_too_slow(&late), "{late:?}");
        // It is reported once, and to each request.
        assert_eq!(reloading.reload(Retry::IfChanged).unwrap(), ReloadOutcome::Skipped);
        assert!(is_too_slow(&reloading.reload(Retry::Always)) && !reloading.is_reloading());
        assert_eq!(ports.blocking.started(), 1);
        is_over = is_ready(reloading.reloaded());
        assert!(!is_over, "it has not ended");
        ports.blocking.run_held();
        assert!(is_ready(reloading.reloaded()));
        assert!(is_new(&reloading.reload(Retry::IfChanged)));
        // For the request of a reload.
        assert_eq!(ports.blocking.started(), 2);
    }

    #[test]
    fn identity_in_use_stays_while_the_next_one_is_read() {
        let ports = with_identity();
        let reloading = reloading(&ports);
        assert!(is_new(&reloading.reload(Retry::IfChanged)));
        ports.blocking.hold(true);
        ports.clock.advance(Duration::from_secs(5));
        assert_eq!(reloading.reload(Retry::IfChanged).unwrap(), ReloadOutcome::Pending);
        assert!(reloading.state().loaded.is_some());
        ports.blocking.run_held();
        assert_eq!(reloading.reload(Retry::IfChanged).unwrap(), ReloadOutcome::Unchanged);
    }

    #[test]
    fn requested_reload_reads_again_what_failed_meanwhile() {
        let ports = FakePorts::default();
        let reloading = reloading(&ports);
        ports.blocking.hold(true);
        assert_eq!(reloading.reload(Retry::IfChanged).unwrap(), ReloadOutcome::Pending);
        ports.blocking.run_held();
        // The files are mended before anything knows that they were missing.
        assert!(reloading.reload(Retry::IfChanged).is_err());
        assert_eq!(reloading.reload(Retry::IfChanged).unwrap(), ReloadOutcome::Pending);
        assert_eq!(reloading.reload(Retry::Always).unwrap(), ReloadOutcome::Pending);
        ports.blocking.hold(false);
        ports.blocking.run_held();
        let file = |name: &str| committed(&format!("certs/leaf/{name}"));
        ports.files.put("env:certificate", file("p256.pem"));
        ports.files.put("env:key", file("p256.key.pem"));
        assert!(is_new(&reloading.reload(Retry::IfChanged)));
        assert_eq!(ports.blocking.started(), 3);
    }

    /// A job reads one identity while the next one is put in place and `retry` asks for it. Both are used,
    /// and the request is open until the second one is.
    #[track_caller]
    fn both_are_used(retry: Retry) {
        let ports = with_identity();
        let reloading = reloading(&ports);
        ports.blocking.hold(true);
        assert_eq!(reloading.reload(Retry::IfChanged).unwrap(), ReloadOutcome::Pending);
        assert_eq!(reloading.reload(retry).unwrap(), ReloadOutcome::Pending);
        ports.blocking.run_held();
        let file = |name: &str| committed(&format!("certs/leaf/{name}"));
        ports.files.put("env:certificate", file("p384.pem"));
        ports.files.put("env:key", file("p384.key.pem"));
        assert!(is_new(&reloading.reload(Retry::IfChanged)));
        assert!(reloading.is_reloading() && !is_ready(reloading.reloaded()));
        ports.blocking.run_held();
        assert!(is_ready(reloading.reloaded()));
        assert!(is_new(&reloading.reload(Retry::IfChanged)));
        assert!(!reloading.is_reloading());
        assert_eq!(ports.blocking.started(), 2);
    }

    #[test]
    fn change_while_files_are_read_is_read_after_that() {
        both_are_used(Retry::AfterChange);
    }

    #[test]
    fn request_while_files_are_read_is_read_after_that() {
        both_are_used(Retry::Always);
    }

    #[test]
    fn failed_files_are_tried_again_if_changed_later_or_on_request() {
        let ports = FakePorts::default();
        let provider = RolesAnywhere::new(variables(), request());
        let reloading = ReloadingIdentity::new(provider, ports.ports(), Duration::from_secs(20));
        let is_tried = |retry| reloading.reload(retry).is_err();
        for text in [Some("a"), Some("b"), None, Some("a")] {
            ports.files.hold(text);
            assert!(is_tried(Retry::IfChanged) && !is_tried(Retry::IfChanged), "{text:?}");
            assert!(is_tried(Retry::Always) && !is_tried(Retry::IfChanged), "{text:?}");
        }
        ports.clock.advance(Duration::from_secs(29));
        assert!(!is_tried(Retry::IfChanged));
        ports.clock.advance(Duration::from_secs(1));
        assert!(is_tried(Retry::IfChanged) && !is_tried(Retry::IfChanged));
    }
}
