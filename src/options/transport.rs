//! The network options: trust, proxy, timeouts.

use std::time::Duration;

use crate::options::settings::{Setting, Settings};
use crate::options::table::transport::{
    ALL_PROXY, CA_BUNDLE, HTTPS_PROXY, NO_PROXY, NO_VERIFY_SSL, PROXY, TIMEOUT, WITH_PROXY,
};
use crate::output::usage::{NamedValue, UsageError};
use roles_anywhere_client::http::proxy::{self, Proxy};
use roles_anywhere_client::http::{Endpoint, TransportOptions, Trust};
use roles_anywhere_client::text::path;

/// Returns the network options for calls of `endpoints`.
pub fn options(
    settings: &Settings<'_>,
    endpoints: &[Endpoint],
) -> Result<TransportOptions, UsageError> {
    Ok(TransportOptions {
        trust: trust(settings)?,
        proxy: proxy(settings, endpoints)?,
        ..TransportOptions::default()
    })
}

/// Returns the timeout of the whole run.
pub fn timeout(settings: &Settings<'_>) -> Result<Duration, UsageError> {
    let setting = settings.required(&TIMEOUT)?;
    match setting.value.parse() {
        Ok(seconds @ 1..=600) => Ok(Duration::from_secs(seconds)),
        _ => Err(setting.refuse("1 to 600 (seconds)")),
    }
}

/// The first one that is set wins, as in the AWS CLI.
fn trust(settings: &Settings<'_>) -> Result<Trust, UsageError> {
    if settings.is_on(&NO_VERIFY_SSL)? {
        return Ok(Trust::Unverified);
    }
    Ok(settings.text(&CA_BUNDLE)?.map_or(Trust::System, |setting| Trust::File {
        origin: setting.origin.name(),
        path: path::path(setting.value),
    }))
}

/// Plain HTTP is used for loopback only, so `HTTP_PROXY` is ignored. A proxy URL from the environment
/// is validated only if an endpoint uses it.
fn proxy(settings: &Settings<'_>, endpoints: &[Endpoint]) -> Result<Option<Proxy>, UsageError> {
    let no_proxy = settings.variable(&NO_PROXY)?.map_or("", |setting| setting.value);
    let with_proxy = settings.text(&WITH_PROXY)?;
    let with_proxy =
        with_proxy.map(|setting| Ok((setting.boolean()?, setting.origin))).transpose()?;
    if let Some(setting) = settings.text(&PROXY)? {
        return match (setting.value, with_proxy) {
            ("none", Some((true, first))) => Err(UsageError::Conflict {
                first: first.into(),
                second: NamedValue::new(setting.origin, "none"),
                why: "remove one of them",
            }),
            ("none", _) => Ok(None),
            _ => parsed(setting, no_proxy).map(Some),
        };
    }
    if let Some((false, _)) = with_proxy {
        return Ok(None);
    }
    let Some(setting) = proxy_of_environment(settings)? else { return Ok(None) };
    if endpoints.iter().all(|endpoint| proxy::is_exempt(no_proxy, &endpoint.url("/", ""))) {
        return Ok(None);
    }
    parsed(setting, no_proxy).map(Some)
}

/// Returns the proxy that the variables of other programs name.
fn proxy_of_environment<'a>(settings: &Settings<'a>) -> Result<Option<Setting<'a>>, UsageError> {
    match settings.variable(&HTTPS_PROXY)? {
        Some(setting) => Ok(Some(setting)),
        // GNOME sets `socks://`, which the official helper ignores in `ALL_PROXY`.
        None => Ok(settings
            .variable(&ALL_PROXY)?
            .filter(|setting| !setting.value.to_ascii_lowercase().starts_with("socks"))),
    }
}

/// Returns the proxy for hosts that are not in `NO_PROXY`.
pub(super) fn proxy_setting<'a>(
    settings: &Settings<'a>,
) -> Result<Option<Setting<'a>>, UsageError> {
    if let Some(setting) = settings.text(&PROXY)? {
        return Ok(Some(setting));
    }
    match settings.text(&WITH_PROXY)?.map(|setting| setting.boolean()).transpose()? {
        Some(false) => Ok(None),
        _ => proxy_of_environment(settings),
    }
}

fn parsed(setting: Setting<'_>, no_proxy: &str) -> Result<Proxy, UsageError> {
    let origin = setting.origin;
    Proxy::parse(setting.value, origin.name(), no_proxy)
        .map_err(|source| UsageError::Proxy { origin, source })
}
