//! What to change in the certificate, or in the chain that is sent with it.

use std::fmt::Display;

use roles_anywhere_client::arn::TrustAnchorArn;
use roles_anywhere_client::diagnosis::{CaExtensions, CertificateCause as Cause};
use roles_anywhere_client::x509::requirements::Violation;
use roles_anywhere_client::x509::{DistinguishedName, LeftOut};

/// Returns a cause in words, with what to do.
pub(super) fn hint(cause: &Cause) -> String {
    match cause {
        Cause::Revoked { serial, trust_anchor } => format!(
            "the certificate with serial {serial} has been revoked by a CRL imported for {trust_anchor}: issue a new one"
        ),
        Cause::Violations(violations) => {
            let words: Vec<String> = violations.iter().map(Violation::to_string).collect();
            format!("the certificate {}: issue a new one without that problem", words.join(", and it "))
        }
        Cause::NoViolation => {
            "the certificate meets the documented requirements (X.509 v3, not a CA, keyUsage with digitalSignature, SHA-256 or better); check its CAs: they need keyUsage with keyCertSign and basicConstraints CA:TRUE".to_owned()
        }
        Cause::NotACa { subject, lacks } => {
            let lacks = match lacks {
                CaExtensions::BasicConstraints => "no basicConstraints with CA:TRUE",
                CaExtensions::KeyCertSign => "no keyUsage with keyCertSign",
                CaExtensions::Both => {
                    "no basicConstraints with CA:TRUE and no keyUsage with keyCertSign"
                }
            };
            format!(
                "the intermediate `{subject}` that was sent has {lacks}, which AWS requires of a CA: issue it again"
            )
        }
        Cause::IntermediateOutOfDate { subject, not_before, not_after } => format!(
            "the intermediate `{subject}` that was sent is valid from {not_before} to {not_after} only: pass its renewed certificate with `--intermediates`"
        ),
        Cause::IssuerNotGiven { issuer, trust_anchor } => format!(
            "the certificate's issuer `{issuer}` is not among the given certificates: that CA must be the certificate of {trust_anchor}; if it is not, pass its certificate and the CAs up to the trust anchor with `--intermediates`"
        ),
        Cause::PathEnds { sent, issuers, trust_anchor } => path_ends(*sent, issuers, trust_anchor),
        Cause::ChainSent { sent, left_out } => chain_sent(sent, left_out),
    }
}

fn path_ends(sent: usize, issuers: &[DistinguishedName], trust_anchor: &TrustAnchorArn) -> String {
    let with = match sent {
        0 => "without intermediates".to_owned(),
        1 => "with one intermediate".to_owned(),
        count => format!("with {count} intermediates"),
    };
    let (issuers, that) = match issuers {
        [issuer] => (format!("the issuer `{issuer}`"), "that CA"),
        several => (format!("the issuers {}", listed(several)), "one of them"),
    };
    format!(
        "the certificate was sent {with}, and the chain ends at {issuers}: {that} must be the certificate of {trust_anchor}; if not, pass the CAs up to the trust anchor with `--intermediates`"
    )
}

fn chain_sent(sent: &[DistinguishedName], left_out: &[(DistinguishedName, LeftOut)]) -> String {
    let sent = match sent {
        [] => "no other certificate was sent".to_owned(),
        sent => format!("certificates sent with it: {}", listed(sent)),
    };
    if left_out.is_empty() {
        return sent;
    }
    let names = left_out.iter().take(MOST_LISTED);
    let names = names.map(|(subject, reason)| format!("`{subject}` ({})", reason.as_str()));
    let names = and_more(&names.collect::<Vec<_>>(), left_out.len());
    format!("{sent}; given but not sent: {names}")
}

/// The most certificates that a hint lists.
const MOST_LISTED: usize = 5;

fn listed(names: &[impl Display]) -> String {
    let shown = names.iter().take(MOST_LISTED).map(|name| format!("`{name}`"));
    and_more(&shown.collect::<Vec<_>>(), names.len())
}

