//! `exec`: runs a program with credentials and no others, or with secrets and parameters.

pub mod aws_files;
pub mod environment;
mod plan;
mod roles;
mod values;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::app::App;
use crate::app::credentials_endpoint::{EndpointRequest, ProgramDir, StartedEndpoint};
use crate::app::session::SessionClient;
use crate::command::{Command, Plan};
use crate::options::arguments::OptionGroups;
use crate::options::command_line::{Word, own_words};
use crate::options::roles::RoleUse;
use crate::options::session_plan::SessionPlan;
use crate::options::settings::Settings;
use crate::options::table::{self, OptionSpec};
use crate::output::Outcome;
use crate::output::error::Error;
use crate::output::program::{ProgramError, role_meant};
use crate::output::usage::UsageError;
use crate::secrets::reference::NamedReference;
use crate::secrets::value::Resolved;
use crate::secrets::variables::VariableLimits;
use aws_files::{AwsFiles, ProgramAwsFiles};
use environment::{ProgramVariables, os_string};
pub use roles::ExecRoles;
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::time::{Clock as _, Timestamp};
pub use values::ProgramValues;

/// The plan of `exec`.
#[derive(Clone, Debug)]
pub struct ExecPlan {
    /// The roles that are used.
    pub roles: ExecRoles,
    /// The name of the role: that of the configuration file, else that of the ARN.
    pub role: String,
    /// The program.
    pub program: ProgramCommand,
    /// How the program gets the credentials.
    pub source: CredentialSource,
    /// Whether it gets credentials even if it is given secrets or parameters.
    pub passes_credentials: bool,
    /// Its variables and files.
    pub values: ProgramValues,
    /// The AWS files of the user that the program must not read; `None` if it may.
    pub aws_files: Option<AwsFiles>,
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

/// How a program gets credentials.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CredentialSource {
    /// From an endpoint that renews them, and that only this program is given.
    Endpoint,
    /// From variables, which no one renews.
    Variables,
}

impl Command for ExecPlan {
    const NAME: &'static [Word] = &[("exec", "Run a program with credentials or secrets")];
    const DETAILS: &'static str = "\
Runs a program with the credentials of a session, renews them while it runs, and hides all others from it. Options after the program belong to the program.

With `--env`, `--env-file`, `--from`, `--file` and others, the program gets secrets of AWS Secrets Manager and parameters of the AWS Systems Manager Parameter Store, which references such as sm://NAME#KEY, ssm:///NAME and {{resolve:ssm:NAME}} name. It gets no AWS credentials then, and keeps the caller's, unless `--credentials` or `--static` is passed.

With credentials, variables with others are removed, and the AWS files of the user are replaced. ROLES_ANYWHERE_EXEC is set to the name of the role. The exit code is that of the program.";
    const EXAMPLES: &'static str = "\
roles-anywhere exec --role backup -- aws s3 sync /srv s3://backup-bucket
roles-anywhere exec --role backup
roles-anywhere exec --env 'DB_PASSWORD=sm://prod/db#password' -- ./web
roles-anywhere exec --from sm://prod/db --prefix DB_ -- ./web
roles-anywhere exec --role backup --static -- ./backup.sh";
    const DOCS: &'static [&'static str] = &["exec.md", "cache.md", "errors.md"];
    const OPTIONS: &'static OptionGroups = &[
        table::program::PROGRAM,
        table::program_variables::SOURCES,
        table::program_variables::OF_EXEC,
        table::session_groups::ONE_SESSION,
    ];
    const REQUIRED: &'static [&'static OptionSpec] = table::session::REQUIRED;
    const ROLES: RoleUse = RoleUse::One;

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
        let (credentials, values) = self.open(app, &wanted.references())?;
        let reserved = credentials.as_ref().map_or_else(Vec::new, |_| self.reserved_variables());
        let limits =
            VariableLimits { length: app.longest_variable(), reserved, starts_program: true };
        let assigned = wanted.assigned(values.into_iter().map(|it| it.value), &limits)?;

        // Removed if the program is not run.
        let mut directory = None;
        if !assigned.files.is_empty() {
            directory = Some(app.program_dir_in_memory()?);
        }
        let mut variables = match credentials {
            Some(_) => ProgramVariables::without_credentials(app.variables()),
            None => ProgramVariables::of_caller(app.variables()),
        };
        values::assign(&assigned, &mut variables, directory.as_ref())?;
        variables.set_exec_role(&self.role);
        if let Some(given) = &credentials {
            self.pass_credentials(app, given, &mut variables, &mut directory)?;
        }
        // A new directory has removed those beside it. A run that starts no process leaves this to others: it
        // is to be fast.
        if directory.is_none() && self.source == CredentialSource::Endpoint {
            app.remove_program_dirs();
        }
        let mut arguments = self.program.arguments();
        for (index, value) in &assigned.arguments {
            arguments[index + 1] = os_string(value);
        }
        let words = app.arguments();
        let with_endpoint =
            credentials.as_ref().filter(|_| self.source == CredentialSource::Endpoint);
        let request = with_endpoint.map(|ProgramCredentials { client, session, .. }| {
            let words = own_words(Self::NAME, Self::OPTIONS, &words);
            EndpointRequest { words, client, session, directory: directory.as_ref() }
        });
        let kept = directory.as_ref().filter(|_| !assigned.files.is_empty());
        if app.must_supervise() && (request.is_some() || kept.is_some()) {
            return supervise(app, request.as_ref(), &path, &arguments, variables);
        }
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
        Some(self.roles.session())
    }
}

