//! A program that is told, or started again, when what it gets has changed.

use std::cell::RefCell;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::pin::pin;

use futures_util::future::{Either, LocalBoxFuture, select};

use crate::app::App;
use crate::app::actions::log_end;
use crate::app::credentials_endpoint::{FollowedEnd, ProgramControl, ProgramDir, StartedEndpoint};
use crate::command::Command as _;
use crate::command::exec::environment::ProgramVariables;
use crate::command::exec::values::set_again;
use crate::command::exec::{ExecPlan, ExecRoles};
use crate::follow::follower::{Consumer, FollowPorts, follow};
use crate::follow::program_action::ProgramAction;
use crate::follow::source::FollowedValues;
use crate::options::command_line::own_words;
use crate::options::on_rotate::OnRotate;
use crate::output::Outcome;
use crate::output::error::Error;
use crate::output::follow::ActionError;
use crate::output::log::events::{
    ACTION_STARTED, FILES_WRITE_FAILED, FILES_WRITTEN, VARIABLES_KEPT,
};
use crate::output::log::{Field, Log};
use crate::output::program::ProgramError;
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
        let ExecRoles::Several(reader) = &self.roles else {
            return Err(ProgramError::NothingToFollow.into());
        };
        if references.is_empty() {
            return Err(ProgramError::NothingToFollow.into());
        }
        let source = app.followed_references(reader, &references, on_rotate.freshness)?;
        let (credentials, values) = self.open(app, &references)?;
        source.ask_for_passwords()?;
        let limits = self.limits(app, credentials.as_ref());
        let values = values.into_iter().map(|it| it.value);
        let assigned = wanted.clone().assigned(values, &limits)?;
        let mut directory = match wanted.has_files() {
            true => Some(app.program_dir_in_memory()?),
            false => None,
        };
        let variables = self.prepare(app, &assigned, credentials.as_ref(), &mut directory)?;
        let arguments = self.program.arguments(&assigned);
        let program = FollowedProgram {
            app,
            plan: self,
            wanted,
            limits,
            caller: self.variables_before(app, credentials.as_ref()),
            directory: directory.as_ref(),
            given: RefCell::new(ProgramInputs { assigned, arguments, variables, has_files: true }),
        };
        let words = app.arguments();
        let words = own_words(Self::NAME, Self::OPTIONS, &words);
        let request = credentials.as_ref();
        let request = request.and_then(|given| given.request(self, words, directory.as_ref()));
        let start = |endpoint: Option<&StartedEndpoint>| program.start(path, endpoint);
        let grace = on_rotate.grace;
        let end = app.supervise_followed(request.as_ref(), grace, &start, async |control, log| {
            let consumer =
                ProgramConsumer { program: &program, action: &on_rotate.action, control, log };
            if on_rotate.action.keeps_program() && program.wanted.has_values() {
                log.event(&VARIABLES_KEPT, &[]);
            }
            let entropy = app.entropy();
            let ports = FollowPorts { clock: app.clock(), entropy: &entropy, log };
            let following = pin!(follow(&source, &consumer, on_rotate.timing, ports));
            match select(following, pin!(source.run())).await {
                Either::Left((never, _)) | Either::Right((never, _)) => never,
            }
        });
        // Nothing is removed or written after the end by a signal.
        drop(directory);
        app.flush_offline_copies();
        let exit_code = match end? {
            FollowedEnd::Program(end) => app.end_as(end),
            FollowedEnd::Stopped => ENDED_BY_CHANGE,
        };
        Ok(Outcome { exit_code, ..Outcome::default() })
    }
}

impl FollowedProgram<'_> {
    /// Starts the program with what it gets now, and returns its number.
    fn start(&self, path: &Path, endpoint: Option<&StartedEndpoint>) -> Result<i32, Error> {
        let given = self.given.borrow();
        let mut variables = given.variables.clone();
        if let Some(StartedEndpoint { url, token }) = endpoint {
            variables.set_endpoint(url, token);
        }
        self.app.start_program(path, &given.arguments, &variables.into_vec())
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
        let mut variables = ProgramVariables::of_caller(self.app.variables());
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

impl Consumer for ProgramConsumer<'_> {
    fn differs(&self, values: &FollowedValues) -> Result<bool, Error> {
        let assigned = self.program.assigned(values)?;
        let given = self.program.given.borrow();
        Ok(!given.has_files || !assigned.is_same(&given.assigned))
    }

    fn act<'a>(&'a self, values: &'a FollowedValues) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            let program = self.program;
            let inputs = program.assigned(values).and_then(|assigned| program.inputs(assigned));
            match inputs.and_then(|inputs| program.give(inputs)) {
                Ok(files) if files.is_empty() => {}
                Ok(files) => {
                    let files = files.iter().map(|path| path_name(path, true).to_string());
                    let files = files.collect::<Vec<_>>().join(" ");
                    self.log.event(&FILES_WRITTEN, &[("files", &files)]);
                }
                Err(error) => {
                    let (reason, hint) = error.log_fields();
                    let fields: [Field<'_>; 2] = [("reason", &reason), ("hint", &hint)];
                    return self.log.event(&FILES_WRITE_FAILED, &fields);
                }
            }
            let name = self.action.to_string();
            self.log.event(&ACTION_STARTED, &[("action", &name)]);
            let performed = self.perform().await;
            log_end(&name, &performed, self.log);
        })
    }
}
