//! All ports of a command at once.

use crate::ports::{NoTrace, World};
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
}

impl Default for FakePorts {
    fn default() -> Self {
        Self {
            clock: ManualClock::default(),
            entropy: SequenceEntropy::constant(7),
            files: FakeFiles::empty(),
            passwords: FixedPassword::none(),
            transport: ScriptedTransport::unused(),
        }
    }
}

impl FakePorts {
    /// Returns references to the ports.
    pub fn world(&self) -> World<'_> {
        World {
            clock: &self.clock,
            timer: &self.clock,
            entropy: &self.entropy,
            files: &self.files,
            passwords: &self.passwords,
            transport: &self.transport,
            trace: &NoTrace,
        }
    }
}
