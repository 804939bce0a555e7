//! The canonical request: equivalent requests have the same text.

use aws_lc_rs::digest::{SHA256, digest};

use crate::hex;
use crate::http::Request;

/// The canonical request, which client and service hash.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CanonicalRequest {
    text: String,
    signed_headers: String,
}

impl CanonicalRequest {
    /// Canonicalizes `request`, whose query must be in canonical form already, with all of its
    /// headers.
    pub fn new(request: &Request) -> Self {
        let mut names: Vec<&str> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names.dedup();

        let lines: String = names
            .iter()
            .map(|name| format!("{name}:{}\n", joined_values(&request.headers, name)))
            .collect();
        let signed_headers = names.join(";");
        let body = hex::encode(digest(&SHA256, &request.body).as_ref());
        let Request { method, path, query, .. } = request;
        Self {
            text: format!("{method}\n{path}\n{query}\n{lines}\n{signed_headers}\n{body}"),
            signed_headers,
        }
    }

    /// Returns the text that is hashed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the SHA-256 of the text, in lower-case hex.
    pub fn hash(&self) -> String {
        hex::encode(digest(&SHA256, self.text.as_bytes()).as_ref())
    }

    /// Returns the header names that the signature covers, joined by semicolons.
    pub fn signed_headers(&self) -> &str {
        &self.signed_headers
    }
}

/// Joins the values of the headers of one name by commas, in the order of the request.
fn joined_values(headers: &[(String, String)], name: &str) -> String {
    let values = headers.iter().filter(|(key, _)| key == name).map(|(_, value)| squeeze(value));
    values.collect::<Vec<_>>().join(",")
}

/// Trims `value` and folds inner runs of spaces into one.
fn squeeze(value: &str) -> String {
    value.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Endpoint;

    #[test]
    fn sorts_names_folds_spaces_and_joins_values() {
        let headers = [("x-b", "2"), ("host", "a"), ("x-a", "  1   2 "), ("x-b", "1")];
        let request = Request {
            method: "POST",
            endpoint: Endpoint::parse("https://a").unwrap(),
            path: "/sessions",
            query: String::new(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            body: Vec::new(),
        };
        assert_eq!(
            CanonicalRequest::new(&request).text(),
            "POST\n/sessions\n\nhost:a\nx-a:1 2\nx-b:2,1\n\nhost;x-a;x-b\n\
             e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
