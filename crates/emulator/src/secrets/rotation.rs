//! What DescribeSecret says of the rotation, the deletion and the replicas of a secret. Nothing here
//! rotates, deletes or copies one.

use schemars::JsonSchema;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

/// How a secret is rotated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rotation {
    pub(crate) enabled: bool,
    pub(crate) lambda_arn: Option<String>,
    pub(crate) rules: RotationRules,
    pub(crate) last_rotated: Option<OffsetDateTime>,
    /// The latest date of the next rotation, for a secret whose rotation is enabled.
    pub(crate) next: Option<OffsetDateTime>,
}

/// When a secret is rotated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RotationRules {
    pub(crate) automatically_after_days: Option<u32>,
    /// How long the rotation window is, such as `3h`.
    pub(crate) duration: Option<String>,
    /// `rate(…)` or `cron(…)`.
    pub(crate) schedule_expression: Option<String>,
}

impl Rotation {
    /// Returns the date of the last rotation; none if rotation is off.
    pub(crate) fn last_rotation(&self) -> Option<OffsetDateTime> {
        self.last_rotated.filter(|_| self.enabled)
    }

    /// Returns the latest date of the next rotation; none if rotation is off.
    pub(crate) fn next_rotation(&self) -> Option<OffsetDateTime> {
        self.next.filter(|_| self.enabled)
    }

    /// Counts from a new value that was put in by hand as from a rotation.
    pub(super) fn restart(&mut self, now: OffsetDateTime) {
        if let Some(days) = self.rules.automatically_after_days {
            self.next = Some(now + Duration::days(days.into()));
        }
    }
}

impl RotationRules {
    pub(crate) fn to_json(&self) -> Value {
        let mut rules = json!({});
        let text = |text: &Option<String>| text.as_ref().map(|text| json!(text));
        for (name, value) in [
            ("AutomaticallyAfterDays", self.automatically_after_days.map(|days| json!(days))),
            ("Duration", text(&self.duration)),
            ("ScheduleExpression", text(&self.schedule_expression)),
        ] {
            if let Some(value) = value {
                rules[name] = value;
            }
        }
        rules
    }
}

/// A secret that is scheduled for deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deletion {
    /// When it was scheduled.
    pub(crate) requested: OffsetDateTime,
    /// When the secret is gone.
    pub(crate) date: OffsetDateTime,
}

impl Deletion {
    /// Returns the deletion of a secret, so many days after it is requested.
    pub(crate) fn after_days(days: u32, now: OffsetDateTime) -> Self {
        Self { requested: now, date: now + Duration::days(days.into()) }
    }
}

/// Whether a replica has the value of the primary secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
pub(crate) enum ReplicaStatus {
    InSync,
    InProgress,
    Failed,
}

impl ReplicaStatus {
    pub(crate) const ALL: [(&str, Self); 3] =
        [("InSync", Self::InSync), ("InProgress", Self::InProgress), ("Failed", Self::Failed)];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::InSync => "InSync",
            Self::InProgress => "InProgress",
            Self::Failed => "Failed",
        }
    }

    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::InSync => "Replication succeeded",
            Self::InProgress => "Replication in progress",
            Self::Failed => "Replication failed: the name is already in use in this Region",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn rotation() -> Rotation {
        let rules =
            RotationRules { automatically_after_days: Some(30), ..RotationRules::default() };
        Rotation { enabled: true, rules, last_rotated: Some(NOW), ..Rotation::default() }
    }

    #[test]
    fn a_rotation_that_is_off_has_no_dates() {
        let on = Rotation { next: Some(NOW), ..rotation() };
        assert_eq!((on.last_rotation(), on.next_rotation()), (Some(NOW), Some(NOW)));
        let off = Rotation { enabled: false, ..on };
        assert_eq!((off.last_rotation(), off.next_rotation()), (None, None));
    }

    #[test]
    fn a_value_by_hand_moves_the_next_rotation_of_a_schedule_in_days() {
        let mut by_days = rotation();
        by_days.restart(NOW + Duration::DAY);
        assert_eq!(by_days.next_rotation(), Some(NOW + Duration::days(31)));
        let rules = RotationRules {
            schedule_expression: Some("cron(0 8 1 * ? *)".to_owned()),
            ..RotationRules::default()
        };
        let mut by_schedule = Rotation { rules, next: Some(NOW), ..rotation() };
        by_schedule.restart(NOW + Duration::DAY);
        assert_eq!(by_schedule.next_rotation(), Some(NOW));
    }
}
