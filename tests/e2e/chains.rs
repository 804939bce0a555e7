//! Chains as real CAs make them: what is sent is enough for the trust anchor, in the judgement of the
//! emulator and of OpenSSL; no more than five, and no root while there is a path.

mod pki;

use std::fs;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use insta::assert_snapshot;
use roles_anywhere_emulator::{Emulator, TRUST_ANCHOR_ARN};

use crate::environment::{CommandOutput, Program, TestEnvironment, emulator};
use pki::{Ca, Certificate, Leaf, bmp, key_of, printable, utf8};

/// Who can judge a chain beside the emulator.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OpenSsl {
    Accepts,
    /// OpenSSL 3.0 takes key identifiers for a veto and a leaf with its issuer's name for a root, and
    /// has no ML-DSA.
    CannotTell,
}

struct Case<'a> {
    leaf: &'a Leaf,
    given: Vec<&'a Certificate>,
    anchor: &'a Certificate,
    openssl: OpenSsl,
}

impl<'a> Case<'a> {
    fn new(leaf: &'a Leaf, given: &[&'a Certificate], anchor: &'a Certificate) -> Self {
        Self { leaf, given: given.to_vec(), anchor, openssl: OpenSsl::Accepts }
    }

    fn beyond_openssl(self) -> Self {
        Self { openssl: OpenSsl::CannotTell, ..self }
    }

    fn run(&self, emulator: &Emulator) -> CommandOutput {
        let directory = emulator.directory();
        let given: String = self.given.iter().map(|certificate| certificate.pem()).collect();
        for (name, text) in [
            ("case.pem", self.leaf.certificate.pem()),
            ("case.key.pem", self.leaf.key.serialize_pem()),
            ("case.chain.pem", given),
            ("case.anchor.pem", self.anchor.pem()),
        ] {
            fs::write(directory.join(name), text).unwrap();
        }
        emulator.replace_trust_anchor(TRUST_ANCHOR_ARN, &self.anchor.pem());
        let tool = Program::new(emulator).identity("case");
        let tool = match self.given[..] {
            [] => tool.unset("ROLES_ANYWHERE_INTERMEDIATES"),
            _ => tool.set("ROLES_ANYWHERE_INTERMEDIATES", directory.join("case.chain.pem")),
        };
        tool.run(&["credential-process"])
    }

    /// Sends the chain; expects that it is accepted, and returns what was sent.
    fn sent(&self, what: &str) -> Vec<Vec<u8>> {
        let emulator = emulator();
        let outcome = self.run(&emulator);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{what}: {outcome}");
        let sent = sent(&emulator);
        assert!(sent.len() <= 5, "{what}");
        if self.openssl == OpenSsl::Accepts {
            assert!(openssl_accepts(&emulator, &sent), "{what}");
        }
        sent
    }

    /// As [`Case::sent`], with what has to be sent, in this order.
    fn sends(&self, what: &str, expected: &[&Certificate]) {
        let names = |ders: &[Vec<u8>]| -> Vec<Option<usize>> {
            let at = |der: &Vec<u8>| self.given.iter().position(|given| given.der()[..] == der[..]);
            ders.iter().map(at).collect()
        };
        let sent = self.sent(what);
        let expected: Vec<Vec<u8>> = expected.iter().map(|own| own.der().to_vec()).collect();
        assert_eq!(names(&sent), names(&expected), "{what}");
    }
}

/// Returns the certificates of the chain header of the last request.
fn sent(emulator: &Emulator) -> Vec<Vec<u8>> {
    let log = emulator.requests();
    let chain = log.last().unwrap()["headers"]["x-amz-x509-chain"].as_str().map(str::to_owned);
    let chain = chain.iter().flat_map(|chain| chain.split(','));
    chain.map(|certificate| STANDARD.decode(certificate).unwrap()).collect()
}

