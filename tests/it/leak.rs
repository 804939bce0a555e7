//! What no text of the program may hold: the secret part of a key, or a password.
//!
//! The runners of this suite ask [`check`] of all that the program says, on each run.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// So many characters of base64 or hexadecimal digits are a part of a key, and no accident.
const LENGTH: usize = 14;

/// Passwords of the suite; they stand in no other word of it.
pub(crate) const PASSWORDS: [&str; 2] = ["hunter2", "correct-horse-battery"];

type Windows = HashSet<[u8; LENGTH]>;

/// Every part of every key that is known, in base64 at each of its three offsets and in
/// hexadecimal digits.
static KNOWN: LazyLock<Mutex<(HashSet<Vec<u8>>, Windows)>> = LazyLock::new(|| {
    let known = Mutex::default();
    learn_into(&known, &Path::new(env!("CARGO_MANIFEST_DIR")).join("certs"));
    learn_into(&known, Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it")));
    known
});

/// Takes the keys of a directory and of those in it.
pub(crate) fn learn(directory: &Path) {
    learn_into(&KNOWN, directory);
}

fn learn_into(known: &Mutex<(HashSet<Vec<u8>>, Windows)>, directory: &Path) {
    for entry in directory.read_dir().unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            learn_into(known, &path);
        } else if path.file_name().is_some_and(|name| name.to_string_lossy().ends_with("key.pem")) {
            learn_key(known, &fs::read_to_string(path).unwrap());
        }
    }
}

fn learn_key(known: &Mutex<(HashSet<Vec<u8>>, Windows)>, pem: &str) {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    let (secrets, windows) = &mut *known;
    for secret in secrets_of(pem) {
        if !secrets.insert(secret.clone()) {
            continue;
        }
        for offset in 0..3 {
            let encoded = STANDARD_NO_PAD.encode(secret.get(offset..).unwrap_or_default());
            windows.extend(encoded.as_bytes().windows(LENGTH).map(window));
        }
        let digits: String = secret.iter().map(|octet| format!("{octet:02x}")).collect();
        windows.extend(digits.as_bytes().windows(LENGTH).map(window));
    }
}

fn window(bytes: &[u8]) -> [u8; LENGTH] {
    bytes.try_into().unwrap()
}

/// Panics if `text` holds a part of a key that is known, or a password.
#[track_caller]
pub(crate) fn check(text: &[u8]) {
    let found = find(text);
    assert!(found.is_none(), "a secret ({found:?}) is in: {}", String::from_utf8_lossy(text));
}

/// Returns what of `text` is secret.
pub(crate) fn find(text: &[u8]) -> Option<String> {
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let standard: Vec<u8> = text.iter().map(|b| if *b == b'-' { b'+' } else { *b }).collect();
    let standard: Vec<u8> = standard.iter().map(|b| if *b == b'_' { b'/' } else { *b }).collect();
    let part = [text.to_ascii_lowercase(), standard].iter().find_map(|text| {
        let secret = |bytes: &&[u8]| known.1.contains(&window(bytes));
        text.windows(LENGTH).find(secret).map(|part| String::from_utf8_lossy(part).into_owned())
    });
    let text = String::from_utf8_lossy(text);
    let password = || PASSWORDS.iter().find(|password| text.contains(**password));
    part.or_else(|| password().map(|password| (*password).to_owned()))
}

/// Returns the secret numbers and octets of each key in `pem` that is not encrypted: of RSA all but
/// the modulus, of an elliptic curve the scalar, of ML-DSA the seed.
fn secrets_of(pem: &str) -> Vec<Vec<u8>> {
    let mut secrets = Vec::new();
    for block in pem.split("-----BEGIN ").skip(1) {
        let (label, rest) = block.split_once("-----").unwrap();
        let body = rest.split("-----END").next().unwrap();
        if !label.ends_with("PRIVATE KEY") || label.starts_with("ENCRYPTED") || body.contains(':') {
            continue;
        }
        let body: String = body.split_whitespace().collect();
        let der = STANDARD_NO_PAD.decode(body.trim_end_matches('='));
        collect(&der.unwrap_or_default(), &mut secrets);
        // The first long number is the modulus, which stands in the certificate too.
        let modulus = secrets.iter().position(|secret| secret.len() >= 128);
        if let Some(at) = modulus.filter(|at| secrets.len() >= at + 6) {
            secrets.remove(at);
        }
    }
    secrets
}

/// Collects the numbers and octets of 16 bytes or more, in their order.
fn collect(mut der: &[u8], secrets: &mut Vec<Vec<u8>>) {
    while let Some((tag, contents, rest)) = element(der) {
        match tag {
            // Octets that hold DER are looked into: PKCS#8 holds the other forms.
            0x30 | 0xa0 => collect(contents, secrets),
            0x04 if element(contents)
                .is_some_and(|(tag, _, rest)| tag == 0x30 && rest.is_empty()) =>
            {
                collect(contents, secrets);
            }
            0x02 | 0x04 | 0x80 if contents.len() >= 16 => secrets.push(contents.to_owned()),
            _ => {}
        }
        der = rest;
    }
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

#[test]
fn finds_parts_of_keys_in_whatever_form() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("certs/leaf");
    for name in ["p256.key", "p256.sec1", "rsa2048.key", "rsa2048.pkcs1"] {
        let pem = fs::read_to_string(folder.join(format!("{name}.pem"))).unwrap();
        // A line of the private half.
        let (line, at) = match name {
            "p256.key" => (1, 48),
            "p256.sec1" => (1, 20),
            _ => (14, 0),
        };
        let line = pem.lines().nth(line).unwrap();
        let part = &line.as_bytes()[at..at + 16];
        assert!(find(part).is_some(), "{name}: {line}");
        let urlsafe = pem.replace('+', "-").replace('/', "_");
        assert!(find(urlsafe.as_bytes()).is_some(), "{name}");
        for secret in secrets_of(&pem) {
            let digits: String =
                secret.iter().take(9).map(|octet| format!("{octet:02X}")).collect();
            assert!(find(digits.as_bytes()).is_some(), "{name}: {digits}");
        }
        let certificate = name.split('.').next().unwrap();
        let certificate = fs::read(folder.join(format!("{certificate}.pem"))).unwrap();
        assert_eq!(find(&certificate), None, "{name}");
    }
    assert!(find(b"the password is hunter2, perhaps").is_some());
}
