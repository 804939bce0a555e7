//! The responses that hand out no credentials, and say why.

use super::response::{self, Response};
use super::router::Authentication;
use crate::output::error::Error;
use roles_anywhere_client::refresh::status::Status;

/// Returns that there are no credentials, and why.
///
/// Holders of the container token could have the credentials themselves, so they get the error and
/// its first cause. All others get only the kind and a code: every process can get a token of
/// instance metadata.
pub(super) fn no_credentials(status: &Status, client: Authentication) -> Response {
    let Some(error) = &status.last_error else {
        if status.session.is_some() {
            let message = "the session has expired, and the next one has not been received yet";
            return response::unavailable("unreachable", "expired", message);
        }
        let message = "the first session has not been received yet";
        return response::unavailable("starting", "no_session_yet", message);
    };
    let (kind, code) = (error.kind().name(), error.code());
    match client {
        Authentication::ContainerToken => {
            response::unavailable(kind, code, &Error::from(error).summary())
        }
        Authentication::None | Authentication::MetadataToken { .. } => {
            let message =
                format!("no credentials: {kind}, {code}; the log of `serve` has the error");
            response::unavailable(kind, code, &message)
        }
    }
}

/// Returns that credentials are withheld, because the log cannot take the line about them.
pub(super) fn not_logged() -> Response {
    let message = "this response cannot be logged, and --require-audit is on";
    response::unavailable("local", "audit", message)
}
