//! A network link with a delay: what is sent to an address arrives after half of a round trip, and the
//! answer after the other half.
//!
//! The kernel of one machine connects at once. So what the client sends first is held for a round trip
//! more, the time of TCP's own handshake.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

/// How long a message and its answer take.
pub(crate) const ROUND_TRIP: Duration = Duration::from_millis(60);

/// What is at the other end of a link.
#[derive(Clone, Copy)]
pub(crate) enum Speaks {
    /// A server with TLS.
    Tls,
    /// A proxy that answers any CONNECT, and is beside that server.
    Connect,
}

/// Starts a link to `server`, and returns the address of its near end.
#[expect(clippy::disallowed_methods, reason = "the near end of the link")]
pub(crate) fn start(server: SocketAddr, speaks: Speaks) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let connected = now() + ROUND_TRIP;
            thread::spawn(move || {
                // The tool tells of a connection that ends early.
                let _ = carry(near, server, speaks, connected);
            });
        }
    });
    Ok(address)
}

#[expect(clippy::disallowed_methods, reason = "the far end of the link")]
fn carry(
    mut near: TcpStream,
    server: SocketAddr,
    speaks: Speaks,
    connected: Instant,
) -> std::io::Result<()> {
    let far = TcpStream::connect(server)?;
    for stream in [&near, &far] {
        stream.set_nodelay(true)?;
    }
    if let Speaks::Connect = speaks {
        read_head(&mut near)?;
        sleep_until(connected + ROUND_TRIP);
        near.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    }
    let (far_in, near_out) = (far.try_clone()?, near.try_clone()?);
    thread::spawn(move || delay(far_in, near_out, now()));
    // What follows a CONNECT is sent after its answer was received.
    let from = if let Speaks::Connect = speaks { now() } else { connected };
    delay(near, far, from)
}

/// Copies with the delay of one way until the end; nothing is sent before `not_before`.
fn delay(mut from: TcpStream, mut to: TcpStream, not_before: Instant) -> std::io::Result<()> {
    let (sender, arriving) = channel::<(Instant, Vec<u8>)>();
    let writer = thread::spawn(move || {
        for (arrival, bytes) in arriving {
            sleep_until(arrival);
            to.write_all(&bytes)?;
        }
        to.shutdown(Shutdown::Write)
    });
    let mut buffer = [0; 1 << 16];
    loop {
        let count = from.read(&mut buffer)?;
        let sent = now().max(not_before);
        let bytes = buffer[..count].to_vec();
        if count == 0 || sender.send((sent + ROUND_TRIP / 2, bytes)).is_err() {
            break;
        }
    }
    drop(sender);
    writer.join().unwrap_or(Ok(()))
}

/// Reads a request without a body.
fn read_head(stream: &mut TcpStream) -> std::io::Result<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a link takes time")]
fn sleep_until(end: Instant) {
    thread::sleep(end.saturating_duration_since(now()));
}

#[expect(clippy::disallowed_methods, reason = "what is measured here is time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
