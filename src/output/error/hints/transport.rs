//! What to do about requests that do not reach AWS.

use roles_anywhere_client::aws::retry::RequestError;
use roles_anywhere_client::http::{Distrust, Presented, TransportError};

/// Returns what to do about a request that brought no response.
pub(super) fn request_hint(error: &RequestError) -> String {
    match error {
        RequestError::Sign(_) => "try the key with `openssl pkey -check`".to_owned(),
        RequestError::AccessKey(_) => "please report this".to_owned(),
        RequestError::Transport { source, .. } => transport_hint(source),
        RequestError::Timeout { .. } => {
            "check the network and any proxy to it; `--timeout SECONDS` allows more time".to_owned()
        }
    }
}

fn transport_hint(error: &TransportError) -> String {
    match error {
        TransportError::Connect { .. } => {
            "check the network, the firewall and HTTPS_PROXY; `--debug` shows which way is taken".to_owned()
        }
        TransportError::Resolve { for_socks: true, .. } => {
            "with `socks5://` this machine looks the name up; write `socks5h://` if the proxy is to do it".to_owned()
        }
        TransportError::Resolve { .. } => {
            "check DNS, the Region and HTTPS_PROXY; not every Region has FIPS or dual-stack endpoints".to_owned()
        }
        TransportError::Untrusted { presented, distrust, .. } => {
            distrust_hint(presented.as_deref(), *distrust)
        }
        TransportError::Handshake { .. } => {
            "TLS 1.2 or 1.3 is wanted on the other side; is something else listening there?".to_owned()
        }
        TransportError::Proxy { login: true, .. } => {
            "the proxy asks for a login: write it into HTTPS_PROXY as `http://USER:PASSWORD@HOST:PORT`".to_owned()
        }
        TransportError::Proxy { .. } => {
            "the proxy must allow CONNECT to that host and port; `--proxy URL` takes another, `--proxy none` goes without".to_owned()
        }
        TransportError::Interrupted { plain: true, .. } => {
            "if TLS is spoken on that port, write the endpoint as `https://`".to_owned()
        }
        TransportError::Interrupted { .. } => "try again; a proxy or gateway in between may cut connections".to_owned(),
        TransportError::TooLarge { .. } => "something other than AWS seems to answer there".to_owned(),
        TransportError::TrustStore { .. } => {
            "a PEM file with one CA certificate or more is wanted".to_owned()
        }
    }
}

fn distrust_hint(presented: Option<&Presented>, distrust: Distrust) -> String {
    let who = presented.map_or_else(String::new, |presented| {
        let Presented { subject, issuer, .. } = presented;
        format!("it was presented as `{subject}`, issued by `{issuer}`; ")
    });
    let what = match distrust {
        Distrust::Issuer => {
            "where that is your own TLS inspection or endpoint, pass its CA with `--ca-bundle FILE` or AWS_CA_BUNDLE"
        }
        Distrust::Name => "check the host name of the endpoint, and what answers there",
        Distrust::Time => {
            "check this machine's clock; if it is right, the certificate has to be renewed"
        }
        Distrust::Other => {
            "it has to be replaced by a server certificate of X.509 v3 that a CA issued; `--ca-bundle FILE` names that CA"
        }
    };
    format!("{who}{what}")
}
