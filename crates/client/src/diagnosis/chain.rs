//! `Untrusted signing certificate`: the certificates sent and left out, and the missing CA.

use super::Evidence;
use super::cause::{CaExtensions, CertificateCause};
use crate::aws::create_session::SessionRequest;
use crate::x509::details::CertificateDetails;
use crate::x509::{Certificate, DistinguishedName};
use crate::x509::{Chain, Selection};

/// Returns the likely causes of a missing path to the trust anchor, and the certificates that were sent.
pub(super) fn untrusted(
    session: &SessionRequest,
    evidence: &Evidence<'_>,
) -> Vec<CertificateCause> {
    let Evidence { leaf, chain, received } = *evidence;
    let sent = chain.intermediates.as_slice();
    let trust_anchor = session.trust_anchor.clone();
    let cause = if let Some(ca) = sent.iter().find(|ca| !ca.is_valid_at(received)) {
        let subject = ca.subject().clone();
        let (not_before, not_after) = (ca.not_before(), ca.not_after());
        CertificateCause::IntermediateOutOfDate { subject, not_before, not_after }
    } else if chain.selection == Selection::AsGiven && !sent.is_empty() {
        CertificateCause::IssuerNotGiven { issuer: leaf.issuer().clone(), trust_anchor }
    } else {
        let issuers = missing(leaf, sent).into_iter().cloned().collect();
        CertificateCause::PathEnds { sent: sent.len(), issuers, trust_anchor }
    };
    [not_a_ca(sent), Some(cause), chain_sent(chain)].into_iter().flatten().collect()
}

/// Returns the first of the sent certificates that AWS does not accept as a CA, by its trust model.
fn not_a_ca(sent: &[Certificate]) -> Option<CertificateCause> {
    sent.iter().find_map(|ca| {
        let usage = CertificateDetails::of(ca).key_usage;
        let signs = usage.is_some_and(|usage| usage.contains(&"keyCertSign"));
        let lacks = match (ca.usage().is_ca, signs) {
            (true, true) => return None,
            (false, true) => CaExtensions::BasicConstraints,
            (true, false) => CaExtensions::KeyCertSign,
            (false, false) => CaExtensions::Both,
        };
        Some(CertificateCause::NotACa { subject: ca.subject().clone(), lacks })
    })
}

/// Returns the names at which the paths end, each once.
fn missing<'a>(leaf: &'a Certificate, sent: &'a [Certificate]) -> Vec<&'a DistinguishedName> {
    let mut missing: Vec<&DistinguishedName> = Vec::new();
    for certificate in std::iter::once(leaf).chain(sent) {
        let issuer = certificate.issuer();
        if !sent.iter().any(|ca| ca.subject() == issuer) && !missing.contains(&issuer) {
            missing.push(issuer);
        }
    }
    if missing.is_empty() {
        // All that was sent is of CAs that certify themselves or each other.
        missing.push(sent.last().unwrap_or(leaf).issuer());
    }
    missing
}

