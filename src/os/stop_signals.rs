//! The signals that ask a process to stop, for work that must not end at any moment.

#[cfg(not(unix))]
pub use other::StopSignals;
#[cfg(unix)]
pub use unix::StopSignals;

#[cfg(unix)]
mod unix {
    use std::cell::{Cell, RefCell};
    use std::future::poll_fn;
    use std::io;
    use std::task::{Context, Poll, Waker};

    use tokio::signal::unix::{Signal, SignalKind, signal};

    use crate::output::rotation::StopSignal;

    const SIGNALS: [StopSignal; 3] =
        [StopSignal::Terminate, StopSignal::Interrupt, StopSignal::Hangup];

    /// The signals that ask this process to stop, from when it listens to them; none by default. The first one
    /// is kept.
    #[derive(Debug, Default)]
    pub struct StopSignals {
        streams: RefCell<Vec<(StopSignal, Signal)>>,
        received: Cell<Option<StopSignal>>,
    }

    impl StopSignals {
        /// Listens, within a tokio runtime. Signals that the caller of this process ignores stay ignored, as
        /// `nohup` expects it.
        pub fn listen() -> io::Result<Self> {
            let listened = SIGNALS
                .into_iter()
                .filter(|it| !roles_anywhere_inherited_signals::was_ignored(it.number().into()));
            let stream =
                |it: StopSignal| Ok((it, signal(SignalKind::from_raw(it.number().into()))?));
            let streams = listened.map(stream).collect::<io::Result<_>>()?;
            Ok(Self { streams: RefCell::new(streams), received: Cell::new(None) })
        }

        /// Returns the signal that was received, if one was.
        pub fn received(&self) -> Option<StopSignal> {
            let _ = self.poll(&mut Context::from_waker(Waker::noop()));
            self.received.get()
        }

        /// Completes when a signal was received.
        pub async fn next(&self) -> StopSignal {
            poll_fn(|context| self.poll(context)).await
        }

        fn poll(&self, context: &mut Context<'_>) -> Poll<StopSignal> {
            if let Some(signal) = self.received.get() {
                return Poll::Ready(signal);
            }
            let mut streams = self.streams.borrow_mut();
            let mut received = streams.iter_mut().filter_map(|(signal, stream)| {
                stream.poll_recv(context).is_ready().then_some(*signal)
            });
            match received.next() {
                Some(signal) => {
                    self.received.set(Some(signal));
                    Poll::Ready(signal)
                }
                None => Poll::Pending,
            }
        }
    }
}

#[cfg(not(unix))]
mod other {
    use std::future::pending;
    use std::io;

    use crate::output::rotation::StopSignal;

    /// No signals.
    #[derive(Debug, Default)]
    pub struct StopSignals;

    impl StopSignals {
        /// Listens to nothing.
        #[expect(clippy::unnecessary_wraps, reason = "as on Unix")]
        pub fn listen() -> io::Result<Self> {
            Ok(Self)
        }

        /// Returns `None`.
        pub fn received(&self) -> Option<StopSignal> {
            None
        }

        /// Does not complete.
        pub async fn next(&self) -> StopSignal {
            pending().await
        }
    }
}
