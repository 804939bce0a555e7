//! `update`: keeps a profile of the shared credentials file fresh.

mod plan;
mod report;
mod settle_watch;
mod target;
mod warning;
mod writer;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select_all;

use crate::app::App;
use crate::app::daemon::{self, SystemDaemon};
use crate::app::session::SessionClient;
use crate::command::{Command, Plan};
use crate::credentials_file::conflicts::{conflicts, long_lived_key};
use crate::credentials_file::port::{ProfileFileError, SharedCredentialsFile, WriteMethod};
use crate::credentials_file::reconcile::{NotSettled, ReconcileStep, Reconciler};
use crate::credentials_file::{self, ProfileError};
use crate::daemon::{
    Daemon, DaemonContext, Reconfigure, RefresherSet, Role, no_configuration, supervise,
};
use crate::options::arguments::OptionGroups;
use crate::options::command_line::Word;
use crate::options::roles::RoleUse;
use crate::options::session::SessionOptions;
use crate::options::session_plan::SessionPlan;
use crate::options::settings::Settings;
use crate::options::table::{self, OptionSpec};
use crate::output::error::Error;
use crate::output::log::LogFormat;
use crate::output::usage::UsageError;
use crate::session_cache::CacheLocation;
pub use plan::{Mode, Update};
use roles_anywhere_client::credentials::Credentials;
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::provider::RolesAnywhere;
use roles_anywhere_client::secret::{Secret, SecretBytes};
use roles_anywhere_client::time::{Clock, Deadline, Timer, Timestamp};
use settle_watch::{NextAction, SettleWatch};
use target::{Target, Targets};
pub use warning::FileWarning;
use writer::Writer;

/// The plan of `update`.
#[derive(Clone, Debug)]
pub struct UpdatePlan {
    /// The session.
    pub session: SessionPlan,
    /// What is written, and how.
    pub update: Update,
}

impl Command for UpdatePlan {
    const NAME: &'static [Word] = &[("update", "Keep a profile of ~/.aws/credentials up to date")];
    const DETAILS: &'static str = "\
Writes credentials to a profile of the shared credentials file, and replaces them before they expire, until it is stopped. All other contents of the file stay as they are.";
    const EXAMPLES: &'static str = "\
# With the certificate and the ARNs in ROLES_ANYWHERE_* variables:
roles-anywhere update --profile plant
roles-anywhere update --profile plant --once --quiet";
    const DOCS: &'static [&'static str] = &["update.md", "systemd.md", "errors.md"];
    const OPTIONS: &'static OptionGroups = &[
        plan::UPDATE,
        table::daemon::DAEMON,
        table::roles::ONE,
        table::identity::IDENTITY,
        table::session::CHAIN,
        table::identity::KEY_ACCESS,
        table::identity::NOT_YET,
        table::session::SESSION,
        table::session::ASSUME,
        table::transport::TRANSPORT,
        table::errors::ERRORS,
    ];
    const REQUIRED: &'static [&'static OptionSpec] = table::session::REQUIRED;
    const ROLES: RoleUse = RoleUse::One;

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let session = SessionOptions::of_own_region(settings)?;
        let update = plan::update(settings)?;
        let session = SessionPlan::new(settings, session, None, CacheLocation::Disabled)?
            .with_unknown_variables(settings);
        let session = match update.mode {
            Mode::Once if !update.quiet => session.with_waiting_line(settings)?,
            Mode::Once | Mode::Continuous => session,
        };
        Ok(Self { session, update })
    }
}

impl Plan for UpdatePlan {
    /// Writes the profile once, or until it is stopped; the output is empty.
    fn run(&self, app: &App) -> Result<SecretBytes, Error> {
        match self.update.mode {
            Mode::Once => {
                let client = SessionClient::open(app, &self.session);
                let provider = &self.session.provider;
                let file = app.credentials_file();
                let outcome = client.block_on(async |ports, deadline| {
                    once(&self.update, provider, deadline, ports, &file).await
                })?;
                let lines = report::lines(&self.update, &outcome, app.clock().now());
                lines.iter().for_each(|line| app.report(line));
            }
            Mode::Continuous => {
                let (update, file) = (&self.update, app.credentials_file());
                let roles = [Role { name: None, plan: self.session.clone() }];
                let [role] = &roles;
                daemon::run(app, ("update", update.daemon), &roles, async |system| {
                    let SystemDaemon { context, ports, new_refresher, .. } = system;
                    let refresher = new_refresher(role);
                    let channel = Arc::clone(refresher.channel());
                    let refreshers = RefresherSet::default();
                    let _running = refreshers.add(refresher);
                    let target = Target::new(update.clone(), channel, context.clone());
                    let targets = RefCell::new(vec![Rc::new(target)]);
                    keep((&targets, &refreshers), context, ports, &file, &no_configuration).await
                })?;
            }
        }
        Ok(SecretBytes::default())
    }

    fn is_daemon(&self) -> bool {
        self.update.mode == Mode::Continuous
    }

