//! The options of `serve`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::command::serve::Serve;
use crate::options::daemon::daemon;
use crate::options::runtime_dir::runtime_dir;
use crate::options::session::SessionOptions;
use crate::options::settings::{Setting, Settings};
use crate::options::table::cache::IN_RUNTIME_DIR;
use crate::options::table::{OptionSpec, Origin, ValueType};
use crate::output::usage::{NamedValue, UsageError};
use crate::server::{
    AllowedHost, AuditPolicy, HostError, Offer, RemoteAccess, ServePolicy, TokenFile,
};
use roles_anywhere_client::text::path;

/// The options of `serve` alone.
pub(super) static SERVE: &[&OptionSpec] = &[
    &PORT,
    &LISTEN,
    &ALLOW_REMOTE,
    &ALLOW_HOST,
    &NO_IMDS,
    &NO_CONTAINER,
    &REQUIRE_AUDIT,
    &HOP_LIMIT,
    &TOKEN_FILE,
    &PRINT_ENV,
];

static PORT: OptionSpec = OptionSpec::new("--port", "PORT", ValueType::Text)
    .default_value("9911")
    .help("The port on 127.0.0.1; 0 for a free one");

static LISTEN: OptionSpec = OptionSpec::new("--listen", "ADDR:PORT", ValueType::Text)
    .repeated()
    .help("An address to listen on instead, IPv4 or IPv6; may be repeated");

static ALLOW_REMOTE: OptionSpec = OptionSpec::new("--allow-remote", "WHAT", ValueType::Text)
    .optional("container")
    .help("Let other machines in: `container` (with its token), or `imds` too [default, without it: none]");

static ALLOW_HOST: OptionSpec = OptionSpec::new("--allow-host", "NAME[:PORT]", ValueType::Text)
    .repeated()
    .help("A host that requests may be for, beside this machine: a service's name, a translated address; may be repeated");

static NO_IMDS: OptionSpec =
    OptionSpec::switch("--no-imds").help("Serve container credentials only, no instance metadata");

static NO_CONTAINER: OptionSpec = OptionSpec::switch("--no-container")
    .help("Serve instance metadata only, no container credentials");

static REQUIRE_AUDIT: OptionSpec = OptionSpec::switch("--require-audit")
    .help("Refuse credentials while the log does not take the line of a vend");

static HOP_LIMIT: OptionSpec = OptionSpec::new("--hop-limit", "HOPS", ValueType::Text)
    .described_default("64; 1 where other machines are let in")
    .help("The IP time to live of replies, 1 to 255");

static TOKEN_FILE: OptionSpec = OptionSpec::new("--token-file", "FILE", ValueType::File)
    .described_default(IN_RUNTIME_DIR)
    .help("Where the token of the container route is kept");

static PRINT_ENV: OptionSpec =
    OptionSpec::switch("--print-env").help("Print what SDKs need in their environment, then serve");

/// Returns what `serve` serves, and how.
pub(super) fn serve(
    settings: &Settings<'_>,
    session: &SessionOptions,
) -> Result<Serve, UsageError> {
    let remote = remote(settings)?;
    let listen = listen(settings)?;
    if let Some(address) = listen.iter().find(|address| !address.ip().is_loopback())
        && remote == RemoteAccess::Refused
    {
        let address = address.to_string();
        let setting = settings.setting(Origin::Flag(&LISTEN), &address)?;
        return Err(setting.refuse("a loopback address, or `--allow-remote` in addition"));
    }
    let hop_limit = settings.text(&HOP_LIMIT)?;
    let hop_limit = hop_limit.map(|setting| match setting.value.parse() {
        Ok(hops @ 1..=255_u8) => Ok(hops),
        _ => Err(setting.refuse("1 to 255")),
    });
    let offer = offer(settings)?;
    if offer == Offer::Container && remote == RemoteAccess::Imds {
        return Err(UsageError::Conflict {
            first: NamedValue::new(Origin::Flag(&ALLOW_REMOTE), "imds"),
            second: Origin::Flag(&NO_IMDS).into(),
            why: "remove one of them",
        });
    }
    Ok(Serve {
        listen,
        remote,
        hop_limit: hop_limit.transpose()?,
        token_file: token_file(settings, remote, offer)?,
        policy: ServePolicy { offer, hosts: hosts(settings)?, audit: audit(settings)? },
        print_env: settings.is_on(&PRINT_ENV)?,
        region: session.request.region.clone(),
        role: session.request.role.clone(),
        daemon: daemon(settings)?,
    })
}

