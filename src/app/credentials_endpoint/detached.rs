//! The endpoint in a detached process: how it is started, and what it does.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use crate::app::App;
use crate::app::credentials_endpoint::handover::{self, Handover};
use crate::app::credentials_endpoint::serving::CredentialsEndpoint;
use crate::app::credentials_endpoint::{EndpointRequest, StartedEndpoint};
use crate::app::session::{self, with_typed_password};
use crate::options::session_plan::SessionPlan;
use crate::os::detached;
use crate::os::files::SystemFiles;
use crate::os::process;
use crate::os::program_dir::{self, ProgramDir};
use crate::output::error::Error;
use crate::output::run::RunError;
use roles_anywhere_client::provider::ErrorKind;
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::text::path;

/// The second argument of the intermediate process.
const DETACH: &str = "--detach";

/// What to do if a limit of processes is reached.
const PROCESSES: &str = "raise the limit on processes: `ulimit -u` shows that of the user, `pids.max` that of the container";

/// The file descriptors that an endpoint needs: for its event loops, and a renewal beside some requests.
const DESCRIPTORS: usize = 16;

/// What the detached process says if it only removes a directory.
const READY: &[u8] = b"ready";

/// What this process does on the way to a detached one, for the process of a number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DetachStep {
    /// It starts the detached process, and ends.
    Detach(DetachedTask, i32),
    /// It is the detached process.
    Run(DetachedTask, i32),
}

/// What a detached process does until the program has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DetachedTask {
    /// It serves credentials, and removes the directory of the program at the end.
    Endpoint,
    /// It only removes the directory of the program at the end.
    Directory,
}

impl DetachedTask {
    /// Returns the first argument of the processes that [`DetachStep`] is about. It is no command: it is
    /// in no help.
    fn word(self) -> &'static str {
        match self {
            Self::Endpoint => "credentials-endpoint",
            Self::Directory => "private-directory",
        }
    }
}

impl DetachStep {
    /// Returns the step, if the command line `words` is one that this program starts itself with.
    pub fn of(words: &[String]) -> Option<Self> {
        let words: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
        let task = [DetachedTask::Endpoint, DetachedTask::Directory]
            .into_iter()
            .find(|task| words.first() == Some(&task.word()))?;
        let step = match words[1..] {
            [DETACH, pid] => Self::Detach(task, pid.parse().ok()?),
            [pid] => Self::Run(task, pid.parse().ok()?),
            _ => return None,
        };
        detached::has_socket().then_some(step)
    }
}

/// Plans the session of a command line again.
type PlanSession<'a> = &'a dyn Fn(&[String], &App) -> Result<SessionPlan, Error>;

/// Starts the detached process.
pub(super) fn start(app: &App, request: &EndpointRequest<'_>) -> Result<StartedEndpoint, Error> {
    let EndpointRequest { words, client, session, directory } = request;
    client.ask_for_password()?;
    let handover = Handover {
        words: words.to_vec(),
        session: (*session).clone(),
        password: client.typed_password(),
        inputs: app.files().read_once(),
        directory: directory.map(|directory| directory.path().to_owned()),
    };
    let answer = start_task(app, DetachedTask::Endpoint, handover.render().expose())?;
    handover::parse_answer(&answer)
}

/// Starts a detached process that removes the directory of the program when that has ended.
pub(super) fn keep(app: &App, directory: &ProgramDir) -> Result<(), Error> {
    let path = path::text(directory.path().as_os_str().to_owned());
    match start_task(app, DetachedTask::Directory, path.as_bytes())?.expose() {
        READY => Ok(()),
        _ => Err(RunError::System(io::ErrorKind::BrokenPipe.into()).into()),
    }
}

