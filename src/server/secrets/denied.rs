//! How many requests were denied, and by what.

use std::cell::Cell;

/// What denied a read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum DeniedBy {
    /// Policies of the role, of the secret or of the KMS key.
    Aws,
    /// `allow`, `deny` or `allowed-roles` of this endpoint.
    Rules,
}

impl DeniedBy {
    /// Returns its name in the log and in the metrics.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Rules => "rules",
        }
    }
}

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
    /// Counts a read that was denied.
    pub(super) fn count(&self, by: DeniedBy) {
        increment(match by {
            DeniedBy::Aws => &self.aws,
            DeniedBy::Rules => &self.rules,
        });
    }

    /// Counts a request without a valid token.
    pub(super) fn count_token(&self) {
        increment(&self.token);
    }

    /// Returns the counts by what denied the request.
    pub(super) fn counts(&self) -> [(&'static str, u64); 3] {
        [
            (DeniedBy::Aws.name(), self.aws.get()),
            (DeniedBy::Rules.name(), self.rules.get()),
            ("token", self.token.get()),
        ]
    }
}

fn increment(counter: &Cell<u64>) {
    counter.set(counter.get() + 1);
}
