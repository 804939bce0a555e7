//! PEM as found in practice: RFC 7468, RFC 1421, and the deviations that OpenSSL and Go accept.
//!
//! The `pem` crate fails on all blocks if one is damaged, treats a blank line as the end of the headers,
//! and quotes its input in errors; `pem-rfc7468` reads one block and no headers; `rustls-pki-types`
//! drops blocks with unknown labels. So we find the blocks, and `base64` decodes them.

use std::fmt;

use base64::Engine as _;
use zeroize::Zeroizing;

use super::{Block, Blocks, EncodingError, PKCS7_LABELS};
use crate::encoding::ber;
use crate::secret::SecretBytes;
use crate::text::base64::BASE64;
use crate::text::escape;

/// The position of a block in its file; both numbers count from one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Position {
    /// The number of the block.
    pub block: usize,
    /// The line of its `-----BEGIN`.
    pub line: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PEM block {} (line {})", self.block, self.line)
    }
}

/// A block cannot be read. The message contains no text of the block.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{position} {reason}")]
pub struct PemError {
    /// The position of the block.
    pub position: Position,
    /// Its label if it is safe to show, else empty.
    pub label: String,
    reason: PemFault,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
enum PemFault {
    #[error("begins with a line that is not `-----BEGIN LABEL-----`")]
    Begin,
    #[error("has no `-----END` line with the same label")]
    End,
    #[error("has characters other than base64 in line {0}")]
    Letters(usize),
    #[error("is incomplete: its base64 is cut off or has padding in the middle")]
    Base64,
    #[error("is empty")]
    Empty,
}

/// Reads all blocks of `bytes`; a damaged one does not hide the others.
pub(super) fn open(bytes: &[u8]) -> Result<Blocks, EncodingError> {
    let mut blocks = Blocks::default();
    let mut lines = Lines { bytes, counted: 0, line: 1 };
    let mut next = find(bytes, BEGIN, 0);
    for number in 1.. {
        let Some(at) = next else { break };
        next = find(bytes, BEGIN, at + BEGIN.len());
        let position = Position { block: number, line: lines.of(at) };
        // A block without END line extends to the next BEGIN, and is damaged.
        let block = &bytes[at + BEGIN.len()..next.unwrap_or(bytes.len())];
        let label = label(block);
        let shown = label.filter(|label| is_shown(label)).unwrap_or_default().to_owned();
        match label.ok_or(BlockFault::BEGIN).and_then(|label| decode(block, label)) {
            Ok((encrypted, contents)) => {
                blocks.sound.push(Block { label: shown, encrypted, contents, position });
            }
            Err(BlockFault { reason, offset }) => {
                let reason = match reason {
                    PemFault::Letters(_) => PemFault::Letters(lines.of(at + BEGIN.len() + offset)),
                    reason => reason,
                };
                blocks.damaged.push(PemError { position, label: shown, reason });
            }
        }
    }
    match blocks.damaged.first() {
        Some(first) if blocks.sound.is_empty() => Err(EncodingError::Damaged(first.clone())),
        _ => Ok(blocks),
    }
}

const BEGIN: &[u8] = b"-----BEGIN";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";
/// The longest accepted label; the longest known one has 27 characters.
const MAX_LABEL: usize = 64;

/// Counts the lines of a file.
struct Lines<'a> {
    bytes: &'a [u8],
    counted: usize,
    line: usize,
}

impl Lines<'_> {
    /// Returns the line number at `offset`. Counting continues from the last call, so that a file is not
    /// counted again for each block.
    fn of(&mut self, offset: usize) -> usize {
        if offset < self.counted {
            (self.counted, self.line) = (0, 1);
        }
        let passed = &self.bytes[self.counted..offset];
        let ends = passed.iter().enumerate().filter(|(at, byte)| match byte {
            b'\n' => true,
            b'\r' => self.bytes.get(self.counted + at + 1) != Some(&b'\n'),
            _ => false,
        });
        self.line += ends.count();
        self.counted = offset;
        self.line
    }
}

