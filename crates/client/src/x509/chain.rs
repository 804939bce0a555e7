//! Selects the certificates that are sent with a leaf: those on its paths, the shortest first.
//!
//! Which CA the trust anchor is cannot be known here, so every path upwards from the leaf counts.
//! RFC 5280, 6.1 and RFC 4158 say what a path is. Key identifiers order candidates and do not
//! eliminate any (RFC 4158, 3.5.12); if in doubt the signature decides.

use crate::time::Timestamp;
use crate::x509::{Certificate, SignatureCheck};

/// The most certificates that Roles Anywhere accepts in a chain.
pub const MAX_LENGTH: usize = 5;

/// The most certificates that are found to be issuers, so that a bundle of thousands of one name
/// costs no thousands of verifications.
const MAX_FOUND: usize = 100;

/// What is sent with a leaf, what is not, and why.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Chain {
    /// What decided what is sent.
    pub selection: Selection,
    /// What is sent; at most [`MAX_LENGTH`], and never the leaf.
    pub intermediates: Vec<Certificate>,
    /// What was given and is not sent, each with the reason.
    pub left_out: Vec<(Certificate, LeftOut)>,
}

/// What decided what is sent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Selection {
    /// The leaf's issuer was given: what is on a path from the leaf is sent, without roots.
    Paths,
    /// The leaf's issuer was not given: what was given is sent as it was given, roots too.
    #[default]
    AsGiven,
}

/// Why a certificate is not sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LeftOut {
    /// Its own key signed it: a root, which the service has to know by itself.
    Root,
    /// It is the end-entity certificate again.
    Leaf,
    /// It has expired, and its renewed certificate was given too.
    Outdated,
    /// It is on no path from the leaf.
    Unrelated,
    /// Five others are sent, and the service takes no more.
    NoRoom,
}

impl LeftOut {
    /// Returns the reason in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Root => "a root, which the trust anchor has to hold",
            Self::Leaf => "the end-entity certificate again",
            Self::Outdated => "out of date, and its renewed certificate is sent",
            Self::Unrelated => "on no path from the end-entity certificate",
            Self::NoRoom => "the service takes five certificates, and five others come first",
        }
    }
}

impl Chain {
    /// Selects from the certificates that were `given` what `leaf` needs at `now`.
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
        let rest = given.split_off(given.len().min(MAX_LENGTH));
        let left_out = rest.into_iter().map(|certificate| (certificate, LeftOut::NoRoom));
        Self { selection: Selection::AsGiven, intermediates: given, left_out: left_out.collect() }
    }

    fn of_paths(given: Vec<Certificate>, decisions: &[Option<Decision>], sent: &[usize]) -> Self {
        let intermediates = sent.iter().map(|at| given[*at].clone()).collect();
        // Nothing above what has no room was searched.
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

/// What becomes of a certificate that was found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Decision {
    Sent,
    LeftOut(LeftOut),
}

/// A certificate of a path, and the step that it is the issuer of; the leaf has none.
#[derive(Clone, Copy)]
struct PathStep<'a> {
    certificate: &'a Certificate,
    below: Option<usize>,
}

/// A breadth-first search upwards from the leaf, so that what is sent is in the order of the
/// length of the paths that it is on. Each certificate is used once.
struct Search<'a> {
    given: &'a [Certificate],
    now: Timestamp,
    /// Of each that was given; `None` while it is not found.
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

    /// Decides about one of the `issuers` of a step; `None` if the path does not go on by it.
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
        } else if self.sent.len() == MAX_LENGTH {
            Some(Decision::LeftOut(LeftOut::NoRoom))
        } else {
            Some(Decision::Sent)
        }
    }

    /// Returns the issuers of a step that are not found yet, the likeliest first.
    fn issuers(&self, step: usize) -> Vec<usize> {
        let child = self.steps[step].certificate;
        let named = |at: &usize| self.given[*at].subject == child.issuer;
        let of_name: Vec<usize> = (0..self.given.len()).filter(named).collect();
        let mut candidates: Vec<usize> =
            of_name.iter().copied().filter(|at| self.decisions[*at].is_none()).collect();
        candidates.sort_by_key(|at| self.rank(child, &self.given[*at]));
        candidates.truncate(MAX_FOUND.saturating_sub(self.decisions.iter().flatten().count()));
        match candidates[..] {
            [only] if of_name.len() == 1 && is_certain_issuer(child, &self.given[only]) => {
                candidates
            }
            _ => signers(child, &candidates, self.given),
        }
    }

    fn rank(&self, child: &Certificate, issuer: &Certificate) -> (KeyIds, bool, bool) {
        (key_ids(child, issuer), !issuer.is_valid_at(self.now), !issuer.usage.is_ca)
    }

    /// Whether the issuer of a certificate is on the path below it: two CAs that certify each
    /// other, or the old and the new key of one CA. A path does not pass a CA twice.
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

