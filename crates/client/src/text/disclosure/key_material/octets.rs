//! Octets in hexadecimal, as programs print them: `3081`, `30:81`, `0x30, 0x81`, `\\x30\\x81`.

/// The length of the shortest run that is read as DER: serial numbers are shorter.
const FEWEST: usize = 24;
/// The most characters between two bytes: a comma, a line break, the indentation of a line.
const MOST_BETWEEN: usize = 24;

/// Returns the runs of octets in `text` that are long enough for a key.
pub(super) fn runs(text: &str) -> impl Iterator<Item = Vec<u8>> + '_ {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let (run, behind) = run(rest);
            rest = if run.is_empty() { &rest[1..] } else { behind };
            if run.len() >= FEWEST {
                return Some(run);
            }
        }
        None
    })
}

/// Returns the bytes at the start of `text`, and the rest of the text.
fn run(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let (mut run, mut behind) = (Vec::new(), text);
    let mut next = text;
    while let Some((octet, rest)) = octet(next) {
        run.push(octet);
        behind = rest;
        let is_between = |b: &&u8| b.is_ascii_whitespace() || b":,;-_\"'".contains(b);
        let between = rest.iter().take(MOST_BETWEEN).take_while(is_between).count();
        next = &rest[between..];
    }
    (run, behind)
}

fn octet(text: &[u8]) -> Option<(u8, &[u8])> {
    let prefixes: [&[u8]; 4] = [b"0x", b"0X", b"\\x", b"\\X"];
    let digits = prefixes.iter().find_map(|prefix| text.strip_prefix(*prefix)).unwrap_or(text);
    let (&[high, low], rest) = digits.split_first_chunk::<2>()?;
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some((digit(high)? * 16 + digit(low)?, rest))
}
