//! A program that this process runs as its child: signals are passed on to it, and it is reaped.
//!
//! The first process of a PID namespace, such as a container, runs one: the kernel gives orphans to it, so it
//! cannot become the program itself, for which the detached process of an endpoint would be a child that it does
//! not know. So does a process that masks what a program writes, and the one that leads the session of the
//! program's terminal then.

mod end;
mod foreground;
mod signals;
mod stop;

use std::future::pending;
use std::io;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use rustix::process::{
    Pid, Signal, WaitOptions, getpid, kill_current_process_group, kill_process, kill_process_group,
    wait,
};
use rustix::termios::tcgetpgrp;

use crate::os::masked::{OtherTerminals, ProgramTerminal};
pub use end::{ProgramEnd, end_by, end_of_filter};
use foreground::{Foreground, open_terminal};
use signals::ReceivedSignal;
pub use signals::{ProgramSignals, TerminalStop, end_by_signals};
pub use stop::StoppedProgram;
use stop::{HelperProcess, StopState};

/// How often a process in the background of its terminal checks whether it still is: a shell says nothing when
/// it brings a job to the foreground that runs.
const CHECK_INTERVAL: Duration = Duration::from_millis(200);

/// Returns whether this process is the first one of its PID namespace.
pub fn is_init() -> bool {
    getpid().is_init()
}

/// Returns whether the program gets a process group of its own. Not if the group of this process is of
/// another namespace, as after `unshare`: whether that is the foreground of the terminal is not known
/// here, so the program stays in it.
pub fn separates_program() -> bool {
    // Not of rustix, for which no process has the number 0.
    nix::unistd::getpgrp().as_raw() != 0
}

/// What a child is to this process, which decides what a signal means.
#[derive(Debug)]
pub enum ChildRole {
    /// The program of the first process of a PID namespace, in a process group of its own if it can be.
    OfInit,
    /// A program in the process group of this process. Its other terminals, if it has some, have the size of
    /// ours.
    InGroup(OtherTerminals),
    /// A program in a process group of its own, on the terminal whose session this process leads.
    InSession,
    /// A process that leads the session of the terminal that a program has instead of ours.
    OnTerminal(ProgramTerminal),
}

/// A program that this process runs.
#[derive(Debug)]
pub struct ChildProgram {
    pid: Pid,
    signals: ProgramSignals,
    role: ChildRole,
    /// Whether the program gets signals from the terminal as this process does.
    shares_terminal: bool,
    foreground: Option<Foreground>,
    stop: StopState,
    /// Other children whose ends are waited for.
    helpers: Vec<HelperProcess>,
}

/// What this process is told while the program runs.
enum Told {
    ReceivedSignal(ReceivedSignal),
    /// It is time to check whether it is in the foreground of the terminal again.
    Check,
}

