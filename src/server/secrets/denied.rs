//! How many requests were denied, and by what.

use std::cell::Cell;

use super::reply::ReadRefusal;

/// The reads and requests that were denied since the start.
#[derive(Debug, Default)]
pub(super) struct DenialCounters {
    aws: Cell<u64>,
    /// Reads that `allow`, `deny` or `allowed-roles` do not allow.
    rules: Cell<u64>,
    /// Requests without a valid token.
    token: Cell<u64>,
}

impl DenialCounters {
    /// Counts a read that has no value, if it was denied.
    pub(super) fn count(&self, refusal: &ReadRefusal) {
        if refusal.is_denied_by_aws() {
            increment(&self.aws);
        } else if refusal.is_denied_by_rules() {
            increment(&self.rules);
        }
    }

    /// Counts a request without a valid token.
    pub(super) fn count_token(&self) {
        increment(&self.token);
    }

    /// Returns the counts by what denied the request.
    pub(super) fn counts(&self) -> [(&'static str, u64); 3] {
        [("aws", self.aws.get()), ("rules", self.rules.get()), ("token", self.token.get())]
    }
}

fn increment(counter: &Cell<u64>) {
    counter.set(counter.get() + 1);
}
