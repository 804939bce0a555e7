//! The part of a reload that may take long, and that runs beside the event loop: to read the sources of
//! an identity, and to open its key.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::identity::{Identity, IdentityError};
use crate::input_source::snapshot::InputDigest;
use crate::input_source::{FileError, Files, InputSource, InputSourceName};
use crate::password::{PasswordError, Passwords};
use crate::ports::Ports;
use crate::provider::RolesAnywhere;
use crate::secret::{Secret, SecretBytes};
use crate::time::Clock;

/// How long one step may take: to read one input, or to open the key.
///
/// A pipe is read for 10 s at most, and its error says more than ours. A key that takes longer is used
/// when it is open.
const STEP_LIMIT: Duration = Duration::from_secs(15);

/// What has to be loaded, and what is known of it.
pub(super) struct Loader {
    pub(super) provider: RolesAnywhere,
    pub(super) ports: Ports,
    pub(super) clock_offset: i64,
    /// The digest of the inputs of the identity in use.
    pub(super) in_use: Option<InputDigest>,
    /// Inputs that are not opened again.
    pub(super) failed: Option<FailedInputs>,
}

/// Inputs that hold no usable identity, to recognize them the next time.
#[derive(Clone, Eq, PartialEq)]
pub(super) enum FailedInputs {
    /// Their digest, and the mode of the key if others may read it: a refused mode can be changed
    /// without a change of the contents.
    Contents(InputDigest, Option<u32>),
    /// The error, with its cause.
    Unreadable(String),
}

/// What the inputs hold.
pub(super) enum LoadResult {
    /// The identity in use.
    Unchanged,
    /// What failed before.
    FailedBefore,
    /// An identity.
    Loaded { digest: InputDigest, identity: Identity, unused_password: Option<String> },
    /// No usable identity.
    Failed { inputs: FailedInputs, error: IdentityError },
}

impl Loader {
    fn load(self) -> LoadResult {
        let source = &self.provider.source;
        let snapshot = match source.snapshot(&self.ports.files) {
            Ok(snapshot) => snapshot,
            Err(error) => {
                let inputs = FailedInputs::Unreadable(format!("{error}: {}", error.source));
                return self.failed(inputs, error.into());
            }
        };
        let digest = snapshot.digest();
        if self.in_use == Some(digest) {
            return LoadResult::Unchanged;
        }
        let mode = source.private_key.readable_by_others(&*self.ports.files);
        let inputs = FailedInputs::Contents(digest, mode);
        if self.failed.as_ref() == Some(&inputs) {
            return LoadResult::FailedBefore;
        }
        let ports = Ports { files: Arc::new(snapshot), ..self.ports.clone() };
        match self.provider.open(self.clock_offset, &ports) {
            Ok((identity, unused_password)) => {
                LoadResult::Loaded { digest, identity, unused_password }
            }
            Err(error) => LoadResult::Failed { inputs, error },
        }
    }

    fn failed(&self, inputs: FailedInputs, error: IdentityError) -> LoadResult {
        match self.failed.as_ref() == Some(&inputs) {
            true => LoadResult::FailedBefore,
            false => LoadResult::Failed { inputs, error },
        }
    }
}

/// A loader that runs, or has ended.
#[derive(Clone)]
pub(super) struct LoadJob(Arc<Progress>);

struct Progress {
    clock: Arc<dyn Clock>,
    state: Mutex<JobState>,
    ended: Notify,
}

struct JobState {
    step: Step,
    /// The start of the step, by uptime.
    since: Duration,
    result: Option<LoadResult>,
}

/// What a loader is doing.
enum Step {
    Reading(InputSource),
    Password,
    Opening,
}

