//! Certification paths (RFC 5280, 6.1) by our own code, with webpki's verification of signatures:
//! webpki itself compares names octet by octet, and knows two forms of name constraints.
//!
//! Policies are not processed: Roles Anywhere documents nothing about them.

use time::OffsetDateTime;
use webpki::ALL_VERIFICATION_ALGS;
use x509_parser::asn1_rs::{BitString, Sequence, ToDer as _};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo, X509Version};

use super::name::ComparableName;
use super::{Distrust, constraints};

/// The input of a search for a path.
pub(super) struct Search<'a> {
    pub(super) anchor: X509Certificate<'a>,
    pub(super) chain: Vec<X509Certificate<'a>>,
    pub(super) crls: Vec<CertificateRevocationList<'a>>,
    pub(super) now: OffsetDateTime,
    pub(super) any_extended_key_usage: bool,
}

/// Reads a certificate of a path.
pub(super) fn read(der: &[u8]) -> Option<X509Certificate<'_>> {
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    (rest.is_empty() && envelope(&certificate)? == der).then_some(certificate)
}

/// Returns what is signed with the algorithm and the signature behind it, as DER writes that: the
/// parser takes tags of other classes too, and no signature is over these octets.
fn envelope(certificate: &X509Certificate<'_>) -> Option<Vec<u8>> {
    let algorithm = encode(&certificate.signature_algorithm)?;
    let mut content = certificate.tbs_certificate.as_ref().to_vec();
    content.extend(Sequence::new(algorithm.into()).to_der_vec().ok()?);
    content.extend(BitString::new(0, &certificate.signature_value.data).to_der_vec().ok()?);
    Sequence::new(content.into()).to_der_vec().ok()
}

