//! What a path means.

use std::borrow::Cow;

use hyper::Method;
use hyper::body::Bytes;

use super::api::imds::Instance;
use super::peer::Reach;
use super::policy::Offer;

/// The path of container credentials.
pub const CONTAINER: &str = "/credentials";

/// What is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Route<'a> {
    /// A token of instance metadata.
    Token,
    /// The name of the role.
    Role,
    /// The credentials of the role.
    Credentials,
    /// The instance profile.
    Profile,
    /// Instance metadata that is the same all the time.
    Fixed(&'a Bytes),
    /// Instance metadata that is not there, such as the credentials of another role.
    Absent,
    /// The credentials, as containers get them.
    Container,
    /// Whether this process is alive.
    Healthz,
    /// Whether there are credentials.
    Readyz,
    /// Numbers for Prometheus.
    Metrics,
    /// Nothing.
    Unknown,
}

impl<'a> Route<'a> {
    /// Returns what `path` means. Duplicate slashes are one, and a trailing one is none.
    pub(super) fn of(path: &str, instance: &'a Instance) -> Self {
        let path = &*collapsed(path);
        if let Some(segment) = path.strip_prefix("/latest/meta-data/iam/security-credentials/") {
            return if instance.is_role(segment) { Self::Credentials } else { Self::Absent };
        }
        match path {
            "/latest/meta-data/iam/security-credentials" => Self::Role,
            "/latest/api/token" => Self::Token,
            "/latest/meta-data/iam/info" => Self::Profile,
            CONTAINER => Self::Container,
            "/healthz" => Self::Healthz,
            "/readyz" => Self::Readyz,
            "/metrics" => Self::Metrics,
            _ => match instance.at(path) {
                Some(body) => Self::Fixed(body),
                None if path.starts_with("/latest/") => Self::Absent,
                None => Self::Unknown,
            },
        }
    }

    /// Returns the name of the route in logs and metrics.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Role => "role",
            Self::Credentials => "imds",
            Self::Profile | Self::Fixed(_) | Self::Absent => "metadata",
            Self::Container => "container",
            Self::Healthz => "healthz",
            Self::Readyz => "readyz",
            Self::Metrics => "metrics",
            Self::Unknown => "unknown",
        }
    }

    /// Tells whether there is such a route for those who reach so far, if `offer` is served.
    ///
    /// A prober on another machine may ask for health, which tells it nothing about the role.
    /// The numbers say how it stands with the certificate and with AWS: they are for this machine.
    pub(super) fn is_within(self, reach: Reach, offer: Offer) -> bool {
        match self {
            Self::Container => offer.has_container(),
            Self::Healthz | Self::Readyz | Self::Unknown => true,
            Self::Metrics => reach == Reach::Everything,
            _ => reach != Reach::Container && offer.has_imds(),
        }
    }

    /// Returns the methods that it takes, where `method` is none of them.
    pub(super) fn wants_instead_of(self, method: &Method) -> Option<&'static str> {
        match self {
            Self::Token => (method != Method::PUT).then_some("PUT"),
            _ => (method != Method::GET && method != Method::HEAD).then_some("GET, HEAD"),
        }
    }
}

fn collapsed(path: &str) -> Cow<'_, str> {
    if !path.contains("//") {
        return Cow::Borrowed(path.strip_suffix('/').unwrap_or(path));
    }
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    Cow::Owned(segments.flat_map(|segment| ["/", segment]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use roles_anywhere_client::region::Region;

    fn instance() -> Instance {
        let role = "arn:aws:iam::123456789012:role/path/Plant".parse().unwrap();
        Instance::new(&role, &Region::parse("eu-central-1").unwrap())
    }

    #[test]
    fn takes_a_path_as_clients_write_it() {
        let instance = instance();
        let rows = [
            ("/latest/api/token", "Token"),
            ("//latest//api/token//", "Token"),
            ("/latest/meta-data/iam/security-credentials", "Role"),
            ("/latest/meta-data/iam/security-credentials/", "Role"),
            ("/latest/meta-data/iam/security-credentials//Plant", "Credentials"),
            ("/latest/meta-data/iam/security-credentials/Plant/", "Credentials"),
            ("/latest/meta-data/iam/security-credentials/%50lant", "Credentials"),
            ("/latest/meta-data/iam/security-credentials/plant", "Absent"),
            ("/latest/meta-data/iam/security-credentials/Plant/x", "Absent"),
            ("/latest/meta-data/iam/info/", "Profile"),
            ("/latest/meta-data/", "Fixed"),
            ("/latest/", "Fixed"),
            ("/latest/user-data", "Absent"),
            ("/latest/api", "Absent"),
            ("/credentials/", "Container"),
            ("/healthz", "Healthz"),
            ("/readyz", "Readyz"),
            ("/metrics", "Metrics"),
            ("/", "Unknown"),
            ("", "Unknown"),
            ("*", "Unknown"),
            ("/LATEST/api/token", "Unknown"),
            ("/2021-03-23/api/token", "Unknown"),
            ("/latest/../credentials", "Absent"),
            ("/credentials/x", "Unknown"),
        ];
        for (path, route) in rows {
            let found = format!("{:?}", Route::of(path, &instance));
            assert!(found.starts_with(route), "{path}: {found}");
        }
    }

    #[test]
    fn another_machine_reaches_what_it_may() {
        use Route::*;
        let instance = instance();
        let body = instance.at("/latest").unwrap();
        let imds = [Token, Role, Credentials, Profile, Fixed(body), Absent];
        let offered = |route: Route<'_>, offer| {
            [Reach::Everything, Reach::Imds, Reach::Container]
                .map(|reach| route.is_within(reach, offer))
        };
        let within = |route| offered(route, Offer::Both);
        for route in imds {
            assert_eq!(within(route), [true, true, false], "{route:?}");
            assert_eq!(offered(route, Offer::Imds), within(route), "{route:?}");
            assert_eq!(offered(route, Offer::Container), [false; 3], "{route:?}");
        }
        for route in [Container, Healthz, Readyz] {
            assert_eq!(within(route), [true; 3], "{route:?}");
        }
        assert_eq!(offered(Container, Offer::Imds), [false; 3]);
        for offer in [Offer::Both, Offer::Imds, Offer::Container] {
            assert_eq!(offered(Metrics, offer), [true, false, false]);
            assert_eq!(offered(Readyz, offer), [true; 3]);
        }
    }

    #[test]
    fn a_token_is_put_and_all_else_is_got() {
        let wants = |route: Route<'_>| {
            [Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::OPTIONS, Method::DELETE]
                .map(|method| route.wants_instead_of(&method).unwrap_or_default())
        };
        assert_eq!(wants(Route::Token), ["PUT", "PUT", "", "PUT", "PUT", "PUT"]);
        let got = ["", "", "GET, HEAD", "GET, HEAD", "GET, HEAD", "GET, HEAD"];
        assert_eq!(wants(Route::Credentials), got);
        assert_eq!(wants(Route::Metrics), got);
    }
}
