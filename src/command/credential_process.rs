//! `credential-process`: prints one set of credentials and exits.

pub mod document;

use crate::app::App;
use crate::app::session::SessionClient;
use crate::command::{Command, Plan};
use crate::options::arguments::OptionGroups;
use crate::options::cache::cache;
use crate::options::command_line::Word;
use crate::options::roles::RoleUse;
use crate::options::session::SessionOptions;
use crate::options::session_plan::SessionPlan;
use crate::options::settings::Settings;
use crate::options::table::{self, OptionSpec};
use crate::output::Outcome;
use crate::output::error::Error;
use crate::output::usage::UsageError;

/// The plan of `credential-process`.
#[derive(Clone, Debug)]
pub struct CredentialProcess {
    /// The session.
    pub session: SessionPlan,
}

impl Command for CredentialProcess {
    const NAME: &'static [Word] =
        &[("credential-process", "Print credentials for the AWS CLI and SDKs, and exit")];
    const DETAILS: &'static str = "\
Prints one set of credentials as a JSON document, as `credential_process` in ~/.aws/config expects it. Sessions are cached, so that a series of AWS CLI commands calls CreateSession once.";
    const EXAMPLES: &'static str = "\
# In ~/.aws/config, on one line:
[profile plant]
credential_process = /usr/local/bin/roles-anywhere credential-process --certificate /etc/pki/host.pem --private-key /etc/pki/host.key --trust-anchor-arn arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a1b2c3d4-5678-90ab-cdef-111111111111 --profile-arn arn:aws:rolesanywhere:eu-central-1:123456789012:profile/a1b2c3d4-5678-90ab-cdef-222222222222 --role-arn arn:aws:iam::123456789012:role/Workload";
    const DOCS: &'static [&'static str] = &["credential-process.md", "cache.md", "errors.md"];
    const OPTIONS: &'static OptionGroups = &[table::session_groups::ONE_SESSION];
    const REQUIRED: &'static [&'static OptionSpec] = table::session::REQUIRED;
    const ROLES: RoleUse = RoleUse::One;

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let session = SessionOptions::of_own_region(settings)?;
        let cache = cache(settings)?;
        Ok(Self { session: SessionPlan::new(settings, session, None, cache)? })
    }
}

impl Plan for CredentialProcess {
    /// Returns the document to print.
    ///
    /// Nothing is printed on failure: AWS SDKs parse whatever reaches standard output.
    fn run(&self, app: &App) -> Result<Outcome, Error> {
        let session = SessionClient::open(app, &self.session).session()?;
        Ok(document::to_json(&session.credentials).into())
    }
}
