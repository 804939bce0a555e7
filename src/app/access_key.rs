//! Reads the access key of a secret.

use crate::app::App;
use crate::app::session::SessionClient;
use crate::options::session_plan::SessionPlan;
use crate::output::error::Error;
use crate::secrets::access_key::{AccessKeySecret, SecretAccessKey};
use roles_anywhere_client::time::Clock as _;

impl App {
    /// Returns the access key of `secret`, which is read now. The session for that comes from the cache or
    /// from AWS; the key gets into no cache.
    pub fn access_key(
        &self,
        plan: &SessionPlan,
        secret: &AccessKeySecret,
    ) -> Result<SecretAccessKey, Error> {
        let client = SessionClient::open(self, plan);
        let sessions = client.sessions();
        let version = client.block_on(async |ports, deadline| {
            let provider = sessions.provider();
            let fetch = async |session: &_| secret.fetch(provider, session, ports, deadline).await;
            sessions.call(ports, deadline, fetch).await
        })?;
        Ok(secret.key_of(&version, self.clock().now())?)
    }
}
