//! Whether a leaf may authenticate to a trust anchor: a certification path, and the further
//! requirements of Roles Anywhere for leaf and anchor.
//!
//! <https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html>

mod constraints;
mod name;
mod path;

use rustls_pki_types::CertificateDer;
use thiserror::Error;
use time::OffsetDateTime;
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::x509::Certificate;
use path::Search;

/// The trust anchor, revocation lists and time that a leaf is checked against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trust<'a> {
    /// The trust anchor's certificates, roots or not: a path to one of them will do.
    pub(crate) anchors: &'a [Vec<u8>],
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
    #[error("an issuer is not a CA, or has too long a path below it, or does not permit the name")]
    IssuerConstraints,
    #[error("the trust anchor is not in its validity period, or is not a CA")]
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
    /// AWS's message for an expired certificate is not known; that one is ours.
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
    /// `chain` has the certificates of `X-Amz-X509-Chain`, in any order, with or without leaf and root.
    pub(crate) fn verify(
        &self,
        leaf: &Certificate,
        chain: &[CertificateDer<'_>],
    ) -> Result<(), Distrust> {
        check_end_entity_form(leaf)?;
        let mut distrust = Distrust::NoPath;
        for anchor in self.anchors {
            match self.check_anchor(anchor).and_then(|()| self.check_path(anchor, leaf, chain)) {
                Ok(()) => return check_end_entity_use(leaf),
                // Of several reasons the first that says more than that there is no path.
                Err(reason) if distrust == Distrust::NoPath => distrust = reason,
                Err(_) => {}
            }
        }
        Err(distrust)
    }

    fn check_anchor(&self, anchor: &[u8]) -> Result<(), Distrust> {
        let anchor = Certificate::parse(anchor).map_err(|_| Distrust::Anchor)?;
        let valid = (anchor.not_before..=anchor.not_after).contains(&self.now);
        let signs = anchor.key_usage.is_some_and(|usage| usage.key_cert_sign);
        if valid && signs && anchor.is_ca == Some(true) { Ok(()) } else { Err(Distrust::Anchor) }
    }

    fn check_path(
        &self,
        anchor: &[u8],
        leaf: &Certificate,
        chain: &[CertificateDer<'_>],
    ) -> Result<(), Distrust> {
        let crls = self
            .crls
            .iter()
            .filter_map(|der| CertificateRevocationList::from_der(der).ok().map(|(_, list)| list));
        let search = Search {
            anchor: path::read(anchor).ok_or(Distrust::Anchor)?,
            chain: chain.iter().filter_map(|der| path::read(der)).collect(),
            crls: crls.collect(),
            now: self.now,
            any_extended_key_usage: self.any_extended_key_usage,
        };
        search.run(&path::read(&leaf.der).ok_or(Distrust::Malformed)?)
    }
}

/// Returns whether a CRL is one of a CA; both are DER.
pub(crate) fn is_crl_of(crl: &[u8], certificate: &[u8]) -> bool {
    let crl = CertificateRevocationList::from_der(crl);
    crl.is_ok_and(|(_, crl)| path::read(certificate).is_some_and(|ca| path::is_list_of(&crl, &ca)))
}

/// Checks the requirements of a leaf that do not depend on its path.
fn check_end_entity_form(leaf: &Certificate) -> Result<(), Distrust> {
    if !leaf.version_3 {
        return Err(Distrust::Version);
    }
    if leaf.weakly_signed {
        return Err(Distrust::WeakSignature);
    }
    if leaf.is_ca == Some(true) {
        return Err(Distrust::Ca);
    }
    Ok(())
}

/// Checks the requirements of Roles Anywhere for a leaf, beside a path.
fn check_end_entity_use(leaf: &Certificate) -> Result<(), Distrust> {
    if leaf.subject.empty {
        return Err(Distrust::Subject);
    }
    if !leaf.key_usage.is_some_and(|usage| usage.digital_signature) {
        return Err(Distrust::KeyUsage);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;
    use std::sync::Arc;

    use rcgen::string::BmpString;
    use rcgen::{
        BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue,
        ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
        NameConstraints, SanType,
    };
    use time::macros::datetime;

    use super::*;
    use crate::pki::Pki;

    const NOW: OffsetDateTime = datetime!(2026-11-22 00:00 UTC);

    struct TrustFixture {
        pki: Arc<Pki>,
        crls: Vec<Vec<u8>>,
    }

    impl TrustFixture {
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
                Trust { anchors: &[anchor], crls: &self.crls, now, any_extended_key_usage: false };
            trust.verify(&leaf, &chain)
        }
    }

    #[test]
    fn every_good_leaf_has_a_path_to_either_anchor() {
        let fixture = TrustFixture::new();
        for key in ["rsa2048", "rsa3072", "rsa4096", "p256", "p384", "p521"] {
            let leaf = format!("leaf/{key}.pem");
            assert_eq!(fixture.verify(&leaf, "anchor/root.pem", NOW), Ok(()), "{key}");
            assert_eq!(
                fixture.verify_with_chain(&leaf, "anchor/intermediate.pem", NOW, &[]),
                Ok(()),
                "{key}"
            );
        }
    }

    #[test]
    fn the_chain_may_be_in_any_order_with_leaf_and_root_in_it() {
        let chain = ["leaf/p256.pem", "anchor/root.pem", "anchor/intermediate.pem"];
        let fixture = TrustFixture::new();
        for anchor in ["anchor/root.pem", "anchor/intermediate.pem"] {
            assert_eq!(fixture.verify_with_chain("leaf/p256.pem", anchor, NOW, &chain), Ok(()));
        }
    }

    #[test]
    fn without_its_intermediate_a_leaf_has_no_path_to_the_root() {
        assert_eq!(
            TrustFixture::new().verify_with_chain("leaf/p256.pem", "anchor/root.pem", NOW, &[]),
            Err(Distrust::NoPath)
        );
    }

    #[test]
    fn each_broken_leaf_is_refused_for_what_is_wrong_with_it() {
        const INSUFFICIENT: &str = "Untrusted certificate. Insufficient certificate";
        let fixture = TrustFixture::new();
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
            if fixture.pki.der(&path).is_err() {
                continue; // there is no openssl here
            }
            let refused = fixture.verify(&path, "anchor/root.pem", NOW).unwrap_err();
            assert_eq!((refused, refused.message()), (reason, message), "{name}");
        }
    }

    #[test]
    fn a_server_leaf_passes_if_no_usage_is_required() {
        let fixture = TrustFixture::new();
        let anchor = fixture.pki.der("anchor/intermediate.pem").unwrap();
        let leaf = fixture.pki.der("broken/server-auth-only.pem").unwrap();
        let leaf = Certificate::parse(&leaf).unwrap();
        let trust = Trust { anchors: &[anchor], crls: &[], now: NOW, any_extended_key_usage: true };
        assert_eq!(trust.verify(&leaf, &[]), Ok(()));
    }

    #[test]
    fn a_crl_revokes_for_both_anchors() {
        let fixture = TrustFixture::new();
        for anchor in ["anchor/root.pem", "anchor/intermediate.pem"] {
            assert_eq!(fixture.verify("broken/revoked.pem", anchor, NOW), Err(Distrust::Revoked));
        }
    }

    #[test]
    fn an_anchor_must_be_a_ca_within_its_validity_period() {
        let fixture = TrustFixture::new();
        let late = datetime!(2050-01-01 00:00 UTC);
        let anchor = "anchor/root.pem";
        assert_eq!(fixture.verify("leaf/p256.pem", anchor, late), Err(Distrust::Anchor));
        assert_eq!(fixture.verify("leaf/p256.pem", "leaf/rsa2048.pem", NOW), Err(Distrust::Anchor));
    }

    /// Builds root, intermediate and leaf, and verifies the leaf.
    fn verify_built(
        change: impl Fn(&mut CertificateParams, &mut CertificateParams, &mut CertificateParams),
    ) -> Result<(), Distrust> {
        let (mut root, mut intermediate) = (ca_params("root"), ca_params("intermediate"));
        let mut leaf = leaf_params();
        change(&mut root, &mut intermediate, &mut leaf);
        let root_key = KeyPair::generate().unwrap();
        let root_certificate = root.self_signed(&root_key).unwrap();
        let root = Issuer::new(root, root_key);
        let intermediate_key = KeyPair::generate().unwrap();
        let intermediate_certificate = intermediate.signed_by(&intermediate_key, &root).unwrap();
        let intermediate = Issuer::new(intermediate, intermediate_key);
        let leaf = leaf.signed_by(&KeyPair::generate().unwrap(), &intermediate).unwrap();
        let leaf = Certificate::parse(leaf.der()).unwrap();
        trust(&[root_certificate.der().to_vec()])
            .verify(&leaf, &[intermediate_certificate.der().clone()])
    }

    fn ca_params(name: &str) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params
    }

    fn leaf_params() -> CertificateParams {
        let mut params = CertificateParams::new(["leaf.example.com".to_owned()]).unwrap();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params
    }

    fn trust(anchors: &[Vec<u8>]) -> Trust<'_> {
        Trust { anchors, crls: &[], now: NOW, any_extended_key_usage: false }
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

    /// Returns a name constraint that permits one GeneralName, as an extension.
    fn permit_only(tag: u8, base: &[u8]) -> CustomExtension {
        let tlv = |tag: u8, content: &[u8]| {
            [&[tag, u8::try_from(content.len()).unwrap()], content].concat()
        };
        let subtree = tlv(0x30, &tlv(tag, base));
        let content = tlv(0x30, &tlv(0xa0, &subtree));
        let mut extension = CustomExtension::from_oid_content(&[2, 5, 29, 30], content);
        extension.set_criticality(true);
        extension
    }

    #[test]
    fn uris_are_constrained_by_their_host() {
        let verify = |base: &str, uri: &str| {
            verify_built(|_, intermediate, leaf| {
                intermediate.custom_extensions = vec![permit_only(0x86, base.as_bytes())];
                leaf.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
            })
        };
        for (base, uri, permitted) in [
            ("prod.example.org", "spiffe://prod.example.org/ns/app/sa/web", true),
            ("PROD.example.org", "spiffe://prod.example.org", true),
            ("prod.example.org", "spiffe://test.example.org/web", false),
            ("prod.example.org", "spiffe://sub.prod.example.org/web", false),
            (".example.org", "https://user@www.example.org:8443/?q", true),
            (".example.org", "https://example.org/", false),
            ("example.org", "https://192.0.2.1/", false),
            ("example.org", "https://[2001:db8::1]/", false),
            ("example.org", "urn:example.org", false),
        ] {
            let expected = if permitted { Ok(()) } else { Err(Distrust::IssuerConstraints) };
            assert_eq!(verify(base, uri), expected, "{base} {uri}");
        }
    }

    #[test]
    fn directory_names_are_constrained_by_their_beginning() {
        let subtree = |organization: &str| {
            let mut name = DistinguishedName::new();
            name.push(DnType::OrganizationName, organization);
            name
        };
        let verify = |permitted: &str, excluded: Option<&str>, organization: &str| {
            verify_built(|_, intermediate, leaf| {
                let names =
                    |organization: &str| GeneralSubtree::DirectoryName(subtree(organization));
                intermediate.name_constraints = Some(NameConstraints {
                    permitted_subtrees: vec![names(permitted)],
                    excluded_subtrees: excluded.map(names).into_iter().collect(),
                });
                leaf.distinguished_name = subtree(organization);
                leaf.distinguished_name.push(DnType::CommonName, "leaf");
            })
        };
        let refused = Err(Distrust::IssuerConstraints);
        assert_eq!(verify("Example", None, "Example"), Ok(()));
        assert_eq!(verify("EXAMPLE ", None, "Example"), Ok(()));
        assert_eq!(verify("Other", None, "Example"), refused);
        assert_eq!(verify("Example", Some("Example"), "Example"), refused);
    }

    #[test]
    fn addresses_and_mailboxes_are_constrained_too() {
        let verify = |tag: u8, base: &[u8], name: &SanType| {
            verify_built(|_, intermediate, leaf| {
                intermediate.custom_extensions = vec![permit_only(tag, base)];
                leaf.subject_alt_names = vec![name.clone()];
            })
        };
        let refused = Err(Distrust::IssuerConstraints);
        let address = |text: &str| SanType::IpAddress(text.parse().unwrap());
        let network = [192, 0, 2, 0, 255, 255, 255, 0];
        assert_eq!(verify(0x87, &network, &address("192.0.2.77")), Ok(()));
        assert_eq!(verify(0x87, &network, &address("192.0.3.77")), refused);
        assert_eq!(verify(0x87, &network, &address("2001:db8::1")), refused);
        let mailbox = |text: &str| SanType::Rfc822Name(text.try_into().unwrap());
        assert_eq!(verify(0x81, b"example.com", &mailbox("me@EXAMPLE.com")), Ok(()));
        assert_eq!(verify(0x81, b"me@example.com", &mailbox("me@example.com")), Ok(()));
        assert_eq!(verify(0x81, b"me@example.com", &mailbox("you@example.com")), refused);
        assert_eq!(verify(0x81, b".example.com", &mailbox("me@example.com")), refused);
        // A form that nothing here can judge: only a name of that form is refused.
        assert_eq!(verify(0x88, &[0x2a, 3], &mailbox("me@example.com")), Ok(()));
    }

    #[test]
    fn names_are_those_of_rfc_5280() {
        let named = |value: DnValue| {
            let mut name = DistinguishedName::new();
            name.push(DnType::CommonName, value);
            name
        };
        let utf8 = |text: &str| DnValue::Utf8String(text.to_owned());
        let printable = DnValue::PrintableString("Issuing CA 1".try_into().unwrap());
        let bmp = DnValue::BmpString(BmpString::from_str("Issuing CA 1").unwrap());
        for (own, expected) in [
            (utf8("Issuing CA 1"), Ok(())),
            (printable, Ok(())),
            (bmp, Ok(())),
            (utf8(" ISSUING  ca 1"), Ok(())),
            (utf8("Issuing CA 2"), Err(Distrust::NoPath)),
            (utf8("IssuingCA 1"), Err(Distrust::NoPath)),
        ] {
            // The leaf names its issuer in another way than the issuer names itself.
            let text = format!("{own:?}");
            let root_key = KeyPair::generate().unwrap();
            let mut root = ca_params("root");
            root.distinguished_name = named(own);
            let root_certificate = root.self_signed(&root_key).unwrap();
            root.distinguished_name = named(utf8("Issuing CA 1"));
            let leaf = leaf_params()
                .signed_by(&KeyPair::generate().unwrap(), &Issuer::new(root, root_key))
                .unwrap();
            let leaf = Certificate::parse(leaf.der()).unwrap();
            assert_eq!(
                trust(&[root_certificate.der().to_vec()]).verify(&leaf, &[]),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn a_ca_that_renews_its_key_does_not_lengthen_the_path() {
        let [old, new, issuing] = [(); 3].map(|()| KeyPair::generate().unwrap());
        let mut root = ca_params("root");
        root.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
        let anchor = root.self_signed(&old).unwrap();
        let new_with_old = root.signed_by(&new, &Issuer::from_params(&root, &old)).unwrap();
        let intermediate = ca_params("issuing");
        let between = intermediate.signed_by(&issuing, &Issuer::from_params(&root, &new)).unwrap();
        let leaf = leaf_params()
            .signed_by(&KeyPair::generate().unwrap(), &Issuer::new(intermediate, issuing))
            .unwrap();
        let leaf = Certificate::parse(leaf.der()).unwrap();
        let chain = [new_with_old.der().clone(), between.der().clone()];
        assert_eq!(trust(&[anchor.der().to_vec()]).verify(&leaf, &chain), Ok(()));
        assert_eq!(
            trust(&[anchor.der().to_vec()]).verify(&leaf, &chain[1..]),
            Err(Distrust::NoPath)
        );
    }

    #[test]
    fn ml_dsa_signs_a_whole_chain() {
        for algorithm in [&rcgen::PKCS_ML_DSA_44, &rcgen::PKCS_ML_DSA_65, &rcgen::PKCS_ML_DSA_87] {
            let [root_key, key, leaf_key] =
                [(); 3].map(|()| KeyPair::generate_for(algorithm).unwrap());
            let (root, intermediate) = (ca_params("root"), ca_params("issuing"));
            let anchor = root.self_signed(&root_key).unwrap();
            let between = intermediate.signed_by(&key, &Issuer::new(root, root_key)).unwrap();
            let leaf = leaf_params().signed_by(&leaf_key, &Issuer::new(intermediate, key)).unwrap();
            let leaf = Certificate::parse(leaf.der()).unwrap();
            let chain = [between.der().clone()];
            assert_eq!(trust(&[anchor.der().to_vec()]).verify(&leaf, &chain), Ok(()));
        }
    }

    #[test]
    fn a_critical_extension_of_policies_is_known() {
        let policies = |id: &[u64], content: &[u8]| {
            let mut extension = CustomExtension::from_oid_content(id, content.to_vec());
            extension.set_criticality(true);
            extension
        };
        // anyPolicy; requireExplicitPolicy 9; inhibitAnyPolicy 9.
        let any_policy = [0x30, 8, 0x30, 6, 6, 4, 0x55, 0x1d, 0x20, 0];
        let known = [
            policies(&[2, 5, 29, 32], &any_policy),
            policies(&[2, 5, 29, 36], &[0x30, 3, 0x80, 1, 9]),
            policies(&[2, 5, 29, 54], &[2, 1, 9]),
        ];
        assert_eq!(verify_built(|_, ca, _| ca.custom_extensions.extend(known.clone())), Ok(()));
        let unknown = policies(&[1, 3, 6, 1, 4, 1, 99_999, 1], &[5, 0]);
        assert_eq!(
            verify_built(|_, ca, _| ca.custom_extensions.push(unknown.clone())),
            Err(Distrust::Malformed)
        );
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
    fn an_issuer_with_the_right_name_and_another_key_is_refused() {
        let fixture = TrustFixture::new();
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
        let genuine = fixture.pki.der("anchor/intermediate.pem").unwrap();
        let subject = |der: &[u8]| Certificate::parse(der).unwrap().subject_sha256;
        assert_eq!(subject(certificate.der()), subject(&genuine));
        for anchor in ["anchor/root.pem", "anchor/intermediate.pem"] {
            let anchor = fixture.pki.der(anchor).unwrap();
            let genuine = CertificateDer::from(genuine.clone());
            let chain = [certificate.der().clone(), root_certificate.der().clone(), genuine];
            let trust =
                Trust { anchors: &[anchor], crls: &[], now: NOW, any_extended_key_usage: false };
            assert_eq!(trust.verify(&leaf, &chain), Err(Distrust::NoPath));
        }
    }

    #[test]
    fn a_path_to_one_of_two_certificates_of_an_anchor_is_enough() {
        let fixture = TrustFixture::new();
        let der = |path: &str| fixture.pki.der(path).unwrap();
        let (leaf, root) = (der("leaf/p256.pem"), der("anchor/root.pem"));
        let leaf = Certificate::parse(&leaf).unwrap();
        let chain = [CertificateDer::from(der("anchor/intermediate.pem"))];
        let verify = |anchors: &[Vec<u8>]| {
            let trust = Trust { anchors, crls: &[], now: NOW, any_extended_key_usage: false };
            trust.verify(&leaf, &chain)
        };
        // No CA, and hence a reason that says more than that there is no path.
        let other = fixture.pki.tls(vec!["localhost".to_owned()]).unwrap().certificate();
        assert_eq!(verify(&[other.clone(), root.clone()]), Ok(()));
        assert_eq!(verify(&[root, other.clone()]), Ok(()));
        assert_eq!(verify(&[der("tls-ca.pem"), other]), Err(Distrust::Anchor));
        assert_eq!(verify(&[]), Err(Distrust::NoPath));
    }

    #[test]
    fn a_changed_bit_in_leaf_or_issuer_is_refused() {
        let fixture = TrustFixture::new();
        let anchors = [fixture.pki.der("anchor/root.pem").unwrap()];
        let leaf = fixture.pki.der("leaf/p256.pem").unwrap();
        let issuer = fixture.pki.der("anchor/intermediate.pem").unwrap();
        let trusted = |leaf: &[u8], issuer: &[u8]| {
            let trust = Trust {
                anchors: &anchors,
                crls: &fixture.crls,
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
        // The encoded prefixes 1.2.840.113549.1.1 and 1.2.840.10045.4 in an AlgorithmIdentifier.
        let rsa = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
        let ecdsa = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04];
        for algorithm in webpki::ALL_VERIFICATION_ALGS {
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
