//! CAs that were signed by several others: all paths, the shortest one first.

use super::pki::{Ca, Certificate, Leaf, utf8};
use super::{Case, Usual};

/// Two roots, and an issuing CA that both have signed.
struct CrossSigned {
    roots: [Ca; 2],
    anchors: [Certificate; 2],
    by: [Certificate; 2],
    leaf: Leaf,
}

impl CrossSigned {
    fn new() -> Self {
        let roots = ["Root 1", "Root 2"].map(|name| Ca::new(utf8(name)));
        let issuing = Ca::new(utf8("Issuing"));
        let anchors = roots.each_ref().map(Ca::self_signed);
        let by = roots.each_ref().map(|root| issuing.signed_by(root));
        Self { roots, anchors, by, leaf: Leaf::of(&issuing) }
    }
}

#[test]
fn sends_both_cross_signed_cas_to_the_first_root() {
    let CrossSigned { anchors, by: [by1, by2], leaf, .. } = CrossSigned::new();
    Case::new(&leaf, &[&by1, &by2], &anchors[0]).sends(&[&by1, &by2]);
}

#[test]
fn sends_both_cross_signed_cas_among_roots_to_the_first_root() {
    let CrossSigned { anchors, by: [by1, by2], leaf, .. } = CrossSigned::new();
    let given = [&anchors[0], &by2, &anchors[1], &by1];
    Case::new(&leaf, &given, &anchors[0]).sends(&[&by2, &by1]);
}

#[test]
fn sends_both_cross_signed_cas_to_the_second_root() {
    let CrossSigned { anchors, by: [by1, by2], leaf, .. } = CrossSigned::new();
    Case::new(&leaf, &[&by1, &by2], &anchors[1]).sends(&[&by1, &by2]);
}

#[test]
fn sends_both_cross_signed_cas_among_roots_to_the_second_root() {
    let CrossSigned { anchors, by: [by1, by2], leaf, .. } = CrossSigned::new();
    let given = [&anchors[0], &by2, &anchors[1], &by1];
    Case::new(&leaf, &given, &anchors[1]).sends(&[&by2, &by1]);
}

#[test]
fn sends_a_root_as_another_one_certifies_it() {
    let CrossSigned { roots: [one, two], anchors: [root1, root2], by: [_, by2], leaf } =
        CrossSigned::new();
    let cross = two.signed_by(&one);
    Case::new(&leaf, &[&by2, &root2, &cross], &root1).sends(&[&by2, &cross]);
}

/// Checks the chain of CAs that certify each other, below one of two roots.
#[track_caller]
fn follows_no_loop(anchored_at: usize) {
    let [one, two, a, b] = ["Root 1", "Root 2", "A", "B"].map(|name| Ca::new(utf8(name)));
    let roots = [one.self_signed(), two.self_signed()];
    let (a1, ab) = (a.signed_by(&one), a.signed_by(&b));
    let (b2, ba) = (b.signed_by(&two), b.signed_by(&a));
    let given = [&ba, &b2, &ab, &a1, &roots[0], &roots[1]];
    Case::new(&Leaf::of(&a), &given, &roots[anchored_at]).sends(&[&ab, &a1, &b2]);
}

#[test]
fn follows_no_loop_to_the_first_root() {
    follows_no_loop(0);
}

#[test]
fn follows_no_loop_to_the_second_root() {
    follows_no_loop(1);
}

/// A root with an old and a new key, each of which certifies the other.
struct Rollover {
    old: Ca,
    new: Ca,
    roots: [Certificate; 2],
    new_with_old: Certificate,
    old_with_new: Certificate,
    issuing: Ca,
    leaf: Leaf,
}

impl Rollover {
    fn new() -> Self {
        let [old, new] = ["Root", "Root"].map(|name| Ca::new(utf8(name)));
        let issuing = Ca::new(utf8("Issuing"));
        Self {
            roots: [old.self_signed(), new.self_signed()],
            new_with_old: new.signed_by(&old),
            old_with_new: old.signed_by(&new),
            leaf: Leaf::of(&issuing),
            old,
            new,
            issuing,
        }
    }

