//! The XML of the Query protocol.
//!
//! Elements are found by their local name: a service's answers and those that AWS gives before a
//! service reads the request are of different namespaces.

use roxmltree::{Document, Node, ParsingOptions};

use crate::secret::Secret;
use crate::time::Timestamp;

/// The most nodes of a response that is no list. The largest one that is expected has about thirty.
pub(in crate::aws) const MOST_NODES: u32 = 1_000;

/// The most nodes of a list: a page has up to 1,000 members of four elements, each with its text and white
/// space.
pub(super) const MOST_NODES_OF_LIST: u32 = 30_000;

/// Returns the document if `body` is one of at most `most` nodes.
pub(in crate::aws) fn document(body: &[u8], most: u32) -> Option<Document<'_>> {
    let text = std::str::from_utf8(body).ok()?;
    let options = ParsingOptions { nodes_limit: most, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).ok()
}

/// Returns the result in the response of the operation `name`.
pub(in crate::aws) fn result<'a, 'input>(
    document: &'a Document<'input>,
    name: &str,
) -> Option<Members<'a, 'input>> {
    response(document, name)?.structure(&[&format!("{name}Result")])
}

/// Returns the response of the operation `name`.
pub(super) fn response<'a, 'input>(
    document: &'a Document<'input>,
    name: &str,
) -> Option<Members<'a, 'input>> {
    let root = document.root_element();
    (root.tag_name().name().strip_prefix(name)? == "Response").then_some(Members(root))
}

/// An element whose children are the members of a structure.
#[derive(Clone, Copy)]
pub(in crate::aws) struct Members<'a, 'input>(Node<'a, 'input>);

impl<'a, 'input> Members<'a, 'input> {
    /// Returns the element at the end of `path`.
    pub(in crate::aws) fn structure(self, path: &[&str]) -> Option<Self> {
        let child = |node: Node<'a, 'input>, name: &&str| {
            node.children().find(|child| child.tag_name().name() == *name)
        };
        path.iter().try_fold(self.0, child).map(Self)
    }

    /// Returns the elements of the list at the end of `path`; none if there is no list.
    pub(in crate::aws) fn list(self, path: &[&str]) -> impl Iterator<Item = Self> {
        let members = self.structure(path).into_iter().flat_map(|list| list.0.children());
        members.filter(|child| child.tag_name().name() == "member").map(Self)
    }

    /// Returns the text of the element at the end of `path`, without the white space around it.
    pub(in crate::aws) fn text(self, path: &[&str]) -> Option<&'a str> {
        let Self(element) = self.structure(path)?;
        // An element without text is an empty value; one with several pieces (comments between) has none.
        match element.children().count() {
            0 => Some(""),
            1 => element.text().map(str::trim),
            _ => None,
        }
    }

    /// Returns the text of a member; else its name.
    pub(in crate::aws) fn required(self, member: &'static str) -> Result<&'a str, &'static str> {
        self.text(&[member]).filter(|text| !text.is_empty()).ok_or(member)
    }

    /// Returns the secret in a member; else its name.
    pub(in crate::aws) fn secret(self, member: &'static str) -> Result<Secret, &'static str> {
        self.required(member).map(|text| Secret::new(text.to_owned()))
    }

    /// Returns the time in a member; else its name.
    pub(in crate::aws) fn timestamp(self, member: &'static str) -> Result<Timestamp, &'static str> {
        Timestamp::from_rfc3339(self.required(member)?).ok_or(member)
    }
}

/// The members of an error response.
pub(in crate::aws) struct QueryError {
    pub(in crate::aws) code: Option<String>,
    pub(in crate::aws) message: Option<String>,
    pub(in crate::aws) request_id: Option<String>,
}

/// Reads `ErrorResponse/Error` with its code and message; `None` if `body` is something else.
pub(in crate::aws) fn error(body: &[u8]) -> Option<QueryError> {
    let document = document(body, MOST_NODES)?;
    let root = document.root_element();
    if root.tag_name().name() != "ErrorResponse" {
        return None;
    }
    let member = |path: &[&str]| Members(root).text(path).map(str::to_owned);
    Some(QueryError {
        code: member(&["Error", "Code"]),
        message: member(&["Error", "Message"]),
        request_id: member(&["RequestId"]),
    })
}
