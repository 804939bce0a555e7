//! `update`: keep a profile of the shared credentials file fresh.

mod warning;
mod writer;

use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};

use crate::credentials_file::conflicts::{conflicts, long_lived_key};
use crate::credentials_file::port::{ProfileFileError, SharedCredentialsFile, WriteMethod};
use crate::credentials_file::reconcile::{NotSettled, ReconcileStep, Reconciler};
use crate::credentials_file::{self, ProfileError, ProfileName};
use crate::daemon::{Daemon, DaemonPorts};
use crate::output::error::Error;
use roles_anywhere_client::aws::retry::Deadline;
use roles_anywhere_client::credentials::Credentials;
use roles_anywhere_client::ports::World;
use roles_anywhere_client::provider::RolesAnywhere;
use roles_anywhere_client::refresh::refresher::{Refresher, Shutdown};
use roles_anywhere_client::refresh::status::StatusChannel;
use roles_anywhere_client::secret::{Secret, SecretBytes};
use roles_anywhere_client::time::{Clock, Timer, Timestamp};
pub use warning::FileWarning;
use writer::Writer;

/// What to write, and how it runs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Update {
    /// The profile.
    pub profile: ProfileName,
    /// The shared credentials file.
    pub file: PathBuf,
    /// Where its path comes from, as a message says it: `from --credentials-file`.
    pub origin: String,
    /// Once, or for as long as it runs.
    pub mode: Mode,
    /// Whether a long-lived key in the profile is replaced.
    pub force: bool,
    /// Whether it says nothing if all is well.
    pub quiet: bool,
    /// The profile that AWS_PROFILE selects, if it is another one.
    pub selected: Option<String>,
    /// How it runs.
    pub daemon: Daemon,
}

/// How long `update` runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// Until the profile was written.
    Once,
    /// Until it is stopped.
    Continuous,
}

/// How long to wait for another process that writes the file.
const WRITER_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the file is watched after it was written.
const WATCH: Duration = Duration::from_secs(1);
/// How long it is watched if a process that we can see may still write to it.
const LONG_WATCH: Duration = Duration::from_secs(6);
/// How long to wait before a file that may change is read again.
const PAUSE: Duration = Duration::from_millis(20);

/// A profile that was written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UpdateOutcome {
    /// How it was written.
    pub written: WriteMethod,
    /// Until when its credentials are valid.
    pub expiration: Timestamp,
    /// What its owner should mend.
    pub warnings: Vec<FileWarning>,
}

/// Writes the profile once, and returns what became of the file.
pub async fn once(
    plan: &Update,
    provider: &RolesAnywhere,
    deadline: Deadline,
    world: &World<'_>,
    file: &dyn SharedCredentialsFile,
) -> Result<UpdateOutcome, Error> {
    let checked = plan.check(file, world.clock, world.timer).await;
    checked.map_err(|error| plan.failed(error))?;
    let session = provider.fetch(0, world, deadline).await?;
    let credentials = &session.credentials;
    let (written, unfinished) = plan.write(credentials, file, world.clock, world.timer).await?;
    let mut warnings = plan.warnings(file);
    warnings.extend(unfinished.map(FileWarning::Unfinished));
    Ok(UpdateOutcome { written, expiration: credentials.expiration, warnings })
}

/// Keeps the profile fresh until it is told to stop.
///
/// Returns an error if the file must not be edited at all, or if the first try fails and that is to
/// end it.
pub async fn keep(
    plan: &Update,
    refresher: &mut Refresher<'_>,
    channel: &StatusChannel,
    ports: DaemonPorts<'_>,
    file: &dyn SharedCredentialsFile,
) -> Result<(), Error> {
    // What else is wrong with the file may pass.
    if let Err(
        error @ (ProfileFileError::Text { .. }
        | ProfileFileError::NotRegular { .. }
        | ProfileFileError::ForeignOwner { .. }
        | ProfileFileError::ForeignLink { .. }),
    ) = plan.check(file, ports.clock, ports.timer).await
    {
        return Err(plan.failed(error));
    }
    if plan.daemon.start(refresher).await? == Shutdown::Requested {
        return Ok(());
    }
    let writing = pin!(Writer::new(plan, channel, ports, file).run());
    // The refresher ends when it is told to, the writer only with an error that is to end it.
    match select(pin!(refresher.run()), writing).await {
        Either::Left(((), _)) => Ok(()),
        Either::Right((error, _)) => Err(error),
    }
}

