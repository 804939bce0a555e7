//! A program that this process runs as its child, and starts again or tells when what it gets has changed.

use std::convert::Infallible;
use std::ffi::OsString;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, pending, select};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use super::serving::CredentialsEndpoint;
use super::supervised::open;
use super::{EndpointRequest, StartedEndpoint};
use crate::app::App;
use crate::app::session;
use crate::follow::action::SignalName;
use crate::os::child::{
    ChildProgram, ChildRole, ProgramEnd, ProgramSignals, StoppedProgram, TerminalStop, is_init,
};
use crate::os::log::StderrLog;
use crate::os::masked::OtherTerminals;
use crate::os::pid_file::signal_of;
use crate::os::program::{SHELL, spawn_quietly};
use crate::output::error::Error;
use crate::output::log::events::PROGRAM_KILLED;
use crate::output::log::{Log, LogFormat};
use crate::output::rotation::CommandFailure;
use crate::output::run::RunError;
use roles_anywhere_client::secret::Secret;

/// The time after which a command is killed.
const COMMAND_LIMIT: Duration = Duration::from_secs(300);

/// Acts on the program of [`App::supervise_followed`].
#[derive(Clone, Debug)]
pub struct ProgramControl(UnboundedSender<ProgramRequest>);

/// What is to be done with the program, and who waits for it. Nothing is answered if the program has ended.
#[derive(Debug)]
enum ProgramRequest {
    Signal(SignalName, oneshot::Sender<()>),
    Restart(oneshot::Sender<()>),
    Stop,
    Command(ShellLine, oneshot::Sender<Result<StartedCommand, Error>>),
    KillCommand(i32),
}

/// A command of a shell with its variables.
#[derive(Debug)]
struct ShellLine {
    text: Secret,
    variables: Vec<(OsString, OsString)>,
}

/// The number of a process, and what completes when it has ended.
type StartedCommand = (i32, oneshot::Receiver<ProgramEnd>);

/// How a program has ended that was followed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FollowedEnd {
    /// By itself, or by a signal that was passed on to it.
    Program(ProgramEnd),
    /// It was ended by [`ProgramControl::stop`].
    Stopped,
}

impl ProgramControl {
    /// Sends the program a signal.
    pub async fn signal(&self, signal: SignalName) {
        let (done, answer) = oneshot::channel();
        self.request(ProgramRequest::Signal(signal, done));
        or_never(answer).await;
    }

    /// Ends the program, and starts it again.
    pub async fn restart(&self) {
        let (done, answer) = oneshot::channel();
        self.request(ProgramRequest::Restart(done));
        or_never(answer).await;
    }

    /// Ends the program for good.
    pub async fn stop(&self) -> Infallible {
        self.request(ProgramRequest::Stop);
        pending().await
    }

    /// Runs a command of a shell with these variables, which has nothing to read. Its output is shown on standard
    /// error.
    pub async fn run(
        &self,
        command: &Secret,
        variables: Vec<(OsString, OsString)>,
    ) -> Result<Result<(), CommandFailure>, Error> {
        let (started, answer) = oneshot::channel();
        let line = ShellLine { text: command.clone(), variables };
        self.request(ProgramRequest::Command(line, started));
        let (number, ended) = or_never(answer).await?;
        let limit = pin!(tokio::time::sleep(COMMAND_LIMIT));
        match select(pin!(or_never(ended)), limit).await {
            Either::Left((ProgramEnd::Exited(0), _)) => Ok(Ok(())),
            Either::Left((ProgramEnd::Exited(code), _)) => {
                Ok(Err(CommandFailure::Exit(code.into())))
            }
            Either::Left((ProgramEnd::Signaled(signal), _)) => {
                Ok(Err(CommandFailure::Signal(signal)))
            }
            Either::Right(_) => {
                self.request(ProgramRequest::KillCommand(number));
                Ok(Err(CommandFailure::TimedOut))
            }
        }
    }

    fn request(&self, request: ProgramRequest) {
        // Without a receiver, the program has ended, and this process ends next.
        let _ = self.0.send(request);
    }
}

/// Returns the answer. Without one, the program has ended, and this process ends next.
async fn or_never<T>(answer: oneshot::Receiver<T>) -> T {
    match answer.await {
        Ok(answer) => answer,
        Err(_) => pending().await,
    }
}

