//! What `[secrets]` says. Reading goes on after a value that is refused, so that all are found.

use std::time::Duration;

use hyper::header::HeaderName;

use super::offline::GivenOffline;
use super::single_values::{
    path_prefix, pattern, port, prefetched_parameter, prefetched_path, role, variable,
};
use crate::config::{ArrayTable, FileValue, SecretsTable, SecretsTokenTable, TableValues};
use crate::options::session::arn;
use crate::options::settings::{Setting, Settings};
use crate::options::table::other_programs::AGENT_TOKEN;
use crate::options::table::secrets_endpoint::{
    ALLOW, ALLOWED_ROLES, CACHE_SIZE, DENY, ENV_OF_TOKEN, FILE_OF_TOKEN, MAX_CONNECTIONS,
    MAX_STALE, PATH_PREFIX, PORT, PREFETCH_ROLE, PREFETCHED_PARAMETER, PREFETCHED_PATH,
    PREFETCHED_SECRET, PREFETCHED_TAG, PREFETCHED_TAG_VALUE, TOKEN_FILE, TOKEN_HEADERS,
    TOKEN_VARIABLES, TTL,
};
use crate::options::table::{OptionSpec, Origin};
use crate::output::usage::UsageError;
use crate::secrets_cache::{CachePolicy, Prefetch, PrefetchItems};
use crate::server::secrets::{AccessRules, SecretsPolicy};

/// The values of `[secrets]`, or their defaults.
pub(super) struct SecretsValues<'a> {
    pub(super) access: AccessRules,
    pub(super) cache: CachePolicy,
    pub(super) prefetch: Vec<Prefetch>,
    pub(super) port: u16,
    pub(super) path_prefix: String,
    pub(super) connections: usize,
    /// Names or ARNs.
    pub(super) allowed_roles: Option<Vec<Box<str>>>,
    pub(super) token_file: Option<Setting<'a>>,
    pub(super) token_headers: Vec<HeaderName>,
    /// The names of variables.
    pub(super) token_variables: Vec<Setting<'a>>,
    pub(super) tokens: Vec<GivenToken<'a>>,
    pub(super) offline: Option<GivenOffline<'a>>,
}

/// A token of `[secrets.token.NAME]`.
pub(super) struct GivenToken<'a> {
    pub(super) name: String,
    pub(super) source: GivenSource<'a>,
    pub(super) access: AccessRules,
}

/// Where a token is.
pub(super) enum GivenSource<'a> {
    File(Setting<'a>),
    Variable(Setting<'a>),
}

impl<'a> GivenSource<'a> {
    /// Returns the value of the key.
    pub(super) fn setting(&self) -> &Setting<'a> {
        match self {
            Self::File(setting) | Self::Variable(setting) => setting,
        }
    }

    /// Returns the value of the variable, if it is set; `None` for a file.
    pub(super) fn value_of_variable<'b>(&self, settings: &Settings<'b>) -> Option<Option<&'b str>> {
        match self {
            Self::File(_) => None,
            Self::Variable(setting) => Some(settings.environment.get(setting.value)),
        }
    }
}

/// Returns what is wrong with the values of `[secrets]`. Variables are not looked at.
pub fn errors_in_file(settings: &Settings<'_>, table: &SecretsTable) -> Vec<UsageError> {
    SecretsValues::read(settings, Some(table)).1
}

