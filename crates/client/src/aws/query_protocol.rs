//! The Query protocol of IAM and STS: a form is sent, XML is answered.
//!
//! Elements are found by their local name: a service's answers and those that AWS gives before a
//! service reads the request are of different namespaces.
//!
//! <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>

use std::fmt;

use roxmltree::{Document, Node, ParsingOptions};
use url::form_urlencoded::Serializer;

use crate::aws::endpoint::{RegionalEndpoint, Service};
use crate::aws::retry::Repeatable;
use crate::http::{Request, Response};
use crate::secret::Secret;
use crate::time::Timestamp;

/// An operation of IAM or STS that is signed with any access key. AssumeRole, which continues a session, is
/// [`crate::aws::assume_role`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum QueryOperation {
    /// `iam:CreateAccessKey`.
    CreateAccessKey,
    /// `iam:ListAccessKeys`.
    ListAccessKeys,
    /// `iam:UpdateAccessKey`.
    UpdateAccessKey,
    /// `iam:DeleteAccessKey`.
    DeleteAccessKey,
    /// `iam:GetAccessKeyLastUsed`.
    GetAccessKeyLastUsed,
    /// `sts:GetCallerIdentity`.
    GetCallerIdentity,
}

impl QueryOperation {
    /// Returns its name, without the service.
    pub fn name(self) -> &'static str {
        match self {
            Self::CreateAccessKey => "CreateAccessKey",
            Self::ListAccessKeys => "ListAccessKeys",
            Self::UpdateAccessKey => "UpdateAccessKey",
            Self::DeleteAccessKey => "DeleteAccessKey",
            Self::GetAccessKeyLastUsed => "GetAccessKeyLastUsed",
            Self::GetCallerIdentity => "GetCallerIdentity",
        }
    }

    /// Returns its service.
    pub fn service(self) -> Service {
        match self {
            Self::GetCallerIdentity => Service::Sts,
            _ => Service::Iam,
        }
    }

    /// Returns the action that a policy must allow, e.g. `iam:CreateAccessKey`.
    pub fn action(self) -> String {
        format!("{}:{self}", self.service().name())
    }

    /// Returns whether it may be carried out twice. A second access key would be one that no one knows the
    /// secret of, and it counts towards the two that a user can have.
    pub fn repeatable(self) -> Repeatable {
        match self {
            Self::CreateAccessKey => Repeatable::No,
            _ => Repeatable::Yes,
        }
    }

    /// Returns its unsigned request with `members` at `at`.
    pub(super) fn request<'a>(
        self,
        at: &RegionalEndpoint,
        members: impl IntoIterator<Item = (&'static str, &'a str)>,
    ) -> Request {
        let mut form = match self.service() {
            Service::Sts => Form::of_sts(self.name()),
            _ => Form::of_iam(self.name()),
        };
        for (name, value) in members {
            form.append(name, value);
        }
        form.request(at)
    }

    /// Reads a 2xx `response` with what `read` makes of its result; `Err` of `read` is the name of a member
    /// that is missing or not valid.
    pub(super) fn output<T>(
        self,
        response: &Response,
        read: impl FnOnce(Members<'_, '_>) -> Result<T, &'static str>,
    ) -> Result<T, QueryResponseError> {
        let document = self.document(response)?;
        let result = result(&document, self.name())
            .ok_or(QueryResponseError::OtherResponse { operation: self })?;
        read(result).map_err(|member| QueryResponseError::Member { operation: self, member })
    }

    /// Checks that a 2xx `response` is one of this operation, whose response has no result.
    pub(super) fn without_result(self, response: &Response) -> Result<(), QueryResponseError> {
        let document = self.document(response)?;
        match self::response(&document, self.name()) {
            Some(_) => Ok(()),
            None => Err(QueryResponseError::OtherResponse { operation: self }),
        }
    }

    fn document(self, response: &Response) -> Result<Document<'_>, QueryResponseError> {
        let most = match self {
            Self::ListAccessKeys => MOST_NODES_OF_LIST,
            _ => MOST_NODES,
        };
        document(response.body.expose(), most).ok_or(QueryResponseError::NotXml { operation: self })
    }
}

/// Renders its name, without the service.
impl fmt::Display for QueryOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a 2xx response is not what was requested. It does not quote the response, which may hold a secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum QueryResponseError {
    /// It is not XML, or much larger than any response of the operation.
    #[error("the response of {operation} cannot be parsed (it is not XML)")]
    NotXml {
        /// The operation.
        operation: QueryOperation,
    },
    /// It is of something else.
    #[error("the response is not one of {operation}")]
    OtherResponse {
        /// The operation.
        operation: QueryOperation,
    },
    /// A member is missing, empty or not valid.
    #[error("the member `{member}` in the response of {operation} is empty or malformed")]
    Member {
        /// The operation.
        operation: QueryOperation,
        /// The member.
        member: &'static str,
    },
    /// The page refers to itself as the next one.
    #[error("two pages of {operation} have the same `Marker`")]
    RepeatedPage {
        /// The operation.
        operation: QueryOperation,
    },
}

