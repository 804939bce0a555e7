//! `cache show` and `cache clear`: list and remove the cached sessions of this user.

mod document;

use crate::app::App;
use crate::command::{CACHE, Command, Plan};
use crate::options::arguments::OptionGroups;
use crate::options::cache::cache_location;
use crate::options::command_line::Word;
use crate::options::settings::Settings;
use crate::options::table::cache::CACHE_LOCATION;
use crate::options::table::errors::ERRORS;
use crate::options::table::{Heading, OptionSpec, ValueType};
use crate::output::Outcome;
use crate::output::error::Error;
use crate::output::run::RunError;
use crate::output::table::aligned;
use crate::output::usage::UsageError;
use crate::private_dir::{ConfiguredDir, DirEntry, Store};
use crate::session_cache::CacheLocation;
use crate::session_cache::entry::CacheEntry;
use crate::session_cache::key::{CacheKey, FileKind, is_cache_file};
use roles_anywhere_client::credentials::RoleSessionName;
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::text::disclosure::path_name;
use roles_anywhere_client::text::escape;
use roles_anywhere_client::time::{Clock as _, Timestamp};

static OUTPUT: OptionSpec = OptionSpec::new("--output", "FORMAT", ValueType::Text)
    .without_variable()
    .default_value("text")
    .under(Heading::Output)
    .choices(&[("text", "A table"), ("json", "JSON, with the ARNs and the expiration")])
    .help("Format: text or json")
    .details("What to print.");

/// The plan of `cache show`.
#[derive(Clone, Debug)]
pub struct CacheShow {
    /// The cache.
    pub location: CacheLocation,
    /// The output format.
    pub output: CacheFormat,
}

/// The output format of a list of sessions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CacheFormat {
    /// A table for people.
    Text,
    /// JSON for programs.
    Json,
}

impl Command for CacheShow {
    const NAME: &'static [Word] = &[CACHE, ("show", "List the cached sessions, without secrets")];
    const DETAILS: &'static str = "\
Lists the role, the session name, the access key id and the remaining lifetime of each session.";
    const DOCS: &'static [&'static str] = &["cache.md"];
    const OPTIONS: &'static OptionGroups = &[CACHE_LOCATION, &[&OUTPUT], ERRORS];

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let output = settings.flag_or_default(&OUTPUT)?;
        let output = match output.value {
            "text" => CacheFormat::Text,
            "json" => CacheFormat::Json,
            _ => return Err(output.refuse("`text` or `json`")),
        };
        Ok(Self { location: cache_location(settings)?, output })
    }
}

impl Plan for CacheShow {
    fn run(&self, app: &App) -> Result<Outcome, Error> {
        let now = app.clock().now();
        let output = match (&self.location, self.output) {
            (CacheLocation::Dir(dir), output) => show(dir, &app.private_dir(dir), output, now)?,
            (CacheLocation::Disabled, CacheFormat::Text) => no_location(),
            (CacheLocation::Disabled, CacheFormat::Json) => document::to_json(None, &[], now),
        };
        Ok(output.into())
    }
}

/// The plan of `cache clear`.
#[derive(Clone, Debug)]
pub struct CacheClear(pub CacheLocation);

impl Command for CacheClear {
    const NAME: &'static [Word] = &[CACHE, ("clear", "Remove the cached sessions")];
    const DOCS: &'static [&'static str] = &["cache.md"];
    const OPTIONS: &'static OptionGroups = &[CACHE_LOCATION, ERRORS];

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        cache_location(settings).map(Self)
    }
}

impl Plan for CacheClear {
    fn run(&self, app: &App) -> Result<Outcome, Error> {
        let output = match &self.0 {
            CacheLocation::Dir(dir) => clear(dir, &app.private_dir(dir))?,
            CacheLocation::Disabled => no_location(),
        };
        Ok(output.into())
    }
}

/// A file of the cache, and what is in it: `None` if it is damaged, or not this user's.
type Listed = (CacheKey, Option<CacheEntry>);

