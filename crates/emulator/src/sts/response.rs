//! STS's responses, in XML.

use super::assume_role::PackedSize;
use crate::caller::Caller;
use crate::date::format_iso;
use crate::message::Reply;
use crate::query::{STS_NAMESPACE, Xml};
use crate::session::Session;

/// Returns who the caller is.
pub(super) fn caller_identity(caller: &Caller, request_id: &str) -> Reply {
    let mut result = Xml::default();
    result.element("Arn", &caller.arn());
    result.element("UserId", &caller.user_id());
    result.element("Account", caller.account());
    result.reply(STS_NAMESPACE, "GetCallerIdentity", request_id)
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
    result.reply(STS_NAMESPACE, "AssumeRole", request_id)
}
