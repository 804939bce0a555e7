//! What to do about requests that do not reach AWS.

use roles_anywhere_client::aws::retry::RequestError;
use roles_anywhere_client::http::{Distrust, Presented, TransportError};

/// Returns what to do about a request that brought no response.
pub(super) fn request_hint(error: &RequestError) -> String {
    match error {
        RequestError::Sign(_) => {
            "check the key with `openssl pkey -check -noout -in FILE`".to_owned()
        }
        RequestError::AccessKey(_) => "report this as a bug, without secrets".to_owned(),
        RequestError::Transport { source, .. } => transport_hint(source),
        RequestError::Timeout { .. } => {
            "check the network and any proxy, or allow more time with `--timeout SECONDS`"
                .to_owned()
        }
    }
}

fn transport_hint(error: &TransportError) -> String {
    match error {
        TransportError::Connect { .. } => {
            "check the network, the firewall and `HTTPS_PROXY`; `--debug` shows the endpoint and the proxy".to_owned()
        }
        TransportError::Resolve { for_socks: true, .. } => {
            "write `socks5h://` to let the proxy resolve the name; with `socks5://` this machine resolves it".to_owned()
        }
        TransportError::Resolve { .. } => {
            "check DNS, the Region and `HTTPS_PROXY`; not every Region has FIPS or dual-stack endpoints".to_owned()
        }
        TransportError::Untrusted { presented, distrust, .. } => {
            distrust_hint(presented.as_deref(), *distrust)
        }
        TransportError::Handshake { .. } => {
            "check the endpoint and its port: the server must support TLS 1.2 or 1.3".to_owned()
        }
        TransportError::Proxy { login: true, .. } => {
            "set `HTTPS_PROXY` to `http://USER:PASSWORD@HOST:PORT`: the proxy requires authentication".to_owned()
        }
        TransportError::Proxy { .. } => {
            "let the proxy allow CONNECT to that host and port, pass another one with `--proxy URL`, or use none with `--proxy none`".to_owned()
        }
        TransportError::Interrupted { plain: true, .. } => {
            "if the server expects TLS on that port, write the endpoint as `https://`".to_owned()
        }
        TransportError::Interrupted { .. } => "try again; if the problem remains, check proxies and gateways between this machine and AWS".to_owned(),
        TransportError::TooLarge { .. } => "check `--endpoint` and any proxy: the server does not seem to be AWS".to_owned(),
        TransportError::TrustStore { .. } => {
            "pass a PEM file with at least one CA certificate, with `--ca-bundle FILE` or `AWS_CA_BUNDLE`".to_owned()
        }
    }
}

fn distrust_hint(presented: Option<&Presented>, distrust: Distrust) -> String {
    let who = presented.map_or_else(String::new, |presented| {
        let Presented { subject, issuer, .. } = presented;
        format!("its subject is `{subject}`, its issuer is `{issuer}`; ")
    });
    let what = match distrust {
        Distrust::Issuer => {
            "if that is your own TLS inspection or endpoint, pass its CA with `--ca-bundle FILE` or `AWS_CA_BUNDLE`"
        }
        Distrust::Name => "check the host name of the endpoint, and which server listens there",
        Distrust::Time => {
            "check this machine's clock; if it is right, the certificate of the server must be renewed"
        }
        Distrust::Other => {
            "replace it with an X.509 version 3 server certificate issued by a CA, and pass that CA with `--ca-bundle FILE`"
        }
    };
    format!("{who}{what}")
}
