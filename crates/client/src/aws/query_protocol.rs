//! The XML of the Query protocol, which STS speaks.
//!
//! Elements are found by their local name: a service's answers and those that AWS gives before a
//! service reads the request are of different namespaces.

use roxmltree::{Document, Node, ParsingOptions};

/// The most nodes of a response. The largest one that is expected has about thirty.
const MOST_NODES: u32 = 1_000;

/// Returns the document if `body` is one, and if it is small enough.
pub(super) fn document(body: &[u8]) -> Option<Document<'_>> {
    let text = std::str::from_utf8(body).ok()?;
    let options = ParsingOptions { nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).ok()
}

/// Returns the element at the end of `path`, which starts below `node`.
pub(super) fn element<'a, 'input>(
    node: Node<'a, 'input>,
    path: &[&str],
) -> Option<Node<'a, 'input>> {
    path.iter()
        .try_fold(node, |node, name| node.children().find(|child| child.tag_name().name() == *name))
}

/// Returns the text of the element at the end of `path`, without the white space around it.
pub(super) fn text<'a>(node: Node<'a, '_>, path: &[&str]) -> Option<&'a str> {
    let element = element(node, path)?;
    // An element without text is an empty value; one with several pieces (comments between) is none.
    match element.children().count() {
        0 => Some(""),
        1 => element.text().map(str::trim),
        _ => None,
    }
}

/// The members of an error response.
pub(super) struct QueryError {
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) request_id: Option<String>,
}

/// Reads `ErrorResponse/Error` with its code and message; `None` if `body` is something else.
pub(super) fn error(body: &[u8]) -> Option<QueryError> {
    let document = document(body)?;
    let root = document.root_element();
    if root.tag_name().name() != "ErrorResponse" {
        return None;
    }
    let member = |path: &[&str]| text(root, path).map(str::to_owned);
    Some(QueryError {
        code: member(&["Error", "Code"]),
        message: member(&["Error", "Message"]),
        request_id: member(&["RequestId"]),
    })
}