impl App {
    /// As [`App::supervise`], and has `follow` act on the program, which writes to the log. `start` starts the
    /// program, each time with what it gets then. A program that does not end within `grace` is killed.
    pub fn supervise_followed(
        &self,
        request: Option<&EndpointRequest<'_>>,
        grace: Duration,
        start: &dyn Fn(Option<&StartedEndpoint>) -> Result<i32, Error>,
        follow: impl AsyncFnOnce(&ProgramControl, &dyn Log) -> Infallible,
    ) -> Result<FollowedEnd, Error> {
        session::block_on(async {
            let stop = if is_init() { TerminalStop::PassedOn } else { TerminalStop::Default };
            let signals = ProgramSignals::listen(stop).map_err(RunError::System)?;
            let endpoint = request.map(|request| open(self, request)).transpose()?;
            let started = endpoint.as_ref().map(CredentialsEndpoint::started);
            let log = StderrLog::new(LogFormat::Text, Arc::new(*self.clock()));
            let start = || start(started.as_ref());
            let program = signals.with_inherited_mask(start)?;
            let program = ChildProgram::run(signals, program, role()).map_err(RunError::System)?;
            let (sender, requests) = unbounded_channel();
            let control = ProgramControl(sender);
            let mut supervised = SupervisedProgram { program, requests, grace, log: &log };
            let following = pin!(follow(&control, &log));
            let ended = async {
                let running = pin!(supervised.run(&start));
                match select(running, select(following, pin!(log.run()))).await {
                    Either::Left((ended, _)) => ended,
                    Either::Right((Either::Left((never, _)) | Either::Right((never, _)), _)) => {
                        match never {}
                    }
                }
            };
            match endpoint {
                Some(endpoint) => endpoint.serve_until(ended).await,
                None => ended.await,
            }
        })
    }
}

fn role() -> ChildRole {
    if is_init() { ChildRole::OfInit } else { ChildRole::InGroup(OtherTerminals::default()) }
}

/// A program, and what is to be done with it.
struct SupervisedProgram<'a> {
    program: ChildProgram,
    requests: UnboundedReceiver<ProgramRequest>,
    grace: Duration,
    log: &'a StderrLog,
}

impl SupervisedProgram<'_> {
    /// Returns how the program has ended for good. `start` starts it again.
    async fn run(&mut self, start: &impl Fn() -> Result<i32, Error>) -> Result<FollowedEnd, Error> {
        loop {
            let Self { program, requests, .. } = self;
            let request = match select(pin!(program.ended()), pin!(requests.recv())).await {
                Either::Left((end, _)) => return Ok(FollowedEnd::Program(end)),
                Either::Right((Some(request), _)) => request,
                Either::Right((None, ended)) => return Ok(FollowedEnd::Program(ended.await)),
            };
            // What was asked to end is left alone until it does.
            if program.is_asked_to_end() {
                continue;
            }
            match request {
                ProgramRequest::Signal(signal, done) => {
                    program.signal(signal_of(signal));
                    let _ = done.send(());
                }
                ProgramRequest::Restart(done) => {
                    let StoppedProgram { end, is_final, .. } = self.stop().await;
                    if is_final {
                        return Ok(FollowedEnd::Program(end));
                    }
                    self.program.start_again(start)?;
                    let _ = done.send(());
                }
                ProgramRequest::Stop => {
                    let StoppedProgram { end, is_final, .. } = self.stop().await;
                    return Ok(if is_final {
                        FollowedEnd::Program(end)
                    } else {
                        FollowedEnd::Stopped
                    });
                }
                ProgramRequest::Command(line, started) => {
                    let _ = started.send(program.start_helper(|| start_command(line)));
                }
                ProgramRequest::KillCommand(number) => program.kill_helper(number),
            }
        }
    }

    async fn stop(&mut self) -> StoppedProgram {
        let stopped = self.program.stop(self.grace).await;
        if stopped.was_killed {
            self.log.event(&PROGRAM_KILLED, &[("seconds", &self.grace.as_secs())]);
        }
        stopped
    }
}

fn start_command(ShellLine { text, variables }: ShellLine) -> Result<i32, Error> {
    let arguments = ["sh", "-c", text.expose()].map(OsString::from);
    Ok(spawn_quietly(Path::new(SHELL), arguments.to_vec(), variables)?)
}
