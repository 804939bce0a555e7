//! `credential-process`: print one set of credentials and exit.

use crate::cache::sessions::Sessions;
use crate::call::Deadline;
use crate::credentials::process;
use crate::error::Error;
use crate::secret::SecretBytes;
use crate::time::Clock;
use crate::world::{Trace, World};

/// Returns the document of a kept session, where nothing else is to be done.
pub fn ready(sessions: &Sessions<'_>, clock: &dyn Clock, trace: &dyn Trace) -> Option<SecretBytes> {
    let session = sessions.ready(clock, trace)?;
    Some(process::to_json(&session.credentials))
}

/// Returns the document to print.
///
/// Nothing is printed on failure: AWS SDKs parse whatever reaches standard output.
pub async fn run(
    sessions: &Sessions<'_>,
    deadline: Deadline,
    world: &World<'_>,
) -> Result<SecretBytes, Error> {
    let vended = sessions.session(world, deadline).await?;
    Ok(process::to_json(&vended.session.credentials))
}
