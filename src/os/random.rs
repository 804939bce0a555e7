//! The generator of aws-lc, seeded by the system.

use crate::secret::Entropy;

/// The generator of aws-lc.
#[derive(Debug)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn bits(&self) -> u64 {
        let mut bytes = [0; 8];
        // Only jitter depends on it; a generator that fails costs the jitter alone.
        let _ = aws_lc_rs::rand::fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}
