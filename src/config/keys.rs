//! Which keys each table of the file takes. A key is the flag of an option without its dashes.

use crate::options::table::{
    OptionSpec, ValueType, access_key, config_file, identity, offline, secrets_endpoint, session,
    transport,
};

/// A table of the file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TableKind {
    /// What is above the first table.
    Root,
    /// `[defaults]`.
    Defaults,
    /// `[identity.NAME]`.
    Identity,
    /// `[role.NAME]`.
    Role,
    /// `[exec.NAME]`.
    Exec,
    /// One of `assume`.
    Hop,
    /// One of `fallback`.
    Fallback,
    /// `[secrets]`.
    Secrets,
    /// `[secrets.token.NAME]`.
    SecretsToken,
    /// `[secrets.offline]`.
    SecretsOffline,
    /// One of `prefetch`.
    Prefetch,
}

/// What a key takes in TOML.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyType {
    /// A string.
    Text,
    /// `true` or `false`.
    Boolean,
    /// An integer.
    Integer,
    /// An integer, or this word.
    IntegerOr(&'static str),
    /// An array of strings.
    Texts,
    /// A table of strings.
    TextTable,
    /// An array of tables of this kind.
    Tables(TableKind),
}

/// The tables whose keys are those of options, with their lists.
const KEYS: &[(TableKind, &[&[&OptionSpec]])] = &[
    (TableKind::Root, &[config_file::ROOT]),
    (
        TableKind::Defaults,
        &[
            &[&config_file::IDENTITY_NAME],
            SHARED,
            &[&identity::STRICT_PERMISSIONS],
            NETWORK,
            FALLBACK_KEY,
        ],
    ),
    (TableKind::Identity, &[IDENTITY]),
    (TableKind::Role, &[ROLE, SHARED, NETWORK, &[&config_file::ASSUME], FALLBACK_KEY]),
    (TableKind::Exec, &[config_file::EXEC]),
    (TableKind::Hop, &[config_file::HOP]),
    (
        TableKind::Fallback,
        &[&[&session::TRUST_ANCHOR_ARN, &session::PROFILE_ARN, &session::ENDPOINT]],
    ),
    (TableKind::Secrets, &[secrets_endpoint::KEYS]),
    (TableKind::SecretsToken, &[secrets_endpoint::TOKEN]),
    (TableKind::SecretsOffline, &[offline::OFFLINE]),
    (TableKind::Prefetch, &[secrets_endpoint::PREFETCHED]),
];

const IDENTITY: &[&OptionSpec] = &[
    &identity::CERTIFICATE,
    &identity::PRIVATE_KEY,
    &session::INTERMEDIATES,
    &identity::KEY_PASSWORD_FILE,
    &identity::KEY_PASSWORD_ENV,
    &identity::KEY_PASSWORD_FD,
    &identity::STRICT_PERMISSIONS,
];

const ROLE: &[&OptionSpec] = &[
    &config_file::IDENTITY_NAME,
    &session::ROLE_ARN,
    &config_file::ROLE_AWS_PROFILE,
    &access_key::FROM_SECRET,
    &access_key::REFRESH_AFTER,
];

const SHARED: &[&OptionSpec] = &[
    &session::TRUST_ANCHOR_ARN,
    &session::PROFILE_ARN,
    &session::ROLE_SESSION_NAME,
    &session::SESSION_DURATION,
    &session::REGION,
];

const NETWORK: &[&OptionSpec] = &[
    &session::ENDPOINT,
    &transport::PROXY,
    &transport::CA_BUNDLE,
    &transport::TIMEOUT,
    &transport::FIPS,
    &transport::DUAL_STACK,
    &transport::WITH_PROXY,
    &transport::NO_VERIFY_SSL,
];

const FALLBACK_KEY: &[&OptionSpec] = &[&config_file::FALLBACK];

const HOP_REQUIRED: &[&OptionSpec] = &[&config_file::HOP_ROLE_ARN];

const FALLBACK_REQUIRED: &[&OptionSpec] = &[&session::TRUST_ANCHOR_ARN, &session::PROFILE_ARN];

const OFFLINE_REQUIRED: &[&OptionSpec] = &[&offline::KEEP];

const TEXT_TABLES: &[&OptionSpec] =
    &[&config_file::HOP_TAGS, &config_file::EXEC_ENV, &config_file::EXEC_FILES];

/// Keys by which a password would be written into the file.
pub(super) const PASSWORDS: &[&str] = &["pkcs8-password", "key-password", "password"];

impl TableKind {
    /// All of them, in the order of the documentation.
    pub const ALL: &[Self] = &[
        Self::Root,
        Self::Identity,
        Self::Role,
        Self::Hop,
        Self::Fallback,
        Self::Defaults,
        Self::Exec,
        Self::Secrets,
        Self::Prefetch,
        Self::SecretsToken,
        Self::SecretsOffline,
    ];