fn and_more(listed: &[String], count: usize) -> String {
    let more = count - listed.len();
    let listed = listed.join(", ");
    if more == 0 { listed } else { format!("{listed} and {more} more") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roles_anywhere_client::time::Timestamp;
    use roles_anywhere_test_support::cert_builder::{CN, CertBuilder, name, rdn};
    use roles_anywhere_test_support::session::request;

    fn named(common_name: &str) -> DistinguishedName {
        let subject = name(&[rdn(&[(CN, common_name)])]);
        CertBuilder { subject, ..CertBuilder::default() }.build().subject().clone()
    }

    #[test]
    fn each_cause_names_the_certificate_and_what_to_change() {
        let trust_anchor = || request().trust_anchor;
        let (not_before, not_after) = (Timestamp::from_unix(0), Timestamp::from_unix(86_400));
        let subject = || named("CA");
        let rows = [
            (
                Cause::Revoked { serial: "7".to_owned(), trust_anchor: trust_anchor() },
                "the certificate with serial 7 has been revoked by a CRL imported for arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/a: issue a new one",
            ),
            (
                Cause::Violations(vec![Violation::Ca, Violation::EmptySubject]),
                "the certificate is a CA (basicConstraints CA:TRUE), and it has an empty subject: issue a new one without that problem",
            ),
            (
                Cause::NotACa { subject: subject(), lacks: CaExtensions::Both },
                "the intermediate `CN=CA` that was sent has no basicConstraints with CA:TRUE and no keyUsage with keyCertSign, which AWS requires of a CA: issue it again",
            ),
            (
                Cause::NotACa { subject: subject(), lacks: CaExtensions::KeyCertSign },
                "the intermediate `CN=CA` that was sent has no keyUsage with keyCertSign, which AWS requires of a CA: issue it again",
            ),
            (
                Cause::NotACa { subject: subject(), lacks: CaExtensions::BasicConstraints },
                "the intermediate `CN=CA` that was sent has no basicConstraints with CA:TRUE, which AWS requires of a CA: issue it again",
            ),
            (
                Cause::IntermediateOutOfDate { subject: subject(), not_before, not_after },
                "the intermediate `CN=CA` that was sent is valid from 1970-01-01T00:00:00Z to 1970-01-02T00:00:00Z only: pass its renewed certificate with `--intermediates`",
            ),
            (
                Cause::IssuerNotGiven { issuer: subject(), trust_anchor: trust_anchor() },
                "the certificate's issuer `CN=CA` is not among the given certificates: that CA must be the certificate of arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/a; if it is not, pass its certificate and the CAs up to the trust anchor with `--intermediates`",
            ),
            (
                Cause::PathEnds { sent: 0, issuers: vec![subject()], trust_anchor: trust_anchor() },
                "the certificate was sent without intermediates, and the chain ends at the issuer `CN=CA`: that CA must be the certificate of arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/a; if not, pass the CAs up to the trust anchor with `--intermediates`",
            ),
            (
                Cause::PathEnds {
                    sent: 3,
                    issuers: vec![subject(), named("CB")],
                    trust_anchor: trust_anchor(),
                },
                "the certificate was sent with 3 intermediates, and the chain ends at the issuers `CN=CA`, `CN=CB`: one of them must be the certificate of arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/a; if not, pass the CAs up to the trust anchor with `--intermediates`",
            ),
            (
                Cause::ChainSent { sent: vec![subject()], left_out: Vec::new() },
                "certificates sent with it: `CN=CA`",
            ),
            (
                Cause::ChainSent {
                    sent: vec![subject()],
                    left_out: vec![(named("CB"), LeftOut::Outdated)],
                },
                "certificates sent with it: `CN=CA`; given but not sent: `CN=CB` (out of date, and its renewed certificate is sent)",
            ),
        ];
        for (cause, text) in rows {
            assert_eq!(hint(&cause), text);
        }
    }

    #[test]
    fn a_long_list_is_cut() {
        let left_out = vec![(named("CA"), LeftOut::Unrelated); 140];
        let hint = hint(&Cause::ChainSent { sent: Vec::new(), left_out });
        assert_eq!(hint.matches("not on a path").count(), 5, "{hint}");
        assert!(hint.starts_with("no other certificate was sent; given but not sent: "), "{hint}");
        assert!(hint.ends_with(" and 135 more"), "{hint}");
    }
}