/// Whether OpenSSL finds a path by what was sent, or by a part of it: of two issuers of one name it
/// tries one.
fn openssl_accepts(emulator: &Emulator, sent: &[Vec<u8>]) -> bool {
    (0..1_u32 << sent.len()).rev().any(|set| {
        let part = (0..sent.len()).filter(|at| set & (1 << at) != 0);
        let blocks = part.map(|at| pem::encode(&pem::Pem::new("CERTIFICATE", sent[at].clone())));
        let directory = emulator.directory();
        fs::write(directory.join("case.sent.pem"), blocks.collect::<String>()).unwrap();
        let mut command = Command::new("openssl");
        command.current_dir(directory).args(["verify", "-partial_chain", "-no-CApath"]);
        command.args(["-no-CAstore", "-CAfile", "case.anchor.pem"]);
        if set != 0 {
            command.args(["-untrusted", "case.sent.pem"]);
        }
        command.arg("case.pem").output().unwrap().status.success()
    })
}

#[test]
fn the_usual_chain() {
    let (root, issuing) = (Ca::new(utf8("Root")), Ca::new(utf8("Issuing")));
    let (anchor, between) = (root.self_signed(), issuing.signed_by(&root));
    let leaf = Leaf::of(&issuing);
    Case::new(&leaf, &[&between], &anchor).sends("the intermediate", &[&between]);
    Case::new(&leaf, &[&anchor, &between], &anchor).sends("root first", &[&between]);
    Case::new(&leaf, &[&between, &leaf.certificate], &anchor).sends("leaf too", &[&between]);
    Case::new(&leaf, &[&between, &between], &anchor).sends("twice", &[&between]);
    Case::new(&leaf, &[&between, &anchor], &between).sends("anchored below", &[&between]);
    let direct = Leaf::of(&root);
    Case::new(&direct, &[&anchor], &anchor).sends("of the root itself", &[]);
    Case::new(&direct, &[], &anchor).sends("alone", &[]);
}

#[test]
fn names_that_are_written_in_several_ways() {
    let root = Ca::new(utf8("Root"));
    let anchor = root.self_signed();
    for (what, subject, in_leaf) in [
        ("PrintableString in the leaf", utf8("Issuing CA"), printable("Issuing CA")),
        ("UTF8String in the leaf", printable("Issuing CA"), utf8("Issuing CA")),
        ("BMPString in the leaf", utf8("Issuing CA"), bmp("Issuing CA")),
        ("another letter case", utf8("Issuing CA"), utf8("ISSUING ca")),
        ("another spacing", utf8("Issuing CA"), utf8(" Issuing  CA ")),
    ] {
        let issuing = Ca::new(subject);
        let between = issuing.signed_by(&root);
        let leaf = Leaf::of(&issuing.called(in_leaf));
        Case::new(&leaf, &[&between], &anchor).sends(what, &[&between]);
    }
    // The same of the root, which the intermediate names otherwise than itself.
    let issuing = Ca::new(utf8("Issuing"));
    let between = issuing.signed_by(&root.called(printable("ROOT")));
    let leaf = Leaf::of(&issuing);
    Case::new(&leaf, &[&anchor, &between], &anchor).sends("the root's", &[&between]);
}

#[test]
fn key_identifiers_that_do_not_agree() {
    let (root, issuing) = (Ca::new(utf8("Root")), Ca::new(utf8("Issuing")));
    let anchor = root.self_signed();
    let between = issuing.with_key_id(&[7; 20]).signed_by(&root);
    let leaf = Leaf::of(&issuing);
    Case::new(&leaf, &[&between], &anchor).beyond_openssl().sends("of other kinds", &[&between]);
    let between = issuing.without_key_id().signed_by(&root);
    Case::new(&leaf, &[&between], &anchor).sends("none in the CA", &[&between]);
    let between = issuing.signed_by(&root);
    let leaf = Leaf::without_key_id(&issuing);
    Case::new(&leaf, &[&between], &anchor).sends("none in the leaf", &[&between]);
    let leaf = Leaf::with_issuer_and_serial(&issuing);
    Case::new(&leaf, &[&between], &anchor).beyond_openssl().sends("issuer and serial", &[&between]);
    // Another CA of the name has the key identifier; the CA itself has not.
    let other = Ca::new(utf8("Issuing")).with_key_id(&issuing.key_id()).signed_by(&root);
    let between = issuing.with_key_id(&[7; 20]).signed_by(&root);
    let leaf = Leaf::of(&issuing);
    for given in [[&other, &between], [&between, &other]] {
        Case::new(&leaf, &given, &anchor).beyond_openssl().sends("borrowed", &[&between]);
    }
}

