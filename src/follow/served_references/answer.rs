//! The documents of a running `serve`, as a client reads them. A part of one that may hold a value is never shown.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::follow::cached_references::shown_name;
use crate::follow::source::FollowedValue;
use crate::output::served::ServedRefusal;
use crate::secrets::reference::{NamedReference, Reference};
use crate::secrets::value::{Resolved, ResolvedValue};
use crate::secrets_cache::{OutageReason, StaleReason};
use roles_anywhere_client::http::Response;
use roles_anywhere_client::secret::{Secret, SecretBytes};

/// Returns the values of `references`; `None` if the answer is not that of `serve`.
pub(super) fn values(
    response: &Response,
    references: &[NamedReference],
) -> Option<Vec<FollowedValue>> {
    let ValuesAnswer { values } = serde_json::from_slice(response.body.expose()).ok()?;
    if values.len() != references.len() {
        return None;
    }
    let pairs = values.into_iter().zip(references);
    pairs.map(|(document, named)| document.into_value(&named.reference)).collect()
}

/// Why there are no values.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Failures {
    /// Of references, by their indices.
    Of(Vec<(usize, ServedRefusal)>),
    /// Of the whole request.
    Whole(ServedRefusal),
}

/// Returns why there are no values; `None` if the answer is not that of `serve`. `sent` are the references as they
/// were sent.
pub(super) fn failures(response: &Response, sent: &[Secret]) -> Option<Failures> {
    let list: FailureAnswer = serde_json::from_slice(response.body.expose()).ok()?;
    if list.failures.is_empty() {
        return Some(Failures::Whole(refusal(response, &list.code, &list.message)?));
    }
    // They come in the order of the references.
    let mut indices = sent.iter().enumerate();
    let failures = list.failures.iter().map(|failure| {
        let is_it = |(_, text): &(usize, &Secret)| text.expose() == failure.reference.expose();
        let (index, _) = indices.find(is_it)?;
        Some((index, refusal(response, &failure.code, &failure.message)?))
    });
    failures.collect::<Option<_>>().map(Failures::Of)
}

/// The longest code, and the longest message that is shown.
const LONGEST: (usize, usize) = (64, 500);

fn refusal(response: &Response, code: &str, message: &str) -> Option<ServedRefusal> {
    let is_code = code.len() <= LONGEST.0 && code.bytes().all(|b| b.is_ascii_alphanumeric());
    let message = message.chars().take(LONGEST.1).collect();
    let code = code.to_owned();
    is_code.then_some(ServedRefusal { status: response.status, code, message })
}

#[derive(Deserialize)]
struct ValuesAnswer {
    values: Vec<AnsweredValue>,
}

/// A member that is not known here is ignored: `serve` may be of a later version.
#[derive(Deserialize)]
struct AnsweredValue {
    #[serde(default, deserialize_with = "present")]
    value: Option<Option<Secret>>,
    binary: Option<Secret>,
    members: Option<BTreeMap<String, Secret>>,
    version: Option<String>,
    name: Option<String>,
    #[serde(default, rename = "json")]
    is_json: bool,
    stale: Option<AnsweredStaleness>,
}

#[derive(Deserialize)]
struct AnsweredStaleness {
    seconds: u64,
    reason: String,
}

#[derive(Deserialize)]
struct FailureAnswer {
    #[serde(rename = "__type")]
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    failures: Vec<AnsweredFailure>,
}

#[derive(Deserialize)]
struct AnsweredFailure {
    #[serde(rename = "__type")]
    code: String,
    #[serde(default)]
    message: String,
    /// It may have a default.
    reference: Secret,
}

/// Tells null from a member that is left out.
fn present<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<Secret>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl AnsweredValue {
    fn into_value(self, reference: &Reference) -> Option<FollowedValue> {
        let Self { value, binary, members, version, name, is_json, stale } = self;
        let value = match (value, binary, members) {
            (Some(Some(text)), None, None) => ResolvedValue::Text(text),
            (Some(None), None, None) => ResolvedValue::Absent,
            (None, Some(base64), None) => {
                let bytes = STANDARD.decode(base64.expose()).ok()?;
                ResolvedValue::Binary(SecretBytes::new(bytes))
            }
            (None, None, Some(members)) => ResolvedValue::Members(members.into_iter().collect()),
            _ => return None,
        };
        let resolved = Resolved { value, is_json, version: version.clone() };
        let name = name.unwrap_or_else(|| shown_name(reference));
        Some(FollowedValue { resolved, name, version, stale: stale.map(Into::into) })
    }
}

impl From<AnsweredStaleness> for StaleReason {
    fn from(AnsweredStaleness { seconds, reason }: AnsweredStaleness) -> Self {
        let known = OutageReason::ALL.into_iter().find(|known| known.name() == reason);
        let reason = known.unwrap_or(OutageReason::Answer);
        Self { past_ttl: Duration::from_secs(seconds), reason }
    }
}
