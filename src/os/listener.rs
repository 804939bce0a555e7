//! The sockets of `serve`: HTTP/1.1 by hyper on the event loop of this thread.

mod body;
mod connections;
mod peer_uid;
mod tracked_stream;

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdListener};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{Either, select};
use http_body_util::Full;
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::task::LocalSet;

use crate::output::error::Error;
use crate::output::run::RunError;
use crate::server::{Exposure, HttpService, Listener, Peer, RemoteAccess, RequestBody, Response};
use connections::{Activity, ConnectionTable};
use tracked_stream::TrackedStream;

/// The limits of connections and requests.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections.
    pub connections: usize,
    /// How long a client may take to send the head of a request, from its first byte.
    pub reading: Duration,
    /// How long a client may take to receive a response.
    pub writing: Duration,
    /// How long a connection may be idle between requests.
    pub idle: Duration,
    /// How long running requests may take after the process was told to stop.
    pub drain: Duration,
    /// The bytes of the head of a request.
    pub head: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            reading: Duration::from_secs(5),
            writing: Duration::from_secs(5),
            idle: Duration::from_secs(60),
            drain: Duration::from_secs(2),
            head: MIN_HEAD,
        }
    }
}

/// How many file descriptors are reserved for files, AWS and name servers.
const RESERVE: usize = 48;

impl Limits {
    /// Returns the limits of a process that may open `descriptors` more file descriptors. Some are
    /// reserved: clients that use up the rest must not prevent the next refresh.
    pub fn within(descriptors: usize) -> Self {
        let reserve = RESERVE.min(descriptors / 3 * 2);
        let usual = Self::default();
        Self { connections: (descriptors - reserve).clamp(1, usual.connections), ..usual }
    }

    /// Returns the limits of a secrets endpoint that answers `requests` at a time while as many wait
    /// for a change, and how many that may be if the process may open `descriptors` more. Some connections
    /// are for clients that are told that there are too many.
    pub fn for_secrets(requests: usize, descriptors: usize) -> (Self, usize) {
        const MORE: usize = 16;
        let free = descriptors.saturating_sub(RESERVE.min(descriptors / 3 * 2));
        let requests = requests.min(free.saturating_sub(MORE) / 2).max(1);
        (Self { connections: 2 * requests + MORE, head: SECRETS_HEAD, ..Self::default() }, requests)
    }
}

/// The bytes of the smallest buffer that hyper accepts.
const MIN_HEAD: usize = 8_192;
/// The bytes of a head with a name of 2,048 characters, percent-encoded, and a session token.
const SECRETS_HEAD: usize = 16_384;
/// How many connections the kernel holds until they are accepted: a burst of clients at a boot.
const BACKLOG: i32 = 1_024;
/// How long to wait if no connection can be accepted and none can be closed for it.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// HTTP on bound sockets.
#[derive(Debug)]
pub struct HttpListener {
    listeners: Vec<BoundListener>,
    limits: Limits,
}

#[derive(Debug)]
struct BoundListener {
    socket: StdListener,
    address: SocketAddr,
    exposure: Exposure,
}

impl HttpListener {
    /// Binds all addresses, or none. Clients can connect from then on, and wait until `serve` runs.
    ///
    /// Without a `hop_limit`, responses have a hop limit of 64 on loopback and of 1 elsewhere.
    pub fn bind(
        addresses: &[SocketAddr],
        remote: RemoteAccess,
        hop_limit: Option<u8>,
        limits: Limits,
    ) -> Result<Self, Error> {
        let bind = |address: &SocketAddr| {
            let exposure = Exposure::of(address.ip(), remote);
            let usual = if exposure == Exposure::Everything { 64 } else { 1 };
            let socket = listen(*address, hop_limit.unwrap_or(usual));
            let bound = socket.and_then(|socket| {
                let address = socket.local_addr()?;
                Ok(BoundListener { socket, address, exposure })
            });
            bound.map_err(|source| RunError::Listen { address: *address, source }.into())
        };
        Ok(Self { listeners: addresses.iter().map(bind).collect::<Result<_, Error>>()?, limits })
    }

    /// Binds a port of 127.0.0.1 and, if the system has IPv6, of `::1`. Responses cannot leave this machine:
    /// their hop limit is 1.
    pub fn bind_loopback(port: u16, limits: Limits) -> Result<Self, Error> {
        let v4 = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut bound = Self::bind(&[v4], RemoteAccess::Refused, Some(1), limits)?;
        let port = bound.addresses().first().map_or(port, SocketAddr::port);
        let address = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
        match listen(address, 1) {
            Ok(socket) => {
                bound.listeners.push(BoundListener {
                    socket,
                    address,
                    exposure: Exposure::Everything,
                });
            }
            Err(error) if is_without_ipv6(&error) => {}
            Err(source) => return Err(RunError::Listen { address, source }.into()),
        }
        Ok(bound)
    }

    /// Returns the addresses, with the ports that the system chose for port 0.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().map(|bound| bound.address).collect()
    }
}

