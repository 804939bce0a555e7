//! The credentials of a program, and how it gets them.

use crate::app::App;
use crate::app::credentials_endpoint::{EndpointRequest, ProgramDir};
use crate::app::session::SessionClient;
use crate::command::exec::aws_files::{self, ProgramAwsFiles};
use crate::command::exec::environment::{self, ProgramVariables};
use crate::command::exec::{ExecPlan, process_line};
use crate::options::process_command::ProcessCommand;
use crate::output::error::Error;
use crate::output::program::{ConfigurationFile, not_written};
use crate::output::run::RunError;
use crate::secrets::access_key::{AccessKeySecret, SecretAccessKey};
use crate::secrets::masking::MasksRequest;
use crate::secrets::reference::NamedReference;
use crate::secrets::value::Resolved;
use roles_anywhere_client::credentials::{AccessKey, Session};
use roles_anywhere_client::region::Region;
use roles_anywhere_client::time::{Clock as _, Timestamp};

/// Which credentials a program gets, and how.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CredentialSource {
    /// Those of the session, from an endpoint that renews them, and that only this program is given.
    Endpoint,
    /// Those of the session, from variables, which no one renews.
    Variables,
    /// The access key of a secret.
    Secret {
        /// The secret.
        secret: Box<AccessKeySecret>,
        /// What an SDK runs to read the key again; `None` for variables.
        process: Option<ProcessCommand>,
    },
}

/// The first credentials of a program, and the AWS files in place of the user's.
pub(super) struct ProgramCredentials<'a> {
    given: GivenCredentials<'a>,
    aws_files: Option<ProgramAwsFiles>,
}

enum GivenCredentials<'a> {
    Session(SessionClient<'a>, Session),
    /// The key of a secret. A program that reads it by itself gets nothing of it.
    Key(SecretAccessKey),
}

impl<'a> ProgramCredentials<'a> {
    /// Returns what the endpoint of the program serves, if it has one.
    pub(super) fn request<'b>(
        &'b self,
        plan: &ExecPlan,
        words: &'b [String],
        directory: Option<&'b ProgramDir>,
    ) -> Option<EndpointRequest<'b>>
    where
        'a: 'b,
    {
        match &self.given {
            GivenCredentials::Session(client, session)
                if plan.source == CredentialSource::Endpoint =>
            {
                Some(EndpointRequest { words, client, session, directory })
            }
            _ => None,
        }
    }
}

impl ProgramCredentials<'_> {
    /// Adds what is secret in them.
    fn add_to(&self, masks: &mut MasksRequest) {
        let (secret, token) = match &self.given {
            GivenCredentials::Session(_, Session { credentials, .. }) => {
                (&credentials.secret_access_key, Some(&credentials.session_token))
            }
            GivenCredentials::Key(SecretAccessKey { key, .. }) => {
                (&key.secret, key.session_token.as_ref())
            }
        };
        masks.add("AWS_SECRET_ACCESS_KEY".to_owned(), secret);
        token.iter().for_each(|token| masks.add("AWS_SESSION_TOKEN".to_owned(), token));
    }
}

impl ExecPlan {
    /// Returns what is masked in what the program writes, if something is.
    pub(super) fn masks(
        &self,
        references: &[NamedReference],
        values: &[Resolved],
        credentials: Option<&ProgramCredentials<'_>>,
    ) -> Option<MasksRequest> {
        let mut masks = MasksRequest { values: Vec::new(), short: self.masking? };
        masks.add_references(references, values);
        credentials.iter().for_each(|given| given.add_to(&mut masks));
        Some(masks)
    }

