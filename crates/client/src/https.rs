//! The transport over reqwest and rustls, with our own TLS configuration.

mod connect_ahead;
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

/// Reads a regular file of at most this many bytes.
pub type ReadFile = fn(&Path, u64) -> io::Result<SecretBytes>;

/// A transport that builds its client on the first request: a run that ends with a usage error, or from
/// the cache, does not pay for TLS.
#[derive(Debug)]
pub struct Https {
    options: TransportOptions,
    read: ReadFile,
    client: OnceLock<Client>,
    /// Which hosts are called after the first one.
    next: Vec<Endpoint>,
    /// The clients of those of them that are connected to ahead; decided at the first request.
    ahead: OnceLock<Vec<(Endpoint, Client)>>,
}

#[derive(Debug)]
struct Client {
    reqwest: reqwest::Client,
    verifier: Arc<Verifier>,
}

impl Https {
    /// Returns a transport with these options, which reads CA certificates by `read`. Opens nothing.
    pub fn new(options: TransportOptions, read: ReadFile) -> Self {
        let (client, ahead) = (OnceLock::new(), OnceLock::new());
        Self { options, read, client, next: Vec::new(), ahead }
    }

    /// Connects to these endpoints while the first request is answered, unless that is to one of them.
    ///
    /// Nothing but the handshakes is sent to them before their own first request. If connecting ahead
    /// fails, that request connects again. A connection without a request is closed with the transport.
    #[must_use]
    pub fn connecting_ahead(self, next: Vec<Endpoint>) -> Self {
        Self { next, ..self }
    }

    /// Returns the client for `endpoint`. At the first request, begins to connect to the next hosts.
    fn client(&self, endpoint: &Endpoint) -> &Client {
        let ahead = self.ahead.get_or_init(|| self.connect_ahead(endpoint));
        let own = ahead.iter().find(|(host, _)| host == endpoint);
        own.map_or_else(|| self.first_client(), |(_, client)| client)
    }

    fn first_client(&self) -> &Client {
        self.client.get_or_init(|| Client::new(&self.options, self.read))
    }

    fn connect_ahead(&self, first: &Endpoint) -> Vec<(Endpoint, Client)> {
        let mut ahead: Vec<(Endpoint, Client)> = Vec::new();
        if self.next.contains(first) {
            return ahead;
        }
        for endpoint in &self.next {
            if ahead.iter().all(|(host, _)| host != endpoint) {
                let client = self.first_client().connecting_ahead(&self.options);
                connect_ahead::begin(&client.reqwest, endpoint);
                ahead.push((endpoint.clone(), client));
            }
        }
        ahead
    }

    async fn exchange(&self, request: &Request) -> Result<Response, TransportError> {
        let client = self.client(&request.endpoint);
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
        let limit = self.options.longest_response;
        let mut body = SecretBytes::with_capacity(8 << 10);
        while let Some(chunk) = answer.chunk().await.map_err(|e| failed(e).while_reading())? {
            if body.expose().len() + chunk.len() > limit {
                let host = request.endpoint.host().to_owned();
                return Err(TransportError::TooLarge { host, limit });
            }
            body.extend(&chunk);
        }
        Ok(Response { status, headers, body })
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
        let reqwest = build(builder(options, &verifier));
        Self { reqwest, verifier }
    }

    /// Returns a client of one host, to which it can be connected ahead; the trust roots are shared. A
    /// certificate that the host presents is not mistaken for one of the hosts of this client.
    fn connecting_ahead(&self, options: &TransportOptions) -> Self {
        let verifier = Arc::new(self.verifier.with_same_roots());
        let reqwest = build(connect_ahead::layered(builder(options, &verifier)));
        Self { reqwest, verifier }
    }
}

/// Returns the options of a client.
fn builder(options: &TransportOptions, verifier: &Arc<Verifier>) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls_configuration(verifier))
        .user_agent(user_agent())
        .dns_resolver(resolve::Resolver)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .http1_only()
        .connect_timeout(options.connect_timeout);
    match options.proxy.clone() {
        None => builder.no_proxy(),
        Some(proxy) => builder
            .proxy(reqwest::Proxy::custom(move |target| proxy.on_the_way_to(target).cloned())),
    }
}

fn build(builder: reqwest::ClientBuilder) -> reqwest::Client {
    builder.build().expect("nothing in these options can fail")
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
    value.set_sensitive(matches!(
        name,
        "authorization" | "x-amz-security-token" | "x-aws-parameters-secrets-token"
    ));
    value
}

/// `roles-anywhere/VERSION (os; arch)`
fn user_agent() -> String {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    format!("roles-anywhere/{} ({os}; {arch})", env!("CARGO_PKG_VERSION"))
}
