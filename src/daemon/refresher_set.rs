//! The refreshers of a daemon, which a reload changes while they run.

use std::cell::RefCell;
use std::convert::Infallible;
use std::pin::pin;

use futures_util::StreamExt as _;
use futures_util::future::{AbortHandle, AbortRegistration, Abortable, join_all, pending, select};
use futures_util::stream::FuturesUnordered;
use tokio::sync::Notify;

use roles_anywhere_client::refresh::handle::RefreshHandle;
use roles_anywhere_client::refresh::refresher::Refresher;

/// The refreshers of a daemon. Each runs from when it was added until its [`RunningRefresher`] is
/// dropped.
#[derive(Default)]
#[expect(missing_debug_implementations, reason = "holds refreshers")]
pub struct RefresherSet {
    /// Those that were added and do not run yet.
    added: RefCell<Vec<(Refresher, AbortRegistration)>>,
    /// Wakes [`RefresherSet::run`] if one was added.
    any_added: Notify,
    handles: RefCell<Vec<(AbortHandle, RefreshHandle)>>,
}

/// A refresher of a [`RefresherSet`], which ends when this is dropped.
#[derive(Debug)]
pub struct RunningRefresher(AbortHandle);

impl Drop for RunningRefresher {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl RefresherSet {
    /// Adds a refresher.
    #[must_use = "the refresher ends when the result is dropped"]
    pub fn add(&self, refresher: Refresher) -> RunningRefresher {
        let (abort, registration) = AbortHandle::new_pair();
        self.handles.borrow_mut().push((abort.clone(), refresher.handle()));
        self.added.borrow_mut().push((refresher, registration));
        self.any_added.notify_one();
        RunningRefresher(abort)
    }

    /// Says to all that the files of their identities may have changed.
    pub fn files_changed(&self) {
        self.handles().iter().for_each(RefreshHandle::files_changed);
    }

    /// Makes all read the files of their identities again. The returned future completes when all have.
    pub fn reload(&self) -> impl Future<Output = ()> + use<> {
        let reloads = join_all(self.handles().iter().map(RefreshHandle::reload));
        async move { drop(reloads.await) }
    }

    /// Runs the refreshers.
    pub(super) async fn run(&self) -> Infallible {
        let mut running = FuturesUnordered::new();
        loop {
            for (mut refresher, registration) in self.added.take() {
                running.push(Abortable::new(async move { refresher.run().await }, registration));
            }
            let ended = async {
                // Only those that were removed end. Without any, the daemon waits for its end too.
                while running.next().await.is_some() {}
                pending::<()>().await;
            };
            select(pin!(self.any_added.notified()), pin!(ended)).await;
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.handles().len()
    }

    /// Returns the handles of those that were not removed.
    fn handles(&self) -> Vec<RefreshHandle> {
        let mut handles = self.handles.borrow_mut();
        handles.retain(|(abort, _)| !abort.is_aborted());
        handles.iter().map(|(_, handle)| handle.clone()).collect()
    }
}
