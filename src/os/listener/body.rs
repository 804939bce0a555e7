//! Request bodies: most services expect none, so only their presence is checked.

use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use super::connections::Activity;
use crate::server::RequestBody;

/// Reads a body of at most `limit` bytes. The client has as long for it as for a head. Of a larger one, as
/// much may be read as shows that.
pub(super) async fn receive(
    incoming: &mut Incoming,
    limit: usize,
    activity: &Activity,
) -> RequestBody {
    if incoming.is_end_stream() {
        return RequestBody::Empty;
    }
    // Without an upper limit it comes in chunks, of which the first may be the last.
    let length = incoming.size_hint().upper();
    if length.is_some_and(|length| length > limit as u64) {
        return RequestBody::Unread;
    }
    activity.reading_body();
    let mut received = Vec::new();
    while let Some(frame) = incoming.frame().await {
        let Ok(frame) = frame else { return RequestBody::Unread };
        // Trailers are not a body.
        let Ok(bytes) = frame.into_data() else { continue };
        if received.len() + bytes.len() > limit {
            return RequestBody::Unread;
        }
        received.extend_from_slice(&bytes);
    }
    if received.is_empty() { RequestBody::Empty } else { RequestBody::Received(received.into()) }
}
