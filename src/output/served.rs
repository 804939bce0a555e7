//! Why a running `serve` gives no values.

use std::time::Duration;

use crate::output::error::Error;
use roles_anywhere_client::http::TransportError;
use roles_anywhere_client::provider::ErrorKind;

/// A running `serve` gives no values at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Nothing listens there.
    #[error("cannot connect to `serve` at {url}")]
    Connect {
        /// Its URL.
        url: String,
        /// The cause.
        source: TransportError,
    },
    /// The connection was lost.
    #[error("`serve` at {url} gave no whole answer")]
    Interrupted {
        /// Its URL.
        url: String,
        /// The cause.
        source: TransportError,
    },
    /// The answer is too long.
    #[error("the answer of `serve` at {url} is too long")]
    TooLarge {
        /// Its URL.
        url: String,
        /// The cause.
        source: TransportError,
    },
    /// There was no answer in time.
    #[error("`serve` at {url} did not answer within {} s", limit.as_secs())]
    TimedOut {
        /// Its URL.
        url: String,
        /// The time limit.
        limit: Duration,
    },
    /// The token is empty, or no header can hold it.
    #[error("the token in {token} is {}", if *is_empty { "empty" } else { "not printable ASCII" })]
    UnusableToken {
        /// Its variable or file, as messages name it.
        token: String,
        /// Whether it is empty.
        is_empty: bool,
    },
    /// The token is not one of its tokens.
    #[error("`serve` at {url} does not accept the token in {token}")]
    Token {
        /// Its URL.
        url: String,
        /// Where the token is.
        token: String,
    },
    /// It did not read the list of references, which is only short if the token is not known.
    #[error("`serve` at {url} refused {bytes} bytes of references with the token in {token}")]
    TooLong {
        /// Its URL.
        url: String,
        /// Where the token is.
        token: String,
        /// The length of the list.
        bytes: usize,
    },
    /// Too many requests are being answered, or wait.
    #[error("`serve` at {url} has too many requests")]
    TooMany {
        /// Its URL.
        url: String,
    },
    /// The answer is none of `serve`.
    #[error("what listens at {url} answered with HTTP status {status}, and not as `serve` does")]
    Unexpected {
        /// Its URL.
        url: String,
        /// The HTTP status.
        status: u16,
    },
}

impl ServeError {
    /// Returns who can fix it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::UnusableToken { .. } => ErrorKind::Local,
            Self::Token { .. } | Self::TooLong { .. } => ErrorKind::Refused,
            Self::Connect { .. }
            | Self::Interrupted { .. }
            | Self::TooLarge { .. }
            | Self::TimedOut { .. }
            | Self::TooMany { .. }
            | Self::Unexpected { .. } => ErrorKind::Unreachable,
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Connect { .. } => {
                "start it with `roles-anywhere serve --secrets`, or check the port: `serve --print-env` prints the address"
            }
            Self::Interrupted { .. } => {
                "check that `serve` still runs (its log says why it has ended), and that this is its address (`serve --print-env`)"
            }
            Self::TooLarge { .. } => {
                "check that this is the address of `serve` (`serve --print-env`), or read fewer references at once"
            }
            Self::TimedOut { .. } => {
                "check that `serve` listens at this address, or allow more time with `--timeout SECONDS`"
            }
            Self::UnusableToken { .. } | Self::Token { .. } => {
                "pass the file of its token with `--secrets-token-file`, or set `AWS_TOKEN` to what `serve --print-env` prints"
            }
            Self::TooLong { .. } => {
                "check the token: `serve` reads 4 KiB with one that it does not know, and 64 KiB at most"
            }
            Self::TooMany { .. } => {
                "set a greater `max-connections` in `[secrets]` of the file of `serve`, or give each program a token of its own"
            }
            Self::Unexpected { .. } => {
                "check the port, and that `serve` there is of the same version: `serve --print-env` prints the address"
            }
        }
    }
}

impl From<ServeError> for Error {
    fn from(error: ServeError) -> Self {
        let (kind, hint) = (error.kind(), error.hint());
        Self::new(kind, error).hint(hint)
    }
}

/// A running `serve` does not give the value of a reference. The message is that of `serve`, which quotes no value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`serve` answered with {code}{}{message}", if message.is_empty() { "" } else { ": " })]
pub struct ServedRefusal {
    /// The HTTP status.
    pub status: u16,
    /// The code of AWS, or of `serve`.
    pub code: String,
    /// What it says; may be empty.
    pub message: String,
}

impl ServedRefusal {
    fn kind(&self) -> ErrorKind {
        match self.status {
            429 | 500.. => ErrorKind::Unreachable,
            _ => ErrorKind::Refused,
        }
    }

    fn hint(&self) -> &'static str {
        match &*self.code {
            "AccessDeniedException" => {
                "its log (`secret_read_failed`) says who refused it: `allow`, `deny` and `allowed-roles` in the file of `serve`, or AWS"
            }
            "ResourceNotFoundException" | "ParameterNotFound" | "ParameterVersionNotFound" => {
                "check the name and the Region, or add `?optional` or `?default=TEXT`"
            }
            "UnsuitableValue" => "check the key, which is case-sensitive, and what the value is",
            "ServiceUnavailable" => {
                "with `--require-audit`, `serve` gives no value while its log cannot be written: check what reads its standard error"
            }
            "InvalidReference" => "use the same version of `roles-anywhere` here and for `serve`",
            _ => "the log of `serve` says why (`secret_read_failed`)",
        }
    }
}

impl From<ServedRefusal> for Error {
    fn from(error: ServedRefusal) -> Self {
        let (kind, hint) = (error.kind(), error.hint());
        Self::new(kind, error).hint(hint)
    }
}