impl Update {
    /// Finds out whether the file can be edited, before AWS is asked for anything.
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
        };
        let start = clock.uptime();
        loop {
            let snapshot = file.read(&self.file)?;
            let Err(source) = self.edit(snapshot.text.expose(), &placeholder, self.force) else {
                return Ok(());
            };
            // It may be a part of what another program is writing.
            let waited = clock.uptime().saturating_sub(start);
            if snapshot.age.max(waited) >= WATCH
                && (file.writer(&self.file).is_none() || waited >= WRITER_TIMEOUT)
            {
                return Err(ProfileFileError::Text { path: self.file.clone(), source });
            }
            timer.sleep(PAUSE).await;
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

    /// Writes the profile, and watches the file until what other programs were about to write is
    /// in it, too; returns who may still write to a file that was replaced.
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
            // A long-lived key that appears later is not what `--force` was about.
            let force = self.force && watch.written.is_none();
            let step = reconciler.advance(&mut |text| self.edit(text, credentials, force), now);
            let step = step.map_err(|error| self.failed(error))?;
            if let ReconcileStep::Written(how) = step {
                written = how;
            }
            let is_unfinished = now < reconciler.unfinished_until();
            match watch.after(step, now, is_unfinished, || reconciler.writer()) {
                NextAction::Wait => timer.sleep(PAUSE).await,
                NextAction::End(unfinished) => return Ok((written, unfinished)),
                NextAction::GiveUp(source) => {
                    let path = self.file.clone();
                    return Err(self.failed(ProfileFileError::NotSettled { path, source }));
                }
            }
        }
    }

    /// Returns the error as it is printed: with what named the file.
    // Cold, and so not copied into its callers: the program has to stay small.
    #[cold]
    fn failed(&self, error: ProfileFileError) -> Error {
        Error::from(error).with_origin(&self.origin)
    }

    /// Returns what the owner of the file should mend.
    fn warnings(&self, file: &dyn SharedCredentialsFile) -> Vec<FileWarning> {
        let readable =
            file.readable_by_others(&self.file).map(|mode| FileWarning::Readable { mode });
        let snapshot = file.read(&self.file).unwrap_or_default();
        let conflicts = conflicts(snapshot.text.expose(), &self.profile);
        readable.into_iter().chain(conflicts.into_iter().map(FileWarning::Conflict)).collect()
    }
}

/// How long `update --once` has waited, and for what.
#[derive(Clone, Copy, Debug, Default)]
struct SettleWatch {
    /// When the file was written last.
    written: Option<Duration>,
    /// Since when it has to be written and cannot.
    waiting: Option<Duration>,
    /// Whether no process had it open for writing the last time: what one had written by then is
    /// found by the next step only.
    is_closed: bool,
}

/// What `update --once` does next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum NextAction {
    Wait,
    /// The profile is written; another program may still write to what was replaced.
    End(Option<NotSettled>),
    /// The profile is not written.
    GiveUp(NotSettled),
}

impl SettleWatch {
    /// `is_unfinished` says that a program that we cannot see may still write to what was replaced.
    fn after(
        &mut self,
        step: ReconcileStep,
        now: Duration,
        is_unfinished: bool,
        writer: impl FnOnce() -> Option<u32>,
    ) -> NextAction {
        let since = |start: Duration| now.saturating_sub(start);
        let was_closed = std::mem::take(&mut self.is_closed);
        match step {
            ReconcileStep::Written(_) => {
                *self = Self { written: Some(now), ..Self::default() };
                NextAction::Wait
            }
            ReconcileStep::Waiting(reason) => {
                match since(*self.waiting.get_or_insert(now)) >= WRITER_TIMEOUT {
                    true => NextAction::GiveUp(reason),
                    false => NextAction::Wait,
                }
            }
            ReconcileStep::Watching(reason) => {
                self.waiting = None;
                let limit = match reason {
                    NotSettled::Open(_) => LONG_WATCH,
                    _ => WRITER_TIMEOUT,
                };
                match self.written.is_none_or(|written| since(written) >= limit) {
                    true => NextAction::End(Some(reason)),
                    false => NextAction::Wait,
                }
            }
            ReconcileStep::Current => {
                self.waiting = None;
                match self.written.map(since) {
                    None => NextAction::End(None),
                    Some(watched) if watched < WATCH || is_unfinished => NextAction::Wait,
                    Some(_) if was_closed => NextAction::End(None),
                    Some(watched) => match writer() {
                        None => {
                            self.is_closed = true;
                            NextAction::Wait
                        }
                        Some(writer) if watched >= LONG_WATCH => {
                            NextAction::End(Some(NotSettled::Open(writer)))
                        }
                        Some(_) => NextAction::Wait,
                    },
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