impl QueryResponseError {
    /// Returns the operation that the response should be of.
    pub fn operation(self) -> QueryOperation {
        match self {
            Self::NotXml { operation }
            | Self::OtherResponse { operation }
            | Self::Member { operation, .. }
            | Self::RepeatedPage { operation } => operation,
        }
    }
}

/// The form of a request.
pub(super) struct Form(Serializer<'static, String>);

impl Form {
    /// Returns the form of an operation of STS, with the one version that STS ever had.
    pub(super) fn of_sts(action: &str) -> Self {
        Self::of(action, "2011-06-15")
    }

    /// Returns the form of an operation of IAM, with the one version that IAM ever had.
    fn of_iam(action: &str) -> Self {
        Self::of(action, "2010-05-08")
    }

    fn of(action: &str, version: &str) -> Self {
        let mut form = Self(Serializer::new(String::new()));
        form.append("Action", action);
        form.append("Version", version);
        form
    }

    /// Adds a member.
    pub(super) fn append(&mut self, name: &str, value: &str) {
        self.0.append_pair(name, value);
    }

    /// Returns the unsigned request with the form at `at`.
    pub(super) fn request(mut self, at: &RegionalEndpoint) -> Request {
        Request {
            method: "POST",
            endpoint: at.endpoint.clone(),
            path: "/",
            query: String::new(),
            headers: vec![("content-type".to_owned(), CONTENT_TYPE.to_owned())],
            body: self.0.finish().into_bytes(),
        }
    }
}

const CONTENT_TYPE: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// The most nodes of a response that is no list. The largest one that is expected has about thirty.
pub(super) const MOST_NODES: u32 = 1_000;

/// The most nodes of a list: a page has up to 1,000 members of four elements, each with its text and white
/// space.
const MOST_NODES_OF_LIST: u32 = 30_000;

/// Returns the document if `body` is one of at most `most` nodes.
pub(super) fn document(body: &[u8], most: u32) -> Option<Document<'_>> {
    let text = std::str::from_utf8(body).ok()?;
    let options = ParsingOptions { nodes_limit: most, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).ok()
}

/// Returns the result in the response of the operation `name`.
pub(super) fn result<'a, 'input>(
    document: &'a Document<'input>,
    name: &str,
) -> Option<Members<'a, 'input>> {
    response(document, name)?.structure(&[&format!("{name}Result")])
}

/// Returns the response of the operation `name`.
fn response<'a, 'input>(document: &'a Document<'input>, name: &str) -> Option<Members<'a, 'input>> {
    let root = document.root_element();
    (root.tag_name().name().strip_prefix(name)? == "Response").then_some(Members(root))
}

/// An element whose children are the members of a structure.
#[derive(Clone, Copy)]
pub(super) struct Members<'a, 'input>(Node<'a, 'input>);

impl<'a, 'input> Members<'a, 'input> {
    /// Returns the element at the end of `path`.
    pub(super) fn structure(self, path: &[&str]) -> Option<Self> {
        let child = |node: Node<'a, 'input>, name: &&str| {
            node.children().find(|child| child.tag_name().name() == *name)
        };
        path.iter().try_fold(self.0, child).map(Self)
    }

    /// Returns the elements of the list at the end of `path`; none if there is no list.
    pub(super) fn list(self, path: &[&str]) -> impl Iterator<Item = Self> {
        let members = self.structure(path).into_iter().flat_map(|list| list.0.children());
        members.filter(|child| child.tag_name().name() == "member").map(Self)
    }

    /// Returns the text of the element at the end of `path`, without the white space around it.
    pub(super) fn text(self, path: &[&str]) -> Option<&'a str> {
        let Self(element) = self.structure(path)?;
        // An element without text is an empty value; one with several pieces (comments between) is none.
        match element.children().count() {
            0 => Some(""),
            1 => element.text().map(str::trim),
            _ => None,
        }
    }

    /// Returns the text of a member; else its name.
    pub(super) fn required(self, member: &'static str) -> Result<&'a str, &'static str> {
        self.text(&[member]).filter(|text| !text.is_empty()).ok_or(member)
    }

    /// Returns the secret in a member; else its name.
    pub(super) fn secret(self, member: &'static str) -> Result<Secret, &'static str> {
        self.required(member).map(|text| Secret::new(text.to_owned()))
    }

    /// Returns the time in a member; else its name.
    pub(super) fn timestamp(self, member: &'static str) -> Result<Timestamp, &'static str> {
        Timestamp::from_rfc3339(self.required(member)?).ok_or(member)
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

#[cfg(test)]
mod tests;
