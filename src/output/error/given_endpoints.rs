//! Which option gives the endpoint that cannot be reached.

use super::Error;
use crate::options::table::Origin;
use roles_anywhere_client::aws::retry::RequestError;
use roles_anywhere_client::http::{Endpoint, TransportError};
use roles_anywhere_client::provider::ProviderError;

/// An endpoint that an option gives.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GivenEndpoint {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Where it comes from.
    pub origin: Origin,
}

impl Error {
    /// Adds which option gives the endpoint, if it is one of `given` that has no address or refuses
    /// connections.
    #[must_use]
    pub fn with_given_endpoints(self, given: &[GivenEndpoint]) -> Self {
        let Some(peer) = self.provider_error.as_deref().and_then(unreachable) else { return self };
        let is_peer = |GivenEndpoint { endpoint, .. }: &&GivenEndpoint| {
            let host = endpoint.host();
            peer == host || peer == format!("{host}:{}", endpoint.port())
        };
        match given.iter().find(is_peer) {
            Some(GivenEndpoint { endpoint, origin }) => {
                let name = origin.quoted();
                let hint = format!("check {name}, which gives the endpoint `{endpoint}`");
                self.hint(hint)
            }
            None => self,
        }
    }
}

/// Returns the host that has no address, or the host and the port that cannot be connected to; in front
/// of a proxy, those of the proxy.
fn unreachable(error: &ProviderError) -> Option<&str> {
    match error {
        ProviderError::EveryRegion { primary, .. } => unreachable(primary),
        ProviderError::Request(RequestError::Transport { source, .. }) => match source {
            TransportError::Connect { peer, .. } => Some(peer),
            TransportError::Resolve { host, .. } => Some(host),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::table::session::ENDPOINT;
    use roles_anywhere_client::http::SourceMessage;

    fn hints(source: TransportError) -> Vec<String> {
        let given = ["https://a.example", "https://b.example:8443", "https://[::1]:8443"];
        let origins =
            [Origin::Flag(&ENDPOINT), Origin::variable(&ENDPOINT), Origin::Default(&ENDPOINT)];
        let given = given.into_iter().zip(origins).map(|(endpoint, origin)| GivenEndpoint {
            endpoint: Endpoint::parse(endpoint).unwrap(),
            origin,
        });
        let given: Vec<GivenEndpoint> = given.collect();
        let error = ProviderError::from(RequestError::Transport { source, attempt: 3 });
        let error = Error::from(error);
        let generic = error.hints().len();
        error.with_given_endpoints(&given).hints()[generic..].to_vec()
    }

    fn connect(peer: &str) -> TransportError {
        TransportError::Connect { peer: peer.to_owned(), source: SourceMessage(String::new()) }
    }

    fn resolve(host: &str) -> TransportError {
        let (host, source) = (host.to_owned(), SourceMessage(String::new()));
        TransportError::Resolve { host, for_socks: false, source }
    }

    #[test]
    fn hint_names_the_option_of_the_endpoint() {
        let flag = ["check `--endpoint`, which gives the endpoint `https://a.example`"];
        let variable =
            ["check `ROLES_ANYWHERE_ENDPOINT`, which gives the endpoint `https://b.example:8443`"];
        assert_eq!(hints(resolve("a.example")), flag);
        assert_eq!(hints(connect("a.example:443")), flag);
        assert_eq!(hints(connect("b.example:8443")), variable);
        assert_eq!(hints(connect("[::1]:8443")).len(), 1);
        for other in ["a.example:8443", "the proxy a.example:443", "b.example:443"] {
            assert_eq!(hints(connect(other)), [""; 0], "{other}");
        }
        assert_eq!(hints(resolve("c.example")), [""; 0]);
    }
}
