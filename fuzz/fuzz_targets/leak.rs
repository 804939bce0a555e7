//! Files with a key, damaged as hands and tools damage them: no error may quote the key.
//!
//! A first byte chooses the file; then come edits of four bytes each: what, where (two), how much.

#![no_main]

use std::fmt::Display;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use libfuzzer_sys::fuzz_target;
use roles_anywhere::command::read_certificate_data::{CertificateFormat, ReadCertificateData, run};
use roles_anywhere::output::error::Error;
use roles_anywhere_client::password::PasswordSource;
use roles_anywhere_client::identity::bundle::{Bundle, ca_certificates};
use roles_anywhere_client::identity::{IdentityError, IdentitySource, Permissions};
use roles_anywhere_client::input_source::InputSource;
use roles_anywhere_fuzz::leak::{Keys, secrets_of};
use roles_anywhere_fuzz::{KNOWN, NOW, is_affordable};
use roles_anywhere_test_support::files::FakeFiles;

const FILES: [&[u8]; 14] = [
    include_bytes!("../../certs/leaf/p256.key.pem"),
    include_bytes!("../../certs/leaf/p256.sec1.pem"),
    include_bytes!("../../certs/leaf/p521.key.pem"),
    include_bytes!("../../certs/leaf/rsa2048.key.pem"),
    include_bytes!("../../certs/leaf/rsa2048.pkcs1.pem"),
    include_bytes!("../../tests/vectors/pki/leaf-mldsa44.key.pem"),
    include_bytes!("../../certs/forms/p256.key.der"),
    include_bytes!("../../certs/forms/p256.sec1.der"),
    include_bytes!("../../certs/forms/rsa2048.pkcs1.der"),
    include_bytes!("../../certs/forms/plain.p12"),
    include_bytes!("../../certs/forms/combined.pem"),
    include_bytes!("../../certs/forms/ec-parameters.sec1.pem"),
    include_bytes!("../../certs/forms/explicit.key.pem"),
    include_bytes!("../../certs/forms/pbes2.key.der"),
];

const LABELS: [&str; 8] = [
    "PRIVATE KEY",
    "EC PRIVATE KEY",
    "RSA PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    "CERTIFICATE",
    "OPENSSH PRIVATE KEY",
    "PKCS7",
    "PKCS12",
];

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let mut keys = Keys::default();
    FILES.into_iter().for_each(|file| keys.learn(file));
    keys
});

/// One of them, to be put anywhere in a file.
static SECRET: LazyLock<Vec<u8>> = LazyLock::new(|| secrets_of(FILES[0]).concat());

fuzz_target!(|data: &[u8]| {
    let Some((choice, edits)) = data.split_first() else { return };
    let mut file = FILES[usize::from(*choice) % FILES.len()].to_vec();
    for edit in edits.chunks_exact(4).take(16) {
        let [what, high, low, much] = edit else { return };
        let at = usize::from(u16::from_be_bytes([*high, *low])) % (file.len() + 1);
        file = edited(&file, *what, at, usize::from(*much));
        file.truncate(32 * 1_024);
    }
    if is_affordable(&file) {
        open(&file);
    }
});

