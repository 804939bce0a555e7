//! The document of a run: a version of the secret that holds no secret. The one with AWSPENDING is the claim
//! of the run that rotates now; the one with the label of records says what has to be remembered between runs.

use serde::{Deserialize, Serialize};

use crate::output::rotation::RotationStrategy;
use roles_anywhere_client::aws::get_secret_value::SecretValue;
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::time::Timestamp;

/// The most seconds by which the clock of a machine may differ from AWS's, and a call take.
const MAX_CLOCK_ERROR: i64 = 300;

/// What is remembered of a rotation.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Document {
    /// The version of this format; its name says whose document it is.
    #[serde(rename = "roles-anywhere-rotation")]
    pub(super) format: Format,
    /// The id of the run that rotates, or has rotated last.
    pub(super) run: String,
    /// When that run started.
    #[serde(with = "rfc3339")]
    pub(super) started: Timestamp,
    /// When that run has ended at the latest.
    #[serde(with = "rfc3339")]
    pub(super) until: Timestamp,
    /// When runs have ended at the latest that were taken over by `--force` before that.
    #[serde(default, with = "rfc3339::optional", skip_serializing_if = "Option::is_none")]
    pub(super) others_until: Option<Timestamp>,
    /// How the value is made.
    pub(super) strategy: RotationStrategy,
    /// Whether the rotation is being aborted.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) is_aborted: bool,
    /// The id of the version that has the new value, from before it exists. `None` if there was no rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) value_version: Option<String>,
    /// The version that it replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) replaces: Option<String>,
    /// The access key in that version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) replaces_key: Option<String>,
    /// The record that this document continues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) continues: Option<String>,
    /// The calls of CreateAccessKey of this rotation, whose keys may be lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) created: Vec<KeyCreation>,
    /// The access keys of versions before the current one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) old_keys: Vec<OldKey>,
}

/// A call of CreateAccessKey, recorded before it is made.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct KeyCreation {
    /// The run that made it.
    pub(super) run: String,
    /// When it was recorded.
    #[serde(with = "rfc3339")]
    pub(super) called: Timestamp,
    /// The keys that the user had before.
    pub(super) keys_before: Vec<String>,
}

/// An access key that was replaced.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct OldKey {
    /// The id of the key.
    pub(super) id: String,
    /// Since when it is not in the current version, or a later time.
    #[serde(with = "rfc3339")]
    pub(super) replaced: Timestamp,
    /// When it was deactivated, or a later time.
    #[serde(default, with = "rfc3339::optional", skip_serializing_if = "Option::is_none")]
    pub(super) deactivated: Option<Timestamp>,
}

/// The number of the format.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "u8", into = "u8")]
pub(super) struct Format;

impl TryFrom<u8> for Format {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, &'static str> {
        if number == 1 { Ok(Self) } else { Err("another format") }
    }
}

impl From<Format> for u8 {
    fn from(_: Format) -> Self {
        1
    }
}

impl Document {
    /// Returns the document of a run that has found no record.
    pub(super) fn new(run: &str, (started, until): (Timestamp, Timestamp)) -> Self {
        Self {
            format: Format,
            run: run.to_owned(),
            started,
            until,
            others_until: None,
            strategy: RotationStrategy::IamAccessKey,
            is_aborted: false,
            value_version: None,
            replaces: None,
            replaces_key: None,
            continues: None,
            created: Vec::new(),
            old_keys: Vec::new(),
        }
    }

    /// Reads the document that a version is, if it is one.
    pub(super) fn parse(value: &SecretValue) -> Option<Self> {
        match value {
            SecretValue::Text(text) => serde_json::from_str(text.expose()).ok(),
            SecretValue::Binary(_) => None,
        }
    }

    /// Returns it with the time at which its version was stored as that of the calls of its run, which follow
    /// at once. Their keys have times of AWS's clock too; that of the machine may be some minutes off.
    pub(super) fn stored(mut self, at: Timestamp) -> Self {
        let Self { run, created, .. } = &mut self;
        for call in created.iter_mut().filter(|call| call.run == *run) {
            // Later documents of the run may repeat it.
            if call.called.seconds_until(at).abs() <= MAX_CLOCK_ERROR {
                call.called = at.after(-1);
            }
        }
        self
    }

    /// Returns it without the calls of a run that have certainly made no key.
    pub(super) fn without_calls_of(&self, run: &str) -> Self {
        let mut document = self.clone();
        document.created.retain(|call| call.run != run);
        document
    }

    /// Returns the value of its version.
    pub(super) fn to_value(&self) -> SecretValue {
        let json = serde_json::to_string(self).expect("a struct of texts is JSON");
        SecretValue::Text(Secret::new(json))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Times as people read them.
mod rfc3339 {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use super::Timestamp;

    pub(super) fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(time)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(from)?;
        Timestamp::from_rfc3339(&text).ok_or_else(|| de::Error::custom("not a time"))
    }

    pub(super) mod optional {
        use super::{Deserializer, Serializer, Timestamp, deserialize as read, serialize as write};

        pub(in super::super) fn serialize<S: Serializer>(
            time: &Option<Timestamp>,
            to: S,
        ) -> Result<S::Ok, S::Error> {
            match time {
                Some(time) => write(time, to),
                None => to.serialize_none(),
            }
        }

        pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
            from: D,
        ) -> Result<Option<Timestamp>, D::Error> {
            read(from).map(Some)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_780_000_000);

    #[test]
    fn a_document_is_read_as_it_is_written() {
        let document = Document {
            value_version: Some("v".to_owned()),
            created: vec![KeyCreation {
                run: "r".to_owned(),
                called: NOW,
                keys_before: vec!["AKIA1".to_owned()],
            }],
            old_keys: vec![
                OldKey { id: "AKIA1".to_owned(), replaced: NOW, deactivated: None },
                OldKey { id: "AKIA2".to_owned(), replaced: NOW, deactivated: Some(NOW) },
            ],
            ..Document::new("r", (NOW, NOW.after(300)))
        };
        assert_eq!(Document::parse(&document.to_value()), Some(document));
    }

    #[test]
    fn another_value_is_no_document() {
        for text in ["", "{}", "hunter2", r#"{"roles-anywhere-rotation":2}"#, "[1]"] {
            let value = SecretValue::Text(Secret::new(text.to_owned()));
            assert_eq!(Document::parse(&value), None, "{text}");
        }
    }
}
