//! Rules of HTTP that a request must follow before a service reads it.
//!
//! <https://www.rfc-editor.org/rfc/rfc9110>

use crate::message::Request;
use crate::refusal::Refusal;

/// Headers that may be sent once only. The check of the signature might read the first of two, and
/// the service the second.
const ONCE: [&str; 9] = [
    "authorization",
    "content-type",
    "host",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-target",
    "x-amz-x509",
    "x-amz-x509-chain",
];

/// Refuses a request without a `Host`, and one that has a header of [`ONCE`] twice.
pub(crate) fn check(request: &Request) -> Result<(), Refusal> {
    if request.header("host").is_none_or(str::is_empty) {
        return Err(malformed("The request has no Host header", "host-missing"));
    }
    match ONCE.iter().find(|name| request.header_values(name).count() > 1) {
        Some(name) => {
            let message = format!("The request has more than one {name} header");
            Err(malformed(&message, "duplicate-header"))
        }
        None => Ok(()),
    }
}

fn malformed(message: &str, reason: &'static str) -> Refusal {
    Refusal::new(400, "MalformedHttpRequestException", message, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(headers: &[(&str, &str)]) -> Option<&'static str> {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        check(&Request { headers, ..Request::default() }).err().map(|refusal| refusal.reason)
    }

    #[test]
    fn host_is_required_and_single_headers_are_not_repeated() {
        assert_eq!(reason(&[]), Some("host-missing"));
        assert_eq!(reason(&[("host", "")]), Some("host-missing"));
        assert_eq!(reason(&[("host", "a"), ("accept", "a"), ("accept", "b")]), None);
        for name in ONCE {
            let twice = [("host", "a"), (name, "b"), (name, "b")];
            assert_eq!(reason(&twice), Some("duplicate-header"), "{name}");
        }
    }
}
