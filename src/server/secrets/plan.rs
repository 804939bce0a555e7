//! What the operator decided about the secrets endpoint.

use std::time::Duration;

use hyper::header::HeaderName;

use super::{AccessPattern, AccessRules};
use crate::private_dir::ConfiguredDir;
use crate::secrets_cache::{CachePolicy, Prefetch};
use crate::server::{AllowedHost, AuditPolicy, TokenFile};
use roles_anywhere_client::input_source::InputSource;
use roles_anywhere_client::secret::Secret;

/// The secrets endpoint, as it is planned.
#[derive(Clone, Debug)]
pub struct SecretsPlan {
    /// The port on 127.0.0.1 and `::1`; 0 means a free port.
    pub port: u16,
    /// The tokens that the user gave.
    pub tokens: Vec<PlannedToken>,
    /// Where the token is stored that is made if there is no other one.
    pub own_token: TokenFile,
    /// What is served, and how.
    pub policy: SecretsPolicy,
    /// How long values are served.
    pub cache: CachePolicy,
    /// What is read at the start.
    pub prefetch: Vec<Prefetch>,
    /// What is kept on disk.
    pub offline: Option<OfflinePlan>,
}

/// The copies of secrets and parameters on disk, as they are planned.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OfflinePlan {
    /// What is kept.
    pub keep: Vec<AccessPattern>,
    /// How long ago AWS may have confirmed a copy that is used.
    pub max_age: Duration,
    /// The file with their key.
    pub key: OfflineKey,
    /// Where they are.
    pub directory: ConfiguredDir,
}

/// The file with the key of the copies.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OfflineKey {
    /// The file.
    pub source: InputSource,
    /// Whether systemd made it, in a place that only the service can read. Its mode may tell otherwise, as
    /// there may be an access control list.
    pub is_credential: bool,
}

/// What the endpoint serves, and how.
#[derive(Clone, Debug)]
pub struct SecretsPolicy {
    /// What may be read.
    pub access: AccessRules,
    /// The names and ARNs of the roles that requests may name; any that is served without it.
    pub roles: Option<Vec<Box<str>>>,
    /// What is before an id of a secret in a path; it begins with a slash.
    pub path_prefix: String,
    /// The headers that a token may be in.
    pub token_headers: Vec<HeaderName>,
    /// How many requests are answered at a time.
    pub connections: usize,
    /// Hosts that requests may be for, besides this machine.
    pub hosts: Vec<AllowedHost>,
    /// What to do if the log does not take the line of a read.
    pub audit: AuditPolicy,
}

/// What AWS's agent does unless it is configured.
impl Default for SecretsPolicy {
    fn default() -> Self {
        let headers = ["x-aws-parameters-secrets-token", "x-vault-token"];
        Self {
            access: AccessRules::default(),
            roles: None,
            path_prefix: "/v1/".to_owned(),
            token_headers: headers.map(HeaderName::from_static).to_vec(),
            connections: 800,
            hosts: Vec::new(),
            audit: AuditPolicy::default(),
        }
    }
}

/// A token that the user gave.
#[derive(Clone, Debug)]
pub struct PlannedToken {
    /// Its name in the log: that of its variable or its table.
    pub name: String,
    /// Its value, or the file that has it.
    pub source: TokenSource,
    /// What its holders may read, of what the endpoint allows.
    pub access: AccessRules,
}

/// Where a token is.
#[derive(Clone, Debug)]
pub enum TokenSource {
    /// In a variable: it is fixed.
    Value(Secret),
    /// In a file, whose contents may be swapped.
    File(InputSource),
}
