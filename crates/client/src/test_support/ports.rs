//! All ports of a command at once.

use std::sync::Arc;

use crate::ports::{NoTrace, Ports};
use crate::test_support::blocking::FakeBlocking;
use crate::test_support::clock::ManualClock;
use crate::test_support::entropy::SequenceEntropy;
use crate::test_support::files::FakeFiles;
use crate::test_support::password::FixedPassword;
use crate::test_support::transport::ScriptedTransport;

/// A fake of each port; the default has no files, no password and no network.
#[derive(Debug)]
pub struct FakePorts {
    /// Tells the time, and waits.
    pub clock: ManualClock,
    /// The random source.
    pub entropy: SequenceEntropy,
    /// The files.
    pub files: FakeFiles,
    /// The password of every key.
    pub passwords: FixedPassword,
    /// The service.
    pub transport: ScriptedTransport,
    /// The other thread.
    pub blocking: FakeBlocking,
}

impl Default for FakePorts {
    fn default() -> Self {
        Self {
            clock: ManualClock::default(),
            entropy: SequenceEntropy::constant(7),
            files: FakeFiles::empty(),
            passwords: FixedPassword::none(),
            transport: ScriptedTransport::unused(),
            blocking: FakeBlocking::inline(),
        }
    }
}

impl FakePorts {
    /// Returns them as one bundle, which shares their state.
    pub fn ports(&self) -> Ports {
        Ports {
            clock: Arc::new(self.clock.clone()),
            timer: Arc::new(self.clock.clone()),
            entropy: Arc::new(self.entropy.clone()),
            files: Arc::new(self.files.clone()),
            passwords: Arc::new(self.passwords),
            transport: Arc::new(self.transport.clone()),
            trace: Arc::new(NoTrace),
            blocking: Arc::new(self.blocking.clone()),
        }
    }
}
