//! Selects the certificates that are sent with a leaf: those on its paths, the shortest first.
//!
//! Which CA the trust anchor is cannot be known here, so every path upwards from the leaf counts.
//! RFC 5280, 6.1 and RFC 4158 define paths. Key identifiers order candidates and do not
//! eliminate any (RFC 4158, 3.5.12); if in doubt the signature decides.

use crate::time::Timestamp;
use crate::x509::{Certificate, SignatureCheck};

/// The most certificates that Roles Anywhere accepts in a chain.
pub const MAX_CHAIN_LENGTH: usize = 5;

/// The most issuers that are searched, so that a bundle of thousands of certificates with one name does
/// not cause thousands of verifications.
const MAX_FOUND: usize = 100;

/// The certificates that are sent with a leaf, and those that are left out.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Chain {
    /// How the intermediates were selected.
    pub selection: Selection,
    /// The certificates to send: at most [`MAX_CHAIN_LENGTH`], without the leaf.
    pub intermediates: Vec<Certificate>,
    /// The given certificates that are not sent, each with the reason.
    pub left_out: Vec<(Certificate, LeftOut)>,
}

/// How the intermediates were selected.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Selection {
    /// The leaf's issuer was given: the certificates on a path from the leaf are sent, without roots.
    Paths,
    /// The leaf's issuer was not given: all certificates are sent as given, including roots.
    #[default]
    AsGiven,
}

/// Why a certificate is not sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LeftOut {
    /// It is a root, which the service must have as its trust anchor.
    Root,
    /// It is a copy of the end-entity certificate.
    Leaf,
    /// It has expired, and its renewed certificate was given too.
    Outdated,
    /// It is not on a path from the leaf.
    Unrelated,
    /// Five others are sent, which is the limit of the service.
    NoRoom,
}

impl LeftOut {
    /// Returns the reason in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Root => "a root certificate, which belongs in the trust anchor",
            Self::Leaf => "the end-entity certificate again",
            Self::Outdated => "out of date, and its renewed certificate is sent",
            Self::Unrelated => "not on a path from the end-entity certificate",
            Self::NoRoom => "the service accepts five certificates, and five others come first",
        }
    }
}

impl Chain {
    /// Selects the certificates of `given` that `leaf` needs at `now`.
    pub fn new(leaf: &Certificate, given: Vec<Certificate>, now: Timestamp) -> Self {
        let (given, copies) = distinct(leaf, given);
        let mut search = Search {
            given: &given,
            now,
            decisions: vec![None; given.len()],
            steps: vec![PathStep { certificate: leaf, below: None }],
            sent: Vec::new(),
        };
        search.run();
        let Search { decisions, sent, .. } = search;
        let mut chain = if decisions.iter().all(Option::is_none) {
            Self::as_given(given)
        } else {
            Self::of_paths(given, &decisions, &sent)
        };
        chain.left_out.splice(0..0, copies.into_iter().map(|copy| (copy, LeftOut::Leaf)));
        chain
    }

    fn as_given(mut given: Vec<Certificate>) -> Self {
        let rest = given.split_off(given.len().min(MAX_CHAIN_LENGTH));
        let left_out = rest.into_iter().map(|certificate| (certificate, LeftOut::NoRoom));
        Self { selection: Selection::AsGiven, intermediates: given, left_out: left_out.collect() }
    }

    fn of_paths(given: Vec<Certificate>, decisions: &[Option<Decision>], sent: &[usize]) -> Self {
        let intermediates = sent.iter().map(|at| given[*at].clone()).collect();
        // The search does not continue above a certificate over the limit.
        let full = decisions.contains(&Some(Decision::LeftOut(LeftOut::NoRoom)));
        let not_found = if full { LeftOut::NoRoom } else { LeftOut::Unrelated };
        let left_out =
            given.into_iter().zip(decisions).filter_map(|(certificate, decision)| match decision {
                Some(Decision::Sent) => None,
                Some(Decision::LeftOut(reason)) => Some((certificate, *reason)),
                None => Some((certificate, not_found)),
            });
        Self { selection: Selection::Paths, intermediates, left_out: left_out.collect() }
    }
}

