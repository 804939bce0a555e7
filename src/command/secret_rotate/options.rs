//! The options of `secret rotate`. Most have no variable: it would rotate another secret in another
//! way.

use crate::options::table::secrets::SECRETS_ENDPOINT;
use crate::options::table::session::required_with;
use crate::options::table::{Heading, OptionSpec, ValueType};
use roles_anywhere_client::text::disclosure::Sensitivity;

/// All of them.
pub(super) static SECRET_ROTATE: &[&OptionSpec] = &[
    &SECRET_ID,
    &STRATEGY,
    &IF_OLDER_THAN,
    &DRY_RUN,
    &ABORT,
    &FORCE,
    &IAM_WITH,
    &KEEP_OLD,
    &KEY,
    &ONLY_STORE,
    &CREATE,
    &SET,
    &TEST,
    &RUN_LIMIT,
    &PASSWORD_LENGTH,
    &EXCLUDE_CHARACTERS,
    &EXCLUDE_NUMBERS,
    &EXCLUDE_PUNCTUATION,
    &EXCLUDE_UPPERCASE,
    &EXCLUDE_LOWERCASE,
    &INCLUDE_SPACE,
    &REQUIRE_EACH_INCLUDED_TYPE,
    &SECRETS_ENDPOINT,
    &LOG_FORMAT,
];

/// The options without which nothing is rotated.
pub(super) const REQUIRED: &[&OptionSpec] = &required_with(&SECRET_ID);

/// What the times of options are.
pub(super) const TIME: &str = "a number and `s`, `m`, `h` or `d`, such as `30d`";
/// What `--keep-old` takes: `--from-secret` hands out a key for up to 12 hours (`--refresh-after`).
pub(super) const KEEP_OLD_EXPECTED: &str = "12h to 365d, such as `24h`";
/// What `--run-limit` takes.
pub(super) const RUN_LIMIT_EXPECTED: &str = "10s to 24h, such as `5m`";
/// What `--password-length` takes.
pub(super) const LENGTH_EXPECTED: &str = "1 to 4096";

pub(super) static SECRET_ID: OptionSpec =
    OptionSpec::positional("secret", "NAME|ARN", ValueType::SecretId)
        .refuse_empty("the name or the ARN of a secret")
        .help("Name or ARN of the secret");

pub(super) static STRATEGY: OptionSpec = OptionSpec::new("--strategy", "NAME", ValueType::Text)
    .without_variable()
    .under(Heading::Rotation)
    .refuse_empty("`iam-access-key`, `random-password` or `command`")
    .choices(&[
        ("iam-access-key", "An access key of an IAM user, made and tested by AWS"),
        ("random-password", "A password, made by Secrets Manager"),
        ("command", "What the command of --create prints; a password without one"),
    ])
    .help("How the new value is made")
    .details("How the new value is made. Only --abort does without it, except for access keys.");

pub(super) static IF_OLDER_THAN: OptionSpec =
    OptionSpec::new("--if-older-than", "TIME", ValueType::Text)
        .without_variable()
        .under(Heading::Rotation)
        .refuse_empty(TIME)
        .help("Rotate only an older version")
        .details(
            "Rotate only if the current version is older, such as `30d`. What is due for old \
         access keys, and an interrupted rotation, is done nevertheless.",
        );

pub(super) static DRY_RUN: OptionSpec = OptionSpec::switch("--dry-run")
    .without_variable()
    .under(Heading::Rotation)
    .help("Print what would be done")
    .details("Print the steps and the IAM actions that they need, and change nothing.");

pub(super) static ABORT: OptionSpec = OptionSpec::switch("--abort")
    .without_variable()
    .under(Heading::Rotation)
    .help("Abort an interrupted rotation")
    .details(
        "Remove the pending version of an interrupted rotation, and delete the access key \
         that it holds. AWSCURRENT stays as it is.",
    );

pub(super) static FORCE: OptionSpec = OptionSpec::switch("--force")
    .without_variable()
    .under(Heading::Rotation)
    .help("Ignore another rotation of the secret")
    .details(
        "Ignore that Secrets Manager or a service rotates the secret, and that another run \
         may not have ended. With --abort, also take AWSPENDING off the version of another \
         program.",
    );

pub(super) static IAM_WITH: OptionSpec = OptionSpec::new("--iam-with", "CALLER", ValueType::Text)
    .without_variable()
    .under(Heading::Rotation)
    .refuse_empty("`role` or `secret`")
    .choices(&[
        ("role", "The role of the session"),
        ("secret", "The access key in the secret, for its own user"),
    ])
    .help("Who calls IAM: role or secret")
    .details("Who calls IAM, for the strategy iam-access-key.");

