//! STS as far as `GetCallerIdentity` goes: the Query protocol, answered in XML.
//!
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>

use percent_encoding::percent_decode_str;

use crate::account::ACCOUNT;
use crate::message::{Reply, Request};
use crate::refusal::escape_xml;
use crate::session::Session;

/// Returns a parameter of a form such as `Action=GetCallerIdentity&Version=2011-06-15`.
pub(crate) fn parameter(request: &Request, name: &str) -> Option<String> {
    let body = std::str::from_utf8(&request.body).ok()?;
    body.split('&')
        .chain(request.query.split('&'))
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| percent_decode_str(value).decode_utf8_lossy().into_owned())
}

/// Returns who the session is.
pub(crate) fn caller_identity(session: &Session, request_id: &str) -> Reply {
    let body = format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  \
         <GetCallerIdentityResult>\n    <Arn>{}</Arn>\n    <UserId>{}</UserId>\n    \
         <Account>{ACCOUNT}</Account>\n  </GetCallerIdentityResult>\n  <ResponseMetadata>\n    \
         <RequestId>{request_id}</RequestId>\n  </ResponseMetadata>\n</GetCallerIdentityResponse>\n",
        escape_xml(&session.assumed_role_arn()),
        escape_xml(&session.assumed_role_id()),
    );
    Reply::new(200, "text/xml", body).with("x-amzn-requestid", request_id)
}
