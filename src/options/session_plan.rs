//! How a session is made: what the commands share that make one.

use std::time::Duration;

use crate::config::TableName;
use crate::credentials_file::ProfileName;
use crate::options::session::SessionOptions;
use crate::options::settings::{Setting, Settings};
use crate::options::table::Origin;
use crate::options::table::transport::DEBUG;
use crate::options::variables::{UnknownVariable, unknown_variables};
use crate::options::{error_format, given_values, identity, services, transport};
use crate::output::error::{Error, GivenEndpoint, GivenValues};
use crate::output::report::ErrorFormat;
use crate::output::usage::UsageError;
use crate::output::waiting::WaitDisplay;
use crate::secrets::endpoints::ServiceEndpoints;
use crate::session_cache::CacheLocation;
use roles_anywhere_client::http::{Endpoint, TransportOptions, Trust};
use roles_anywhere_client::identity::{IdentitySource, KeySource};
use roles_anywhere_client::input_source::InputSource;
use roles_anywhere_client::password::PasswordSource;
use roles_anywhere_client::provider::RolesAnywhere;
use roles_anywhere_client::region::Region;

/// How a session is made: the provider, the network, the cache.
#[derive(Clone, Debug)]
pub struct SessionPlan {
    /// The source of the credentials.
    pub provider: RolesAnywhere,
    /// The source of the password of an encrypted key.
    pub password: PasswordSource,
    /// How to reach AWS.
    pub transport: TransportOptions,
    /// The endpoints that are called for a session.
    pub endpoints: Vec<Endpoint>,
    /// Those that are called with it, and connected to while it is made.
    pub called: Vec<Endpoint>,
    /// The services that a daemon calls with it, in any Region.
    pub services: Option<CalledServices>,
    /// Those of sessions that an option gives.
    pub given_endpoints: Vec<GivenEndpoint>,
    /// Where the configuration file gives the values of the session.
    pub given_values: GivenValues,
    /// The time limit of a run that makes one session.
    pub timeout: Duration,
    /// Where sessions are cached.
    pub cache: CacheLocation,
    /// Whether to show the steps of the exchange.
    pub debug: bool,
    /// Whether to say on a terminal which host is waited for.
    pub waiting: WaitDisplay,
    /// The names of the ignored variables that Kubernetes set for a Service named `roles-anywhere`.
    pub ignored: Vec<String>,
    /// The variables with our prefix that no command reads; empty if they are not to be named, as to
    /// find them takes time.
    pub unknown: Vec<UnknownVariable>,
}

/// The services that a daemon calls with its sessions, to read secrets and parameters.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CalledServices {
    /// Where they are.
    pub endpoints: ServiceEndpoints,
    /// The Region of what is named without one.
    pub region: Region,
}

/// Whether a daemon reads secrets and parameters with its sessions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DaemonCalls {
    /// No.
    Nothing,
    /// Yes.
    Services,
}

/// The session of a role, for a daemon that can have several.
#[derive(Clone, Debug)]
pub struct NamedSession {
    /// The role; `None` for the session of a command line without a configuration file.
    pub name: Option<TableName>,
    /// Whether it is the role that is used if none is named: `default-role`, or the only one of the
    /// file.
    pub is_default: bool,
    /// Whether `--role` names it. The roles that are named come in the order of the command line.
    pub is_named: bool,
    /// How the session is made.
    pub session: SessionPlan,
}

impl NamedSession {
    /// Returns the sessions of a daemon, at least one: those of the roles that are used, else that of
    /// the command line.
    pub fn of_daemon(settings: &Settings<'_>, calls: DaemonCalls) -> Result<Vec<Self>, UsageError> {
        let of_role = |settings: Settings<'_>| {
            let name = settings.layers.map(|layers| layers.role().name().clone());
            Ok(Self {
                is_default: name.is_none() || settings.default_role == name.as_ref(),
                is_named: settings.are_roles_named,
                session: SessionPlan::of_daemon(&settings, calls)?,
                name,
            })
        };
        settings.each_role().into_iter().map(of_role).collect()
    }
}

/// Reads the name of a profile.
pub fn profile(setting: Setting<'_>) -> Result<ProfileName, UsageError> {
    let origin = setting.origin;
    setting.value.parse().map_err(|source| UsageError::Profile { origin, source })
}

/// Returns the error of two settings that name the same profile for two roles.
pub fn same_profile(first: Origin, second: Origin) -> UsageError {
    UsageError::Conflict {
        first: first.into(),
        second: second.into(),
        why: "they name the same profile, which holds the credentials of one role: change one of them, or pass `--role`",
    }
}

impl SessionPlan {
    /// Returns the plan of a daemon, which caches no session and names unknown variables.
    fn of_daemon(settings: &Settings<'_>, calls: DaemonCalls) -> Result<Self, UsageError> {
        let session = SessionOptions::of_own_region(settings)?;
        let services = match calls {
            DaemonCalls::Nothing => None,
            DaemonCalls::Services => Some(CalledServices {
                endpoints: services::endpoints(settings, &session)?,
                region: services::default_region(settings, &session)?,
            }),
        };
        let called = services.iter().flat_map(|it| it.endpoints.in_region(&it.region));
        let called: Vec<_> = called.collect();
        let plan = Self::before_calls(settings, session, &called, CacheLocation::Disabled)?;
        Ok(Self { services, ..plan }.with_unknown_variables(settings))
    }