impl ChildProgram {
    /// Takes over the child with the number `pid`. A program with a process group of its own becomes the
    /// foreground of the terminal if the group of this process was.
    pub fn run(mut signals: ProgramSignals, pid: i32, role: ChildRole) -> io::Result<Self> {
        // The number is its own until it is reaped here.
        let pid = Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidInput)?;
        let (shares_terminal, foreground) = match &role {
            ChildRole::OfInit if separates_program() => (false, Foreground::give_to(pid)),
            ChildRole::OfInit | ChildRole::InGroup(_) => (open_terminal().is_some(), None),
            // On its terminal, the program has made itself the foreground.
            ChildRole::InSession | ChildRole::OnTerminal(_) => (false, None),
        };
        if shares_terminal {
            signals.leave_to_terminal();
        }
        let (stop, helpers) = (StopState::default(), Vec::new());
        Ok(Self { pid, signals, role, shares_terminal, foreground, stop, helpers })
    }

    /// Completes when the program has ended.
    pub async fn ended(&mut self) -> ProgramEnd {
        loop {
            if let Some(end) = self.reap() {
                self.foreground = None;
                return end;
            }
            match self.told().await {
                Told::ReceivedSignal(ReceivedSignal::OfChild) => {}
                Told::ReceivedSignal(ReceivedSignal::Signal(signal)) => {
                    self.stop.received(signal, self.shares_terminal);
                    self.pass_on(signal);
                }
                Told::Check => {
                    if let ChildRole::OnTerminal(terminal) = &self.role {
                        terminal.take();
                    }
                }
            }
        }
    }

    /// Completes when a signal asks this process to end, once the program has ended.
    pub async fn asked_to_end(&mut self) {
        while !self.signals.next().await.asks_to_end() {}
    }

    async fn told(&mut self) -> Told {
        let is_checked =
            matches!(&self.role, ChildRole::OnTerminal(terminal) if !terminal.is_taken());
        let check = async {
            match is_checked {
                true => tokio::time::sleep(CHECK_INTERVAL).await,
                false => pending().await,
            }
        };
        match select(pin!(self.signals.next()), pin!(check)).await {
            Either::Left((received, _)) => Told::ReceivedSignal(received),
            Either::Right(_) => Told::Check,
        }
    }

    fn pass_on(&self, signal: Signal) {
        match (&self.role, signal) {
            (ChildRole::OnTerminal(terminal), Signal::WINCH) => return terminal.resize(),
            (ChildRole::OnTerminal(terminal), Signal::CONT) => return terminal.take(),
            (ChildRole::InGroup(terminals), Signal::WINCH) => terminals.resize(),
            _ => {}
        }
        if self.shares_terminal && signal == Signal::WINCH {
            return;
        }
        // It may have ended already, and is reaped next.
        let _ = kill_process(self.pid, signal);
    }

    /// Reaps all processes that have ended, and returns how the program ended if it is among them.
    fn reap(&mut self) -> Option<ProgramEnd> {
        let mut end = None;
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG | WaitOptions::UNTRACED) {
            match status.stopping_signal() {
                Some(signal) if pid == self.pid => self.stopped(signal),
                Some(_) => {}
                None if pid == self.pid => end = Some(status.into()),
                None => self.helper_ended(pid, status.into()),
            }
        }
        end
    }

    /// Does what is to be done when the child has stopped.
    fn stopped(&self, signal: i32) {
        match &self.role {
            ChildRole::OfInit => self.resume(signal),
            // The shell that has started this process is to see a job that has stopped.
            ChildRole::InGroup(_) if self.shares_terminal => {
                let _ = kill_process(getpid(), Signal::TSTP);
            }
            ChildRole::InGroup(_) => {}
            // The parent of this process resumes it.
            ChildRole::InSession => {
                let _ = kill_process(getpid(), Signal::STOP);
                let _ = kill_process_group(self.pid, Signal::CONT);
            }
            ChildRole::OnTerminal(terminal) => {
                terminal.give_back();
                // As the terminal would do it. It stops nothing if no shell could resume this process.
                let _ = kill_current_process_group(Signal::TSTP);
                terminal.take();
                terminal.resize();
                let _ = kill_process(self.pid, Signal::CONT);
            }
        }
    }

    /// Resumes the program if the terminal has stopped it: no shell would do so, and the first process of a
    /// namespace, which it would be without us, is not stopped.
    fn resume(&self, signal: i32) {
        let is_typed = signal == Signal::TSTP.as_raw() && self.foreground.is_some();
        if is_typed || self.was_early(signal) {
            let _ = kill_process_group(self.pid, Signal::CONT);
        }
    }

    /// Returns whether the program has used the terminal before that was its own. If it gave that away, it
    /// would be stopped again.
    fn was_early(&self, signal: i32) -> bool {
        let Some(Foreground { terminal, .. }) = &self.foreground else { return false };
        [Signal::TTIN, Signal::TTOU].iter().any(|it| it.as_raw() == signal)
            && tcgetpgrp(terminal) == Ok(self.pid)
    }
}
