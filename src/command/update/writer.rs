//! The writer of the daemon: keeps the file as the last session and other programs make it.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::select;

use crate::command::update::{FileWarning, Update, WRITER_TIMEOUT};
use crate::credentials_file::port::{ProfileFileError, SharedCredentialsFile, WriteMethod};
use crate::credentials_file::reconcile::{ReconcileStep, Reconciler};
use crate::daemon::{DaemonPorts, OnStartupFailure};
use crate::output::error::Error;
use crate::output::log::{Field, Level};
use roles_anywhere_client::refresh::clock_reading::ClockReading;
use roles_anywhere_client::refresh::status::{Refreshes, StatusChannel};
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::text::disclosure::{field, profile_field};

/// How long to wait before the file is read again: keys that another program dropped are back
/// within five seconds, two of which it has to be still.
const LOOK: Duration = Duration::from_secs(1);
/// How long to wait after the file could not be written for the first time; every publication ends
/// a pause.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// The longest pause after failures.
const LAST_PAUSE: Duration = Duration::from_secs(30);

/// Writes the session of the channel into the file.
pub(super) struct Writer<'a> {
    plan: &'a Update,
    channel: &'a StatusChannel,
    ports: DaemonPorts<'a>,
    file: &'a dyn SharedCredentialsFile,
    reconciler: Reconciler<'a>,
    /// Whether it was written once: what appears later is not what `--force` was about.
    has_written: bool,
    /// Since when the file has to be written and another program may be writing it, and whether
    /// that was reported.
    waiting: Option<(Duration, bool)>,
    /// Why the file could not be written the last time, and how the refreshes stood then: the next
    /// one has the supervisor told something else.
    reported: Option<(String, Refreshes)>,
    /// The warnings that were logged.
    said: Vec<FileWarning>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        plan: &'a Update,
        channel: &'a StatusChannel,
        ports: DaemonPorts<'a>,
        file: &'a dyn SharedCredentialsFile,
    ) -> Self {
        Self {
            plan,
            channel,
            ports,
            file,
            reconciler: Reconciler::new(file, &plan.file),
            has_written: false,
            waiting: None,
            reported: None,
            said: Vec::new(),
        }
    }

    /// Keeps the profile equal to the session of the channel. Returns an error only of its first try, and only if
    /// that is to end the daemon.
    pub(super) async fn run(mut self) -> Error {
        let mut is_first = true;
        let mut pause = FIRST_PAUSE;
        loop {
            let outcome = self.step();
            let is_waiting = matches!(outcome, Ok(ReconcileStep::Waiting(_)));
            pause = match outcome {
                Err(error)
                    if is_first
                        && self.plan.daemon.on_startup_failure == OnStartupFailure::Exit =>
                {
                    return self.plan.failed(error);
                }
                outcome => self.report(outcome, pause),
            };
            if is_first
                && (!is_waiting || self.plan.daemon.on_startup_failure != OnStartupFailure::Exit)
            {
                self.ports.supervisor.ready();
                is_first = false;
            }
            select(pin!(self.channel.changed()), self.ports.timer.sleep(pause)).await;
        }
    }

    /// Writes the current session while it is valid, and carries over what other programs wrote;
    /// what they did to the profile is undone.
    fn step(&mut self) -> Result<ReconcileStep, ProfileFileError> {
        let now = self.ports.clock.uptime();
        let status = self.channel.status();
        let session = status.valid(ClockReading::of(self.ports.clock));
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

    /// Logs what became of the file, and returns how long to leave it alone; `pause` is how long it
    /// was left alone before.
    fn report(
        &mut self,
        outcome: Result<ReconcileStep, ProfileFileError>,
        pause: Duration,
    ) -> Duration {
        let step = match outcome {
            Ok(step) => step,
            Err(error) => return self.report_failure(error, pause),
        };
        // What cannot be written yet may still be what could not be written before.
        if !matches!(step, ReconcileStep::Waiting(_)) && self.reported.take().is_some() {
            self.report_recovery();
        }
        if let ReconcileStep::Written(written) = step {
            self.report_written(written);
        }
        LOOK
    }

    fn report_written(&mut self, written: WriteMethod) {
        match written {
            WriteMethod::Unchanged => {}
            WriteMethod::Whole => self.say(Level::Info, "profile written", None),
            WriteMethod::InPlace(obstacle) => {
                let words = "profile written in place: a reader may see a part of it";
                self.say(Level::Warning, words, Some(("reason", &obstacle)));
            }
        }
        for warning in self.plan.warnings(self.file) {
            if !self.said.contains(&warning) {
                self.say(Level::Warning, &warning.to_string(), None);
                self.said.push(warning);
            }
        }
    }

    fn say(&self, level: Level, words: &str, more: Option<Field<'_>>) {
        let file = field(&self.plan.file.to_string_lossy(), true);
        let profile = profile_field(&self.plan.profile.to_string());
        let fields: [Field<'_>; 2] = [("file", &file), ("profile", &profile)];
        let fields: Vec<_> = fields.into_iter().chain(more).collect();
        self.ports.log.event(level, words, &fields);
    }

    fn report_failure(&mut self, error: ProfileFileError, pause: Duration) -> Duration {
        let is_of_text =
            matches!(error, ProfileFileError::Text { .. } | ProfileFileError::NotSettled { .. });
        let reason = self.plan.failed(error).words();
        let before = self.reported.take();
        if before.as_ref().is_none_or(|(before, _)| *before != reason) {
            self.ports.log.event(Level::Error, "profile not written", &[("reason", &reason)]);
        }
        let pause = match before {
            // It is read again at once when it has changed.
            _ if is_of_text => LOOK,
            None => FIRST_PAUSE,
            Some(_) => (pause * 2).min(LAST_PAUSE),
        };
        let reported = (reason, self.channel.status().refreshes);
        if before.as_ref() != Some(&reported) {
            let first = reported.0.lines().next().unwrap_or_default();
            self.ports.supervisor.status(&format!("the profile is not written: {first}"));
        }
        self.reported = Some(reported);
        pause
    }

    fn report_recovery(&self) {
        self.say(Level::Info, "the profile can be written again", None);
        if let Some((session, _)) = &self.channel.status().session {
            let expiration = session.credentials.expiration;
            let status = format!("a session until {expiration} is in the profile");
            self.ports.supervisor.status(&status);
        }
    }
}
