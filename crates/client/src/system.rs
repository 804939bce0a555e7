//! The ports on the real system, for a program that has no others: the feature `system`.

mod blocking;
mod clock;
mod entropy;
mod files;

use std::sync::Arc;

pub use blocking::BlockingThread;
pub use clock::{SystemClock, SystemTimer};
pub use entropy::SystemEntropy;
pub use files::{NoPasswords, RegularFiles};

use crate::http::TransportOptions;
use crate::https::Https;
use crate::ports::{NoTrace, Ports};

impl Ports {
    /// Returns the ports on the real system: keys without a password in regular files, HTTPS, and
    /// tokio's timer. The uptime counts from now. Opens nothing.
    pub fn system(transport: TransportOptions) -> Self {
        Self {
            clock: Arc::new(SystemClock::start()),
            timer: Arc::new(SystemTimer),
            entropy: Arc::new(SystemEntropy),
            files: Arc::new(RegularFiles),
            passwords: Arc::new(NoPasswords),
            transport: Arc::new(Https::new(transport, files::read)),
            trace: Arc::new(NoTrace),
            blocking: Arc::new(BlockingThread),
        }
    }
}
