//! The options of a program that follows secrets and parameters.
#![expect(missing_docs, reason = "the help of a row says what it is")]

use super::daemon::LOG_FORMAT;
use super::{Heading, OptionSpec, ValueType};
use roles_anywhere_client::text::disclosure::Sensitivity;

/// Those of a program.
pub static OF_PROGRAM: &[&OptionSpec] = &[&ON_ROTATE, &GRACE, &LOG_FORMAT];

pub static ON_ROTATE: OptionSpec = OptionSpec::new("--on-rotate", "ACTION", ValueType::Text)
    .without_variable()
    .refuse_empty(ON_ROTATE_EXPECTED)
    .sensitivity(Sensitivity::Sensitive)
    .under(Heading::Changes)
    .help("What to do when a secret has changed")
    .details(
        "What to do when a secret or a parameter that the program gets has changed: `restart` ends it and \
         starts it again, `signal:NAME` sends it HUP, INT, QUIT, TERM, USR1, USR2 or WINCH, `command:CMD` runs a command of a shell, and \
         `exit` ends it with exit code 75. Files of `--file` are replaced first. `exec` stays the parent \
         of the program.",
    );

/// What `--on-rotate` takes.
pub const ON_ROTATE_EXPECTED: &str = "`restart`, `signal:NAME`, `command:CMD` or `exit`";

pub static GRACE: OptionSpec = OptionSpec::new("--grace", "TIME", ValueType::Text)
    .without_variable()
    .refuse_empty(GRACE_EXPECTED)
    .default_value("10s")
    .under(Heading::Changes)
    .help("Time for the program to end")
    .details(
        "How long a program may take to end after SIGTERM, before it is killed: for `--on-rotate restart` \
         and `exit`.",
    );

/// What `--grace` takes.
pub const GRACE_EXPECTED: &str = "a time from 0s to 1h, such as `30s` (units: s, m, h, d)";
