//! What in a certificate Roles Anywhere refuses, or may refuse.
//!
//! <https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html>

use std::fmt;

use crate::time::Timestamp;
use crate::x509::details::{self, KeyKind};
use crate::x509::{Certificate, Profile};

/// One property of a certificate that stands against it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Objection {
    /// It is of X.509 version 1 or 2.
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
    /// It names no subject.
    EmptySubject,
    /// No signing algorithm of the service is for its key.
    Key,
    /// It is not valid any more.
    Expired(Timestamp),
    /// It is not valid yet.
    NotYetValid(Timestamp),
    /// Its common name, of so many characters, is longer than a source identity may be.
    LongCommonName(usize),
}

/// How sure a refusal is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Severity {
    /// It follows from what AWS documents.
    Refused,
    /// AWS documents nothing about it.
    Doubtful,
}

impl Objection {
    /// Returns what stands against a leaf of this profile, whatever its dates and its key are.
    pub fn to_profile(profile: Profile, empty_subject: bool) -> Vec<Self> {
        let rows = [
            (!profile.is_v3, Self::Version),
            (profile.is_ca, Self::Ca),
            (profile.digital_signature.is_none(), Self::NoKeyUsage),
            (profile.digital_signature == Some(false), Self::NoDigitalSignature),
            (profile.client_auth == Some(false), Self::NoClientAuth),
            (profile.weak_digest, Self::WeakDigest),
            (empty_subject, Self::EmptySubject),
        ];
        rows.into_iter().filter(|(fails, _)| *fails).map(|(_, objection)| objection).collect()
    }

    /// Returns what stands against `certificate` at `now`.
    pub fn to_certificate(certificate: &Certificate, now: Timestamp) -> Vec<Self> {
        let empty_subject = certificate.subject().is_empty();
        let mut objections = Self::to_profile(certificate.profile(), empty_subject);
        let key = KeyKind::of(details::parse(certificate).public_key());
        if matches!(key, KeyKind::Other(_)) {
            objections.push(Self::Key);
        }
        if now > certificate.not_after() {
            objections.push(Self::Expired(certificate.not_after()));
        }
        if now < certificate.not_before() {
            objections.push(Self::NotYetValid(certificate.not_before()));
        }
        objections
    }

    /// Returns how sure the refusal is.
    pub fn severity(self) -> Severity {
        match self {
            Self::NoClientAuth | Self::LongCommonName(_) => Severity::Doubtful,
            _ => Severity::Refused,
        }
    }

    /// Returns a name for programs.
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
impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "is not of X.509 version 3",
            Self::Ca => "is a CA (basicConstraints CA:TRUE)",
            Self::NoKeyUsage => "has no keyUsage, which must have digitalSignature",
            Self::NoDigitalSignature => "lacks digitalSignature in its keyUsage",
            Self::NoClientAuth => {
                "lacks clientAuth in its extendedKeyUsage, which the service may want"
            }
            Self::WeakDigest => "is signed over SHA-1 or MD5, and SHA-256 or better is wanted",
            Self::EmptySubject => "has an empty subject",
            Self::Key => "has a key that no signing algorithm of the service is for",
            Self::Expired(at) => return write!(f, "expired at {at}"),
            Self::NotYetValid(at) => return write!(f, "is not valid before {at}"),
            Self::LongCommonName(length) => {
                return write!(
                    f,
                    "has a common name of {length} characters, and a source identity has at most 64"
                );
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::cert_builder::{CertBuilder, committed};

    const GOOD: Profile = Profile {
        is_v3: true,
        is_ca: false,
        digital_signature: Some(true),
        client_auth: None,
        weak_digest: false,
    };

    #[test]
    fn names_each_failing_property_of_a_leaf() {
        assert!(Objection::to_profile(GOOD, false).is_empty());
        let rows = [
            (Profile { is_v3: false, ..GOOD }, "version 3"),
            (Profile { is_ca: true, ..GOOD }, "CA:TRUE"),
            (Profile { digital_signature: None, ..GOOD }, "no keyUsage"),
            (Profile { digital_signature: Some(false), ..GOOD }, "lacks digitalSignature"),
            (Profile { client_auth: Some(false), ..GOOD }, "clientAuth"),
            (Profile { weak_digest: true, ..GOOD }, "SHA-1"),
        ];
        for (profile, words) in rows {
            let objections = Objection::to_profile(profile, false);
            assert_eq!(objections.len(), 1);
            assert!(objections[0].to_string().contains(words), "{objections:?}");
        }
        assert_eq!(Objection::to_profile(GOOD, true), [Objection::EmptySubject]);
    }

    #[test]
    fn objects_to_each_broken_leaf() {
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
            let objections = Objection::to_certificate(&leaf, now);
            let found: Vec<&str> = objections.into_iter().map(Objection::code).collect();
            assert_eq!(found, codes, "{name}");
        }
        assert_eq!(Objection::to_certificate(&committed("certs/leaf/p256.pem"), now), []);
    }

    #[test]
    fn objects_to_a_weak_digest_and_version_1() {
        let of = |name: &str| {
            let leaf = committed(&format!("certs/broken/{name}.pem"));
            Objection::to_certificate(&leaf, leaf.not_after())
        };
        assert!(of("sha1").contains(&Objection::WeakDigest));
        assert!(of("v1").contains(&Objection::Version));
    }

    #[test]
    fn objects_to_the_second_before_and_the_second_after() {
        let leaf = committed("certs/leaf/p256.pem");
        let at = |now| Objection::to_certificate(&leaf, now);
        assert_eq!(at(leaf.not_before()), []);
        assert_eq!(at(leaf.not_after()), []);
        let first = leaf.not_before();
        assert_eq!(at(first.after(-1)), [Objection::NotYetValid(first)]);
        let last = leaf.not_after();
        assert_eq!(at(last.after(1)), [Objection::Expired(last)]);
    }

    #[test]
    fn objects_to_a_key_without_an_algorithm() {
        let forged =
            CertBuilder { key_algorithm: Some("1.3.101.112"), ..CertBuilder::default() }.build();
        let objections = Objection::to_certificate(&forged, forged.not_before());
        assert_eq!(objections, [Objection::Key]);
        assert_eq!(Objection::Key.severity(), Severity::Refused);
        assert_eq!(Objection::NoClientAuth.severity(), Severity::Doubtful);
    }
}
