//! `credential-process`: print one set of credentials and exit.

use crate::call::Deadline;
use crate::credentials::process;
use crate::error::Error;
use crate::provider::RolesAnywhere;
use crate::secret::SecretBytes;
use crate::world::World;

/// Returns the document to print.
///
/// Nothing is printed on failure: AWS SDKs parse whatever reaches standard output.
pub async fn run(
    provider: &RolesAnywhere,
    deadline: Deadline,
    world: &World<'_>,
) -> Result<SecretBytes, Error> {
    let session = provider.fetch(0, world, deadline).await?;
    Ok(process::to_json(&session.credentials))
}