/// Returns the label at the start of a block, if `-----` follows it in the same line.
fn label(block: &[u8]) -> Option<&str> {
    let block = block.strip_prefix(b" ")?;
    let end = find(&block[..block.len().min(MAX_LABEL + DASHES.len())], DASHES, 0)?;
    let label = std::str::from_utf8(&block[..end]).ok()?;
    (!label.is_empty() && !label.chars().any(|c| c == '-' || escape::is_invisible(c)))
        .then_some(label)
}

/// Returns whether a label is safe to show: upper case, and no word longer than CERTIFICATES, because
/// that may be the hexadecimal digits of a key.
fn is_shown(label: &str) -> bool {
    let legal = |b: u8| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b'#');
    label.len() <= 40
        && label
            .split(' ')
            .all(|word| word.len() <= "CERTIFICATES".len() && word.bytes().all(legal))
}

/// Returns whether blocks labelled `label` are read.
fn is_read(label: &str) -> bool {
    const READ: [&str; 6] = [
        "CERTIFICATE",
        "X509 CERTIFICATE",
        "TRUSTED CERTIFICATE",
        "PKCS12",
        "EC PARAMETERS",
        "PRIVATE KEY",
    ];
    READ.contains(&label) || PKCS7_LABELS.contains(&label) || label.ends_with(" PRIVATE KEY")
}

/// Why a block is damaged, and the byte offset after its `-----BEGIN`.
struct BlockFault {
    reason: PemFault,
    offset: usize,
}

impl BlockFault {
    const BEGIN: Self = Self { reason: PemFault::Begin, offset: 0 };
    const END: Self = Self { reason: PemFault::End, offset: 0 };
    const EMPTY: Self = Self { reason: PemFault::Empty, offset: 0 };
    const BASE64: Self = Self { reason: PemFault::Base64, offset: 0 };
}

/// Decodes the contents of `block`; empty for a label that is not read.
fn decode(block: &[u8], label: &str) -> Result<(bool, SecretBytes), BlockFault> {
    let start = 1 + label.len() + DASHES.len();
    let end = find(block, END, start).ok_or(BlockFault::END)?;
    let tail = &block[end + END.len()..];
    let tail = tail.strip_prefix(label.as_bytes()).filter(|tail| tail.starts_with(DASHES));
    if tail.is_none() {
        return Err(BlockFault::END);
    }
    if !is_read(label) {
        return Ok((false, SecretBytes::default()));
    }
    let mut encrypted = false;
    let mut letters = Zeroizing::new(Vec::with_capacity(end - start));
    let mut at = start;
    while at < end {
        let (length, next) = line(&block[at..end]);
        let text = &block[at..at + length];
        // Base64 has no colon, so this is a header, with or without a blank line after it.
        if text.contains(&b':') {
            encrypted |= contains_word(text, b"Proc-Type") && contains_word(text, b"ENCRYPTED");
        } else if let Err(offset) = gather(text, &mut letters) {
            return Err(BlockFault { reason: PemFault::Letters(0), offset: at + offset });
        }
        at += next;
    }
    if letters.is_empty() {
        return Err(BlockFault::EMPTY);
    }
    let decoded = BASE64.decode(&*letters).map_err(|_| BlockFault::BASE64)?;
    let decoded = SecretBytes::new(decoded);
    Ok((encrypted, SecretBytes::new(ber::trimmed(decoded.expose()).to_vec())))
}

/// Returns the length of the first line, and the offset of the next one.
///
/// The two characters `\n` are a line break too: environment files cannot hold a real one.
fn line(text: &[u8]) -> (usize, usize) {
    let is_break = |at: &usize| match text[*at] {
        b'\n' | b'\r' => true,
        b'\\' => matches!(text.get(at + 1), Some(b'n' | b'r')),
        _ => false,
    };
    match (0..text.len()).find(is_break) {
        Some(at) if text[at] == b'\\' => (at, at + 2),
        Some(at) => (at, at + 1),
        None => (text.len(), text.len()),
    }
}

