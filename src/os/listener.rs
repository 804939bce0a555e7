//! The sockets of `serve`: HTTP/1.1 by hyper on the event loop of this thread.

mod body;
mod connections;
mod peer_uid;
mod tracked_stream;

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{Either, select};
use http_body_util::Full;
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

use crate::output::error::{Error, Kind};
use crate::server::{Endpoints, Exposure, Listener, Peer, RemoteAccess};
use body::RequestBody;
use connections::{Crowd, Pulse};
use tracked_stream::Watched;

/// What a client may take of this process.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// How long the head of a request may take from its first byte.
    pub reading: Duration,
    /// How long an answer may take to be sent.
    pub writing: Duration,
    /// How long a connection may be silent between requests.
    pub idle: Duration,
    /// How long the requests that run may take once this process is to end.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            reading: Duration::from_secs(5),
            writing: Duration::from_secs(5),
            idle: Duration::from_secs(60),
            drain: Duration::from_secs(2),
        }
    }
}

/// How many file descriptors are kept for files, AWS and name servers.
const RESERVE: usize = 48;

impl Limits {
    /// Returns the limits of a process that may open so many file descriptors more. Some are kept in
    /// reserve: without, clients that connect would keep `serve` from the next session.
    pub fn within(descriptors: usize) -> Self {
        let reserve = RESERVE.min(descriptors / 3 * 2);
        let usual = Self::default();
        Self { connections: (descriptors - reserve).clamp(1, usual.connections), ..usual }
    }
}

/// The bytes of a request's head, which is the least that hyper takes.
const HEAD: usize = 8_192;
/// How many connections the kernel keeps for us until they are accepted.
const BACKLOG: i32 = 1_024;
/// How long to wait if no connection can be accepted, nor closed to make room for one.
const PAUSE: Duration = Duration::from_millis(50);

/// Bound sockets.
#[derive(Debug)]
pub struct Http {
    doors: Vec<Door>,
    limits: Limits,
}

#[derive(Debug)]
struct Door {
    socket: StdListener,
    address: SocketAddr,
    exposure: Exposure,
}

impl Http {
    /// Binds all addresses, or none. Nobody is served yet, but whoever connects waits.
    ///
    /// Without a `hop_limit`, replies live for 64 hops on loopback and for one elsewhere.
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
                Ok(Door { socket, address, exposure })
            });
            bound.map_err(|source| ListenError { address: *address, source }.into())
        };
        Ok(Self { doors: addresses.iter().map(bind).collect::<Result<_, Error>>()?, limits })
    }
}

impl Listener for Http {
    fn addresses(&self) -> Vec<SocketAddr> {
        self.doors.iter().map(|door| door.address).collect()
    }

    fn serve(
        self: Box<Self>,
        endpoints: Rc<Endpoints>,
        stop: Pin<Box<dyn Future<Output = ()>>>,
    ) -> Pin<Box<dyn Future<Output = Result<(), Error>>>> {
        Box::pin(async move {
            let tasks = LocalSet::new();
            tasks.run_until(serve(*self, endpoints, stop)).await
        })
    }
}

async fn serve(
    http: Http,
    endpoints: Rc<Endpoints>,
    stop: impl Future<Output = ()>,
) -> Result<(), Error> {
    let crowd = Crowd::new(http.limits);
    let mut doors = Vec::new();
    for Door { socket, address, exposure } in http.doors {
        let listener =
            TcpListener::from_std(socket).map_err(|source| ListenError { address, source })?;
        let accept = accept(listener, exposure, Rc::clone(&crowd), Rc::clone(&endpoints));
        doors.push(tokio::task::spawn_local(accept));
    }
    let watch = tokio::task::spawn_local({
        let crowd = Rc::clone(&crowd);
        async move { crowd.watch().await }
    });
    stop.await;
    for door in doors {
        door.abort();
    }
    crowd.drain().await;
    watch.abort();
    Ok(())
}

async fn accept(
    listener: TcpListener,
    exposure: Exposure,
    crowd: Rc<Crowd>,
    endpoints: Rc<Endpoints>,
) -> Infallible {
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) if is_exhausted(&error) && crowd.make_room() => {
                // What is to be closed is closed when its task is polled next.
                tokio::task::yield_now().await;
                continue;
            }
            // One that was gone before it was accepted, or nothing to close.
            Err(_) => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        // Whoever is gone already has no address any more.
        if let Ok(local) = stream.local_addr() {
            let _ = stream.set_nodelay(true);
            let client = Rc::new(Peer::new(peer, local, exposure, peer_uid::of));
            let endpoints = Rc::clone(&endpoints);
            crowd.seat(|pulse, ending| converse(stream, client, endpoints, pulse, ending.wait()));
        }
    }
}

/// Returns whether there is no file descriptor, or no memory, for one connection more.
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

/// Serves one connection to its end, or until `ending` and the end of the request that runs.
async fn converse(
    stream: TcpStream,
    client: Rc<Peer>,
    endpoints: Rc<Endpoints>,
    pulse: Rc<Pulse>,
    ending: impl Future<Output = ()>,
) {
    let service = service_fn(|mut request: hyper::Request<Incoming>| {
        let (client, endpoints, pulse) = (&client, &endpoints, &pulse);
        async move {
            let body = RequestBody::of(request.body_mut(), pulse).await;
            pulse.answers();
            // The rest of a body stays where it is until the answer is made.
            let (head, _rest) = request.into_parts();
            let response = endpoints.answer(&hyper::Request::from_parts(head, body), client).await;
            match body {
                RequestBody::Empty => pulse.writes(),
                RequestBody::Present => pulse.refuses(),
            }
            Ok::<_, Infallible>(response.map(Full::new))
        }
    });
    let stream = TokioIo::new(Watched::new(stream, Rc::clone(&pulse)));
    let connection = http1::Builder::new()
        .max_buf_size(HEAD)
        // The crowd watches for slow clients, without a timer for each.
        .header_read_timeout(None)
        .serve_connection(stream, service);
    let mut connection = pin!(connection);
    let outcome = match select(connection.as_mut(), pin!(ending)).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right(_) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        // hyper has answered these itself; the rest are connections that broke.
        if error.is_parse_too_large() {
            endpoints.count_unreadable(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        } else if error.is_parse() {
            endpoints.count_unreadable(StatusCode::BAD_REQUEST);
        }
    }
}

fn listen(address: SocketAddr, hop_limit: u8) -> io::Result<StdListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Connections of before that linger do not keep a new process from the address.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    // What is accepted inherits the hop limit.
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

#[derive(Debug, thiserror::Error)]
#[error("could not listen on {address}")]
struct ListenError {
    address: SocketAddr,
    source: io::Error,
}

impl From<ListenError> for Error {
    fn from(error: ListenError) -> Self {
        let hint = match error.source.kind() {
            io::ErrorKind::AddrInUse => {
                "another program listens there, perhaps another `serve`: `ss -ltnp` shows it; `--port` or `--listen` takes another port"
            }
            io::ErrorKind::PermissionDenied => {
                "ports below 1024 need a privilege (CAP_NET_BIND_SERVICE); `--port` takes another"
            }
            io::ErrorKind::AddrNotAvailable => {
                "this machine has no such address; `ip address` shows those that it has"
            }
            _ => "`--port` or `--listen` takes another address",
        };
        Self::new(Kind::Local, error).hint(hint)
    }
}

#[cfg(test)]
mod tests;
