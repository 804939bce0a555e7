//! The options of the secrets endpoint, and the keys of `[secrets]`.
#![expect(missing_docs, reason = "the help of a row says what it is")]

use super::cache::IN_RUNTIME_DIR;
use super::{Heading, OptionSpec, ValueType};

/// The options of `serve` for it.
pub static SECRETS_ENDPOINT: &[&OptionSpec] = &[&SECRETS, &SECRETS_PORT, &SECRETS_TOKEN_FILE];

/// The keys of `[secrets]`.
pub static KEYS: &[&OptionSpec] = &[
    &ALLOW,
    &DENY,
    &PREFETCH,
    &TTL,
    &MAX_STALE,
    &CACHE_SIZE,
    &PORT,
    &PATH_PREFIX,
    &MAX_CONNECTIONS,
    &ALLOWED_ROLES,
    &TOKEN_FILE,
    &TOKEN_HEADERS,
    &TOKEN_VARIABLES,
];

/// The keys of `[secrets.token.NAME]`.
pub static TOKEN: &[&OptionSpec] = &[&FILE_OF_TOKEN, &ENV_OF_TOKEN, &ALLOW, &DENY];

/// The keys of an entry of `prefetch`.
pub static PREFETCHED: &[&OptionSpec] = &[
    &PREFETCHED_SECRET,
    &PREFETCHED_PARAMETER,
    &PREFETCHED_TAG,
    &PREFETCHED_TAG_VALUE,
    &PREFETCHED_PATH,
    &PREFETCH_ROLE,
];

/// The keys of which a token has one.
pub static TOKEN_SOURCES: &[&OptionSpec] = &[&FILE_OF_TOKEN, &ENV_OF_TOKEN];

/// The keys of which an entry of `prefetch` has one.
pub static PREFETCHED_ITEMS: &[&OptionSpec] =
    &[&PREFETCHED_SECRET, &PREFETCHED_PARAMETER, &PREFETCHED_TAG, &PREFETCHED_PATH];

/// The keys that are integers.
pub static INTEGERS: &[&OptionSpec] = &[&TTL, &MAX_STALE, &CACHE_SIZE, &PORT, &MAX_CONNECTIONS];

/// The keys that are in seconds.
pub static DURATIONS: &[&OptionSpec] = &[&TTL, &MAX_STALE];

/// The keys that are arrays of strings.
pub static LISTS: &[&OptionSpec] =
    &[&ALLOW, &DENY, &ALLOWED_ROLES, &TOKEN_HEADERS, &TOKEN_VARIABLES];

pub static SECRETS: OptionSpec = OptionSpec::switch("--secrets")
    .described_default("on if the configuration file has `[secrets]`")
    .under(Heading::Server)
    .help("Serve secrets, as AWS's agent does")
    .details(
        "Serve secrets and parameters on port 2773 of 127.0.0.1 and ::1, as AWS's agent and the \
         Lambda extension do. `--secrets=false` turns it off.",
    );

pub static SECRETS_PORT: OptionSpec = OptionSpec::new("--secrets-port", "PORT", ValueType::Text)
    .described_default("`port` of `[secrets]`, else 2773")
    .under(Heading::Server)
    .help("Port for secrets")
    .details("Port on 127.0.0.1 and ::1 for secrets and parameters. 0 is any free port.");

pub static SECRETS_TOKEN_FILE: OptionSpec =
    OptionSpec::new("--secrets-token-file", "FILE", ValueType::File)
        .described_default("`token-file` of `[secrets]`, else a file in the runtime directory")
        .under(Heading::Server)
        .help("File for the token of secrets")
        .details(
            "File for the token that clients of secrets and parameters need, which is written with \
             mode 0600. No file is written if a variable such as `AWS_TOKEN` or `[secrets.token.NAME]` \
             gives a token.",
        );

pub static ALLOW: OptionSpec = OptionSpec::file_key("allow", ValueType::Text)
    .described_default("what the role may read")
    .help("Patterns of what may be read")
    .details(
        "What may be read: names, paths or ARNs, in which `*` stands for any characters and `?` for \
         one. `sm://` before a pattern limits it to secrets, and `ssm://` to parameters.",
    );

pub static DENY: OptionSpec = OptionSpec::file_key("deny", ValueType::Text)
    .help("Patterns of what may not be read, whatever `allow` says")
    .details("What may not be read, as patterns like those of `allow`, which it precedes.");

pub static PREFETCH: OptionSpec = OptionSpec::file_key("prefetch", ValueType::Text)
    .help("What is read at the start")
    .details("What is read at the start, so that the first client does not wait.");

pub static TTL: OptionSpec = OptionSpec::file_key("ttl", ValueType::Text)
    .default_value("300")
    .help("Time after which AWS has to confirm a value")
    .details(
        "Time after which AWS has to confirm a value, in seconds, 0 to 3600. With 0, each request is \
         a call of AWS.",
    );

