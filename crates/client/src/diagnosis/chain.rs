//! `Untrusted signing certificate`: the certificates sent and left out, and the missing CA.

use super::Evidence;
use crate::aws::create_session::SessionRequest;
use crate::x509::details::CertificateDetails;
use crate::x509::{Certificate, DistinguishedName};
use crate::x509::{Chain, Selection};

/// Returns the likely causes of a missing path to the trust anchor.
pub(super) fn untrusted(session: &SessionRequest, evidence: &Evidence<'_>) -> Vec<String> {
    let Evidence { leaf, chain, received } = *evidence;
    let sent = chain.intermediates.as_slice();
    let cause = if let Some(ca) = sent.iter().find(|ca| !ca.is_valid_at(received)) {
        let (subject, from, to) = (ca.subject(), ca.not_before(), ca.not_after());
        format!(
            "the intermediate `{subject}` that was sent is valid from {from} to {to} only: put its renewed certificate in `--intermediates`"
        )
    } else if chain.selection == Selection::AsGiven && !sent.is_empty() {
        issuer_not_given(session, leaf)
    } else {
        path_ends(session, leaf, sent)
    };
    [no_ca(sent), Some(cause), selection(chain)].into_iter().flatten().collect()
}

/// Names the sent certificates that AWS does not accept as a CA, by its trust model.
fn no_ca(sent: &[Certificate]) -> Option<String> {
    sent.iter().find_map(|ca| {
        let usage = CertificateDetails::of(ca).key_usage;
        let signs = usage.is_some_and(|usage| usage.contains(&"keyCertSign"));
        let fault = match (ca.usage().is_ca, signs) {
            (true, true) => return None,
            (false, true) => "no basicConstraints with CA:TRUE",
            (true, false) => "no keyUsage with keyCertSign",
            (false, false) => "no basicConstraints with CA:TRUE and no keyUsage with keyCertSign",
        };
        Some(format!(
            "the intermediate `{}` that was sent has {fault}, which AWS requires of a CA: have it issued again",
            ca.subject()
        ))
    })
}

fn issuer_not_given(session: &SessionRequest, leaf: &Certificate) -> String {
    format!(
        "the certificate's issuer `{}` is not among the certificates that were given: that CA has to be the certificate of {}, or its certificate and the CAs up to that one have to be in `--intermediates`",
        leaf.issuer(),
        session.trust_anchor
    )
}

