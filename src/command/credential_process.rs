//! `credential-process`: prints one set of credentials and exits.

pub mod document;

use crate::app::App;
use crate::app::session::{SessionClient, SessionPlan};
use crate::command::Plan;
use crate::output::error::Error;
use roles_anywhere_client::secret::SecretBytes;

/// The plan of `credential-process`.
#[derive(Clone, Debug)]
pub struct CredentialProcess {
    /// The session.
    pub session: SessionPlan,
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
