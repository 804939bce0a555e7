//! Finds values in a text: the longest one that begins at the leftmost place.
//!
//! It is the algorithm of Wu and Manber: a table says for each block of three bytes how far the next value can
//! be, so that most bytes are never read. The libraries that search for many texts (`aho-corasick`) find the
//! leftmost and longest in a whole text only, not in a stream, and keep the texts in memory that is not wiped.

use zeroize::Zeroizing;

use roles_anywhere_client::secret::SecretBytes;

/// The most bytes that are skipped at once, and two.
const LONGEST_WINDOW: usize = 32;
/// The bytes of a block.
const BLOCK: usize = 3;
/// The number of values of [`block_hash`].
const BLOCKS: usize = 1 << 16;

/// The texts that are found, each with what takes its place.
pub(super) struct Finder {
    /// The texts, sorted; none is empty.
    texts: Vec<(SecretBytes, Box<[u8]>)>,
    /// The length of the shortest text, or less.
    window: usize,
    /// For the last block of a window: how many bytes the next place of a text is behind its beginning.
    shifts: Zeroizing<Vec<u8>>,
}

/// Whether a text is complete.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Completeness {
    /// More of it may follow.
    MoreMayFollow,
    /// Nothing follows.
    Ends,
}

/// What begins at a place.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum FoundText<'a> {
    /// None of the texts.
    Nothing,
    /// What follows decides it.
    Undecided,
    /// A text of this many bytes.
    Value { length: usize, mask: &'a [u8] },
}

impl Finder {
    /// Returns what finds `texts`. Of two that are equal, the mask of the first one is used.
    pub(super) fn new(texts: Vec<(SecretBytes, Box<[u8]>)>) -> Self {
        let mut texts: Vec<_> =
            texts.into_iter().filter(|(text, _)| !text.expose().is_empty()).collect();
        texts.sort_by(|(a, _), (b, _)| a.expose().cmp(b.expose()));
        texts.dedup_by(|(later, _), (first, _)| later.expose() == first.expose());
        let shortest = texts.iter().map(|(text, _)| text.expose().len()).min();
        let window = shortest.unwrap_or(LONGEST_WINDOW).min(LONGEST_WINDOW);
        let block = window.min(BLOCK);
        let farthest = (window - block + 1) as u8;
        let mut shifts = Zeroizing::new(vec![farthest; BLOCKS]);
        for (text, _) in &texts {
            for (start, bytes) in text.expose()[..window].windows(block).enumerate() {
                let shift = &mut shifts[block_hash(bytes)];
                *shift = (*shift).min((window - block - start) as u8);
            }
        }
        Self { texts, window, shifts }
    }

    /// Returns the first place from `from` at which a text may begin; the end of `text` if there is none.
    pub(super) fn next(&self, text: &[u8], from: usize) -> usize {
        if self.texts.is_empty() {
            return text.len();
        }
        let block = self.window.min(BLOCK);
        let mut at = from;
        while let Some(window) = text.get(at..at + self.window) {
            match self.shifts[block_hash(&window[self.window - block..])] {
                0 => break,
                shift => at += usize::from(shift),
            }
        }
        at
    }

    /// Returns what `rest` begins with.
    pub(super) fn find(&self, rest: &[u8], completeness: Completeness) -> FoundText<'_> {
        let start = &rest[..rest.len().min(self.window)];
        let first = self.texts.partition_point(|(text, _)| text.expose() < start);
        let mut found = FoundText::Nothing;
        for (text, mask) in &self.texts[first..] {
            let text = text.expose();
            if !text.starts_with(start) {
                break;
            }
            if rest.starts_with(text) {
                // Those that begin with it, and are longer, come behind it.
                found = FoundText::Value { length: text.len(), mask };
            } else if completeness == Completeness::MoreMayFollow && text.starts_with(rest) {
                return FoundText::Undecided;
            }
        }
        found
    }
}

/// Returns the place of a block of one to three bytes in the table.
fn block_hash(block: &[u8]) -> usize {
    match *block {
        [a, b, c] => {
            let number = u32::from_le_bytes([a, b, c, 0]);
            (number.wrapping_mul(0x9e37_79b1) >> 16) as usize
        }
        [a, b] => usize::from(u16::from_le_bytes([a, b])),
        _ => block.first().map_or(0, |byte| usize::from(*byte)),
    }
}
