//! The lines that tell of changed references: names and versions, never values.

use serde::Serialize;

use crate::follow::source::{FollowedValue, FollowedValues};
use crate::secrets::reference::{NamedReference, Reference, ReferenceTarget};
use crate::secrets::value::{Resolved, ResolvedValue};
use roles_anywhere_client::secret::SecretBytes;

/// What a reference stood for.
#[derive(Clone, Debug)]
pub(super) struct KnownValue {
    value: ResolvedValue,
    version: Option<String>,
}

impl KnownValue {
    pub(super) fn of(resolved: Resolved) -> Self {
        Self { value: resolved.value, version: resolved.version }
    }

    pub(super) fn of_followed(value: &FollowedValue) -> Self {
        Self { value: value.resolved.value.clone(), version: value.version.clone() }
    }

    /// Returns whether a reference stands for another value than before. There may be none before.
    pub(super) fn differs(before: &Option<Self>, now: &FollowedValue) -> bool {
        before.as_ref().is_none_or(|before| !before.value.is_same(&now.resolved.value))
    }
}

/// A line.
#[derive(Serialize)]
struct Change<'a> {
    reference: String,
    kind: &'static str,
    name: &'a str,
    /// Null if there is no such secret or parameter.
    version: Option<&'a str>,
    previous_version: Option<&'a str>,
    stale: bool,
}

/// Returns a line of JSON for each reference that stands for another value than in `known`.
pub(super) fn lines(
    references: &[NamedReference],
    known: &[Option<KnownValue>],
    now: &FollowedValues,
) -> SecretBytes {
    let mut lines = Vec::new();
    for ((named, known), now) in references.iter().zip(known).zip(&now.values) {
        if !KnownValue::differs(known, now) {
            continue;
        }
        let change = Change {
            reference: without_default(&named.reference),
            kind: match named.reference.target() {
                ReferenceTarget::Secret { .. } => "secret",
                ReferenceTarget::Parameter { .. } => "parameter",
            },
            name: &now.name,
            version: now.version.as_deref(),
            previous_version: known.as_ref().and_then(|known| known.version.as_deref()),
            stale: now.stale.is_some(),
        };
        // It has nothing that JSON cannot hold.
        if serde_json::to_writer(&mut lines, &change).is_ok() {
            lines.push(b'\n');
        }
    }
    SecretBytes::new(lines)
}

/// Returns a reference as it is written, without its default, which may be secret.
fn without_default(reference: &Reference) -> String {
    reference.clone().without_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use roles_anywhere_client::secret::Secret;

    fn text(text: &str) -> ResolvedValue {
        ResolvedValue::Text(Secret::new(text.to_owned()))
    }

    fn followed(value: &str, version: &str) -> FollowedValue {
        let version = Some(version.to_owned());
        FollowedValue {
            resolved: Resolved { value: text(value), is_json: false, version: version.clone() },
            name: "prod/db".to_owned(),
            version,
            stale: None,
        }
    }

    #[test]
    fn a_line_has_names_and_versions_and_never_a_value() {
        let reference =
            |text| NamedReference { name: None, reference: Reference::parse(text).unwrap() };
        let references = [
            reference("sm://prod/db#password?default=hunter2&stage=AWSPREVIOUS"),
            reference("ssm:///prod/url?optional"),
            reference("sm://prod/db"),
        ];
        let known =
            |value: &str| Some(KnownValue { value: text(value), version: Some("v1".to_owned()) });
        let known = [known("old"), None, known("same")];
        let values = vec![followed("new", "v2"), followed("first", "7"), followed("same", "v2")];
        let lines = lines(&references, &known, &FollowedValues { values });
        insta::assert_snapshot!(String::from_utf8_lossy(lines.expose()), @r#"
        {"reference":"sm://prod/db#password?stage=AWSPREVIOUS","kind":"secret","name":"prod/db","version":"v2","previous_version":"v1","stale":false}
        {"reference":"ssm:///prod/url?optional","kind":"parameter","name":"prod/db","version":"7","previous_version":null,"stale":false}
        "#);
    }
}
