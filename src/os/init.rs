//! This process as the first one of a PID namespace, such as a container: it runs a program, passes
//! signals on to it, and reaps the processes that others leave behind.
//!
//! The kernel gives orphans to this process, so it cannot become the program itself: the detached process
//! of an endpoint would be a child that the program does not know.

use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use futures_util::future::{Either, select};
use nix::sys::signal::{SigSet, SigmaskHow, Signal as BlockedSignal};
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, getpgrp, getpid, kill_process, kill_process_group, wait,
};
use rustix::termios::{tcgetpgrp, tcsetpgrp};
use signal_hook::flag;
use tokio::signal::unix::{Signal as SignalStream, SignalKind, signal};

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

/// Returns whether this process is the first one of its PID namespace.
pub fn is_init() -> bool {
    getpid().is_init()
}

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

/// Returns whether the program gets a process group of its own. Not if the group of this process is of
/// another namespace, as after `unshare`: whether that is the foreground of the terminal is not known
/// here, so the program stays in it.
pub fn separates_program() -> bool {
    // Not of rustix, for which no process has the number 0.
    nix::unistd::getpgrp().as_raw() != 0
}

/// The signals of this process, from when it listens to them.
#[derive(Debug)]
pub struct InitSignals {
    passed_on: Vec<(Signal, SignalStream)>,
    child: SignalStream,
    /// The signals that the caller of this process blocks.
    blocked: SigSet,
}

/// A program that this process runs.
#[derive(Debug)]
pub struct InitProgram {
    pid: Pid,
    signals: InitSignals,
    terminal: Option<Foreground>,
}

impl InitSignals {
    /// Listens, within a tokio runtime. What comes before the program runs is passed on to it.
    pub fn listen() -> io::Result<Self> {
        let stream = |of: Signal| Ok((of, signal(SignalKind::from_raw(of.as_raw()))?));
        let passed_on = PASSED_ON.iter().copied().map(stream).collect::<io::Result<_>>()?;
        let child = signal(SignalKind::child())?;
        ENDS.store(false, Ordering::Relaxed);
        let blocked = SigSet::thread_get_mask()?;
        SigSet::empty().thread_set_mask()?;
        Ok(Self { passed_on, child, blocked })
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

    /// Takes over the program with the number `pid`, in a process group of its own if it gets one. Makes
    /// that the foreground of the terminal if the group of this process was.
    pub fn run(mut self, pid: i32) -> io::Result<InitProgram> {
        // The number is its own until it is reaped here.
        let pid = Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidInput)?;
        if separates_program() {
            return Ok(InitProgram { pid, signals: self, terminal: Foreground::give_to(pid) });
        }
        if open_terminal().is_some() {
            // The program gets them from the terminal as this process does.
            self.passed_on.retain(|(signal, _)| !OF_TERMINAL.contains(signal));
        }
        Ok(InitProgram { pid, signals: self, terminal: None })
    }
}

impl InitProgram {
    /// Completes when the program has ended, with its exit code as a shell has it.
    pub async fn ended(mut self) -> u8 {
        loop {
            if let Some(code) = self.reap() {
                drop(self.terminal);
                return code;
            }
            let InitSignals { passed_on, child, .. } = &mut self.signals;
            let received = {
                let any = poll_fn(|context| {
                    let received = passed_on.iter_mut().find_map(|(signal, stream)| {
                        stream.poll_recv(context).is_ready().then_some(*signal)
                    });
                    received.map_or(Poll::Pending, Poll::Ready)
                });
                match select(pin!(child.recv()), any).await {
                    Either::Left(_) => None,
                    Either::Right((signal, _)) => Some(signal),
                }
            };
            if let Some(signal) = received {
                // It may have ended already, and is reaped next.
                let _ = kill_process(self.pid, signal);
            }
        }
    }

    /// Reaps all processes that have ended, and returns the exit code of the program if it is among them.
    fn reap(&self) -> Option<u8> {
        let mut code = None;
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG | WaitOptions::UNTRACED) {
            if pid != self.pid {
                continue;
            }
            match status.stopping_signal() {
                Some(signal) => self.resume(signal),
                None => code = Some(exit_code(status)),
            }
        }
        code
    }

    /// Resumes the program if the terminal has stopped it: no shell would do so, and the first process of a
    /// namespace, which it would be without us, is not stopped.
    fn resume(&self, signal: i32) {
        let Some(Foreground { terminal, .. }) = &self.terminal else { return };
        let is_typed = signal == Signal::TSTP.as_raw();
        // It used the terminal before that was its own. If it gave that away, it would be stopped again.
        let was_early = [Signal::TTIN, Signal::TTOU].iter().any(|it| it.as_raw() == signal)
            && tcgetpgrp(terminal) == Ok(self.pid);
        if is_typed || was_early {
            let _ = kill_process_group(self.pid, Signal::CONT);
        }
    }
}

/// Returns the exit code of a program as a shell has it: 128 and the number of the signal that ended it.
fn exit_code(status: WaitStatus) -> u8 {
    let signal = status.terminating_signal().map(|signal| 128 + signal);
    let code = status.exit_status().or(signal);
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

/// The terminal, of which another process group is the foreground until this is dropped.
#[derive(Debug)]
struct Foreground {
    terminal: File,
    own: Pid,
}

impl Foreground {
    /// Makes the group of a program the foreground if the group of this process is.
    fn give_to(program: Pid) -> Option<Self> {
        let terminal = open_terminal()?;
        let own = getpgrp();
        let is_foreground = tcgetpgrp(&terminal) == Ok(own);
        (is_foreground && tcsetpgrp(&terminal, program).is_ok()).then_some(Self { terminal, own })
    }
}

/// Opens the terminal of this process, if it has one.
fn open_terminal() -> Option<File> {
    File::options().read(true).write(true).open("/dev/tty").ok()
}

impl Drop for Foreground {
    fn drop(&mut self) {
        // A process in the background would be stopped for it.
        let stop = SigSet::from(BlockedSignal::SIGTTOU);
        let _ = stop.thread_block();
        let _ = tcsetpgrp(&self.terminal, self.own);
        let _ = stop.thread_unblock();
    }
}
