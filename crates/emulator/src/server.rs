//! The sockets: AWS over TLS (and without with `--http`), the control API without, both HTTP/1.1 and
//! served by one thread.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener as StdListener;
use std::str::Utf8Error;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

use crate::body::AnswerBody;
use crate::fault::Ending;
use crate::guard::Guard;
use crate::message::{Peer, Reply, Request};
use crate::network::TlsMode;
use crate::state::Shared;
use crate::{control, date, service};

/// The most that a request's body may hold; the largest secret is a quarter of it.
const MOST_BODY: usize = 1 << 20;
/// How long to wait where no connection can be accepted, for want of file descriptors as a rule.
const PAUSE: Duration = Duration::from_millis(10);

/// Both listening sockets, and who may use them how.
#[derive(Debug)]
pub(crate) struct Listeners {
    pub(crate) aws: StdListener,
    pub(crate) tls_mode: TlsMode,
    pub(crate) tls: Arc<ServerConfig>,
    pub(crate) control: StdListener,
    pub(crate) guard: Guard,
}

/// Returns the TLS configuration of a certificate and its PKCS#8 key, both in DER.
pub(crate) fn tls(certificate: Vec<u8>, key: Vec<u8>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from(certificate)],
            PrivatePkcs8KeyDer::from(key).into(),
        )?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Serves until `stop` is dropped or sent.
pub(crate) fn serve(
    listeners: Listeners,
    shared: &Shared,
    stop: oneshot::Receiver<()>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let aws = TcpListener::from_std(listeners.aws)?;
        let control = TcpListener::from_std(listeners.control)?;
        let tls = TlsAcceptor::from(listeners.tls);
        tokio::spawn(accept_aws(aws, listeners.tls_mode, tls, shared.clone()));
        tokio::spawn(accept_control(control, listeners.guard, shared.clone()));
        let _ = stop.await;
        Ok(())
    })
}

async fn accept_aws(listener: TcpListener, mode: TlsMode, tls: TlsAcceptor, shared: Shared) {
    loop {
        let stream = accept(&listener).await;
        let _ = stream.set_nodelay(true);
        let (tls, shared) = (tls.clone(), shared.clone());
        let ip = stream.peer_addr().ok().map(|address| address.ip());
        let peer = move |is_tls| Peer { ip, is_tls };
        tokio::spawn(async move {
            match (is_tls(&stream).await, mode) {
                // A client that does not trust us says so itself.
                (true, _) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        connection(stream, peer(true), shared).await;
                    }
                }
                (false, TlsMode::Optional) => connection(stream, peer(false), shared).await,
                (false, TlsMode::Required) => {
                    reply_to_all(stream, |_| async { plain_http() }).await;
                }
            }
        });
    }
}

/// Whether a client begins with a TLS record of a handshake, as no line of HTTP does.
async fn is_tls(stream: &TcpStream) -> bool {
    const HANDSHAKE: u8 = 22;
    let mut first = [HANDSHAKE];
    let _ = stream.peek(&mut first).await;
    first == [HANDSHAKE]
}

fn plain_http() -> Reply {
    let text = "this port takes HTTPS only: use an https:// URL, or start the emulator with \
                --http\n";
    Reply::new(400, "text/plain", text)
}

async fn accept_control(listener: TcpListener, guard: Guard, shared: Shared) {
    loop {
        let stream = accept(&listener).await;
        let (guard, shared) = (guard.clone(), shared.clone());
        tokio::spawn(reply_to_all(stream, move |request| {
            control_reply(guard.clone(), shared.clone(), request)
        }));
    }
}

async fn control_reply(guard: Guard, shared: Shared, request: Request) -> Reply {
    if let Some(reply) = health(&request) {
        return reply;
    }
    match guard.check(&request) {
        Ok(()) => control::answer(&shared, &request).await,
        Err(reply) => reply,
    }
}

