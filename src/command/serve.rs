//! `serve`: hand credentials out to the SDKs of this machine until stopped.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::arn::RoleArn;
use crate::command::daemon::Daemon;
use crate::region::Region;

/// Where to listen, what to hand out, and how it runs.
#[derive(Clone, Debug)]
pub struct Serve {
    /// The addresses, at least one; port 0 is a free one.
    pub listen: Vec<SocketAddr>,
    /// What other machines may ask for.
    pub remote: Remote,
    /// The IP time to live of replies; where it is not said, 64 on loopback and 1 elsewhere.
    pub hop_limit: Option<u8>,
    /// Where the token of the container route is kept; without a place there is no such route.
    pub token_file: Option<PathBuf>,
    /// Whether to print what SDKs need in their environment.
    pub print_env: bool,
    /// The Region to tell.
    pub region: Region,
    /// The role whose credentials are handed out.
    pub role: RoleArn,
    /// How it runs.
    pub daemon: Daemon,
}

/// What other machines may ask for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Remote {
    /// Nothing: all addresses are of this machine alone.
    #[default]
    Refused,
    /// Container credentials, with their token.
    Container,
    /// Instance metadata too, which asks for no secret.
    Imds,
}