/// Returns a list of the sessions in `store`, which is in `dir`. It holds no secret.
pub fn show(
    dir: &ConfiguredDir,
    store: &dyn Store,
    output: CacheFormat,
    now: Timestamp,
) -> Result<SecretBytes, Error> {
    let files = store
        .list(is_cache_file)
        .map_err(|source| RunError::ReadCache { dir: named(dir), source })?;
    let entries = files.as_deref().map(|files| listed(files, store));
    if output == CacheFormat::Json {
        return Ok(document::to_json(Some(dir), &entries.unwrap_or_default(), now));
    }
    let Some(entries) = entries else { return Ok(absent(dir)) };
    if entries.is_empty() {
        return Ok(line(&format!("the cache {} is empty", shown(dir))));
    }
    let mut rows =
        vec![["ROLE", "SESSION NAME", "ACCESS KEY ID", "LEFT", "FILE"].map(str::to_owned)];
    rows.extend(entries.iter().map(|(name, entry)| row(name, entry.as_ref(), now)));
    Ok(line(&aligned(&rows)))
}

/// Reads the entries among `files`, in the order of their names, as that of a directory is random.
fn listed(files: &[DirEntry], store: &dyn Store) -> Vec<Listed> {
    let names = ours(files).filter_map(|(_, kind)| match kind {
        FileKind::Entry(name) => Some(name),
        FileKind::Lock(_) | FileKind::Temporary => None,
    });
    let read = |name: CacheKey| {
        let bytes = store.read(name.as_str()).ok().flatten();
        let entry = bytes.and_then(|bytes| CacheEntry::parse(&name, bytes.expose()));
        (name, entry)
    };
    let mut entries: Vec<Listed> = names.map(read).collect();
    entries.sort_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
    entries
}

/// Removes the files of this program from `store`, which is in `dir`, and returns how many sessions
/// were removed.
pub fn clear(dir: &ConfiguredDir, store: &dyn Store) -> Result<SecretBytes, Error> {
    let failed = |source| RunError::ClearCache { dir: named(dir), source };
    let mut sessions = 0;
    // A listing is limited, so it may take several.
    loop {
        let Some(files) = store.list(is_cache_file).map_err(failed)? else {
            return Ok(absent(dir));
        };
        let found: Vec<(&str, FileKind)> = ours(&files).collect();
        if found.is_empty() {
            break;
        }
        for (file, kind) in found {
            store.remove(file).map_err(failed)?;
            sessions += usize::from(matches!(kind, FileKind::Entry(_)));
        }
    }
    Ok(line(&match sessions {
        0 => format!("the cache {} is empty", shown(dir)),
        1 => format!("removed one session from {}", shown(dir)),
        many => format!("removed {many} sessions from {}", shown(dir)),
    }))
}

/// Returns the message if no directory for a cache is configured.
fn no_location() -> SecretBytes {
    line("there is no cache: neither `--cache-dir`, RUNTIME_DIRECTORY nor XDG_RUNTIME_DIR is set")
}

fn absent(dir: &ConfiguredDir) -> SecretBytes {
    line(&format!("no sessions are cached: no such directory: {}", shown(dir)))
}

fn ours(files: &[DirEntry]) -> impl Iterator<Item = (&str, FileKind)> {
    files.iter().filter_map(|file| Some((file.name.as_str(), FileKind::of(&file.name)?)))
}

fn row(name: &CacheKey, entry: Option<&CacheEntry>, now: Timestamp) -> [String; 5] {
    let file = name.to_string();
    let Some(CacheEntry { session, role, role_session_name, .. }) = entry else {
        return ["(damaged, or not this user's)".to_owned(), none(), none(), none(), file];
    };
    let session_name = role_session_name.as_ref().map(RoleSessionName::as_str);
    let left = match session.seconds_left(now) {
        0 => "over".to_owned(),
        left @ ..120 => format!("{left} s"),
        left => format!("{} min", left / 60),
    };
    [
        role.to_string(),
        session_name.map_or_else(none, str::to_owned),
        escape::line(&session.credentials.access_key_id).into_owned(),
        left,
        file,
    ]
}

fn none() -> String {
    "-".to_owned()
}

fn shown(dir: &ConfiguredDir) -> String {
    path_name(&dir.path, false)
}

/// Returns the directory and its origin, for an error.
fn named(dir: &ConfiguredDir) -> String {
    format!("{} (from {})", shown(dir), dir.origin)
}

fn line(text: &str) -> SecretBytes {
    SecretBytes::new(format!("{}\n", escape::lines(text)).into_bytes())
}
