//! A request as received, and the reply to it, without sockets or an HTTP library.

use std::fmt;
use std::net::IpAddr;

use percent_encoding::percent_decode_str;

/// One request, nothing decoded but the chunks of its body.
#[derive(Clone, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path as sent, percent-encoding and all.
    pub(crate) path: String,
    /// What follows the `?`, as sent; empty where there is none.
    pub(crate) query: String,
    /// Names in lower case, in the order of the wire.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) peer: Peer,
}

/// Who is at the other end of the connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) ip: Option<IpAddr>,
    pub(crate) is_tls: bool,
}

/// Without query, headers and body, which have credentials and secrets.
impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Request {
    /// Returns the first value of a header, whose name is given in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Returns every value of a header in the order of the wire.
    pub(crate) fn header_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Returns the content type in lower case and without its parameters, such as a charset.
    pub(crate) fn media_type(&self) -> String {
        let value = self.header("content-type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// Returns every value of a query parameter, decoded.
    pub(crate) fn parameters(&self, name: &str) -> Vec<String> {
        form_values(&self.query, name)
    }

    /// Returns every value of a parameter of the Query protocol, decoded.
    pub(crate) fn form_parameters(&self, name: &str) -> Vec<String> {
        self.form().into_iter().filter(|(key, _)| key == name).map(|(_, value)| value).collect()
    }

    /// Returns the parameters of the Query protocol, decoded: of the query, and of a body that says
    /// it is a form.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        let mut pairs: Vec<_> = form_pairs(&self.query).collect();
        if self.media_type() == "application/x-www-form-urlencoded" {
            // In a form a space is a `+`; in a query that is signed it is `%20`.
            pairs.extend(form_pairs(&String::from_utf8_lossy(&self.body).replace('+', " ")));
        }
        pairs
    }
}

/// Returns every value that a name has in `a=1&b=2`, decoded; the name may be encoded too.
pub(crate) fn form_values(form: &str, name: &str) -> Vec<String> {
    form_pairs(form).filter(|(key, _)| key == name).map(|(_, value)| value).collect()
}

/// Returns the pairs of `a=1&b=2`, decoded; what has no `=` is none.
pub(crate) fn form_pairs(form: &str) -> impl Iterator<Item = (String, String)> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    form.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(move |(key, value)| (decode(key), decode(value)))
}

/// One reply, but for its `Date` and length.
#[derive(Clone, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Without the body, which has credentials and secrets.
impl fmt::Debug for Reply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Reply")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

impl Reply {
    /// Returns a reply of one content type.
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { status, headers, body: body.into() }
    }

    /// Returns the reply with one header more.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_found_however_it_is_encoded() {
        let query = "roleArn=a%3Ab&%72oleArn=c&role=d&roleArn";
        let request = Request { query: query.to_owned(), ..Request::default() };
        assert_eq!(request.parameters("roleArn"), ["a:b", "c"]);
    }

    #[test]
    fn a_plus_is_a_space_in_a_form_and_not_in_a_query() {
        let form = "application/x-www-form-urlencoded; charset=utf-8".to_owned();
        let request = Request {
            query: "a=1+2".to_owned(),
            headers: vec![("content-type".to_owned(), form)],
            body: b"a=1+%2B&b=3".to_vec(),
            ..Request::default()
        };
        assert_eq!(request.form_parameters("a"), ["1+2", "1 +"]);
    }

    #[test]
    fn a_media_type_has_neither_case_nor_parameters() {
        let headers =
            vec![("content-type".to_owned(), "Application/JSON; charset=utf-8".to_owned())];
        assert_eq!(Request { headers, ..Request::default() }.media_type(), "application/json");
        assert_eq!(Request::default().media_type(), "");
    }
}
