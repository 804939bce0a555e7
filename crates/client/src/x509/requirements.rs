//! The requirements of Roles Anywhere for an end-entity certificate.
//!
//! <https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html>

use std::fmt;

use crate::time::Timestamp;
use crate::x509::details::{self, KeyKind};
use crate::x509::{Certificate, UsageSummary};

/// A requirement that a certificate does not meet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Violation {
    /// Its X.509 version is 1 or 2.
    Version,
    /// It is a CA.
    Ca,
    /// It has no keyUsage.
    NoKeyUsage,
    /// Its keyUsage lacks digitalSignature.
    NoDigitalSignature,
    /// Its extKeyUsage lacks clientAuth.
    NoClientAuth,
    /// It is signed over MD5 or SHA-1.
    WeakDigest,
    /// Its subject is empty.
    EmptySubject,
    /// The service has no signing algorithm for its key.
    Key,
    /// It has expired; the end of its validity (inclusive).
    Expired(Timestamp),
    /// It is not yet valid; the start of its validity (inclusive).
    NotYetValid(Timestamp),
    /// Its common name has this many characters, more than a source identity may have.
    LongCommonName(usize),
}

/// How certain it is that the service refuses a violation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Certainty {
    /// It follows from what AWS documents.
    Refused,
    /// AWS does not document it.
    Undocumented,
}

impl Violation {
    /// Returns the violations of a leaf with this usage, apart from its dates and its key.
    pub fn of_usage(profile: UsageSummary, empty_subject: bool) -> Vec<Self> {
        let rows = [
            (!profile.is_v3, Self::Version),
            (profile.is_ca, Self::Ca),
            (profile.digital_signature.is_none(), Self::NoKeyUsage),
            (profile.digital_signature == Some(false), Self::NoDigitalSignature),
            (profile.client_auth == Some(false), Self::NoClientAuth),
            (profile.weak_digest, Self::WeakDigest),
            (empty_subject, Self::EmptySubject),
        ];
        rows.into_iter().filter(|(fails, _)| *fails).map(|(_, violation)| violation).collect()
    }

    /// Returns all violations of `certificate` at `now`.
    pub fn of_certificate(certificate: &Certificate, now: Timestamp) -> Vec<Self> {
        let empty_subject = certificate.subject().is_empty();
        let mut violations = Self::of_usage(certificate.usage(), empty_subject);
        let key = KeyKind::of(details::parse(certificate).public_key());
        if matches!(key, KeyKind::Other(_)) {
            violations.push(Self::Key);
        }
        if now > certificate.not_after() {
            violations.push(Self::Expired(certificate.not_after()));
        }
        if now < certificate.not_before() {
            violations.push(Self::NotYetValid(certificate.not_before()));
        }
        violations
    }

    /// Returns how certain a refusal is.
    pub fn certainty(self) -> Certainty {
        match self {
            Self::NoClientAuth | Self::LongCommonName(_) => Certainty::Undocumented,
            _ => Certainty::Refused,
        }
    }

    /// Returns its code in the JSON output.
    pub fn code(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Ca => "ca",
            Self::NoKeyUsage => "noKeyUsage",
            Self::NoDigitalSignature => "noDigitalSignature",
            Self::NoClientAuth => "noClientAuth",
            Self::WeakDigest => "weakDigest",
            Self::EmptySubject => "emptySubject",
            Self::Key => "key",
            Self::Expired(_) => "expired",
            Self::NotYetValid(_) => "notYetValid",
            Self::LongCommonName(_) => "longCommonName",
        }
    }
}