pub(super) static KEEP_OLD: OptionSpec = OptionSpec::new("--keep-old", "TIME", ValueType::Text)
    .without_variable()
    .under(Heading::Rotation)
    .refuse_empty(KEEP_OLD_EXPECTED)
    .default_value("24h")
    .help("How long an old key is kept")
    .details(
        "How long an old access key stays active. The first run after that deactivates it, \
         and the first run a further such time later deletes it. At least 12h, as long as \
         `--refresh-after` lets readers keep a key.",
    );

pub(super) static KEY: OptionSpec = OptionSpec::new("--key", "JSON-KEY", ValueType::Text)
    .without_variable()
    .under(Heading::Rotation)
    .refuse_empty("a value")
    .help("Member of a JSON secret to replace")
    .details(
        "The member of a JSON secret that is the password. The rest stays as it is written. \
         Without it, the whole secret is the password.",
    );

pub(super) static ONLY_STORE: OptionSpec = OptionSpec::switch("--only-store")
    .without_variable()
    .under(Heading::Rotation)
    .help("Nothing else knows the password")
    .details("Store a random password without --set and --test: nothing else has to know it.");

pub(super) static CREATE: OptionSpec = OptionSpec::new("--create", "CMD", ValueType::Text)
    .without_variable()
    .refuse_empty("a command")
    .sensitivity(Sensitivity::Sensitive)
    .under(Heading::Rotation)
    .help("Command that prints the new value")
    .details(
        "Command for `sh` that prints the new value, for the strategy command. It reads JSON \
         with the current value on standard input.",
    );

pub(super) static SET: OptionSpec = OptionSpec::new("--set", "CMD", ValueType::Text)
    .without_variable()
    .refuse_empty("a command")
    .sensitivity(Sensitivity::Sensitive)
    .under(Heading::Rotation)
    .help("Command that makes the new value valid")
    .details(
        "Command for `sh` that makes the new value the one of a database or another system. \
         It reads JSON with `current` and `pending` on standard input. It may run several \
         times with the same value.",
    );

pub(super) static TEST: OptionSpec = OptionSpec::new("--test", "CMD", ValueType::Text)
    .without_variable()
    .refuse_empty("a command")
    .sensitivity(Sensitivity::Sensitive)
    .under(Heading::Rotation)
    .help("Command that succeeds if the new value works")
    .details("Command for `sh` that succeeds if the new value works. It reads the same as --set.");

pub(super) static RUN_LIMIT: OptionSpec = OptionSpec::new("--run-limit", "TIME", ValueType::Text)
    .without_variable()
    .under(Heading::Rotation)
    .refuse_empty(RUN_LIMIT_EXPECTED)
    .default_value("5m")
    .help("Time limit of the whole run")
    .details(
        "Time limit of the whole run. After it, another run continues this one if it was \
         killed.",
    );

pub(super) static PASSWORD_LENGTH: OptionSpec =
    OptionSpec::new("--password-length", "NUMBER", ValueType::Text)
        .without_variable()
        .refuse_empty(LENGTH_EXPECTED)
        .described_default("32")
        .under(Heading::Password)
        .help("Number of characters");

pub(super) static EXCLUDE_CHARACTERS: OptionSpec =
    OptionSpec::new("--exclude-characters", "CHARACTERS", ValueType::Text)
        .without_variable()
        .refuse_empty("characters")
        .under(Heading::Password)
        .help("Characters that it does not have");

pub(super) static EXCLUDE_NUMBERS: OptionSpec = OptionSpec::switch("--exclude-numbers")
    .without_variable()
    .under(Heading::Password)
    .help("No digits");

pub(super) static EXCLUDE_PUNCTUATION: OptionSpec = OptionSpec::switch("--exclude-punctuation")
    .without_variable()
    .under(Heading::Password)
    .help("No punctuation");

pub(super) static EXCLUDE_UPPERCASE: OptionSpec = OptionSpec::switch("--exclude-uppercase")
    .without_variable()
    .under(Heading::Password)
    .help("No uppercase letters");

pub(super) static EXCLUDE_LOWERCASE: OptionSpec = OptionSpec::switch("--exclude-lowercase")
    .without_variable()
    .under(Heading::Password)
    .help("No lowercase letters");

pub(super) static INCLUDE_SPACE: OptionSpec = OptionSpec::switch("--include-space")
    .without_variable()
    .under(Heading::Password)
    .help("Spaces are allowed");

pub(super) static REQUIRE_EACH_INCLUDED_TYPE: OptionSpec =
    OptionSpec::switch("--require-each-included-type")
        .without_variable()
        .described_default("true")
        .under(Heading::Password)
        .help("One character of each kind")
        .details("At least one character of each kind that is not excluded.");

pub(super) static LOG_FORMAT: OptionSpec =
    OptionSpec::new("--log-format", "FORMAT", ValueType::Text)
        .without_variable()
        .default_value("text")
        .under(Heading::Output)
        .choices(&[("text", "One line for each event"), ("json", "One JSON object for each event")])
        .help("Log format: text or json")
        .details("Format of the log, which is written to standard error.");
