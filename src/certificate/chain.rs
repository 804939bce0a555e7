//! The certificates between the end entity and the trust anchor, in the order of issue.

use crate::certificate::Certificate;
use crate::time::Timestamp;

/// The most certificates that Roles Anywhere takes in a chain.
pub const MAX_LENGTH: usize = 5;

/// What is sent with a leaf, and what is not.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Chain {
    /// Issuer of the leaf first, then upwards; no leaf, no root, at most [`MAX_LENGTH`].
    pub intermediates: Vec<Certificate>,
    /// What was at hand and is not sent, each with the reason.
    pub left_out: Vec<(Certificate, LeftOut)>,
}

/// Why a certificate is not sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LeftOut {
    /// It is self-issued: a root, which the service has to know by itself.
    Root,
    /// It is the end-entity certificate once more.
    Leaf,
    /// It did not issue any certificate of the chain.
    Unrelated,
    /// The chain is full without it.
    TooDeep,
}

impl LeftOut {
    /// Returns the reason in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Root => "a root, which the trust anchor has to hold",
            Self::Leaf => "the end-entity certificate once more",
            Self::Unrelated => "no issuer of the chain, or out of date beside one that is not",
            Self::TooDeep => "deeper than the five certificates that the service takes",
        }
    }
}

impl Chain {
    /// Orders `pool` above `leaf`; of two issuers alike, the one that is valid at `now` is taken.
    pub fn new(leaf: &Certificate, pool: Vec<Certificate>, now: Timestamp) -> Self {
        let mut chain = Self::default();
        let mut pool = distinct(pool);
        if let Some(at) = pool.iter().position(|certificate| certificate == leaf) {
            chain.left_out.push((pool.remove(at), LeftOut::Leaf));
        }
        let mut last = leaf.clone();
        while let Some(at) = issuer_of(&last, &pool, now) {
            last = pool.remove(at);
            if last.is_self_issued() {
                chain.left_out.push((last, LeftOut::Root));
                break;
            }
            if chain.intermediates.len() == MAX_LENGTH {
                // Nothing above is looked at: a file may hold thousands.
                chain.left_out.push((last, LeftOut::TooDeep));
                chain.left_out.extend(pool.drain(..).map(|ca| (ca, LeftOut::TooDeep)));
                break;
            }
            chain.intermediates.push(last.clone());
        }
        let rest = pool.into_iter().map(|certificate| (certificate, LeftOut::Unrelated));
        chain.left_out.extend(rest);
        chain
    }
}

fn distinct(pool: Vec<Certificate>) -> Vec<Certificate> {
    let mut kept: Vec<Certificate> = Vec::with_capacity(pool.len());
    for certificate in pool {
        if !kept.contains(&certificate) {
            kept.push(certificate);
        }
    }
    kept
}

/// Returns where in `pool` the issuer of `child` stands.
///
/// The name decides, and the key identifiers where both have them. Only where that leaves several
/// (a CA renewed under its name, or cross-signed) is the signature verified; one that is valid is
/// preferred to one that is not, and one that leads on to a root.
fn issuer_of(child: &Certificate, pool: &[Certificate], now: Timestamp) -> Option<usize> {
    if child.is_self_issued() {
        return None;
    }
    let named = |at: &usize| pool[*at].subject == child.issuer && key_ids_agree(child, &pool[*at]);
    let mut candidates: Vec<usize> = (0..pool.len()).filter(named).collect();
    if candidates.len() > 1 {
        let signed: Vec<usize> =
            candidates.iter().copied().filter(|at| child.is_signed_by(&pool[*at])).collect();
        if !signed.is_empty() {
            candidates = signed;
        }
        candidates.sort_by_key(|at| (!pool[*at].is_valid_at(now), pool[*at].is_self_issued()));
    }
    candidates.first().copied()
}

fn key_ids_agree(child: &Certificate, issuer: &Certificate) -> bool {
    match (&child.authority_key_id, &issuer.subject_key_id) {
        (Some(authority), Some(subject)) => authority == subject,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In 2027.
    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn read(name: &str) -> Certificate {
        let path = format!("{}/tests/vectors/pki/{name}", env!("CARGO_MANIFEST_DIR"));
        #[expect(clippy::disallowed_methods, reason = "a test reads its vector")]
        let pem = ::pem::parse(std::fs::read(path).unwrap()).unwrap();
        Certificate::from_der(pem.contents()).unwrap()
    }

    #[test]
    fn leaves_out_the_root_the_leaf_and_strangers() {
        let [leaf, stranger, intermediate, root] =
            ["leaf-p256.pem", "leaf-p384.pem", "intermediate.pem", "root.pem"].map(read);
        let pool = vec![root.clone(), stranger.clone(), leaf.clone(), intermediate.clone()];
        let chain = Chain::new(&leaf, pool, NOW);
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
        let chain = Chain::new(&leaf, vec![old, new.clone()], NOW);
        assert_eq!(chain.intermediates, [new]);
    }

    #[test]
    fn counts_a_repeated_certificate_once() {
        let [leaf, intermediate] = ["leaf-p256.pem", "intermediate.pem"].map(read);
        let chain = Chain::new(&leaf, vec![intermediate.clone(), intermediate.clone()], NOW);
        assert_eq!(chain, Chain { intermediates: vec![intermediate], left_out: Vec::new() });
    }

    #[test]
    fn sends_nothing_for_an_empty_pool() {
        assert_eq!(Chain::new(&read("leaf-p256.pem"), Vec::new(), NOW), Chain::default());
    }

    /// Seven CAs in a row with no key identifiers, by name alone.
    #[test]
    fn sends_five_at_most() {
        let template = read("intermediate.pem");
        let name = |n: usize| crate::certificate::Name(vec![n as u8]);
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
        assert!(chain.left_out.iter().all(|(_, reason)| *reason == LeftOut::TooDeep));
    }
}
