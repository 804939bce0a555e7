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
use tokio::time::timeout;

use super::serving::CredentialsEndpoint;
use super::supervised::open;
use super::{EndpointRequest, StartedEndpoint};
use crate::app::App;
use crate::app::session;
use crate::follow::action::{COMMAND_LIMIT, SignalName};
use crate::os::child::{
    ChildProgram, ChildRole, ProgramEnd, ProgramSignals, StoppedProgram, TerminalStop, is_init,
};
use crate::os::log::StderrLog;
use crate::os::masked::OtherTerminals;
use crate::os::pid_file::signal_of;
use crate::os::program::{SHELL, spawn_quietly};
use crate::os::shell_command::end_group;
use crate::output::error::Error;
use crate::output::log::events::{PROGRAM_ENDED, PROGRAM_KILLED, PROGRAM_STARTED};
use crate::output::log::{Log, LogFormat};
use crate::output::rotation::CommandFailure;
use crate::output::run::RunError;
use roles_anywhere_client::secret::Secret;

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
}

/// A command of a shell with its variables.
#[derive(Debug)]
struct ShellLine {
    text: Secret,
    variables: Vec<(OsString, OsString)>,
}

/// The number of a process and of its group, and what completes when it has ended.
type StartedCommand = (u32, oneshot::Receiver<ProgramEnd>);

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
    /// error. If it takes too long, it is ended with the processes that it has started.
    pub async fn run(
        &self,
        command: &Secret,
        variables: Vec<(OsString, OsString)>,
    ) -> Result<Result<(), CommandFailure>, Error> {
        let (started, answer) = oneshot::channel();
        let line = ShellLine { text: command.clone(), variables };
        self.request(ProgramRequest::Command(line, started));
        let (group, mut ended) = or_never(answer).await?;
        let end = match timeout(COMMAND_LIMIT, &mut ended).await {
            Ok(Ok(end)) => end,
            // The program has ended, and this process ends next.
            Ok(Err(_)) => pending().await,
            Err(_) => {
                end_group(group, ended).await;
                return Ok(Err(CommandFailure::TimedOut(COMMAND_LIMIT)));
            }
        };
        Ok(match end {
            ProgramEnd::Exited(0) => Ok(()),
            ProgramEnd::Exited(code) => Err(CommandFailure::Exit(code.into())),
            ProgramEnd::Signaled(signal) => Err(CommandFailure::Signal(signal)),
        })
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

/// How a program is followed.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "holds ports")]
pub struct ProgramSupervision<'a> {
    /// The endpoint of credentials that the program gets, if it does.
    pub endpoint: Option<&'a EndpointRequest<'a>>,
    /// The time after which the program is killed if it is to end.
    pub grace: Duration,
    /// Takes the events of the program.
    pub log: &'a StderrLog,
}

impl App {
    /// Returns a log on standard error. It is written by [`App::supervise_followed`], and when it is dropped.
    pub fn log(&self, format: LogFormat) -> Arc<StderrLog> {
        Arc::new(StderrLog::new(format, Arc::new(*self.clock())))
    }

    /// As [`App::supervise`], and has `follow` act on the program. `start` starts the program, each time with what
    /// it gets then.
    pub fn supervise_followed(
        &self,
        supervision: ProgramSupervision<'_>,
        start: &dyn Fn(Option<&StartedEndpoint>) -> Result<i32, Error>,
        follow: impl AsyncFnOnce(&ProgramControl) -> Infallible,
    ) -> Result<FollowedEnd, Error> {
        let ProgramSupervision { endpoint, grace, log } = supervision;
        session::block_on(async {
            let stop = if is_init() { TerminalStop::PassedOn } else { TerminalStop::Default };
            let signals = ProgramSignals::listen(stop).map_err(RunError::System)?;
            let endpoint = endpoint.map(|request| open(self, request)).transpose()?;
            let started = endpoint.as_ref().map(CredentialsEndpoint::started);
            let start = || {
                let pid = start(started.as_ref())?;
                log.event(&PROGRAM_STARTED, &[("pid", &i64::from(pid))]);
                Ok(pid)
            };
            let program = signals.with_inherited_mask(start)?;
            let program = ChildProgram::run(signals, program, role()).map_err(RunError::System)?;
            let (sender, requests) = unbounded_channel();
            let control = ProgramControl(sender);
            let mut supervised = SupervisedProgram { program, requests, grace, log };
            let following = pin!(follow(&control));
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
                Either::Left((end, _)) => Err(end),
                Either::Right((Some(request), _)) => Ok(request),
                Either::Right((None, ended)) => Err(ended.await),
            };
            let request = match request {
                Ok(request) => request,
                Err(end) => return Ok(self.program_ended(end)),
            };
            let program = &mut self.program;
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
                    let (end, is_final) = self.stop().await;
                    if is_final {
                        return Ok(end);
                    }
                    self.program.start_again(start)?;
                    let _ = done.send(());
                }
                ProgramRequest::Stop => {
                    let (end, is_final) = self.stop().await;
                    return Ok(if is_final { end } else { FollowedEnd::Stopped });
                }
                ProgramRequest::Command(line, started) => {
                    let _ = started.send(program.start_helper(|| start_command(line)));
                }
            }
        }
    }

    /// Ends the program. Returns how it has ended, and whether it is not to be started again.
    async fn stop(&mut self) -> (FollowedEnd, bool) {
        let StoppedProgram { end, was_killed, is_final } = self.program.stop(self.grace).await;
        if was_killed {
            self.log.event(&PROGRAM_KILLED, &[("seconds", &self.grace.as_secs())]);
        }
        (self.program_ended(end), is_final)
    }

    fn program_ended(&self, end: ProgramEnd) -> FollowedEnd {
        let (name, number) = match end {
            ProgramEnd::Exited(code) => ("exit_code", i64::from(code)),
            ProgramEnd::Signaled(signal) => ("signal", i64::from(signal)),
        };
        self.log.event(&PROGRAM_ENDED, &[(name, &number)]);
        FollowedEnd::Program(end)
    }
}

fn start_command(ShellLine { text, variables }: ShellLine) -> Result<i32, Error> {
    let arguments = ["sh", "-c", text.expose()].map(OsString::from);
    Ok(spawn_quietly(Path::new(SHELL), arguments.to_vec(), variables)?)
}