#[test]
fn several_cas_of_one_name() {
    for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P521_SHA512] {
        let root = Ca::new(utf8("Root"));
        let old = Ca::of_key(utf8("Issuing"), key_of(algorithm)).without_key_id();
        let new = Ca::of_key(utf8("Issuing"), key_of(algorithm)).without_key_id();
        let (anchor, olds, news) = (root.self_signed(), old.signed_by(&root), new.signed_by(&root));
        for (ca, own) in [(&old, &olds), (&new, &news)] {
            let leaf = Leaf::without_key_id(ca);
            for given in [[&olds, &news], [&news, &olds]] {
                Case::new(&leaf, &given, &anchor).sends("the one that signed", &[own]);
            }
        }
    }
}

#[test]
fn cross_signed_cas_are_all_sent() {
    let [one, two, issuing] = ["Root 1", "Root 2", "Issuing"].map(|name| Ca::new(utf8(name)));
    let (root1, root2) = (one.self_signed(), two.self_signed());
    let (by1, by2) = (issuing.signed_by(&one), issuing.signed_by(&two));
    let leaf = Leaf::of(&issuing);
    for anchor in [&root1, &root2] {
        Case::new(&leaf, &[&by1, &by2], anchor).sends("both", &[&by1, &by2]);
        Case::new(&leaf, &[&root1, &by2, &root2, &by1], anchor).sends("both", &[&by2, &by1]);
    }
    // A root that another one certifies is sent in that form, and not in its own.
    let cross = two.signed_by(&one);
    Case::new(&leaf, &[&by2, &root2, &cross], &root1).sends("a cross root", &[&by2, &cross]);
}

#[test]
fn cas_that_certify_each_other() {
    let [one, two, a, b] = ["Root 1", "Root 2", "A", "B"].map(|name| Ca::new(utf8(name)));
    let (root1, root2) = (one.self_signed(), two.self_signed());
    let (a1, ab) = (a.signed_by(&one), a.signed_by(&b));
    let (b2, ba) = (b.signed_by(&two), b.signed_by(&a));
    let leaf = Leaf::of(&a);
    for anchor in [&root1, &root2] {
        let case = Case::new(&leaf, &[&ba, &b2, &ab, &a1, &root1, &root2], anchor);
        case.sends("no loop", &[&ab, &a1, &b2]);
    }
}

#[test]
fn a_root_with_a_new_key() {
    let (old, issuing) = (Ca::new(utf8("Root")), Ca::new(utf8("Issuing")));
    let new = Ca::new(utf8("Root"));
    let (old_root, new_root) = (old.self_signed(), new.self_signed());
    let (new_with_old, old_with_new) = (new.signed_by(&old), old.signed_by(&new));
    let by_new = issuing.signed_by(&new);
    let given = [&by_new, &new_root, &new_with_old, &old_with_new, &old_root];
    let leaf = Leaf::of(&issuing);
    for anchor in [&old_root, &new_root] {
        let what = "the issuer has the new key";
        Case::new(&leaf, &given, anchor).sends(what, &[&by_new, &new_with_old]);
    }
    let by_old = issuing.signed_by(&old);
    let given = [&old_root, &old_with_new, &new_with_old, &new_root, &by_old];
    for anchor in [&old_root, &new_root] {
        let what = "the issuer has the old key";
        Case::new(&leaf, &given, anchor).sends(what, &[&by_old, &old_with_new]);
    }
}

#[test]
fn a_leaf_with_the_name_of_its_ca() {
    let (root, issuing) = (Ca::new(utf8("Root")), Ca::new(utf8("Issuing")));
    let (anchor, between) = (root.self_signed(), issuing.signed_by(&root));
    let leaf = Leaf::named(utf8("Issuing"), &issuing);
    Case::new(&leaf, &[&between], &anchor).beyond_openssl().sends("one", &[&between]);
    let previous = Leaf::named(utf8("Issuing"), &issuing);
    let given = [&previous.certificate, &between, &anchor];
    Case::new(&leaf, &given, &anchor).beyond_openssl().sends("with the previous", &[&between]);
    let leaf = Leaf::named(utf8("Root"), &root);
    Case::new(&leaf, &[&anchor], &anchor).beyond_openssl().sends("of the root", &[]);
}

