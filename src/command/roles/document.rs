//! The roles as JSON for programs. The member names are stable.

use serde::Serialize;

use super::{ListedRole, days};
use roles_anywhere_client::text::escape;
use roles_anywhere_client::time::Timestamp;

#[derive(Serialize)]
struct RolesDocument<'a> {
    roles: Vec<RoleView<'a>>,
}

#[derive(Serialize)]
struct RoleView<'a> {
    name: String,
    default: bool,
    account: &'a str,
    role_arn: String,
    identity: Option<String>,
    certificate: CertificateValidity<'a>,
    session: Option<CachedView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stanza: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum CertificateValidity<'a> {
    Read { not_after: String, days_left: i64 },
    NotRead { error: &'a str },
}

#[derive(Serialize)]
struct CachedView {
    expiration: String,
    seconds_left: i64,
}

/// Renders the roles as one object, indented, with a newline.
pub(super) fn render(roles: &[ListedRole<'_>], now: Timestamp) -> String {
    let view = |listed| view(listed, now);
    let document = RolesDocument { roles: roles.iter().map(view).collect() };
    let json = serde_json::to_string_pretty(&document).expect("strings and numbers serialize");
    escape::json(&json).into_owned() + "\n"
}

fn view<'a>(listed: &'a ListedRole<'_>, now: Timestamp) -> RoleView<'a> {
    RoleView {
        name: listed.planned.name.to_string(),
        default: listed.planned.is_default,
        account: listed.role.account(),
        role_arn: listed.role.to_string(),
        identity: listed.planned.identity.as_ref().map(ToString::to_string),
        certificate: match &listed.certificate {
            Ok(expiration) => CertificateValidity::Read {
                not_after: expiration.to_string(),
                days_left: days(*expiration, now),
            },
            Err(error) => CertificateValidity::NotRead { error },
        },
        session: listed.session.as_ref().map(|session| CachedView {
            expiration: session.credentials.expiration.to_string(),
            seconds_left: session.seconds_left(now),
        }),
        stanza: listed.stanza.as_deref(),
    }
}
