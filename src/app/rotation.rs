//! The rotation of a secret with a session.

mod failure;
mod system_calls;

use crate::app::App;
use crate::app::session::SessionClient;
use crate::output::error::Error;
use crate::output::log::LogFormat;
use crate::output::rotation::Ending;
use crate::rotation::{self, RotationSettings};
use roles_anywhere_client::aws::endpoint::RegionalEndpoint;
use roles_anywhere_client::aws::get_secret_value::SecretId;
use system_calls::SystemCalls;

/// A secret to rotate, and where AWS's services are.
#[derive(Clone, Debug)]
pub struct RotatedSecret {
    /// The secret.
    pub secret: SecretId,
    /// Secrets Manager in its Region.
    pub secrets_manager: RegionalEndpoint,
    /// IAM.
    pub iam: RegionalEndpoint,
    /// STS.
    pub sts: RegionalEndpoint,
}

impl App {
    /// Rotates a secret, or aborts its rotation.
    pub fn rotate(
        &self,
        client: &SessionClient<'_>,
        secret: &RotatedSecret,
        settings: &RotationSettings,
        log_format: LogFormat,
    ) -> Result<Ending, Error> {
        let sessions = &client.sessions();
        client.block_on(async |ports, deadline| {
            let calls = SystemCalls::open((secret, sessions), ports, deadline, log_format).await?;
            // Until here, nothing was changed that a signal could interrupt.
            let calls = calls.stopped_by_signals()?;
            rotation::rotate(&calls, settings).await
        })
    }

    /// Returns what [`App::rotate`] would do, and changes nothing.
    pub fn plan_rotation(
        &self,
        client: &SessionClient<'_>,
        secret: &RotatedSecret,
        settings: &RotationSettings,
    ) -> Result<String, Error> {
        let sessions = &client.sessions();
        let format = LogFormat::default();
        client.block_on(async |ports, deadline| {
            let calls = SystemCalls::open((secret, sessions), ports, deadline, format).await?;
            rotation::dry_run(&calls, settings).await
        })
    }
}