/// The first session of a program, and the AWS files in place of the user's.
struct ProgramCredentials<'a> {
    client: SessionClient<'a>,
    session: Session,
    aws_files: Option<ProgramAwsFiles>,
}

impl ExecPlan {
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

    /// Returns the credentials of the program, if it gets any, and the values of its references.
    fn open<'a>(
        &'a self,
        app: &'a App,
        references: &[NamedReference],
    ) -> Result<(Option<ProgramCredentials<'a>>, Vec<Resolved>), Error> {
        let passes_credentials = self.passes_credentials || references.is_empty();
        let aws_files = self.aws_files.as_ref().filter(|_| passes_credentials);
        let aws_files = aws_files.map(|files| files.read(app)).transpose()?;
        let (session, values) = self.roles.open(app, references, passes_credentials)?;
        let credentials =
            session.map(|(client, session)| ProgramCredentials { client, session, aws_files });
        Ok((credentials, values))
    }

    /// Returns the variables that cannot be given beside credentials.
    fn reserved_variables(&self) -> Vec<&'static str> {
        let of_files = self.aws_files.iter().flat_map(|_| aws_files::VARIABLES);
        environment::CREDENTIALS.iter().chain(of_files).copied().collect()
    }

    /// Prepares a program for credentials and no others. The directory is made if it needs a file.
    fn pass_credentials(
        &self,
        app: &App,
        credentials: &ProgramCredentials<'_>,
        variables: &mut ProgramVariables,
        directory: &mut Option<ProgramDir>,
    ) -> Result<(), Error> {
        let ProgramCredentials { session, aws_files, .. } = credentials;
        variables.set_region(&self.roles.session().provider.session.region);
        if let Some(files) = aws_files {
            let mut copy = None;
            if let Some((name, text)) = files.copy() {
                let made = match directory {
                    Some(made) => made,
                    None => directory.insert(app.program_dir()?),
                };
                copy = Some(made.write(name, text.as_bytes())?);
            }
            files.set(variables, copy);
        }
        if self.source == CredentialSource::Variables {
            app.report(&expiry_note(session, app.clock().now()));
            variables.set_credentials(&session.credentials);
        }
        Ok(())
    }
}

/// Runs the program as a child of this process, which serves it, and removes its directory at the end.
fn supervise(
    app: &App,
    request: Option<&EndpointRequest<'_>>,
    path: &Path,
    arguments: &[OsString],
    mut variables: ProgramVariables,
) -> Result<Outcome, Error> {
    let exit_code = app.supervise(request, |endpoint| {
        if let Some(StartedEndpoint { url, token }) = endpoint {
            variables.set_endpoint(url, token);
        }
        app.start_program(path, arguments, &variables.into_vec())
    })?;
    Ok(Outcome { exit_code, ..Outcome::default() })
}

impl ProgramCommand {
    /// Returns the arguments as the program gets them, its name first.
    fn arguments(&self) -> Vec<OsString> {
        [&self.name].into_iter().chain(&self.arguments).cloned().collect()
    }
}

/// Returns the note about credentials that are not renewed.
fn expiry_note(session: &Session, now: Timestamp) -> String {
    let minutes = session.seconds_left(now) / 60;
    let expiration = session.credentials.expiration;
    format!("note: the credentials expire at {expiration}, in {minutes} min, and are not renewed")
}
