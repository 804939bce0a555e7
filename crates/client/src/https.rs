//! The transport over reqwest and rustls, with our own TLS configuration.

mod error;
mod proxy_connect;
mod resolve;
mod trust;

use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use futures_util::future::BoxFuture;
use reqwest::header::HeaderValue;
use rustls::ClientConfig;

use crate::http::{Endpoint, Request, Response, TransportError, TransportOptions};
use crate::https::trust::Verifier;
use crate::secret::SecretBytes;

/// The most bytes of a response that are read: a secret may have 64 KiB, each of up to six bytes in
/// JSON.
const MAX_ANSWER: usize = 1 << 20;

/// Reads a regular file of at most this many bytes.
pub type ReadFile = fn(&Path, u64) -> io::Result<SecretBytes>;

/// A transport that builds its client on the first request: a run that ends with a usage error, or from
/// the cache, does not pay for TLS.
#[derive(Debug)]
pub struct Https {
    options: TransportOptions,
    read: ReadFile,
    client: OnceLock<Client>,
}

#[derive(Debug)]
struct Client {
    reqwest: reqwest::Client,
    verifier: Arc<Verifier>,
}

impl Https {
    /// Returns a transport with these options, which reads CA certificates by `read`. Opens nothing.
    pub fn new(options: TransportOptions, read: ReadFile) -> Self {
        Self { options, read, client: OnceLock::new() }
    }

    async fn exchange(&self, request: &Request) -> Result<Response, TransportError> {
        let client = self.client.get_or_init(|| Client::new(&self.options, self.read));
        let failed = |error| error::FailureContext {
            request,
            options: &self.options,
            verifier: &client.verifier,
            error,
        };
        let url = request.endpoint.url(request.path, &request.query);
        let mut builder = match request.method {
            "GET" => client.reqwest.get(url),
            _ => client.reqwest.post(url),
        };
        for (name, value) in request.headers.iter().filter(|(name, _)| name != "host") {
            builder = builder.header(name, header_value(name, value));
        }
        let mut answer = match builder.body(request.body.clone()).send().await {
            Ok(answer) => answer,
            Err(error) => return Err(failed(error).while_connecting().await),
        };
        let status = answer.status().as_u16();
        let headers = answer
            .headers()
            .iter()
            .filter_map(|(name, value)| {
                Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
            })
            .collect();
        let mut body = zeroize::Zeroizing::new(Vec::with_capacity(8 << 10));
        while let Some(chunk) = answer.chunk().await.map_err(|e| failed(e).while_reading())? {
            if body.len() + chunk.len() > MAX_ANSWER {
                let host = request.endpoint.host().to_owned();
                return Err(TransportError::TooLarge { host, limit: MAX_ANSWER });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response { status, headers, body: SecretBytes::new(std::mem::take(&mut *body)) })
    }
}

impl crate::http::Transport for Https {
    fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Response, TransportError>> {
        Box::pin(self.exchange(request))
    }

    fn proxy(&self, endpoint: &Endpoint) -> Option<String> {
        let proxy = self.options.proxy.as_ref().filter(|proxy| proxy.serves(endpoint))?;
        Some(proxy.to_string())
    }
}

impl Client {
    fn new(options: &TransportOptions, read: ReadFile) -> Self {
        let verifier = Arc::new(Verifier::new(&options.trust, read));
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls_configuration(&verifier))
            .user_agent(user_agent())
            .dns_resolver(resolve::Resolver)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .http1_only()
            .connect_timeout(options.connect_timeout);
        let builder = match options.proxy.clone() {
            None => builder.no_proxy(),
            Some(proxy) => builder
                .proxy(reqwest::Proxy::custom(move |target| proxy.on_the_way_to(target).cloned())),
        };
        let reqwest = builder.build().expect("nothing in these options can fail");
        Self { reqwest, verifier }
    }
}

fn tls_configuration(verifier: &Arc<Verifier>) -> ClientConfig {
    ClientConfig::builder_with_provider(verifier.provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .expect("the provider has cipher suites for both versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(verifier) as _)
        .with_no_client_auth()
}

/// Returns a header value, marked as sensitive if it authorizes, so that no library logs it. An invalid
/// value fails when the request is sent.
fn header_value(name: &str, value: &str) -> HeaderValue {
    let mut value = HeaderValue::from_str(value).unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(matches!(name, "authorization" | "x-amz-security-token"));
    value
}

/// `roles-anywhere/VERSION (os; arch)`
fn user_agent() -> String {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    format!("roles-anywhere/{} ({os}; {arch})", env!("CARGO_PKG_VERSION"))
}
