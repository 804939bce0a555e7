//! The keys of `[secrets.offline]`: the copies of secrets on disk.
#![expect(missing_docs, reason = "the help of a row says what it is")]

use super::{OptionSpec, ValueType};

/// The keys of `[secrets.offline]`.
pub static OFFLINE: &[&OptionSpec] = &[&KEEP, &MAX_AGE, &KEY_FILE, &DIRECTORY];

/// The name of the credential of systemd that holds the key.
pub const KEY_CREDENTIAL: &str = "roles-anywhere-offline-key";

pub static KEEP: OptionSpec = OptionSpec::file_key("keep", ValueType::Text)
    .help("Patterns of what is kept on disk, encrypted")
    .details(
        "What is kept on disk, encrypted, so that `serve` and `exec` can start while AWS cannot be \
         reached: patterns like those of `allow`. An empty list removes all copies.",
    );

pub static MAX_AGE: OptionSpec = OptionSpec::file_key("max-age", ValueType::Text)
    .described_default("`max-stale`")
    .help("Time since AWS confirmed a copy, after which it is not used and removed")
    .details(
        "Time since AWS confirmed a copy, after which it is not used any more and removed, in \
         seconds: from 60 to `max-stale`.",
    );

pub static KEY_FILE: OptionSpec = OptionSpec::file_key("key-file", ValueType::File)
    .described_default("`roles-anywhere-offline-key` in `$CREDENTIALS_DIRECTORY`")
    .help("File with the key of the copies: 32 random bytes")
    .details(
        "File with the key of the copies: 32 random bytes that only this user can read. Without \
         `LoadCredentialEncrypted` of systemd, a person who reads the disk reads the copies.",
    );

pub static DIRECTORY: OptionSpec = OptionSpec::file_key("dir", ValueType::Directory)
    .described_default("`offline` in `$STATE_DIRECTORY`")
    .help("Directory of the copies")
    .details("Directory of the copies. It is created with mode 0700 if it does not exist.");

/// Systemd's directories for the state of a service, separated by colons.
pub static STATE_DIRECTORY: OptionSpec =
    OptionSpec::of_variables(&["STATE_DIRECTORY"], ValueType::SystemPath);
