//! `credential-process`: prints one set of credentials and exits.

pub mod document;

use crate::app::App;
use crate::app::session::SessionClient;
use crate::command::{Command, Plan};
use crate::options::arguments::OptionGroups;
use crate::options::cache::cache;
use crate::options::command_line::Word;
use crate::options::session::SessionOptions;
use crate::options::session_plan::SessionPlan;
use crate::options::settings::Settings;
use crate::options::table;
use crate::output::error::Error;
use crate::output::usage::UsageError;
use roles_anywhere_client::secret::SecretBytes;

/// The plan of `credential-process`.
#[derive(Clone, Debug)]
pub struct CredentialProcess {
    /// The session.
    pub session: SessionPlan,
}

impl Command for CredentialProcess {
    const NAME: &'static [Word] = &[(
        "credential-process",
        "Print temporary credentials for AWS SDKs and the AWS CLI, and exit",
    )];
    const AFTER_HELP: &'static str = "\
Example, in ~/.aws/config:
  [profile plant]
  credential_process = roles-anywhere credential-process --certificate /etc/pki/host.pem --private-key /etc/pki/host.key --trust-anchor-arn arn:… --profile-arn arn:… --role-arn arn:…";
    const OPTIONS: &'static OptionGroups = &[
        table::identity::IDENTITY,
        table::identity::NOT_YET,
        table::session::SESSION,
        table::transport::TRANSPORT,
        table::cache::CACHE,
    ];

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let session = SessionOptions::of_own_region(settings)?;
        let cache = cache(settings)?;
        Ok(Self { session: SessionPlan::new(settings, session, None, cache)? })
    }
}

impl Plan for CredentialProcess {
    /// Returns the document to print.
    ///
    /// Nothing is printed on failure: AWS SDKs parse whatever reaches standard output.
    fn run(&self, app: &App) -> Result<SecretBytes, Error> {
        let client = SessionClient::open(app, &self.session);
        let sessions = client.sessions();
        // Before TLS and a runtime are built, which a cached session does not need.
        let session = match sessions.ready(app.clock(), client.trace()) {
            Some(session) => session,
            None => {
                client
                    .block_on(async |ports, deadline| sessions.session(ports, deadline).await)?
                    .session
            }
        };
        Ok(document::to_json(&session.credentials))
    }
}
