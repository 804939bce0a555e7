//! One session in the formats that SDKs read, rendered once.

use std::fmt;

use hyper::body::Bytes;

use super::api::imds::ImdsInstance;
use super::api::{container, imds};
use roles_anywhere_client::credentials::Session;

/// The response bodies of one session. Their memory is wiped once no response uses them any more.
pub(super) struct CredentialBodies {
    /// The public identifier of the credentials.
    pub(super) access_key_id: String,
    /// The role that they are of.
    pub(super) role_arn: String,
    /// The time of expiration, as the bodies have it.
    pub(super) expiration: String,
    /// The credentials in the format of EC2.
    pub(super) imds: Bytes,
    /// The credentials in the format of ECS and EKS.
    pub(super) container: Bytes,
    /// The instance profile in the format of EC2.
    pub(super) profile: Bytes,
}

impl CredentialBodies {
    /// Renders a session.
    pub(super) fn new(session: &Session, instance: &ImdsInstance) -> Self {
        Self {
            access_key_id: session.credentials.access_key_id.clone(),
            role_arn: instance.role_arn.clone(),
            expiration: session.credentials.expiration.to_string(),
            imds: imds::credentials(session),
            container: container::credentials(session, &instance.role_arn),
            profile: imds::profile_info(session, instance),
        }
    }
}

impl fmt::Debug for CredentialBodies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<documents of {}>", self.access_key_id)
    }
}
