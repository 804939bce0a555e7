//! The AWS shared credentials file, which anybody edits: `profile::replace`.
//!
//! A line with the name of a profile, then the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use roles_anywhere::credentials_file::conflicts::{conflicts, long_lived_key};
use roles_anywhere::credentials_file::port::ProfileFileError;
use roles_anywhere::credentials_file::{ProfileName, replace};
use roles_anywhere_client::credentials::Credentials;
use roles_anywhere_client::secret::Secret;
use roles_anywhere_fuzz::{NOW, check_error, check_line};

const KEYS: [&str; 3] = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"];

fuzz_target!(|data: &[u8]| {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let name = std::str::from_utf8(&data[..end]).unwrap_or_default();
    let text = &data[end..];
    let name: ProfileName = match name.parse() {
        Ok(name) => name,
        Err(_) => "a".parse().unwrap(),
    };
    // Other characters that do not show are escaped where it is printed.
    assert!(!name.to_string().contains(char::is_control));
    let credentials = Credentials {
        access_key_id: "ASIANEW".to_owned(),
        secret_access_key: Secret::new("new/secret".to_owned()),
        session_token: Secret::new("new-token".to_owned()),
        expiration: NOW,
        account_id: "123456789012".to_owned(),
        role_session_name: None,
    };
    if let Some(key) = long_lived_key(text, &name) {
        check_error(ProfileFileError::Text { path: "f".into(), source: key.into() });
    }
    let once = match replace(text, &name, &credentials) {
        Ok(once) => once,
        Err(source) => return check_error(ProfileFileError::Text { path: "f".into(), source }),
    };
    let twice = replace(once.expose(), &name, &credentials).unwrap();
    assert!(long_lived_key(once.expose(), &name).is_none());
    for conflict in conflicts(once.expose(), &name) {
        check_line(&conflict.to_string());
    }
    assert!(once.expose() == twice.expose(), "the second edit changes something");
    for value in [&b"ASIANEW"[..], b"new/secret", b"new-token"] {
        assert!(once.expose().windows(value.len()).any(|window| window == value));
    }
    // What names none of the keys is all there still, and nothing stands before it.
    let lower = String::from_utf8_lossy(text).to_lowercase();
    if !KEYS.into_iter().any(|key| lower.contains(key)) {
        assert!(is_within(text, once.expose()));
    }
});

/// Returns whether a text is another one that lines were added to.
fn is_within(old: &[u8], new: &[u8]) -> bool {
    let mut left = new.iter();
    old.iter().all(|byte| left.any(|other| other == byte))
}
