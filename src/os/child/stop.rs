//! A program that is ended and started again, and other processes beside it.

use std::io;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::sync::oneshot;

use super::foreground::Foreground;
use super::{ChildProgram, ChildRole, ProgramEnd, separates_program};
use crate::output::error::Error;
use crate::output::run::RunError;

/// A program that was ended, or that has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StoppedProgram {
    /// How it ended.
    pub end: ProgramEnd,
    /// Whether it had to be killed.
    pub was_killed: bool,
    /// Whether it had ended already, or this process was asked to end meanwhile: it is not started again.
    pub is_final: bool,
}

/// Whether a program is being ended, and whether it is not to be started again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StopState {
    is_stopping: bool,
    is_final: bool,
}

impl StopState {
    /// Takes a signal that is passed on. One that asks to end means this process, too.
    pub(super) fn received(&mut self, signal: Signal, shares_terminal: bool) {
        let ends = match signal {
            Signal::TERM => true,
            Signal::INT | Signal::QUIT => self.is_stopping,
            // Without a terminal, it is for a program that reads its files again, which the next one does anyway.
            Signal::HUP => self.is_stopping && shares_terminal,
            _ => false,
        };
        self.is_final |= ends;
    }
}

/// A child beside the program, and who waits for its end.
#[derive(Debug)]
pub(super) struct HelperProcess {
    pid: Pid,
    ended: oneshot::Sender<ProgramEnd>,
}

fn child_of(number: i32) -> Result<Pid, Error> {
    let invalid = || RunError::System(io::ErrorKind::InvalidInput.into());
    Ok(Pid::from_raw(number).ok_or_else(invalid)?)
}

impl ChildProgram {
    /// Sends a signal to the program.
    pub fn signal(&self, signal: Signal) {
        // It may have ended already, and is reaped next.
        let _ = kill_process(self.pid, signal);
    }

    /// Returns whether this process was asked to end, which the program was told.
    pub fn is_asked_to_end(&self) -> bool {
        self.stop.is_final
    }

    /// Ends the program: by SIGTERM, and by SIGKILL if it has not ended after `grace`.
    pub async fn stop(&mut self, grace: Duration) -> StoppedProgram {
        if let Some(end) = self.reap() {
            self.foreground = None;
            return StoppedProgram { end, was_killed: false, is_final: true };
        }
        self.stop.is_stopping = true;
        self.signal(Signal::TERM);
        // A stopped program does not handle it.
        self.signal(Signal::CONT);
        let in_time = match select(pin!(self.ended()), pin!(tokio::time::sleep(grace))).await {
            Either::Left((end, _)) => Some(end),
            Either::Right(_) => None,
        };
        let was_killed = in_time.is_none();
        let end = match in_time {
            Some(end) => end,
            None => {
                self.kill();
                self.ended().await
            }
        };
        self.stop.is_stopping = false;
        // The terminal has told the program, and not this process.
        let is_interrupted =
            [Signal::INT, Signal::QUIT].map(|it| ProgramEnd::Signaled(it.as_raw())).contains(&end);
        self.stop.is_final |= is_interrupted;
        StoppedProgram { end, was_killed, is_final: self.stop.is_final }
    }

    /// Kills the program, and what it has started if it has a process group of its own.
    fn kill(&self) {
        let is_group = matches!(self.role, ChildRole::OfInit) && separates_program();
        if is_group {
            let _ = kill_process_group(self.pid, Signal::KILL);
        }
        self.signal(Signal::KILL);
    }

    /// Runs another program in the place of one that has ended. `start` returns its number.
    pub fn start_again(&mut self, start: impl FnOnce() -> Result<i32, Error>) -> Result<(), Error> {
        let pid = self.signals.with_inherited_mask(start)?;
        self.pid = child_of(pid)?;
        if matches!(self.role, ChildRole::OfInit) && separates_program() {
            self.foreground = Foreground::give_to(self.pid);
        }
        Ok(())
    }

    /// Starts another child beside the program. `start` returns its number. The result is that number, and completes
    /// when it has ended.
    pub fn start_helper(
        &mut self,
        start: impl FnOnce() -> Result<i32, Error>,
    ) -> Result<(u32, oneshot::Receiver<ProgramEnd>), Error> {
        let number = self.signals.with_inherited_mask(start)?;
        let pid = child_of(number)?;
        let (sender, ended) = oneshot::channel();
        self.helpers.push(HelperProcess { pid, ended: sender });
        Ok((number.unsigned_abs(), ended))
    }

    /// Tells how a child beside the program has ended.
    pub(super) fn helper_ended(&mut self, pid: Pid, end: ProgramEnd) {
        for helper in self.helpers.extract_if(.., |it| it.pid == pid) {
            // No one may wait for it any more.
            let _ = helper.ended.send(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_that_end_a_program_for_good() {
        // The signal, whether it does so while the program runs, while it is ended, and that on a terminal.
        let rows = [
            (Signal::TERM, [true, true, true]),
            (Signal::INT, [false, true, true]),
            (Signal::QUIT, [false, true, true]),
            (Signal::HUP, [false, false, true]),
            (Signal::USR1, [false, false, false]),
        ];
        for (signal, expected) in rows {
            let is_final = |is_stopping, shares_terminal| {
                let mut state = StopState { is_stopping, is_final: false };
                state.received(signal, shares_terminal);
                state.is_final
            };
            let found = [is_final(false, true), is_final(true, false), is_final(true, true)];
            assert_eq!(found, expected, "{signal:?}");
        }
        let mut state = StopState { is_stopping: false, is_final: true };
        state.received(Signal::USR1, false);
        assert!(state.is_final);
    }
}
