//! `update`: keeps profiles of the shared credentials file fresh.

mod keep;
mod key_reader;
mod once;
mod plan;
mod report;
mod settle_watch;
mod target;
mod warning;
mod writer;

use std::time::Duration;

use crate::app::App;
use crate::app::daemon;
use crate::command::{Command, Plan};
use crate::credentials_file::conflicts::{KeyInFile, conflicts, long_lived_key};
use crate::credentials_file::port::{ProfileFileError, SharedCredentialsFile};
use crate::credentials_file::{self, ProfileCredentials, ProfileError};
use crate::daemon::{Daemon, Role};
use crate::options::access_key::session_and_secret;
use crate::options::arguments::OptionGroups;
use crate::options::command_line::Word;
use crate::options::roles::RoleUse;
use crate::options::session_plan::{self, SessionPlan};
use crate::options::settings::Settings;
use crate::options::table::{self, OptionSpec};
use crate::options::{self, error_format};
use crate::output::Outcome;
use crate::output::error::Error;
use crate::output::log::LogFormat;
use crate::output::report::ErrorFormat;
use crate::output::usage::UsageError;
use crate::session_cache::CacheLocation;
pub use once::{UpdateOutcome, WrittenCredentials};
pub use plan::{Mode, Update};
use roles_anywhere_client::credentials::AccessKey;
use roles_anywhere_client::secret::{Secret, SecretBytes};
use roles_anywhere_client::time::{Clock, Timer};
pub use warning::FileWarning;

/// The plan of `update`.
#[derive(Clone, Debug)]
pub struct UpdatePlan {
    /// The roles, at least one, each with its profile. The profiles are distinct.
    pub roles: Vec<Role<ProfilePlan>>,
    /// Once, or for as long as it runs.
    pub mode: Mode,
    /// How it runs.
    pub daemon: Daemon,
    /// The format of the errors of several roles.
    pub error_format: ErrorFormat,
}

/// A profile, and the session that is written to it.
#[derive(Clone, Debug)]
pub struct ProfilePlan {
    /// The session.
    pub session: SessionPlan,
    /// What is written, and how.
    pub update: Update,
}

impl Command for UpdatePlan {
    const NAME: &'static [Word] = &[("update", "Keep a profile of ~/.aws/credentials up to date")];
    const DETAILS: &'static str = "\
Writes credentials to a profile of the shared credentials file, and replaces them before they expire, until it is stopped. All other contents of the file stay as they are.

With `--from-secret`, it writes the access key that a secret of AWS Secrets Manager holds, and has a new key in the profile within a minute of a rotation.

With a configuration file, and without `--role` and `--profile`, it writes the profile of each role that has `aws-profile`.";
    const EXAMPLES: &'static str = "\
# With the certificate and the ARNs in ROLES_ANYWHERE_* variables:
roles-anywhere update --profile plant
roles-anywhere update --profile plant --once --quiet";
    const DOCS: &'static [&'static str] =
        &["update.md", "access-keys.md", "systemd.md", "errors.md"];
    const OPTIONS: &'static OptionGroups = &[
        plan::UPDATE,
        table::access_key::WITHOUT_REFRESH,
        table::daemon::DAEMON,
        table::roles::WITH_PROFILE,
        table::session_groups::EVERY_SESSION,
        table::errors::ERRORS,
    ];
    const REQUIRED: &'static [&'static OptionSpec] = table::session::REQUIRED;
    const ROLES: RoleUse = RoleUse::EveryWithProfile { unless: &plan::PROFILE };

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let each = settings.each_role();
        let roles = each.iter().map(planned_role).collect::<Result<Vec<_>, _>>()?;
        for (at, role) in roles.iter().enumerate() {
            let profile = &role.plan.update.profile;
            let is_same = |other: &Role<ProfilePlan>| other.plan.update.profile == *profile;
            if let Some(other) = roles[..at].iter().position(is_same) {
                let origin = |at: usize| plan::profile(&each[at]).map(|setting| setting.origin);
                return Err(session_plan::same_profile(origin(other)?, origin(at)?));
            }
        }
        Ok(Self {
            roles: plan::with_selected_profile(roles),
            mode: plan::mode(settings)?,
            daemon: options::daemon::daemon(settings)?,
            error_format: error_format::given(settings)?,
        })
    }
}

/// Returns the role of these settings, with its profile.
fn planned_role(settings: &Settings<'_>) -> Result<Role<ProfilePlan>, UsageError> {
    let (session, from_secret) = session_and_secret(settings)?;
    let mode = plan::mode(settings)?;
    let endpoint = from_secret.as_ref().map(|secret| secret.at.endpoint.clone());
    let update = plan::update(settings, from_secret)?;
    let session = SessionPlan::new(settings, session, endpoint, CacheLocation::Disabled)?
        .with_unknown_variables(settings);
    // Several roles would write several lines.
    let session = match mode {
        Mode::Once if !update.quiet && settings.roles.len() <= 1 => {
            session.with_waiting_line(settings)?
        }
        Mode::Once | Mode::Continuous => session,
    };
    let name = settings.layers.map(|layers| layers.role().name().as_str().into());
    Ok(Role { name, plan: ProfilePlan { session, update } })
}

