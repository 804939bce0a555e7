//! Request bodies: `serve` expects none, so only their presence is checked.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes, Frame, Incoming};

use super::connections::Activity;

/// Whether a request has a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum RequestBody {
    /// It has none, or an empty one.
    Empty,
    /// It has one. The body is not read.
    Present,
}

impl RequestBody {
    /// Returns whether `incoming` is empty. If it comes in chunks, this waits for the first; the client has
    /// as long for it as for a head.
    pub(super) async fn of(incoming: &mut Incoming, activity: &Activity) -> Self {
        if incoming.is_end_stream() {
            return Self::Empty;
        }
        if incoming.size_hint().upper().is_some() {
            return Self::Present;
        }
        activity.reading_body();
        while let Some(frame) = incoming.frame().await {
            // Trailers are not a body.
            let is_empty = |frame: Frame<Bytes>| !frame.into_data().is_ok_and(|it| !it.is_empty());
            if !frame.is_ok_and(is_empty) {
                return Self::Present;
            }
        }
        Self::Empty
    }
}

/// The body that the endpoints get: they only check whether there is one.
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
