//! A TCP stream that records the activity of its connection.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::connections::{Activity, Pipelined};

/// A stream and the activity of its connection: received bytes begin a request, and a flush ends a
/// response. If a request was rejected before its end, the rest is read and discarded.
#[derive(Debug)]
pub(super) struct TrackedStream {
    stream: TcpStream,
    activity: Rc<Activity>,
    /// The last bytes that were received.
    tail: Tail,
    /// How many more bytes are discarded after a rejection.
    discard_left: usize,
}

/// How many bytes are read and discarded after a rejection. A client whose connection is closed while
/// it sends sees a reset, and may never read why its request was rejected.
const MAX_DISCARDED: usize = 1 << 20;

impl TrackedStream {
    pub(super) fn new(stream: TcpStream, activity: Rc<Activity>) -> Self {
        let tail = Tail::default();
        Self { stream, activity, tail, discard_left: MAX_DISCARDED }
    }

    /// Discards what the client still sends, until it closes or has sent too much. The connection table
    /// limits the time.
    fn poll_discard(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; 4_096];
        while self.discard_left > 0 {
            let mut buffer = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            match buffer.filled().len() {
                0 => break,
                length => self.discard_left = self.discard_left.saturating_sub(length),
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// The last three bytes that were received. If they are not the end of a head, another head has begun,
/// as no request here has a body.
#[derive(Debug, Default)]
struct Tail([u8; 3]);

impl Tail {
    fn push(&mut self, bytes: &[u8]) {
        match bytes.last_chunk() {
            Some(last) => self.0 = *last,
            None => {
                self.0.rotate_left(bytes.len());
                let kept = self.0.len() - bytes.len();
                self.0[kept..].copy_from_slice(bytes);
            }
        }
    }

    /// Returns what follows the last head, which ends with an empty line, with or without CR.
    fn pipelined(&self) -> Pipelined {
        match self.0 {
            [b'\n', b'\r', b'\n'] | [_, b'\n', b'\n'] => Pipelined::Nothing,
            _ => Pipelined::Partial,
        }
    }
}

impl AsyncRead for TrackedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            this.tail.push(&buffer.filled()[before..]);
            this.activity.received();
        }
        read
    }
}

impl AsyncWrite for TrackedStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(context);
        if flushed.is_ready() {
            this.activity.flushed(this.tail.pipelined());
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
        match this.activity.is_closing() {
            true => this.poll_discard(context),
            false => Poll::Ready(Ok(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_of_a_head_is_found_in_chunks_of_any_size() {
        let rows = [
            ("GET / HTTP/1.1\r\n\r\n", Pipelined::Nothing),
            ("GET / HTTP/1.1\n\n", Pipelined::Nothing),
            ("GET / HTTP/1.1\r\n\n", Pipelined::Nothing),
            ("GET / HTTP/1.1\n\r\n", Pipelined::Nothing),
            ("GET / HTTP/1.1\r\n\r\nG", Pipelined::Partial),
            ("GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n", Pipelined::Partial),
            ("GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n", Pipelined::Nothing),
        ];
        for (text, pipelined) in rows {
            for size in 1..=text.len() {
                let mut tail = Tail::default();
                text.as_bytes().chunks(size).for_each(|chunk| tail.push(chunk));
                assert_eq!(tail.pipelined(), pipelined, "{text:?} by {size}");
            }
        }
    }
}
