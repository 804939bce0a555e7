//! The three forms of a date on the wire, and how far a signature's may be off.

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

/// How far the date of a signature may be from ours. AWS documents none for CreateSession, which
/// refuses 30 minutes; this is what Signature Version 4 has elsewhere.
pub(crate) const MOST_SKEW: Duration = Duration::minutes(15);

/// Where a date lies as seen from ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Skew {
    Within,
    Behind,
    Ahead,
}

const AMZ: &[BorrowedFormatItem<'_>] =
    format_description!("[year][month][day]T[hour][minute][second]Z");
const ISO: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
const HTTP: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);

/// Reads the `YYYYMMDD'T'HHMMSS'Z'` of `X-Amz-Date`.
///
/// The parser also takes a year with a sign, which AWS does not.
pub(crate) fn parse_amz(text: &str) -> Option<OffsetDateTime> {
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    PrimitiveDateTime::parse(text, AMZ).ok().map(PrimitiveDateTime::assume_utc)
}

/// Writes the same.
pub(crate) fn format_amz(date: OffsetDateTime) -> String {
    format(date, AMZ)
}

/// Writes the `2026-03-01T12:34:56Z` of an expiration.
pub(crate) fn format_iso(date: OffsetDateTime) -> String {
    format(date, ISO)
}

/// Writes a `Date` header.
pub(crate) fn format_http(date: OffsetDateTime) -> String {
    format(date, HTTP)
}

/// Returns the seconds since the epoch, as timestamps are in AWS JSON.
pub(crate) fn epoch(date: OffsetDateTime) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this century fit 52 bits")]
    let milliseconds = (date.unix_timestamp_nanos() / 1_000_000) as f64;
    milliseconds / 1000.0
}

/// Compares the date of a signature with ours.
pub(crate) fn skew(signed: OffsetDateTime, now: OffsetDateTime) -> Skew {
    if signed < now - MOST_SKEW {
        Skew::Behind
    } else if signed > now + MOST_SKEW {
        Skew::Ahead
    } else {
        Skew::Within
    }
}

fn format(date: OffsetDateTime, format: &[BorrowedFormatItem<'_>]) -> String {
    date.format(format).expect("a date and time has every part of these formats")
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn writes_each_form_and_reads_its_own() {
        let date = datetime!(2026-03-01 12:34:56 UTC);
        assert_eq!(format_amz(date), "20260301T123456Z");
        assert_eq!(parse_amz("20260301T123456Z"), Some(date));
        for wrong in [
            "2026-03-01T12:34:56Z",
            "+20260301T123456Z",
            "-20260301T123456Z",
            " 20260301T123456Z",
            "20260301T123456",
            "20260301T123460Z",
            "",
        ] {
            assert_eq!(parse_amz(wrong), None, "{wrong}");
        }
        assert_eq!(format_iso(date), "2026-03-01T12:34:56Z");
        assert_eq!(format_http(date), "Sun, 01 Mar 2026 12:34:56 GMT");
    }

    #[test]
    fn fifteen_minutes_of_clock_skew_are_accepted() {
        let now = datetime!(2026-03-01 12:34:56 UTC);
        let second = Duration::SECOND;
        assert_eq!(skew(now - MOST_SKEW, now), Skew::Within);
        assert_eq!(skew(now + MOST_SKEW, now), Skew::Within);
        assert_eq!(skew(now - MOST_SKEW - second, now), Skew::Behind);
        assert_eq!(skew(now + MOST_SKEW + second, now), Skew::Ahead);
    }
}