#[test]
fn the_shortest_path_comes_first() {
    let root = Ca::new(utf8("Root"));
    let anchor = root.self_signed();
    let cas: Vec<Ca> = (1..=5).map(|n| Ca::new(utf8(&format!("CA {n}")))).collect();
    let issuer_of = |n: usize| cas.get(n + 1).unwrap_or(&root);
    let chain: Vec<Certificate> =
        cas.iter().enumerate().map(|(n, ca)| ca.signed_by(issuer_of(n))).collect();
    let leaf = Leaf::of(&cas[0]);
    let order: Vec<&Certificate> = chain.iter().collect();
    let reversed: Vec<&Certificate> = chain.iter().rev().chain([&anchor]).collect();
    Case::new(&leaf, &reversed, &anchor).sends("five of a path", &order);
    // A short cut from the third to the root: all of the short path is sent, then the long one.
    let cut = cas[2].signed_by(&root);
    let given: Vec<&Certificate> = chain.iter().chain([&cut]).collect();
    let sent = [&chain[0], &chain[1], &chain[2], &cut, &chain[3]];
    Case::new(&leaf, &given, &anchor).sends("a short cut", &sent);
}

#[test]
fn the_issuer_is_found_among_strangers() {
    let (root, issuing) = (Ca::new(utf8("Root")), Ca::new(utf8("Issuing")));
    let (anchor, between) = (root.self_signed(), issuing.signed_by(&root));
    let stranger = Ca::new(utf8("Stranger"));
    let strangers: Vec<Certificate> =
        (0..120).map(|n| stranger.called(utf8(&format!("Stranger {n}"))).self_signed()).collect();
    let given: Vec<&Certificate> = strangers.iter().chain([&between]).collect();
    Case::new(&Leaf::of(&issuing), &given, &anchor).sends("the last of many", &[&between]);
}

#[test]
fn the_renewed_certificate_of_a_ca_is_sent() {
    let (root, issuing) = (Ca::new(utf8("Root")), Ca::new(utf8("Issuing")));
    let anchor = root.self_signed();
    let (expired, valid) = (issuing.expired().signed_by(&root), issuing.signed_by(&root));
    let leaf = Leaf::of(&issuing);
    for given in [[&expired, &valid], [&valid, &expired]] {
        Case::new(&leaf, &given, &anchor).sends("the valid one", &[&valid]);
    }
}

#[test]
fn everything_is_sent_if_the_issuer_was_not_given() {
    let (root, issuing) = (Ca::new(utf8("Root")), Ca::new(utf8("Issuing")));
    let between = issuing.signed_by(&root);
    let others: Vec<Certificate> =
        (0..7).map(|n| Ca::new(utf8(&format!("Other {n}"))).self_signed()).collect();
    let leaf = Leaf::of(&issuing);
    let given: Vec<&Certificate> = others.iter().collect();
    Case::new(&leaf, &given[..3], &between).sends("roots too", &given[..3]);
    Case::new(&leaf, &given, &between).sends("five at most", &given[..5]);
    // Of the issuer's name, and with another key.
    let namesake = Ca::new(utf8("Issuing")).signed_by(&root);
    let anchor = root.self_signed();
    let given = [&namesake, &anchor];
    Case::new(&leaf, &given, &between).sends("a namesake", &given);
}

#[test]
fn ml_dsa_signs_a_whole_chain() {
    for algorithm in [&rcgen::PKCS_ML_DSA_44, &rcgen::PKCS_ML_DSA_65, &rcgen::PKCS_ML_DSA_87] {
        let root = Ca::of_key(utf8("Root"), key_of(algorithm));
        let issuing = Ca::of_key(utf8("Issuing"), key_of(algorithm)).without_key_id();
        let namesake = Ca::of_key(utf8("Issuing"), key_of(algorithm)).without_key_id();
        let (anchor, between) = (root.self_signed(), issuing.signed_by(&root));
        let other = namesake.signed_by(&root);
        let leaf = Leaf::of_key(&issuing, key_of(algorithm));
        let given = [&other, &anchor, &between];
        Case::new(&leaf, &given, &anchor).beyond_openssl().sends("the signer", &[&between]);
    }
}

