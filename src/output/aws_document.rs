//! JSON as the AWS CLI prints it.

pub mod parameter;
pub mod secret;

use serde::Serialize;
use serde_json::ser::PrettyFormatter;
use time::UtcDateTime;
use time::macros::format_description;

use roles_anywhere_client::secret::SecretBytes;

/// Renders a document, indented as the AWS CLI does, with a newline; `values` is the sum of the lengths of
/// its secrets.
pub fn render(document: &impl Serialize, values: usize) -> SecretBytes {
    // Large enough not to grow: a buffer left behind by growth would not be wiped.
    let mut json = Vec::with_capacity(4_096 + 6 * values);
    let mut serializer =
        serde_json::Serializer::with_formatter(&mut json, PrettyFormatter::with_indent(b"    "));
    document.serialize(&mut serializer).expect("strings and numbers serialize");
    json.push(b'\n');
    SecretBytes::new(json)
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
