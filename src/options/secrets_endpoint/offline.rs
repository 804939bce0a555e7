//! `[secrets.offline]`: the copies of secrets on disk.

use std::sync::Arc;
use std::time::Duration;

use super::single_values::pattern;
use super::table_values::ValueReader;
use crate::config::SecretsTable;
use crate::options::runtime_dir::state_dir;
use crate::options::settings::{Setting, Settings};
use crate::options::table::identity::CREDENTIALS_DIRECTORY;
use crate::options::table::offline::{
    DIRECTORY, KEEP, KEY_CREDENTIAL, KEY_FILE, MAX_AGE, STATE_DIRECTORY,
};
use crate::options::table::secrets_endpoint::MAX_STALE;
use crate::options::table::{OptionSpec, Origin};
use crate::output::usage::UsageError;
use crate::private_dir::{ConfiguredDir, ParentOwner};
use crate::secrets_cache::CachePolicy;
use crate::server::secrets::{AccessPattern, OfflineKey, OfflinePlan};
use roles_anywhere_client::input_source::InputSource;
use roles_anywhere_client::text::disclosure::Sensitivity;
use roles_anywhere_client::text::path;

/// Where the copies are of a command that serves no secrets.
#[derive(Clone, Debug)]
pub enum OfflineSetup {
    /// Key and directory are given.
    Complete(OfflinePlan),
    /// One of them is missing in a process that systemd has given the other, or something else of that kind:
    /// a mistake in most cases.
    Incomplete(Box<UsageError>),
}

/// Returns what is kept on disk, for a command that serves no secrets. An error if the values of
/// `[secrets.offline]` are refused; `None` without them, or if systemd's variables are needed and neither is
/// set: then the file is of a service, and this process is not.
pub fn offline_copies(settings: &Settings<'_>) -> Result<Option<OfflineSetup>, UsageError> {
    let Some(table) = settings.config.and_then(|config| config.secrets()) else { return Ok(None) };
    if table.offline().is_none() || !table.path_mistakes().is_empty() {
        return Ok(None);
    }
    let mut reader = ValueReader::new(settings, table);
    let cache = reader.cache();
    let given = GivenOffline::read(&mut reader, table, &cache);
    match reader.into_error() {
        Some(error) => Err(error),
        None => Ok(given.and_then(|given| given.setup(settings))),
    }
}

/// What to do without the key that systemd would pass.
const NO_KEY: &str = "pass the key with `LoadCredentialEncrypted=roles-anywhere-offline-key:FILE` of systemd, or set `key-file`";

/// What to do without the directory that systemd would make.
const NO_DIRECTORY: &str =
    "add `StateDirectory=roles-anywhere` to the unit of systemd, or set `dir`";

/// The shortest `max-age`.
const SHORTEST: u64 = 60;

/// The values of `[secrets.offline]`.
pub(super) struct GivenOffline<'a> {
    /// Where `keep` is.
    origin: Origin,
    keep: Vec<AccessPattern>,
    max_age: Duration,
    key_file: Option<Setting<'a>>,
    directory: Option<Setting<'a>>,
}

impl<'a> GivenOffline<'a> {
    /// Reads the table, if it is there.
    pub(super) fn read(
        reader: &mut ValueReader<'_, 'a>,
        table: &'a SecretsTable,
        cache: &CachePolicy,
    ) -> Option<Self> {
        let values = table.offline()?.values();
        let keep = reader.list(Some(values), &KEEP, pattern);
        let key_file = reader.setting(&KEY_FILE, values.value(&KEY_FILE));
        let directory = reader.setting(&DIRECTORY, values.value(&DIRECTORY));
        let max_age = reader.setting(&MAX_AGE, values.value(&MAX_AGE));
        let max_age = max_age.map(|setting| match setting.value.parse() {
            Ok(seconds) if (SHORTEST..=cache.max_stale.as_secs()).contains(&seconds) => {
                Ok(Duration::from_secs(seconds))
            }
            _ => Err(setting.refuse("60 to `max-stale` (seconds)")),
        });
        if max_age.is_none() && cache.max_stale.as_secs() < SHORTEST {
            reader.refuse_value(&MAX_STALE, "at least 60 beside `[secrets.offline]`");
        }
        let location = values.location_of_texts(&KEEP).unwrap_or(table.offline()?.location());
        Some(Self {
            origin: Origin::File(&KEEP, Arc::clone(location)),
            keep: keep.unwrap_or_default(),
            max_age: max_age.and_then(|it| reader.ok(it)).unwrap_or(cache.max_stale),
            key_file: key_file.and_then(|setting| reader.ok(setting.creatable_file())),
            directory: directory.and_then(|setting| reader.ok(setting.creatable())),
        })
    }

    /// Returns the plan, or what is missing; `None` if this process is no service.
    fn setup(self, settings: &Settings<'_>) -> Option<OfflineSetup> {
        let is_set = |variable: &OptionSpec| settings.environment.get(variable.name).is_some();
        let is_service = is_set(&CREDENTIALS_DIRECTORY) || is_set(&STATE_DIRECTORY);
        match self.plan(settings) {
            Ok(plan) => Some(OfflineSetup::Complete(plan)),
            Err(error) if is_service => Some(OfflineSetup::Incomplete(Box::new(error))),
            Err(_) => None,
        }
    }

    /// Returns the plan: what is not given comes from systemd's variables.
    pub(super) fn plan(self, settings: &Settings<'_>) -> Result<OfflinePlan, UsageError> {
        let credentials = settings.environment.get(CREDENTIALS_DIRECTORY.name);
        let key = match (&self.key_file, credentials) {
            (Some(setting), credentials) => {
                let file = path::path(setting.value);
                let is_credential =
                    credentials.is_some_and(|folder| file.starts_with(path::path(folder)));
                let name = setting.origin.name();
                let source = InputSource::file(file).named_by(name, Sensitivity::Public);
                OfflineKey { source, is_credential }
            }
            (None, Some(folder)) => {
                let file = path::path(folder).join(KEY_CREDENTIAL);
                let name = CREDENTIALS_DIRECTORY.name;
                let source = InputSource::file(file).named_by(name, Sensitivity::Public);
                OfflineKey { source, is_credential: true }
            }
            (None, None) => {
                return Err(UsageError::NoVariable {
                    what: (&self.origin).into(),
                    variable: &CREDENTIALS_DIRECTORY,
                    why: NO_KEY,
                });
            }
        };
        let directory = match self.directory {
            Some(Setting { origin, value, .. }) => ConfiguredDir {
                path: path::path(value),
                origin,
                parent_owner: ParentOwner::AnyUser,
            },
            None => {
                let none = || UsageError::NoVariable {
                    what: (&self.origin).into(),
                    variable: &STATE_DIRECTORY,
                    why: NO_DIRECTORY,
                };
                state_dir(settings.environment).ok_or_else(none)?
            }
        };
        Ok(OfflinePlan { keep: self.keep, max_age: self.max_age, key, directory })
    }
}
