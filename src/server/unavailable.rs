//! The answers that there are no credentials.

use super::response::{self, Reply};
use crate::output::error::Error;
use roles_anywhere_client::refresh::status::Status;

/// Who reads why there are no credentials.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reader {
    /// Any process: a token of instance metadata is everyone's to get.
    Anyone,
    /// One that has the token of container credentials.
    Holder,
}

/// Returns that there are no credentials, and why: the kind and a code for anyone, the error and its
/// first cause for those who may have the credentials.
pub(super) fn nothing(status: &Status, reader: Reader) -> Reply {
    let Some(failed) = &status.last_error else {
        let message = "the first session is still being asked for";
        return response::unavailable("starting", "no_session_yet", message);
    };
    let (kind, code) = (failed.error.kind().name(), failed.error.code());
    match reader {
        Reader::Holder => response::unavailable(kind, code, &Error::from(&failed.error).summary()),
        Reader::Anyone => {
            let message =
                format!("no credentials: {kind}, {code}; the log of `serve` has the error");
            response::unavailable(kind, code, &message)
        }
    }
}

/// Returns that credentials are kept back, since the log does not take that they go out.
pub(super) fn unaudited() -> Reply {
    let message = "the log does not take the line of this vend, and --require-audit is on";
    response::unavailable("local", "audit", message)
}