/// Starts the detached process, and returns its answer to `message`.
fn start_task(app: &App, task: DetachedTask, message: &[u8]) -> Result<SecretBytes, Error> {
    let own_executable = app.own_executable().map_err(RunError::System)?;
    let pid = std::process::id().to_string();
    let answer =
        detached::start(app.clock(), &own_executable, &[task.word(), DETACH, &pid], message);
    Ok(answer.map_err(|error| not_started(&error))?)
}

/// Returns why a process cannot be started, or the detached one does not answer.
fn not_started(error: &io::Error) -> RunError {
    let (reason, hint) = match error.kind() {
        io::ErrorKind::TimedOut => ("it does not answer".to_owned(), None),
        // Of `fork`, as nothing else here does not wait.
        io::ErrorKind::WouldBlock => (error.to_string(), Some(PROCESSES)),
        _ => (error.to_string(), None),
    };
    let hints = hint.into_iter().map(str::to_owned).collect();
    RunError::CredentialsEndpoint { kind: ErrorKind::Local, reason, hints }
}

/// Runs a step. `plan` plans the session of the command line that was handed over.
pub fn run(step: DetachStep, app: &App, plan: PlanSession<'_>) -> ExitCode {
    let ended = match step {
        DetachStep::Detach(task, pid) => detach(app, task, pid),
        DetachStep::Run(DetachedTask::Endpoint, pid) => serve(app, pid, plan),
        DetachStep::Run(DetachedTask::Directory, pid) => remove_at_end(pid),
    };
    // The process that waits hears of a failure by its answer, or because there is none.
    if ended.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn detach(app: &App, task: DetachedTask, pid: i32) -> Result<(), Error> {
    let own_executable = app.own_executable().map_err(RunError::System)?;
    let detached = detached::detach(&own_executable, &[task.word(), &pid.to_string()]);
    detached.or_else(|error| refuse(not_started(&error).into()))
}

/// Answers that the detached process does not serve.
fn refuse(error: Error) -> Result<(), Error> {
    detached::answer_instead(handover::answer(Err(&error)).expose()).map_err(RunError::System)?;
    Err(error)
}

/// Removes the directory of the program when that has ended. If this is not reached, the next run does.
fn remove_at_end(pid: i32) -> Result<(), Error> {
    let received = detached::receive(pid).map_err(RunError::System)?;
    let text = String::from_utf8_lossy(received.message.expose()).into_owned();
    session::block_on(async {
        let program = received.answer(READY).map_err(RunError::System)?;
        program.ended().await;
        program_dir::remove(&path::path(&text));
        Ok(())
    })
}

/// Serves until the program has ended.
fn serve(app: &App, pid: i32, plan: PlanSession<'_>) -> Result<(), Error> {
    let received = detached::receive(pid).map_err(RunError::System)?;
    let Some(handover) = Handover::parse(&received.message) else {
        let what = "the message to the endpoint is damaged";
        return Err(RunError::Internal { what }.into());
    };
    let directory = handover.directory.clone();
    // The program gets the limit of its caller. Nothing is started from here.
    process::descriptors();
    if let Err(error) = process::require_descriptors(DESCRIPTORS) {
        return refuse(RunError::System(error).into());
    }
    session::block_on(async {
        let endpoint = open(handover, app, plan);
        let answer = handover::answer(endpoint.as_ref().map(CredentialsEndpoint::started));
        let program = received.answer(answer.expose()).map_err(RunError::System)?;
        endpoint?.serve_until(program.ended()).await;
        // If this is not reached, the other process removes it, or the next run does.
        directory.iter().for_each(|directory| program_dir::remove(directory));
        Ok(())
    })
}

/// Opens the endpoint that was handed over.
fn open(
    handover: Handover,
    app: &App,
    plan: PlanSession<'_>,
) -> Result<CredentialsEndpoint, Error> {
    let plan = with_typed_password(plan(&handover.words, app)?, handover.password);
    let files = SystemFiles::with_read_once(Arc::clone(app.environment()), handover.inputs);
    CredentialsEndpoint::listen(plan, Arc::new(files), handover.session)
}
