//! The clocks of this machine.

use std::pin::Pin;
use std::time::{Duration, Instant, SystemTime};

use crate::time::{Clock, Timer, Timestamp};

/// The wall clock, and how long this process has been running.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// Starts counting.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    fn now(&self) -> Timestamp {
        let seconds = |elapsed: Duration| i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX);
        match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(elapsed) => Timestamp::from_unix(seconds(elapsed)),
            Err(before) => Timestamp::from_unix(-seconds(before.duration())),
        }
    }

    fn uptime(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Waits on tokio's timer.
#[derive(Clone, Copy, Debug)]
pub struct SystemTimer;

impl Timer for SystemTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        Box::pin(tokio::time::sleep(duration))
    }
}