/// Returns each certificate once and without the leaf; and the leaf, if it is among them.
fn distinct(
    leaf: &Certificate,
    given: Vec<Certificate>,
) -> (Vec<Certificate>, Option<Certificate>) {
    let mut kept: Vec<Certificate> = Vec::with_capacity(given.len());
    let mut copy = None;
    for certificate in given {
        if certificate == *leaf {
            copy = Some(certificate);
        } else if !kept.contains(&certificate) {
            kept.push(certificate);
        }
    }
    (kept, copy)
}

/// The result for a certificate that the search found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Decision {
    Sent,
    LeftOut(LeftOut),
}

/// A certificate of a path, and the step that it issued; `None` for the leaf.
#[derive(Clone, Copy)]
struct PathStep<'a> {
    certificate: &'a Certificate,
    below: Option<usize>,
}

/// A breadth-first search upwards from the leaf, so that the certificates are sent in the order of
/// their distance from it. Each certificate is used once.
struct Search<'a> {
    given: &'a [Certificate],
    now: Timestamp,
    /// The decision for each given certificate; `None` until it is found.
    decisions: Vec<Option<Decision>>,
    steps: Vec<PathStep<'a>>,
    sent: Vec<usize>,
}

impl Search<'_> {
    fn run(&mut self) {
        let mut next = 0;
        while next < self.steps.len() {
            let issuers = self.issuers(next);
            for at in &issuers {
                self.decisions[*at] = self.decide(next, *at, &issuers);
                if self.decisions[*at] == Some(Decision::Sent) {
                    self.sent.push(*at);
                    self.steps.push(PathStep { certificate: &self.given[*at], below: Some(next) });
                }
            }
            next += 1;
        }
    }

    /// Decides about one of the `issuers` of a step; `None` if the path does not continue through it.
    fn decide(&self, step: usize, at: usize, issuers: &[usize]) -> Option<Decision> {
        let certificate = &self.given[at];
        let renewed = |other: &usize| {
            let other = &self.given[*other];
            other.is_valid_at(self.now)
                && other.issuer == certificate.issuer
                && other.public_key == certificate.public_key
        };
        if is_root(certificate) {
            Some(Decision::LeftOut(LeftOut::Root))
        } else if self.is_loop(step, certificate) {
            None
        } else if !certificate.is_valid_at(self.now) && issuers.iter().any(renewed) {
            Some(Decision::LeftOut(LeftOut::Outdated))
        } else if self.sent.len() == MAX_CHAIN_LENGTH {
            Some(Decision::LeftOut(LeftOut::NoRoom))
        } else {
            Some(Decision::Sent)
        }
    }

    /// Returns the issuers of a step that were not found before, the most likely first.
    fn issuers(&self, step: usize) -> Vec<usize> {
        let child = self.steps[step].certificate;
        let has_name = |at: &usize| self.given[*at].subject == child.issuer;
        let same_name: Vec<usize> = (0..self.given.len()).filter(has_name).collect();
        let mut candidates: Vec<usize> =
            same_name.iter().copied().filter(|at| self.decisions[*at].is_none()).collect();
        candidates.sort_by_key(|at| self.rank(child, &self.given[*at]));
        candidates.truncate(MAX_FOUND.saturating_sub(self.decisions.iter().flatten().count()));
        match candidates[..] {
            [only] if same_name.len() == 1 && is_certain_issuer(child, &self.given[only]) => {
                candidates
            }
            _ => signers(child, &candidates, self.given),
        }
    }

    fn rank(&self, child: &Certificate, issuer: &Certificate) -> (KeyIds, bool, bool) {
        (key_ids(child, issuer), !issuer.is_valid_at(self.now), !issuer.usage.is_ca)
    }

    /// Whether the issuer of a certificate is on the path below it: two CAs that certify each other, or
    /// the old and the new key of one CA. A path contains each CA only once.
    fn is_loop(&self, step: usize, certificate: &Certificate) -> bool {
        let mut below = Some(step);
        while let Some(step) = below {
            let PathStep { certificate: on_path, below: next } = self.steps[step];
            if on_path.subject == certificate.issuer
                && certificate.check_signature(on_path) == SignatureCheck::Valid
            {
                return true;
            }
            below = next;
        }
        false
    }
}

