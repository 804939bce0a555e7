//! The canonical request and the string to sign, recomputed from the request as received.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::authorization::{Authorization, encode_hex};
use crate::message::Request;

/// What RFC 3986 leaves unencoded: letters, digits and `-._~`.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How a signer wrote the `=` inside a query value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Equals {
    /// `%3D`, as botocore and the official helper do.
    Encoded,
    /// `%253D`, as the documentation of CreateSession asks for.
    DoubleEncoded,
}

/// A header that is declared as signed and was not sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the signed header `{0}` was not sent")]
pub(crate) struct MissingHeader(pub(crate) String);

/// Returns the canonical request over exactly the headers that the request declares as signed.
pub(crate) fn canonical_request(
    request: &Request,
    signed_headers: &[String],
    equals: Equals,
) -> Result<String, MissingHeader> {
    let headers = canonical_headers(request, signed_headers)?;
    Ok(format!(
        "{}\n{}\n{}\n{headers}\n{}\n{}",
        request.method,
        canonical_path(&request.path),
        canonical_query(&request.query, equals),
        signed_headers.join(";"),
        sha256_hex(&request.body),
    ))
}

/// Returns the text that is signed; `date` is the value of `X-Amz-Date`.
pub(crate) fn string_to_sign(
    authorization: &Authorization,
    date: &str,
    canonical_request: &str,
) -> String {
    format!(
        "{}\n{date}\n{}\n{}",
        authorization.algorithm,
        authorization.credential.scope(),
        sha256_hex(canonical_request.as_bytes())
    )
}

/// Returns the lower-case hex SHA-256.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    encode_hex(&Sha256::digest(bytes))
}

/// Whether a request says by `X-Amz-Content-Sha256`, signed or not, that its body is another one.
pub(crate) fn declares_another_body(request: &Request) -> bool {
    let own = sha256_hex(&request.body);
    request.header_values("x-amz-content-sha256").any(|declared| declared != own)
}

/// Returns the path with each segment encoded once more, as every service but S3 has it.
fn canonical_path(path: &str) -> String {
    if path.is_empty() {
        return "/".to_owned();
    }
    path.split('/')
        .map(|segment| utf8_percent_encode(segment, UNRESERVED).to_string())
        .collect::<Vec<_>>()
        .join("/")
}

fn canonical_query(query: &str, equals: Equals) -> String {
    let encode = |text: &str| {
        let bytes: Vec<u8> = percent_decode_str(text).collect();
        percent_encoding::percent_encode(&bytes, UNRESERVED).to_string()
    };
    let mut pairs: Vec<_> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| {
            let value = encode(value);
            match equals {
                Equals::Encoded => (encode(name), value),
                Equals::DoubleEncoded => (encode(name), value.replace("%3D", "%253D")),
            }
        })
        .collect();
    pairs.sort();
    let pairs: Vec<_> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

fn canonical_headers(
    request: &Request,
    signed_headers: &[String],
) -> Result<String, MissingHeader> {
    let mut lines = String::new();
    for name in signed_headers {
        let values: Vec<_> = request.header_values(name).map(collapse_spaces).collect();
        if values.is_empty() {
            return Err(MissingHeader(name.clone()));
        }
        lines.push_str(&format!("{name}:{}\n", values.join(",")));
    }
    Ok(lines)
}

fn collapse_spaces(value: &str) -> String {
    value.split([' ', '\t']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(raw: &str) -> String {
        canonical_query(raw, Equals::Encoded)
    }

    #[test]
    fn queries_are_sorted_and_encoded_once() {
        assert_eq!(query(""), "");
        assert_eq!(query("b=2&a=1&a=0"), "a=0&a=1&b=2");
        assert_eq!(query("a&b="), "a=&b=");
        assert_eq!(
            query("arn=arn:aws:iam::1:role/x+y"),
            "arn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx%2By"
        );
        assert_eq!(query("arn=a%3ab%20c~d"), "arn=a%3Ab%20c~d");
        assert_eq!(query("role=a=b"), "role=a%3Db");
        assert_eq!(canonical_query("role=a%3Db", Equals::DoubleEncoded), "role=a%253Db");
    }

    #[test]
    fn header_values_are_trimmed_collapsed_and_joined() {
        let request = Request {
            headers: vec![
                ("a".to_owned(), "  one   two ".to_owned()),
                ("b".to_owned(), "x".to_owned()),
                ("a".to_owned(), "three".to_owned()),
            ],
            ..Request::default()
        };
        assert_eq!(
            canonical_headers(&request, &["a".to_owned(), "b".to_owned()]).unwrap(),
            "a:one two,three\nb:x\n"
        );
        assert_eq!(
            canonical_headers(&request, &["c".to_owned()]),
            Err(MissingHeader("c".to_owned()))
        );
    }

    #[test]
    fn a_declared_hash_is_that_of_the_body() {
        let declares = |values: &[&str]| {
            let header = |value: &&str| ("x-amz-content-sha256".to_owned(), (*value).to_owned());
            let headers = values.iter().map(header).collect();
            declares_another_body(&Request { headers, body: b"{}".to_vec(), ..Request::default() })
        };
        let own = sha256_hex(b"{}");
        assert!(!declares(&[]) && !declares(&[&own]) && !declares(&[&own, &own]));
        let other = sha256_hex(b"");
        for wrong in [other.as_str(), "UNSIGNED-PAYLOAD", "", &own.to_uppercase()] {
            assert!(declares(&[wrong]) && declares(&[&own, wrong]), "{wrong}");
        }
    }

    #[test]
    fn paths_are_encoded_once_more() {
        assert_eq!(canonical_path("/sessions"), "/sessions");
        assert_eq!(canonical_path(""), "/");
        assert_eq!(canonical_path("/a%20b"), "/a%2520b");
    }
}
