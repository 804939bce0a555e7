//! The AWS shared credentials file, which anybody edits: `profile::replace`.
//!
//! A line with the name of a profile, then the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use roles_anywhere::credentials_file::conflicts::{conflicts, long_lived_key};
use roles_anywhere::credentials_file::port::ProfileFileError;
use roles_anywhere::credentials_file::{ProfileCredentials, ProfileName, replace};
use roles_anywhere_client::credentials::AccessKey;
use roles_anywhere_client::secret::Secret;
use roles_anywhere_fuzz::{check_error, check_line};

/// What an edit changes or removes.
const OURS: [&str; 4] = [
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "is the access key of the secret",
];

const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbCdEf";

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
    let secret = |text: &str| Secret::new(text.to_owned());
    let of_session = ProfileCredentials {
        key: AccessKey {
            id: "ASIANEW".to_owned(),
            secret: secret("new/secret"),
            session_token: Some(secret("new-token")),
        },
        secret_arn: None,
    };
    let of_secret = ProfileCredentials {
        key: AccessKey {
            id: "AKIANEW".to_owned(),
            secret: secret("new/secret"),
            session_token: None,
        },
        secret_arn: Some(ARN.to_owned()),
    };
    if let Some(key) = long_lived_key(text, &name, &|_| false) {
        check_error(ProfileFileError::Text { path: "f".into(), source: key.into() });
    }
    if check_edit(text, &name, &of_session, &["ASIANEW", "new/secret", "new-token"]) {
        check_edit(text, &name, &of_secret, &["AKIANEW", "new/secret", ARN]);
    }
});

/// Edits a text, and returns whether that was possible.
fn check_edit(
    text: &[u8],
    name: &ProfileName,
    credentials: &ProfileCredentials,
    values: &[&str],
) -> bool {
    let once = match replace(text, name, credentials) {
        Ok(once) => once,
        Err(source) => {
            check_error(ProfileFileError::Text { path: "f".into(), source });
            return false;
        }
    };
    let twice = replace(once.expose(), name, credentials).unwrap();
    // What was written may be replaced by the next key of the same secret.
    assert!(long_lived_key(once.expose(), name, &|key| credentials.may_replace(key)).is_none());
    for conflict in conflicts(once.expose(), name) {
        check_line(&conflict.to_string());
    }
    assert!(once.expose() == twice.expose(), "the second edit changes something");
    for value in values {
        assert!(once.expose().windows(value.len()).any(|window| window == value.as_bytes()));
    }
    // What names none of the keys is all there still, and nothing stands before it.
    let lower = String::from_utf8_lossy(text).to_lowercase();
    if !OURS.into_iter().any(|ours| lower.contains(ours)) {
        assert!(is_within(text, once.expose()));
    }
    true
}

/// Returns whether a text is another one that lines were added to.
fn is_within(old: &[u8], new: &[u8]) -> bool {
    let mut left = new.iter();
    old.iter().all(|byte| left.any(|other| other == byte))
}
