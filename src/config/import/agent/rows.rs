//! The keys of the agent's configuration, and what they are here.

use toml::de::DeValue;

use crate::options::table::OptionSpec;
use crate::options::table::secrets_endpoint::{
    CACHE_SIZE, MAX_CONNECTIONS, PORT, TOKEN_HEADERS, TOKEN_VARIABLES, TTL,
};

/// A table of the agent's configuration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum AgentTable {
    /// What is above the first table: the only form until version 2.
    Root,
    /// `[logging]`.
    Logging,
    /// `[capabilities]`.
    Capabilities,
    /// `[capabilities.secrets_manager]`.
    SecretsManager,
    /// `[capabilities.secrets_manager.cache]`.
    Cache,
    /// `[capabilities.secrets_manager.security]`.
    Security,
    /// `[prefetch]` or `[capabilities.secrets_manager.prefetch]`.
    Prefetch,
}

/// A key.
#[derive(Clone, Copy)]
pub(super) struct AgentRow {
    pub(super) name: &'static str,
    /// The tables that it can be in.
    pub(super) tables: &'static [AgentTable],
    pub(super) takes: AgentValue,
}

/// What a key takes, and what is made of it.
#[derive(Clone, Copy)]
pub(super) enum AgentValue {
    /// A number, as a key of `[secrets]`.
    Number { option: &'static OptionSpec, from: u32, to: u32, expected: &'static str },
    /// `path_prefix`.
    PathPrefix,
    /// Strings, as a key of `[secrets]`.
    Texts(&'static OptionSpec),
    /// The Region, as that of `[defaults]`.
    Region,
    /// Whether values are served while AWS cannot be reached.
    IgnoreTransientErrors,
    /// Something with a counterpart only if it says what `serve` does anyway.
    Only { is_same: fn(&DeValue<'_>) -> bool, otherwise: &'static str },
    /// Nothing: there is no counterpart.
    None { instead: &'static str },
    /// The secrets that are read at the start.
    Secrets,
    /// The tags of secrets that are read at the start.
    Tags,
}

use AgentTable::{Cache, Capabilities, Logging, Prefetch, Root, SecretsManager, Security};
use AgentValue::{
    IgnoreTransientErrors, None, Number, Only, PathPrefix, Region, Secrets, Tags, Texts,
};

const ROWS: &[AgentRow] = &[
    row_of("http_port", &[Root, SecretsManager], PORT_NUMBER),
    row_of("ttl_seconds", &[Root, Cache], number(&TTL, 0, 3600, "0 to 3600")),
    row_of("cache_size", &[Root, Cache], number(&CACHE_SIZE, 1, 1000, "1 to 1000")),
    row_of("max_conn", &[Root, SecretsManager], number(&MAX_CONNECTIONS, 1, 1000, "1 to 1000")),
    row_of("path_prefix", &[Root, SecretsManager], PathPrefix),
    row_of("ssrf_headers", &[Root, Security], Texts(&TOKEN_HEADERS)),
    row_of("ssrf_env_variables", &[Root, Security], Texts(&TOKEN_VARIABLES)),
    row_of("region", &[Root, SecretsManager], Region),
    row_of("ignore_transient_errors", &[Root, SecretsManager], IgnoreTransientErrors),
    row_of(
        "enabled",
        &[SecretsManager],
        Only {
            is_same: |value| matches!(value, DeValue::Boolean(true)),
            otherwise: "remove `[secrets]`: without it, `serve` serves no secrets",
        },
    ),
    row_of(
        "log_level",
        &[Root, Logging],
        Only {
            is_same: |value| matches!(value, DeValue::String(text) if text.eq_ignore_ascii_case("info")),
            otherwise: "remove it: the log has no levels",
        },
    ),
    row_of(
        "log_to_file",
        &[Root, Logging],
        Only {
            is_same: |value| matches!(value, DeValue::Boolean(false)),
            otherwise: "remove it: the log is written to standard error",
        },
    ),
    row_of(
        "validate_credentials",
        &[Root, SecretsManager],
        Only {
            is_same: |value| matches!(value, DeValue::Boolean(false)),
            otherwise: "remove it, and pass `--fail-fast` to `serve`",
        },
    ),
    row_of(
        "max_roles",
        &[Root, SecretsManager],
        None {
            instead: "remove it: requests may name the roles of the file, or those in `allowed-roles`",
        },
    ),
    row_of(
        "credentials_file_path",
        &[Root, SecretsManager],
        None { instead: "remove it: `serve` gets credentials with the certificate" },
    ),
    row_of(
        "acm",
        &[Capabilities],
        None { instead: "certificates are not managed here: remove the table" },
    ),
    row_of("secrets", &[Prefetch], Secrets),
    row_of("filter_tags", &[Prefetch], Tags),
    row_of(
        "cache_buffer_ratio",
        &[Prefetch],
        None { instead: "remove it: as many values are read as `cache-size` allows" },
    ),
    row_of(
        "max_jitter_seconds",
        &[Prefetch],
        None { instead: "remove it: what is read at the start is read at once" },
    ),
];

const PORT_NUMBER: AgentValue = number(&PORT, 0, 65_535, "a port from 0 to 65535");

const fn row_of(name: &'static str, tables: &'static [AgentTable], takes: AgentValue) -> AgentRow {
    AgentRow { name, tables, takes }
}

const fn number(
    option: &'static OptionSpec,
    from: u32,
    to: u32,
    expected: &'static str,
) -> AgentValue {
    Number { option, from, to, expected }
}

/// Returns the keys of a table.
pub(super) fn rows_of(table: AgentTable) -> impl Iterator<Item = &'static AgentRow> {
    ROWS.iter().filter(move |row| row.tables.contains(&table))
}

/// Returns a key of a table.
pub(super) fn row(table: AgentTable, name: &str) -> Option<&'static AgentRow> {
    rows_of(table).find(|row| row.name == name)
}

/// The tables, and those that they are in.
const INNER: &[(AgentTable, AgentTable)] = &[
    (Root, Logging),
    (Root, Capabilities),
    (Root, Prefetch),
    (Capabilities, SecretsManager),
    (SecretsManager, Cache),
    (SecretsManager, Security),
    (SecretsManager, Prefetch),
];

impl AgentTable {
    /// Returns its name, without those of the tables that it is in.
    pub(super) fn name(self) -> &'static str {
        match self {
            Root => "",
            Logging => "logging",
            Capabilities => "capabilities",
            SecretsManager => "secrets_manager",
            Cache => "cache",
            Security => "security",
            Prefetch => "prefetch",
        }
    }

    /// Returns whether only the newer form has it.
    pub(super) fn is_nested(self) -> bool {
        matches!(self, Logging | Capabilities)
    }

    /// Returns the table with a name in it.
    pub(super) fn inner(self, name: &str) -> Option<Self> {
        let mut inner = INNER.iter().filter(|(outer, _)| *outer == self).map(|(_, inner)| *inner);
        inner.find(|inner| inner.name() == name)
    }

    /// Returns the names of the tables in it.
    pub(super) fn inner_names(self) -> impl Iterator<Item = &'static str> {
        INNER.iter().filter(move |(outer, _)| *outer == self).map(|(_, inner)| inner.name())
    }
}
