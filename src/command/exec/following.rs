//! A program that is told, or started again, when what it gets has changed.

use std::cell::RefCell;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::app::actions::{act_logged, log_end, log_write_failed};
use crate::app::credentials_endpoint::{
    EndpointRequest, FollowedEnd, ProgramControl, ProgramDir, ProgramSupervision, StartedEndpoint,
    StderrLog,
};
use crate::app::reference_reader::FollowedReferences;
use crate::command::Command as _;
use crate::command::exec::environment::ProgramVariables;
use crate::command::exec::values::set_again;
use crate::command::exec::{CredentialSource, ExecPlan, ExecRoles};
use crate::follow::action::is_withheld;
use crate::follow::follower::{Consumer, FollowPorts, follow};
use crate::follow::program_action::ProgramAction;
use crate::follow::source::FollowedValues;
use crate::options::command_line::own_words;
use crate::options::on_rotate::OnRotate;
use crate::output::Outcome;
use crate::output::error::Error;
use crate::output::follow::ActionError;
use crate::output::log::events::{
    FILES_WRITTEN, LogEvent, PROGRAM_UNAVAILABLE, STARTED, VARIABLES_KEPT,
};
use crate::output::log::{Field, Log};
use crate::output::program::nothing_to_follow;
use crate::secrets::variables::{AssignedVariables, EnvName, VariableLimits, WantedVariables};
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::text::disclosure::path_name;

/// The exit code of a program that was ended by `--on-rotate exit`: `EX_TEMPFAIL` of sysexits.h, by which the
/// caller starts it again.
const ENDED_BY_CHANGE: u8 = 75;

/// What a program gets now.
struct ProgramInputs {
    assigned: AssignedVariables,
    arguments: Vec<OsString>,
    variables: ProgramVariables,
    /// Whether its files are those of `assigned`. Not if some of them could not be put in their place.
    has_files: bool,
}

/// A program and what it gets.
struct FollowedProgram<'a> {
    app: &'a App,
    plan: &'a ExecPlan,
    path: &'a Path,
    wanted: WantedVariables,
    limits: VariableLimits,
    /// The variables before any was set.
    caller: ProgramVariables,
    directory: Option<&'a ProgramDir>,
    given: RefCell<ProgramInputs>,
}

/// What acts on a program.
struct ProgramConsumer<'a> {
    program: &'a FollowedProgram<'a>,
    action: &'a ProgramAction,
    control: &'a ProgramControl,
    log: &'a dyn Log,
}

impl ExecPlan {
    /// Runs the program, and does what `on_rotate` says when what it gets has changed.
    pub(super) fn run_followed(
        &self,
        app: &App,
        on_rotate: &OnRotate,
        path: &Path,
        wanted: WantedVariables,
    ) -> Result<Outcome, Error> {
        let references = wanted.references();
        let reader = match &self.roles {
            ExecRoles::Several(reader) if !references.is_empty() => reader,
            _ => return Err(self.nothing_to_follow()),
        };
        let log = app.log(on_rotate.log_format);
        let source = app.followed_references(reader, &references, on_rotate.freshness)?;
        let (credentials, values) = self.open(app, &references)?;
        source.ask_for_passwords()?;
        let mut directory = match wanted.has_files() {
            true => Some(app.program_dir_in_memory()?),
            false => None,
        };
        let values = values.into_iter().map(|it| it.value);
        let given = credentials.as_ref();
        let limits = self.limits(app, given);
        let assigned = wanted.clone().assigned(values, &limits)?;
        let variables = self.prepare(app, &assigned, given, &mut directory)?;
        let program = FollowedProgram {
            app,
            plan: self,
            path,
            wanted,
            limits,
            caller: self.variables_before(app, given),
            directory: directory.as_ref(),
            given: RefCell::new(ProgramInputs {
                arguments: self.program.arguments(&assigned),
                assigned,
                variables,
                has_files: true,
            }),
        };
        let words = app.arguments();
        let words = own_words(Self::NAME, Self::OPTIONS, &words);
        let request = given.and_then(|given| given.request(self, words, directory.as_ref()));
        app.log_offline_copies(&log);
        log_start(&*log);
        let end = program.supervise(on_rotate, request.as_ref(), &source, &log);
        // Nothing is removed, written or logged after the end by a signal.
        drop(directory);
        app.flush_offline_copies();
        drop(log);
        let exit_code = match end? {
            FollowedEnd::Program(end) => app.end_as(end),
            FollowedEnd::Stopped => ENDED_BY_CHANGE,
        };
        Ok(Outcome { exit_code, ..Outcome::default() })
    }
}