/// How the key identifiers of a certificate and its issuer compare, the best first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum KeyIds {
    Equal,
    Absent,
    Different,
}

fn key_ids(child: &Certificate, issuer: &Certificate) -> KeyIds {
    match (&child.authority_key_id, &issuer.subject_key_id) {
        (Some(authority), Some(subject)) if authority == subject => KeyIds::Equal,
        (Some(_), Some(_)) => KeyIds::Different,
        _ => KeyIds::Absent,
    }
}

/// Whether the only CA with the issuer's name is accepted as the issuer without verifying the
/// signature, which would slow down every start.
fn is_certain_issuer(child: &Certificate, issuer: &Certificate) -> bool {
    issuer.usage.is_ca && !child.is_self_issued() && key_ids(child, issuer) != KeyIds::Different
}

/// Returns the `candidates` whose key signed `child`; if there are none, those whose signatures cannot
/// be verified.
fn signers(child: &Certificate, candidates: &[usize], given: &[Certificate]) -> Vec<usize> {
    let checked: Vec<(usize, SignatureCheck)> =
        candidates.iter().map(|at| (*at, child.check_signature(&given[*at]))).collect();
    let with_result = |expected: SignatureCheck| {
        checked.iter().filter(move |(_, check)| *check == expected).map(|(at, _)| *at)
    };
    let valid: Vec<usize> = with_result(SignatureCheck::Valid).collect();
    if valid.is_empty() { with_result(SignatureCheck::Unsupported).collect() } else { valid }
}

