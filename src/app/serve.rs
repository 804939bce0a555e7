//! The sockets and the token file of `serve` on the real system.

use std::net::SocketAddr;

use crate::app::App;
use crate::os::listener::{HttpListener, Limits};
use crate::os::process;
use crate::os::token_file::TokenOnDisk;
use crate::output::error::Error;
use crate::server::{OpenTokenFile, RemoteAccess, TokenFile};

impl App {
    /// Listens on `addresses`; `hop_limit` is the IP time to live of responses, if it is not the default.
    pub fn listen(
        &self,
        addresses: &[SocketAddr],
        remote: RemoteAccess,
        hop_limit: Option<u8>,
    ) -> Result<HttpListener, Error> {
        let open = process::open_descriptors() + addresses.len();
        let limits = Limits::within(process::descriptors().saturating_sub(open));
        HttpListener::bind(addresses, remote, hop_limit, limits)
    }

    /// Opens the token file of a process that listens on `addresses`, for the role `name` or for
    /// `/credentials`; `None` if it has none. An error if another process uses it.
    pub fn token_file(
        &self,
        plan: &TokenFile,
        addresses: &[SocketAddr],
        name: Option<&str>,
    ) -> Result<Option<OpenTokenFile>, Error> {
        let Some(file) = TokenOnDisk::find(plan, addresses, name) else { return Ok(None) };
        let file = file.locked()?;
        Ok(Some(OpenTokenFile { path: file.path().to_owned(), store: Box::new(file) }))
    }
}