    /// Returns its keys, in the order of the documentation.
    pub fn keys(self) -> impl Iterator<Item = &'static OptionSpec> {
        let lists = KEYS.iter().find(|(kind, _)| *kind == self).map_or(&[][..], |(_, lists)| lists);
        lists.iter().flat_map(|list| list.iter().copied())
    }

    /// Returns the row of a key that it takes.
    pub fn key(self, name: &str) -> Option<&'static OptionSpec> {
        self.keys().find(|row| row.id() == name)
    }

    /// Returns its required keys.
    pub fn required(self) -> &'static [&'static OptionSpec] {
        match self {
            Self::Hop => HOP_REQUIRED,
            Self::Fallback => FALLBACK_REQUIRED,
            Self::SecretsOffline => OFFLINE_REQUIRED,
            _ => &[],
        }
    }

    /// Returns the keys of which it has exactly one.
    pub fn one_of(self) -> &'static [&'static OptionSpec] {
        match self {
            Self::SecretsToken => secrets_endpoint::TOKEN_SOURCES,
            Self::Prefetch => secrets_endpoint::PREFETCHED_ITEMS,
            _ => &[],
        }
    }

    /// Returns its name in the file; that of the part above the first table is for the schema only.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Defaults => "defaults",
            Self::Identity => "identity",
            Self::Role => "role",
            Self::Exec => "exec",
            Self::Hop => "assume",
            Self::Fallback => "fallback",
            Self::Secrets => "secrets",
            Self::SecretsToken => "token",
            Self::SecretsOffline => "offline",
            Self::Prefetch => "prefetch",
        }
    }

    /// Returns how messages show it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Root => "the part above the first table",
            Self::Defaults => "`[defaults]`",
            Self::Identity => "`[identity.NAME]`",
            Self::Role => "`[role.NAME]`",
            Self::Exec => "`[exec.NAME]`",
            Self::Hop => "`assume`",
            Self::Fallback => "`fallback`",
            Self::Secrets => "`[secrets]`",
            Self::SecretsToken => "`[secrets.token.NAME]`",
            Self::SecretsOffline => "`[secrets.offline]`",
            Self::Prefetch => "`prefetch`",
        }
    }
}

/// Returns a text of the help with keys in place of their flags: `certificate` for `--certificate`.
pub fn with_keys(text: &str) -> String {
    let all = TableKind::ALL.iter().flat_map(|table| table.keys());
    all.fold(text.to_owned(), |text, row| {
        [' ', '`', '='].iter().fold(text, |text, end| {
            text.replace(&format!("`--{}{end}", row.id()), &format!("`{}{end}", row.id()))
        })
    })
}

impl KeyType {
    /// Returns what a key takes.
    pub fn of(row: &'static OptionSpec) -> Self {
        let is = |other: &'static OptionSpec| std::ptr::eq(row, other);
        match row.value_type {
            ValueType::Boolean => Self::Boolean,
            ValueType::Descriptor => Self::Integer,
            _ if is(&session::SESSION_DURATION) => Self::IntegerOr("profile"),
            _ if is(&transport::TIMEOUT) || is(&config_file::HOP_SESSION_DURATION) => Self::Integer,
            _ if secrets_endpoint::INTEGERS.contains(&row) || is(&offline::MAX_AGE) => {
                Self::Integer
            }
            _ if secrets_endpoint::LISTS.contains(&row) || is(&offline::KEEP) => Self::Texts,
            _ if is(&secrets_endpoint::PREFETCH) => Self::Tables(TableKind::Prefetch),
            _ if is(&config_file::ASSUME) => Self::Tables(TableKind::Hop),
            _ if is(&config_file::FALLBACK) => Self::Tables(TableKind::Fallback),
            _ if TEXT_TABLES.contains(&row) => Self::TextTable,
            _ if is(&config_file::HOP_TRANSITIVE_TAGS) || is(&config_file::EXEC_COMMAND) => {
                Self::Texts
            }
            _ => Self::Text,
        }
    }

    /// Returns the unit of a key's numbers.
    pub fn unit(row: &'static OptionSpec) -> Option<&'static str> {
        let durations =
            [&session::SESSION_DURATION, &transport::TIMEOUT, &config_file::HOP_SESSION_DURATION];
        let of_secrets =
            secrets_endpoint::DURATIONS.contains(&row) || std::ptr::eq(row, &offline::MAX_AGE);
        let is_duration = durations.contains(&row) || of_secrets;
        is_duration.then_some("seconds")
    }

    /// Returns it in words.
    pub fn expected(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Boolean => "`true` or `false`",
            Self::Integer => "an integer",
            Self::IntegerOr(_) => "an integer, or \"profile\"",
            Self::Texts => "an array of strings",
            Self::TextTable => "a table of strings",
            Self::Tables(_) => "an array of tables",
        }
    }
}
