//! Work for another thread, which runs when a test says so.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::ports::Blocking;

type Work = Box<dyn FnOnce() + Send>;

/// Runs work at once, or holds it back; a copy shares what is held.
#[derive(Clone)]
pub struct FakeBlocking(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    holds: bool,
    held: Vec<Work>,
    started: usize,
}

impl FakeBlocking {
    /// Returns one that runs all work at once.
    pub fn inline() -> Self {
        Self(Arc::default())
    }

    /// Holds new work back from now on, or runs it at once again.
    pub fn hold(&self, holds: bool) {
        self.state().holds = holds;
    }

    /// Runs the work that is held.
    pub fn run_held(&self) {
        let held = std::mem::take(&mut self.state().held);
        held.into_iter().for_each(|work| work());
    }

    /// Returns how much work was started.
    pub fn started(&self) -> usize {
        self.state().started
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl Blocking for FakeBlocking {
    fn run(&self, work: Work) {
        let mut state = self.state();
        state.started += 1;
        if state.holds {
            state.held.push(work);
        } else {
            drop(state);
            work();
        }
    }
}

impl fmt::Debug for FakeBlocking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        write!(f, "<{} of {} held>", state.held.len(), state.started)
    }
}
