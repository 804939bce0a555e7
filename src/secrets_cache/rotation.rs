//! When AWS is asked again about a secret: before its TTL ends, and more often while it may be rotated.

use std::time::Duration;

use roles_anywhere_client::aws::secret_description::{RotationRules, SecretDescription};
use roles_anywhere_client::time::Timestamp;

/// When a secret may be rotated next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct RotationWindow {
    start: Timestamp,
    /// AWS's `NextRotationDate`, the latest date.
    end: Timestamp,
}

/// How long after its window a rotation is expected: one that failed is tried again.
const LATE_SECONDS: i64 = 3_600;

/// How many checks there are in a TTL while a secret may be rotated.
const CHECKS_PER_TTL: u32 = 5;

impl RotationWindow {
    /// Returns the window of the next rotation, if rotation is on.
    ///
    /// The window of `rate()` opens at midnight, and closes after an hour if its unit is hours, else at
    /// the end of the day; `Duration` shortens it.
    pub(super) fn of(secret: &SecretDescription) -> Option<Self> {
        let next = secret.next_rotation_date.filter(|_| secret.rotation_enabled == Some(true))?;
        let end = Timestamp::from_unix(next.div_euclid(1_000_000));
        let rules = secret.rotation_rules.as_ref();
        let hours = rules.map_or(24, window_hours);
        Some(Self { start: end.after(-3_600 * hours), end })
    }

    /// Returns the seconds from `now` to the latest date of the rotation.
    pub(super) fn seconds_left(&self, now: Timestamp) -> i64 {
        now.seconds_until(self.end)
    }

    fn is_open(&self, now: Timestamp) -> bool {
        self.start <= now && now <= self.end.after(LATE_SECONDS)
    }
}

fn window_hours(rules: &RotationRules) -> i64 {
    let given = rules.duration.as_deref().and_then(|text| text.strip_suffix('h')?.parse().ok());
    let is_hourly = |text: &str| text.starts_with("rate(") && text.contains("hour");
    let hours = given.unwrap_or_else(|| {
        if rules.schedule_expression.as_deref().is_some_and(is_hourly) { 1 } else { 24 }
    });
    i64::clamp(hours, 1, 24)
}

/// Returns the time from a confirmation at `now` to the next check in the background: a random share
/// of the TTL, so that the checks of entries that were read together do not stay together.
pub(super) fn until_check(
    ttl: Duration,
    window: Option<RotationWindow>,
    now: Timestamp,
    random: u64,
) -> Duration {
    let within = |time: Duration| time.mul_f64(share(random));
    let regular = within(ttl);
    let Some(window) = window else { return regular };
    if window.is_open(now) {
        return within(ttl / CHECKS_PER_TTL);
    }
    match u64::try_from(now.seconds_until(window.start)) {
        // A second after its start at the earliest.
        Ok(seconds) => regular.min(Duration::from_secs(seconds + 1)),
        Err(_) => regular,
    }
}

/// Returns a share between 75 % and 95 %.
#[expect(clippy::cast_precision_loss, reason = "numbers below 1,000")]
fn share(random: u64) -> f64 {
    0.75 + 0.2 * ((random % 1_000) as f64 / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_780_000_000);
    const TTL: Duration = Duration::from_secs(300);

    fn secret(members: &str) -> SecretDescription {
        serde_json::from_str(&format!(r#"{{"ARN":"a","Name":"n",{members}}}"#)).unwrap()
    }

    /// Returns the start and the end of a window that ends at 1,780,000,000, relative to that.
    fn window(rules: &str) -> Option<(i64, i64)> {
        let members = format!(r#""NextRotationDate":1.78e9,"RotationEnabled":true{rules}"#);
        let window = RotationWindow::of(&secret(&members))?;
        Some((NOW.seconds_until(window.start), NOW.seconds_until(window.end)))
    }

    #[test]
    fn the_window_is_as_long_as_the_rules_say() {
        let rules = |text: &str| format!(r#","RotationRules":{{{text}}}"#);
        let rows = [
            (String::new(), 24),
            (rules(r#""Duration":"3h","ScheduleExpression":"cron(0 8 1 * ? *)""#), 3),
            (rules(r#""ScheduleExpression":"rate(4 hours)""#), 1),
            (rules(r#""ScheduleExpression":"rate(10 days)""#), 24),
            (rules(r#""AutomaticallyAfterDays":30"#), 24),
            (rules(r#""Duration":"soon""#), 24),
            (rules(r#""Duration":"9999999h""#), 24),
        ];
        for (rules, hours) in rows {
            assert_eq!(window(&rules), Some((-3_600 * hours, 0)), "{rules}");
        }
        assert_eq!(RotationWindow::of(&secret(r#""NextRotationDate":1.78e9"#)), None);
        assert_eq!(RotationWindow::of(&secret(r#""RotationEnabled":true"#)), None);
    }

    #[test]
    fn checks_come_before_the_ttl_ends_and_more_often_in_a_window() {
        let window = |from: i64, to: i64| {
            Some(RotationWindow { start: NOW.after(from), end: NOW.after(to) })
        };
        let rows = [
            (None, 225.0, 285.0),
            (window(10_000, 20_000), 225.0, 285.0),
            (window(100, 20_000), 101.0, 101.0),
            (window(0, 3_600), 45.0, 57.0),
            (window(-100, 100), 45.0, 57.0),
            // A rotation that is late, and one that does not come any more.
            (window(-7_000, -3_600), 45.0, 57.0),
            (window(-7_000, -3_601), 225.0, 285.0),
        ];
        for (window, least, most) in rows {
            for random in [0, 1, 500, 999, 1_000, u64::MAX] {
                let seconds = until_check(TTL, window, NOW, random).as_secs_f64();
                assert!((least..=most).contains(&seconds), "{window:?} {random}: {seconds}");
            }
        }
    }
}
