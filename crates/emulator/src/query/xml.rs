//! The XML of a response.

use std::fmt::Write as _;

use crate::message::Reply;
use crate::refusal::escape_xml;

/// The elements of a structure, in the order that they were added. Without `Debug`: they may be
/// credentials.
#[derive(Default)]
pub(crate) struct Xml(String);

impl Xml {
    /// Adds an element with text.
    pub(crate) fn element(&mut self, name: &str, text: &str) {
        let _ = write!(self.0, "<{name}>{}</{name}>", escape_xml(text));
    }

    /// Adds an element with the elements of a structure.
    pub(crate) fn structure(&mut self, name: &str, members: &Self) {
        let _ = write!(self.0, "<{name}>{}</{name}>", members.0);
    }

    /// Returns the reply to an action, with these elements in its result.
    pub(crate) fn reply(&self, namespace: &str, action: &str, request_id: &str) -> Reply {
        let result = format!("<{action}Result>{}</{action}Result>\n  ", self.0);
        reply(namespace, action, &result, request_id)
    }
}

/// Returns the reply to an action that has no result.
pub(crate) fn reply_without_result(namespace: &str, action: &str, request_id: &str) -> Reply {
    reply(namespace, action, "", request_id)
}

fn reply(namespace: &str, action: &str, result: &str, request_id: &str) -> Reply {
    let body = format!(
        "<{action}Response xmlns=\"{namespace}\">\n  {result}\
         <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>\n\
         </{action}Response>\n"
    );
    Reply::new(200, "text/xml", body).with("x-amzn-requestid", request_id)
}
