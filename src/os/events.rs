//! What happens to a daemon from outside: signals, and changes of its files.

#[cfg(target_os = "linux")]
mod watch;

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Sleep, sleep};

use crate::world::{Event, Events};

/// Signals, and changes of some files where the system tells of them.
#[derive(Debug)]
pub struct SystemEvents(RefCell<Sources>);

#[derive(Debug)]
struct Sources {
    stop: [Signal; 2],
    reload: Signal,
    #[cfg(target_os = "linux")]
    watch: Option<watch::Watch>,
    /// Runs while a change may have others behind it.
    settling: Option<Pin<Box<Sleep>>>,
}

/// How long files are left alone after a change: certificate and key seldom change in one step.
const SETTLE: Duration = Duration::from_millis(150);

impl SystemEvents {
    /// Listens to SIGTERM, SIGINT and SIGHUP, and watches `files`; within a tokio runtime.
    ///
    /// A system that cannot watch, or has no watch left, is no error: files are looked at every few
    /// seconds anyway.
    pub fn listen(files: Vec<PathBuf>) -> io::Result<Self> {
        #[cfg(not(target_os = "linux"))]
        drop(files);
        Ok(Self(RefCell::new(Sources {
            stop: [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?],
            reload: signal(SignalKind::hangup())?,
            #[cfg(target_os = "linux")]
            watch: watch::Watch::new(files).ok(),
            settling: None,
        })))
    }
}

impl Events for SystemEvents {
    fn next(&self, limit: Duration) -> Pin<Box<dyn Future<Output = Event> + '_>> {
        Box::pin(async move {
            let mut limit = std::pin::pin!(sleep(limit));
            poll_fn(|context| match self.0.borrow_mut().poll(context) {
                Poll::Pending => limit.as_mut().poll(context).map(|()| Event::Elapsed),
                ready => ready,
            })
            .await
        })
    }
}

impl Sources {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        if self.stop.iter_mut().any(|signal| signal.poll_recv(context).is_ready()) {
            return Poll::Ready(Event::Stop);
        }
        if self.reload.poll_recv(context).is_ready() {
            return Poll::Ready(Event::Reload);
        }
        #[cfg(target_os = "linux")]
        if self.watch.as_mut().is_some_and(|watch| watch.poll_changed(context)) {
            self.settling.get_or_insert_with(|| Box::pin(sleep(SETTLE)));
        }
        let settled = self.settling.as_mut().is_some_and(|s| s.as_mut().poll(context).is_ready());
        if settled {
            self.settling = None;
            return Poll::Ready(Event::Touched);
        }
        Poll::Pending
    }
}
