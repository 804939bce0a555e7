//! The clocks of this machine.

use futures_util::future::BoxFuture;
use std::time::{Duration, SystemTime};

#[cfg(target_os = "linux")]
use crate::time::Running;
use crate::time::{Clock, Timer, Timestamp};

/// The wall clock, and the uptime of this process.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    started: Duration,
}

impl SystemClock {
    /// Returns the clocks; the uptime counts from now.
    pub fn start() -> Self {
        Self { started: awake_or_asleep() }
    }
}

/// Returns the time since the machine was started, including its sleep.
///
/// `CLOCK_MONOTONIC`, the usual choice, stops while the machine sleeps, but sessions expire meanwhile.
#[cfg(target_os = "linux")]
fn awake_or_asleep() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Returns the random identifier that the kernel chose at this boot.
#[cfg(target_os = "linux")]
fn boot_id() -> rustix::io::Result<String> {
    use rustix::fs::{Mode, OFlags, open};
    let file = open("/proc/sys/kernel/random/boot_id", OFlags::CLOEXEC, Mode::empty())?;
    let mut bytes = [0; 36];
    let length = rustix::io::read(file, &mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes[..length]).into_owned())
}

/// Returns the time since the first call; whether it includes sleep depends on the system.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
fn awake_or_asleep() -> Duration {
    static FIRST: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    FIRST.get_or_init(std::time::Instant::now).elapsed()
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
        awake_or_asleep().saturating_sub(self.started)
    }

    fn counts_sleep(&self) -> bool {
        cfg!(target_os = "linux")
    }

    #[cfg(target_os = "linux")]
    fn running(&self) -> Option<Running> {
        let seconds = i64::try_from(awake_or_asleep().as_secs()).ok()?;
        Some(Running { boot_id: boot_id().ok()?, seconds })
    }
}

/// Waits on tokio's timer.
#[derive(Clone, Copy, Debug)]
pub struct SystemTimer;

impl Timer for SystemTimer {
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn boot_id_identifies_this_boot() {
        let clock = SystemClock::start();
        let running = clock.running().unwrap();
        assert_eq!(running.boot_id.len(), 36, "{running:?}");
        // It counts from the boot, not from the start of this process.
        assert!(running.seconds > i64::try_from(clock.uptime().as_secs()).unwrap());
        assert_eq!(clock.running().unwrap().boot_id, running.boot_id);
    }
}
