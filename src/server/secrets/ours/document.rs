//! The documents of our own requests.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use hyper::header::HeaderMap;
use serde::Serialize;

use super::UnresolvedReason;
use crate::secrets::value::{Resolved, ResolvedValue};
use crate::secrets_cache::ServedValue;
use crate::server::Response;
use crate::server::response;
use crate::server::secrets::reply;
use roles_anywhere_client::secret::{Secret, SecretBytes};

/// What references stand for.
#[derive(Debug)]
pub(super) struct ResolvedAnswer<'a> {
    pub(super) items: Vec<ResolvedItem<'a>>,
}

/// What a reference stands for.
#[derive(Debug)]
pub(super) struct ResolvedItem<'a> {
    /// The reference, as it was written.
    pub(super) text: &'a str,
    /// What it stands for.
    pub(super) current: Resolved,
    /// The same in the version before, if that was asked for and exists.
    pub(super) previous: Option<Option<Resolved>>,
    /// What was read; nothing if a default stands for it.
    pub(super) served: Option<ServedValue>,
}

impl ResolvedAnswer<'_> {
    /// Returns whether the client has the version of the only value.
    pub(super) fn is_known(&self, headers: &HeaderMap) -> bool {
        match &*self.items {
            [ResolvedItem { served: Some(served), .. }] => {
                reply::has_version(headers, served.value.tag())
            }
            _ => false,
        }
    }

    /// Returns the only value.
    pub(super) fn one(&self, headers: &HeaderMap) -> Response {
        let Some(item) = self.items.first() else { return reply::unchanged() };
        match &item.served {
            Some(served) if self.is_known(headers) => reply::not_modified(served),
            Some(served) => reply::value(served, item.document().rendered()),
            None => response::secret_json(item.document().rendered()),
        }
    }

    /// Returns all values, with the age of the oldest.
    pub(super) fn list(&self) -> Response {
        let documents: Vec<_> = self.items.iter().map(ResolvedItem::document).collect();
        let list = ValueList { values: &documents };
        let body = response::zeroized(response::rendered_bytes(&list));
        let mut response = response::secret_json(body);
        let served = || self.items.iter().filter_map(|item| item.served.as_ref());
        let age = served().map(|served| served.age).max().unwrap_or_default();
        let stalest = served().filter_map(|served| served.stale).max_by_key(|it| it.past_ttl);
        reply::describe_age(response.headers_mut(), age, stalest);
        response
    }
}

impl ResolvedItem<'_> {
    fn document(&self) -> ResolvedDocument<'_> {
        ResolvedDocument {
            reference: Some(self.text),
            value: ValueText::of(&self.current),
            version: self.served.as_ref().and_then(|served| served.value.version()),
            name: self.served.as_ref().map(|served| served.value.content().name()),
            is_json: self.current.is_json,
            stale: self.served.as_ref().and_then(|served| {
                let stale = served.stale?;
                Some(StaleDocument {
                    seconds: stale.past_ttl.as_secs(),
                    reason: stale.reason.name(),
                })
            }),
            previous: self.previous.as_ref().map(|previous| {
                let previous = previous.as_ref()?;
                Some(Box::new(ResolvedDocument {
                    reference: None,
                    value: ValueText::of(previous),
                    version: previous.version.as_deref(),
                    name: None,
                    is_json: false,
                    stale: None,
                    previous: None,
                }))
            }),
        }
    }
}

#[derive(Serialize)]
struct ValueList<'a> {
    values: &'a [ResolvedDocument<'a>],
}

#[derive(Serialize)]
struct ResolvedDocument<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    #[serde(flatten)]
    value: ValueText<'a>,
    /// That of the secret or parameter, also if a default stands for a member of it; null if there is none.
    version: Option<&'a str>,
    /// The name of the secret or parameter, as AWS has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    /// Whether the value is a member that is JSON, but no string.
    #[serde(rename = "json", skip_serializing_if = "is_false")]
    is_json: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stale: Option<StaleDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<Option<Box<Self>>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[derive(Serialize)]
struct StaleDocument {
    seconds: u64,
    reason: &'static str,
}

/// A value: one member of the document, named after its type.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum ValueText<'a> {
    Value(Option<&'a str>),
    Binary(#[serde(serialize_with = "exposed")] Secret),
    Members(BTreeMap<&'a str, &'a str>),
}

fn exposed<S: serde::Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

impl<'a> ValueText<'a> {
    fn of(resolved: &'a Resolved) -> Self {
        match &resolved.value {
            ResolvedValue::Text(text) => Self::Value(Some(text.expose())),
            ResolvedValue::Absent => Self::Value(None),
            ResolvedValue::Binary(bytes) => Self::Binary(base64(bytes)),
            ResolvedValue::Members(members) => Self::Members(
                members.iter().map(|(name, value)| (&**name, value.expose())).collect(),
            ),
        }
    }
}

fn base64(bytes: &SecretBytes) -> Secret {
    Secret::new(STANDARD.encode(bytes.expose()))
}

impl ResolvedDocument<'_> {
    fn rendered(&self) -> hyper::body::Bytes {
        response::zeroized(response::rendered_bytes(self))
    }
}

impl UnresolvedReason {
    fn parts(&self) -> (StatusCode, &str, Cow<'_, str>) {
        let invalid = StatusCode::BAD_REQUEST;
        match self {
            Self::Invalid(error) => (invalid, "InvalidReference", error.to_string().into()),
            Self::Unsuitable(why) => (invalid, "InvalidReference", (*why).into()),
            Self::Value(error) => (invalid, "UnsuitableValue", error.to_string().into()),
            Self::Read(refusal) => refusal.parts(),
        }
    }
}

/// Returns why references are not resolved: the first one's reason, and all of them.
pub(super) fn failed(failures: &[(&str, UnresolvedReason)]) -> Response {
    let parts = failures.iter().map(|(reference, reason)| (*reference, reason.parts()));
    let documents =
        parts.map(|(reference, (_, code, message))| FailureDocument { code, message, reference });
    let documents: Vec<_> = documents.collect();
    let Some((_, first)) = failures.first() else {
        return reply::error(StatusCode::INTERNAL_SERVER_ERROR, "", "");
    };
    let (status, code, message) = first.parts();
    let body = FailureList { code, message, failures: documents };
    let body = serde_json::to_string(&body).expect("strings serialize");
    response::json_text(status, body)
}

#[derive(Serialize)]
struct FailureList<'a> {
    #[serde(rename = "__type")]
    code: &'a str,
    message: Cow<'a, str>,
    failures: Vec<FailureDocument<'a>>,
}

#[derive(Serialize)]
struct FailureDocument<'a> {
    #[serde(rename = "__type")]
    code: &'a str,
    message: Cow<'a, str>,
    reference: &'a str,
}