    /// Returns the plan of a command that calls `endpoint` with the session.
    pub fn new(
        settings: &Settings<'_>,
        session: SessionOptions,
        endpoint: Option<Endpoint>,
        cache: CacheLocation,
    ) -> Result<Self, UsageError> {
        let called = Vec::from_iter(endpoint);
        let plan = Self::before_calls(settings, session, &called, cache)?;
        Ok(Self { called, ..plan })
    }

    /// Returns the plan of a command that knows later which of `services` it calls with the session, if any.
    /// A proxy of the environment is used if one of them is reached through it.
    pub fn before_calls(
        settings: &Settings<'_>,
        session: SessionOptions,
        services: &[Endpoint],
        cache: CacheLocation,
    ) -> Result<Self, UsageError> {
        let debug = settings.is_on(&DEBUG)?;
        let endpoints: Vec<Endpoint> = session.endpoints().cloned().collect();
        Ok(Self {
            transport: transport::options(settings, &[&endpoints, services].concat())?,
            timeout: transport::timeout(settings)?,
            password: identity::password(settings)?,
            given_endpoints: session.given_endpoints.clone(),
            given_values: given_values::of_session(settings, &session)?,
            provider: session.into_provider(),
            endpoints,
            called: Vec::new(),
            services: None,
            cache,
            debug,
            waiting: WaitDisplay::Nothing,
            ignored: settings.ignored.to_vec(),
            unknown: if debug { unknown(settings) } else { Vec::new() },
        })
    }

    /// Adds to an error of the session where the values are given that it is about.
    pub fn with_origins(&self, error: Error) -> Error {
        error.with_given_endpoints(&self.given_endpoints).with_given_values(&self.given_values)
    }

    /// Returns whether it makes the same sessions as `other`, in the same way. Where the values come from
    /// makes no difference: a line that is added to the configuration file moves those below it.
    pub fn makes_the_sessions_of(&self, other: &Self) -> bool {
        let of = |plan: &Self| {
            let RolesAnywhere { source, session, fallbacks, hops } = plan.provider.clone();
            let (endpoints, timeout) = (plan.endpoints.clone(), plan.timeout);
            let services = plan.services.clone();
            let source = source_without_origins(source);
            (source, session, fallbacks, hops, (endpoints, services, timeout))
        };
        of(self) == of(other)
            && is_same_password(&self.password, &other.password)
            && is_same_transport(&self.transport, &other.transport)
    }

    /// Returns whether its private key and the password of that are from the same sources as those of
    /// `other`.
    pub fn has_the_key_of(&self, other: &Self) -> bool {
        let key = |plan: &Self| source_without_origins(plan.provider.source.clone()).private_key;
        key(self) == key(other) && is_same_password(&self.password, &other.password)
    }

    /// Returns the plan with the variables that a daemon names in its log.
    #[must_use]
    pub fn with_unknown_variables(self, settings: &Settings<'_>) -> Self {
        Self { unknown: unknown(settings), ..self }
    }

    /// Returns the plan of a command for people, who are told on a terminal which host it waits for:
    /// unless standard error has other lines or is read by a program, or its terminal erases nothing.
    pub fn with_waiting_line(self, settings: &Settings<'_>) -> Result<Self, UsageError> {
        let is_dumb = settings.environment.get("TERM") == Some("dumb");
        let format = error_format::given(settings)?;
        let waiting = match format {
            ErrorFormat::Text if !self.debug && !is_dumb => WaitDisplay::Line,
            _ => WaitDisplay::Nothing,
        };
        Ok(Self { waiting, ..self })
    }
}

fn source_without_origins(source: IdentitySource) -> IdentitySource {
    let input = |input: InputSource| InputSource { origin: None, ..input };
    let IdentitySource { certificate, private_key, intermediates, permissions } = source;
    let private_key = match private_key {
        KeySource::File(file) => KeySource::File(input(file)),
    };
    let (certificate, intermediates) = (input(certificate), intermediates.map(input));
    IdentitySource { certificate, private_key, intermediates, permissions }
}

fn is_same_password(one: &PasswordSource, other: &PasswordSource) -> bool {
    let location = |input: &InputSource| input.location.clone();
    match (one, other) {
        (
            PasswordSource::Default { credential: one },
            PasswordSource::Default { credential: other },
        ) => one.as_ref().map(location) == other.as_ref().map(location),
        (PasswordSource::From(one), PasswordSource::From(other)) => one.location == other.location,
        (
            PasswordSource::Inline { password: one, .. },
            PasswordSource::Inline { password: other, .. },
        ) => one.expose() == other.expose(),
        _ => false,
    }
}

fn is_same_transport(one: &TransportOptions, other: &TransportOptions) -> bool {
    let trust = |options: &TransportOptions| match &options.trust {
        Trust::File { path, .. } => Trust::File { path: path.clone(), origin: "".into() },
        other => other.clone(),
    };
    let is_same_proxy = match (&one.proxy, &other.proxy) {
        (Some(one), Some(other)) => one.is_same(other),
        (one, other) => one.is_none() && other.is_none(),
    };
    is_same_proxy && (trust(one), one.connect_timeout) == (trust(other), other.connect_timeout)
}

fn unknown(settings: &Settings<'_>) -> Vec<UnknownVariable> {
    unknown_variables(settings.commands, settings.environment)
}
