//! JSON as the AWS CLI prints it.

pub mod parameter;
pub mod secret;
pub mod secret_value;

use serde::Serialize;
use time::UtcDateTime;
use time::macros::format_description;

use crate::output::json::pretty;
use roles_anywhere_client::secret::SecretBytes;

/// Renders a document; `values` is the sum of the lengths of its secrets.
fn render(document: &impl Serialize, values: usize) -> SecretBytes {
    // An escaped character has at most six bytes.
    pretty(document, 4_096 + 6 * values)
}

/// Renders microseconds since the epoch as Python's `isoformat`, which the AWS CLI prints.
pub fn iso_8601(microseconds: i64) -> Option<String> {
    let instant = UtcDateTime::from_unix_timestamp_nanos(i128::from(microseconds) * 1_000).ok()?;
    let seconds = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]+00:00");
    let fraction = format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]+00:00"
    );
    if microseconds % 1_000_000 == 0 {
        instant.format(seconds).ok()
    } else {
        instant.format(fraction).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_dates_as_python_does() {
        assert_eq!(iso_8601(1_440_938_160_000_000).unwrap(), "2015-08-30T12:36:00+00:00");
        assert_eq!(iso_8601(1_440_938_160_000_123).unwrap(), "2015-08-30T12:36:00.000123+00:00");
        assert_eq!(iso_8601(i64::MAX), None);
    }
}
