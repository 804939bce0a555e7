//! Tells key material from the name of a file that holds it.

mod jwk;
mod octets;

use base64::Engine as _;

use crate::text::base64::BASE64;

/// What a value is if it is the contents of a file of key material.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Contents {
    /// A private key.
    PrivateKey,
    /// A certificate, or several.
    Certificate,
    /// PEM or DER of another kind, or a part of it.
    Encoded,
}

impl Contents {
    /// Returns what `value` is, or nothing if it is no key material: PEM, its base64, the base64
    /// or hexadecimal form of DER, or a JWK, whole or cut off.
    pub fn of(value: &str) -> Option<Self> {
        Self::within(value, NESTED)
    }

    /// Looks into base64 of base64 as often as `nested` says.
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
        // A path is told from DER, and from base64 of a text, by its first characters.
        let head = decoded(&run[..run.len().min(HEAD)])?;
        let is_text = |octet: &u8| octet.is_ascii_graphic() || octet.is_ascii_whitespace();
        match Self::of_der(&head) {
            None if nested > 0 && head.iter().all(is_text) => {
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
            // `$(cat key.pem)` without its quotes: the rest of the label is the next argument.
            _ => Self::Encoded,
        }
    }

    /// Reads the first elements of DER, or BER, of which the rest may be missing.
    fn of_der(bytes: &[u8]) -> Option<Self> {
        let inner = sequence(bytes)?;
        match inner {
            // A version, as every form of a private key and PKCS#12 begin.
            [0x02, 0x01, 0x00 | 0x01, ..] => Some(Self::PrivateKey),
            [0x02, 0x01, 0x03, ..] => Some(Self::Encoded),
            [0x30, ..] => Some(match sequence(inner) {
                // tbsCertificate: its version, or its serial number.
                Some([0xa0, 0x03, 0x02, ..] | [0x02, ..]) => Self::Certificate,
                // The object identifier of a scheme, as an encrypted key begins.
                Some([0x06, ..]) => Self::PrivateKey,
                _ => Self::Encoded,
            }),
            // PKCS#7, and what else begins with an object identifier.
            [0x06, ..] => Some(Self::Encoded),
            _ => None,
        }
    }

    /// Returns it as a noun: `a private key`.
    pub fn noun(self) -> &'static str {
        match self {
            Self::PrivateKey => "a private key",
            Self::Certificate => "a certificate",
            Self::Encoded => "PEM or DER",
        }
    }
}

const NESTED: u8 = 2;
/// The fewest characters that are taken for base64 of something.
const SHORTEST: usize = 20;

/// The characters that tell what the rest is.
const HEAD: usize = 24;

/// Returns a run and its parts behind a slash and the like, since base64 may be a part of a path.
fn starts(run: &str) -> impl Iterator<Item = &str> {
    let behind = run.match_indices(|c: char| !c.is_ascii_alphanumeric()).map(|(at, _)| at + 1);
    let parts = std::iter::once(0).chain(behind).map(|at| &run[at..]);
    parts.filter(|part| part.len() >= SHORTEST)
}

fn decoded(run: &str) -> Option<Vec<u8>> {
    let standard: String = run.chars().map(to_standard).collect();
    BASE64.decode(&standard[..standard.len() / 4 * 4]).ok()
}

fn to_standard(character: char) -> char {
    match character {
        '-' => '+',
        '_' => '/',
        other => other,
    }
}

/// Returns what is in a SEQUENCE, as far as it is there.
fn sequence(bytes: &[u8]) -> Option<&[u8]> {
    let [0x30, length, rest @ ..] = bytes else { return None };
    match length {
        0x00..=0x80 => Some(rest),
        0x81..=0x83 => rest.get(usize::from(length - 0x80)..),
        _ => None,
    }
}
