//! Whether a leaf may authenticate to a trust anchor: the path by rustls-webpki, and what webpki
//! does not look at (keyUsage, the anchor's own validity and constraints, a weak signature) by us.
//!
//! <https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html>

use rustls_pki_types::{CertificateDer, UnixTime};
use thiserror::Error;
use time::OffsetDateTime;
use webpki::{
    ALL_VERIFICATION_ALGS, CertRevocationList, EndEntityCert, Error as WebpkiError,
    ExpirationPolicy, ExtendedKeyUsageValidator, KeyPurposeIdIter, RevocationCheckDepth,
    RevocationOptionsBuilder, UnknownStatusPolicy, VerifiedPath, anchor_from_trusted_cert,
};

use crate::x509::Certificate;

/// What a leaf is measured against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trust<'a> {
    /// The trust anchor's certificate, a root or not.
    pub(crate) anchor: &'a [u8],
    pub(crate) crls: &'a [Vec<u8>],
    pub(crate) now: OffsetDateTime,
    /// Takes a leaf whose extendedKeyUsage has no clientAuth: AWS documents nothing about it.
    pub(crate) any_extended_key_usage: bool,
}

/// Why a leaf is not trusted. The four messages that are known of the service are in
/// [`Distrust::message`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Distrust {
    #[error("no path from the leaf to the trust anchor")]
    NoPath,
    #[error("an issuer lacks keyCertSign")]
    IssuerKeyUsage,
    #[error("an issuer is no CA, or has too long a path below it, or does not permit the name")]
    IssuerConstraints,
    #[error("the trust anchor is not in its validity period, or is no CA")]
    Anchor,
    #[error("a certificate of the path has expired")]
    Expired,
    #[error("a certificate of the path is not yet valid")]
    NotYetValid,
    #[error("the leaf is not X.509 version 3")]
    Version,
    #[error("the leaf's subject is empty")]
    Subject,
    #[error("the leaf is a CA")]
    Ca,
    #[error("the leaf lacks digitalSignature")]
    KeyUsage,
    #[error("the leaf is not for client authentication")]
    ExtendedKeyUsage,
    #[error("a certificate is signed with SHA-1 or MD5")]
    WeakSignature,
    #[error("the leaf cannot be read, or has a critical extension that is not known")]
    Malformed,
    #[error("the leaf is revoked")]
    Revoked,
}

impl Distrust {
    /// Returns what the service says.
    ///
    /// How it words an expired certificate is not known; that wording is ours.
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::NoPath | Self::IssuerKeyUsage | Self::IssuerConstraints | Self::Anchor => {
                "Untrusted signing certificate"
            }
            Self::Expired => "Untrusted certificate. Certificate has expired",
            Self::NotYetValid => "Untrusted certificate. Certificate is not yet valid",
            Self::Revoked => "Certificate revoked",
            _ => "Untrusted certificate. Insufficient certificate",
        }
    }

    /// Returns the stable word for the log.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::NoPath => "untrusted",
            Self::IssuerKeyUsage => "issuer-key-usage",
            Self::IssuerConstraints => "issuer-constraints",
            Self::Anchor => "anchor-certificate",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::Version => "version",
            Self::Subject => "subject",
            Self::Ca => "ca",
            Self::KeyUsage => "key-usage",
            Self::ExtendedKeyUsage => "extended-key-usage",
            Self::WeakSignature => "weak-signature",
            Self::Malformed => "certificate",
            Self::Revoked => "revoked",
        }
    }
}