impl<'a> SecretsValues<'a> {
    /// Returns the values, and the errors of those that are refused.
    pub(super) fn read(
        settings: &Settings<'a>,
        table: Option<&'a SecretsTable>,
    ) -> (Self, Vec<UsageError>) {
        let values = table.map(SecretsTable::values);
        let mut reader = ValueReader { settings, values, errors: Vec::new() };
        let (cache, policy) = (reader.cache(), SecretsPolicy::default());
        let tables = table.map_or(&[][..], SecretsTable::tokens);
        let tokens: Vec<GivenToken<'a>> =
            tables.iter().filter_map(|token| reader.token(token)).collect();
        let prefetch = table.map_or(&[][..], SecretsTable::prefetch);
        let headers = |setting: &Setting<'_>| {
            let header = HeaderName::from_bytes(setting.value.as_bytes());
            header.map_err(|_| setting.refuse_hidden("the name of a header"))
        };
        let read = Self {
            access: reader.access(values),
            offline: table.and_then(|table| GivenOffline::read(&mut reader, table, &cache)),
            cache,
            prefetch: prefetch.iter().filter_map(|entry| reader.prefetch(entry)).collect(),
            port: reader.value(&PORT, 2773, port),
            path_prefix: reader.value(&PATH_PREFIX, policy.path_prefix, path_prefix),
            connections: reader.count(&MAX_CONNECTIONS, (policy.connections, 1_000), "1 to 1000"),
            allowed_roles: reader.list(values, &ALLOWED_ROLES, role),
            token_file: reader.file(&TOKEN_FILE, tokens.first().map(|token| &token.source)),
            token_headers: reader
                .list(values, &TOKEN_HEADERS, headers)
                .unwrap_or(policy.token_headers),
            token_variables: reader.token_variables(!tokens.is_empty()),
            tokens,
        };
        (read, reader.errors)
    }
}

/// Reads values, and collects the errors of those that are refused.
pub(super) struct ValueReader<'s, 'a> {
    settings: &'s Settings<'a>,
    /// Those of `[secrets]`.
    values: Option<&'a TableValues>,
    errors: Vec<UsageError>,
}

impl<'s, 'a> ValueReader<'s, 'a> {
    /// Reads the values of `table`.
    pub(super) fn new(settings: &'s Settings<'a>, table: &'a SecretsTable) -> Self {
        Self { settings, values: Some(table.values()), errors: Vec::new() }
    }

    /// Returns the first error.
    pub(super) fn into_error(self) -> Option<UsageError> {
        self.errors.into_iter().next()
    }

    /// Reads how long values are served, and how many are kept.
    pub(super) fn cache(&mut self) -> CachePolicy {
        let cache = CachePolicy::default();
        CachePolicy {
            ttl: self.seconds(&TTL, (cache.ttl, 3_600), "0 to 3600 (seconds)"),
            max_stale: self.seconds(
                &MAX_STALE,
                (cache.max_stale, 604_800),
                "0 to 604800 (seconds)",
            ),
            max_entries: self.count(&CACHE_SIZE, (cache.max_entries, 10_000), "1 to 10000"),
            ..cache
        }
    }

    /// Refuses a value of `[secrets]` that is there.
    pub(super) fn refuse_value(&mut self, option: &'static OptionSpec, expected: &'static str) {
        let value = self.values.and_then(|values| values.value(option));
        if let Some(setting) = self.setting(option, value) {
            self.errors.push(setting.refuse(expected));
        }
    }

    pub(super) fn ok<T>(&mut self, result: Result<T, UsageError>) -> Option<T> {
        result.map_err(|error| self.errors.push(error)).ok()
    }

