//! How a session is made: what the commands share that make one.

use std::time::Duration;

use crate::options::session::SessionOptions;
use crate::options::settings::Settings;
use crate::options::table::transport::DEBUG;
use crate::options::variables::{UnknownVariable, unknown_variables};
use crate::options::{identity, transport};
use crate::output::usage::UsageError;
use crate::session_cache::CacheLocation;
use roles_anywhere_client::http::{Endpoint, TransportOptions};
use roles_anywhere_client::password::PasswordSource;
use roles_anywhere_client::provider::RolesAnywhere;

/// How a session is made: the provider, the network, the cache.
#[derive(Clone, Debug)]
pub struct SessionPlan {
    /// The source of the credentials.
    pub provider: RolesAnywhere,
    /// The source of the password of an encrypted key.
    pub password: PasswordSource,
    /// How to reach AWS.
    pub transport: TransportOptions,
    /// The endpoints that are called.
    pub endpoints: Vec<Endpoint>,
    /// The time limit of a run that makes one session.
    pub timeout: Duration,
    /// Where sessions are cached.
    pub cache: CacheLocation,
    /// Whether to show the steps of the exchange.
    pub debug: bool,
    /// The names of the ignored variables that Kubernetes set for a Service named `roles-anywhere`.
    pub ignored: Vec<String>,
    /// The variables with our prefix that no command reads; empty if they are not to be named, as to
    /// find them takes time.
    pub unknown: Vec<UnknownVariable>,
}

impl SessionPlan {
    /// Returns the plan of a command that calls the endpoint of `other` too.
    pub fn new(
        settings: &Settings<'_>,
        session: SessionOptions,
        other: Option<Endpoint>,
        cache: CacheLocation,
    ) -> Result<Self, UsageError> {
        let debug = settings.is_on(&DEBUG)?;
        let endpoints: Vec<Endpoint> =
            [session.request.endpoint.clone()].into_iter().chain(other).collect();
        Ok(Self {
            transport: transport::options(settings, &endpoints)?,
            timeout: transport::timeout(settings)?,
            password: identity::password(settings)?,
            provider: session.into_provider(),
            endpoints,
            cache,
            debug,
            ignored: settings.ignored.to_vec(),
            unknown: if debug { unknown(settings) } else { Vec::new() },
        })
    }

    /// Returns the plan with the variables that a daemon names in its log.
    #[must_use]
    pub fn with_unknown_variables(self, settings: &Settings<'_>) -> Self {
        Self { unknown: unknown(settings), ..self }
    }
}

fn unknown(settings: &Settings<'_>) -> Vec<UnknownVariable> {
    unknown_variables(settings.commands, settings.environment)
}
