//! `update`: keep a profile of the shared credentials file fresh.

mod caveat;

use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};

use crate::board::Board;
use crate::call::Deadline;
use crate::command::daemon::{Daemon, FirstFailure};
use crate::credentials::Credentials;
use crate::engine::{Ending, Engine, Ports};
use crate::error::Error;
use crate::log::{Fact, Level};
use crate::profile::file::{self, SharedCredentialsFile, Written};
use crate::profile::{self, ProfileName};
use crate::provider::RolesAnywhere;
use crate::refresh::Moment;
use crate::time::Timer;
use crate::world::World;
pub use caveat::Caveat;

/// What to write, and how it runs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Update {
    /// The profile.
    pub profile: ProfileName,
    /// The shared credentials file.
    pub file: PathBuf,
    /// Once, or for as long as it runs.
    pub mode: Mode,
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
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait after the file could not be written for the first time; every publication ends
/// a pause.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// How long to wait before what is in the file is looked at again.
const IDLE: Duration = Duration::from_secs(30);

/// What became of the file, and what is wrong with it still.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Edited {
    /// How it was written.
    pub written: Written,
    /// What its owner should mend.
    pub caveats: Vec<Caveat>,
}

/// Writes the profile once, and returns what became of the file.
pub async fn once(
    plan: &Update,
    provider: &RolesAnywhere,
    deadline: Deadline,
    world: &World<'_>,
    file: &dyn SharedCredentialsFile,
) -> Result<Edited, Error> {
    let session = provider.fetch(0, world, deadline).await?;
    plan.write(&session.credentials, file, world.timer).await
}

/// Keeps the profile fresh until it is told to stop.
///
/// Returns an error only where the first try fails and that is to end it.
pub async fn keep(
    plan: &Update,
    engine: &mut Engine<'_>,
    board: &Board,
    ports: Ports<'_>,
    file: &dyn SharedCredentialsFile,
) -> Result<(), Error> {
    if plan.daemon.start(engine).await? == Ending::Stopped {
        return Ok(());
    }
    let mut writer = Writer { plan, board, ports, file, reported: None, said: Vec::new() };
    let writing = pin!(writer.run());
    // The engine ends when it is told to, the writer only with an error that is to end it.
    match select(pin!(engine.run()), writing).await {
        Either::Left(((), _)) => Ok(()),
        Either::Right((error, _)) => Err(error),
    }
}

impl Update {
    async fn write(
        &self,
        credentials: &Credentials,
        file: &dyn SharedCredentialsFile,
        timer: &dyn Timer,
    ) -> Result<Edited, Error> {
        let mut has_old_token = false;
        let mut edit = |text: &[u8]| {
            has_old_token = profile::has_old_token(text, &self.profile);
            profile::replace(text, &self.profile, credentials)
        };
        let written = file::edit(file, &self.file, &mut edit, timer, PATIENCE).await?;
        let readable = file.readable_by_others(&self.file).map(|mode| Caveat::Readable { mode });
        let old_token = has_old_token.then_some(Caveat::OldToken);
        Ok(Edited { written, caveats: readable.into_iter().chain(old_token).collect() })
    }
}

/// Writes what the board has into the file.
struct Writer<'a> {
    plan: &'a Update,
    board: &'a Board,
    ports: Ports<'a>,
    file: &'a dyn SharedCredentialsFile,
    /// Why the file could not be written the last time.
    reported: Option<String>,
    /// What the log heard of already.
    said: Vec<Caveat>,
}

impl Writer<'_> {
    /// Keeps the profile as the board has it. Returns an error only of its first try, and only
    /// where that is to end the daemon.
    async fn run(&mut self) -> Error {
        let mut pause = match self.write().await {
            Err(error) if self.plan.daemon.first_failure == FirstFailure::Exits => return error,
            outcome => self.report(&outcome, FIRST_PAUSE),
        };
        self.ports.supervisor.ready();
        loop {
            select(pin!(self.board.changed()), self.ports.timer.sleep(pause)).await;
            let outcome = self.write().await;
            pause = self.report(&outcome, pause);
        }
    }

    /// Writes the session in hand where it is good; what somebody else did to the profile since is
    /// undone.
    async fn write(&self) -> Result<Edited, Error> {
        let standing = self.board.standing();
        let Some(session) = standing.valid(Moment::of(self.ports.clock)) else {
            return Ok(Edited { written: Written::Unchanged, caveats: Vec::new() });
        };
        self.plan.write(&session.credentials, self.file, self.ports.timer).await
    }

    /// Logs what became of the file, and returns how long to leave it alone; `pause` is how long it
    /// was left alone before.
    fn report(&mut self, outcome: &Result<Edited, Error>, pause: Duration) -> Duration {
        let edited = match outcome {
            Ok(edited) => edited,
            Err(error) => return self.report_failure(error, pause),
        };
        self.reported = None;
        match edited.written {
            Written::Unchanged => {}
            Written::Whole => self.say(Level::Info, "profile written", None),
            Written::InPlace(obstacle) => {
                let words = "profile written in place: a reader may see a part of it";
                self.say(Level::Warning, words, Some(("reason", &obstacle)));
            }
        }
        for caveat in &edited.caveats {
            if !self.said.contains(caveat) {
                self.say(Level::Warning, &caveat.to_string(), None);
                self.said.push(*caveat);
            }
        }
        IDLE
    }

    fn say(&self, level: Level, words: &str, more: Option<Fact<'_>>) {
        let (file, profile) = (self.plan.file.display(), &self.plan.profile);
        let facts: [Fact<'_>; 2] = [("file", &file), ("profile", profile)];
        let facts: Vec<_> = facts.into_iter().chain(more).collect();
        self.ports.log.event(level, words, &facts);
    }

    fn report_failure(&mut self, error: &Error, pause: Duration) -> Duration {
        let reason = error.to_string();
        if self.reported.as_ref() != Some(&reason) {
            self.ports.log.event(Level::Error, "profile not written", &[("reason", &reason)]);
            let first = reason.lines().next().unwrap_or_default();
            self.ports.supervisor.status(&format!("the profile is not written: {first}"));
            self.reported = Some(reason);
        }
        (pause * 2).clamp(FIRST_PAUSE, IDLE)
    }
}
