//! The options of the commands that follow secrets and parameters.
#![expect(missing_docs, reason = "the help of a row says what it is")]

use super::{Heading, OptionSpec, ValueType};

/// When to act on a change.
pub static TIMING: &[&OptionSpec] = &[&QUIET_PERIOD, &SPLAY];

/// How long values that are followed are used without AWS.
pub static FRESHNESS: &[&OptionSpec] = &[&SECRETS_TTL, &SECRETS_MAX_STALE];

pub static QUIET_PERIOD: OptionSpec = OptionSpec::new("--quiet-period", "TIME", ValueType::Text)
    .without_variable()
    .refuse_empty(QUIET_PERIOD_EXPECTED)
    .default_value("5s")
    .under(Heading::Changes)
    .help("Wait for further changes")
    .details(
        "How long to wait for further changes after a change, so that several are one action; six times \
         that at most.",
    );

/// What `--quiet-period` takes.
pub const QUIET_PERIOD_EXPECTED: &str = "a time from 1s to 1h, such as `5s` (units: s, m, h, d)";

pub static SPLAY: OptionSpec = OptionSpec::new("--splay", "TIME", ValueType::Text)
    .without_variable()
    .refuse_empty(SPLAY_EXPECTED)
    .described_default("10s with an action, else 0s")
    .under(Heading::Changes)
    .help("Longest random delay of an action")
    .details(
        "Delay each action by a random time up to this, so that many machines do not act at once.",
    );

/// What `--splay` takes.
pub const SPLAY_EXPECTED: &str = "a time from 0s to 1h, such as `30s` (units: s, m, h, d)";

pub static SECRETS_TTL: OptionSpec = OptionSpec::new("--secrets-ttl", "TIME", ValueType::Text)
    .without_variable()
    .refuse_empty(SECRETS_TTL_EXPECTED)
    .described_default("`ttl` of `[secrets]`, else 5m")
    .under(Heading::Changes)
    .help("Time after which AWS has to confirm a value")
    .details(
        "How long a value is used before AWS has to confirm it: a change is found within this time.",
    );

/// What `--secrets-ttl` takes.
pub const SECRETS_TTL_EXPECTED: &str = "a time from 1s to 1h, such as `1m` (units: s, m, h, d)";

pub static SECRETS_MAX_STALE: OptionSpec = OptionSpec::new(
    "--secrets-max-stale",
    "TIME",
    ValueType::Text,
)
.without_variable()
.refuse_empty(SECRETS_MAX_STALE_EXPECTED)
.described_default("`max-stale` of `[secrets]`, else 24h")
.under(Heading::Changes)
.help("Time that a value stays known in an outage")
.details(
    "How long a value stays known after `--secrets-ttl` while AWS cannot be reached. Then the log \
             says that it cannot be read; nothing else is done.",
);

/// What `--secrets-max-stale` takes.
pub const SECRETS_MAX_STALE_EXPECTED: &str =
    "a time from 0s to 7d, such as `24h` (units: s, m, h, d)";