/// Returns the given certificates that were sent and those that were left out; `None` if none was given.
fn chain_sent(chain: &Chain) -> Option<CertificateCause> {
    let sent: Vec<_> = chain.intermediates.iter().map(|ca| ca.subject().clone()).collect();
    let left_out = chain.left_out.iter();
    let left_out: Vec<_> = left_out.map(|(ca, reason)| (ca.subject().clone(), *reason)).collect();
    let none_given = sent.is_empty() && left_out.is_empty();
    (!none_given).then_some(CertificateCause::ChainSent { sent, left_out })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::cert_builder::{self, CN, CertBuilder, committed, rdn};
    use crate::test_support::session::request;
    use crate::time::Timestamp;
    use crate::x509::LeftOut;

    fn causes(chain: &Chain, received: &str) -> Vec<CertificateCause> {
        let leaf = CertBuilder::default().build();
        let received = Timestamp::from_rfc3339(received).unwrap();
        let evidence = Evidence { received, leaf: &leaf, chain };
        untrusted(&request(), &evidence)
    }

    fn sent(intermediates: Vec<Certificate>) -> Chain {
        Chain { selection: Selection::Paths, intermediates, left_out: Vec::new() }
    }

    /// Returns a CA with the name of the leaf's issuer.
    fn ca(issuer: &str) -> Certificate {
        let issuer = cert_builder::name(&[rdn(&[(CN, issuer)])]);
        CertBuilder { subject: CertBuilder::default().issuer, issuer, ..CertBuilder::default() }
            .build()
    }

    #[test]
    fn an_intermediate_that_is_out_of_date_comes_first() {
        let ca = committed("certs/anchor/intermediate.pem");
        let chain = sent(vec![ca.clone()]);
        let (subject, sent) = (ca.subject().clone(), vec![ca.subject().clone()]);
        let chain_sent = CertificateCause::ChainSent { sent, left_out: Vec::new() };
        assert_eq!(
            causes(&chain, "2050-01-01T00:00:00Z"),
            [
                CertificateCause::IntermediateOutOfDate {
                    subject,
                    not_before: ca.not_before(),
                    not_after: ca.not_after()
                },
                chain_sent.clone()
            ]
        );
        let in_time = causes(&chain, "2027-01-01T00:00:00Z");
        assert!(matches!(in_time[0], CertificateCause::PathEnds { sent: 1, .. }), "{in_time:?}");
        assert_eq!(in_time[1..], [chain_sent]);
    }

    #[test]
    fn a_path_may_end_at_several_cas() {
        let chain = sent(vec![ca("Root 1"), ca("Root 2"), ca("Root 1")]);
        let causes = causes(&chain, "2027-01-01T00:00:00Z");
        let Some(CertificateCause::PathEnds { sent: 3, issuers, trust_anchor }) = causes.get(1)
        else {
            panic!("{causes:?}")
        };
        let issuers: Vec<String> = issuers.iter().map(ToString::to_string).collect();
        assert_eq!(issuers, ["CN=Root 1", "CN=Root 2"]);
        assert_eq!(*trust_anchor, request().trust_anchor);
    }

    #[test]
    fn cas_that_certify_each_other_end_at_the_last_one() {
        let itself = cert_builder::name(&[rdn(&[(CN, "Forger")])]);
        let leaf =
            CertBuilder { subject: itself.clone(), issuer: itself, ..CertBuilder::default() };
        let leaf = leaf.build();
        assert_eq!(missing(&leaf, std::slice::from_ref(&leaf)), [leaf.issuer()]);
    }

    #[test]
    fn an_intermediate_that_aws_takes_for_no_ca_comes_first() {
        let good = committed("certs/anchor/intermediate.pem");
        let neither = ca("Forger");
        let subject = neither.subject().clone();
        let found = causes(&sent(vec![good.clone(), neither]), "2027-01-01T00:00:00Z");
        assert_eq!(found[0], CertificateCause::NotACa { subject, lacks: CaExtensions::Both });
        assert!(matches!(found[1], CertificateCause::PathEnds { sent: 2, .. }), "{found:?}");
        let found = causes(&sent(vec![good]), "2027-01-01T00:00:00Z");
        assert!(matches!(found[0], CertificateCause::PathEnds { sent: 1, .. }), "{found:?}");
    }

    #[test]
    fn certificates_sent_as_given_do_not_hold_the_issuer() {
        let chain = Chain {
            selection: Selection::AsGiven,
            ..sent(vec![committed("certs/anchor/intermediate.pem")])
        };
        let causes = causes(&chain, "2027-01-01T00:00:00Z");
        let Some(CertificateCause::IssuerNotGiven { issuer, .. }) = causes.first() else {
            panic!("{causes:?}")
        };
        assert_eq!(issuer.to_string(), "CN=Forger");
    }

    #[test]
    fn tells_which_certificates_were_sent_and_left_out() {
        let stranger = committed("certs/anchor/root.pem");
        let subject = stranger.subject().clone();
        let chain = Chain { left_out: vec![(stranger, LeftOut::Unrelated)], ..sent(Vec::new()) };
        assert_eq!(
            causes(&chain, "2027-01-01T00:00:00Z").last(),
            Some(&CertificateCause::ChainSent {
                sent: Vec::new(),
                left_out: vec![(subject, LeftOut::Unrelated)]
            })
        );
        // If no other certificate was given, there is nothing to tell.
        let alone = causes(&sent(Vec::new()), "2027-01-01T00:00:00Z");
        assert!(matches!(alone[..], [CertificateCause::PathEnds { sent: 0, .. }]), "{alone:?}");
    }
}
