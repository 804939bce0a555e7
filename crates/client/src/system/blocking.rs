//! Threads for work that would block the event loop.

use crate::ports::Blocking;

/// Runs each piece of work on a thread of the tokio runtime, which is kept for a few seconds after it.
///
/// A program that ends must not wait for it: see tokio's `Runtime::shutdown_background`.
#[derive(Clone, Copy, Debug)]
pub struct BlockingThread;

impl Blocking for BlockingThread {
    fn run(&self, work: Box<dyn FnOnce() + Send>) {
        // Nothing waits for the task: `work` itself reports its result.
        drop(tokio::task::spawn_blocking(work));
    }
}
