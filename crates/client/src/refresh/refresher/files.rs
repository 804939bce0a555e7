//! How a refresher reads the identity's files: between two fetches, during one, and on request.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::provider::ProviderError;
use crate::refresh::refresher::Refresher;
use crate::refresh::session_source::{ReloadOutcome, Retry};

impl Refresher {
    /// Reads the identity's files, and publishes the end of a new certificate. Returns `None` while they
    /// are being read.
    pub(super) fn reload(&mut self, retry: Retry) -> Option<Result<(), ProviderError>> {
        let outcome = match self.source.reload(retry) {
            Ok(ReloadOutcome::Pending) => return None,
            Ok(outcome) => outcome,
            Err(error) => return Some(Err(error)),
        };
        self.observer.identity_read(Ok(&outcome));
        if let ReloadOutcome::NewIdentity { not_after, .. } = outcome {
            self.schedule.renewed();
            self.publish(|status| status.certificate_end = Some(not_after));
        }
        Some(Ok(()))
    }

    /// Reads the files between two fetches; the first fetch reads them itself.
    pub(super) fn check_files(&mut self, retry: Retry) {
        let first_read_done = self.identity_is_loaded() || self.status.last_error.is_some();
        if first_read_done {
            self.reload_and_report(retry);
        }
    }

    pub(super) fn reload_and_report(&mut self, retry: Retry) {
        let Some(result) = self.reload(retry) else { return };
        if let Err(error) = result {
            self.observer.identity_read(Err(&Arc::new(error)));
        }
        self.finish_requested_reloads();
    }

    pub(super) fn reload_on_request(&mut self, done: oneshot::Sender<()>) {
        self.reloads.push(done);
        self.reload_and_report(Retry::Always);
    }

    /// Ends the requested reloads, unless the files are read once more for them.
    pub(super) fn finish_requested_reloads(&mut self) {
        if self.source.is_reloading() {
            return;
        }
        if !self.reloads.is_empty() {
            self.schedule.end_backoff();
            // Publish again, because `update` also checks its credentials file on a reload.
            self.publish(|_| {});
        }
        for done in self.reloads.drain(..) {
            // The request may be given up already.
            let _ = done.send(());
        }
    }
}
