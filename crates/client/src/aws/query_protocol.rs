//! The Query protocol of IAM and STS: a form is sent, XML is answered.
//!
//! <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>

mod xml;

use std::fmt;

use roxmltree::Document;
use url::form_urlencoded::Serializer;

pub(super) use xml::{MOST_NODES, Members, QueryError, document, error, result};

use crate::aws::endpoint::{RegionalEndpoint, Service};
use crate::aws::retry::Repeatable;
use crate::http::{Request, Response};

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
        match xml::response(&document, self.name()) {
            Some(_) => Ok(()),
            None => Err(QueryResponseError::OtherResponse { operation: self }),
        }
    }

    fn document(self, response: &Response) -> Result<Document<'_>, QueryResponseError> {
        let most = match self {
            Self::ListAccessKeys => xml::MOST_NODES_OF_LIST,
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

#[cfg(test)]
mod tests;