    fn log_format(&self) -> LogFormat {
        match (self.update.mode, self.update.daemon.log_format) {
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

/// The outcome of `update --once`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UpdateOutcome {
    /// How it was written.
    pub written: WriteMethod,
    /// When its credentials expire.
    pub expiration: Timestamp,
    /// Problems that the owner of the file should fix.
    pub warnings: Vec<FileWarning>,
}

/// Writes the profile once.
pub async fn once(
    plan: &Update,
    provider: &RolesAnywhere,
    deadline: Deadline,
    ports: &Ports,
    file: &dyn SharedCredentialsFile,
) -> Result<UpdateOutcome, Error> {
    let checked = plan.check(file, &*ports.clock, &*ports.timer).await;
    checked.map_err(|error| plan.failed(error))?;
    let session = provider.fetch(0, ports, deadline).await?;
    let credentials = &session.credentials;
    let (written, unfinished) = plan.write(credentials, file, &*ports.clock, &*ports.timer).await?;
    let mut warnings = plan.warnings(file);
    warnings.extend(unfinished.map(FileWarning::Unfinished));
    Ok(UpdateOutcome { written, expiration: credentials.expiration, warnings })
}

/// Keeps the profiles of `targets` fresh with the sessions of `refreshers` until it is told to stop.
///
/// Returns an error if the file must not be edited at all, or if the first refresh or write fails and
/// the daemon exits on that.
async fn keep(
    (targets, refreshers): (&Targets, &RefresherSet),
    context: &DaemonContext<'_>,
    ports: &Ports,
    file: &dyn SharedCredentialsFile,
    reconfigure: &Reconfigure<'_>,
) -> Result<(), Error> {
    let all = targets.borrow().clone();
    let Some(plan) = all.first().map(|target| target.plan.clone()) else { return Ok(()) };
    for target in &all {
        // Other problems of the file may be temporary.
        if let Err(
            error @ (ProfileFileError::Text { .. }
            | ProfileFileError::NotRegular { .. }
            | ProfileFileError::ForeignOwner { .. }
            | ProfileFileError::ForeignLink { .. }),
        ) = target.plan.check(file, &*ports.clock, &*ports.timer).await
        {
            // A profile that must not be written keeps no other one from being written.
            let is_of_profile =
                matches!(&error, ProfileFileError::Text { source: ProfileError::LongLived(_), .. });
            if all.len() == 1 || !is_of_profile || plan.daemon.fails_fast() {
                return Err(plan.failed(error));
            }
        }
    }
    let start = async {
        first_refreshes(&all, plan.daemon).await?;
        let mut writer = Writer::new(targets, &plan, context, ports, file);
        writer.start().await?;
        Ok(writer.run())
    };
    supervise(refreshers, context, &*ports.timer, reconfigure, start).await
}

/// Waits for the first refresh of one of the targets, or of all if the first failure ends the daemon.
async fn first_refreshes(targets: &[Rc<Target>], daemon: Daemon) -> Result<(), Error> {
    let refreshed = |target: &Rc<Target>| {
        let channel = Arc::clone(&target.channel);
        async move { daemon.first_refresh(&channel).await }
    };
    if daemon.fails_fast() {
        for target in targets {
            refreshed(target).await?;
        }
        return Ok(());
    }
    select_all(targets.iter().map(|target| Box::pin(refreshed(target)))).await.0
}

impl Update {
    /// Checks whether the file can be edited, before a request is sent to AWS.
    async fn check(
        &self,
        file: &dyn SharedCredentialsFile,
        clock: &dyn Clock,
        timer: &dyn Timer,
    ) -> Result<(), ProfileFileError> {
        let placeholder = Credentials {
            access_key_id: "ID".to_owned(),
            secret_access_key: Secret::new("SECRET".to_owned()),
            session_token: Secret::new("TOKEN".to_owned()),
            expiration: Timestamp::from_unix(0),
            account_id: String::new(),
            role_session_name: None,
        };
        let start = clock.uptime();
        loop {
            let snapshot = file.read(&self.file)?;
            let Err(source) = self.edit(snapshot.text.expose(), &placeholder, self.force) else {
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

    /// Returns the new text of the file.
    fn edit(
        &self,
        text: &[u8],
        credentials: &Credentials,
        force: bool,
    ) -> Result<SecretBytes, ProfileError> {
        match long_lived_key(text, &self.profile).filter(|_| !force) {
            Some(key) => Err(key.into()),
            None => credentials_file::replace(text, &self.profile, credentials),
        }
    }

    /// Writes the profile, then watches the file until the concurrent writes of other programs are in
    /// it too. Returns a program that may still write to the replaced file, if there is one.
    async fn write(
        &self,
        credentials: &Credentials,
        file: &dyn SharedCredentialsFile,
        clock: &dyn Clock,
        timer: &dyn Timer,
    ) -> Result<(WriteMethod, Option<NotSettled>), Error> {
        let mut reconciler = Reconciler::new(file, &self.file);
        let mut watch = SettleWatch::default();
        let mut written = WriteMethod::Unchanged;
        loop {
            let now = clock.uptime();
            // `--force` covers a long-lived key that is there now, not one that appears later.
            let force = self.force && watch.written.is_none();
            let step = reconciler.advance(&mut |text| self.edit(text, credentials, force), now);
            let step = step.map_err(|error| self.failed(error))?;
            if let ReconcileStep::Written(how) = step {
                written = how;
            }
            let is_unfinished = now < reconciler.unfinished_until();
            match watch.after(step, now, is_unfinished, || reconciler.writer()) {
                NextAction::Wait => timer.sleep(POLL_INTERVAL).await,
                NextAction::End(unfinished) => return Ok((written, unfinished)),
                NextAction::GiveUp(source) => {
                    let path = self.file.clone();
                    return Err(self.failed(ProfileFileError::NotSettled { path, source }));
                }
            }
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