    /// Checks the chain below the new key, up to the root with the old key or with the new one.
    #[track_caller]
    fn sends_below_new(&self, anchored_at: usize) {
        let [old_root, new_root] = &self.roots;
        let between = self.issuing.signed_by(&self.new);
        let given = [&between, new_root, &self.new_with_old, &self.old_with_new, old_root];
        let case = Case::new(&self.leaf, &given, &self.roots[anchored_at]);
        case.sends(&[&between, &self.new_with_old]);
    }

    /// As [`Rollover::sends_below_new`], below the old key.
    #[track_caller]
    fn sends_below_old(&self, anchored_at: usize) {
        let [old_root, new_root] = &self.roots;
        let between = self.issuing.signed_by(&self.old);
        let given = [old_root, &self.old_with_new, &self.new_with_old, new_root, &between];
        let case = Case::new(&self.leaf, &given, &self.roots[anchored_at]);
        case.sends(&[&between, &self.old_with_new]);
    }
}

#[test]
fn below_the_new_key_of_a_root_anchored_at_the_old_one() {
    Rollover::new().sends_below_new(0);
}

#[test]
fn below_the_new_key_of_a_root_anchored_at_the_new_one() {
    Rollover::new().sends_below_new(1);
}

#[test]
fn below_the_old_key_of_a_root_anchored_at_the_old_one() {
    Rollover::new().sends_below_old(0);
}

#[test]
fn below_the_old_key_of_a_root_anchored_at_the_new_one() {
    Rollover::new().sends_below_old(1);
}

#[test]
fn a_leaf_may_have_the_name_of_its_ca() {
    let Usual { issuing, anchor, between, .. } = Usual::new();
    let leaf = Leaf::named(utf8("Issuing"), &issuing);
    Case::new(&leaf, &[&between], &anchor).beyond_openssl().sends(&[&between]);
}

#[test]
fn the_previous_leaf_of_the_name_of_its_ca_is_left_out() {
    let Usual { issuing, anchor, between, .. } = Usual::new();
    let [leaf, previous] = [(); 2].map(|()| Leaf::named(utf8("Issuing"), &issuing));
    let given = [&previous.certificate, &between, &anchor];
    Case::new(&leaf, &given, &anchor).beyond_openssl().sends(&[&between]);
}

#[test]
fn a_leaf_may_have_the_name_of_its_root() {
    let Usual { root, anchor, .. } = Usual::new();
    let leaf = Leaf::named(utf8("Root"), &root);
    Case::new(&leaf, &[&anchor], &anchor).beyond_openssl().sends(&[]);
}

/// A root, five CAs below each other, the first of which has issued the leaf.
struct FiveCas {
    root: Ca,
    anchor: Certificate,
    cas: Vec<Ca>,
    chain: Vec<Certificate>,
    leaf: Leaf,
}

impl FiveCas {
    fn new() -> Self {
        let root = Ca::new(utf8("Root"));
        let cas: Vec<Ca> = (1..=5).map(|n| Ca::new(utf8(&format!("CA {n}")))).collect();
        let issuer_of = |n: usize| cas.get(n + 1).unwrap_or(&root);
        let chain = cas.iter().enumerate().map(|(n, ca)| ca.signed_by(issuer_of(n))).collect();
        Self { anchor: root.self_signed(), leaf: Leaf::of(&cas[0]), root, cas, chain }
    }
}

#[test]
fn sends_five_cas_in_the_order_of_the_path() {
    let FiveCas { anchor, chain, leaf, .. } = FiveCas::new();
    let order: Vec<&Certificate> = chain.iter().collect();
    let reversed: Vec<&Certificate> = chain.iter().rev().chain([&anchor]).collect();
    Case::new(&leaf, &reversed, &anchor).sends(&order);
}

#[test]
fn sends_the_shortest_path_first() {
    // A short cut from the third to the root: all of the short path is sent, then the long one.
    let FiveCas { root, anchor, cas, chain, leaf } = FiveCas::new();
    let cut = cas[2].signed_by(&root);
    let given: Vec<&Certificate> = chain.iter().chain([&cut]).collect();
    let sent = [&chain[0], &chain[1], &chain[2], &cut, &chain[3]];
    Case::new(&leaf, &given, &anchor).sends(&sent);
}
