//! The bodies of requests: no request here has one.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes, Frame, Incoming};

use super::connections::Pulse;

/// Whether a request has a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum RequestBody {
    /// It has none, or one of no bytes.
    Empty,
    /// It has one, which is not read.
    Present,
}

impl RequestBody {
    /// Returns whether `incoming` is empty. Chunks have to be waited for to tell that; the client has
    /// as long for them as for a head.
    pub(super) async fn of(incoming: &mut Incoming, pulse: &Pulse) -> Self {
        if incoming.is_end_stream() {
            return Self::Empty;
        }
        if incoming.size_hint().upper().is_some() {
            return Self::Present;
        }
        pulse.reads_on();
        while let Some(frame) = incoming.frame().await {
            // Trailers are no body.
            let is_empty = |frame: Frame<Bytes>| !frame.into_data().is_ok_and(|it| !it.is_empty());
            if !frame.is_ok_and(is_empty) {
                return Self::Present;
            }
        }
        Self::Empty
    }
}

/// A body for the endpoints, which ask no more than whether there is one.
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