/// Returns what other machines may get.
fn remote(settings: &Settings<'_>) -> Result<RemoteAccess, UsageError> {
    let Some(setting) = settings.text(&ALLOW_REMOTE)? else { return Ok(RemoteAccess::Refused) };
    match setting.value {
        "container" | "true" | "1" => Ok(RemoteAccess::Container),
        "imds" => Ok(RemoteAccess::Imds),
        "false" | "0" => Ok(RemoteAccess::Refused),
        _ => Err(setting.refuse("`container` or `imds`")),
    }
}

/// Returns the addresses to listen on.
fn listen(settings: &Settings<'_>) -> Result<Vec<SocketAddr>, UsageError> {
    let port = settings.text(&PORT)?;
    let addresses = settings.all(&LISTEN)?;
    match (addresses.first(), &port) {
        (Some(listen), Some(port)) => Err(UsageError::Conflict {
            first: port.origin.into(),
            second: listen.origin.into(),
            why: "remove one of them: `--listen` includes the port",
        }),
        (Some(_), None) => addresses
            .into_iter()
            .map(|setting| match setting.value.parse() {
                Ok(address) => Ok(address),
                Err(_) => Err(setting
                    .refuse("an address and a port such as `127.0.0.1:9911` or `[::1]:9911`")),
            })
            .collect(),
        (None, port) => {
            let port = port.map_or_else(|| settings.default(&PORT), Ok)?;
            match port.value.parse() {
                Ok(port) => Ok(vec![loopback(port)]),
                Err(_) => Err(port.refuse("a port from 0 to 65535")),
            }
        }
    }
}

/// Returns the hosts that requests may be for, besides this machine and its addresses.
fn hosts(settings: &Settings<'_>) -> Result<Vec<AllowedHost>, UsageError> {
    let hosts = settings.all(&ALLOW_HOST)?;
    hosts.into_iter()
        .map(|setting| match setting.value.parse() {
            Ok(host) => Ok(host),
            Err(HostError) => Err(setting.refuse(
                "a host name or an address with an optional port, such as `serve` or `10.96.0.7:9911`",
            )),
        })
        .collect()
}

/// Returns the kinds of credentials that are served.
fn offer(settings: &Settings<'_>) -> Result<Offer, UsageError> {
    let no_imds = settings.switched_on(&NO_IMDS)?;
    let no_container = settings.switched_on(&NO_CONTAINER)?;
    match (no_imds, no_container) {
        (Some(first), Some(second)) => Err(UsageError::Conflict {
            first: first.into(),
            second: second.into(),
            why: "remove one of them: together they would leave nothing to serve",
        }),
        (Some(_), None) => Ok(Offer::Container),
        (None, Some(_)) => Ok(Offer::Imds),
        (None, None) => Ok(Offer::Both),
    }
}

/// Returns where the container token is stored.
fn token_file(
    settings: &Settings<'_>,
    remote: RemoteAccess,
    offer: Offer,
) -> Result<TokenFile, UsageError> {
    let setting = settings.text(&TOKEN_FILE)?;
    if !offer.has_container() {
        // A variable may be set for other commands, but flags that exclude each other are a mistake.
        return match setting.filter(|setting| setting.origin.is_flag()) {
            Some(setting) => Err(UsageError::Conflict {
                first: setting.origin.into(),
                second: Origin::Flag(&NO_CONTAINER).into(),
                why: "remove one of them: the token is for container credentials only",
            }),
            None if remote == RemoteAccess::Container => Err(UsageError::Conflict {
                first: Origin::Flag(&ALLOW_REMOTE).into(),
                second: Origin::Flag(&NO_CONTAINER).into(),
                why: "remove `--no-container`, or pass `--allow-remote=imds`: `--allow-remote` alone offers other machines container credentials only",
            }),
            None => Ok(TokenFile::Disabled),
        };
    }
    match (setting, runtime_dir(settings.environment)) {
        (Some(setting), _) => {
            let Setting { origin, value, .. } = setting.creatable_file()?;
            Ok(TokenFile::At { path: path::path(value), origin })
        }
        (None, Some(directory)) => Ok(TokenFile::In(directory)),
        // Without a token, other machines (or all clients) would get nothing.
        (None, None) if remote != RemoteAccess::Refused || !offer.has_imds() => {
            Err(settings.missing(&[&TOKEN_FILE]))
        }
        (None, None) => Ok(TokenFile::Disabled),
    }
}

/// Returns what to do if the log does not take the line of a vend.
fn audit(settings: &Settings<'_>) -> Result<AuditPolicy, UsageError> {
    let is_required = settings.is_on(&REQUIRE_AUDIT)?;
    Ok(if is_required { AuditPolicy::Required } else { AuditPolicy::Counted })
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

#[cfg(test)]
mod tests;
