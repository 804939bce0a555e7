//! Finds a part of the secret half of a key in a text. The fuzz target `leak` uses it, too.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// So many characters of base64 or hexadecimal digits are a part of a key, and no accident.
const LENGTH: usize = 14;

/// Every part of the keys that are known, in base64 at each of its three offsets and in
/// hexadecimal digits.
#[derive(Default)]
pub struct Keys {
    secrets: HashSet<Vec<u8>>,
    parts: HashSet<[u8; LENGTH]>,
}

impl Keys {
    /// Takes the keys of a file that are not encrypted, if it has any: PEM, or DER of a key or PKCS#12.
    pub fn learn(&mut self, file: &[u8]) {
        for secret in secrets_of(file) {
            if !self.secrets.insert(secret.clone()) {
                continue;
            }
            for offset in 0..3 {
                let encoded = STANDARD_NO_PAD.encode(secret.get(offset..).unwrap_or_default());
                self.parts.extend(encoded.as_bytes().windows(LENGTH).filter_map(part));
            }
            let digits: String = secret.iter().map(|octet| format!("{octet:02x}")).collect();
            self.parts.extend(digits.as_bytes().windows(LENGTH).filter_map(part));
        }
    }

    /// Returns a part of a key that `text` holds, in either alphabet of base64 and digits of either
    /// case.
    pub fn part_in(&self, text: &[u8]) -> Option<String> {
        let standard = |octet: &u8| match octet {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        };
        let standard: Vec<u8> = text.iter().map(standard).collect();
        [text.to_ascii_lowercase(), standard].iter().find_map(|text| {
            let known = |text: &&[u8]| part(text).is_some_and(|part| self.parts.contains(&part));
            let found = text.windows(LENGTH).find(known)?;
            Some(String::from_utf8_lossy(found).into_owned())
        })
    }
}

fn part(text: &[u8]) -> Option<[u8; LENGTH]> {
    text.try_into().ok()
}

/// Returns the secret numbers and octets of each key in a file that is not encrypted: of RSA all but
/// the modulus and the exponent, of an elliptic curve the scalar, of ML-DSA the seed.
pub fn secrets_of(file: &[u8]) -> Vec<Vec<u8>> {
    let mut secrets = Vec::new();
    let text = String::from_utf8_lossy(file);
    match text.contains("-----BEGIN ") {
        true => {
            for der in text.split("-----BEGIN ").skip(1).filter_map(contents) {
                search(&der, &mut secrets);
            }
        }
        false => search(file, &mut secrets),
    }
    secrets.retain(|secret| secret.len() >= 16);
    secrets
}

/// Decodes a block of PEM that has no headers.
fn contents(block: &str) -> Option<Vec<u8>> {
    let (_label, rest) = block.split_once("-----")?;
    let body: String = rest.split("-----END").next()?.split_whitespace().collect();
    STANDARD_NO_PAD.decode(body.trim_end_matches('=')).ok()
}

/// Collects what is secret of every key in `der`, at whatever depth.
fn search(mut der: &[u8], secrets: &mut Vec<Vec<u8>>) {
    while let Some((tag, contents, rest)) = element(der) {
        match (tag, children(contents).as_slice()) {
            // PKCS#1, RFC 8017: version, n, e, d, p, q, dP, dQ, qInv.
            (0x30, [(2, [0]), (2, _modulus), (2, _), numbers @ ..]) if numbers.len() >= 6 => {
                secrets.extend(numbers.iter().map(|(_, number)| number.to_vec()));
            }
            // SEC1, RFC 5915: version, scalar.
            (0x30, [(2, [1]), (4, scalar), ..]) => secrets.push(scalar.to_vec()),
            // PKCS#8, RFC 5958: version, algorithm, key.
            (0x30, [(2, [0 | 1]), (0x30, _), (4, key), ..]) => search_pkcs8(key, secrets),
            (0x30 | 0x31 | 0xa0 | 4, _) => search(contents, secrets),
            _ => {}
        }
        der = rest;
    }
}

/// Collects what is secret of the key in PKCS#8: RSA and EC as above; ML-DSA, of RFC 9881, as seed,
/// as expanded key, or as both.
fn search_pkcs8(key: &[u8], secrets: &mut Vec<Vec<u8>>) {
    match element(key) {
        Some((0x80, seed, [])) => secrets.push(seed.to_vec()),
        Some((4, expanded, [])) => secrets.push(private_half(expanded)),
        Some((0x30, both, [])) => match children(both)[..] {
            [(4, seed), (4, expanded)] => {
                secrets.extend([seed.to_vec(), private_half(expanded)]);
            }
            _ => search(key, secrets),
        },
        _ => secrets.push(key.to_vec()),
    }
}

/// An expanded key of ML-DSA begins with 32 octets that are in the public key.
fn private_half(expanded: &[u8]) -> Vec<u8> {
    expanded.get(32..).filter(|rest| rest.len() > 1_000).unwrap_or(expanded).to_vec()
}

fn children(mut der: &[u8]) -> Vec<(u8, &[u8])> {
    let mut children = Vec::new();
    while let Some((tag, contents, rest)) = element(der) {
        children.push((tag, contents));
        der = rest;
    }
    children
}

/// Splits the first element of DER from the rest.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, length, rest) = match der {
        [tag, length @ 0..=0x7f, rest @ ..] => (tag, usize::from(*length), rest),
        [tag, 0x81, length, rest @ ..] => (tag, usize::from(*length), rest),
        [tag, 0x82, high, low, rest @ ..] => {
            (tag, usize::from(u16::from_be_bytes([*high, *low])), rest)
        }
        _ => return None,
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    Some((*tag, contents, rest))
}
