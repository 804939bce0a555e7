//! Prints the secret of a name, which the AWS SDK for Rust reads with a session that
//! `roles-anywhere-client` makes of a certificate: no program and no server is between them.

use std::env;
use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use roles_anywhere_client::http::{Endpoint, TransportOptions, Trust};
use roles_anywhere_client::input_source::InputSource;
use roles_anywhere_client::time::Deadline;
use roles_anywhere_client::{IdentitySource, Ports, RolesAnywhere, SessionRequest};

const TIMEOUT: Duration = Duration::from_secs(20);

/// Provides the credentials of a new session each time; the SDK keeps them until they expire.
struct CertificateCredentials {
    provider: RolesAnywhere,
    ports: Ports,
}

impl CertificateCredentials {
    async fn session(&self) -> provider::Result {
        let deadline = Deadline::new(self.ports.clock.uptime(), TIMEOUT);
        let session = self.provider.fetch(0, &self.ports, deadline).await;
        let credentials = session.map_err(CredentialsError::provider_error)?.credentials;
        Ok(Credentials::new(
            credentials.access_key_id,
            credentials.secret_access_key.expose(),
            Some(credentials.session_token.expose().to_owned()),
            Some(credentials.expiration.system_time()),
            "roles-anywhere",
        ))
    }
}

impl ProvideCredentials for CertificateCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.session())
    }
}

impl fmt::Debug for CertificateCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateCredentials").finish_non_exhaustive()
    }
}

/// Returns the credentials of the emulator's identity, whose variables tell all of it.
fn credentials() -> Result<CertificateCredentials, Box<dyn Error>> {
    let [certificate, private_key] =
        [env::var("ROLES_ANYWHERE_CERTIFICATE")?, env::var("ROLES_ANYWHERE_PRIVATE_KEY")?];
    let session = SessionRequest::new(
        env::var("ROLES_ANYWHERE_TRUST_ANCHOR_ARN")?.parse()?,
        env::var("ROLES_ANYWHERE_PROFILE_ARN")?.parse()?,
        env::var("ROLES_ANYWHERE_ROLE_ARN")?.parse()?,
    );
    let endpoint = Endpoint::parse(&env::var("AWS_ENDPOINT_URL_ROLESANYWHERE")?)?;
    let path = PathBuf::from(env::var("AWS_CA_BUNDLE")?);
    let trust = Trust::File { origin: "AWS_CA_BUNDLE".into(), path };
    let intermediates = InputSource::file(env::var("ROLES_ANYWHERE_INTERMEDIATES")?);
    let source = IdentitySource::files(certificate, private_key);
    Ok(CertificateCredentials {
        provider: RolesAnywhere::new(
            IdentitySource { intermediates: Some(intermediates), ..source },
            SessionRequest { endpoint, ..session },
        ),
        ports: Ports::system(TransportOptions { trust, ..TransportOptions::default() }),
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let name = env::args().nth(1).ok_or("usage: library NAME")?;
    let config = aws_config::defaults(BehaviorVersion::latest())
        .credentials_provider(credentials()?)
        .load()
        .await;
    let secrets = aws_sdk_secretsmanager::Client::new(&config);
    let secret = secrets.get_secret_value().secret_id(name).send().await?;
    println!("{}", secret.secret_string().ok_or("the secret is not a text")?);
    Ok(())
}
