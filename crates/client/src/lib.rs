//! Trades an X.509 certificate for temporary AWS credentials, and signs AWS calls with them.
//!
//! [`provider::RolesAnywhere::fetch`] is the whole exchange in five steps: open the identity, make
//! the request, sign it, send it, read the session. What it runs on (clock, files, network,
//! randomness) comes in as [`ports::Ports`]; [`https`] is the network over reqwest and rustls, and
//! [`system`] has the ports of a program that needs nothing special.
//!
//! ```
//! use std::time::Duration;
//!
//! use roles_anywhere_client::http::TransportOptions;
//! use roles_anywhere_client::time::Deadline;
//! use roles_anywhere_client::{IdentitySource, Ports, RolesAnywhere, SessionRequest};
//!
//! # async fn session(
//! #     [trust_anchor, profile, role]: [&str; 3],
//! #     options: TransportOptions,
//! #     endpoint: roles_anywhere_client::http::Endpoint,
//! # ) -> Result<roles_anywhere_client::Session, Box<dyn std::error::Error>> {
//! let source = IdentitySource::files("leaf/p256.chain.pem", "leaf/p256.key.pem");
//! let session = SessionRequest::new(trust_anchor.parse()?, profile.parse()?, role.parse()?);
//! # let session = SessionRequest { endpoint, ..session };
//! let ports = Ports::system(TransportOptions::default());
//! # let ports = Ports::system(options);
//! let deadline = Deadline::new(ports.clock.uptime(), Duration::from_secs(20));
//! let session = RolesAnywhere::new(source, session).fetch(0, &ports, deadline).await?;
//! println!("{} until {}", session.credentials.access_key_id, session.credentials.expiration);
//! # Ok(session)
//! # }
//! #
//! # // It is run against the emulator, in whose directory these files are.
//! # use roles_anywhere_client::http::{Endpoint, Trust};
//! # use roles_anywhere_emulator::{Emulator, Options, PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN};
//! # let emulator = Emulator::start(Options::default()).unwrap();
//! # std::env::set_current_dir(emulator.directory()).unwrap();
//! # let trust = Trust::File { origin: "the emulator".into(), path: emulator.directory().join("tls-ca.pem") };
//! # let session = session(
//! #     [TRUST_ANCHOR_ARN, PROFILE_ARN, ROLE_ARN],
//! #     TransportOptions { trust, ..TransportOptions::default() },
//! #     Endpoint::parse(emulator.endpoint()).unwrap(),
//! # );
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
//! # let session = runtime.block_on(session).unwrap();
//! # assert!(session.credentials.access_key_id.starts_with("ASIA"));
//! ```
//!
//! What a program needs for that is at the root of the crate. The modules are for a program that does
//! more than that: one with a command line, messages and hints of its own needs the types of the
//! settings ([`arn`], [`region`], [`input_source`], [`http`], [`password`]), the causes of errors
//! ([`identity`], [`key`], [`encoding`], [`diagnosis`]), [`x509`] to show certificates, [`aws`] and
//! [`sigv4`] to call Secrets Manager and IAM, and [`hex`], [`secret`], [`text`] and [`time`] as the
//! client uses them.

pub mod arn;
pub mod aws;
pub mod credentials;
pub mod diagnosis;
pub mod encoding;
pub mod hex;
pub mod http;
#[cfg(feature = "https")]
pub mod https;
pub mod identity;
pub mod input_source;
pub mod key;
pub mod password;
pub mod ports;
pub mod provider;
pub mod refresh;
pub mod region;
pub mod secret;
pub mod sigv4;
#[cfg(feature = "system")]
pub mod system;
#[cfg(any(test, feature = "test-support"))]
pub mod test_support;
pub mod text;
pub mod time;
pub mod x509;

pub use aws::create_session::SessionRequest;
pub use credentials::{Credentials, Session};
pub use identity::IdentitySource;
pub use ports::Ports;
pub use provider::{ErrorKind, ProviderError, RolesAnywhere};
pub use refresh::handle::RefreshHandle;
pub use refresh::refresher::Refresher;
pub use refresh::reloading_identity::ReloadingIdentity;
pub use refresh::status::StatusChannel;
