//! The process that leads the session of a program's terminal. It does what a shell does for a job, since the
//! kernel stops no process whose parents are all in other sessions.

use std::ffi::{OsStr, OsString};
use std::io;

use nix::sys::signal::{SigSet, Signal};
use rustix::process::{getpgrp, getpid, ioctl_tiocsctty, setsid};
use rustix::stdio::stdout;
use rustix::termios::{isatty, tcgetpgrp, tcsetpgrp};

use roles_anywhere_client::text::path;

/// What a process of ours does for a program on a terminal, and the first argument that it is started with. It is
/// no command: it is in no help.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TerminalStep {
    /// It leads the session of the terminal.
    Session,
    /// It makes itself the foreground of the terminal, and becomes the program: if the leader of the session
    /// did that for it, the program could run before.
    Program,
}

impl TerminalStep {
    fn word(self) -> &'static str {
        match self {
            Self::Session => "terminal-session",
            Self::Program => "terminal-program",
        }
    }

    /// Returns the arguments of the process, `own` first, for a program and its arguments.
    pub fn words(self, own: &OsStr, program: &OsStr, arguments: &[OsString]) -> Vec<OsString> {
        let words = [own.to_owned(), self.word().into(), program.to_owned()];
        words.into_iter().chain(arguments.iter().cloned()).collect()
    }

    /// Prepares the terminal that standard output is.
    fn prepare(self) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        {
            // It was started from a link that the kernel calls `exe`.
            let _ = rustix::thread::set_name(c"roles-anywhere");
        }
        match self {
            Self::Session => {
                setsid()?;
                ioctl_tiocsctty(stdout())?;
            }
            Self::Program => {
                // A process in the background would be stopped for it.
                let stop = SigSet::from(Signal::SIGTTOU);
                let was_blocked = SigSet::thread_get_mask()?.contains(Signal::SIGTTOU);
                stop.thread_block()?;
                let taken = tcsetpgrp(stdout(), getpgrp());
                if !was_blocked {
                    stop.thread_unblock()?;
                }
                taken?;
            }
        }
        Ok(())
    }
}

/// A program that is to run on a terminal.
#[derive(Clone, Debug)]
pub struct TerminalProgram {
    /// What this process does for it.
    pub step: TerminalStep,
    /// Its path.
    pub path: OsString,
    /// Its arguments, its name first.
    pub arguments: Vec<OsString>,
}

impl TerminalProgram {
    /// Returns it, with the terminal prepared, if the command line `words` is one of [`TerminalStep::words`].
    pub fn of(words: &[String]) -> Option<io::Result<Self>> {
        let [_, word, program, arguments @ ..] = words else { return None };
        let mut steps = [TerminalStep::Session, TerminalStep::Program].into_iter();
        let step = steps.find(|step| step.word() == word)?;
        // A user who types the word is on a terminal that has a session, or on none.
        let is_expected = match step {
            TerminalStep::Session => isatty(stdout()) && tcgetpgrp(stdout()).is_err(),
            TerminalStep::Program => tcgetpgrp(stdout()).is_ok() && getpgrp() == getpid(),
        };
        is_expected.then(|| {
            step.prepare()?;
            let arguments = arguments.iter().map(|word| path::path(word).into_os_string());
            let path = path::path(program).into_os_string();
            Ok(Self { step, path, arguments: arguments.collect() })
        })
    }
}
