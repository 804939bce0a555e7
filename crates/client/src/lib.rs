//! Trades an X.509 certificate for temporary AWS credentials, and signs AWS calls with them.
//!
//! [`provider::RolesAnywhere::fetch`] is the whole exchange in five steps: open the identity, make
//! the request, sign it, send it, read the session. What it runs on (clock, files, network,
//! randomness) comes in as [`ports::Ports`]; [`https`] is the network over reqwest and rustls.
//!
//! What a program needs for that is at the root of the crate. The modules are for a program that does
//! more than that: one with a command line, messages and hints of its own needs the types of the
//! settings ([`arn`], [`region`], [`input_source`], [`http`], [`password`]), the causes of errors
//! ([`identity`], [`key`], [`encoding`], [`diagnosis`]), [`x509`] to show certificates, [`aws`] and
//! [`sigv4`] to call Secrets Manager, and [`hex`], [`secret`], [`text`] and [`time`] as the client uses
//! them.

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
