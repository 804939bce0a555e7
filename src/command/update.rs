//! `update`: keep a profile of the shared credentials file fresh.

mod caveat;

use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};

use crate::board::{Board, Refreshes};
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
use crate::reveal::{Holds, Shown, shown};
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
    /// Why the file could not be written the last time, and how the refreshes stood then: the next
    /// one has the supervisor told something else.
    reported: Option<(String, Refreshes)>,
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

    /// Writes the session in hand where it is good, and leaves the file alone where none is; what
    /// somebody else did to the profile since is undone.
    async fn write(&self) -> Result<Option<Edited>, Error> {
        let standing = self.board.standing();
        let Some(session) = standing.valid(Moment::of(self.ports.clock)) else {
            return Ok(None);
        };
        self.plan.write(&session.credentials, self.file, self.ports.timer).await.map(Some)
    }

    /// Logs what became of the file, and returns how long to leave it alone; `pause` is how long it
    /// was left alone before.
    fn report(&mut self, outcome: &Result<Option<Edited>, Error>, pause: Duration) -> Duration {
        let edited = match outcome {
            Ok(Some(edited)) => edited,
            Ok(None) => return IDLE,
            Err(error) => return self.report_failure(error, pause),
        };
        if self.reported.take().is_some() {
            self.report_recovery();
        }
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
        let judged = |text: &str| match shown(text, Holds::Text, || true) {
            Shown::Value(value) => value,
            Shown::Hidden(_) => "(not shown)".to_owned(),
        };
        let file = judged(&self.plan.file.to_string_lossy());
        let profile = judged(&self.plan.profile.to_string());
        let facts: [Fact<'_>; 2] = [("file", &file), ("profile", &profile)];
        let facts: Vec<_> = facts.into_iter().chain(more).collect();
        self.ports.log.event(level, words, &facts);
    }

    fn report_failure(&mut self, error: &Error, pause: Duration) -> Duration {
        let reason = error.words();
        let before = self.reported.take();
        if before.as_ref().is_none_or(|(before, _)| *before != reason) {
            self.ports.log.event(Level::Error, "profile not written", &[("reason", &reason)]);
        }
        let pause = if before.is_none() { FIRST_PAUSE } else { (pause * 2).min(IDLE) };
        let reported = (reason, self.board.standing().refreshes);
        if before.as_ref() != Some(&reported) {
            let first = reported.0.lines().next().unwrap_or_default();
            self.ports.supervisor.status(&format!("the profile is not written: {first}"));
        }
        self.reported = Some(reported);
        pause
    }

    fn report_recovery(&self) {
        self.say(Level::Info, "the profile can be written again", None);
        if let Some((session, _)) = &self.board.standing().session {
            let expiration = session.credentials.expiration;
            let status = format!("a session until {expiration} is in the profile");
            self.ports.supervisor.status(&status);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;
    use std::pin::Pin;
    use std::sync::Mutex;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::engine::globe::{Globe, Weather};
    use crate::error::Kind;
    use crate::profile::file::{Edit, ProfileFileError};
    use crate::secret::SecretBytes;
    use crate::world::Event;

    /// A credentials file in memory.
    #[derive(Default)]
    struct Desk(Mutex<State>);

    #[derive(Default)]
    struct State {
        text: String,
        /// Why it cannot be written.
        obstacle: Option<io::ErrorKind>,
        tries: usize,
    }

    impl Desk {
        fn put(&self, text: &str) {
            self.0.lock().unwrap().text = text.to_owned();
        }

        fn text(&self) -> String {
            self.0.lock().unwrap().text.clone()
        }

        fn obstruct(&self, obstacle: impl Into<Option<io::ErrorKind>>) {
            self.0.lock().unwrap().obstacle = obstacle.into();
        }

        fn tries(&self) -> usize {
            self.0.lock().unwrap().tries
        }
    }

    impl SharedCredentialsFile for Desk {
        fn try_edit(&self, path: &Path, edit: &mut Edit<'_>) -> Result<Written, ProfileFileError> {
            let mut state = self.0.lock().unwrap();
            state.tries += 1;
            if let Some(kind) = state.obstacle {
                return Err(ProfileFileError::Write { path: path.to_owned(), source: kind.into() });
            }
            let new: SecretBytes = edit(state.text.as_bytes()).unwrap();
            let new = String::from_utf8(new.expose().to_vec()).unwrap();
            let is_old = new == state.text;
            state.text = new;
            Ok(if is_old { Written::Unchanged } else { Written::Whole })
        }

        fn readable_by_others(&self, _path: &Path) -> Option<u32> {
            None
        }
    }

    /// `update`, and the world that it runs in.
    struct Play<'a> {
        globe: &'a Globe,
        updating: Pin<Box<dyn Future<Output = Result<(), Error>> + 'a>>,
    }

    impl Play<'_> {
        fn pass(&mut self, seconds: u64) {
            for second in 0..=seconds {
                if second > 0 {
                    self.globe.pass();
                }
                for _ in 0..8 {
                    let mut context = Context::from_waker(Waker::noop());
                    assert!(self.updating.as_mut().poll(&mut context).is_pending(), "it ended");
                }
            }
        }
    }

    fn plan(first_failure: FirstFailure) -> Update {
        Update {
            profile: "a".parse().unwrap(),
            file: PathBuf::from("credentials"),
            mode: Mode::Continuous,
            daemon: Daemon { first_failure, ..Daemon::default() },
        }
    }

    fn play(desk: &Desk, act: impl FnOnce(&mut Play<'_>)) {
        let (globe, board) = (Globe::new(), Board::default());
        let plan = plan(FirstFailure::TriesOn);
        let mut engine = Engine::new(&globe, &board, globe.ports());
        let updating = Box::pin(keep(&plan, &mut engine, &board, globe.ports(), desk));
        let mut play = Play { globe: &globe, updating };
        play.pass(0);
        act(&mut play);
    }

    #[test]
    fn keeps_the_profile_while_the_session_is_good_and_leaves_it_alone_afterwards() {
        let desk = Desk::default();
        play(&desk, |play| {
            assert!(desk.text().contains("ASIA1"), "{}", desk.text());
            play.globe.turn(Weather::Lost, 0);
            play.pass(3_500);
            desk.put("");
            play.pass(30);
            assert!(desk.text().contains("ASIA1"), "it is not looked at again");
            play.pass(100);
            desk.put("");
            play.pass(300);
            assert_eq!(desk.text(), "", "what is over was written");
        });
    }

    #[test]
    fn ends_where_it_is_told_to_before_it_has_anything() {
        let (globe, board, desk) = (Globe::new(), Board::default(), Desk::default());
        globe.turn(Weather::Fair, 10);
        globe.happen(Event::Stop);
        let plan = plan(FirstFailure::TriesOn);
        let mut engine = Engine::new(&globe, &board, globe.ports());
        let updating = pin!(keep(&plan, &mut engine, &board, globe.ports(), &desk));
        let ended = updating.poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(ended, Poll::Ready(Ok(()))));
    }

    #[test]
    fn ends_with_the_first_failure_of_the_file_where_it_is_to() {
        let (globe, board, desk) = (Globe::new(), Board::default(), Desk::default());
        desk.obstruct(io::ErrorKind::PermissionDenied);
        let plan = plan(FirstFailure::Exits);
        let mut engine = Engine::new(&globe, &board, globe.ports());
        let updating = pin!(keep(&plan, &mut engine, &board, globe.ports(), &desk));
        let ended = updating.poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(ended, Poll::Ready(Err(error)) if error.kind() == Kind::Local));
    }

    #[test]
    fn the_status_is_that_of_the_file_as_long_as_it_cannot_be_written() {
        let desk = Desk::default();
        play(&desk, |play| {
            let globe = play.globe;
            let status = || globe.statuses().pop().unwrap_or_default();
            assert!(status().starts_with("a session until "), "{}", status());
            desk.obstruct(io::ErrorKind::PermissionDenied);
            // Another session is in hand, and in the file is the one before.
            play.pass(3_000);
            assert!(status().starts_with("the profile is not written: "), "{}", status());
            desk.obstruct(None);
            play.pass(30);
            assert!(status().starts_with("a session until "), "{}", status());
        });
    }

    #[test]
    fn tries_a_file_that_cannot_be_written_again_after_a_pause_that_grows_and_says_so_once() {
        let desk = Desk::default();
        play(&desk, |play| {
            for (before, is_lost) in [true, true, false, true].into_iter().enumerate() {
                if is_lost {
                    desk.put("");
                }
                desk.obstruct(io::ErrorKind::PermissionDenied);
                let tries = desk.tries();
                while desk.tries() == tries {
                    play.pass(1);
                }
                for pause in [2, 4, 8, 16, 30, 30] {
                    let tries = desk.tries();
                    play.pass(pause - 1);
                    assert_eq!(desk.tries(), tries, "before {pause} s");
                    play.pass(1);
                    assert_eq!(desk.tries(), tries + 1, "after {pause} s");
                }
                let mut statuses = play.globe.statuses();
                statuses.retain(|status| status.starts_with("the profile is not written: "));
                assert_eq!(statuses.len(), before + 1, "{statuses:?}");
                assert!(!statuses[before].contains("error: "), "{statuses:?}");
                desk.obstruct(None);
                play.pass(30);
                assert!(desk.text().contains("ASIA1"), "{}", desk.text());
            }
        });
    }
}
