//! What is typed on our terminal, for a program that has another one.

use std::os::fd::AsFd;
use std::sync::{Condvar, Mutex, PoisonError};

use nix::sys::signal::{SigSet, Signal};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, read};

/// Whether the keys go to the program. They do not while this process is in the background.
#[derive(Debug, Default)]
pub(super) struct Keyboard {
    is_taken: Mutex<bool>,
    changed: Condvar,
}

impl Keyboard {
    pub(super) fn is_taken(&self) -> bool {
        *self.is_taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_taken(&self, is_taken: bool) {
        *self.is_taken.lock().unwrap_or_else(PoisonError::into_inner) = is_taken;
        self.changed.notify_all();
    }

    fn wait_until_taken(&self) {
        let is_taken = self.is_taken.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = self.changed.wait_while(is_taken, |is_taken| !*is_taken);
        drop(taken);
    }

    /// Passes on what is typed until the program cannot be told.
    pub(super) fn pass_on(&self, ours: &impl AsFd, program: &impl AsFd) {
        // In the background, reading is an error then, and does not stop this process.
        let _ = SigSet::from(Signal::SIGTTIN).thread_block();
        let mut typed = [0; 4_096];
        loop {
            self.wait_until_taken();
            let mut ready = [PollFd::new(ours, PollFlags::IN)];
            match poll(&mut ready, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => return,
            }
            if !self.is_taken() {
                continue;
            }
            match read(ours, &mut typed) {
                // It is the main thread that finds out whether this process is in the background, or the
                // terminal is gone.
                Ok(0) | Err(Errno::IO) => self.set_taken(false),
                Ok(length) if !write(program, &typed[..length]) => return,
                Ok(_) | Err(Errno::INTR | Errno::AGAIN) => {}
                Err(_) => return,
            }
        }
    }
}

/// Returns whether all was written.
fn write(program: &impl AsFd, mut rest: &[u8]) -> bool {
    while !rest.is_empty() {
        match rustix::io::write(program, rest) {
            Ok(written) => rest = &rest[written..],
            Err(Errno::INTR) => {}
            Err(_) => return false,
        }
    }
    true
}