    /// Returns the credentials of the program, if it gets any, and the values of its references.
    pub(super) fn open<'a>(
        &'a self,
        app: &'a App,
        references: &[NamedReference],
    ) -> Result<(Option<ProgramCredentials<'a>>, Vec<Resolved>), Error> {
        let has_session = self.roles.session().is_some();
        let passes_credentials = has_session && (self.passes_credentials || references.is_empty());
        if !passes_credentials {
            return Ok((None, self.roles.open(app, references, false)?.1));
        }
        if let Some(refusal) = &self.key_refusal {
            return Err(refusal.clone().into());
        }
        let aws_files = self.aws_files.as_ref().map(|files| files.read(app)).transpose()?;
        let (given, values) = match &self.source {
            CredentialSource::Secret { secret, .. } => {
                let values = match references {
                    [] => Vec::new(),
                    _ => self.roles.open(app, references, false)?.1,
                };
                // A key that the program reads by itself is read here too, so that an error comes before it
                // runs.
                let none = RunError::Internal { what: "the program has no role" };
                let key = app.access_key(self.roles.session().ok_or(none)?, secret)?;
                (Some(GivenCredentials::Key(key)), values)
            }
            CredentialSource::Endpoint | CredentialSource::Variables => {
                let (session, values) = self.roles.open(app, references, true)?;
                let given =
                    session.map(|(client, session)| GivenCredentials::Session(client, session));
                (given, values)
            }
        };
        Ok((given.map(|given| ProgramCredentials { given, aws_files }), values))
    }

    /// Returns the variables that cannot be given beside credentials.
    pub(super) fn reserved_variables(&self) -> Vec<&'static str> {
        let of_files = self.aws_files.iter().flat_map(|_| aws_files::VARIABLES);
        environment::CREDENTIALS.iter().chain(of_files).copied().collect()
    }

    /// Prepares a program for credentials and no others. The directory is made if it needs a file.
    pub(super) fn pass_credentials(
        &self,
        app: &App,
        credentials: &ProgramCredentials<'_>,
        variables: &mut ProgramVariables,
        directory: &mut Option<ProgramDir>,
    ) -> Result<(), Error> {
        if let Some(region) = self.region() {
            variables.set_region(region);
        }
        self.pass_aws_files(app, credentials.aws_files.as_ref(), variables, directory)?;
        match (&credentials.given, &self.source) {
            (GivenCredentials::Session(_, session), CredentialSource::Variables) => {
                app.report(&expiry_note(session, app.clock().now()));
                let key = AccessKey::from(&session.credentials);
                variables.set_access_key(&key, Some(session.credentials.expiration));
            }
            (GivenCredentials::Key(key), CredentialSource::Secret { secret, process: None }) => {
                app.report(&rotation_note(secret));
                variables.set_access_key(&key.key, key.expiration);
            }
            _ => {}
        }
        Ok(())
    }

    /// Gives the program AWS files in place of the user's.
    fn pass_aws_files(
        &self,
        app: &App,
        files: Option<&ProgramAwsFiles>,
        variables: &mut ProgramVariables,
        directory: &mut Option<ProgramDir>,
    ) -> Result<(), Error> {
        let Some(files) = files else { return Ok(()) };
        let mut files = files.clone();
        if let CredentialSource::Secret { process: Some(command), .. } = &self.source {
            files = files.with_credential_process(&process_line::of(command, app)?);
        }
        let file = match self.source {
            CredentialSource::Secret { process: Some(_), .. } => ConfigurationFile::OfSecret,
            _ => ConfigurationFile::Copy,
        };
        let mut copy = None;
        if let Some((name, text)) = files.copy() {
            let made = match directory {
                Some(made) => made,
                None => {
                    directory.insert(app.program_dir().map_err(|error| not_written(error, file))?)
                }
            };
            copy = Some(made.write(name, text.as_bytes())?);
        }
        files.set(variables, copy);
        Ok(())
    }

    /// Returns the Region that a program without one gets.
    fn region(&self) -> Option<&Region> {
        match &self.source {
            CredentialSource::Secret { secret, .. } => Some(&secret.at.region),
            _ => Some(&self.roles.session()?.provider.session.region),
        }
    }
}

/// Returns the note about credentials that are not renewed.
fn expiry_note(session: &Session, now: Timestamp) -> String {
    let minutes = session.seconds_left(now) / 60;
    let expiration = session.credentials.expiration;
    format!("note: the credentials expire at {expiration}, in {minutes} min, and are not renewed")
}

/// Returns the note about the key of a secret that is not read again.
fn rotation_note(secret: &AccessKeySecret) -> String {
    let secret = secret.id.shown();
    format!(
        "note: the access key of `{secret}` is not read again: after a rotation it is another one"
    )
}