impl Trust<'_> {
    /// Refuses a leaf that has no path to the anchor, or that may not authenticate.
    ///
    /// `chain` is what came in `X-Amz-X509-Chain`, in any order, with or without leaf and root.
    pub(crate) fn verify(
        &self,
        leaf: &Certificate,
        chain: &[CertificateDer<'_>],
    ) -> Result<(), Distrust> {
        check_end_entity_form(leaf)?;
        let path_length = self.check_anchor()?;
        self.check_path(leaf, chain, path_length)?;
        check_end_entity_use(leaf)
    }

    /// Returns how many CAs the anchor allows below it: to webpki it is but a name and a key.
    fn check_anchor(&self) -> Result<Option<u32>, Distrust> {
        let anchor = Certificate::parse(self.anchor).map_err(|_| Distrust::Anchor)?;
        let valid = (anchor.not_before..=anchor.not_after).contains(&self.now);
        let signs = anchor.key_usage.is_some_and(|usage| usage.key_cert_sign);
        if valid && signs && anchor.is_ca == Some(true) {
            Ok(anchor.path_length)
        } else {
            Err(Distrust::Anchor)
        }
    }

    fn check_path(
        &self,
        leaf: &Certificate,
        chain: &[CertificateDer<'_>],
        path_length: Option<u32>,
    ) -> Result<(), Distrust> {
        let anchor = CertificateDer::from(self.anchor);
        let anchors = [anchor_from_trusted_cert(&anchor).map_err(|_| Distrust::Anchor)?];
        let leaf = CertificateDer::from(leaf.der.as_slice());
        let leaf = EndEntityCert::try_from(&leaf).map_err(|error| distrust(&error))?;
        let crls: Vec<_> = self
            .crls
            .iter()
            .filter_map(|der| webpki::BorrowedCertRevocationList::from_der(der).ok())
            .map(CertRevocationList::from)
            .collect();
        let crls: Vec<_> = crls.iter().collect();
        let revocation = RevocationOptionsBuilder::new(&crls).ok().map(|builder| {
            builder
                .with_depth(RevocationCheckDepth::EndEntity)
                .with_status_policy(UnknownStatusPolicy::Allow)
                .with_expiration_policy(ExpirationPolicy::Ignore)
                .build()
        });
        leaf.verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &anchors,
            chain,
            unix_time(self.now),
            ClientAuthIfPresent { any: self.any_extended_key_usage },
            revocation,
            Some(&|path: &VerifiedPath<'_>| check_issuers(path, path_length)),
        )
        .map(drop)
        .map_err(|error| distrust(&error))
    }
}

/// What must hold before webpki can read the leaf as one.
fn check_end_entity_form(leaf: &Certificate) -> Result<(), Distrust> {
    if !leaf.version_3 {
        return Err(Distrust::Version);
    }
    if leaf.weakly_signed {
        return Err(Distrust::WeakSignature);
    }
    Ok(())
}

/// What webpki does not look at.
fn check_end_entity_use(leaf: &Certificate) -> Result<(), Distrust> {
    if leaf.subject.empty {
        return Err(Distrust::Subject);
    }
    if !leaf.key_usage.is_some_and(|usage| usage.digital_signature) {
        return Err(Distrust::KeyUsage);
    }
    Ok(())
}

/// Refuses a path that is longer than the anchor allows, or through a CA whose keyUsage lacks
/// keyCertSign. The latter's error is one that webpki itself has no use for here; [`distrust`]
/// reads it back.
fn check_issuers(path: &VerifiedPath<'_>, path_length: Option<u32>) -> Result<(), WebpkiError> {
    let length = path.intermediate_certificates().count();
    if path_length.is_some_and(|most| u32::try_from(length).is_ok_and(|length| length > most)) {
        return Err(WebpkiError::PathLenConstraintViolated);
    }
    let may_sign = path.intermediate_certificates().all(|issuer| {
        Certificate::parse(&issuer.der())
            .is_ok_and(|issuer| issuer.key_usage.is_some_and(|usage| usage.key_cert_sign))
    });
    if may_sign { Ok(()) } else { Err(WebpkiError::CertDistrusted) }
}

/// clientAuth or anyExtendedKeyUsage, if the extension is there at all.
struct ClientAuthIfPresent {
    any: bool,
}

impl ExtendedKeyUsageValidator for ClientAuthIfPresent {
    fn validate(&self, usages: KeyPurposeIdIter<'_, '_>) -> Result<(), WebpkiError> {
        const CLIENT_AUTH: [usize; 9] = [1, 3, 6, 1, 5, 5, 7, 3, 2];
        const ANY: [usize; 5] = [2, 5, 29, 37, 0];
        let mut present = false;
        for usage in usages {
            let usage = usage?.to_decoded_oid();
            if usage == CLIENT_AUTH || usage == ANY {
                return Ok(());
            }
            present = true;
        }
        if present && !self.any { Err(WebpkiError::EmptyEkuExtension) } else { Ok(()) }
    }
}

fn distrust(error: &WebpkiError) -> Distrust {
    match error {
        WebpkiError::CertExpired { .. } | WebpkiError::InvalidCertValidity => Distrust::Expired,
        WebpkiError::CertNotValidYet { .. } => Distrust::NotYetValid,
        WebpkiError::CertRevoked => Distrust::Revoked,
        WebpkiError::CaUsedAsEndEntity => Distrust::Ca,
        WebpkiError::EmptyEkuExtension => Distrust::ExtendedKeyUsage,
        WebpkiError::UnsupportedCertVersion => Distrust::Version,
        WebpkiError::CertDistrusted => Distrust::IssuerKeyUsage,
        WebpkiError::EndEntityUsedAsCa
        | WebpkiError::PathLenConstraintViolated
        | WebpkiError::NameConstraintViolation => Distrust::IssuerConstraints,
        WebpkiError::UnsupportedCriticalExtension
        | WebpkiError::BadDer
        | WebpkiError::BadDerTime
        | WebpkiError::MalformedExtensions
        | WebpkiError::ExtensionValueInvalid
        | WebpkiError::InvalidSerialNumber
        | WebpkiError::TrailingData(_) => Distrust::Malformed,
        _ => Distrust::NoPath,
    }
}

fn unix_time(now: OffsetDateTime) -> UnixTime {
    let seconds = u64::try_from(now.unix_timestamp()).unwrap_or(0);
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rcgen::{
        BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
        GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
    };
    use time::macros::datetime;

    use super::*;
    use crate::pki::Pki;

    const NOW: OffsetDateTime = datetime!(2026-11-22 00:00 UTC);

    struct World {
        pki: Arc<Pki>,
        crls: Vec<Vec<u8>>,
    }

    impl World {
        fn new() -> Self {
            let pki = Pki::shared().unwrap();
            let crls = vec![pki.der("anchor/crl.pem").unwrap()];
            Self { pki, crls }
        }

        /// Verifies one leaf of the PKI with the intermediate as its chain.
        fn verify(&self, leaf: &str, anchor: &str, now: OffsetDateTime) -> Result<(), Distrust> {
            self.verify_with_chain(leaf, anchor, now, &["anchor/intermediate.pem"])
        }

        fn verify_with_chain(
            &self,
            leaf: &str,
            anchor: &str,
            now: OffsetDateTime,
            chain: &[&str],
        ) -> Result<(), Distrust> {
            let anchor = self.pki.der(anchor).unwrap();
            let leaf = Certificate::parse(&self.pki.der(leaf).unwrap()).unwrap();
            let chain: Vec<_> = chain
                .iter()
                .map(|path| CertificateDer::from(self.pki.der(path).unwrap()))
                .collect();
            let trust =
                Trust { anchor: &anchor, crls: &self.crls, now, any_extended_key_usage: false };
            trust.verify(&leaf, &chain)
        }
    }

    #[test]
    fn every_good_leaf_has_a_path_to_either_anchor() {
        let world = World::new();
        for key in ["rsa2048", "rsa3072", "rsa4096", "p256", "p384", "p521"] {
            let leaf = format!("leaf/{key}.pem");
            assert_eq!(world.verify(&leaf, "anchor/root.pem", NOW), Ok(()), "{key}");
            assert_eq!(
                world.verify_with_chain(&leaf, "anchor/intermediate.pem", NOW, &[]),
                Ok(()),
                "{key}"
            );
        }
    }

    #[test]
    fn the_chain_may_be_in_any_order_with_leaf_and_root_in_it() {
        let chain = ["leaf/p256.pem", "anchor/root.pem", "anchor/intermediate.pem"];
        let world = World::new();
        for anchor in ["anchor/root.pem", "anchor/intermediate.pem"] {
            assert_eq!(world.verify_with_chain("leaf/p256.pem", anchor, NOW, &chain), Ok(()));
        }
    }

    #[test]
    fn without_its_intermediate_a_leaf_has_no_path_to_the_root() {
        assert_eq!(
            World::new().verify_with_chain("leaf/p256.pem", "anchor/root.pem", NOW, &[]),
            Err(Distrust::NoPath)
        );
    }

    #[test]
    fn each_broken_leaf_is_refused_for_what_is_wrong_with_it() {
        const INSUFFICIENT: &str = "Untrusted certificate. Insufficient certificate";
        let world = World::new();
        for (name, reason, message) in [
            ("expired", Distrust::Expired, "Untrusted certificate. Certificate has expired"),
            (
                "not-yet-valid",
                Distrust::NotYetValid,
                "Untrusted certificate. Certificate is not yet valid",
            ),
            ("no-digital-signature", Distrust::KeyUsage, INSUFFICIENT),
            ("no-key-usage", Distrust::KeyUsage, INSUFFICIENT),
            ("ca", Distrust::Ca, INSUFFICIENT),
            ("other-ca", Distrust::NoPath, "Untrusted signing certificate"),
            ("revoked", Distrust::Revoked, "Certificate revoked"),
            ("server-auth-only", Distrust::ExtendedKeyUsage, INSUFFICIENT),
            ("no-subject", Distrust::Subject, INSUFFICIENT),
            ("critical-extension", Distrust::Malformed, INSUFFICIENT),
            ("sha1", Distrust::WeakSignature, INSUFFICIENT),
            ("v1", Distrust::Version, INSUFFICIENT),
        ] {
            let path = format!("broken/{name}.pem");
            if world.pki.der(&path).is_err() {
                continue; // there is no openssl here
            }
            let refused = world.verify(&path, "anchor/root.pem", NOW).unwrap_err();
            assert_eq!((refused, refused.message()), (reason, message), "{name}");
        }
    }

    #[test]
    fn a_leaf_for_servers_alone_passes_where_no_usage_is_asked_for() {
        let world = World::new();
        let anchor = world.pki.der("anchor/intermediate.pem").unwrap();
        let leaf = world.pki.der("broken/server-auth-only.pem").unwrap();
        let leaf = Certificate::parse(&leaf).unwrap();
        let trust = Trust { anchor: &anchor, crls: &[], now: NOW, any_extended_key_usage: true };
        assert_eq!(trust.verify(&leaf, &[]), Ok(()));
    }

    #[test]
    fn revocation_by_crl_holds_for_either_anchor() {
        let world = World::new();
        for anchor in ["anchor/root.pem", "anchor/intermediate.pem"] {
            assert_eq!(world.verify("broken/revoked.pem", anchor, NOW), Err(Distrust::Revoked));
        }
    }

    #[test]
    fn an_anchor_counts_in_its_validity_period_and_as_a_ca_only() {
        let world = World::new();
        let late = datetime!(2050-01-01 00:00 UTC);
        let anchor = "anchor/root.pem";
        assert_eq!(world.verify("leaf/p256.pem", anchor, late), Err(Distrust::Anchor));
        assert_eq!(world.verify("leaf/p256.pem", "leaf/rsa2048.pem", NOW), Err(Distrust::Anchor));
    }

    /// Builds root, intermediate and leaf, and verifies the leaf.
    fn verify_built(
        change: impl Fn(&mut CertificateParams, &mut CertificateParams, &mut CertificateParams),
    ) -> Result<(), Distrust> {
        let ca = |name: &str| {
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            params
        };
        let (mut root, mut intermediate) = (ca("root"), ca("intermediate"));
        let mut leaf = CertificateParams::new(["leaf.example.com".to_owned()]).unwrap();
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        change(&mut root, &mut intermediate, &mut leaf);
        let root_key = KeyPair::generate().unwrap();
        let root_certificate = root.self_signed(&root_key).unwrap();
        let root = Issuer::new(root, root_key);
        let intermediate_key = KeyPair::generate().unwrap();
        let intermediate_certificate = intermediate.signed_by(&intermediate_key, &root).unwrap();
        let intermediate = Issuer::new(intermediate, intermediate_key);
        let leaf = leaf.signed_by(&KeyPair::generate().unwrap(), &intermediate).unwrap();
        let trust = Trust {
            anchor: root_certificate.der(),
            crls: &[],
            now: NOW,
            any_extended_key_usage: false,
        };
        let leaf = Certificate::parse(leaf.der()).unwrap();
        trust.verify(&leaf, &[intermediate_certificate.der().clone()])
    }

    #[test]
    fn issuers_are_cas_that_may_sign() {
        assert_eq!(verify_built(|_, _, _| {}), Ok(()));
        assert_eq!(
            verify_built(|_, intermediate, _| {
                intermediate.key_usages = vec![KeyUsagePurpose::CrlSign];
            }),
            Err(Distrust::IssuerKeyUsage)
        );
        assert_eq!(
            verify_built(|_, intermediate, _| intermediate.is_ca = IsCa::ExplicitNoCa),
            Err(Distrust::IssuerConstraints)
        );
        assert_eq!(
            verify_built(|root, _, _| root.key_usages = vec![KeyUsagePurpose::CrlSign]),
            Err(Distrust::Anchor)
        );
    }

    #[test]
    fn issuers_constrain_names_and_the_length_of_the_path() {
        assert_eq!(
            verify_built(|root, _, _| root.is_ca = IsCa::Ca(BasicConstraints::Constrained(0))),
            Err(Distrust::IssuerConstraints)
        );
        let permit = |name: &str| {
            let permitted_subtrees = vec![GeneralSubtree::DnsName(name.to_owned())];
            Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() })
        };
        for (name, expected) in
            [("example.com", Ok(())), ("example.org", Err(Distrust::IssuerConstraints))]
        {
            assert_eq!(
                verify_built(|_, intermediate, _| intermediate.name_constraints = permit(name)),
                expected
            );
            assert_eq!(verify_built(|root, _, _| root.name_constraints = permit(name)), expected);
        }
    }

    #[test]
    fn a_leaf_does_not_outlast_its_issuers() {
        let past = datetime!(2026-11-21 00:00 UTC);
        let future = datetime!(2026-11-23 00:00 UTC);
        assert_eq!(
            verify_built(|_, intermediate, _| intermediate.not_after = past),
            Err(Distrust::Expired)
        );
        assert_eq!(
            verify_built(|_, intermediate, _| intermediate.not_before = future),
            Err(Distrust::NotYetValid)
        );
        assert_eq!(verify_built(|root, _, _| root.not_after = past), Err(Distrust::Anchor));
        assert_eq!(verify_built(|root, _, _| root.not_before = future), Err(Distrust::Anchor));
    }

    #[test]
    fn an_issuer_of_the_right_name_and_another_key_is_none() {
        let world = World::new();
        let forge = |common_name: &str| {
            let mut params = CertificateParams::default();
            params.distinguished_name = DistinguishedName::new();
            params.distinguished_name.push(DnType::CountryName, "US");
            params.distinguished_name.push(DnType::OrganizationName, "Example");
            params.distinguished_name.push(DnType::CommonName, common_name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            params
        };
        let (root, intermediate) = (forge("Emulator Root CA"), forge("Emulator Intermediate CA"));
        let mut leaf = CertificateParams::new(["leaf.example.com".to_owned()]).unwrap();
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let root_key = KeyPair::generate().unwrap();
        let root_certificate = root.self_signed(&root_key).unwrap();
        let root = Issuer::new(root, root_key);
        let key = KeyPair::generate().unwrap();
        let certificate = intermediate.signed_by(&key, &root).unwrap();
        let intermediate = Issuer::new(intermediate, key);
        let leaf = leaf.signed_by(&KeyPair::generate().unwrap(), &intermediate).unwrap();
        let leaf = Certificate::parse(leaf.der()).unwrap();
        let genuine = world.pki.der("anchor/intermediate.pem").unwrap();
        let subject = |der: &[u8]| Certificate::parse(der).unwrap().subject_sha256;
        assert_eq!(subject(certificate.der()), subject(&genuine));
        for anchor in ["anchor/root.pem", "anchor/intermediate.pem"] {
            let anchor = world.pki.der(anchor).unwrap();
            let genuine = CertificateDer::from(genuine.clone());
            let chain = [certificate.der().clone(), root_certificate.der().clone(), genuine];
            let trust =
                Trust { anchor: &anchor, crls: &[], now: NOW, any_extended_key_usage: false };
            assert_eq!(trust.verify(&leaf, &chain), Err(Distrust::NoPath));
        }
    }

    #[test]
    fn one_bit_changed_in_leaf_or_issuer_loses_the_trust() {
        let world = World::new();
        let anchor = world.pki.der("anchor/root.pem").unwrap();
        let leaf = world.pki.der("leaf/p256.pem").unwrap();
        let issuer = world.pki.der("anchor/intermediate.pem").unwrap();
        let trusted = |leaf: &[u8], issuer: &[u8]| {
            let trust = Trust {
                anchor: &anchor,
                crls: &world.crls,
                now: NOW,
                any_extended_key_usage: true,
            };
            let chain = [CertificateDer::from(issuer)];
            Certificate::parse(leaf).is_ok_and(|leaf| trust.verify(&leaf, &chain).is_ok())
        };
        assert!(trusted(&leaf, &issuer));
        for position in 0..leaf.len().max(issuer.len()) {
            let flip = |der: &[u8]| {
                let mut der = der.to_vec();
                if let Some(octet) = der.get_mut(position) {
                    *octet ^= 1 << (position % 8);
                }
                der
            };
            assert!(position >= leaf.len() || !trusted(&flip(&leaf), &issuer), "leaf {position}");
            assert!(position >= issuer.len() || !trusted(&leaf, &flip(&issuer)), "CA {position}");
        }
    }

    #[test]
    fn nothing_that_hashes_with_sha1_or_md5_verifies_a_path() {
        // What follows 1.2.840.113549.1.1 and 1.2.840.10045.4 in an AlgorithmIdentifier.
        let rsa = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
        let ecdsa = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04];
        for algorithm in ALL_VERIFICATION_ALGS {
            let id = algorithm.signature_alg_id();
            let ends = |prefix: &[u8], arcs: &[u8]| {
                let position = id.windows(prefix.len()).position(|window| window == prefix);
                position.is_some_and(|at| arcs.contains(&id[at + prefix.len()]))
            };
            assert!(!ends(&rsa, &[2, 4, 5]) && !ends(&ecdsa, &[1]), "{algorithm:?}");
        }
    }

    #[test]
    fn a_leaf_without_extended_usages_or_for_any_passes() {
        assert_eq!(
            verify_built(|_, _, leaf| {
                leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any];
            }),
            Ok(())
        );
        assert_eq!(
            verify_built(|_, _, leaf| {
                leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
            }),
            Err(Distrust::ExtendedKeyUsage)
        );
    }
}