/// Appends the base64 characters of a line. Like OpenSSL, it skips blanks, invisible characters and any
/// non-ASCII text at the end of the line.
fn gather(line: &[u8], letters: &mut Vec<u8>) -> Result<(), usize> {
    let end = line.iter().rposition(u8::is_ascii_graphic).map_or(0, |last| last + 1);
    let line = &line[..end];
    let text = std::str::from_utf8(line).map_err(|error| error.valid_up_to())?;
    for (at, character) in text.char_indices() {
        match character {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '+' | '/' | '=' => letters.push(line[at]),
            ' ' => {}
            other if escape::is_invisible(other) => {}
            _ => return Err(at),
        }
    }
    Ok(())
}

fn find(bytes: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let found = bytes.get(from..)?.windows(needle.len()).position(|window| window == needle);
    found.map(|at| from + at)
}

fn contains_word(bytes: &[u8], word: &[u8]) -> bool {
    find(bytes, word, 0).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: &str = "-----BEGIN CERTIFICATE-----\nBQUF\n-----END CERTIFICATE-----\n";

    fn sound(text: &str) -> Vec<(String, Vec<u8>)> {
        let blocks = open(text.as_bytes()).unwrap().sound;
        let of = |block: &Block| (block.label.clone(), block.contents.expose().to_vec());
        blocks.iter().map(of).collect()
    }

    fn damage(text: &str) -> String {
        open(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn shows_no_label_that_may_be_a_key() {
        for label in
            ["6AF438DF509915", "6AF438DF5099156F2CF5E150F6CFCERTIFICATE", "aKey", "MIGHAgEA"]
        {
            let text = BLOCK.replace("BEGIN CERTIFICATE", &format!("BEGIN {label}"));
            let error = open(text.as_bytes()).unwrap_err();
            assert!(
                matches!(&error, EncodingError::Damaged(damage) if damage.label.is_empty()),
                "{error:?}"
            );
        }
        for label in ["NEW CERTIFICATE REQUEST", "PKCS #7 SIGNED DATA", "ENCRYPTED PRIVATE KEY"] {
            assert!(is_shown(label), "{label}");
        }
    }

    #[test]
    fn reads_blocks_among_text_with_crlf_and_a_byte_order_mark() {
        let text = format!("\u{feff}subject=CN=a\n{BLOCK}between\n{BLOCK}").replace('\n', "\r\n");
        let found = sound(&text);
        assert_eq!(found, vec![("CERTIFICATE".to_owned(), vec![5, 5, 5]); 2]);
        let blocks = open(text.as_bytes()).unwrap().sound;
        assert_eq!(blocks[1].position, Position { block: 2, line: 6 });
    }

    #[test]
    fn reads_what_openssl_and_go_read() {
        for (what, text) in [
            ("a blank line", BLOCK.replace("BQUF\n", "\nBQ\n\nUF\n\n")),
            ("a header without a blank line", BLOCK.replace("BQUF", "Comment: mine\nBQUF")),
            ("a header and its blank line", BLOCK.replace("BQUF", "Comment: a\n\nBQUF")),
            (
                "a zero-width space",
                BLOCK.replace("CERTIFICATE-----\nB", "CERTIFICATE-----\u{200b}\nB"),
            ),
            ("a mark in its middle", BLOCK.replace("BQUF", "BQ\u{feff}UF\u{200b}")),
            ("line breaks written out", BLOCK.replace('\n', "\\n")),
            ("and those of Windows", BLOCK.replace('\n', "\\r\\n")),
            ("no line breaks", BLOCK.replace('\n', "")),
            ("blanks for line breaks", BLOCK.replace('\n', " ")),
            ("those of an old Macintosh", BLOCK.replace('\n', "\r")),
            ("indentation", BLOCK.replace('\n', "\n    ")),
            ("no padding", BLOCK.replace("BQUF", "BQUFBQ")),
            ("an unfinished block in front", format!("-----BEGIN CERTIFICATE-----\nBBBB\n{BLOCK}")),
            ("a word in a comment", format!("# -----BEGIN and -----END\n{BLOCK}")),
            ("a line in a comment", format!("# -----BEGIN CERTIFICATE-----\n{BLOCK}")),
            (
                "an example in a comment",
                format!("# -----BEGIN CERTIFICATE-----…-----END CERTIFICATE-----\n{BLOCK}"),
            ),
            ("a damaged one in front", format!("{}{BLOCK}", BLOCK.replace("BQUF", "***"))),
            ("a damaged one behind", format!("{BLOCK}{}", BLOCK.replace("BQUF", "***"))),
        ] {
            let found = sound(&text);
            assert_eq!(found.len(), 1, "{what}");
            assert_eq!(found[0].1[..3], [5, 5, 5], "{what}");
        }
        let latin =
            [b"# caf\xe9\n".as_slice(), &BLOCK.replace("BQUF", "BQUF\u{1}").into_bytes()].concat();
        assert_eq!(open(&latin).unwrap().sound.len(), 1);
        let no_break_space = BLOCK.replace("BQUF", "BQUF?").into_bytes();
        let no_break_space: Vec<u8> =
            no_break_space.into_iter().map(|b| if b == b'?' { 0xa0 } else { b }).collect();
        assert_eq!(open(&no_break_space).unwrap().sound.len(), 1);
    }

    #[test]
    fn decodes_no_block_of_another_label() {
        let pgp = "-----BEGIN PGP MESSAGE-----\nVersion: 1\n\nqANQR1DB\n=njUN\n-----END PGP MESSAGE-----\n";
        let found = sound(&format!("{pgp}{BLOCK}"));
        assert_eq!(found[0], ("PGP MESSAGE".to_owned(), vec![]));
        assert_eq!(found[1].1, [5, 5, 5]);
    }

    #[test]
    fn sees_the_encryption_of_openssl_1() {
        let text = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
                    DEK-Info: AES-128-CBC,00\n\nBQUF\n-----END RSA PRIVATE KEY-----\n";
        assert!(open(text.as_bytes()).unwrap().sound[0].encrypted);
        let comment = text.replace("Proc-Type: 4", "Comment: not");
        assert!(!open(comment.as_bytes()).unwrap().sound[0].encrypted);
    }

    #[test]
    fn names_the_block_and_the_line_and_never_the_text() {
        for (text, words) in [
            (
                BLOCK.replace("BQUF", "BQUF\nA*AA"),
                "PEM block 1 (line 1) has characters other than base64 in line 3",
            ),
            (
                BLOCK.replace("BQUF", "BQUFA"),
                "PEM block 1 (line 1) is incomplete: its base64 is cut off or has padding in the middle",
            ),
            (
                BLOCK.replace("BQUF", "AA=BQUF="),
                "PEM block 1 (line 1) is incomplete: its base64 is cut off or has padding in the middle",
            ),
            (BLOCK.replace("BQUF\n", ""), "PEM block 1 (line 1) is empty"),
            (
                format!("\n{}", &BLOCK[..30]),
                "PEM block 1 (line 2) has no `-----END` line with the same label",
            ),
            (
                BLOCK.replace("END CERT", "END cert"),
                "PEM block 1 (line 1) has no `-----END` line with the same label",
            ),
            (
                BLOCK.replacen("E-----", "E----", 1),
                "PEM block 1 (line 1) begins with a line that is not `-----BEGIN LABEL-----`",
            ),
            (
                BLOCK.replace('\n', "").replacen("E-----", "E----", 1),
                "PEM block 1 (line 1) begins with a line that is not `-----BEGIN LABEL-----`",
            ),
        ] {
            assert_eq!(damage(&text), words);
        }
        let key =
            "-----BEGIN MHcCAQEEIAh PRIVATE KEY-----\nA\n-----END MHcCAQEEIAh PRIVATE KEY-----\n";
        assert!(!format!("{:?}", open(key.as_bytes()).unwrap_err()).contains("MHcCAQEEIAh"));
        let key = BLOCK.replace("CERTIFICATE", "MHcCAQEEIAh");
        assert_eq!(sound(&key), [(String::new(), vec![])]);
    }
}
