//! What the targets share: the invariants of an error, and the password of the test files.

#[path = "../../tests/e2e/leak/search.rs"]
pub mod leak;

use roles_anywhere::output::error::Error;
use roles_anywhere_client::time::Timestamp;
use roles_anywhere_test_support::password::FixedPassword;

/// In 2027, when the certificates under `certs/` are valid.
pub const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

/// The password of everything encrypted under `certs/`, and of nothing else.
pub const PASSWORD: &str = "hunter2";

/// The most iterations that a target pays for; the caps of the tool would have it wait for seconds.
const AFFORDABLE: u64 = 4_096;

/// Panics where an error would be too long, would play with the terminal or forge a line.
pub fn check_error(error: impl Into<Error>) {
    let text = error.into().to_string();
    // Of references, up to a hundred are listed, each with the cause.
    let is_list = text.lines().next().is_some_and(|it| it.ends_with(" references are not valid"));
    let limit = if is_list { 100_000 } else { 4_000 };
    assert!(text.len() <= limit, "{} bytes", text.len());
    for (at, line) in text.split('\n').enumerate() {
        let start = if at == 0 { "error: " } else { "  " };
        // The last line may be cut anywhere.
        assert!(line.starts_with(start) || text.len() > 3_900, "{text}");
        check_line(line);
    }
}

/// Panics where a line that is printed would play with the terminal.
pub fn check_line(line: &str) {
    assert!(!line.chars().any(roles_anywhere_client::text::escape::is_invisible), "{line:?}");
}

/// A password that no message may show a part of.
pub const HIDDEN: &str = "9x!Tr0ub4dor&3-c0rrect-H0rse-b4ttery-St4ple";

/// A part of it that is as long is not in a message by chance.
const PART: usize = 7;

/// Panics where a part of [`HIDDEN`] is shown.
pub fn check_hidden(shown: &str) {
    for at in 0..=HIDDEN.len() - PART {
        let part = &HIDDEN[at..at + PART];
        assert!(!shown.contains(part), "{part} is in: {shown}");
    }
}

/// Knows [`PASSWORD`].
pub const KNOWN: FixedPassword = FixedPassword::known(PASSWORD);

/// Returns whether a key or a PKCS#12 file is cheap to try: no number in it, wherever it is, can be a
/// count of iterations that is not. It also refuses a few that are cheap.
pub fn is_affordable_der(der: &[u8]) -> bool {
    let joined = roles_anywhere_test_support::parsers::ber_to_der(der);
    has_small_numbers(der) && joined.is_none_or(|joined| has_small_numbers(&joined))
}

fn has_small_numbers(der: &[u8]) -> bool {
    const SCRYPT: [u8; 11] = [6, 9, 0x2b, 6, 1, 4, 1, 0xda, 0x47, 4, 11];
    let has_scrypt = der.windows(SCRYPT.len()).any(|window| window == SCRYPT);
    let number = |at: usize| {
        let length = usize::from(*der.get(at + 1)?);
        let octets = (2..=5).contains(&length).then(|| der.get(at + 2..at + 2 + length))??;
        Some(octets.iter().fold(0, |value, octet| value << 8 | u64::from(*octet)))
    };
    let numbers = (0..der.len()).filter(|at| der[*at] == 2).filter_map(number);
    // What is larger than the caps of the tool is refused by it before anything is derived.
    !has_scrypt && !numbers.into_iter().any(|n| (AFFORDABLE + 1..=10_000_000).contains(&n))
}

/// Returns whether a file of any form is cheap to open with its keys.
pub fn is_affordable(bytes: &[u8]) -> bool {
    use roles_anywhere_client::encoding::{PemOrDer, open};
    match open(bytes) {
        Ok(PemOrDer::Pem(blocks)) => {
            blocks.sound.iter().all(|block| is_affordable_der(block.contents.expose()))
        }
        Ok(PemOrDer::Der(_, contents)) => is_affordable_der(contents.expose()),
        Err(_) => true,
    }
}