pub static MAX_STALE: OptionSpec = OptionSpec::file_key("max-stale", ValueType::Text)
    .default_value("86400")
    .help("Time after `ttl` for which a value is served while AWS cannot be reached")
    .details(
        "Time after `ttl` for which a value is still served while AWS cannot be reached or fails, in \
         seconds, 0 to 604800. With 0, it is not.",
    );

pub static CACHE_SIZE: OptionSpec = OptionSpec::file_key("cache-size", ValueType::Text)
    .default_value("1000")
    .help("Most values in memory")
    .details(
        "The most values in memory, 1 to 10000. Those that were not read for longest are removed.",
    );

pub static PORT: OptionSpec = OptionSpec::file_key("port", ValueType::Text)
    .default_value("2773")
    .help("Port on 127.0.0.1 and ::1")
    .details("Port on 127.0.0.1 and ::1. 0 is any free port.");

pub static PATH_PREFIX: OptionSpec = OptionSpec::file_key("path-prefix", ValueType::Text)
    .default_value("/v1/")
    .help("Prefix of paths that name a secret")
    .details("What is before the name of a secret in the path of a request.");

pub static MAX_CONNECTIONS: OptionSpec = OptionSpec::file_key("max-connections", ValueType::Text)
    .default_value("800")
    .help("Most requests at a time")
    .details("The most requests that are answered at a time, 1 to 1000.");

pub static ALLOWED_ROLES: OptionSpec = OptionSpec::file_key("allowed-roles", ValueType::Text)
    .described_default("all that are served")
    .help("Roles that requests may name")
    .details(
        "The roles that requests may name in `roleArn`: names of `[role.NAME]` or ARNs. A request \
         without `roleArn` reads with the default role.",
    );

pub static TOKEN_FILE: OptionSpec = OptionSpec::file_key("token-file", ValueType::File)
    .described_default(IN_RUNTIME_DIR)
    .help("File that the token of this process is written to")
    .details(
        "File that the token of this process is written to with mode 0600, if neither a variable nor \
         `[secrets.token.NAME]` gives a token.",
    );

pub static TOKEN_HEADERS: OptionSpec = OptionSpec::file_key("token-headers", ValueType::Text)
    .described_default("`X-Aws-Parameters-Secrets-Token`, `X-Vault-Token`")
    .help("Headers that a token may be in")
    .details("The headers of requests that a token may be in.");

pub static TOKEN_VARIABLES: OptionSpec = OptionSpec::file_key("token-variables", ValueType::Text)
    .described_default(
        "`AWS_TOKEN`, `AWS_SESSION_TOKEN`, `AWS_CONTAINER_AUTHORIZATION_TOKEN`; none beside \
         `[secrets.token.NAME]`",
    )
    .help("Variables of which the first that is set holds a token")
    .details(
        "The variables of which the first that is set holds a token, or `file://` and the path of \
         its file.",
    );

/// `file` of `[secrets.token.NAME]`.
pub static FILE_OF_TOKEN: OptionSpec = OptionSpec::file_key("file", ValueType::File)
    .help("File with the token; it may be replaced at any time")
    .details("The file with the token. It may be replaced at any time, without a restart.");

/// `env` of `[secrets.token.NAME]`.
pub static ENV_OF_TOKEN: OptionSpec = OptionSpec::file_key("env", ValueType::VariableName)
    .help("Variable with the token, or with `file://` and the path of its file")
    .details("The variable with the token, or with `file://` and the path of its file.");

pub static PREFETCHED_SECRET: OptionSpec = OptionSpec::file_key("secret", ValueType::SecretId)
    .help("Name or ARN of a secret")
    .details("The name or the ARN of a secret.");

pub static PREFETCHED_PARAMETER: OptionSpec =
    OptionSpec::file_key("parameter", ValueType::ParameterId)
        .help("Name or ARN of a parameter")
        .details("The name or the ARN of a parameter, which is read decrypted.");

pub static PREFETCHED_TAG: OptionSpec = OptionSpec::file_key("tag", ValueType::Text)
    .help("Tag of secrets")
    .details("The key of a tag: all secrets that have it.");

pub static PREFETCHED_TAG_VALUE: OptionSpec = OptionSpec::file_key("tag-value", ValueType::Text)
    .described_default("any")
    .help("Value of `tag`")
    .details("The value that the tag has.");

pub static PREFETCHED_PATH: OptionSpec = OptionSpec::file_key("path", ValueType::Text)
    .help("Path of secrets and parameters: all whose names begin with it")
    .details(
        "A path such as `/prod/`: all secrets below it, and all parameters if it begins with `/`.",
    );

pub static PREFETCH_ROLE: OptionSpec = OptionSpec::file_key("role", ValueType::Text)
    .described_default("`default-role`, else the first role that is named")
    .help("Role that reads it")
    .details("The role that reads it: the NAME of a `[role.NAME]`, or an ARN.");

/// Returns whether a text is a value of `path-prefix`: what follows it is the id of a secret.
pub fn is_path_prefix(text: &str) -> bool {
    let is_legal = |b: u8| b.is_ascii_alphanumeric() || b"/-._~".contains(&b);
    text.starts_with('/') && text.bytes().all(is_legal)
}
