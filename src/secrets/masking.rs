//! Masking: the values of secrets in a stream of bytes are replaced by `***NAME***`.
//!
//! The longest value that begins at the leftmost place is replaced. What may be the beginning of a value is held
//! back until more is read, for [`HOLD_BACK`] at most. It is shown then, but not forgotten: if the rest of the
//! value follows, that is still masked.

mod encodings;
mod finder;
mod values;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use finder::{Completeness, Finder, FoundText};
pub use values::{MaskedValue, Masks, MasksRequest, ShortValues};

/// How long the beginning of a value is held back.
pub const HOLD_BACK: Duration = Duration::from_millis(50);

/// Masks one stream.
pub struct Masker {
    finder: Arc<Finder>,
    /// What may be the beginning of a value.
    held: Zeroizing<Vec<u8>>,
    /// The bytes of `held` that were shown because they were held for too long.
    shown: usize,
    /// When the oldest byte came that is not shown, an uptime.
    held_since: Duration,
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Masker holding {} bytes", self.held.len())
    }
}

impl Masker {
    /// Returns what masks a stream from its beginning.
    pub fn new(masks: &Masks) -> Self {
        let held = Zeroizing::default();
        Self { finder: masks.finder(), held, shown: 0, held_since: Duration::ZERO }
    }

    /// Takes the next bytes of the stream, which came at the uptime `now`, and adds what can be shown to `output`.
    pub fn push(&mut self, bytes: &[u8], now: Duration, output: &mut Vec<u8>) {
        let before = self.held.len();
        let scan = Scan { finder: &self.finder, shown: self.shown, output };
        let (consumed, rest) = if before == 0 {
            let consumed = scan.run(bytes, Completeness::MoreMayFollow);
            (consumed, bytes[consumed..].to_vec())
        } else {
            self.held.extend_from_slice(bytes);
            let consumed = scan.run(&self.held, Completeness::MoreMayFollow);
            (consumed, self.held[consumed..].to_vec())
        };
        self.held = Zeroizing::new(rest);
        if consumed.max(self.shown) >= before {
            self.held_since = now;
        }
        self.shown = self.shown.saturating_sub(consumed);
    }

    /// Returns the uptime at which [`Self::release`] is to be called; `None` if nothing is held back.
    pub fn deadline(&self) -> Option<Duration> {
        (self.shown < self.held.len()).then(|| self.held_since + HOLD_BACK)
    }

    /// Shows what is held back, as if the stream ended here.
    pub fn release(&mut self, output: &mut Vec<u8>) {
        let scan = Scan { finder: &self.finder, shown: self.shown, output };
        scan.run(&self.held, Completeness::Ends);
        self.shown = self.held.len();
    }
}

/// One run over bytes of which the first `shown` are in the output already.
struct Scan<'a> {
    finder: &'a Finder,
    shown: usize,
    output: &'a mut Vec<u8>,
}

impl Scan<'_> {
    /// Adds to the output what is decided, and returns how many bytes that were.
    fn run(self, text: &[u8], completeness: Completeness) -> usize {
        let Self { finder, shown, output } = self;
        let (mut at, mut copied) = (0, shown.min(text.len()));
        loop {
            at = finder.next(text, at);
            if at >= text.len() {
                break;
            }
            match finder.find(&text[at..], completeness) {
                FoundText::Undecided => break,
                FoundText::Nothing => at += 1,
                FoundText::Value { length, mask } => {
                    output.extend_from_slice(&text[copied.min(at)..at]);
                    at += length;
                    if at > shown {
                        output.extend_from_slice(mask);
                        copied = at;
                    }
                }
            }
        }
        if copied < at {
            output.extend_from_slice(&text[copied..at]);
        }
        at
    }
}

#[cfg(test)]
mod tests;
