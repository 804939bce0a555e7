//! The options of `serve`: addresses, routes, hosts and the token file.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::daemon::place;
use super::setting::{Setting, Settings, variable};
use crate::options::ServeArgs;
use crate::output::usage::UsageError;
use crate::server::{AllowedHost, AuditPolicy, HostError, Offer, RemoteAccess, TokenFile};
use crate::session_cache::CacheLocation;
use roles_anywhere_client::text::path;

/// The port of the official helper.
const PORT: u16 = 9911;

/// Returns what other machines may get.
pub(super) fn remote(setting: Option<Setting<'_>>) -> Result<RemoteAccess, UsageError> {
    let Some(setting) = setting else { return Ok(RemoteAccess::Refused) };
    match setting.value.as_str() {
        "container" | "true" | "1" => Ok(RemoteAccess::Container),
        "imds" => Ok(RemoteAccess::Imds),
        "false" | "0" => Ok(RemoteAccess::Refused),
        _ => Err(setting.refuse("`container` or `imds`")),
    }
}

/// Returns the addresses to listen on.
pub(super) fn listen(
    args: &ServeArgs,
    settings: &Settings<'_>,
) -> Result<Vec<SocketAddr>, UsageError> {
    let port = settings.given("port", &args.port)?;
    let addresses = repeated("listen", &args.listen, settings)?;
    match (addresses.first(), &port) {
        (Some(listen), Some(port)) => Err(UsageError::Conflict {
            first: port.origin.clone(),
            second: listen.origin.clone(),
            why: "an address names its port; leave one of them out",
        }),
        (Some(_), None) => addresses
            .into_iter()
            .map(|setting| match setting.value.parse() {
                Ok(address) => Ok(address),
                Err(_) => Err(setting
                    .refuse("an address and a port such as `127.0.0.1:9911` or `[::1]:9911`")),
            })
            .collect(),
        (None, None) => Ok(vec![loopback(PORT)]),
        (None, Some(setting)) => match setting.value.parse() {
            Ok(port) => Ok(vec![loopback(port)]),
            Err(_) => Err(setting.clone().refuse("a port, 0 to 65535")),
        },
    }
}

/// Returns the hosts that requests may be for, besides this machine and its addresses.
pub(super) fn hosts(
    args: &ServeArgs,
    settings: &Settings<'_>,
) -> Result<Vec<AllowedHost>, UsageError> {
    let hosts = repeated("allow-host", &args.allow_host, settings)?;
    hosts.into_iter()
        .map(|setting| match setting.value.parse() {
            Ok(host) => Ok(host),
            Err(HostError) => Err(setting.refuse(
                "a host name or an address, with a port or without, such as `serve` or `10.96.0.7:9911`",
            )),
        })
        .collect()
}

/// Returns the values of an option that may be repeated. In its variable they are separated by spaces.
fn repeated<'a>(
    name: &str,
    values: &[String],
    settings: &Settings<'a>,
) -> Result<Vec<Setting<'a>>, UsageError> {
    let given = values.iter().filter(|value| !value.is_empty());
    let given = given.map(|value| settings.setting(format!("--{name}"), value));
    let given: Vec<Setting<'a>> = given.collect::<Result<_, _>>()?;
    match (given.is_empty(), settings.variable(&variable(name))?) {
        (true, Some(setting)) => {
            let values = setting.value.split_whitespace();
            values.map(|value| settings.setting(&*setting.origin, value)).collect()
        }
        _ => Ok(given),
    }
}

/// Returns the kinds of credentials that are served.
pub(super) fn offer(args: &ServeArgs, settings: &Settings<'_>) -> Result<Offer, UsageError> {
    let no_imds = settings.switch_origin("no-imds", &args.no_imds)?;
    let no_container = settings.switch_origin("no-container", &args.no_container)?;
    match (no_imds, no_container) {
        (Some(first), Some(second)) => Err(UsageError::Conflict {
            first,
            second,
            why: "nothing would be served; leave one out",
        }),
        (Some(_), None) => Ok(Offer::Container),
        (None, Some(_)) => Ok(Offer::Imds),
        (None, None) => Ok(Offer::Both),
    }
}

/// Returns where the container token is stored.
pub(super) fn token_file(
    args: &ServeArgs,
    settings: &Settings<'_>,
    remote: RemoteAccess,
    offer: Offer,
) -> Result<TokenFile, UsageError> {
    let setting = settings.given("token-file", &args.token_file)?;
    if !offer.has_container() {
        // A variable may be set for other commands, but flags that exclude each other are a mistake.
        return match setting.filter(|setting| setting.origin.starts_with("--")) {
            Some(setting) => Err(UsageError::Conflict {
                first: setting.origin,
                second: "--no-container".to_owned(),
                why: "the token is of container credentials; leave one of them out",
            }),
            None if remote == RemoteAccess::Container => Err(UsageError::Conflict {
                first: "--allow-remote".to_owned(),
                second: "--no-container".to_owned(),
                why: "other machines get container credentials only, if not `--allow-remote=imds`",
            }),
            None => Ok(TokenFile::Disabled),
        };
    }
    match (setting, place(None, settings.environment)) {
        (Some(setting), _) => {
            let Setting { origin, value, .. } = setting.creatable_file()?;
            Ok(TokenFile::At { path: path::path(&value), origin })
        }
        (None, CacheLocation::Dir(directory)) => Ok(TokenFile::In(directory)),
        // Without a token, other machines (or all clients) would get nothing.
        (None, CacheLocation::Disabled) if remote != RemoteAccess::Refused || !offer.has_imds() => {
            let variable = variable("token-file");
            Err(UsageError::Missing { flag: "--token-file", variable })
        }
        (None, CacheLocation::Disabled) => Ok(TokenFile::Disabled),
    }
}

/// Returns what to do if the log does not take the line of a vend.
pub(super) fn audit(args: &ServeArgs, settings: &Settings<'_>) -> Result<AuditPolicy, UsageError> {
    let is_required = settings.switch("require-audit", &args.require_audit)?;
    Ok(if is_required { AuditPolicy::Required } else { AuditPolicy::Counted })
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

#[cfg(test)]
mod tests;