impl LoadJob {
    /// Runs `loader` beside the event loop.
    pub(super) fn start(mut loader: Loader) -> Self {
        let clock = Arc::clone(&loader.ports.clock);
        let state = JobState { step: Step::Opening, since: clock.uptime(), result: None };
        let progress = Arc::new(Progress { clock, state: Mutex::new(state), ended: Notify::new() });
        let job = Self(Arc::clone(&progress));
        let observed = Observed { ports: loader.ports.clone(), progress: Arc::clone(&progress) };
        let observed = Arc::new(observed);
        loader.ports.files = Arc::clone(&observed) as _;
        loader.ports.passwords = observed as _;
        let blocking = Arc::clone(&loader.ports.blocking);
        blocking.run(Box::new(move || {
            let result = loader.load();
            progress.state().result = Some(result);
            progress.ended.notify_one();
        }));
        job
    }

    /// Returns the result if it has ended; once.
    pub(super) fn take_result(&self) -> Option<LoadResult> {
        self.0.state().result.take()
    }

    /// Completes when it has ended.
    pub(super) async fn ended(&self) {
        self.0.ended.notified().await;
    }

    /// Returns why it is late, if its step takes too long; `key` is the name of the private key.
    ///
    /// A person may take any time to type a password.
    pub(super) fn delay(&self, key: InputSourceName, prompts: bool) -> Option<IdentityError> {
        let now = self.0.clock.uptime();
        let state = self.0.state();
        let place = match &state.step {
            Step::Reading(source) => source.name(false),
            Step::Password if prompts => return None,
            Step::Password | Step::Opening => key,
        };
        let is_late = now.saturating_sub(state.since) >= STEP_LIMIT;
        is_late.then_some(IdentityError::TooSlow { place, seconds: STEP_LIMIT.as_secs() })
    }
}

impl Progress {
    fn state(&self) -> MutexGuard<'_, JobState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work`, which is the step `step`.
    fn during<T>(&self, step: Step, work: impl FnOnce() -> T) -> T {
        self.enter(step);
        let done = work();
        self.enter(Step::Opening);
        done
    }

    fn enter(&self, step: Step) {
        let since = self.clock.uptime();
        let mut state = self.state();
        (state.step, state.since) = (step, since);
    }
}

/// Files and passwords that record what is read at the moment.
struct Observed {
    ports: Ports,
    progress: Arc<Progress>,
}

impl Files for Observed {
    fn read(&self, source: &InputSource) -> Result<SecretBytes, FileError> {
        self.progress.during(Step::Reading(source.clone()), || self.ports.files.read(source))
    }

    fn readable_by_others(&self, source: &InputSource) -> Option<u32> {
        self.progress
            .during(Step::Reading(source.clone()), || self.ports.files.readable_by_others(source))
    }
}

impl Passwords for Observed {
    fn password(&self, file_name: &str) -> Result<Secret, PasswordError> {
        self.progress.during(Step::Password, || self.ports.passwords.password(file_name))
    }

    fn prompts(&self) -> bool {
        self.ports.passwords.prompts()
    }

    fn unused(&self) -> Option<String> {
        self.ports.passwords.unused()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::clock::ManualClock;

    #[test]
    fn each_step_has_its_own_limit_and_a_prompt_has_none() {
        let clock = ManualClock::default();
        let state = JobState { step: Step::Opening, since: clock.uptime(), result: None };
        let progress = Progress {
            clock: Arc::new(clock.clone()),
            state: Mutex::new(state),
            ended: Notify::new(),
        };
        let job = LoadJob(Arc::new(progress));
        let delay = |prompts| {
            let key = InputSource::parse("key.pem").name(true);
            job.delay(key, prompts).map(|error| error.to_string())
        };
        let late =
            |place: &str| Some(format!("reading or decrypting `{place}` took longer than 15 s"));
        let pass = |seconds| clock.advance(Duration::from_secs(seconds));
        pass(14);
        assert_eq!(delay(true), None);
        job.0.during(Step::Reading(InputSource::parse("leaf.pem")), || {
            pass(14);
            assert_eq!(delay(true), None);
            pass(1);
            assert_eq!(delay(true), late("leaf.pem"));
        });
        assert_eq!(delay(true), None);
        job.0.during(Step::Password, || {
            pass(600);
            assert_eq!((delay(true), delay(false)), (None, late("key.pem")));
        });
        pass(15);
        assert_eq!(delay(true), late("key.pem"));
    }
}
