//! The profiles that `update` writes, each with the session of a role.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join_all, pending, select};
use tokio::sync::Notify;

use crate::command::update::key_reader::KeyReader;
use crate::command::update::{FileWarning, Update};
use crate::credentials_file::{ProfileCredentials, ProfileError};
use crate::daemon::{DaemonContext, Supervisor};
use crate::output::log::Log;
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::refresh::clock_reading::ClockReading;
use roles_anywhere_client::refresh::status::StatusChannel;
use roles_anywhere_client::secret::SecretBytes;

/// A profile, and the session that is written to it, or that reads what is written.
pub(super) struct Target {
    pub(super) plan: Update,
    pub(super) channel: Arc<StatusChannel>,
    /// The access key of a secret that is written instead of the session.
    pub(super) key: Option<KeyReader>,
    /// The log of its role.
    pub(super) log: Arc<dyn Log>,
    /// The supervisor, as its role sees it.
    pub(super) supervisor: Arc<dyn Supervisor>,
    /// Whether it was written once: `--force` does not cover a long-lived key that appears later.
    pub(super) has_written: Cell<bool>,
    /// The warnings that were logged.
    pub(super) logged: RefCell<Vec<FileWarning>>,
    /// Whether the last step changed it.
    pub(super) is_changed: Cell<bool>,
    /// Why the last step left it as it is, beside other profiles.
    pub(super) refused: RefCell<Option<ProfileError>>,
    /// Since when that is so, and whether it was logged.
    pub(super) refused_since: Cell<Option<(Duration, bool)>>,
}

impl Target {
    pub(super) fn new(
        plan: Update,
        channel: Arc<StatusChannel>,
        key: Option<KeyReader>,
        DaemonContext { log, supervisor, .. }: DaemonContext<'_>,
    ) -> Self {
        Self {
            plan,
            channel,
            key,
            log,
            supervisor,
            has_written: Cell::default(),
            logged: RefCell::default(),
            is_changed: Cell::default(),
            refused: RefCell::default(),
            refused_since: Cell::default(),
        }
    }
}

impl Target {
    /// Returns what is to be written, unless it has expired.
    fn credentials(&self, now: ClockReading) -> Option<ProfileCredentials> {
        let Some(key) = &self.key else {
            let status = self.channel.status();
            return status.valid(now).map(|session| (&session.credentials).into());
        };
        let key = key.current()?;
        let is_valid = key.expiration.is_none_or(|end| now.wall.seconds_until(end) > 0);
        is_valid.then(|| ProfileCredentials::from(&*key))
    }

    /// Completes when there may be something else to write.
    pub(super) async fn changed(&self) {
        match &self.key {
            None => self.channel.changed().await,
            Some(key) => key.changed().await,
        }
    }
}

/// The profiles of one file; a reload replaces them.
#[derive(Default)]
pub(super) struct Targets {
    all: RefCell<Vec<Rc<Target>>>,
    replaced: Notify,
    /// As `replaced`, for what reads the keys of secrets.
    keys_replaced: Notify,
}

impl Targets {
    /// Returns the profiles as they are now.
    pub(super) fn all(&self) -> Vec<Rc<Target>> {
        self.all.borrow().clone()
    }

    /// Replaces the profiles.
    pub(super) fn replace(&self, targets: Vec<Rc<Target>>) {
        self.all.replace(targets);
        self.replaced.notify_one();
        self.keys_replaced.notify_one();
    }

    /// Reads the keys of the profiles that get those of secrets.
    pub(super) async fn read_keys(&self, ports: &Ports) -> Infallible {
        loop {
            let all = self.all();
            let keys = all.iter().filter_map(|target| Some((target, target.key.as_ref()?)));
            let reading: Vec<_> =
                keys.map(|(target, key)| Box::pin(key.run(target, ports))).collect();
            let reading = async {
                // None of them ends.
                join_all(reading).await;
                pending::<()>().await;
            };
            select(pin!(self.keys_replaced.notified()), pin!(reading)).await;
        }
    }

    /// Has the keys of secrets read at once.
    pub(super) fn read_keys_now(&self) {
        self.all().iter().filter_map(|target| target.key.as_ref()).for_each(KeyReader::read_now);
    }

    /// Returns the profiles, each with what is to be written to it now.
    pub(super) fn with_credentials(&self, now: ClockReading) -> Vec<TargetCredentials> {
        let all = self.all().into_iter();
        all.map(|target| (Rc::clone(&target), target.credentials(now))).collect()
    }

    /// Completes when they are replaced, or at once if they were since it was last called.
    pub(super) async fn replaced(&self) {
        self.replaced.notified().await;
    }
}

/// A profile, and what is to be written to it, if there is something.
pub(super) type TargetCredentials = (Rc<Target>, Option<ProfileCredentials>);

/// Returns the text with all credentials in their profiles.
///
/// A profile that must not be written keeps no other one from being written, unless it is the only one.
pub(super) fn edit_all(
    text: &[u8],
    targets: &[TargetCredentials],
) -> Result<SecretBytes, ProfileError> {
    let mut edited = SecretBytes::new(text.to_vec());
    for (target, credentials) in targets {
        let Some(credentials) = credentials else { continue };
        let force = target.plan.force && !target.has_written.get();
        let refused = match target.plan.edit(edited.expose(), credentials, force) {
            Ok(text) => {
                let is_changed = target.is_changed.get() || text.expose() != edited.expose();
                target.is_changed.set(is_changed);
                edited = text;
                None
            }
            Err(error @ ProfileError::LongLived(_)) if targets.len() > 1 => Some(error),
            Err(error) => return Err(error),
        };
        target.refused.replace(refused);
    }
    Ok(edited)
}
