//! The options of `sign-string` and `read-certificate-data`.
#![expect(missing_docs, reason = "the help of a row says what it is")]

use super::{OptionSpec, ValueType};

/// The options of `sign-string` alone.
pub static SIGN_STRING: [&OptionSpec; 2] = [&FORMAT, &DIGEST];

/// The options of `read-certificate-data` alone.
pub static READ_CERTIFICATE_DATA: [&OptionSpec; 1] = [&OUTPUT];

pub static FORMAT: OptionSpec = OptionSpec::new("--format", "FORMAT", ValueType::Text)
    .without_variable()
    .default_value("json")
    .help("`json`: hex in quotes; `text`: hex; `bin`: raw bytes");

pub static DIGEST: OptionSpec = OptionSpec::new("--digest", "DIGEST", ValueType::Text)
    .without_variable()
    .default_value("SHA256")
    .help("SHA256, SHA384 or SHA512; ML-DSA takes none");

pub static OUTPUT: OptionSpec = OptionSpec::new("--output", "text|full", ValueType::Text)
    .without_variable()
    .described_default("the official helper's JSON")
    .help("The view");
