//! The body of a request, as far as a service reads one.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame};

/// The body of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RequestBody {
    /// It has none, or an empty one.
    Empty,
    /// It was read.
    Received(Bytes),
    /// It has one that is not read: it may have none, or none as large.
    Unread,
}

/// Services that read no body only check whether there is one.
impl Body for RequestBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        *self == Self::Empty
    }
}