impl ExecPlan {
    fn nothing_to_follow(&self) -> Error {
        let reads_key = matches!(self.source, CredentialSource::Secret { process: Some(_), .. });
        nothing_to_follow(reads_key)
    }
}

impl FollowedProgram<'_> {
    /// Runs the program until it has ended for good.
    fn supervise(
        &self,
        on_rotate: &OnRotate,
        endpoint: Option<&EndpointRequest<'_>>,
        source: &FollowedReferences<'_>,
        log: &Arc<StderrLog>,
    ) -> Result<FollowedEnd, Error> {
        let (shared, log) = (Arc::clone(log) as Arc<dyn Log>, &**log);
        let OnRotate { action, timing, grace, .. } = on_rotate;
        let supervision = ProgramSupervision { endpoint, grace: *grace, log };
        let start = |endpoint: Option<&StartedEndpoint>| self.start(endpoint);
        let end = self.app.supervise_followed(supervision, &start, async |control| {
            let consumer = ProgramConsumer { program: self, action, control, log };
            if action.keeps_program() && self.wanted.has_values() {
                log.event(&VARIABLES_KEPT, &[]);
            }
            let entropy = self.app.entropy();
            let ports = FollowPorts { clock: self.app.clock(), entropy: &entropy, log };
            source.keep_current(&shared, follow(source, &consumer, *timing, ports)).await
        })?;
        if end == FollowedEnd::Stopped {
            log_end(&action.to_string(), &Ok(()), log);
        }
        Ok(end)
    }

    /// Starts the program with what it gets now, and returns its number.
    fn start(&self, endpoint: Option<&StartedEndpoint>) -> Result<i32, Error> {
        let given = self.given.borrow();
        let mut variables = given.variables.clone();
        if let Some(StartedEndpoint { url, token }) = endpoint {
            variables.set_endpoint(url, token);
        }
        // Without it, the watchdog of a service is for the program too.
        let own = std::process::id().to_string();
        if variables.get("WATCHDOG_PID").is_some_and(|pid| pid == own.as_str()) {
            variables.remove("WATCHDOG_PID");
        }
        self.app.start_program(self.path, &given.arguments, &variables.into_vec())
    }

    /// Returns why the program cannot be started with what it is to get.
    fn check_start(&self, inputs: &ProgramInputs) -> Result<(), Error> {
        let variables = inputs.variables.clone().into_vec();
        self.app.check_start(self.path, &inputs.arguments, &variables)
    }

    fn assigned(&self, values: &FollowedValues) -> Result<AssignedVariables, Error> {
        let values = values.values.iter().map(|it| it.resolved.value.clone());
        Ok(self.wanted.clone().assigned(values, &self.limits)?)
    }

    /// Returns what the program is to get in place of what it has.
    fn inputs(&self, assigned: AssignedVariables) -> Result<ProgramInputs, Error> {
        let given = self.given.borrow();
        let mut variables = given.variables.clone();
        let before = (&given.assigned, &self.caller);
        set_again(&assigned, before, &mut variables, self.directory)?;
        let arguments = self.plan.program.arguments(&assigned);
        Ok(ProgramInputs { assigned, arguments, variables, has_files: true })
    }

    /// Replaces the files, and keeps variables and arguments for the next start. If a file cannot be written,
    /// none is replaced. Returns the paths of the new ones.
    fn give(&self, inputs: ProgramInputs) -> Result<Vec<PathBuf>, Error> {
        let mut given = self.given.borrow_mut();
        let mut paths = Vec::new();
        if let Some(directory) = self.directory {
            let is_in_place = |file: &(EnvName, SecretBytes)| {
                let mut known = given.assigned.files.iter();
                let is_same = |(name, contents): &(EnvName, SecretBytes)| {
                    *name == file.0 && contents.expose() == file.1.expose()
                };
                given.has_files && known.any(is_same)
            };
            let files = inputs.assigned.files.iter().filter(|file| !is_in_place(file));
            let files: Vec<(&str, &[u8])> =
                files.map(|(name, contents)| (name.as_str(), contents.expose())).collect();
            paths.extend(files.iter().map(|(name, _)| directory.path_of(name)));
            let new = directory.write_beside(files.into_iter())?;
            given.has_files = false;
            new.put_in_place()?;
            for (name, _) in &given.assigned.files {
                if !inputs.assigned.files.iter().any(|(kept, _)| kept == name) {
                    directory.remove(name.as_str())?;
                }
            }
        }
        *given = inputs;
        Ok(paths)
    }

    /// Returns the variables of a command that is run beside the program: those of the caller, and the paths of
    /// files.
    fn variables_of_command(&self) -> Vec<(OsString, OsString)> {
        let mut caller = self.app.variables();
        caller.retain(|(name, _)| !is_withheld(name));
        let mut variables = ProgramVariables::of_caller(caller);
        let given = self.given.borrow();
        for (name, _) in &given.assigned.files {
            if let Some(path) = given.variables.get(name.as_str()) {
                variables.set(name.as_str(), path);
            }
        }
        variables.into_vec()
    }
}