impl<S: HttpService + 'static> Listener<S> for HttpListener {
    fn serve(
        self: Box<Self>,
        service: Rc<S>,
        stop: Pin<Box<dyn Future<Output = ()>>>,
    ) -> Pin<Box<dyn Future<Output = Result<(), Error>>>> {
        Box::pin(async move {
            let tasks = LocalSet::new();
            tasks.run_until(serve(*self, service, stop)).await
        })
    }
}

async fn serve<S: HttpService + 'static>(
    http: HttpListener,
    service: Rc<S>,
    stop: impl Future<Output = ()>,
) -> Result<(), Error> {
    let connections = ConnectionTable::new(http.limits);
    let mut accepting = Vec::new();
    for BoundListener { socket, address, exposure } in http.listeners {
        let listener =
            TcpListener::from_std(socket).map_err(|source| RunError::Listen { address, source })?;
        let accept = accept(listener, exposure, Rc::clone(&connections), Rc::clone(&service));
        accepting.push(tokio::task::spawn_local(accept));
    }
    let watch = tokio::task::spawn_local({
        let connections = Rc::clone(&connections);
        async move { connections.watch().await }
    });
    stop.await;
    for task in accepting {
        task.abort();
    }
    service.stop_waiting();
    connections.drain().await;
    watch.abort();
    Ok(())
}

async fn accept<S: HttpService + 'static>(
    listener: TcpListener,
    exposure: Exposure,
    connections: Rc<ConnectionTable>,
    service: Rc<S>,
) -> Infallible {
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) if is_exhausted(&error) && connections.evict_slowest() => {
                // The connection is closed when its aborted task is polled next.
                tokio::task::yield_now().await;
                continue;
            }
            // The client closed before it was accepted, or there is no connection to close.
            Err(_) => {
                tokio::time::sleep(ACCEPT_BACKOFF).await;
                continue;
            }
        };
        // A client that has closed already has no address any more.
        if let Ok(local) = stream.local_addr() {
            let _ = stream.set_nodelay(true);
            let client = Rc::new(Peer::new(peer, local, exposure, peer_uid::of));
            let (service, head) = (Rc::clone(&service), connections.limits().head);
            connections.spawn(|activity, shutdown| {
                let stream = TrackedStream::new(stream, Rc::clone(&activity));
                converse((stream, head), client, service, activity, shutdown.wait())
            });
        }
    }
}

/// Returns whether file descriptors or memory are used up.
#[cfg(unix)]
fn is_exhausted(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let exhausted = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|error| exhausted.contains(&error))
}

#[cfg(not(unix))]
fn is_exhausted(_error: &io::Error) -> bool {
    true
}

/// Serves one connection, with a buffer for the head of a request, until it ends, or until `shutdown` and
/// the end of the running request.
async fn converse<S: HttpService>(
    (stream, head): (TrackedStream, usize),
    client: Rc<Peer>,
    service: Rc<S>,
    activity: Rc<Activity>,
    shutdown: impl Future<Output = ()>,
) {
    let respond = service_fn(|request: hyper::Request<Incoming>| {
        let (client, service, activity) = (&client, &service, &activity);
        async move {
            // What is not read of a body stays in the socket until the response is made.
            let (head, mut incoming) = request.into_parts();
            let body = body::receive(&mut incoming, service.body_limit(&head), activity).await;
            activity.responding();
            let request = hyper::Request::from_parts(head, body);
            let mut response = service.answer(&request, client).await;
            match request.body() {
                RequestBody::Empty => activity.writing(),
                RequestBody::Received(_) => {
                    activity.writing();
                    // Whether another request has begun is known only after the end of a head.
                    close_after(&mut response);
                }
                RequestBody::Unread => {
                    activity.rejecting();
                    close_after(&mut response);
                }
            }
            Ok::<_, Infallible>(response.map(Full::new))
        }
    });
    let connection = http1::Builder::new()
        .max_buf_size(head)
        // The connection table closes slow clients, without a timer for each.
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), respond);
    let mut connection = pin!(connection);
    let outcome = match select(connection.as_mut(), pin!(shutdown)).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right(_) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        // hyper has responded to these itself; other errors are connections that broke.
        if error.is_parse_too_large() {
            service.count_unreadable(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        } else if error.is_parse() {
            service.count_unreadable(StatusCode::BAD_REQUEST);
        }
    }
}

fn close_after(response: &mut Response) {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
}

/// Returns whether the system has no IPv6, or no IPv6 address of loopback.
fn is_without_ipv6(error: &io::Error) -> bool {
    #[cfg(unix)]
    let is_unsupported =
        rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::AFNOSUPPORT);
    #[cfg(not(unix))]
    let is_unsupported = false;
    is_unsupported || error.kind() == io::ErrorKind::AddrNotAvailable
}

fn listen(address: SocketAddr, hop_limit: u8) -> io::Result<StdListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Without this, closed connections in TIME_WAIT would prevent a restarted process from binding.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    // Accepted sockets inherit the hop limit.
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
        socket.set_unicast_hops_v6(hop_limit.into())?;
    } else {
        socket.set_ttl_v4(hop_limit.into())?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests;
