//! Values that a running `serve` does not give.

use std::time::Duration;

use super::{Page, variants};
use crate::output::error::Error;
use crate::output::served::{ServeError, ServedRefusal};
use roles_anywhere_client::http::{SourceMessage, TransportError};

variants!(ServeError:
    Connect Interrupted TooLarge TimedOut UnusableToken Token TooLong TooMany Unexpected
);

#[test]
fn errors_of_a_running_serve_have_these_texts() {
    let mut page = Page::default();
    page.add_all(errors(), Error::from);
    for (status, code, message) in [
        (400, "AccessDeniedException", "this token does not allow this secret or parameter"),
        (400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret."),
        (400, "UnsuitableValue", "there is no member `user` (the object has 3 members)"),
        (400, "InvalidReference", "it is no reference"),
        (504, "TimeoutError", "Timeout"),
        (503, "ServiceUnavailable", "this read cannot be logged, and --require-audit is on"),
        (500, "InternalFailure", ""),
    ] {
        let (code, message) = (code.to_owned(), message.to_owned());
        page.add("ServedRefusal", &ServedRefusal { status, code, message }.into());
    }
    page.compare("served");
}

fn errors() -> Vec<ServeError> {
    let url = || "http://127.0.0.1:2773".to_owned();
    let token = || "`/run/roles-anywhere/secrets-token` (from AWS_TOKEN)".to_owned();
    let reason = |text: &str| SourceMessage(text.to_owned());
    vec![
        ServeError::Connect {
            url: url(),
            source: TransportError::Connect {
                peer: "127.0.0.1:2773".to_owned(),
                source: reason("Connection refused (os error 111)"),
            },
        },
        ServeError::Interrupted {
            url: url(),
            source: TransportError::Interrupted {
                host: "127.0.0.1".to_owned(),
                plain: true,
                source: reason("connection closed before message completed"),
            },
        },
        ServeError::TooLarge {
            url: url(),
            source: TransportError::TooLarge { host: "127.0.0.1".to_owned(), limit: 20 << 20 },
        },
        ServeError::TimedOut { url: url(), limit: Duration::from_secs(20) },
        ServeError::UnusableToken { token: token(), is_empty: true },
        ServeError::UnusableToken { token: "`AWS_TOKEN`".to_owned(), is_empty: false },
        ServeError::Token { url: url(), token: token() },
        ServeError::TooLong { url: url(), token: token(), bytes: 5_000 },
        ServeError::TooMany { url: url() },
        ServeError::Unexpected { url: url(), status: 404 },
    ]
}
