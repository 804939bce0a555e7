//! `exec`: runs a program with credentials and no others, or with secrets and parameters.

pub mod aws_files;
mod child;
mod credentials;
pub mod environment;
mod following;
mod plan;
mod process_line;
mod roles;
mod served;
mod values;

use std::ffi::OsString;
use std::path::PathBuf;

use crate::app::App;
use crate::app::credentials_endpoint::ProgramDir;
use crate::command::{Command, Plan};
use crate::options::arguments::OptionGroups;
use crate::options::command_line::{Word, own_words};
use crate::options::on_rotate::OnRotate;
use crate::options::roles::RoleUse;
use crate::options::session_plan::SessionPlan;
use crate::options::settings::Settings;
use crate::options::table::{self, OptionSpec};
use crate::output::Outcome;
use crate::output::error::Error;
use crate::output::log::LogFormat;
use crate::output::program::{ProgramError, role_meant};
use crate::output::usage::UsageError;
use crate::secrets::masking::ShortValues;
use crate::secrets::variables::{AssignedVariables, VariableLimits};
use aws_files::AwsFiles;
use child::ChildCommand;
pub use credentials::CredentialSource;
use credentials::ProgramCredentials;
use environment::{ProgramVariables, os_string};
pub use roles::ExecRoles;
pub use values::ProgramValues;

/// The plan of `exec`.
#[derive(Clone, Debug)]
pub struct ExecPlan {
    /// The roles that are used.
    pub roles: ExecRoles,
    /// The name of the role: that of the configuration file, else that of the ARN; `None` if a running `serve`
    /// reads all.
    pub role: Option<String>,
    /// The program.
    pub program: ProgramCommand,
    /// Which credentials the program gets, and how.
    pub source: CredentialSource,
    /// Whether it gets credentials even if it is given secrets or parameters.
    pub passes_credentials: bool,
    /// Why it cannot get the key of the secret; `None` if it can.
    pub key_refusal: Option<UsageError>,
    /// Its variables and files.
    pub values: ProgramValues,
    /// The AWS files of the user that the program must not read; `None` if it may.
    pub aws_files: Option<AwsFiles>,
    /// Whether what it writes is masked, and which values are; `None` if it is not.
    pub masking: Option<ShortValues>,
    /// What is done when what it gets has changed; `None` for nothing.
    pub on_rotate: Option<OnRotate>,
}

/// A program and its arguments, which may be any bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProgramCommand {
    /// Its name or path, as it was typed.
    pub name: OsString,
    /// The arguments after the name.
    pub arguments: Vec<OsString>,
    /// The role of the configuration file that has this name, if there is one.
    pub role_of_name: Option<String>,
}

impl Command for ExecPlan {
    const NAME: &'static [Word] = &[("exec", "Run a program with credentials or secrets")];
    const DETAILS: &'static str = "\
Runs a program with the credentials of a session, renews them while it runs, and hides all others from it. Options after the program belong to the program.

With `--env`, `--env-file`, `--from`, `--file` and others, the program gets secrets of AWS Secrets Manager and parameters of the AWS Systems Manager Parameter Store, which references such as sm://NAME#KEY, ssm:///NAME and {{resolve:ssm:NAME}} name. It gets no AWS credentials then, and keeps the caller's, unless `--credentials` or `--static` is passed.

With credentials, variables with others are removed, and the AWS files of the user are replaced. ROLES_ANYWHERE_EXEC is set to the name of the role. The exit code is that of the program.

With `--from-secret`, the program gets the access key that a secret holds: by a configuration file of AWS with a `credential_process`, which reads it again after `--refresh-after`, or in variables with `--static`.";
    const EXAMPLES: &'static str = "\
roles-anywhere exec --role backup -- aws s3 sync /srv s3://backup-bucket
roles-anywhere exec --role backup
roles-anywhere exec --env 'DB_PASSWORD=sm://prod/db#password' -- ./web
roles-anywhere exec --from sm://prod/db --prefix DB_ -- ./web
roles-anywhere exec --role backup --static -- ./backup.sh";
    const DOCS: &'static [&'static str] = &["exec.md", "access-keys.md", "cache.md", "errors.md"];
    const OPTIONS: &'static OptionGroups = &[
        table::program::PROGRAM,
        table::access_key::OF_PROGRAM,
        table::program_variables::SOURCES,
        table::program_variables::OF_EXEC,
        table::on_rotate::OF_PROGRAM,
        table::follow::TIMING,
        table::follow::FRESHNESS,
        table::served::SERVED,
        table::session_groups::ONE_SESSION,
    ];
    const REQUIRED: &'static [&'static OptionSpec] = table::session::REQUIRED;
    const ROLES: RoleUse = RoleUse::OneUnlessGiven { option: &table::served::SECRETS_URL };

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        plan::plan(settings)
    }
}