fn path_ends(session: &SessionRequest, leaf: &Certificate, sent: &[Certificate]) -> String {
    let with = match sent.len() {
        0 => "alone".to_owned(),
        1 => "with one intermediate".to_owned(),
        count => format!("with {count} intermediates"),
    };
    let (issuers, that) = match missing(leaf, sent).as_slice() {
        [issuer] => (format!("the issuer `{issuer}`"), "that CA"),
        several => (format!("the issuers {}", listed(several, ToString::to_string)), "one of them"),
    };
    format!(
        "the certificate was sent {with}, which leads to {issuers}: {that} has to be the certificate of {}, or the CAs up to that one have to be in `--intermediates`",
        session.trust_anchor
    )
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

/// Lists the given certificates that were sent and those that were left out; `None` if none was given.
fn selection(chain: &Chain) -> Option<String> {
    let sent = match chain.intermediates.as_slice() {
        [] => "no other certificate was sent".to_owned(),
        sent => {
            let names = listed(sent, |ca| ca.subject().to_string());
            format!("sent with the certificate: {names}")
        }
    };
    if chain.left_out.is_empty() {
        return (!chain.intermediates.is_empty()).then_some(sent);
    }
    let left_out =
        chain.left_out.iter().take(MOST_LISTED).map(|(certificate, reason)| {
            format!("`{}` ({})", certificate.subject(), reason.as_str())
        });
    let left_out = and_more(&left_out.collect::<Vec<_>>(), chain.left_out.len());
    Some(format!("{sent}; left out of what was given: {left_out}"))
}

/// The most certificates that a hint lists.
const MOST_LISTED: usize = 5;

fn listed<T>(items: &[T], name: impl Fn(&T) -> String) -> String {
    let names = items.iter().take(MOST_LISTED).map(|item| format!("`{}`", name(item)));
    and_more(&names.collect::<Vec<_>>(), items.len())
}

fn and_more(listed: &[String], count: usize) -> String {
    let more = count - listed.len();
    let listed = listed.join(", ");
    if more == 0 { listed } else { format!("{listed} and {more} more") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::cert_builder::{self, CN, CertBuilder, committed, rdn};
    use crate::test_support::session::request;
    use crate::time::Timestamp;
    use crate::x509::LeftOut;

    fn hints(chain: &Chain, received: &str) -> String {
        let leaf = CertBuilder::default().build();
        let received = Timestamp::from_rfc3339(received).unwrap();
        let evidence = Evidence { received, leaf: &leaf, chain };
        untrusted(&request(), &evidence).join("\n")
    }

    #[test]
    fn an_intermediate_that_is_out_of_date_comes_first() {
        let chain = Chain {
            selection: Selection::Paths,
            intermediates: vec![committed("certs/anchor/intermediate.pem")],
            left_out: Vec::new(),
        };
        let late = hints(&chain, "2050-01-01T00:00:00Z");
        assert!(late.starts_with("the intermediate `C=US, O=Example, CN=Emulator"), "{late}");
        assert!(late.contains("valid from 2026-01-01T00:00:00Z to 2046-01-01"), "{late}");
        assert!(late.contains("\nsent with the certificate: `C=US"), "{late}");
        let in_time = hints(&chain, "2027-01-01T00:00:00Z");
        assert!(in_time.starts_with("the certificate was sent with one intermediate"), "{in_time}");
    }

    #[test]
    fn a_path_may_end_at_several_cas() {
        let ca = |issuer: &str| {
            let issuer = cert_builder::name(&[rdn(&[(CN, issuer)])]);
            CertBuilder { subject: CertBuilder::default().issuer, issuer, ..CertBuilder::default() }
                .build()
        };
        let chain = Chain {
            selection: Selection::Paths,
            intermediates: vec![ca("Root 1"), ca("Root 2"), ca("Root 1")],
            left_out: Vec::new(),
        };
        let hints = hints(&chain, "2027-01-01T00:00:00Z");
        assert!(
            hints.contains("which leads to the issuers `CN=Root 1`, `CN=Root 2`: one"),
            "{hints}"
        );
    }

    #[test]
    fn an_intermediate_that_aws_takes_for_no_ca_comes_first() {
        let sent = |intermediates: Vec<Certificate>| {
            let left_out = Vec::new();
            let chain = Chain { selection: Selection::Paths, intermediates, left_out };
            hints(&chain, "2027-01-01T00:00:00Z")
        };
        let (issuer, good) =
            (CertBuilder::default().issuer, committed("certs/anchor/intermediate.pem"));
        let neither = CertBuilder { subject: issuer.clone(), ..CertBuilder::default() };
        let found = sent(vec![good.clone(), neither.build()]);
        let expected = "the intermediate `CN=Forger` that was sent has no basicConstraints with CA:TRUE and no keyUsage with keyCertSign, which AWS requires of a CA: have it issued again\nthe certificate was sent with 2 intermediates";
        assert!(found.starts_with(expected), "{found}");
        let found = sent(vec![good]);
        assert!(found.starts_with("the certificate was sent with one"), "{found}");
    }

    #[test]
    fn a_long_list_is_cut() {
        let stranger = committed("certs/anchor/root.pem");
        let chain = Chain {
            selection: Selection::Paths,
            intermediates: Vec::new(),
            left_out: vec![(stranger, LeftOut::Unrelated); 140],
        };
        let hints = hints(&chain, "2027-01-01T00:00:00Z");
        assert_eq!(hints.matches("on no path").count(), 5, "{hints}");
        assert!(hints.contains("no other certificate was sent; left out"), "{hints}");
        assert!(hints.ends_with(" and 135 more"), "{hints}");
    }
}
