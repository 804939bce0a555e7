//! Requests to a refresher that runs elsewhere.

use tokio::sync::{mpsc, oneshot};

/// Tells a refresher, which may run in another task, about changes. Copies are of the same refresher.
#[derive(Clone, Debug)]
pub struct RefreshHandle(mpsc::UnboundedSender<RefresherRequest>);

/// What a refresher is asked for.
#[derive(Debug)]
pub(super) enum RefresherRequest {
    /// To read the identity's files in any case, and to say so.
    Reload(oneshot::Sender<()>),
    /// To check whether they have changed.
    CheckFiles,
}

impl RefreshHandle {
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<RefresherRequest>) {
        let (sender, requests) = mpsc::unbounded_channel();
        (Self(sender), requests)
    }

    /// Makes the refresher read the identity's files, even if they failed before and are unchanged, and then
    /// fetch a session that is due at once, whatever failed before. The returned future, which need not be awaited, completes when they were read, with or without
    /// success, or when there is no refresher any more.
    pub fn reload(&self) -> impl Future<Output = ()> + Send + use<> {
        let (done, is_done) = oneshot::channel();
        let sent = self.0.send(RefresherRequest::Reload(done));
        async move {
            if sent.is_ok() {
                // An error, too, says that nothing more is going to be done.
                let _ = is_done.await;
            }
        }
    }

    /// Says that the identity's files may have changed. They are read again every few seconds anyway.
    pub fn files_changed(&self) {
        // Without a refresher there is nothing to do.
        let _ = self.0.send(RefresherRequest::CheckFiles);
    }
}