#[test]
fn a_spiffe_ca_constrains_uris() {
    let root = Ca::new(utf8("Root"));
    let issuing = Ca::new(utf8("Issuing")).for_trust_domain("prod.example.org");
    let (anchor, between) = (root.self_signed(), issuing.signed_by(&root));
    let leaf = Leaf::with_uri(&issuing, "spiffe://prod.example.org/web");
    Case::new(&leaf, &[&between], &anchor).sends("within", &[&between]);
    let leaf = Leaf::with_uri(&issuing, "spiffe://test.example.org/web");
    let outcome = Case::new(&leaf, &[&between], &anchor).run(&emulator());
    assert!(outcome.stderr.contains("Untrusted signing certificate"), "{outcome}");
}

/// Returns what the user reads if the trust anchor does not accept the chain of a leaf, `Issuing` and
/// `Root`, of which these were given.
fn refused(
    given: impl Fn([&Certificate; 3]) -> Vec<&Certificate>,
) -> (TestEnvironment, CommandOutput) {
    let [root, issuing, stranger] = ["Root", "Issuing", "Stranger"].map(|name| Ca::new(utf8(name)));
    let (anchor, between) = (root.self_signed(), issuing.signed_by(&root));
    let unrelated = Ca::new(utf8("Unrelated")).signed_by(&root);
    let (leaf, elsewhere) = (Leaf::of(&issuing), stranger.self_signed());
    let env = TestEnvironment::new();
    let given = given([&anchor, &between, &unrelated]);
    let output = Case::new(&leaf, &given, &elsewhere).run(env.emulator());
    (env, output)
}

#[test]
fn a_refusal_lists_a_chain_to_another_root() {
    let (_env, output) = refused(|all| all.to_vec());
    assert_snapshot!(output, @"
    $ ROLES_ANYWHERE_CERTIFICATE=DIR/case.pem ROLES_ANYWHERE_PRIVATE_KEY=DIR/case.key.pem ROLES_ANYWHERE_INTERMEDIATES=DIR/case.chain.pem roles-anywhere credential-process
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 403 AccessDeniedException
      caused by: Untrusted signing certificate (request id UUID)
      hint: the certificate was sent with one intermediate, which leads to the issuer `O=Example, CN=Root`: that CA has to be the certificate of arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-4333-8444-555555555555, or the CAs up to that one have to be in `--intermediates`
      hint: sent with the certificate: `O=Example, CN=Issuing`; left out of what was given: `O=Example, CN=Root` (a root, which the trust anchor has to hold), `O=Example, CN=Unrelated` (on no path from the end-entity certificate)
    ");
}

#[test]
fn a_refusal_lists_a_chain_without_the_issuer() {
    let (_env, output) = refused(|[anchor, _, unrelated]| vec![anchor, unrelated]);
    assert_snapshot!(output, @"
    $ ROLES_ANYWHERE_CERTIFICATE=DIR/case.pem ROLES_ANYWHERE_PRIVATE_KEY=DIR/case.key.pem ROLES_ANYWHERE_INTERMEDIATES=DIR/case.chain.pem roles-anywhere credential-process
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 403 AccessDeniedException
      caused by: Untrusted signing certificate (request id UUID)
      hint: the certificate's issuer `O=Example, CN=Issuing` is not among the certificates that were given: that CA has to be the certificate of arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-4333-8444-555555555555, or its certificate and the CAs up to that one have to be in `--intermediates`
      hint: sent with the certificate: `O=Example, CN=Root`, `O=Example, CN=Unrelated`
    ");
}

#[test]
fn a_refusal_lists_a_chain_of_one() {
    let (_env, output) = refused(|_| Vec::new());
    assert_snapshot!(output, @"
    $ env -u ROLES_ANYWHERE_INTERMEDIATES ROLES_ANYWHERE_CERTIFICATE=DIR/case.pem ROLES_ANYWHERE_PRIVATE_KEY=DIR/case.key.pem roles-anywhere credential-process
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 403 AccessDeniedException
      caused by: Untrusted signing certificate (request id UUID)
      hint: the certificate was sent alone, which leads to the issuer `O=Example, CN=Issuing`: that CA has to be the certificate of arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-4333-8444-555555555555, or the CAs up to that one have to be in `--intermediates`
    ");
}
