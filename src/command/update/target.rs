//! The profiles that `update` writes, each with the session of a role.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::command::update::{FileWarning, Update};
use crate::credentials_file::ProfileError;
use crate::daemon::{DaemonContext, Supervisor};
use crate::output::log::Log;
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::refresh::status::StatusChannel;
use roles_anywhere_client::secret::SecretBytes;

/// A profile, and the session that is written to it.
pub(super) struct Target {
    pub(super) plan: Update,
    pub(super) channel: Arc<StatusChannel>,
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
        DaemonContext { log, supervisor, .. }: DaemonContext<'_>,
    ) -> Self {
        Self {
            plan,
            channel,
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

/// The profiles of one file; a reload replaces them.
#[derive(Default)]
pub(super) struct Targets {
    all: RefCell<Vec<Rc<Target>>>,
    replaced: Notify,
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
    }

    /// Completes when they are replaced, or at once if they were since it was last called.
    pub(super) async fn replaced(&self) {
        self.replaced.notified().await;
    }
}

/// Returns the text with all sessions in their profiles.
///
/// A profile that must not be written keeps no other one from being written, unless it is the only one.
pub(super) fn edit_all(
    text: &[u8],
    targets: &[(Rc<Target>, Option<Arc<Session>>)],
) -> Result<SecretBytes, ProfileError> {
    let mut edited = SecretBytes::new(text.to_vec());
    for (target, session) in targets {
        let Some(session) = session else { continue };
        let force = target.plan.force && !target.has_written.get();
        let refused = match target.plan.edit(edited.expose(), &session.credentials, force) {
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
