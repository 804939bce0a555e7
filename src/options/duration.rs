//! Times with a unit: `90s`, `60m`, `24h`, `30d`.

use std::time::Duration;

/// Returns the time that a text of digits and a unit is: `s`, `m`, `h` or `d`. Without a unit, it is in seconds.
pub fn parse(text: &str) -> Option<Duration> {
    let (number, seconds) = match text.strip_suffix(['s', 'm', 'h', 'd']) {
        None => (text, 1),
        Some(number) => (number, unit(text)),
    };
    // `u64` would also take a sign.
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    number.parse::<u64>().ok()?.checked_mul(seconds).map(Duration::from_secs)
}

/// Returns the seconds of the unit that a text ends with.
fn unit(text: &str) -> u64 {
    match text.as_bytes().last() {
        Some(b'm') => 60,
        Some(b'h') => 3_600,
        Some(b'd') => 86_400,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_number_and_a_unit_are_a_time() {
        let rows = [
            ("90", Some(90)),
            ("90s", Some(90)),
            ("60m", Some(3_600)),
            ("24h", Some(86_400)),
            ("30d", Some(2_592_000)),
            ("0m", Some(0)),
            ("", None),
            ("m", None),
            ("+1m", None),
            ("-1m", None),
            ("1.5h", None),
            ("1h30m", None),
            ("1 h", None),
            ("1w", None),
            ("1H", None),
            ("99999999999999999999", None),
            ("999999999999999999d", None),
        ];
        for (text, seconds) in rows {
            assert_eq!(parse(text).map(|time| time.as_secs()), seconds, "{text}");
        }
    }
}