/// Whether the only CA of the issuer's name may be taken for the issuer without a verification,
/// which would cost every start some time.
fn is_certain_issuer(child: &Certificate, issuer: &Certificate) -> bool {
    issuer.usage.is_ca && !child.is_self_issued() && key_ids(child, issuer) != KeyIds::Different
}

/// Returns those of `candidates` whose key signed `child`; if that cannot be told of any, all of
/// which it cannot be told.
fn signers(child: &Certificate, candidates: &[usize], given: &[Certificate]) -> Vec<usize> {
    let checked: Vec<(usize, SignatureCheck)> =
        candidates.iter().map(|at| (*at, child.check_signature(&given[*at]))).collect();
    let of = |wanted: SignatureCheck| {
        checked.iter().filter(move |(_, check)| *check == wanted).map(|(at, _)| *at)
    };
    let valid: Vec<usize> = of(SignatureCheck::Valid).collect();
    if valid.is_empty() { of(SignatureCheck::Unsupported).collect() } else { valid }
}

/// Whether a certificate's own key signed it. If that cannot be told, as with SHA-1, the key
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
    fn leaves_out_the_root_the_leaf_and_strangers() {
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
    fn prefers_the_renewed_certificate_of_a_ca() {
        let [leaf, new] = ["leaf-p256.pem", "intermediate.pem"].map(read);
        let old = Certificate { not_after: NOW.after(-1), serial: "0".to_owned(), ..new.clone() };
        let chain = Chain::new(&leaf, vec![old.clone(), new.clone()], NOW);
        assert_eq!(chain.intermediates, [new]);
        assert_eq!(chain.left_out, [(old.clone(), LeftOut::Outdated)]);
        // Alone it is better than nothing: this clock may be wrong.
        assert_eq!(Chain::new(&leaf, vec![old.clone()], NOW).intermediates, [old]);
    }

    #[test]
    fn counts_a_repeated_certificate_once() {
        let [leaf, intermediate] = ["leaf-p256.pem", "intermediate.pem"].map(read);
        let chain = Chain::new(&leaf, vec![intermediate.clone(), intermediate.clone()], NOW);
        assert_eq!((chain.intermediates, chain.left_out), (vec![intermediate], Vec::new()));
    }

    #[test]
    fn sends_nothing_if_nothing_was_given() {
        assert_eq!(Chain::new(&read("leaf-p256.pem"), Vec::new(), NOW), Chain::default());
    }

    #[test]
    fn sends_everything_as_it_was_given_if_the_issuer_was_not() {
        let [leaf, root] = ["leaf-p256.pem", "root.pem"].map(read);
        let other = |n: usize| Certificate { serial: n.to_string(), ..root.clone() };
        let given: Vec<Certificate> = (0..7).map(other).collect();
        let chain = Chain::new(&leaf, given.clone(), NOW);
        assert_eq!(chain.selection, Selection::AsGiven);
        assert_eq!(chain.intermediates, given[..5]);
        let left_out = given[5..].iter().map(|own| (own.clone(), LeftOut::NoRoom));
        assert_eq!(chain.left_out, left_out.collect::<Vec<_>>());
    }

    /// Seven CAs in a row with no key identifiers, by name alone.
    #[test]
    fn sends_five_at_most() {
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

    /// The key of another intermediate with the name of this one.
    #[test]
    fn a_namesake_with_another_key_is_no_issuer() {
        let [leaf, intermediate, root] =
            ["leaf-p256.pem", "intermediate.pem", "root.pem"].map(read);
        let namesake = Certificate { der: root.der.clone(), ..intermediate.clone() };
        let chain = Chain::new(&leaf, vec![namesake.clone(), intermediate.clone()], NOW);
        assert_eq!(chain.intermediates, [intermediate]);
        assert_eq!(chain.left_out, [(namesake, LeftOut::Unrelated)]);
    }

    /// As a root that is signed with SHA-1 is recognised.
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
