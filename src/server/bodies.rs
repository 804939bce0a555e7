//! One session in the forms that SDKs read, rendered once.

use std::fmt;

use hyper::body::Bytes;
use serde::Serialize;

use super::api::imds::Instance;
use super::response::wiped;
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::secret::SecretBytes;

/// The documents of one session; their memory is wiped when nobody reads them any more.
pub(super) struct Documents {
    /// The public identifier of the credentials.
    pub(super) access_key_id: String,
    /// When they end, as it is written in the documents.
    pub(super) expiration: String,
    /// The credentials, as EC2 hands them out.
    pub(super) imds: Bytes,
    /// The credentials, as ECS and EKS do.
    pub(super) container: Bytes,
    /// The instance profile.
    pub(super) profile: Bytes,
}

impl Documents {
    /// Renders a session.
    pub(super) fn new(session: &Session, instance: &Instance) -> Self {
        let credentials = &session.credentials;
        let expiration = credentials.expiration.to_string();
        let last_updated = &*session.received.to_string();
        let secret_access_key = credentials.secret_access_key.expose();
        let token = credentials.session_token.expose();
        let imds = Imds {
            code: "Success",
            last_updated,
            r#type: "AWS-HMAC",
            access_key_id: &credentials.access_key_id,
            secret_access_key,
            token,
            expiration: &expiration,
        };
        let container = Container {
            access_key_id: &credentials.access_key_id,
            secret_access_key,
            token,
            expiration: &expiration,
            account_id: &credentials.account_id,
            role_arn: &instance.role_arn,
        };
        let profile = Profile {
            code: "Success",
            last_updated,
            instance_profile_arn: &instance.profile_arn,
            instance_profile_id: &instance.profile_id,
        };
        Self {
            access_key_id: credentials.access_key_id.clone(),
            imds: rendered(&imds, token.len()),
            container: rendered(&container, token.len() + instance.role_arn.len()),
            profile: rendered(&profile, 0),
            expiration,
        }
    }
}

impl fmt::Debug for Documents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<documents of {}>", self.access_key_id)
    }
}

fn rendered(document: &impl Serialize, length: usize) -> Bytes {
    // Large enough not to grow: a buffer left behind by growth would not be wiped.
    let mut json = Vec::with_capacity(512 + 2 * length);
    serde_json::to_writer(&mut json, document).expect("strings serialize");
    wiped(SecretBytes::new(json))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Imds<'a> {
    code: &'a str,
    last_updated: &'a str,
    r#type: &'a str,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    token: &'a str,
    expiration: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Container<'a> {
    access_key_id: &'a str,
    secret_access_key: &'a str,
    token: &'a str,
    expiration: &'a str,
    account_id: &'a str,
    role_arn: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Profile<'a> {
    code: &'a str,
    last_updated: &'a str,
    instance_profile_arn: &'a str,
    instance_profile_id: &'a str,
}
