//! A certificate as text for people.
//!
//! The subject of a certificate may hold any text, so every line goes through [`TextReport::line`],
//! which escapes control characters.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256};

use super::{days_left, fingerprint};
use roles_anywhere_client::text::escape;
use roles_anywhere_client::time::Timestamp;
use roles_anywhere_client::x509::Certificate;
use roles_anywhere_client::x509::details::CertificateDetails;
use roles_anywhere_client::x509::requirements::{Certainty, Violation};
use roles_anywhere_client::x509::session_attributes::{SessionAttributes, Tag, TagStatus};

/// Renders `certificates` one after the other. Beside a leaf, CA certificates are shown without their
/// session attributes.
pub(super) fn render(certificates: &[Certificate], now: Timestamp) -> String {
    let mut report = TextReport::default();
    let has_leaf = certificates.iter().any(|certificate| !certificate.usage().is_ca);
    for (index, certificate) in certificates.iter().enumerate() {
        if certificates.len() > 1 {
            report.heading(&format!("Certificate {} of {}", index + 1, certificates.len()));
        }
        contents(&mut report, certificate, now);
        if !(certificate.usage().is_ca && has_leaf) {
            attributes(&mut report, &SessionAttributes::of(certificate, now));
        }
    }
    report.text
}

fn contents(report: &mut TextReport, certificate: &Certificate, now: Timestamp) {
    let contents = CertificateDetails::of(certificate);
    report.line("Subject", &certificate.subject().to_string());
    report.line("Issuer", &certificate.issuer().to_string());
    report.line("Serial", certificate.serial());
    report.line("Serial in hex", &contents.serial_hex);
    report.line("Valid from", &valid_from(certificate, now));
    report.line("Valid until", &valid_until(certificate, now));
    report.line("Key", &contents.key.to_string());
    report.line("Signed with", &contents.signature_algorithm);
    report.line("CA", if certificate.usage().is_ca { "yes" } else { "no" });
    let list = |names: Option<String>| names.unwrap_or_else(|| "(no extension)".to_owned());
    report.line("Key usage", &list(contents.key_usage.map(|names| names.join(", "))));
    let extended = contents.extended_key_usage.map(|names| names.join(", "));
    report.line("Extended usage", &list(extended));
    for name in &contents.alternative_names {
        report.line("Alternative name", &format!("{} {}", name.kind, name.value));
    }
    report.line("SHA-256", &fingerprint(certificate, &SHA256));
    report.line("SHA-1", &fingerprint(certificate, &SHA1_FOR_LEGACY_USE_ONLY));
}

fn valid_from(certificate: &Certificate, now: Timestamp) -> String {
    let not_before = certificate.not_before();
    let note = if now < not_before { " (not yet valid)" } else { "" };
    format!("{not_before}{note}")
}

fn valid_until(certificate: &Certificate, now: Timestamp) -> String {
    let not_after = certificate.not_after();
    match days_left(certificate, now) {
        days @ ..0 => format!("{not_after} (expired, {} ago)", count(-days - 1)),
        days => format!("{not_after} ({} left)", count(days)),
    }
}

fn count(days: i64) -> String {
    match days {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

fn attributes(report: &mut TextReport, attributes: &SessionAttributes) {
    report.heading("IAM Roles Anywhere, with the default attribute mapping");
    report.line("Session name", &attributes.session_name);
    report.line("Source identity", &attributes.source_identity);
    let of_status =
        |test: fn(&TagStatus) -> bool| attributes.tags.iter().filter(move |tag| test(&tag.status));
    report.section("Session tags", of_status(|status| *status == TagStatus::Kept).map(tag_line));
    report.section(
        "Dropped, as STS does not accept the tag",
        of_status(|status| matches!(status, TagStatus::Dropped(_))).map(tag_line),
    );
    report.section(
        "Not documented to become session tags",
        of_status(|status| *status == TagStatus::Undocumented).map(tag_line),
    );
    let of_certainty = |certainty| {
        let violations = attributes.violations.iter();
        violations.filter(move |violation| violation.certainty() == certainty).map(violation_line)
    };
    report.section(
        "Roles Anywhere refuses the certificate because it",
        of_certainty(Certainty::Refused),
    );
    report.section(
        "Roles Anywhere may refuse the certificate because it",
        of_certainty(Certainty::Undocumented),
    );
}

fn tag_line(tag: &Tag) -> (String, String) {
    let value = match tag.status {
        TagStatus::Dropped(reason) => format!("{}: {reason}", tag.value),
        _ => tag.value.clone(),
    };
    (tag.key.clone(), value)
}

fn violation_line(violation: &Violation) -> (String, String) {
    (violation.to_string(), String::new())
}

/// The text that was written so far.
#[derive(Default)]
struct TextReport {
    text: String,
}

impl TextReport {
    /// Adds a heading after an empty line. It is not escaped.
    fn heading(&mut self, words: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(words);
        self.text.push('\n');
    }

    /// Adds a label and a value. Both are escaped.
    fn line(&mut self, label: &str, value: &str) {
        let line = format!("{:<17}{}", printable(label), printable(value));
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// Adds a heading and a line for each row, or nothing if there are no rows.
    fn section(&mut self, words: &str, rows: impl Iterator<Item = (String, String)>) {
        let rows: Vec<(String, String)> = rows.collect();
        if rows.is_empty() {
            return;
        }
        self.heading(words);
        let width = rows.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0).min(40);
        for (label, value) in rows {
            self.line(&format!("  {label:<width$}  "), &value);
        }
    }
}

/// Escapes invisible characters. Backslashes are doubled, to keep the result unambiguous.
fn printable(text: &str) -> String {
    escape::line(&text.replace('\\', "\\\\")).into_owned()
}
