//! STS's responses, in XML.

use super::assume_role::PackedSize;
use crate::date::format_iso;
use crate::message::Reply;
use crate::refusal::{STS_NAMESPACE, escape_xml};
use crate::session::Session;

/// Returns who the session is.
pub(super) fn caller_identity(session: &Session, request_id: &str) -> Reply {
    let mut result = Xml::default();
    result.element("Arn", &session.assumed_role_arn());
    result.element("UserId", &session.assumed_role_id());
    result.element("Account", session.role_arn.account());
    result.reply("GetCallerIdentity", request_id)
}

/// Returns the credentials of a new session.
pub(super) fn assume_role(session: &Session, packed: PackedSize, request_id: &str) -> Reply {
    let mut credentials = Xml::default();
    credentials.element("AccessKeyId", &session.access_key_id);
    credentials.element("SecretAccessKey", &session.secret_access_key);
    credentials.element("SessionToken", &session.session_token);
    credentials.element("Expiration", &format_iso(session.expiration));
    let mut user = Xml::default();
    user.element("AssumedRoleId", &session.assumed_role_id());
    user.element("Arn", &session.assumed_role_arn());
    let mut result = Xml::default();
    result.structure("Credentials", &credentials);
    result.structure("AssumedRoleUser", &user);
    if packed != PackedSize(0) {
        result.element("PackedPolicySize", &packed.0.to_string());
    }
    if !session.source_identity.is_empty() {
        result.element("SourceIdentity", &session.source_identity);
    }
    result.reply("AssumeRole", request_id)
}

/// The elements of a structure, in the order that they were added. Without `Debug`: they may be
/// credentials.
#[derive(Default)]
struct Xml(String);

impl Xml {
    fn element(&mut self, name: &str, text: &str) {
        self.0.push_str(&format!("<{name}>{}</{name}>", escape_xml(text)));
    }

    fn structure(&mut self, name: &str, members: &Self) {
        self.0.push_str(&format!("<{name}>{}</{name}>", members.0));
    }

    fn reply(&self, action: &str, request_id: &str) -> Reply {
        let body = format!(
            "<{action}Response xmlns=\"{STS_NAMESPACE}\">\n  <{action}Result>{}</{action}Result>\n  \
             <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>\n\
             </{action}Response>\n",
            self.0
        );
        Reply::new(200, "text/xml", body).with("x-amzn-requestid", request_id)
    }
}
