//! From a path to a route.

/// A route.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum SecretsRoute<'a> {
    /// Whether the process runs.
    Ping,
    /// Health and metrics, without a token.
    Health(HealthPage),
    /// A secret by `secretId`.
    Secret,
    /// A secret by its id in the path, which is given whole.
    SecretPath(&'a str),
    /// A parameter, as the Lambda extension returns it.
    Parameter,
    /// References.
    Resolve,
    /// None.
    Unknown,
}

/// A page about this process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum HealthPage {
    Alive,
    Ready,
    Metrics,
}

impl<'a> SecretsRoute<'a> {
    /// Returns the route of `path`; `prefix` is that of secret ids. A slash at the end is ignored, but not
    /// of an id.
    pub(super) fn of(path: &'a str, prefix: &str) -> Self {
        match path.strip_suffix('/').unwrap_or(path) {
            "/ping" => Self::Ping,
            "/healthz" => Self::Health(HealthPage::Alive),
            "/readyz" => Self::Health(HealthPage::Ready),
            "/metrics" => Self::Health(HealthPage::Metrics),
            "/secretsmanager/get" => Self::Secret,
            "/systemsmanager/parameters/get" => Self::Parameter,
            "/roles-anywhere/resolve" => Self::Resolve,
            _ if path.starts_with(prefix) => Self::SecretPath(path),
            _ => Self::Unknown,
        }
    }

    /// Returns its name in logs and metrics.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Health(HealthPage::Alive) => "healthz",
            Self::Health(HealthPage::Ready) => "readyz",
            Self::Health(HealthPage::Metrics) => "metrics",
            Self::Secret => "secret",
            Self::SecretPath(_) => "secret_path",
            Self::Parameter => "parameter",
            Self::Resolve => "resolve",
            Self::Unknown => "unknown",
        }
    }

    /// Returns whether it is about this process, and reads nothing.
    pub(super) fn is_health(&self) -> bool {
        matches!(self, Self::Ping | Self::Health(_))
    }
}