impl Plan for ExecPlan {
    /// Becomes the program, and so returns an error only; unless it has to supervise the program.
    fn run(&self, app: &App) -> Result<Outcome, Error> {
        app.end_by_signals();
        // What is wrong with the command line costs no session.
        let path = self.find_program(app)?;
        let wanted = self.values.read(app, &self.program.arguments)?;
        if let Some(on_rotate) = &self.on_rotate {
            return self.run_followed(app, on_rotate, &path, wanted);
        }
        let references = wanted.references();
        let (credentials, values) = self.open(app, &references)?;
        let masks = self.masks(&references, &values, credentials.as_ref());
        let limits = self.limits(app, credentials.as_ref());
        let assigned = wanted.assigned(values.into_iter().map(|it| it.value), &limits)?;

        // Removed if the program is not run.
        let mut directory = None;
        if !assigned.files.is_empty() {
            directory = Some(app.program_dir_in_memory()?);
        }
        let variables = self.prepare(app, &assigned, credentials.as_ref(), &mut directory)?;
        let arguments = self.program.arguments(&assigned);
        let words = app.arguments();
        let words = own_words(Self::NAME, Self::OPTIONS, &words);
        let request = credentials.as_ref();
        let request = request.and_then(|given| given.request(self, words, directory.as_ref()));
        let kept = directory.as_ref().filter(|_| !assigned.files.is_empty());
        let child = ChildCommand { path: &path, arguments: &arguments, variables };
        if let Some(masks) = masks {
            let end = child.run_masked(app, request.as_ref(), masks)?;
            // Nothing is removed after the end by a signal.
            drop(directory);
            return Ok(Outcome { exit_code: app.end_as(end), ..Outcome::default() });
        }
        if app.must_supervise() && (request.is_some() || kept.is_some()) {
            return child.run(app, request.as_ref());
        }
        let ChildCommand { mut variables, .. } = child;
        match (request, kept) {
            (Some(request), _) => {
                let endpoint = app.start_credentials_endpoint(&request)?;
                variables.set_endpoint(&endpoint.url, &endpoint.token);
            }
            (None, Some(directory)) => app.keep_directory(directory)?,
            (None, None) => {}
        }
        match app.become_program(&path, arguments, variables.into_vec())? {}
    }

    fn session_plan(&self) -> Option<&SessionPlan> {
        self.roles.session()
    }

    fn is_daemon(&self) -> bool {
        self.on_rotate.is_some()
    }

    fn log_format(&self) -> LogFormat {
        self.on_rotate.as_ref().map_or(LogFormat::Terminal, |on_rotate| on_rotate.log_format)
    }
}

impl ExecPlan {
    /// Returns what the variables of the program may be.
    fn limits(&self, app: &App, credentials: Option<&ProgramCredentials<'_>>) -> VariableLimits {
        let reserved = credentials.map_or_else(Vec::new, |_| self.reserved_variables());
        VariableLimits { length: app.longest_variable(), reserved, starts_program: true }
    }

    /// Returns the variables that the program gets before any is set: those of the caller.
    fn variables_before(
        &self,
        app: &App,
        credentials: Option<&ProgramCredentials<'_>>,
    ) -> ProgramVariables {
        match credentials {
            Some(_) => ProgramVariables::without_credentials(app.variables()),
            None => ProgramVariables::of_caller(app.variables()),
        }
    }

    /// Returns the variables of the program, and writes its files to its directory, which is made if it needs
    /// one for credentials.
    fn prepare(
        &self,
        app: &App,
        assigned: &AssignedVariables,
        credentials: Option<&ProgramCredentials<'_>>,
        directory: &mut Option<ProgramDir>,
    ) -> Result<ProgramVariables, Error> {
        let mut variables = self.variables_before(app, credentials);
        values::assign(assigned, &mut variables, directory.as_ref())?;
        if let Some(role) = &self.role {
            variables.set_exec_role(role);
        }
        if let Some(given) = credentials {
            self.pass_credentials(app, given, &mut variables, directory)?;
        }
        // A new directory has removed those beside it. A run that starts no process leaves this to others: it
        // is to be fast.
        if directory.is_none() && self.source == CredentialSource::Endpoint {
            app.remove_program_dirs();
        }
        Ok(variables)
    }

    /// Returns the path of the program. Nothing after `--` is not a shell: a variable in a script is empty.
    fn find_program(&self, app: &App) -> Result<PathBuf, Error> {
        let words = app.arguments();
        if own_words(Self::NAME, Self::OPTIONS, &words).len() + 1 == words.len()
            && words.last().is_some_and(|last| last == "--")
        {
            return Err(ProgramError::Missing.into());
        }
        app.find_program(&self.program.name).map_err(|error| match &self.program.role_of_name {
            Some(role) => role_meant(error, role),
            None => error,
        })
    }
}

impl ProgramCommand {
    /// Returns the arguments as the program gets them, its name first.
    fn arguments(&self, assigned: &AssignedVariables) -> Vec<OsString> {
        let mut arguments: Vec<OsString> =
            [&self.name].into_iter().chain(&self.arguments).cloned().collect();
        for (index, value) in &assigned.arguments {
            arguments[index + 1] = os_string(value);
        }
        arguments
    }
}
