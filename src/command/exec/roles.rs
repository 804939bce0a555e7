//! The roles of a program, and what is read with them before it runs.

use crate::app::App;
use crate::app::session::SessionClient;
use crate::options::reference_reader::ReferenceReader;
use crate::options::session_plan::SessionPlan;
use crate::output::error::Error;
use crate::secrets::reference::NamedReference;
use crate::secrets::value::Resolved;
use roles_anywhere_client::credentials::Session;

/// The role of a program, and how its references are read.
#[derive(Clone, Debug)]
pub enum ExecRoles {
    /// That of the program: nothing can hold a reference.
    One(Box<SessionPlan>),
    /// That of the program, and any other of the configuration file.
    Several(Box<ReferenceReader>),
}

/// A session, and what has made it.
pub(super) type OpenSession<'a> = (SessionClient<'a>, Session);

impl ExecRoles {
    /// Returns how the session of the program is made; `None` if there is none, as a running `serve` reads all.
    pub fn session(&self) -> Option<&SessionPlan> {
        match self {
            Self::One(session) => Some(session),
            Self::Several(reader) => Some(&reader.roles()?.own().session),
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
        let reader = match self {
            Self::One(session) => return own_session(app, session),
            Self::Several(reader) => &**reader,
        };
        match (reader, references) {
            (reader, [_, ..]) if !passes_credentials => {
                Ok((None, app.read_references(reader, references)?))
            }
            (ReferenceReader::Roles(roles), [_, ..]) => {
                let resolved = app.resolve_with_session(roles, references)?;
                Ok((Some((resolved.client, resolved.session)), resolved.values))
            }
            (ReferenceReader::Roles(roles), []) => own_session(app, &roles.own().session),
            (ReferenceReader::Serve(_), _) => Ok((None, Vec::new())),
        }
    }
}

fn own_session<'a>(
    app: &'a App,
    plan: &'a SessionPlan,
) -> Result<(Option<OpenSession<'a>>, Vec<Resolved>), Error> {
    let client = SessionClient::open(app, plan);
    let session = client.session()?;
    Ok((Some((client, session)), Vec::new()))
}
