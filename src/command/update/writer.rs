//! The writer of the daemon: writes each session into the file, and keeps what other programs write.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::select;

use crate::command::update::{FileWarning, Update, WRITER_TIMEOUT};
use crate::credentials_file::port::{ProfileFileError, SharedCredentialsFile, WriteMethod};
use crate::credentials_file::reconcile::{ReconcileStep, Reconciler};
use crate::daemon::DaemonContext;
use crate::output::error::Error;
use crate::output::log::events::{
    LogEvent, PROFILE_WARNING, PROFILE_WRITE_FAILED, PROFILE_WRITE_RECOVERED, PROFILE_WRITTEN,
    PROFILE_WRITTEN_IN_PLACE,
};
use crate::output::log::{Field, Reasons};
use roles_anywhere_client::ports::Ports;
use roles_anywhere_client::refresh::clock_reading::ClockReading;
use roles_anywhere_client::refresh::status::{Refreshes, StatusChannel};
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::text::disclosure::{field, profile_field};

/// The time between two checks of the file. Keys that another program removed are back within five
/// seconds, as the file must be unchanged for two of them.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// The backoff after the first failed write. A new session ends it early.
const FIRST_BACKOFF: Duration = Duration::from_secs(2);
/// The longest backoff after failed writes.
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// Writes the session of the channel into the file.
pub(super) struct Writer<'a> {
    plan: &'a Update,
    channel: &'a StatusChannel,
    context: &'a DaemonContext<'a>,
    ports: &'a Ports,
    file: &'a dyn SharedCredentialsFile,
    reconciler: Reconciler<'a>,
    /// Whether it was written once: `--force` does not cover a long-lived key that appears later.
    has_written: bool,
    /// Since when a write waits for another program, and whether that was reported.
    waiting: Option<(Duration, bool)>,
    /// Why the last write failed, and the counters of refreshes at that time: each refresh changes the
    /// supervisor's status, so the failure is reported again after it.
    reported: Option<(Reasons, Refreshes)>,
    /// The warnings that were logged.
    logged: Vec<FileWarning>,
    /// How long to wait before the next step.
    pause: Duration,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        plan: &'a Update,
        channel: &'a StatusChannel,
        context: &'a DaemonContext<'a>,
        ports: &'a Ports,
        file: &'a dyn SharedCredentialsFile,
    ) -> Self {
        Self {
            plan,
            channel,
            context,
            ports,
            file,
            reconciler: Reconciler::new(file, &plan.file),
            has_written: false,
            waiting: None,
            reported: None,
            logged: Vec::new(),
            pause: FIRST_BACKOFF,
        }
    }

    /// Makes the first try to write. A daemon that exits on a failure waits for the success: it returns
    /// the error, and does not go on while another program is writing the file.
    pub(super) async fn start(&mut self) -> Result<(), Error> {
        let fails_fast = self.plan.daemon.fails_fast();
        loop {
            let outcome = self.step();
            let is_waiting = matches!(outcome, Ok(ReconcileStep::Waiting(_)));
            match outcome {
                Err(error) if fails_fast => return Err(self.plan.failed(error)),
                outcome => self.report(outcome),
            }
            if !(fails_fast && is_waiting) {
                return Ok(());
            }
            self.wait().await;
        }
    }

    /// Keeps the profile equal to the session of the channel.
    pub(super) async fn run(mut self) -> Infallible {
        loop {
            self.wait().await;
            let outcome = self.step();
            self.report(outcome);
        }
    }

    /// Waits until the next step is due.
    async fn wait(&self) {
        select(pin!(self.channel.changed()), self.ports.timer.sleep(self.pause)).await;
    }

    /// Writes the current session while it is valid, and keeps what other programs wrote, except for
    /// their changes of this profile.
    fn step(&mut self) -> Result<ReconcileStep, ProfileFileError> {
        let now = self.ports.clock.uptime();
        let status = self.channel.status();
        let session = status.valid(ClockReading::of(&*self.ports.clock));
        let force = self.plan.force && !self.has_written;
        let mut edit = |text: &[u8]| match session {
            Some(session) => self.plan.edit(text, &session.credentials, force),
            None => Ok(SecretBytes::new(text.to_vec())),
        };
        let step = self.reconciler.advance(&mut edit, now)?;
        self.has_written |= matches!(step, ReconcileStep::Written(_));
        match step {
            ReconcileStep::Waiting(source) => {
                let (since, is_reported) = self.waiting.get_or_insert((now, false));
                if !*is_reported && now.saturating_sub(*since) >= WRITER_TIMEOUT {
                    *is_reported = true;
                    let path = self.plan.file.clone();
                    return Err(ProfileFileError::NotSettled { path, source });
                }
            }
            _ => self.waiting = None,
        }
        Ok(step)
    }

    /// Logs the outcome of a step, and sets how long to wait before the next one.
    fn report(&mut self, outcome: Result<ReconcileStep, ProfileFileError>) {
        self.pause = match outcome {
            Ok(step) => self.report_step(step),
            Err(error) => self.report_failure(error),
        };
    }

    fn report_step(&mut self, step: ReconcileStep) -> Duration {
        // While a write is waiting, the earlier failure may still persist.
        if !matches!(step, ReconcileStep::Waiting(_)) && self.reported.take().is_some() {
            self.report_recovery();
        }
        if let ReconcileStep::Written(written) = step {
            self.report_written(written);
        }
        CHECK_INTERVAL
    }

    fn report_written(&mut self, written: WriteMethod) {
        match written {
            WriteMethod::Unchanged => {}
            WriteMethod::Whole => self.say(&PROFILE_WRITTEN, None),
            WriteMethod::InPlace(obstacle) => {
                self.say(&PROFILE_WRITTEN_IN_PLACE, Some(("reason", &obstacle)));
            }
        }
        for warning in self.plan.warnings(self.file) {
            if !self.logged.contains(&warning) {
                self.say(&PROFILE_WARNING, Some(("reason", &warning.to_string())));
                self.logged.push(warning);
            }
        }
    }

    fn say(&self, event: &'static LogEvent, more: Option<Field<'_>>) {
        let file = field(&self.plan.file.to_string_lossy(), true);
        let profile = profile_field(&self.plan.profile.to_string());
        let fields: [Field<'_>; 2] = [("file", &file), ("profile", &profile)];
        let fields: Vec<_> = fields.into_iter().chain(more).collect();
        self.context.log.event(event, &fields);
    }

    fn report_failure(&mut self, error: ProfileFileError) -> Duration {
        let is_of_text =
            matches!(error, ProfileFileError::Text { .. } | ProfileFileError::NotSettled { .. });
        let error = self.plan.failed(error);
        let (reason, hint) = error.log_fields();
        let before = self.reported.take();
        if before.as_ref().is_none_or(|(before, _)| *before != reason) {
            let fields: [Field<'_>; 2] = [("reason", &reason), ("hint", &hint)];
            self.context.log.event(&PROFILE_WRITE_FAILED, &fields);
        }
        let pause = match before {
            // A changed text is noticed at the next check.
            _ if is_of_text => CHECK_INTERVAL,
            None => FIRST_BACKOFF,
            Some(_) => (self.pause * 2).min(MAX_BACKOFF),
        };
        let reported = (reason, self.channel.status().refreshes);
        if before.as_ref() != Some(&reported) {
            let reason = error.reasons().into_iter().next().unwrap_or_default();
            self.context.supervisor.status(&format!("cannot write the profile: {reason}"));
        }
        self.reported = Some(reported);
        pause
    }

    fn report_recovery(&self) {
        self.say(&PROFILE_WRITE_RECOVERED, None);
        if let Some((session, _)) = &self.channel.status().session {
            let expiration = session.credentials.expiration;
            let status = format!("the session is valid until {expiration}; the profile holds it");
            self.context.supervisor.status(&status);
        }
    }
}
