//! Trades an X.509 certificate for temporary AWS credentials, and signs AWS calls with them.
//!
//! [`provider::RolesAnywhere::fetch`] is the whole exchange in five steps: open the identity, make
//! the request, sign it, send it, read the session. What it runs on (clock, files, network,
//! randomness) comes in as [`ports::World`]; [`https`] is the network over reqwest and rustls.

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
