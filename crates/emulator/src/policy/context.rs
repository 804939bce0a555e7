//! The request context: what is known of a call, by condition key.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>

use std::collections::BTreeMap;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Condition keys and their values. Names of keys are compared without case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Context {
    values: BTreeMap<String, Vec<String>>,
}

impl Context {
    /// Sets a key with one value.
    #[must_use]
    pub(crate) fn with(self, key: &str, value: impl Into<String>) -> Self {
        self.with_all(key, [value.into()])
    }

    /// Sets a key with any number of values, such as `aws:TagKeys`. With none, the key is absent.
    #[must_use]
    pub(crate) fn with_all(
        mut self,
        key: &str,
        values: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let values: Vec<String> = values.into_iter().map(Into::into).collect();
        if values.is_empty() {
            self.values.remove(&key.to_ascii_lowercase());
        } else {
            self.values.insert(key.to_ascii_lowercase(), values);
        }
        self
    }

    /// Sets `aws:CurrentTime` and `aws:EpochTime`.
    #[must_use]
    pub(crate) fn at(self, now: OffsetDateTime) -> Self {
        let current = now.format(&Rfc3339).unwrap_or_default();
        self.with("aws:CurrentTime", current)
            .with("aws:EpochTime", now.unix_timestamp().to_string())
    }

    /// Returns the values of a key; none if it is absent.
    pub(crate) fn values(&self, key: &str) -> &[String] {
        self.values.get(&key.to_ascii_lowercase()).map_or(&[], Vec::as_slice)
    }

    pub(super) fn set_default(&mut self, key: &str, value: impl Into<String>) {
        self.values.entry(key.to_ascii_lowercase()).or_insert_with(|| vec![value.into()]);
    }
}
