//! All about a secret as lines for people.

use roles_anywhere_client::aws::secret_description::{SecretDescription, SecretReplica};
use roles_anywhere_client::text::escape;
use roles_anywhere_client::time::Timestamp;

/// Renders a description in lines, each with what it is about.
pub(super) fn render(secret: &SecretDescription) -> String {
    let mut lines = Lines(String::new());
    lines.add("name", &secret.name);
    lines.add("ARN", &secret.arn);
    lines.add_if("description", secret.description.as_deref());
    lines.add("KMS key", secret.kms_key_id.as_deref().unwrap_or("aws/secretsmanager"));
    lines.add_if("managed by", secret.owning_service.as_deref());
    lines.add_date("created", secret.created_date);
    lines.add_date("changed", secret.last_changed_date);
    lines.add_if("last read", secret.last_accessed_date.map(day).as_deref());
    lines.add_date("deletion requested", secret.deleted_date);
    rotation(&mut lines, secret);
    for (version, stages) in &secret.version_ids_to_stages {
        lines.add("version", &format!("{version} {}", stages.join(", ")));
    }
    lines.add_if("primary Region", secret.primary_region.as_deref());
    for replica in &secret.replication_status {
        lines.add("replica", &replica_line(replica));
    }
    for tag in &secret.tags {
        lines.add("tag", &format!("{}={}", tag.key, tag.value));
    }
    lines.0
}

fn rotation(lines: &mut Lines, secret: &SecretDescription) {
    let is_on = secret.rotation_enabled == Some(true);
    lines.add("rotation", if is_on { "on" } else { "off" });
    if let Some(rules) = &secret.rotation_rules {
        let days = rules.automatically_after_days.map(|days| format!("every {days} days"));
        let schedule = rules.schedule_expression.clone().or(days);
        let window = rules.duration.as_ref().map(|duration| format!("in a window of {duration}"));
        let parts: Vec<_> = schedule.into_iter().chain(window).collect();
        if !parts.is_empty() {
            lines.add("schedule", &format!("{} (UTC)", parts.join(" ")));
        }
    }
    lines.add_if("rotated by", secret.rotation_lambda_arn.as_deref());
    lines.add_date("last rotated", secret.last_rotated_date);
    // It is the end of the next window. A rotation by hand comes sooner, and after one that failed the
    // date lies in the past.
    let next = secret.next_rotation_date.filter(|_| is_on);
    let next = next.and_then(time).map(|date| format!("{date} at the latest, unless it fails"));
    lines.add_if("next rotation", next.as_deref());
}

fn replica_line(replica: &SecretReplica) -> String {
    let status = replica.status.as_deref().unwrap_or("-");
    match &replica.status_message {
        Some(message) => format!("{} {status}: {message}", replica.region),
        None => format!("{} {status}", replica.region),
    }
}

fn time(microseconds: i64) -> Option<String> {
    Some(Timestamp::from_unix(microseconds / 1_000_000).to_string())
}

/// Returns the day only: AWS cuts the date of the last access.
fn day(microseconds: i64) -> String {
    Timestamp::from_unix(microseconds / 1_000_000).to_string().chars().take(10).collect()
}

struct Lines(String);

impl Lines {
    fn add(&mut self, name: &str, value: &str) {
        let line = format!("{name:<18}  {}\n", escape::line(value));
        self.0.push_str(&line);
    }

    fn add_if(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    fn add_date(&mut self, name: &str, microseconds: Option<i64>) {
        self.add_if(name, microseconds.and_then(time).as_deref());
    }
}
