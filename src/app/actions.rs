//! What is done about changes, on the real system.

use std::future::pending;
use std::path::Path;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::follow::action::{COMMAND_LIMIT, ChangeAction, SignalName};
use crate::follow::follower::whole_seconds;
use crate::os::shell_command::{self, CommandLine, ShellCommand};
use crate::os::stdio;
use crate::output::error::Error;
use crate::output::follow::{ActionError, PidFileProblem};
use crate::output::log::events::{ACTION_ENDED, ACTION_FAILED, ACTION_STARTED, FILES_WRITE_FAILED};
use crate::output::log::{Field, Log};
use crate::output::rotation::CommandFailure;
use roles_anywhere_client::ports::Blocking;
use roles_anywhere_client::secret::{Secret, SecretBytes};
use roles_anywhere_client::text::disclosure::path_name;

/// Acts, beside the event loop, and logs it.
pub async fn act_on_change(action: &ChangeAction, blocking: &dyn Blocking, log: &dyn Log) {
    act_logged(&action.to_string(), log, async { Ok(act(action, blocking).await?) }).await;
}

/// Acts, and logs the start of the action and how it ends.
pub async fn act_logged(
    action: &str,
    log: &dyn Log,
    work: impl Future<Output = Result<(), Error>>,
) {
    log.event(&ACTION_STARTED, &[("action", &action)]);
    log_end(action, &work.await, log);
}

/// Logs how an action has ended.
pub fn log_end(action: &str, acted: &Result<(), Error>, log: &dyn Log) {
    match acted {
        Ok(()) => log.event(&ACTION_ENDED, &[("action", &action)]),
        Err(error) => {
            let (reason, hint) = error.log_fields();
            let fields: [Field<'_>; 3] =
                [("action", &action), ("reason", &reason), ("hint", &hint)];
            log.event(&ACTION_FAILED, &fields);
        }
    }
}

/// Logs that files cannot be written, and after which time that is tried again.
pub fn log_write_failed(error: &Error, retry_in: Duration, log: &dyn Log) {
    let ((reason, hint), seconds) = (error.log_fields(), whole_seconds(retry_in));
    let fields: [Field<'_>; 3] =
        [("reason", &reason), ("hint", &hint), ("retry_in_seconds", &seconds)];
    log.event(&FILES_WRITE_FAILED, &fields);
}

async fn act(action: &ChangeAction, blocking: &dyn Blocking) -> Result<(), ActionError> {
    match action {
        ChangeAction::Signal { signal, pid_file } => {
            let send = {
                let (signal, file) = (*signal, pid_file.clone());
                move || send(signal, &file)
            };
            let sent = match beside(blocking, send).await {
                Some(sent) => sent,
                None => pending().await,
            };
            let file = || path_name(pid_file, true).to_string();
            sent.map_err(|problem| ActionError::Signal { file: file(), problem })
        }
        ChangeAction::Reload { unit } => {
            let arguments = ["try-reload-or-restart", "--", unit];
            let command = CommandLine::ProgramOfAction("systemctl", &arguments);
            let ran = run(command, &SecretBytes::default()).await;
            ran.map_err(|failure| ActionError::Reload { unit: unit.clone(), failure })
        }
        ChangeAction::Command(command) => {
            let ran = run_command(command, &SecretBytes::default()).await;
            ran.map_err(ActionError::Command)
        }
    }
}

/// Runs a command of a shell. It reads `input`; its output is shown on standard error.
pub async fn run_command(command: &Secret, input: &SecretBytes) -> Result<(), CommandFailure> {
    run(CommandLine::ShellOfAction(command.expose()), input).await
}

async fn run(command: CommandLine<'_>, input: &SecretBytes) -> Result<(), CommandFailure> {
    let command = ShellCommand { command, input, has_output: false, limit: COMMAND_LIMIT };
    // A daemon that stops does not end it: what it does must not be half done.
    shell_command::run(&command, pending()).await.map(drop)
}

/// Prints on another thread: standard output may be a pipe whose reader does not read.
pub async fn print_beside(lines: SecretBytes, blocking: &dyn Blocking) -> Result<(), Error> {
    // Without a result, the process ends.
    beside(blocking, move || stdio::print(lines.expose())).await.unwrap_or(Ok(()))
}

/// Runs work on another thread; `None` if its result is lost, as the process ends.
pub async fn beside<T: Send + 'static>(
    blocking: &dyn Blocking,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (sender, done) = oneshot::channel();
    blocking.run(Box::new(move || drop(sender.send(work()))));
    done.await.ok()
}

#[cfg(unix)]
fn send(signal: SignalName, file: &Path) -> Result<(), PidFileProblem> {
    crate::os::pid_file::send(signal, file)
}

#[cfg(not(unix))]
fn send(_: SignalName, _: &Path) -> Result<(), PidFileProblem> {
    Err(PidFileProblem::NoSignals)
}
