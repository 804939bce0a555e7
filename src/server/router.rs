//! From a path to a route. The paths themselves are in `api`, in the file of their dialect.

use std::borrow::Cow;
use std::ops::ControlFlow;

use hyper::Method;
use hyper::body::Bytes;
use hyper::header::HeaderMap;

use super::Endpoints;
use super::api::{container, health, imds};
use super::bodies::CredentialBodies;
use super::peer::Exposure;
use super::policy::Offer;
use super::response::Response;
use super::route_token::RouteToken;
use super::served_roles::{ServedRole, ServedRoles};

/// A route: all that the server knows about it, in one value.
///
/// A new route is an entry in the `route` function of its dialect. Names, methods, access and handler
/// are looked up nowhere else.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route<'a> {
    /// The name in logs and metrics.
    pub(super) name: &'static str,
    /// The methods that it allows.
    pub(super) methods: Methods,
    /// The clients that it exists for; for all others it is not found.
    pub(super) access: Access,
    /// The token that it requires, if it is of container credentials.
    pub(super) token: Option<&'a RouteToken>,
    /// Checks the token of the client, or returns the refusal.
    pub(super) authenticate:
        fn(&Endpoints, Option<&RouteToken>, &HeaderMap) -> ControlFlow<Response, Authentication>,
    /// Makes the response.
    pub(super) handler: Handler<'a>,
}

/// How a route makes its response. These are variants and not async functions, so that a request
/// allocates no future: waiting for a session is the only step that can wait.
#[derive(Clone, Copy, Debug)]
pub(super) enum Handler<'a> {
    /// The same text at all times.
    Static(&'a Bytes),
    /// Made at once, from the headers of the request.
    Direct(fn(&Endpoints, &HeaderMap) -> Response),
    /// Waits for a session and tells about it, without its secrets.
    SessionInfo(&'a ServedRole, fn(&CredentialBodies) -> Response),
    /// Waits for a session, logs the vend, and hands out the credentials.
    Credentials(&'a ServedRole, fn(&CredentialBodies) -> Response),
}

/// What a client has proved by a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Authentication {
    /// Nothing.
    None,
    /// That it can send requests of its own choice. Every process can get such a token.
    MetadataToken {
        /// How long the token is still valid for.
        seconds_left: u64,
    },
    /// That it can read the token file of container credentials.
    ContainerToken,
}

/// The methods that a route allows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Methods {
    /// `GET` and `HEAD`.
    GetHead,
    /// `PUT`.
    Put,
}

impl Methods {
    /// Returns the value of `Allow` if `method` is not allowed.
    pub(super) fn allowed_instead_of(self, method: &Method) -> Option<&'static str> {
        match self {
            Self::GetHead => {
                (method != Method::GET && method != Method::HEAD).then_some("GET, HEAD")
            }
            Self::Put => (method != Method::PUT).then_some("PUT"),
        }
    }
}

/// The clients that a route exists for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Access {
    /// All clients. A prober on another machine may ask for health, which tells it nothing about the
    /// role.
    Health,
    /// Clients on this machine: the metrics tell about the certificate and about AWS.
    Loopback,
    /// Clients of instance metadata.
    Imds,
    /// Clients of container credentials.
    Container,
    /// No client.
    Nothing,
}

impl Access {
    /// Returns whether the route exists at an address of this `exposure`, if `offer` is served.
    pub(super) fn includes(self, exposure: Exposure, offer: Offer) -> bool {
        match self {
            Self::Health => offer != Offer::OneProgram,
            Self::Loopback => exposure == Exposure::Everything && offer != Offer::OneProgram,
            Self::Imds => exposure != Exposure::Container && offer.has_imds(),
            Self::Container => offer.has_container(),
            Self::Nothing => false,
        }
    }
}

impl<'a> Route<'a> {
    /// Returns the route of `path`. Repeated slashes count as one, and a trailing slash is ignored.
    pub(super) fn of(path: &str, roles: &'a ServedRoles) -> Self {
        let path = &*normalized(path);
        roles
            .imds
            .as_deref()
            .and_then(|role| imds::route(path, role))
            .or_else(|| container::route(path, roles))
            .or_else(|| health::route(path))
            .unwrap_or(UNKNOWN)
    }

    /// Returns the role that its path names.
    pub(super) fn role_in_path(&self) -> Option<&'a str> {
        self.token.and_then(RouteToken::name)
    }
}

/// A path that no dialect has. It needs a name, since its requests are counted too.
const UNKNOWN: Route<'static> = Route {
    name: "unknown",
    methods: Methods::GetHead,
    access: Access::Nothing,
    token: None,
    authenticate: without_token,
    handler: Handler::Direct(|_, _| super::response::not_found()),
};

/// Lets a client in without a token.
pub(super) fn without_token(
    _: &Endpoints,
    _: Option<&RouteToken>,
    _: &HeaderMap,
) -> ControlFlow<Response, Authentication> {
    ControlFlow::Continue(Authentication::None)
}

