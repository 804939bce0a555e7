//! The options of commands that hand out the access key of a secret in place of a session.
#![expect(missing_docs, reason = "the help of a row says what it is")]

use super::secrets::SECRETS_ENDPOINT;
use super::{Heading, OptionSpec, ValueType};

/// Those of a command that tells until when a key may be kept.
pub static WITH_REFRESH: &[&OptionSpec] = &[&FROM_SECRET, &REFRESH_AFTER, &SECRETS_ENDPOINT];

/// Those of a command that tells no such time.
pub static WITHOUT_REFRESH: &[&OptionSpec] = &[&FROM_SECRET, &SECRETS_ENDPOINT];

/// Those of a command that runs a program, and has the endpoint among its options for secrets.
pub static OF_PROGRAM: &[&OptionSpec] = &[&FROM_SECRET, &REFRESH_AFTER];

/// What `--from-secret` takes.
const SECRET: &str = "the name or the ARN of a secret";

/// What `--refresh-after` takes.
pub const REFRESH_AFTER_EXPECTED: &str = "1m to 12h, such as `60m` or `2h`";

// Without a variable: it would hand out another key to other command lines.
pub static FROM_SECRET: OptionSpec = OptionSpec::new(
    "--from-secret",
    "NAME|ARN",
    ValueType::SecretId,
)
.without_variable()
.refuse_empty(SECRET)
.if_missing(
    "`--refresh-after` is about the access key in a secret: pass `--from-secret` with the name of \
             that, or remove `--refresh-after`",
)
.under(Heading::Secret)
.help("Use the access key in this secret")
.details(
    "Use the access key that is in this secret of AWS Secrets Manager instead of the \
             session, which only reads it. The secret is a JSON object with `aws_access_key_id` \
             and `aws_secret_access_key`, or other usual names of them.",
);

pub static REFRESH_AFTER: OptionSpec =
    OptionSpec::new("--refresh-after", "TIME", ValueType::Text)
        .without_variable()
        .refuse_empty(REFRESH_AFTER_EXPECTED)
        .default_value("60m")
        .under(Heading::Secret)
        .help("Time until it is read again")
        .details(
            "Time after which a program reads the secret again, as `30m` or `2h`: the key is handed \
             out with an expiration so far ahead. A key that a rotation replaces must stay active for \
             at least as long.",
        );
