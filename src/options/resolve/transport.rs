//! The network options: trust, proxy, timeouts.

use std::time::Duration;

use super::setting::{Settings, boolean};
use crate::output::usage::UsageError;
use roles_anywhere_client::http::proxy::{self, Proxy};
use roles_anywhere_client::http::{Endpoint, TransportOptions, Trust};
use roles_anywhere_client::text::path;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(20);

/// Returns the network options for calls of `endpoints`.
pub(super) fn options(
    settings: &Settings<'_>,
    endpoints: &[Endpoint],
) -> Result<TransportOptions, UsageError> {
    Ok(TransportOptions {
        trust: trust(settings)?,
        proxy: proxy(settings, endpoints)?,
        connect_timeout: CONNECT_TIMEOUT,
    })
}

/// Returns the timeout of the whole run.
pub(super) fn timeout(settings: &Settings<'_>) -> Result<Duration, UsageError> {
    let Some(setting) = settings.text("timeout", |args| &args.timeout)? else {
        return Ok(TIMEOUT);
    };
    match setting.value.parse() {
        Ok(seconds @ 1..=600) => Ok(Duration::from_secs(seconds)),
        _ => Err(setting.refuse("1 to 600 seconds")),
    }
}

/// The first one that is set wins, as in the AWS CLI.
fn trust(settings: &Settings<'_>) -> Result<Trust, UsageError> {
    if settings.flag("no-verify-ssl", |args| &args.no_verify_ssl)? {
        return Ok(Trust::Unverified);
    }
    let file = |origin, value: String| Trust::File { origin, path: path::path(&value) };
    if let Some(setting) = settings.text("ca-bundle", |args| &args.ca_bundle)? {
        let flag = setting.origin.starts_with("--");
        let origin = if flag { "--ca-bundle" } else { "ROLES_ANYWHERE_CA_BUNDLE" };
        return Ok(file(origin, setting.value));
    }
    let found = settings.first_variable(&["AWS_CA_BUNDLE", "SSL_CERT_FILE"])?;
    Ok(found.map_or(Trust::System, |(name, setting)| file(name, setting.value)))
}

/// Plain HTTP is used for loopback only, so `HTTP_PROXY` is ignored. A proxy URL from the environment
/// is validated only if an endpoint uses it.
fn proxy(settings: &Settings<'_>, endpoints: &[Endpoint]) -> Result<Option<Proxy>, UsageError> {
    let no_proxy = settings.first_variable(&["NO_PROXY", "no_proxy"])?;
    let no_proxy = no_proxy.map(|(_, setting)| setting.value).unwrap_or_default();
    let with_proxy = settings.text("with-proxy", |args| &args.with_proxy)?;
    let with_proxy_requested =
        with_proxy.map(|setting| Ok((setting.origin.clone(), boolean(setting)?))).transpose()?;
    if let Some(setting) = settings.text("proxy", |args| &args.proxy)? {
        let flag = setting.origin.starts_with("--");
        let origin = if flag { "--proxy" } else { "ROLES_ANYWHERE_PROXY" };
        return match (setting.value.as_str(), with_proxy_requested) {
            ("none", Some((first, true))) => Err(UsageError::Conflict {
                first,
                second: format!("{origin} none"),
                why: "leave one of them out",
            }),
            ("none", _) => Ok(None),
            (url, _) => parsed(url, origin, &no_proxy).map(Some),
        };
    }
    if let Some((_, false)) = with_proxy_requested {
        return Ok(None);
    }
    let from_https_proxy = settings.first_variable(&["HTTPS_PROXY", "https_proxy"])?;
    let from_environment = match from_https_proxy {
        Some(found) => Some(found),
        // GNOME sets `socks://`, which the official helper ignores in `ALL_PROXY`.
        None => settings
            .first_variable(&["ALL_PROXY", "all_proxy"])?
            .filter(|(_, setting)| !setting.value.to_ascii_lowercase().starts_with("socks")),
    };
    let Some((name, setting)) = from_environment else { return Ok(None) };
    if endpoints.iter().all(|endpoint| proxy::is_exempt(&no_proxy, &endpoint.url("/", ""))) {
        return Ok(None);
    }
    parsed(&setting.value, name, &no_proxy).map(Some)
}

fn parsed(value: &str, origin: &'static str, no_proxy: &str) -> Result<Proxy, UsageError> {
    Proxy::parse(value, origin, no_proxy)
        .map_err(|source| UsageError::Proxy { origin: origin.to_owned(), source })
}
