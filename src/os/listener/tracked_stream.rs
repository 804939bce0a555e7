//! A stream that tells what its client is at.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::connections::{Pulse, Rest};

/// A stream and the pulse of its connection: bytes that come begin a request, and what is flushed
/// ends an answer. A client that was refused in the middle of what it sends is heard out.
#[derive(Debug)]
pub(super) struct Watched {
    stream: TcpStream,
    pulse: Rc<Pulse>,
    /// The last bytes that came.
    end: End,
    /// How many bytes behind a refusal are still taken.
    patience: usize,
}

/// How many bytes behind a refusal are taken and thrown away: a client that is closed on while it
/// sends takes that for a failure of the connection, and may never read why it was refused.
const PATIENCE: usize = 1 << 20;

impl Watched {
    pub(super) fn new(stream: TcpStream, pulse: Rc<Pulse>) -> Self {
        let end = End::default();
        Self { stream, pulse, end, patience: PATIENCE }
    }

    /// Takes what still comes, until the client ends it or has sent too much; the crowd watches
    /// for how long.
    fn poll_rest(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; 4_096];
        while self.patience > 0 {
            let mut buffer = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            match buffer.filled().len() {
                0 => break,
                length => self.patience = self.patience.saturating_sub(length),
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// The last three bytes that came: where they are not the end of a head, another has begun, as no
/// request here has a body.
#[derive(Debug, Default)]
struct End([u8; 3]);

impl End {
    fn take(&mut self, bytes: &[u8]) {
        match bytes.last_chunk() {
            Some(last) => self.0 = *last,
            None => {
                self.0.rotate_left(bytes.len());
                let kept = self.0.len() - bytes.len();
                self.0[kept..].copy_from_slice(bytes);
            }
        }
    }

    /// Returns what is behind the last head: an empty line, with CR or without, is its end.
    fn rest(&self) -> Rest {
        match self.0 {
            [b'\n', b'\r', b'\n'] | [_, b'\n', b'\n'] => Rest::Nothing,
            _ => Rest::Begun,
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            this.end.take(&buffer.filled()[before..]);
            this.pulse.reads();
        }
        read
    }
}

impl AsyncWrite for Watched {
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
            this.pulse.flushed(this.end.rest());
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
        match this.pulse.is_leaving() {
            true => this.poll_rest(context),
            false => Poll::Ready(Ok(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_where_a_head_ends_however_it_comes() {
        let rows = [
            ("GET / HTTP/1.1\r\n\r\n", Rest::Nothing),
            ("GET / HTTP/1.1\n\n", Rest::Nothing),
            ("GET / HTTP/1.1\r\n\n", Rest::Nothing),
            ("GET / HTTP/1.1\n\r\n", Rest::Nothing),
            ("GET / HTTP/1.1\r\n\r\nG", Rest::Begun),
            ("GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n", Rest::Begun),
            ("GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n", Rest::Nothing),
        ];
        for (text, rest) in rows {
            for size in 1..=text.len() {
                let mut end = End::default();
                text.as_bytes().chunks(size).for_each(|chunk| end.take(chunk));
                assert_eq!(end.rest(), rest, "{text:?} by {size}");
            }
        }
    }
}