/// Whether a certificate is self-signed. If the signature cannot be verified, as with SHA-1, the key
/// identifiers decide.
fn is_root(certificate: &Certificate) -> bool {
    certificate.is_self_issued()
        && match certificate.check_signature(certificate) {
            SignatureCheck::Valid => true,
            SignatureCheck::Invalid => false,
            SignatureCheck::Unsupported => key_ids(certificate, certificate) != KeyIds::Different,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::DistinguishedName;

    /// In 2027.
    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn read(name: &str) -> Certificate {
        crate::test_support::cert_builder::committed(&format!("tests/vectors/pki/{name}"))
    }

    #[test]
    fn root_leaf_and_unrelated_certificates_are_left_out() {
        let [leaf, stranger, intermediate, root] =
            ["leaf-p256.pem", "leaf-p384.pem", "intermediate.pem", "root.pem"].map(read);
        let given = vec![root.clone(), stranger.clone(), leaf.clone(), intermediate.clone()];
        let chain = Chain::new(&leaf, given, NOW);
        assert_eq!(chain.selection, Selection::Paths);
        assert_eq!(chain.intermediates, [intermediate]);
        assert_eq!(
            chain.left_out,
            [(leaf, LeftOut::Leaf), (root, LeftOut::Root), (stranger, LeftOut::Unrelated)]
        );
    }

    #[test]
    fn renewed_certificate_of_a_ca_is_preferred() {
        let [leaf, new] = ["leaf-p256.pem", "intermediate.pem"].map(read);
        let old = Certificate { not_after: NOW.after(-1), serial: "0".to_owned(), ..new.clone() };
        let chain = Chain::new(&leaf, vec![old.clone(), new.clone()], NOW);
        assert_eq!(chain.intermediates, [new]);
        assert_eq!(chain.left_out, [(old.clone(), LeftOut::Outdated)]);
        // Without a renewed one, the expired one is sent: this clock may be wrong.
        assert_eq!(Chain::new(&leaf, vec![old.clone()], NOW).intermediates, [old]);
    }

    #[test]
    fn repeated_certificate_is_sent_once() {
        let [leaf, intermediate] = ["leaf-p256.pem", "intermediate.pem"].map(read);
        let chain = Chain::new(&leaf, vec![intermediate.clone(), intermediate.clone()], NOW);
        assert_eq!((chain.intermediates, chain.left_out), (vec![intermediate], Vec::new()));
    }

    #[test]
    fn nothing_is_sent_if_nothing_was_given() {
        assert_eq!(Chain::new(&read("leaf-p256.pem"), Vec::new(), NOW), Chain::default());
    }

    #[test]
    fn all_are_sent_as_given_without_the_issuer() {
        let [leaf, root] = ["leaf-p256.pem", "root.pem"].map(read);
        let other = |n: usize| Certificate { serial: n.to_string(), ..root.clone() };
        let given: Vec<Certificate> = (0..7).map(other).collect();
        let chain = Chain::new(&leaf, given.clone(), NOW);
        assert_eq!(chain.selection, Selection::AsGiven);
        assert_eq!(chain.intermediates, given[..5]);
        let left_out = given[5..].iter().map(|certificate| (certificate.clone(), LeftOut::NoRoom));
        assert_eq!(chain.left_out, left_out.collect::<Vec<_>>());
    }

    /// Seven CAs in a row without key identifiers.
    #[test]
    fn at_most_five_are_sent() {
        let template = read("intermediate.pem");
        let name = |n: usize| DistinguishedName(vec![n as u8]);
        let ca = |n: usize| Certificate {
            serial: n.to_string(),
            subject: name(n),
            issuer: name(n + 1),
            authority_key_id: None,
            subject_key_id: None,
            ..template.clone()
        };
        let chain = Chain::new(&ca(0), (1..8).rev().map(ca).collect(), NOW);
        let serials: Vec<&str> = chain.intermediates.iter().map(Certificate::serial).collect();
        assert_eq!(serials, ["1", "2", "3", "4", "5"]);
        assert!(chain.left_out.iter().all(|(_, reason)| *reason == LeftOut::NoRoom));
    }

    #[test]
    fn a_bundle_of_one_name_is_verified_in_part() {
        let [leaf, intermediate] = ["leaf-p256.pem", "intermediate.pem"].map(read);
        let namesake = |n: usize| Certificate { serial: n.to_string(), ..intermediate.clone() };
        let given: Vec<Certificate> = (0..150).map(namesake).collect();
        let search = Search {
            given: &given,
            now: NOW,
            decisions: vec![None; given.len()],
            steps: vec![PathStep { certificate: &leaf, below: None }],
            sent: Vec::new(),
        };
        assert_eq!(search.issuers(0).len(), MAX_FOUND);
    }

    /// Another intermediate with the same name and another key.
    #[test]
    fn same_name_with_another_key_is_not_the_issuer() {
        let [leaf, intermediate, root] =
            ["leaf-p256.pem", "intermediate.pem", "root.pem"].map(read);
        let namesake = Certificate { der: root.der.clone(), ..intermediate.clone() };
        let chain = Chain::new(&leaf, vec![namesake.clone(), intermediate.clone()], NOW);
        assert_eq!(chain.intermediates, [intermediate]);
        assert_eq!(chain.left_out, [(namesake, LeftOut::Unrelated)]);
    }

    /// Like a root that is signed with SHA-1.
    #[test]
    fn key_identifiers_decide_about_a_root_whose_signature_cannot_be_verified() {
        let sha1 = crate::test_support::cert_builder::committed("certs/broken/sha1.pem");
        let root = Certificate { subject: sha1.issuer.clone(), ..sha1 };
        assert_eq!(root.check_signature(&root), SignatureCheck::Unsupported);
        let with = |subject: Option<u8>, authority: Option<u8>| Certificate {
            subject_key_id: subject.map(|id| vec![id]),
            authority_key_id: authority.map(|id| vec![id]),
            ..root.clone()
        };
        assert!(is_root(&with(Some(1), None)) && is_root(&with(Some(1), Some(1))));
        assert!(!is_root(&with(Some(1), Some(2))));
    }
}
