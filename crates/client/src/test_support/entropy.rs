//! Numbers that a test can predict.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::secret::Entropy;

/// A random source whose numbers follow from its first one. Copies share their state.
#[derive(Clone, Debug)]
pub struct SequenceEntropy {
    next: Arc<AtomicU64>,
    sequence: Sequence,
}

#[derive(Clone, Copy, Debug)]
enum Sequence {
    Constant,
    Counting,
    PseudoRandom,
}

impl SequenceEntropy {
    /// Returns a source of one number only.
    pub fn constant(number: u64) -> Self {
        Self::of(number, Sequence::Constant)
    }

    /// Returns a source that counts: 0, 1, 2…
    pub fn counting() -> Self {
        Self::of(0, Sequence::Counting)
    }

    /// Returns a source of numbers below 2^31 that look random, the same for the same seed.
    pub fn pseudo_random(seed: u64) -> Self {
        Self::of(seed, Sequence::PseudoRandom)
    }

    fn of(next: u64, sequence: Sequence) -> Self {
        Self { next: Arc::new(AtomicU64::new(next)), sequence }
    }

    /// Makes the next numbers follow from `seed`.
    pub fn reseed(&self, seed: u64) {
        self.next.store(seed, Ordering::Relaxed);
    }
}

impl Entropy for SequenceEntropy {
    fn bits(&self) -> u64 {
        let number = self.next.load(Ordering::Relaxed);
        match self.sequence {
            Sequence::Constant => number,
            Sequence::Counting => self.next.fetch_add(1, Ordering::Relaxed),
            Sequence::PseudoRandom => {
                // Knuth's MMIX generator; its low bits have short periods.
                let next = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                self.next.store(next, Ordering::Relaxed);
                next >> 33
            }
        }
    }
}
