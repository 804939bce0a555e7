//! The writer of the daemon: writes the sessions into the file, and keeps what other programs write. There
//! is one for all profiles of the file, so that no two of ours wait for each other.

use std::convert::Infallible;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{select, select_all};

use crate::command::update::key_reader::KeyReader;
use crate::command::update::target::{Target, Targets, edit_all};
use crate::command::update::{Update, WRITER_TIMEOUT};
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
use roles_anywhere_client::refresh::status::Refreshes;
use roles_anywhere_client::text::disclosure::{field, profile_field};

/// The time between two checks of the file. Keys that another program removed are back within five
/// seconds, as the file must be unchanged for two of them.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// The backoff after the first failed write. A new session ends it early.
const FIRST_BACKOFF: Duration = Duration::from_secs(2);
/// The longest backoff after failed writes.
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// How long a profile must be refused before that is reported, beside profiles that are written. A file
/// that is half written may look as if it held a long-lived key.
const REFUSED_FOR: Duration = Duration::from_secs(6);

/// Writes the sessions of the targets into the file.
pub(super) struct Writer<'a> {
    targets: &'a Targets,
    /// A plan of the file: which profile it has makes no difference.
    plan: &'a Update,
    context: &'a DaemonContext<'a>,
    ports: &'a Ports,
    file: &'a dyn SharedCredentialsFile,
    reconciler: Reconciler<'a>,
    /// Since when a write waits for another program, and whether that was reported.
    waiting: Option<(Duration, bool)>,
    /// Why the last write failed, and the counters of refreshes at that time: each refresh changes the
    /// supervisor's status, so the failure is reported again after it.
    reported: Option<(Reasons, Vec<Refreshes>)>,
    /// How long to wait before the next step.
    pause: Duration,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        targets: &'a Targets,
        plan: &'a Update,
        context: &'a DaemonContext<'a>,
        ports: &'a Ports,
        file: &'a dyn SharedCredentialsFile,
    ) -> Self {
        Self {
            targets,
            plan,
            context,
            ports,
            file,
            reconciler: Reconciler::new(file, &plan.file),
            waiting: None,
            reported: None,
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

    /// Keeps the profiles equal to the sessions.
    pub(super) async fn run(mut self) -> Infallible {
        loop {
            self.wait().await;
            let outcome = self.step();
            self.report(outcome);
        }
    }

    /// Waits until the next step is due.
    async fn wait(&self) {
        let targets = self.targets();
        let sleep = self.ports.timer.sleep(self.pause);
        if targets.is_empty() {
            return sleep.await;
        }
        let changed = targets.iter().map(|target| Box::pin(target.changed()));
        let replaced = pin!(self.targets.replaced());
        select(select(select_all(changed), replaced), sleep).await;
    }

    /// Writes the current sessions while they are valid, and keeps what other programs wrote, except for
    /// their changes of these profiles.
    fn step(&mut self) -> Result<ReconcileStep, ProfileFileError> {
        let now = self.ports.clock.uptime();
        let reading = ClockReading::of(&*self.ports.clock);
        let targets = self.targets.with_credentials(reading);
        targets.iter().for_each(|(target, _)| target.is_changed.set(false));
        let mut edit = |text: &[u8]| edit_all(text, &targets);
        let step = self.reconciler.advance(&mut edit, now)?;
        if let ReconcileStep::Written(_) = step {
            let written = targets
                .iter()
                .filter(|(target, given)| given.is_some() && target.refused.borrow().is_none());
            written.for_each(|(target, _)| target.has_written.set(true));
        }
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
        if !matches!(step, ReconcileStep::Waiting(_)) {
            if self.reported.take().is_some() {
                self.targets().iter().for_each(|target| report_recovery(target));
            }
            self.report_refused();
        }
        if let ReconcileStep::Written(written) = step {
            self.report_written(written);
        }
        CHECK_INTERVAL
    }

    fn report_written(&mut self, written: WriteMethod) {
        let targets = self.targets();
        let is_only = targets.len() == 1;
        for target in targets.iter().filter(|target| is_only || target.is_changed.get()) {
            match written {
                WriteMethod::Unchanged => {}
                WriteMethod::Whole => say(target, &PROFILE_WRITTEN, None),
                WriteMethod::InPlace(obstacle) => {
                    say(target, &PROFILE_WRITTEN_IN_PLACE, Some(("reason", &obstacle)));
                }
            }
            for warning in target.plan.warnings(self.file) {
                let mut logged = target.logged.borrow_mut();
                if !logged.contains(&warning) {
                    say(target, &PROFILE_WARNING, Some(("reason", &warning.to_string())));
                    logged.push(warning);
                }
            }
        }
    }

    /// Reports the profiles that must not be written, beside others that are.
    fn report_refused(&self) {
        let now = self.ports.clock.uptime();
        for target in self.targets() {
            let Some(source) = target.refused.borrow().clone() else {
                if let Some((_, true)) = target.refused_since.take() {
                    report_recovery(&target);
                }
                continue;
            };
            let (since, is_reported) = target.refused_since.get().unwrap_or((now, false));
            let is_due = now.saturating_sub(since) >= REFUSED_FOR;
            target.refused_since.set(Some((since, is_reported || is_due)));
            if is_due && !is_reported {
                let path = target.plan.file.clone();
                let error = target.plan.failed(ProfileFileError::Text { path, source });
                let (reason, hint) = error.log_fields();
                let fields: [Field<'_>; 2] = [("reason", &reason), ("hint", &hint)];
                target.log.event(&PROFILE_WRITE_FAILED, &fields);
                report_status(&target, &error);
            }
        }
    }

    fn targets(&self) -> Vec<Rc<Target>> {
        self.targets.all()
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
        let targets = self.targets();
        let refreshes = targets.iter().map(|target| target.channel.status().refreshes).collect();
        let reported = (reason, refreshes);
        if before.as_ref() != Some(&reported) {
            targets.iter().for_each(|target| report_status(target, &error));
        }
        self.reported = Some(reported);
        pause
    }
}

fn say(target: &Target, event: &'static LogEvent, more: Option<Field<'_>>) {
    let file = field(&target.plan.file.to_string_lossy(), true);
    let profile = profile_field(&target.plan.profile.to_string());
    let key = target.key.as_ref().and_then(KeyReader::current);
    let fields: [Field<'_>; 2] = [("file", &file), ("profile", &profile)];
    let key = key.filter(|_| event.fields.contains(&"access_key_id")).map(|key| key.shown_id());
    let key = key.as_ref().map(|id| -> Field<'_> { ("access_key_id", id) });
    let fields: Vec<_> = fields.into_iter().chain(key).chain(more).collect();
    target.log.event(event, &fields);
}

/// Tells the supervisor why a profile cannot be written.
fn report_status(target: &Target, error: &Error) {
    let reason = error.reasons().into_iter().next().unwrap_or_default();
    target.supervisor.status(&format!("cannot write the profile: {reason}"));
}

fn report_recovery(target: &Target) {
    say(target, &PROFILE_WRITE_RECOVERED, None);
    if let Some(key) = target.key.as_ref().and_then(KeyReader::current) {
        let status = format!("the profile holds the access key {}", key.shown_id());
        return target.supervisor.status(&status);
    }
    if let Some((session, _)) = &target.channel.status().session {
        let expiration = session.credentials.expiration;
        let status = format!("the session is valid until {expiration}; the profile holds it");
        target.supervisor.status(&status);
    }
}
