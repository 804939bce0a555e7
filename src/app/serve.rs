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

    /// Listens on a port of loopback for readers of secrets, of whom `requests` are answered at a time.
    /// Returns how many that are if the process may open fewer files; `beside_credentials` tells whether some
    /// are for the connections of others.
    pub fn listen_for_secrets(
        &self,
        port: u16,
        requests: usize,
        beside_credentials: bool,
    ) -> Result<(HttpListener, usize), Error> {
        let others = if beside_credentials { Limits::default().connections } else { 0 };
        let open = process::open_descriptors() + others;
        let free = process::descriptors().saturating_sub(open);
        let (limits, requests) = Limits::for_secrets(requests, free);
        Ok((HttpListener::bind_loopback(port, limits)?, requests))
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