    pub(super) fn setting(
        &mut self,
        option: &'static OptionSpec,
        value: Option<FileValue<'a>>,
    ) -> Option<Setting<'a>> {
        let setting = self.settings.of_file(option, value?);
        self.ok(setting)
    }

    /// Reads a value of `[secrets]`; `default` if there is none, or if it is refused.
    fn value<T>(
        &mut self,
        option: &'static OptionSpec,
        default: T,
        read: impl FnOnce(&Setting<'a>) -> Result<T, UsageError>,
    ) -> T {
        let value = self.values.and_then(|values| values.value(option));
        let setting = self.setting(option, value);
        setting.and_then(|setting| self.ok(read(&setting))).unwrap_or(default)
    }

    fn seconds(
        &mut self,
        option: &'static OptionSpec,
        (default, most): (Duration, u64),
        expected: &'static str,
    ) -> Duration {
        self.value(option, default, |setting| match setting.value.parse() {
            Ok(seconds) if seconds <= most => Ok(Duration::from_secs(seconds)),
            _ => Err(setting.refuse(expected)),
        })
    }

    fn count(
        &mut self,
        option: &'static OptionSpec,
        (default, most): (usize, usize),
        expected: &'static str,
    ) -> usize {
        self.value(option, default, |setting| match setting.value.parse() {
            Ok(count) if (1..=most).contains(&count) => Ok(count),
            _ => Err(setting.refuse(expected)),
        })
    }

    /// Reads the strings of a key; `None` if the key is not there.
    pub(super) fn list<T>(
        &mut self,
        values: Option<&'a TableValues>,
        option: &'static OptionSpec,
        read: impl Fn(&Setting<'a>) -> Result<T, UsageError>,
    ) -> Option<Vec<T>> {
        let texts = values?.texts(option)?;
        let mut all = Vec::new();
        for text in texts {
            let setting = self.setting(option, Some(text));
            all.extend(setting.and_then(|setting| self.ok(read(&setting))));
        }
        Some(all)
    }

    fn access(&mut self, values: Option<&'a TableValues>) -> AccessRules {
        let mut rules = |option| self.list(values, option, pattern).unwrap_or_default();
        AccessRules { allow: rules(&ALLOW), deny: rules(&DENY) }
    }

    /// Reads the file for the token of this process; `other` is a token that the user gave.
    fn file(
        &mut self,
        option: &'static OptionSpec,
        other: Option<&GivenSource<'a>>,
    ) -> Option<Setting<'a>> {
        let value = self.values.and_then(|values| values.value(option));
        let setting = self.setting(option, value)?;
        let file = self.ok(setting.creatable_file())?;
        let Some(other) = other else { return Some(file) };
        self.errors.push(UsageError::Conflict {
            first: file.origin.into(),
            second: (&other.setting().origin).into(),
            why: "remove one of them: no token is made if there is one",
        });
        None
    }

    /// Returns the names of the variables that may hold a token: without the key, those of the agent unless
    /// there are tokens in tables.
    fn token_variables(&mut self, has_tokens: bool) -> Vec<Setting<'a>> {
        let option = &TOKEN_VARIABLES;
        if let Some(given) = self.list(self.values, option, |name| variable(name.clone())) {
            return given;
        }
        let agent = AGENT_TOKEN.variables().filter(|_| !has_tokens);
        let settings =
            agent.map(|name| self.settings.setting(Origin::Variable(&AGENT_TOKEN, name), name));
        settings.filter_map(Result::ok).collect()
    }

    fn token(&mut self, token: &'a SecretsTokenTable) -> Option<GivenToken<'a>> {
        let values = token.values();
        let access = self.access(Some(values));
        let name = token.name().to_string();
        let file = self.setting(&FILE_OF_TOKEN, values.value(&FILE_OF_TOKEN));
        let source = match file {
            Some(file) => GivenSource::File(file),
            None => {
                let setting = self.setting(&ENV_OF_TOKEN, values.value(&ENV_OF_TOKEN))?;
                GivenSource::Variable(self.ok(variable(setting))?)
            }
        };
        Some(GivenToken { name, source, access })
    }

    fn prefetch(&mut self, entry: &'a ArrayTable) -> Option<Prefetch> {
        let mut text = |option| self.setting(option, entry.value(option));
        let (secret, parameter) = (text(&PREFETCHED_SECRET), text(&PREFETCHED_PARAMETER));
        let (tag, value) = (text(&PREFETCHED_TAG), text(&PREFETCHED_TAG_VALUE));
        let (path, given_role) = (text(&PREFETCHED_PATH), text(&PREFETCH_ROLE));
        let items = if let Some(secret) = secret {
            arn(secret).map(PrefetchItems::Secret)
        } else if let Some(parameter) = parameter {
            prefetched_parameter(&parameter).map(PrefetchItems::Parameter)
        } else if let Some(Setting { value: key, .. }) = tag {
            let value = value.map(|setting| setting.value.to_owned());
            Ok(PrefetchItems::Tag { key: key.to_owned(), value })
        } else {
            prefetched_path(&path?).map(PrefetchItems::Path)
        };
        let (items, role) = (self.ok(items), given_role.map(|given| self.ok(role(&given))));
        let role = match role {
            Some(role) => Some(role?.into()),
            None => None,
        };
        Some(Prefetch { role, items: items? })
    }
}
