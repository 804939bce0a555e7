//! The body of an answer, which a fault may cut short.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// Long enough for what was written to reach the other side before the connection is cut.
const FLUSH: Duration = Duration::from_millis(20);

/// So many bytes, and the end or the cut.
#[derive(Debug)]
pub(crate) struct AnswerBody {
    bytes: Option<Bytes>,
    /// What `Content-Length` promises.
    length: u64,
    cut: Option<Pin<Box<Sleep>>>,
}

impl AnswerBody {
    /// Returns a body that comes whole.
    pub(crate) fn whole(body: Vec<u8>) -> Self {
        let length = body.len() as u64;
        Self { bytes: Some(body.into()), length, cut: None }
    }

    /// Returns a body that promises its whole length and ends after `keep` bytes.
    pub(crate) fn cut_after(mut body: Vec<u8>, keep: usize) -> Self {
        let length = body.len() as u64;
        body.truncate(keep);
        Self { bytes: Some(body.into()), length, cut: Some(Box::pin(sleep(FLUSH))) }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(bytes) = self.bytes.take().filter(|bytes| !bytes.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match self.cut.as_mut() {
            None => Poll::Ready(None),
            Some(cut) => cut
                .as_mut()
                .poll(context)
                .map(|()| Some(Err(io::Error::other("a fault cuts the connection")))),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }

    fn is_end_stream(&self) -> bool {
        self.length == 0 && self.cut.is_none()
    }
}
