//! Names and key identifiers by which an issuer is found, and which may mislead.

use rcgen::{DnValue, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P521_SHA512, SignatureAlgorithm};

use super::pki::{Ca, Certificate, Leaf, bmp, key_of, printable, utf8};
use super::{Case, Usual};

/// Checks that the intermediate is found though the leaf writes its name in another way.
#[track_caller]
fn matches_names(subject: DnValue, in_leaf: DnValue) {
    let (root, issuing) = (Ca::new(utf8("Root")), Ca::new(subject));
    let (anchor, between) = (root.self_signed(), issuing.signed_by(&root));
    let leaf = Leaf::of(&issuing.called(in_leaf));
    Case::new(&leaf, &[&between], &anchor).sends(&[&between]);
}

#[test]
fn matches_names_with_printable_string_in_the_leaf() {
    matches_names(utf8("Issuing CA"), printable("Issuing CA"));
}

#[test]
fn matches_names_with_utf8_string_in_the_leaf() {
    matches_names(printable("Issuing CA"), utf8("Issuing CA"));
}

#[test]
fn matches_names_with_bmp_string_in_the_leaf() {
    matches_names(utf8("Issuing CA"), bmp("Issuing CA"));
}

#[test]
fn matches_names_with_another_letter_case() {
    matches_names(utf8("Issuing CA"), utf8("ISSUING ca"));
}

#[test]
fn matches_names_with_another_spacing() {
    matches_names(utf8("Issuing CA"), utf8(" Issuing  CA "));
}

#[test]
fn matches_the_name_of_the_root_in_another_writing() {
    let Usual { root, issuing, anchor, leaf, .. } = Usual::new();
    let between = issuing.signed_by(&root.called(printable("ROOT")));
    Case::new(&leaf, &[&anchor, &between], &anchor).sends(&[&between]);
}

#[test]
fn key_identifiers_may_be_of_different_kinds() {
    let Usual { root, issuing, anchor, leaf, .. } = Usual::new();
    let between = issuing.with_key_id(&[7; 20]).signed_by(&root);
    Case::new(&leaf, &[&between], &anchor).beyond_openssl().sends(&[&between]);
}

#[test]
fn key_identifiers_may_lack_in_the_ca() {
    let Usual { root, issuing, anchor, leaf, .. } = Usual::new();
    let between = issuing.without_key_id().signed_by(&root);
    Case::new(&leaf, &[&between], &anchor).sends(&[&between]);
}

#[test]
fn key_identifiers_may_lack_in_the_leaf() {
    let Usual { issuing, anchor, between, .. } = Usual::new();
    let leaf = Leaf::without_key_id(&issuing);
    Case::new(&leaf, &[&between], &anchor).sends(&[&between]);
}

#[test]
fn a_leaf_may_name_issuer_and_serial() {
    let Usual { issuing, anchor, between, .. } = Usual::new();
    let leaf = Leaf::with_issuer_and_serial(&issuing);
    Case::new(&leaf, &[&between], &anchor).beyond_openssl().sends(&[&between]);
}

/// Checks that the CA that signed is sent, and not one of its name that has its key identifier.
#[track_caller]
fn is_not_misled_by_a_key_identifier(order: fn([&Certificate; 2]) -> [&Certificate; 2]) {
    let Usual { root, issuing, anchor, leaf, .. } = Usual::new();
    let other = Ca::new(utf8("Issuing")).with_key_id(&issuing.key_id()).signed_by(&root);
    let between = issuing.with_key_id(&[7; 20]).signed_by(&root);
    let given = order([&other, &between]);
    Case::new(&leaf, &given, &anchor).beyond_openssl().sends(&[&between]);
}

#[test]
fn is_not_misled_by_the_key_identifier_of_the_first() {
    is_not_misled_by_a_key_identifier(|given| given);
}

#[test]
fn is_not_misled_by_the_key_identifier_of_the_second() {
    is_not_misled_by_a_key_identifier(|[other, own]| [own, other]);
}

/// Checks that of two CAs of one name the one is sent that signed: the old or the new one, given first
/// or last.
#[track_caller]
fn sends_the_signer(algorithm: &'static SignatureAlgorithm, is_new: bool, is_new_first: bool) {
    let root = Ca::new(utf8("Root"));
    let old = Ca::of_key(utf8("Issuing"), key_of(algorithm)).without_key_id();
    let new = Ca::of_key(utf8("Issuing"), key_of(algorithm)).without_key_id();
    let (anchor, olds, news) = (root.self_signed(), old.signed_by(&root), new.signed_by(&root));
    let (ca, own) = if is_new { (&new, &news) } else { (&old, &olds) };
    let given = if is_new_first { [&news, &olds] } else { [&olds, &news] };
    Case::new(&Leaf::without_key_id(ca), &given, &anchor).sends(&[own]);
}

#[test]
fn of_two_p256_cas_of_one_name_sends_the_old_one_given_first() {
    sends_the_signer(&PKCS_ECDSA_P256_SHA256, false, false);
}

#[test]
fn of_two_p256_cas_of_one_name_sends_the_old_one_given_last() {
    sends_the_signer(&PKCS_ECDSA_P256_SHA256, false, true);
}

#[test]
fn of_two_p256_cas_of_one_name_sends_the_new_one_given_last() {
    sends_the_signer(&PKCS_ECDSA_P256_SHA256, true, false);
}

#[test]
fn of_two_p256_cas_of_one_name_sends_the_new_one_given_first() {
    sends_the_signer(&PKCS_ECDSA_P256_SHA256, true, true);
}

#[test]
fn of_two_p521_cas_of_one_name_sends_the_old_one_given_first() {
    sends_the_signer(&PKCS_ECDSA_P521_SHA512, false, false);
}

#[test]
fn of_two_p521_cas_of_one_name_sends_the_old_one_given_last() {
    sends_the_signer(&PKCS_ECDSA_P521_SHA512, false, true);
}

#[test]
fn of_two_p521_cas_of_one_name_sends_the_new_one_given_last() {
    sends_the_signer(&PKCS_ECDSA_P521_SHA512, true, false);
}

#[test]
fn of_two_p521_cas_of_one_name_sends_the_new_one_given_first() {
    sends_the_signer(&PKCS_ECDSA_P521_SHA512, true, true);
}