impl Plan for UpdatePlan {
    /// Writes the profiles once, or until it is stopped; the output is empty.
    fn run(&self, app: &App) -> Result<Outcome, Error> {
        match self.mode {
            Mode::Once => once::run(app, self)?,
            Mode::Continuous => {
                let session = |role: &Role<ProfilePlan>| role.with_plan(role.plan.session.clone());
                let roles: Vec<_> = self.roles.iter().map(session).collect();
                daemon::run(app, ("update", self.daemon), &roles, async |system| {
                    keep::run(&self.roles, system).await
                })?;
            }
        }
        Ok(Outcome::default())
    }

    fn is_daemon(&self) -> bool {
        self.mode == Mode::Continuous
    }

    fn log_format(&self) -> LogFormat {
        match (self.mode, self.daemon.log_format) {
            (Mode::Once, LogFormat::Text) => LogFormat::Terminal,
            (_, format) => format,
        }
    }
}

/// How long to wait for another process that is writing the file.
const WRITER_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the file is watched after it was written.
const WATCH: Duration = Duration::from_secs(1);
/// The time between two reads of a file that may change.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

impl Update {
    /// Checks whether the file can be edited, before a request is sent to AWS.
    async fn check(
        &self,
        file: &dyn SharedCredentialsFile,
        clock: &dyn Clock,
        timer: &dyn Timer,
    ) -> Result<(), ProfileFileError> {
        let start = clock.uptime();
        loop {
            let snapshot = file.read(&self.file)?;
            let Err(source) = self.check_text(snapshot.text.expose()) else {
                return Ok(());
            };
            // The text may be incomplete because another program is writing it.
            let waited = clock.uptime().saturating_sub(start);
            if snapshot.age.max(waited) >= WATCH
                && (file.writer(&self.file).is_none() || waited >= WRITER_TIMEOUT)
            {
                return Err(ProfileFileError::Text { path: self.file.clone(), source });
            }
            timer.sleep(POLL_INTERVAL).await;
        }
    }

    /// Checks whether a text can be edited, before it is known with what. The key that is found may be an
    /// earlier one of the secret if the comment about it names a secret of that name.
    fn check_text(&self, text: &[u8]) -> Result<(), ProfileError> {
        let secret = self.from_secret.as_ref();
        let is_replaceable = |found: KeyInFile<'_>| {
            let secret = secret.zip(found.comment);
            secret.is_some_and(|(it, found)| it.id.is_of(found.secret_arn, found.secret_name()))
        };
        if let Some(key) =
            long_lived_key(text, &self.profile, &is_replaceable).filter(|_| !self.force)
        {
            return Err(key.into());
        }
        let secret = |text: &str| Secret::new(text.to_owned());
        let session_token = self.from_secret.is_none().then(|| secret("TOKEN"));
        let key = AccessKey { id: "ID".to_owned(), secret: secret("SECRET"), session_token };
        let placeholder = ProfileCredentials { key, secret_arn: None };
        credentials_file::replace(text, &self.profile, &placeholder).map(drop)
    }

    /// Returns the new text of the file.
    fn edit(
        &self,
        text: &[u8],
        credentials: &ProfileCredentials,
        force: bool,
    ) -> Result<SecretBytes, ProfileError> {
        let is_replaceable = |found: KeyInFile<'_>| credentials.may_replace(found);
        match long_lived_key(text, &self.profile, &is_replaceable).filter(|_| !force) {
            Some(key) => Err(key.into()),
            None => credentials_file::replace(text, &self.profile, credentials),
        }
    }

    /// Returns the error with the origin of the path.
    // `cold` keeps it from being inlined into its callers, to keep the program small.
    #[cold]
    fn failed(&self, error: ProfileFileError) -> Error {
        Error::from(error).with_origin(self.origin.clone())
    }

    /// Returns the problems that the owner of the file should fix.
    fn warnings(&self, file: &dyn SharedCredentialsFile) -> Vec<FileWarning> {
        let readable =
            file.readable_by_others(&self.file).map(|mode| FileWarning::Readable { mode });
        let snapshot = file.read(&self.file).unwrap_or_default();
        let conflicts = conflicts(snapshot.text.expose(), &self.profile);
        readable.into_iter().chain(conflicts.into_iter().map(FileWarning::Conflict)).collect()
    }
}

#[cfg(test)]
mod tests;
