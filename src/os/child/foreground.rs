//! The foreground of the terminal, which a program has while it runs.

use std::fs::File;

use nix::sys::signal::{SigSet, Signal as BlockedSignal};
use rustix::process::{Pid, getpgrp};
use rustix::termios::{tcgetpgrp, tcsetpgrp};

/// The terminal, of which another process group is the foreground until this is dropped.
#[derive(Debug)]
pub(super) struct Foreground {
    pub(super) terminal: File,
    own: Pid,
}

impl Foreground {
    /// Makes the group of a program the foreground if the group of this process is.
    pub(super) fn give_to(program: Pid) -> Option<Self> {
        let terminal = open_terminal()?;
        let own = getpgrp();
        let is_foreground = tcgetpgrp(&terminal) == Ok(own);
        let is_given = is_foreground && tcsetpgrp(&terminal, program).is_ok();
        // Not made before that: its end would take the foreground from another group.
        is_given.then(|| Self { terminal, own })
    }
}

/// Opens the terminal of this process, if it has one.
pub(super) fn open_terminal() -> Option<File> {
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