fn normalized(path: &str) -> Cow<'_, str> {
    if !path.contains("//") {
        return Cow::Borrowed(path.strip_suffix('/').unwrap_or(path));
    }
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    Cow::Owned(segments.flat_map(|segment| ["/", segment]).collect())
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;
    use std::sync::Arc;

    use super::*;
    use crate::server::ContainerRoute;
    use crate::test_support::FakeTokenStore;
    use roles_anywhere_client::region::Region;

    /// Returns the roles `a` and `b`, of which `a` is the default one.
    fn roles() -> ServedRoles {
        let region = Region::parse("eu-central-1").unwrap();
        let served = |name: &str| {
            let arn = "arn:aws:iam::123456789012:role/path/Plant".parse().unwrap();
            Rc::new(ServedRole::new(Some(name.into()), (&arn, &region), Arc::default()))
        };
        let all = ["a", "b"].map(served);
        let route = |name: Option<&str>, role: &Rc<ServedRole>| {
            let token = RouteToken::new(name.map(Into::into), Box::new(FakeTokenStore::default()));
            ContainerRoute { role: Rc::clone(role), token: Rc::new(token) }
        };
        let [a, b] = &all;
        let container = vec![route(None, a), route(Some("a"), a), route(Some("b"), b)];
        ServedRoles { imds: Some(Rc::clone(a)), container, all: all.to_vec() }
    }

    /// Names the route of a path, and what kind of response it makes.
    fn found(path: &str, roles: &ServedRoles) -> (&'static str, &'static str) {
        let route = Route::of(path, roles);
        let kind = match route.handler {
            Handler::Static(_) => "static",
            Handler::Direct(_) => "direct",
            Handler::SessionInfo(..) => "session info",
            Handler::Credentials(..) => "credentials",
        };
        (route.name, kind)
    }

    #[test]
    fn takes_a_path_as_clients_write_it() {
        let roles = roles();
        let absent = ("metadata", "direct");
        let unknown = ("unknown", "direct");
        let rows = [
            ("/latest/api/token", ("token", "direct")),
            ("//latest//api/token//", ("token", "direct")),
            ("/latest/meta-data/iam/security-credentials", ("role", "static")),
            ("/latest/meta-data/iam/security-credentials/", ("role", "static")),
            ("/latest/meta-data/iam/security-credentials//Plant", ("imds", "credentials")),
            ("/latest/meta-data/iam/security-credentials/Plant/", ("imds", "credentials")),
            ("/latest/meta-data/iam/security-credentials/%50lant", ("imds", "credentials")),
            ("/latest/meta-data/iam/security-credentials/plant", absent),
            ("/latest/meta-data/iam/security-credentials/Plant/x", absent),
            ("/latest/meta-data/iam/info/", ("metadata", "session info")),
            ("/latest/meta-data/", ("metadata", "static")),
            ("/latest/", ("metadata", "static")),
            ("/latest/user-data", absent),
            ("/latest/api", absent),
            ("/credentials/", ("container", "credentials")),
            ("/healthz", ("healthz", "direct")),
            ("/readyz", ("readyz", "direct")),
            ("/metrics", ("metrics", "direct")),
            ("/", unknown),
            ("", unknown),
            ("*", unknown),
            ("/LATEST/api/token", unknown),
            ("/2021-03-23/api/token", unknown),
            ("/latest/../credentials", absent),
            ("/credentials/b", ("container", "credentials")),
            ("//credentials//b/", ("container", "credentials")),
            ("/credentials/x", unknown),
            ("/credentials/B", unknown),
            ("/credentials/b/x", unknown),
            ("/credentials/%62", unknown),
            ("/credentialsb", unknown),
        ];
        for (path, route) in rows {
            assert_eq!(found(path, &roles), route, "{path}");
        }
    }

    #[test]
    fn another_machine_reaches_what_it_may() {
        let roles = roles();
        let offered = |path: &str, offer| {
            [Exposure::Everything, Exposure::Imds, Exposure::Container]
                .map(|exposure| Route::of(path, &roles).access.includes(exposure, offer))
        };
        let within = |path| offered(path, Offer::Both);
        for path in [
            "/latest/api/token",
            "/latest/meta-data/iam/security-credentials",
            "/latest/meta-data/iam/security-credentials/Plant",
            "/latest/meta-data/iam/info",
            "/latest",
            "/latest/user-data",
        ] {
            assert_eq!(within(path), [true, true, false], "{path}");
            assert_eq!(offered(path, Offer::Imds), within(path), "{path}");
            assert_eq!(offered(path, Offer::Container), [false; 3], "{path}");
        }
        for path in ["/credentials", "/healthz", "/readyz"] {
            assert_eq!(within(path), [true; 3], "{path}");
        }
        assert_eq!(within("/else"), [false; 3]);
        assert_eq!(offered("/credentials", Offer::Imds), [false; 3]);
        for offer in [Offer::Both, Offer::Imds, Offer::Container] {
            assert_eq!(offered("/metrics", offer), [true, false, false]);
            assert_eq!(offered("/readyz", offer), [true; 3]);
        }
        for path in ["/healthz", "/readyz", "/metrics", "/latest/api/token", "/else"] {
            assert_eq!(offered(path, Offer::OneProgram), [false; 3], "{path}");
        }
        assert_eq!(offered("/credentials", Offer::OneProgram), [true; 3]);
    }

    #[test]
    fn a_token_is_put_and_all_else_is_got() {
        let roles = roles();
        let allowed = |path: &str| {
            [Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::OPTIONS, Method::DELETE]
                .map(|method| {
                    let methods = Route::of(path, &roles).methods;
                    methods.allowed_instead_of(&method).unwrap_or_default()
                })
        };
        assert_eq!(allowed("/latest/api/token"), ["PUT", "PUT", "", "PUT", "PUT", "PUT"]);
        let got = ["", "", "GET, HEAD", "GET, HEAD", "GET, HEAD", "GET, HEAD"];
        assert_eq!(allowed("/latest/meta-data/iam/security-credentials/Plant"), got);
        assert_eq!(allowed("/metrics"), got);
    }
}
