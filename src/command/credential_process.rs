//! `credential-process`: prints one set of credentials and exits.

pub mod document;

use crate::output::error::Error;
use crate::session_cache::SessionCache;
use roles_anywhere_client::ports::{Trace, World};
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::time::{Clock, Deadline};

/// Returns the document of a cached session, if one can be used without a refresh.
pub fn ready(
    sessions: &SessionCache<'_>,
    clock: &dyn Clock,
    trace: &dyn Trace,
) -> Option<SecretBytes> {
    let session = sessions.ready(clock, trace)?;
    Some(document::to_json(&session.credentials))
}

/// Returns the document to print.
///
/// Nothing is printed on failure: AWS SDKs parse whatever reaches standard output.
pub async fn run(
    sessions: &SessionCache<'_>,
    deadline: Deadline,
    world: &World<'_>,
) -> Result<SecretBytes, Error> {
    let vended = sessions.session(world, deadline).await?;
    Ok(document::to_json(&vended.session.credentials))
}
