//! File names that are not UTF-8, as text and back.
//!
//! On Unix a file name is any bytes, while options and variables are text everywhere in this program.
//! So a byte that is not UTF-8 is represented by one of the last 128 characters of Unicode, which are
//! for private use. If a file name contains one of these characters itself, each of its bytes is
//! represented in this way, so that names and texts correspond one to one. `OsString` in every type
//! was the alternative; it would carry the case through all code that only compares and prints.

use std::ffi::OsString;
use std::path::PathBuf;

/// The character that represents the byte 0x80, the first of 128.
const FIRST: char = '\u{10ff80}';

/// Returns `name` as text.
#[cfg(unix)]
pub fn text(name: OsString) -> String {
    use std::os::unix::ffi::OsStringExt;
    let octets = match name.into_string() {
        Ok(text) if is_utf8(&text) => return text,
        Ok(text) => text.into_bytes(),
        Err(name) => name.into_vec(),
    };
    let mut text = String::with_capacity(octets.len() + 16);
    for chunk in octets.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character < FIRST {
                true => text.push(character),
                false => text.extend(character.encode_utf8(&mut [0; 4]).bytes().map(stand_in)),
            }
        }
        text.extend(chunk.invalid().iter().copied().map(stand_in));
    }
    text
}

/// Returns `name` as text; invalid Unicode becomes U+FFFD.
#[cfg(not(unix))]
pub fn text(name: OsString) -> String {
    name.to_string_lossy().into_owned()
}

/// Returns whether `text` is a name in UTF-8.
pub fn is_utf8(text: &str) -> bool {
    // Every such character begins with this byte. It is a fast path: all variables are checked at
    // start.
    !text.as_bytes().contains(&0xf4) || !text.contains(|character| character >= FIRST)
}

/// Returns the bytes from which [`text`] made `text`.
pub fn octets(text: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len());
    for character in text.chars() {
        match u32::from(character).checked_sub(u32::from(FIRST)) {
            None => octets.extend(character.encode_utf8(&mut [0; 4]).bytes()),
            Some(octet) => octets.push(0x80 | octet as u8),
        }
    }
    octets
}

/// Returns the path that [`text`] made `text` of.
#[cfg(unix)]
pub fn path(text: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    OsString::from_vec(octets(text)).into()
}

/// Returns the path that [`text`] made `text` of.
#[cfg(not(unix))]
pub fn path(text: &str) -> PathBuf {
    text.into()
}

#[cfg(unix)]
fn stand_in(octet: u8) -> char {
    char::from_u32(u32::from(FIRST) + u32::from(octet & 0x7f))
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};

    use super::*;

    #[test]
    fn every_name_has_one_text_and_comes_back() {
        let names: [&[u8]; 7] = [
            b"key.pem",
            "Schlüssel €😀".as_bytes(),
            b"schl\xfcssel.pem",
            b"\xff\x80\xe2\x82",
            // A character that represents a byte in other places, and its own bytes.
            "\u{10ffe9}".as_bytes(),
            b"\xf4\x8f\xbf",
            b"",
        ];
        let mut texts = std::collections::BTreeSet::new();
        for name in names {
            let text = text(OsString::from_vec(name.to_vec()));
            assert_eq!(path(&text).as_os_str().as_bytes(), name);
            assert_eq!(octets(&text), name);
            let is_plain = std::str::from_utf8(name).is_ok_and(|name| name == text);
            assert_eq!(is_utf8(&text), is_plain, "{name:?}");
            assert!(texts.insert(text));
        }
    }
}
