//! The view of a certificate for a reader.
//!
//! Whoever asks for a certificate chooses its names, so no line is written but through
//! [`Page::line`], which escapes what a terminal would obey.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256};

use super::{days_left, fingerprint};
use roles_anywhere_client::text::escape;
use roles_anywhere_client::time::Timestamp;
use roles_anywhere_client::x509::Certificate;
use roles_anywhere_client::x509::details::Contents;
use roles_anywhere_client::x509::requirements::{Objection, Severity};
use roles_anywhere_client::x509::session_attributes::{Attributes, Fate, Tag};

/// Renders `certificates` one after the other; of several, the CAs without AWS's view.
pub(super) fn render(certificates: &[Certificate], now: Timestamp) -> String {
    let mut page = Page::default();
    let has_leaf = certificates.iter().any(|certificate| !certificate.profile().is_ca);
    for (index, certificate) in certificates.iter().enumerate() {
        if certificates.len() > 1 {
            page.heading(&format!("Certificate {} of {}", index + 1, certificates.len()));
        }
        contents(&mut page, certificate, now);
        if !(certificate.profile().is_ca && has_leaf) {
            attributes(&mut page, &Attributes::of(certificate, now));
        }
    }
    page.text
}

fn contents(page: &mut Page, certificate: &Certificate, now: Timestamp) {
    let contents = Contents::of(certificate);
    page.line("Subject", &certificate.subject().to_string());
    page.line("Issuer", &certificate.issuer().to_string());
    page.line("Serial", certificate.serial());
    page.line("Serial in hex", &contents.serial_hex);
    page.line("Valid from", &valid_from(certificate, now));
    page.line("Valid until", &valid_until(certificate, now));
    page.line("Key", &contents.key.to_string());
    page.line("Signed with", &contents.signature_algorithm);
    page.line("CA", if certificate.profile().is_ca { "yes" } else { "no" });
    let list = |names: Option<String>| names.unwrap_or_else(|| "(no extension)".to_owned());
    page.line("Key usage", &list(contents.key_usage.map(|names| names.join(", "))));
    let extended = contents.extended_key_usage.map(|names| names.join(", "));
    page.line("Extended usage", &list(extended));
    for name in &contents.alternative_names {
        page.line("Also named", &format!("{} {}", name.kind, name.value));
    }
    page.line("SHA-256", &fingerprint(certificate, &SHA256));
    page.line("SHA-1", &fingerprint(certificate, &SHA1_FOR_LEGACY_USE_ONLY));
}

fn valid_from(certificate: &Certificate, now: Timestamp) -> String {
    let not_before = certificate.not_before();
    let note = if now < not_before { " (not valid yet)" } else { "" };
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

fn attributes(page: &mut Page, attributes: &Attributes) {
    page.heading("What IAM Roles Anywhere makes of it, by the default attribute mapping");
    page.line("Session name", &attributes.session_name);
    page.line("Source identity", &attributes.source_identity);
    let of_fate =
        |test: fn(&Fate) -> bool| attributes.tags.iter().filter(move |tag| test(&tag.fate));
    page.section("Session tags", of_fate(|fate| *fate == Fate::Kept).map(tag_line));
    page.section(
        "Dropped, since STS does not take the tag",
        of_fate(|fate| matches!(fate, Fate::Dropped(_))).map(tag_line),
    );
    page.section(
        "Not documented to become session tags",
        of_fate(|fate| *fate == Fate::Undocumented).map(tag_line),
    );
    let of_severity = |severity| {
        let objections = attributes.objections.iter();
        objections.filter(move |objection| objection.severity() == severity).map(objection_line)
    };
    page.section(
        "Roles Anywhere refuses the certificate, since it",
        of_severity(Severity::Refused),
    );
    page.section(
        "Roles Anywhere may refuse the certificate, since it",
        of_severity(Severity::Doubtful),
    );
}

fn tag_line(tag: &Tag) -> (String, String) {
    let value = match tag.fate {
        Fate::Dropped(reason) => format!("{}: {reason}", tag.value),
        _ => tag.value.clone(),
    };
    (tag.key.clone(), value)
}

fn objection_line(objection: &Objection) -> (String, String) {
    (objection.to_string(), String::new())
}

/// The text as it grows.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    /// Adds a heading of our own words, and an empty line before it.
    fn heading(&mut self, words: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(words);
        self.text.push('\n');
    }

    /// Adds a line of our own label and a value of anybody's.
    fn line(&mut self, label: &str, value: &str) {
        let line = format!("{:<17}{}", printable(label), printable(value));
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// Adds a heading and a line for each row; nothing where there is no row.
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

/// Escapes what does not show; a backslash is doubled, so that each text has one meaning.
fn printable(text: &str) -> String {
    escape::line(&text.replace('\\', "\\\\")).into_owned()
}
