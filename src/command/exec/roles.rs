//! The roles of a program, and what is read with them before it runs.

use crate::app::App;
use crate::app::session::SessionClient;
use crate::options::reference_roles::ReferenceRoles;
use crate::options::session_plan::SessionPlan;
use crate::output::error::Error;
use crate::secrets::reference::NamedReference;
use crate::secrets::value::Resolved;
use roles_anywhere_client::credentials::Session;

/// The role of a program, and those that its references name.
#[derive(Clone, Debug)]
pub enum ExecRoles {
    /// That of the program: nothing can hold a reference.
    One(Box<SessionPlan>),
    /// That of the program, and any other of the configuration file.
    Several(Box<ReferenceRoles>),
}

/// A session, and what has made it.
pub(super) type OpenSession<'a> = (SessionClient<'a>, Session);

impl ExecRoles {
    /// Returns how the session of the program is made.
    pub fn session(&self) -> &SessionPlan {
        match self {
            Self::One(session) => session,
            Self::Several(roles) => &roles.own().session,
        }
    }

    /// Returns the values of references, and a session for the program if it gets one: the references of
    /// its role are read with the same.
    pub(super) fn open<'a>(
        &'a self,
        app: &'a App,
        references: &[NamedReference],
        passes_credentials: bool,
    ) -> Result<(Option<OpenSession<'a>>, Vec<Resolved>), Error> {
        match self {
            Self::Several(roles) if !references.is_empty() && !passes_credentials => {
                Ok((None, app.resolve_references(roles, references)?))
            }
            Self::Several(roles) if !references.is_empty() => {
                let resolved = app.resolve_with_session(roles, references)?;
                Ok((Some((resolved.client, resolved.session)), resolved.values))
            }
            _ => {
                let client = SessionClient::open(app, self.session());
                let session = client.session()?;
                Ok((Some((client, session)), Vec::new()))
            }
        }
    }
}
