//! What no output of the program may hold: the secret part of a key, or a password.
//!
//! [`check`] is called with the output of every run.

#[expect(unreachable_pub, reason = "it is public where the fuzz targets have it")]
mod search;

use std::fs;
use std::path::Path;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use search::Keys;
pub(crate) use search::secrets_of;

/// Passwords of the suite; they stand in no other word of it.
pub(crate) const PASSWORDS: [&str; 2] = ["hunter2", "correct-horse-battery"];

/// Larger files are no keys.
const LARGEST: u64 = 64 * 1_024;

static KNOWN: LazyLock<Mutex<Keys>> = LazyLock::new(|| {
    let mut keys = Keys::default();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    for directory in ["certs", "tests/e2e", "tests/vectors/pki"] {
        learn_into(&mut keys, &repository.join(directory));
    }
    Mutex::new(keys)
});

fn known() -> MutexGuard<'static, Keys> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the keys of a directory and of those in it, whatever their files are called.
pub(crate) fn learn(directory: &Path) {
    learn_into(&mut known(), directory);
}

/// Takes the keys of the file that a run is pointed to, which a test may have made.
pub(crate) fn learn_file(path: &Path) {
    let is_small = |of: &fs::Metadata| of.is_file() && of.len() <= LARGEST;
    if fs::metadata(path).is_ok_and(|of| is_small(&of)) {
        known().learn(&fs::read(path).unwrap_or_default());
    }
}

fn learn_into(keys: &mut Keys, directory: &Path) {
    for entry in directory.read_dir().unwrap().map(Result::unwrap) {
        let of = entry.metadata().unwrap();
        if of.is_dir() {
            learn_into(keys, &entry.path());
        } else if of.is_file() && of.len() <= LARGEST {
            keys.learn(&fs::read(entry.path()).unwrap());
        }
    }
}

/// Panics if `text` holds a part of a key that is known, or a password.
#[track_caller]
pub(crate) fn check(text: &[u8]) {
    let found = find(text);
    assert!(found.is_none(), "a secret ({found:?}) is in: {}", String::from_utf8_lossy(text));
}

/// Returns what of `text` is secret.
pub(crate) fn find(text: &[u8]) -> Option<String> {
    let words = String::from_utf8_lossy(text);
    let password = || PASSWORDS.iter().find(|password| words.contains(**password));
    known().part_in(text).or_else(|| password().map(|password| (*password).to_owned()))
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
        for secret in secrets_of(pem.as_bytes()) {
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

/// The key of each committed form, none of which is encrypted.
#[test]
fn knows_the_keys_of_every_form() {
    let certs = Path::new(env!("CARGO_MANIFEST_DIR")).join("certs");
    let secrets = |name: &str| secrets_of(&fs::read(certs.join(name)).unwrap());
    let (ec, rsa) = (secrets("leaf/p256.key.pem"), secrets("leaf/rsa2048.key.pem"));
    assert_eq!((ec.len(), ec[0].len(), rsa.len()), (1, 32, 6));
    for name in ["p256.key.der", "p256.sec1.der", "plain.p12", "combined.pem", "explicit.key.pem"] {
        assert_eq!(secrets(&format!("forms/{name}")), ec, "{name}");
    }
    assert_eq!(secrets("forms/rsa2048.pkcs1.der"), rsa);
    for name in ["forms/chain.der.p7b", "forms/p256.der", "leaf/rsa2048.chain.pem"] {
        assert!(secrets(name).is_empty(), "{name}");
    }
}
