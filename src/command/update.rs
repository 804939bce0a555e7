//! `update`: keep a profile of the shared credentials file fresh.

use std::path::PathBuf;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::select;

use crate::board::Board;
use crate::call::Deadline;
use crate::command::daemon::{Daemon, FirstFailure};
use crate::credentials::{Credentials, Session};
use crate::engine::{Ending, Engine, Ports};
use crate::error::Error;
use crate::log::Level;
use crate::profile::file::{self, SharedCredentialsFile, Written};
use crate::profile::{self, ProfileName};
use crate::provider::RolesAnywhere;
use crate::refresh::Moment;
use crate::time::Timer;
use crate::world::World;

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
/// How long to wait after the file could not be written.
const PAUSE: Duration = Duration::from_secs(5);
/// How long to wait where there is nothing to write; every publication ends it.
const IDLE: Duration = Duration::from_secs(3_600);

/// Writes the profile once, and returns what became of the file.
pub async fn once(
    plan: &Update,
    provider: &RolesAnywhere,
    deadline: Deadline,
    world: &World<'_>,
    file: &dyn SharedCredentialsFile,
) -> Result<Written, Error> {
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
    let mut writer = Writer { plan, board, ports, file, written: None };
    match writer.write().await {
        Err(error) if plan.daemon.first_failure == FirstFailure::Exits => return Err(error),
        outcome => writer.report(outcome),
    };
    ports.supervisor.ready();
    select(pin!(engine.run()), pin!(writer.run())).await;
    Ok(())
}

impl Update {
    async fn write(
        &self,
        credentials: &Credentials,
        file: &dyn SharedCredentialsFile,
        timer: &dyn Timer,
    ) -> Result<Written, Error> {
        let mut edit = |text: &[u8]| profile::replace(text, &self.profile, credentials);
        Ok(file::edit(file, &self.file, &mut edit, timer, PATIENCE).await?)
    }
}

/// Writes what the board has into the file.
struct Writer<'a> {
    plan: &'a Update,
    board: &'a Board,
    ports: Ports<'a>,
    file: &'a dyn SharedCredentialsFile,
    /// The session that is in the file.
    written: Option<Rc<Session>>,
}

impl Writer<'_> {
    async fn run(&mut self) {
        loop {
            let outcome = self.write().await;
            let pause = self.report(outcome);
            select(pin!(self.board.changed()), self.ports.timer.sleep(pause)).await;
        }
    }

    /// Writes the session in hand where it is good and not in the file yet.
    async fn write(&mut self) -> Result<Option<Written>, Error> {
        let standing = self.board.standing();
        let Some(session) = standing.valid(Moment::of(self.ports.clock)) else { return Ok(None) };
        if self.written.as_ref().is_some_and(|written| Rc::ptr_eq(written, session)) {
            return Ok(None);
        }
        let written = self.plan.write(&session.credentials, self.file, self.ports.timer).await?;
        self.written = Some(Rc::clone(session));
        Ok(Some(written))
    }

    /// Logs what became of the file, and returns how long to leave it alone.
    fn report(&self, outcome: Result<Option<Written>, Error>) -> Duration {
        let (log, path) = (self.ports.log, self.plan.file.display());
        match outcome {
            Ok(None) => return IDLE,
            Ok(Some(Written::InPlace(obstacle))) => log.event(
                Level::Warning,
                "profile written in place: a reader at that moment could have seen a part of it",
                &[("file", &path), ("profile", &self.plan.profile), ("reason", &obstacle)],
            ),
            Ok(Some(Written::Whole | Written::Unchanged)) => log.event(
                Level::Info,
                "profile written",
                &[("file", &path), ("profile", &self.plan.profile)],
            ),
            Err(error) => {
                log.event(Level::Error, "profile not written", &[("reason", &error)]);
                return PAUSE;
            }
        }
        IDLE
    }
}
