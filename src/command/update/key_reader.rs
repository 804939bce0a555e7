//! Reads the access key of a secret at intervals, for a profile: AWS does not tell a daemon of a rotation.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{LocalBoxFuture, select};
use tokio::sync::{Notify, watch};

use crate::command::update::target::Target;
use crate::output::error::Error;
use crate::output::log::events::{ACCESS_KEY_READ, ACCESS_KEY_READ_FAILED};
use crate::output::log::{Field, Reasons};
use crate::secrets::access_key::{AccessKeySecret, SecretAccessKey};
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::provider::RolesAnywhere;
use roles_anywhere_client::refresh::clock_reading::ClockReading;
use roles_anywhere_client::time::Deadline;

/// The shortest time between two reads. A profile has the new key within a minute of a rotation, even if a
/// write has to wait for another program.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(30);
/// What may be added to it at random, so that the hosts of a fleet do not call at the same time.
const MAX_JITTER_SECONDS: u64 = 15;

/// Reads the access key of a secret once.
pub(super) trait KeySource {
    /// Reads the key with a session.
    fn read<'a>(
        &'a self,
        session: &'a Session,
    ) -> LocalBoxFuture<'a, Result<SecretAccessKey, Error>>;
}

/// Secrets Manager, as a role reaches it.
pub(super) struct SecretSource {
    pub(super) secret: AccessKeySecret,
    pub(super) provider: RolesAnywhere,
    /// The time limit of a read.
    pub(super) timeout: Duration,
    pub(super) ports: Ports,
}

impl KeySource for SecretSource {
    fn read<'a>(
        &'a self,
        session: &'a Session,
    ) -> LocalBoxFuture<'a, Result<SecretAccessKey, Error>> {
        let Self { secret, provider, timeout, ports } = self;
        let deadline = Deadline::new(ports.clock.uptime(), *timeout);
        Box::pin(secret.read(provider, session, ports, deadline))
    }
}

/// The access key of a secret, as it was last read.
pub(super) struct KeyReader {
    source: Box<dyn KeySource>,
    current: RefCell<Option<Arc<SecretAccessKey>>>,
    /// Whether a read has ended.
    has_read: Cell<bool>,
    /// The error of the first read, until it is taken.
    first_error: RefCell<Option<Error>>,
    /// When it is read next, by uptime.
    due: Cell<Duration>,
    /// Asks for a read at once.
    requested: Notify,
    published: watch::Sender<()>,
    /// Why the last read failed.
    failure: RefCell<Option<Reasons>>,
}

impl KeyReader {
    pub(super) fn new(source: impl KeySource + 'static) -> Self {
        Self {
            source: Box::new(source),
            current: RefCell::default(),
            has_read: Cell::default(),
            first_error: RefCell::default(),
            due: Cell::default(),
            requested: Notify::default(),
            published: watch::Sender::default(),
            failure: RefCell::default(),
        }
    }

    /// Returns the key that was last read.
    pub(super) fn current(&self) -> Option<Arc<SecretAccessKey>> {
        self.current.borrow().clone()
    }

    /// Completes when a read has ended.
    pub(super) async fn changed(&self) {
        // The sender is in `self`, so it is not dropped meanwhile.
        let _ = self.published.subscribe().changed().await;
    }

    /// Has the secret read at once. A reload may drop the reader before that read has ended: then the next one
    /// is due.
    pub(super) fn read_now(&self) {
        self.due.set(Duration::ZERO);
        self.requested.notify_one();
    }

    /// Completes when the first read has ended, and returns its error once if it failed.
    pub(super) async fn first_read(&self) -> Result<(), Error> {
        while !self.has_read.get() {
            self.changed().await;
        }
        self.first_error.take().map_or(Ok(()), Err)
    }

    /// Reads the key of `target` while it runs. It may be dropped and called again at any time.
    pub(super) async fn run(&self, target: &Target, ports: &Ports) -> Infallible {
        loop {
            let wait = self.due.get().saturating_sub(ports.clock.uptime());
            select(pin!(self.requested.notified()), ports.timer.sleep(wait)).await;
            let session = loop {
                let reading = ClockReading::of(&*ports.clock);
                match target.channel.status().usable(reading) {
                    Some(session) => break Arc::clone(session),
                    None => target.channel.changed().await,
                }
            };
            let outcome = self.source.read(&session).await;
            let jitter = Duration::from_secs(ports.entropy.bits() % (MAX_JITTER_SECONDS + 1));
            self.due.set(ports.clock.uptime() + SHORTEST_INTERVAL + jitter);
            let outcome = outcome.map(|key| self.keep(&Arc::new(key), target));
            if let Err(error) = &outcome {
                self.report(error, target);
            }
            if !self.has_read.replace(true) {
                self.first_error.replace(outcome.err());
            }
            self.published.send_replace(());
        }
    }

    /// Keeps a key, and logs it if it is another one, or if it could not be read before.
    fn keep(&self, key: &Arc<SecretAccessKey>, target: &Target) {
        let was_failing = self.failure.take().is_some();
        let before = self.current.replace(Some(Arc::clone(key)));
        let is_same = before.is_some_and(|before| before.key.id == key.key.id);
        if !is_same || was_failing {
            target.log.event(&ACCESS_KEY_READ, &[("access_key_id", &key.shown_id())]);
        }
    }

    /// Logs why the key could not be read, once for each reason.
    fn report(&self, error: &Error, target: &Target) {
        let (reason, hint) = error.log_fields();
        let fields: [Field<'_>; 2] = [("reason", &reason), ("hint", &hint)];
        if self.failure.borrow().as_ref() != Some(&reason) {
            target.log.event(&ACCESS_KEY_READ_FAILED, &fields);
            let reason = error.reasons().into_iter().next().unwrap_or_default();
            target.supervisor.status(&format!("cannot read the access key: {reason}"));
        }
        self.failure.replace(Some(reason));
    }
}
