//! The generator of aws-lc, seeded by the system.

use crate::secret::Entropy;

/// The generator of aws-lc.
#[derive(Clone, Copy, Debug)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn bits(&self) -> u64 {
        let mut bytes = [0; 8];
        // Tokens are made of these bits: ending the process is better than a guessable token.
        aws_lc_rs::rand::fill(&mut bytes).expect("aws-lc's generator does not fail once seeded");
        u64::from_le_bytes(bytes)
    }
}