/// Does to a file what editors, shells, CI systems and careless hands do to it.
fn edited(file: &[u8], what: u8, at: usize, much: usize) -> Vec<u8> {
    let (before, after) = file.split_at(at);
    let (part, rest) = after.split_at(much.min(after.len()));
    let insert = |inserted: &[u8]| [before, inserted, after].concat();
    let octet = u8::try_from(much).unwrap_or_default();
    match what % 16 {
        0 => insert(&[octet]),
        1 => insert([&b"\n"[..], b"\r\n", b"\n\n", b"\r", b"\\n", b" ", b":"][much % 7]),
        2 => [before, rest].concat(),
        3 => insert(part),
        4 => before.to_vec(),
        5 => after.to_vec(),
        6 => replaced(file, "\n", ["", " ", "\r\n", "\r", "\\n", "\n\n", "\n> "][much % 7]),
        7 => replaced(file, "-----", ["----", "------", "- - -", "—–—", "-----\n"][much % 5]),
        8 => {
            let labels = LABELS.map(|label| format!(" {label}-----"));
            let change = |file: Vec<u8>, from: &String| replaced(&file, from, &labels[much % 8]);
            labels.iter().fold(file.to_vec(), change)
        }
        9 => STANDARD.encode(file).into_bytes(),
        10 => replaced(&replaced(file, "+", "-"), "/", "_"),
        11 => String::from_utf8_lossy(file).encode_utf16().flat_map(u16::to_le_bytes).collect(),
        12 => insert(&secret_text(much)),
        // In the label, which is more likely to be shown than the contents.
        13 => {
            let secret = secret_text(much);
            replaced(
                file,
                "-----BEGIN ",
                &format!("-----BEGIN {}", String::from_utf8_lossy(&secret)),
            )
        }
        14 => insert(FILES[much % FILES.len()]),
        _ => [before, &part.iter().map(|b| b ^ 0x20).collect::<Vec<_>>(), rest].concat(),
    }
}

fn replaced(file: &[u8], from: &str, to: &str) -> Vec<u8> {
    match std::str::from_utf8(file) {
        Ok(text) => text.replace(from, to).into_bytes(),
        Err(_) => file.to_vec(),
    }
}

/// Returns a part of a key as base64, or hexadecimal digits of either case.
fn secret_text(much: usize) -> Vec<u8> {
    let secret = &SECRET[much / 4 % 8..][..12 + much / 32];
    let digits = || secret.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    match much % 4 {
        0 => STANDARD.encode(secret),
        1 => URL_SAFE_NO_PAD.encode(secret),
        2 => digits(),
        _ => digits().to_uppercase(),
    }
    .into_bytes()
}

/// Opens a file in every way that a command does.
fn open(file: &[u8]) {
    let place = || InputSource::parse("-").name(true);
    let passwords = KNOWN;
    match Bundle::open(file, "it", &passwords) {
        Ok(mut bundle) => {
            for key in &bundle.keys {
                if let Err(source) = key.open("it", &passwords) {
                    check_error(IdentityError::Key { place: place(), source });
                }
            }
            check(&bundle.contents.to_string());
            check(format_args!("{bundle:?}"));
            for source in [bundle.certificate_defect(), bundle.key_defect()].into_iter().flatten() {
                check_error(IdentityError::Bundle { place: place(), source });
            }
        }
        Err(source) => check_error(IdentityError::Bundle { place: place(), source }),
    }
    if let Err(source) = ca_certificates(file) {
        check_error(IdentityError::Bundle { place: place(), source });
    }
    for intermediates in [None, Some(InputSource::parse("-"))] {
        let source = IdentitySource {
            certificate: InputSource::parse("-"),
            private_key: InputSource::parse("-").into(),
            intermediates,
            permissions: Permissions::Strict,
        };
        match source.open(&FakeFiles::holding(file), &passwords, NOW) {
            Ok(identity) => check(format_args!("{identity:?}")),
            Err(error) => check_error(error),
        }
    }
    let plan =
        ReadCertificateData { certificate: InputSource::parse("-"), output: CertificateFormat::Full, password: PasswordSource::Default { credential: None } };
    if let Err(error) = run(&plan, &FakeFiles::holding(file), &passwords, NOW) {
        check_printed(&error);
    }
}

/// Panics if an error, a cause of it or what becomes of it at the edge quotes a key.
fn check_error(error: IdentityError) {
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = cause {
        check(error);
        check(format_args!("{error:?}"));
        cause = error.source();
    }
    check_printed(&Error::from(error));
}

fn check_printed(error: &Error) {
    check(error);
    check(format_args!("{error:?}"));
    error.hints().iter().for_each(check);
}

fn check(text: impl Display) {
    let text = text.to_string();
    let part = KEYS.part_in(text.as_bytes());
    assert!(part.is_none(), "a part of a key ({part:?}) is in: {text}");
}