/// Renders a verb phrase whose subject is the certificate: "is not of X.509 version 3".
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "is not an X.509 version 3 certificate",
            Self::Ca => "is a CA (basicConstraints CA:TRUE)",
            Self::NoKeyUsage => "has no keyUsage with digitalSignature",
            Self::NoDigitalSignature => "lacks digitalSignature in its keyUsage",
            Self::NoClientAuth => {
                "lacks clientAuth in its extendedKeyUsage, which the service may require"
            }
            Self::WeakDigest => "is signed with SHA-1 or MD5 (SHA-256 or better is required)",
            Self::EmptySubject => "has an empty subject",
            Self::Key => "has a key of a type that the service does not support",
            Self::Expired(at) => return write!(f, "has expired (on {at})"),
            Self::NotYetValid(at) => return write!(f, "is not yet valid (valid from {at})"),
            Self::LongCommonName(length) => {
                return write!(
                    f,
                    "has a common name of {length} characters (the limit of a source identity is 64)"
                );
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::cert_builder::{CertBuilder, committed};

    const GOOD: UsageSummary = UsageSummary {
        is_v3: true,
        is_ca: false,
        digital_signature: Some(true),
        client_auth: None,
        weak_digest: false,
    };

    #[test]
    fn names_each_failing_property_of_a_leaf() {
        assert!(Violation::of_usage(GOOD, false).is_empty());
        let rows = [
            (UsageSummary { is_v3: false, ..GOOD }, "version 3"),
            (UsageSummary { is_ca: true, ..GOOD }, "CA:TRUE"),
            (UsageSummary { digital_signature: None, ..GOOD }, "no keyUsage"),
            (UsageSummary { digital_signature: Some(false), ..GOOD }, "lacks digitalSignature"),
            (UsageSummary { client_auth: Some(false), ..GOOD }, "clientAuth"),
            (UsageSummary { weak_digest: true, ..GOOD }, "SHA-1"),
        ];
        for (profile, words) in rows {
            let violations = Violation::of_usage(profile, false);
            assert_eq!(violations.len(), 1);
            assert!(violations[0].to_string().contains(words), "{violations:?}");
        }
        assert_eq!(Violation::of_usage(GOOD, true), [Violation::EmptySubject]);
    }

    #[test]
    fn each_broken_leaf_violates_a_requirement() {
        let now = Timestamp::from_rfc3339("2026-06-01T00:00:00Z").unwrap();
        for (name, codes) in [
            ("expired", vec!["expired"]),
            ("not-yet-valid", vec!["notYetValid"]),
            ("no-key-usage", vec!["noKeyUsage"]),
            ("no-digital-signature", vec!["noDigitalSignature"]),
            ("server-auth-only", vec!["noClientAuth"]),
            ("ca", vec!["ca"]),
            ("no-subject", vec!["emptySubject"]),
        ] {
            let leaf = committed(&format!("certs/broken/{name}.pem"));
            let violations = Violation::of_certificate(&leaf, now);
            let found: Vec<&str> = violations.into_iter().map(Violation::code).collect();
            assert_eq!(found, codes, "{name}");
        }
        assert_eq!(Violation::of_certificate(&committed("certs/leaf/p256.pem"), now), []);
    }

    #[test]
    fn weak_digest_and_version_1_are_violations() {
        let of = |name: &str| {
            let leaf = committed(&format!("certs/broken/{name}.pem"));
            Violation::of_certificate(&leaf, leaf.not_after())
        };
        assert!(of("sha1").contains(&Violation::WeakDigest));
        assert!(of("v1").contains(&Violation::Version));
    }

    #[test]
    fn validity_ends_with_its_first_and_last_second() {
        let leaf = committed("certs/leaf/p256.pem");
        let at = |now| Violation::of_certificate(&leaf, now);
        assert_eq!(at(leaf.not_before()), []);
        assert_eq!(at(leaf.not_after()), []);
        let first = leaf.not_before();
        assert_eq!(at(first.after(-1)), [Violation::NotYetValid(first)]);
        let last = leaf.not_after();
        assert_eq!(at(last.after(1)), [Violation::Expired(last)]);
    }

    #[test]
    fn a_key_without_an_algorithm_is_a_violation() {
        let forged =
            CertBuilder { key_algorithm: Some("1.3.101.112"), ..CertBuilder::default() }.build();
        let violations = Violation::of_certificate(&forged, forged.not_before());
        assert_eq!(violations, [Violation::Key]);
        assert_eq!(Violation::Key.certainty(), Certainty::Refused);
        assert_eq!(Violation::NoClientAuth.certainty(), Certainty::Undocumented);
    }
}
