//! The options of `serve`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::command::serve::Serve;
use crate::options::daemon::daemon;
use crate::options::runtime_dir::runtime_dir;
use crate::options::secrets_endpoint::{is_served, secrets_endpoint};
use crate::options::session_plan::NamedSession;
use crate::options::settings::{Setting, Settings};
use crate::options::table::cache::IN_RUNTIME_DIR;
use crate::options::table::secrets::{PARAMETERS_ENDPOINT, SECRETS_ENDPOINT};
use crate::options::table::secrets_endpoint::{SECRETS, SECRETS_PORT, SECRETS_TOKEN_FILE};
use crate::options::table::{Heading, OptionSpec, Origin, ValueType};
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
    &SECRETS,
    &SECRETS_PORT,
    &SECRETS_TOKEN_FILE,
    &SECRETS_ENDPOINT,
    &PARAMETERS_ENDPOINT,
    &TOKEN_FILE,
    &HOP_LIMIT,
    &REQUIRE_AUDIT,
    &PRINT_ENV,
];

static PORT: OptionSpec = OptionSpec::new("--port", "PORT", ValueType::Text)
    .default_value("9911")
    .under(Heading::Server)
    .help("Port on 127.0.0.1")
    .details("Port on 127.0.0.1. 0 is any free port.");

static LISTEN: OptionSpec = OptionSpec::new("--listen", "ADDR:PORT", ValueType::Text)
    .repeated()
    .under(Heading::Server)
    .help("Address to listen on instead; repeatable")
    .details(
        "Address to listen on instead of 127.0.0.1, for example `[::1]:9911`. May be repeated; in \
         the variable, addresses are separated by spaces. An address that other machines can reach \
         requires `--allow-remote`.",
    );

static ALLOW_REMOTE: OptionSpec = OptionSpec::new("--allow-remote", "WHAT", ValueType::Text)
    .optional("container")
    .described_default("without the option, nothing; without a value, `container`")
    .under(Heading::Server)
    .choices(&[
        ("container", "Container credentials, which require the token"),
        ("imds", "Instance metadata too, which every machine can read"),
    ])
    .help("Serve other machines too")
    .details("What other machines can get. The value follows `=`.");

static ALLOW_HOST: OptionSpec = OptionSpec::new("--allow-host", "NAME[:PORT]", ValueType::Text)
    .repeated()
    .under(Heading::Server)
    .help("Host name that requests may use; repeatable")
    .details(
        "Host name or address that requests may use in `Host`, besides the addresses of this \
         machine: a Compose service, a Kubernetes Service, a translated address. May be repeated; \
         in the variable, names are separated by spaces.",
    );

static NO_IMDS: OptionSpec = OptionSpec::switch("--no-imds")
    .under(Heading::Server)
    .help("Serve no instance metadata")
    .details("Serve container credentials only, no instance metadata.");

static NO_CONTAINER: OptionSpec = OptionSpec::switch("--no-container")
    .under(Heading::Server)
    .help("Serve no container credentials")
    .details("Serve instance metadata only, no container credentials.");

static TOKEN_FILE: OptionSpec = OptionSpec::new("--token-file", "FILE", ValueType::File)
    .described_default(IN_RUNTIME_DIR)
    .under(Heading::Server)
    .help("File for the token of container credentials")
    .details(
        "File for the token of container credentials, which is written with mode 0600 and renewed \
         every six hours.",
    );

static HOP_LIMIT: OptionSpec = OptionSpec::new("--hop-limit", "HOPS", ValueType::Text)
    .described_default("64; 1 for addresses that other machines can reach")
    .under(Heading::Server)
    .help("IP time to live of responses")
    .details("IP time to live (hop limit) of responses, 1 to 255.");

static REQUIRE_AUDIT: OptionSpec = OptionSpec::switch("--require-audit")
    .under(Heading::Server)
    .help("Serve no credentials if they cannot be logged")
    .details(
        "Respond with 503 instead of credentials while the log cannot be written. By default, \
         credentials are served, counted, and logged later.",
    );

static PRINT_ENV: OptionSpec = OptionSpec::switch("--print-env")
    .under(Heading::Output)
    .help("Print the variables that SDKs need")
    .details("Print the environment variables that SDKs need, then serve.");

/// Returns what `serve` serves, and how.
pub(super) fn serve(
    settings: &Settings<'_>,
    sessions: &[NamedSession],
) -> Result<Serve, UsageError> {
    let (remote, offer) = (remote(settings)?, offer(settings)?);
    let listen = if offer == Offer::Nothing { Vec::new() } else { listen(settings)? };
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
    let policy = ServePolicy { offer, hosts: hosts(settings)?, audit: audit(settings)? };
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
        secrets: secrets_endpoint(settings, &policy, sessions)?,
        policy,
        print_env: settings.is_on(&PRINT_ENV)?,
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
    match (addresses.first(), port) {
        (Some(listen), Some(port)) => Err(UsageError::Conflict {
            first: (&port.origin).into(),
            second: (&listen.origin).into(),
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
        (Some(_), Some(second)) if is_served(settings)? => {
            let unused = [&PORT, &LISTEN, &ALLOW_REMOTE].map(|option| settings.flag(option));
            for flag in unused {
                if let Some(first) = flag? {
                    return Err(UsageError::Conflict {
                        first: first.origin.into(),
                        second: second.into(),
                        why: "remove one of them: it is for credentials, and only secrets are served",
                    });
                }
            }
            Ok(Offer::Nothing)
        }
        (Some(first), Some(second)) => Err(UsageError::Conflict {
            first: first.into(),
            second: second.into(),
            why: "remove one of them, or add `--secrets`: together they would leave nothing to serve",
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
