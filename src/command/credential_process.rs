//! `credential-process`: prints one set of credentials and exits.

pub mod document;

use std::time::Duration;

use crate::app::App;
use crate::app::session::SessionClient;
use crate::command::{Command, Plan};
use crate::options::access_key;
use crate::options::arguments::OptionGroups;
use crate::options::cache::cache;
use crate::options::command_line::Word;
use crate::options::roles::RoleUse;
use crate::options::session_plan::SessionPlan;
use crate::options::settings::Settings;
use crate::options::table::{self, OptionSpec};
use crate::output::Outcome;
use crate::output::error::Error;
use crate::output::usage::UsageError;
use crate::secrets::access_key::AccessKeySecret;
use roles_anywhere_client::credentials::{AccessKey, Credentials};
use roles_anywhere_client::time::Clock as _;

/// The plan of `credential-process`.
#[derive(Clone, Debug)]
pub struct CredentialProcess {
    /// The session.
    pub session: SessionPlan,
    /// The secret whose access key is printed instead, and how long a program may keep that.
    pub access_key: Option<(AccessKeySecret, Duration)>,
}

impl Command for CredentialProcess {
    const NAME: &'static [Word] =
        &[("credential-process", "Print credentials for the AWS CLI and SDKs, and exit")];
    const DETAILS: &'static str = "\
Prints one set of credentials as a JSON document, as `credential_process` in ~/.aws/config expects it. Sessions are cached, so that a series of AWS CLI commands calls CreateSession once.

With `--from-secret`, it prints the access key that a secret of AWS Secrets Manager holds, which programs read again after `--refresh-after`. The key is not cached.";
    const EXAMPLES: &'static str = "\
# In ~/.aws/config, on one line:
[profile plant]
credential_process = /usr/local/bin/roles-anywhere credential-process --certificate /etc/pki/host.pem --private-key /etc/pki/host.key --trust-anchor-arn arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a1b2c3d4-5678-90ab-cdef-111111111111 --profile-arn arn:aws:rolesanywhere:eu-central-1:123456789012:profile/a1b2c3d4-5678-90ab-cdef-222222222222 --role-arn arn:aws:iam::123456789012:role/Workload";
    const DOCS: &'static [&'static str] =
        &["credential-process.md", "access-keys.md", "cache.md", "errors.md"];
    const OPTIONS: &'static OptionGroups =
        &[table::access_key::WITH_REFRESH, table::session_groups::ONE_SESSION];
    const REQUIRED: &'static [&'static OptionSpec] = table::session::REQUIRED;
    const ROLES: RoleUse = RoleUse::One;

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        access_key::refuse_refresh_without_secret(settings)?;
        let (session, secret) = access_key::session_and_secret(settings)?;
        let cache = cache(settings)?;
        let endpoint = secret.as_ref().map(|secret| secret.at.endpoint.clone());
        let session = SessionPlan::new(settings, session, endpoint, cache)?;
        let access_key =
            secret.map(|secret| Ok((secret, access_key::refresh_after(settings)?))).transpose()?;
        Ok(Self { session, access_key })
    }
}

impl Plan for CredentialProcess {
    /// Returns the document to print.
    ///
    /// Nothing is printed on failure: AWS SDKs parse whatever reaches standard output.
    fn run(&self, app: &App) -> Result<Outcome, Error> {
        let Some((secret, refresh_after)) = &self.access_key else {
            let credentials = SessionClient::open(app, &self.session).session()?.credentials;
            let Credentials { expiration, account_id, .. } = &credentials;
            let key = AccessKey::from(&credentials);
            return Ok(document::to_json(&key, *expiration, Some(account_id)).into());
        };
        let found = app.access_key(&self.session, secret)?;
        let expiration = found.kept_until(app.clock().now(), *refresh_after);
        Ok(document::to_json(&found.key, expiration, found.account_id.as_deref()).into())
    }
}