/// Serves a connection without TLS.
async fn reply_to_all<R: Future<Output = Reply>>(stream: TcpStream, reply: impl Fn(Request) -> R) {
    let service = service_fn(|request| async {
        let reply = match read(request).await {
            Ok(request) => reply(request).await,
            Err(reply) => reply,
        };
        Ok::<_, Infallible>(response(reply, AnswerBody::whole))
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// Returns the reply to `GET /healthz`, which is not a request to AWS or to the control API: it is
/// not logged, no fault affects it, and its host does not matter.
fn health(request: &Request) -> Option<Reply> {
    let is_probe = request.path == "/healthz" && ["GET", "HEAD"].contains(&&*request.method);
    is_probe.then(|| Reply::new(200, "application/json", "{\"status\":\"ok\"}\n"))
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(_) => sleep(PAUSE).await,
        }
    }
}

async fn connection<S: AsyncRead + AsyncWrite + Unpin>(stream: S, peer: Peer, shared: Shared) {
    let service = service_fn(|request| {
        let shared = shared.clone();
        async move { answer(&shared, request, peer).await }
    });
    // Errors are cuts, ours or the client's.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(
    shared: &Shared,
    request: hyper::Request<Incoming>,
    peer: Peer,
) -> io::Result<hyper::Response<AnswerBody>> {
    let request = match read(request).await {
        Ok(request) => Request { peer, ..request },
        Err(reply) => return Ok(response(reply, AnswerBody::whole)),
    };
    if let Some(reply) = health(&request) {
        return Ok(response(reply, AnswerBody::whole));
    }
    let answer = service::answer(&mut shared.lock(), &request);
    if answer.delay > Duration::ZERO {
        sleep(answer.delay).await;
    }
    let now = shared.lock().clock.now();
    let skew = time::Duration::seconds(answer.skew_seconds);
    let mut reply = answer.reply;
    if !reply.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("date")) {
        reply = reply.with("date", date::format_http(now.checked_add(skew).unwrap_or(now)));
    }
    match answer.ending {
        Ending::Kept => Ok(response(reply, AnswerBody::whole)),
        Ending::Cut => Err(io::Error::other("a fault cuts the connection")),
        Ending::CutAfter(keep) => Ok(response(reply, |body| AnswerBody::cut_after(body, keep))),
    }
}

/// Reads a whole request, or returns the reply to one that cannot be read.
async fn read(request: hyper::Request<Incoming>) -> Result<Request, Reply> {
    let too_large = || Reply::new(413, "text/plain", "the body is too large\n");
    let (parts, body) = request.into_parts();
    if body.size_hint().lower() > MOST_BODY as u64 {
        return Err(too_large());
    }
    let body = Limited::new(body, MOST_BODY).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            too_large()
        } else {
            Reply::new(400, "text/plain", "the body cannot be read\n")
        }
    })?;
    // Read as anything else than what was sent, a value could be changed and still be verified.
    let headers: Result<Vec<_>, Utf8Error> = parts
        .headers
        .iter()
        .map(|(name, value)| {
            Ok((name.as_str().to_owned(), str::from_utf8(value.as_bytes())?.to_owned()))
        })
        .collect();
    let mut headers =
        headers.map_err(|_| Reply::new(400, "text/plain", "a header is not UTF-8\n"))?;
    // As RFC 9112 has it: the host of a target in absolute form is the host.
    if let Some(authority) = parts.uri.authority() {
        headers.retain(|(name, _)| name != "host");
        headers.push(("host".to_owned(), authority.as_str().to_owned()));
    }
    Ok(Request {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers,
        body: body.to_bytes().to_vec(),
        peer: Peer::default(),
    })
}

/// A header that a scripted fault misspells makes a plain 500 that says so.
fn response(reply: Reply, body: impl FnOnce(Vec<u8>) -> AnswerBody) -> hyper::Response<AnswerBody> {
    let mut response = hyper::Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    response.body(body(reply.body)).unwrap_or_else(|error| {
        let mut response = hyper::Response::new(AnswerBody::whole(error.to_string().into()));
        *response.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}