impl Search<'_> {
    /// Refuses a leaf of which no path to the anchor holds; of several reasons the first one that
    /// says more than that there is no path.
    pub(super) fn run(&self, leaf: &X509Certificate<'_>) -> Result<(), Distrust> {
        self.extend(&[leaf])
    }

    fn extend(&self, path: &[&X509Certificate<'_>]) -> Result<(), Distrust> {
        let Some(child) = path.last() else { return Err(Distrust::NoPath) };
        let mut reason = Distrust::NoPath;
        if issued(child, &self.anchor) {
            match self.check(path) {
                Ok(()) => return Ok(()),
                Err(distrust) => reason = distrust,
            }
        }
        for issuer in &self.chain {
            let is_new = path.iter().all(|used| used.as_ref() != issuer.as_ref());
            if is_new && issued(child, issuer) {
                match self.extend(&[path, &[issuer]].concat()) {
                    Ok(()) => return Ok(()),
                    Err(distrust) if reason == Distrust::NoPath => reason = distrust,
                    Err(_) => {}
                }
            }
        }
        Err(reason)
    }

    /// Checks a path whose signatures and names lead from the leaf to the anchor.
    fn check(&self, path: &[&X509Certificate<'_>]) -> Result<(), Distrust> {
        let Some((leaf, issuers)) = path.split_first() else { return Err(Distrust::NoPath) };
        for certificate in path {
            check_extensions(certificate)?;
            self.check_validity(certificate)?;
            self.check_extended_key_usage(certificate)?;
        }
        for (below, issuer) in issuers.iter().enumerate() {
            check_issuer(issuer, self_made_not_counted(&issuers[..below]))?;
        }
        let most = self.anchor.basic_constraints().ok().flatten();
        let most = most.and_then(|extension| extension.value.path_len_constraint);
        check_length(most, self_made_not_counted(issuers))?;
        self.check_names(path)?;
        self.check_revocation(leaf, issuers.first().copied().unwrap_or(&self.anchor))
    }

    fn check_validity(&self, certificate: &X509Certificate<'_>) -> Result<(), Distrust> {
        let validity = certificate.validity();
        if self.now < validity.not_before.to_datetime() {
            Err(Distrust::NotYetValid)
        } else if self.now > validity.not_after.to_datetime() {
            Err(Distrust::Expired)
        } else {
            Ok(())
        }
    }

    /// clientAuth or anyExtendedKeyUsage, if the extension is there at all.
    fn check_extended_key_usage(&self, certificate: &X509Certificate<'_>) -> Result<(), Distrust> {
        let usage = certificate.extended_key_usage().map_err(|_| Distrust::Malformed)?;
        let permits = usage.is_none_or(|usage| usage.value.client_auth || usage.value.any);
        if permits || self.any_extended_key_usage {
            Ok(())
        } else {
            Err(Distrust::ExtendedKeyUsage)
        }
    }

    /// Every issuer's constraints hold for what is below it, but for CAs that renew themselves.
    fn check_names(&self, path: &[&X509Certificate<'_>]) -> Result<(), Distrust> {
        let issuers = path.iter().copied().chain([&self.anchor]).enumerate().skip(1);
        for (at, issuer) in issuers {
            let extension = issuer.name_constraints().map_err(|_| Distrust::Malformed)?;
            let Some(extension) = extension else { continue };
            let bound = path[..at].iter().enumerate();
            let mut bound =
                bound.filter(|(at, certificate)| *at == 0 || !is_self_made(certificate));
            if !bound.all(|(_, certificate)| constraints::permits(extension.value, certificate)) {
                return Err(Distrust::IssuerConstraints);
            }
        }
        Ok(())
    }

    /// A list counts if the leaf's issuer signed it, whatever its dates.
    fn check_revocation(
        &self,
        leaf: &X509Certificate<'_>,
        issuer: &X509Certificate<'_>,
    ) -> Result<(), Distrust> {
        let mut own = self.crls.iter().filter(|crl| is_list_of(crl, issuer));
        let is_revoked = own.any(|crl| {
            crl.iter_revoked_certificates().any(|entry| entry.raw_serial() == leaf.raw_serial())
        });
        if is_revoked { Err(Distrust::Revoked) } else { Ok(()) }
    }
}

/// Refuses what has a critical extension that nothing here processes, or one that cannot be read.
fn check_extensions(certificate: &X509Certificate<'_>) -> Result<(), Distrust> {
    let is_processed = |extension: &ParsedExtension<'_>| {
        matches!(
            extension,
            ParsedExtension::KeyUsage(_)
                | ParsedExtension::CertificatePolicies(_)
                | ParsedExtension::PolicyMappings(_)
                | ParsedExtension::SubjectAlternativeName(_)
                | ParsedExtension::BasicConstraints(_)
                | ParsedExtension::NameConstraints(_)
                | ParsedExtension::PolicyConstraints(_)
                | ParsedExtension::ExtendedKeyUsage(_)
                | ParsedExtension::CRLDistributionPoints(_)
                | ParsedExtension::InhibitAnyPolicy(_)
        )
    };
    let good = certificate
        .iter_extensions()
        .all(|extension| !extension.critical || is_processed(extension.parsed_extension()));
    // Twice the same extension is an error of this map.
    let unique = certificate.extensions_map().is_ok();
    if good && unique { Ok(()) } else { Err(Distrust::Malformed) }
}

/// Refuses an issuer that is not a CA, may not sign, or has more CAs below it than it may have.
fn check_issuer(issuer: &X509Certificate<'_>, below: usize) -> Result<(), Distrust> {
    let constraints = issuer.basic_constraints().map_err(|_| Distrust::Malformed)?;
    let Some(constraints) = constraints.filter(|constraints| constraints.value.ca) else {
        return Err(Distrust::IssuerConstraints);
    };
    if issuer.version() != X509Version::V3 {
        return Err(Distrust::IssuerConstraints);
    }
    check_length(constraints.value.path_len_constraint, below)?;
    let usage = issuer.key_usage().map_err(|_| Distrust::Malformed)?;
    if usage.is_some_and(|usage| usage.value.key_cert_sign()) {
        Ok(())
    } else {
        Err(Distrust::IssuerKeyUsage)
    }
}

fn check_length(most: Option<u32>, below: usize) -> Result<(), Distrust> {
    let too_long = most.is_some_and(|most| usize::try_from(most).is_ok_and(|most| below > most));
    if too_long { Err(Distrust::IssuerConstraints) } else { Ok(()) }
}

/// A CA that certifies a new key of its own does not lengthen a path.
fn self_made_not_counted(issuers: &[&X509Certificate<'_>]) -> usize {
    issuers.iter().filter(|issuer| !is_self_made(issuer)).count()
}

fn is_self_made(certificate: &X509Certificate<'_>) -> bool {
    ComparableName::new(certificate.subject()) == ComparableName::new(certificate.issuer())
}

/// Returns whether a certificate names an issuer, and has the signature of its key.
fn issued(certificate: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> bool {
    let tbs: &[u8] = certificate.tbs_certificate.as_ref();
    let algorithm = &certificate.signature_algorithm;
    ComparableName::new(certificate.issuer()) == ComparableName::new(issuer.subject())
        && *algorithm == certificate.tbs_certificate.signature
        && is_signed(tbs, algorithm, &certificate.signature_value, issuer.public_key())
}

/// Returns whether a list names an issuer, and has the signature of its key.
pub(super) fn is_list_of(
    crl: &CertificateRevocationList<'_>,
    issuer: &X509Certificate<'_>,
) -> bool {
    let tbs: &[u8] = crl.tbs_cert_list.as_ref();
    let algorithm = &crl.signature_algorithm;
    ComparableName::new(crl.issuer()) == ComparableName::new(issuer.subject())
        && is_signed(tbs, algorithm, &crl.signature_value, issuer.public_key())
}

/// Verifies by the algorithms of webpki: SHA-256 and better, RSA from 2048 bits, the three curves
/// of NIST, Ed25519, ML-DSA.
fn is_signed(
    message: &[u8],
    algorithm: &AlgorithmIdentifier<'_>,
    signature: &BitString<'_>,
    key: &SubjectPublicKeyInfo<'_>,
) -> bool {
    let (Some(own), Some(of_key)) = (encode(algorithm), encode(&key.algorithm)) else {
        return false;
    };
    signature.unused_bits == 0
        && ALL_VERIFICATION_ALGS.iter().any(|candidate| {
            candidate.signature_alg_id().as_ref() == own
                && candidate.public_key_alg_id().as_ref() == of_key
                && candidate
                    .verify_signature(&key.subject_public_key.data, message, &signature.data)
                    .is_ok()
        })
}

/// Returns the OID and the parameters in DER, as webpki names its algorithms.
fn encode(algorithm: &AlgorithmIdentifier<'_>) -> Option<Vec<u8>> {
    let mut der = algorithm.algorithm.to_der_vec().ok()?;
    if let Some(parameters) = &algorithm.parameters {
        der.extend(parameters.to_der_vec().ok()?);
    }
    Some(der)
}
