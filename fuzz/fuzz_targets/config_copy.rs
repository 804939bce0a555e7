//! `~/.aws/config`, which any program edits: `config_copy::without_credentials`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use roles_anywhere::credentials_file::config_copy::without_credentials;

const KEYS: [&str; 3] = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"];

fuzz_target!(|text: &str| {
    let copy = without_credentials(text);
    assert_eq!(without_credentials(&copy), copy, "the copy of the copy has less");
    // Every line is one of the file, and none begins with the name of a key, indented or not.
    // What follows the last line break is empty where the last line of the file is left out.
    let of_file: Vec<&str> = text.split(['\r', '\n']).collect();
    for line in copy.split(['\r', '\n']).filter(|line| !line.is_empty()) {
        let start = line.trim_start().to_lowercase();
        assert!(!KEYS.iter().any(|key| start.starts_with(key)), "{line}");
        assert!(of_file.contains(&line), "{line}");
    }
});
