//! The signals that a process passes on to its program.

use std::future::poll_fn;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use nix::sys::signal::{SigSet, SigmaskHow};
use rustix::process::Signal;
use signal_hook::flag;
use tokio::signal::unix::{Signal as SignalStream, SignalKind, signal};
use tokio::sync::mpsc::UnboundedReceiver;

use super::is_init;

/// The signals that are passed on: all of which the sender may mean the program, but those of real time,
/// which no safe interface sends. The others are about this process itself, or cannot be caught.
const PASSED_ON: &[Signal] = &[
    Signal::HUP,
    Signal::INT,
    Signal::QUIT,
    Signal::TERM,
    Signal::USR1,
    Signal::USR2,
    Signal::ALARM,
    Signal::VTALARM,
    Signal::PROF,
    Signal::WINCH,
    Signal::CONT,
    Signal::TSTP,
    Signal::IO,
    #[cfg(target_os = "linux")]
    Signal::POWER,
];

/// The signals that end this process before the program runs, as they end any process that does not
/// handle them.
const ENDING: [Signal; 4] = [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM];

/// Whether they end it.
static ENDS: AtomicBool = AtomicBool::new(true);

/// The signals that a terminal sends to all processes of its foreground.
const OF_TERMINAL: [Signal; 4] = [Signal::INT, Signal::QUIT, Signal::TSTP, Signal::WINCH];

/// Lets signals end this process until it listens to them: the first process of a namespace is not ended by
/// default. Those that its caller ignores stay ignored.
pub fn end_by_signals() {
    for signal in ENDING.map(Signal::as_raw) {
        if is_init() && !roles_anywhere_inherited_signals::was_ignored(signal) {
            // The exit code of a shell for this signal. Without the handler, the process only ends later.
            let _ = flag::register_conditional_shutdown(signal, 128 + signal, &ENDS);
        }
    }
}

/// Whether this process handles the signal that a terminal stops processes by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TerminalStop {
    /// It is passed on to the program.
    PassedOn,
    /// It stops this process.
    Default,
}

/// What has been received.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ReceivedSignal {
    /// A signal that is passed on.
    Signal(Signal),
    /// A child has ended or stopped.
    OfChild,
}

impl ReceivedSignal {
    /// Returns whether it ends a process that does not handle it.
    pub(super) fn asks_to_end(self) -> bool {
        matches!(self, Self::Signal(signal) if ENDING.contains(&signal))
    }
}

/// The signals of this process, from when it listens to them.
#[derive(Debug)]
pub struct ProgramSignals {
    passed_on: Vec<(Signal, SignalStream)>,
    /// Those of a terminal that another process has sent.
    sent: Option<UnboundedReceiver<Signal>>,
    child: SignalStream,
    /// The signals that the caller of this process blocks.
    blocked: SigSet,
}

impl ProgramSignals {
    /// Listens, within a tokio runtime. What comes before the program runs is passed on to it.
    pub fn listen(stop: TerminalStop) -> io::Result<Self> {
        let stream = |of: Signal| Ok((of, signal(SignalKind::from_raw(of.as_raw()))?));
        let is_handled = |of: &Signal| *of != Signal::TSTP || stop == TerminalStop::PassedOn;
        let passed_on = PASSED_ON.iter().copied().filter(is_handled);
        let passed_on = passed_on.map(stream).collect::<io::Result<_>>()?;
        let child = signal(SignalKind::child())?;
        ENDS.store(false, Ordering::Relaxed);
        let blocked = SigSet::thread_get_mask()?;
        SigSet::empty().thread_set_mask()?;
        Ok(Self { passed_on, sent: None, child, blocked })
    }

    /// Calls `start`, which starts the program, with the signals blocked that the caller of this process
    /// blocks.
    pub fn with_inherited_mask<T>(&self, start: impl FnOnce() -> T) -> T {
        let own = self.blocked.thread_swap_mask(SigmaskHow::SIG_SETMASK);
        let started = start();
        if let Ok(own) = own {
            let _ = own.thread_set_mask();
        }
        started
    }

    /// Passes on no more what the terminal sends to this process and to the program alike. Signals that
    /// another process sends to this one are still passed on, where the system tells them apart.
    pub(super) fn leave_to_terminal(&mut self) {
        self.passed_on
            .retain(|(signal, _)| *signal == Signal::WINCH || !OF_TERMINAL.contains(signal));
        #[cfg(target_os = "linux")]
        {
            self.sent = sent::listen().ok();
        }
    }

    /// Completes with the next signal that is passed on, or once a child has ended or stopped.
    pub(super) async fn next(&mut self) -> ReceivedSignal {
        let Self { passed_on, sent, child, .. } = self;
        poll_fn(|context| {
            if child.poll_recv(context).is_ready() {
                return Poll::Ready(ReceivedSignal::OfChild);
            }
            if let Some(Poll::Ready(Some(signal))) = sent.as_mut().map(|it| it.poll_recv(context)) {
                return Poll::Ready(ReceivedSignal::Signal(signal));
            }
            let received = passed_on.iter_mut().find_map(|(signal, stream)| {
                stream.poll_recv(context).is_ready().then_some(*signal)
            });
            received.map_or(Poll::Pending, |signal| Poll::Ready(ReceivedSignal::Signal(signal)))
        })
        .await
    }
}

#[cfg(target_os = "linux")]
mod sent {
    //! The signals that a terminal can send, if a process has sent them.

    use std::io;

    use rustix::process::Signal;
    use signal_hook::iterator::SignalsInfo;
    use signal_hook::iterator::exfiltrator::WithRawSiginfo;
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    /// Those that end a program.
    const SIGNALS: [Signal; 2] = [Signal::INT, Signal::QUIT];

    /// Listens on a thread of its own.
    pub(super) fn listen() -> io::Result<UnboundedReceiver<Signal>> {
        let mut signals = SignalsInfo::<WithRawSiginfo>::new(SIGNALS.map(Signal::as_raw))?;
        let (sender, received) = unbounded_channel();
        std::thread::Builder::new().spawn(move || {
            for info in signals.forever() {
                // Positive numbers are of the kernel, as for a key of the terminal.
                let signal = SIGNALS.into_iter().find(|it| it.as_raw() == info.si_signo);
                if let Some(signal) = signal.filter(|_| info.si_code <= 0)
                    && sender.send(signal).is_err()
                {
                    break;
                }
            }
        })?;
        Ok(received)
    }
}
