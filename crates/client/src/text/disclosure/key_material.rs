//! Recognizes key material in the place of the name of a file.

mod jwk;
mod octets;

use base64::Engine as _;

use crate::text::base64::BASE64;

/// The kind of key material that a value sensitivity.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyMaterialKind {
    /// A private key.
    PrivateKey,
    /// A certificate, or several.
    Certificate,
    /// PEM or DER of another kind, or a part of it.
    Encoded,
}

impl KeyMaterialKind {
    /// Returns the kind of key material in `value`, if any: PEM, base64 of PEM, DER in base64 or
    /// hexadecimal, or a JWK, each whole or cut off.
    pub fn of(value: &str) -> Option<Self> {
        Self::within(value, NESTED)
    }

    /// Decodes base64 of base64 up to `nested` times.
    fn within(value: &str, nested: u8) -> Option<Self> {
        if let Some((_, after)) = value.split_once("-----BEGIN") {
            return Some(Self::of_label(after));
        }
        if let Some(found) = jwk::of(value) {
            return Some(found);
        }
        if let Some(found) = octets::runs(value).find_map(|run| Self::of_der(&run)) {
            return Some(found);
        }
        // Wrapped or indented base64 is one run.
        let joined = value.bytes().any(|b| b.is_ascii_whitespace());
        let joined = joined.then(|| value.split_ascii_whitespace().collect::<String>());
        let text = joined.as_deref().unwrap_or(value);
        text.split(|c: char| !(c.is_ascii_alphanumeric() || "+/-_".contains(c)))
            .flat_map(starts)
            .find_map(|run| Self::of_run(run, nested))
    }

    fn of_run(run: &str, nested: u8) -> Option<Self> {
        let is_text = |octets: &[u8]| {
            octets.iter().all(|octet| octet.is_ascii_graphic() || octet.is_ascii_whitespace())
        };
        // The first characters are enough to tell DER, or base64 of a text, from a path; of most paths, the
        // first four are. Every start looks at each part of each path.
        let first = decoded(run.get(..4)?)?;
        if !first.starts_with(&[SEQUENCE]) && !is_text(&first) {
            return None;
        }
        let head = decoded(&run[..run.len().min(HEAD)])?;
        match Self::of_der(&head) {
            None if nested > 0 && is_text(&head) => {
                Self::within(&String::from_utf8_lossy(&decoded(run)?), nested - 1)
            }
            found => found,
        }
    }

    fn of_label(after: &str) -> Self {
        let label = after.split("-----").next().unwrap_or_default();
        match label.trim() {
            label if label.contains("PRIVATE KEY") => Self::PrivateKey,
            label if label.contains("CERTIFICATE") => Self::Certificate,
            // `$(cat key.pem)` without quotes: the shell splits the label into several arguments.
            _ => Self::Encoded,
        }
    }

    /// Reads the first elements of DER or BER; the rest may be missing. All of them must be ones that
    /// are in use: a random part of a path decodes to a tag and a length too often.
    fn of_der(bytes: &[u8]) -> Option<Self> {
        let inner = sequence(bytes)?;
        match inner {
            // A version, with which PKCS#12 and every form of a private key begin.
            [0x02, 0x01, 0x00 | 0x01, ..] => Some(Self::PrivateKey),
            [0x02, 0x01, 0x03, ..] => Some(Self::Encoded),
            [0x30, ..] => match sequence(inner)? {
                // tbsCertificate: its version, or its serial number.
                [0xa0, 0x03, 0x02, ..] | [0x02, ..] => Some(Self::Certificate),
                // An algorithm, with which an encrypted key begins.
                inner @ [0x06, ..] => is_object_identifier(inner).then_some(Self::PrivateKey),
                [] | [0x30 | 0xa0, ..] => Some(Self::Encoded),
                _ => None,
            },
            // PKCS#7 and other structures that begin with an object identifier.
            [0x06, ..] => is_object_identifier(inner).then_some(Self::Encoded),
            _ => None,
        }
    }

    /// Returns a noun for messages: `a private key`.
    pub fn noun(self) -> &'static str {
        match self {
            Self::PrivateKey => "a private key",
            Self::Certificate => "a certificate",
            Self::Encoded => "PEM or DER",
        }
    }
}

/// How many layers of base64 are decoded: a CI variable may hold base64 of base64.
const NESTED: u8 = 2;
/// The length of the shortest run that is decoded as base64; shorter ones are words.
const SHORTEST: usize = 20;

/// How many characters are decoded first, to recognize the rest.
const HEAD: usize = 24;

/// Returns a run, and its parts after a `/` and the like: base64 may follow a path.
fn starts(run: &str) -> impl Iterator<Item = &str> {
    let behind = run.match_indices(|c: char| !c.is_ascii_alphanumeric()).map(|(at, _)| at + 1);
    let parts = std::iter::once(0).chain(behind).map(|at| &run[at..]);
    parts.filter(|part| part.len() >= SHORTEST)
}

fn decoded(run: &str) -> Option<Vec<u8>> {
    let standard: Vec<u8> = run.bytes().map(to_standard).collect();
    BASE64.decode(&standard[..standard.len() / 4 * 4]).ok()
}

fn to_standard(character: u8) -> u8 {
    match character {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    }
}

/// The tag of a SEQUENCE, with which DER of all kinds begins.
const SEQUENCE: u8 = 0x30;

/// Returns the contents of a SEQUENCE, as far as they are present.
fn sequence(bytes: &[u8]) -> Option<&[u8]> {
    let [SEQUENCE, length, rest @ ..] = bytes else { return None };
    match length {
        0x00..=0x80 => Some(rest),
        0x81..=0x83 => rest.get(usize::from(length - 0x80)..),
        _ => None,
    }
}

/// Returns whether the bytes begin as an object identifier of the lengths that are in use.
fn is_object_identifier(bytes: &[u8]) -> bool {
    matches!(bytes, [0x06] | [0x06, 3..=16, ..])
}

#[cfg(test)]
mod tests {
    use super::KeyMaterialKind;

    #[test]
    fn random_parts_of_paths_are_no_der() {
        for random in ["MEYwYW5j", "MEYGYW5j", "MDgGQWJj"] {
            let path = format!("/tmp/emulator-{random}/anchor/intermediate.pem");
            assert_eq!(KeyMaterialKind::of(&path), None, "{path}");
        }
    }
}