impl ProgramConsumer<'_> {
    fn failed(&self, event: &'static LogEvent, error: &Error) {
        let (reason, hint) = error.log_fields();
        let fields: [Field<'_>; 2] = [("reason", &reason), ("hint", &hint)];
        self.log.event(event, &fields);
    }

    async fn perform(&self) -> Result<(), Error> {
        let program = self.program;
        match self.action {
            ProgramAction::Restart => self.control.restart().await,
            ProgramAction::Signal(signal) => self.control.signal(*signal).await,
            ProgramAction::Command(command) => {
                let variables = program.variables_of_command();
                self.control.run(command, variables).await?.map_err(ActionError::Command)?;
            }
            ProgramAction::Exit => match self.control.stop().await {},
        }
        Ok(())
    }
}

/// Logs that `exec` runs and follows.
fn log_start(log: &dyn Log) {
    let version = env!("CARGO_PKG_VERSION");
    log.event(&STARTED, &[("command", &"exec"), ("version", &version)]);
}

impl Consumer for ProgramConsumer<'_> {
    type Change = ProgramInputs;

    fn change(&self, values: &FollowedValues) -> Result<Option<ProgramInputs>, Error> {
        let program = self.program;
        let assigned = program.assigned(values)?;
        let is_same = {
            let given = program.given.borrow();
            given.has_files && assigned.is_same(&given.assigned)
        };
        if is_same {
            return Ok(None);
        }
        let inputs = program.inputs(assigned)?;
        if !self.action.keeps_program() {
            program.check_start(&inputs)?;
        }
        Ok(Some(inputs))
    }

    async fn act(&self, inputs: ProgramInputs, retry_in: Duration) {
        let program = self.program;
        if !self.action.keeps_program()
            && let Err(error) = program.app.check_program(program.path)
        {
            return self.failed(&PROGRAM_UNAVAILABLE, &error);
        }
        match program.give(inputs) {
            Ok(files) if files.is_empty() => {}
            Ok(files) => {
                let files = files.iter().map(|path| path_name(path, true).to_string());
                let files = files.collect::<Vec<_>>().join(" ");
                self.log.event(&FILES_WRITTEN, &[("files", &files)]);
            }
            Err(error) => return log_write_failed(&error, retry_in, self.log),
        }
        act_logged(&self.action.to_string(), self.log, self.perform()).await;
    }
}
