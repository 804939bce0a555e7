//! How a value is written in logs: as it is, in base64, in URLs and in JSON.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD, URL_SAFE};

use roles_anywhere_client::secret::SecretBytes;

/// The fewest characters of base64 that are masked: fewer are in any text by chance.
const SHORTEST_BASE64: usize = 4;

/// Returns the forms of a value; some may be equal.
pub(super) fn forms(value: &[u8]) -> Vec<SecretBytes> {
    let mut forms = vec![value.to_vec()];
    if value.contains(&b'\n') {
        forms.push(with_carriage_returns(value));
    }
    for safe in SAFE_IN_URLS {
        forms.extend([Hex::Upper, Hex::Lower].map(|hex| percent_encoded(value, safe, hex)));
    }
    if let Ok(text) = std::str::from_utf8(value) {
        forms.extend(JSON_WRITERS.iter().map(|writer| writer.escaped(text)));
    }
    for engine in [&STANDARD, &URL_SAFE] {
        (0..3).for_each(|offset| forms.extend(base64_forms(value, offset, engine)));
    }
    forms.into_iter().map(SecretBytes::new).collect()
}

/// Returns a value of several lines as a terminal shows it.
fn with_carriage_returns(value: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = value.split(|byte| *byte == b'\n').collect();
    lines.join(&b"\r\n"[..])
}

/// What an encoder of URLs leaves as it is besides letters and digits; `+` first: a space becomes `+`.
const SAFE_IN_URLS: [&str; 7] = [
    // RFC 3986: most libraries, and Go's `PathEscape` for most values.
    "-_.~",
    // `encodeURIComponent` of JavaScript.
    "-_.~!*'()",
    // `quote` of Python.
    "-_.~/",
    // `encodeURI` of JavaScript.
    "-_.~!*'();,/?:@&=$#+",
    // User and password in a URL: the delimiters that RFC 3986 allows there.
    "-_.~!*'();,&=$+",
    // `application/x-www-form-urlencoded`: `quote_plus` of Python, `QueryEscape` of Go.
    "+-_.~",
    // The same: browsers, `URLEncoder` of Java.
    "+-_.*",
];

#[derive(Clone, Copy)]
enum Hex {
    Upper,
    Lower,
}

fn percent_encoded(value: &[u8], safe: &str, hex: Hex) -> Vec<u8> {
    let (space, safe) = match safe.strip_prefix('+') {
        Some(safe) => ("+", safe),
        None => ("%20", safe),
    };
    let mut text = String::with_capacity(value.len() * 3);
    for byte in value {
        let _ = match (byte, hex) {
            (b' ', _) => write!(text, "{space}"),
            _ if byte.is_ascii_alphanumeric() || safe.as_bytes().contains(byte) => {
                write!(text, "{}", char::from(*byte))
            }
            (_, Hex::Upper) => write!(text, "%{byte:02X}"),
            (_, Hex::Lower) => write!(text, "%{byte:02x}"),
        };
    }
    text.into_bytes()
}

/// What a writer of JSON escapes besides what it must.
struct JsonWriter {
    /// These characters, by their number.
    by_number: &'static str,
    /// All that is not ASCII, by number.
    only_ascii: bool,
    /// `/`, by a backslash.
    slash: bool,
    /// The control characters that have no name of their own in Go before 1.22, by number.
    named_controls: bool,
}

const JSON: JsonWriter =
    JsonWriter { by_number: "", only_ascii: false, slash: false, named_controls: true };

const JSON_WRITERS: [JsonWriter; 6] = [
    // JavaScript, Rust, jq.
    JSON,
    // Python, and others that write ASCII.
    JsonWriter { only_ascii: true, ..JSON },
    // PHP, and Java's org.json.
    JsonWriter { only_ascii: true, slash: true, ..JSON },
    // Go.
    JsonWriter { by_number: "<>&\u{2028}\u{2029}", ..JSON },
    JsonWriter { by_number: "<>&\u{2028}\u{2029}", named_controls: false, ..JSON },
    // Gson.
    JsonWriter { by_number: "<>&='\u{2028}\u{2029}", ..JSON },
];

impl JsonWriter {
    fn escaped(&self, value: &str) -> Vec<u8> {
        let mut text = String::with_capacity(value.len() * 6);
        for character in value.chars() {
            let named = match character {
                '"' | '\\' => Some(character),
                '\n' => Some('n'),
                '\r' => Some('r'),
                '\t' => Some('t'),
                '\u{8}' if self.named_controls => Some('b'),
                '\u{c}' if self.named_controls => Some('f'),
                '/' if self.slash => Some('/'),
                _ => None,
            };
            let by_number = character.is_ascii_control() && character != '\u{7f}'
                || self.by_number.contains(character)
                || self.only_ascii && !character.is_ascii();
            match named {
                Some(name) => text.extend(['\\', name]),
                None if by_number => {
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        let _ = write!(text, "\\u{unit:04x}");
                    }
                }
                None => text.push(character),
            }
        }
        text.into_bytes()
    }
}

/// Returns a value in base64 behind `offset` other bytes: the characters that depend on the value alone, and
/// those up to the end if it ends the text, with and without padding.
fn base64_forms(value: &[u8], offset: usize, engine: &GeneralPurpose) -> Vec<Vec<u8>> {
    let encoded = engine.encode([&[0; 2][..offset], value].concat());
    let start = (offset * 8).div_ceil(6);
    let end = (offset + value.len()) * 8 / 6;
    let unpadded = encoded.trim_end_matches('=').len();
    let ends = [end, unpadded, encoded.len()].into_iter();
    let forms = ends.filter_map(|end| encoded.as_bytes().get(start..end));
    forms.filter(|form| form.len() >= SHORTEST_BASE64).map(<[u8]>::to_vec).collect()
}
