//! A program that is told, or started again, when what it gets has changed.

use std::cell::RefCell;
use std::ffi::OsString;
use std::path::Path;
use std::pin::pin;

use futures_util::future::{Either, LocalBoxFuture, select};

use crate::app::App;
use crate::app::actions::log_end;
use crate::app::credentials_endpoint::{FollowedEnd, ProgramControl, ProgramDir, StartedEndpoint};
use crate::command::Command as _;
use crate::command::exec::environment::ProgramVariables;
use crate::command::exec::values::assign_again;
use crate::command::exec::{ExecPlan, ExecRoles};
use crate::follow::follower::{Consumer, FollowPorts, follow};
use crate::follow::program_action::ProgramAction;
use crate::follow::source::FollowedValues;
use crate::options::command_line::own_words;
use crate::options::on_rotate::OnRotate;
use crate::output::Outcome;
use crate::output::error::Error;
use crate::output::follow::ActionError;
use crate::output::log::Log;
use crate::output::log::events::{ACTION_STARTED, VARIABLES_KEPT};
use crate::output::program::ProgramError;
use crate::secrets::variables::{AssignedVariables, VariableLimits, WantedVariables};

/// The exit code of a program that was ended by `--on-rotate exit`: `EX_TEMPFAIL` of sysexits.h, by which the
/// caller starts it again.
const ENDED_BY_CHANGE: u8 = 75;

/// What a program gets now.
struct ProgramInputs {
    assigned: AssignedVariables,
    arguments: Vec<OsString>,
    variables: ProgramVariables,
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
        let ExecRoles::Several(roles) = &self.roles else {
            return Err(ProgramError::NothingToFollow.into());
        };
        if references.is_empty() {
            return Err(ProgramError::NothingToFollow.into());
        }
        let source = app.followed_references(roles, &references, on_rotate.freshness)?;
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
            given: RefCell::new(ProgramInputs { assigned, arguments, variables }),
        };
        let words = app.arguments();
        let words = own_words(Self::NAME, Self::OPTIONS, &words);
        let request = credentials.as_ref();
        let request = request.and_then(|given| given.request(self, words, directory.as_ref()));
        let start = |endpoint: Option<&StartedEndpoint>| program.start(path, endpoint);
        let grace = on_rotate.grace;
        let end =
            app.supervise_followed(request.as_ref(), grace, &start, async |control, log| {
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
            })?;
        // Nothing is removed after the end by a signal.
        drop(directory);
        let exit_code = match end {
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

    /// Replaces the files, and keeps variables and arguments for the next start.
    fn give(&self, assigned: AssignedVariables) -> Result<(), Error> {
        let mut given = self.given.borrow_mut();
        let mut variables = given.variables.clone();
        let before = (&given.assigned, &self.caller);
        assign_again(&assigned, before, &mut variables, self.directory)?;
        let arguments = self.plan.program.arguments(&assigned);
        *given = ProgramInputs { assigned, arguments, variables };
        Ok(())
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
    async fn perform(&self, values: &FollowedValues) -> Result<(), Error> {
        let program = self.program;
        // A program that cannot be given the new values goes on.
        program.give(program.assigned(values)?)?;
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
        Ok(!assigned.is_same(&self.program.given.borrow().assigned))
    }

    fn act<'a>(&'a self, values: &'a FollowedValues) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            let name = self.action.to_string();
            self.log.event(&ACTION_STARTED, &[("action", &name)]);
            let performed = self.perform(values).await;
            log_end(&name, &performed, self.log);
        })
    }
}
