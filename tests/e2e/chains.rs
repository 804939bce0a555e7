//! Chains as real CAs make them: what is sent leads to the trust anchor, as the emulator and OpenSSL
//! verify it; no more than five certificates, and no root if there is a path without it.

mod names;
mod paths;
mod pki;

use std::fs;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use insta::assert_snapshot;
use roles_anywhere_emulator::{Emulator, TRUST_ANCHOR_ARN};

use crate::environment::{CommandOutput, Program, TestEnvironment, emulator};
use pki::{Ca, Certificate, Leaf, key_of, utf8};
use rcgen::{PKCS_ML_DSA_44, PKCS_ML_DSA_65, PKCS_ML_DSA_87, SignatureAlgorithm};

/// What OpenSSL says of a chain, beside the emulator.
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
    #[track_caller]
    fn sent(&self) -> Vec<Vec<u8>> {
        let emulator = emulator();
        let outcome = self.run(&emulator);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome}");
        let sent = sent(&emulator);
        assert!(sent.len() <= 5);
        if self.openssl == OpenSsl::Accepts {
            assert!(openssl_accepts(&emulator, &sent));
        }
        sent
    }

    /// As [`Case::sent`], with what has to be sent, in this order.
    #[track_caller]
    fn sends(&self, expected: &[&Certificate]) {
        let names = |ders: &[Vec<u8>]| -> Vec<Option<usize>> {
            let at = |der: &Vec<u8>| self.given.iter().position(|given| given.der()[..] == der[..]);
            ders.iter().map(at).collect()
        };
        let sent = self.sent();
        let expected: Vec<Vec<u8>> = expected.iter().map(|own| own.der().to_vec()).collect();
        assert_eq!(names(&sent), names(&expected));
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

/// A root, an issuing CA below it, and a leaf of that.
struct Usual {
    root: Ca,
    issuing: Ca,
    anchor: Certificate,
    between: Certificate,
    leaf: Leaf,
}

impl Usual {
    fn new() -> Self {
        let (root, issuing) = (Ca::new(utf8("Root")), Ca::new(utf8("Issuing")));
        let (anchor, between) = (root.self_signed(), issuing.signed_by(&root));
        let leaf = Leaf::of(&issuing);
        Self { root, issuing, anchor, between, leaf }
    }
}

#[test]
fn sends_the_intermediate() {
    let Usual { anchor, between, leaf, .. } = Usual::new();
    Case::new(&leaf, &[&between], &anchor).sends(&[&between]);
}

#[test]
fn leaves_the_root_out() {
    let Usual { anchor, between, leaf, .. } = Usual::new();
    Case::new(&leaf, &[&anchor, &between], &anchor).sends(&[&between]);
}

#[test]
fn leaves_the_leaf_out() {
    let Usual { anchor, between, leaf, .. } = Usual::new();
    Case::new(&leaf, &[&between, &leaf.certificate], &anchor).sends(&[&between]);
}

#[test]
fn sends_nothing_twice() {
    let Usual { anchor, between, leaf, .. } = Usual::new();
    Case::new(&leaf, &[&between, &between], &anchor).sends(&[&between]);
}

#[test]
fn sends_the_anchor_if_it_is_an_intermediate() {
    let Usual { anchor, between, leaf, .. } = Usual::new();
    Case::new(&leaf, &[&between, &anchor], &between).sends(&[&between]);
}

#[test]
fn leaves_the_root_out_though_it_is_the_issuer() {
    let Usual { root, anchor, .. } = Usual::new();
    Case::new(&Leaf::of(&root), &[&anchor], &anchor).sends(&[]);
}

#[test]
fn sends_no_chain_if_none_was_given() {
    let Usual { root, anchor, .. } = Usual::new();
    Case::new(&Leaf::of(&root), &[], &anchor).sends(&[]);
}

#[test]
fn finds_the_issuer_among_strangers() {
    let Usual { anchor, between, leaf, .. } = Usual::new();
    let stranger = Ca::new(utf8("Stranger"));
    let strangers: Vec<Certificate> =
        (0..120).map(|n| stranger.called(utf8(&format!("Stranger {n}"))).self_signed()).collect();
    let given: Vec<&Certificate> = strangers.iter().chain([&between]).collect();
    Case::new(&leaf, &given, &anchor).sends(&[&between]);
}

#[test]
fn sends_the_renewed_certificate_of_a_ca_given_last() {
    let Usual { root, issuing, anchor, leaf, .. } = Usual::new();
    let (expired, valid) = (issuing.expired().signed_by(&root), issuing.signed_by(&root));
    Case::new(&leaf, &[&expired, &valid], &anchor).sends(&[&valid]);
}

#[test]
fn sends_the_renewed_certificate_of_a_ca_given_first() {
    let Usual { root, issuing, anchor, leaf, .. } = Usual::new();
    let (expired, valid) = (issuing.expired().signed_by(&root), issuing.signed_by(&root));
    Case::new(&leaf, &[&valid, &expired], &anchor).sends(&[&valid]);
}

/// Checks that the first so many of these CAs are sent, none of which is the issuer.
#[track_caller]
fn sends_others(given: usize, sent: usize) {
    let Usual { between, leaf, .. } = Usual::new();
    let others: Vec<Certificate> =
        (0..given).map(|n| Ca::new(utf8(&format!("Other {n}"))).self_signed()).collect();
    let given: Vec<&Certificate> = others.iter().collect();
    Case::new(&leaf, &given, &between).sends(&given[..sent]);
}

#[test]
fn sends_everything_without_the_issuer_roots_too() {
    sends_others(3, 3);
}

#[test]
fn sends_five_at_most_without_the_issuer() {
    sends_others(7, 5);
}

#[test]
fn sends_everything_with_a_namesake_of_the_issuer() {
    // Of the issuer's name, and with another key.
    let Usual { root, anchor, between, leaf, .. } = Usual::new();
    let namesake = Ca::new(utf8("Issuing")).signed_by(&root);
    let given = [&namesake, &anchor];
    Case::new(&leaf, &given, &between).sends(&given);
}

#[track_caller]
fn ml_dsa_signs_a_whole_chain(algorithm: &'static SignatureAlgorithm) {
    let root = Ca::of_key(utf8("Root"), key_of(algorithm));
    let issuing = Ca::of_key(utf8("Issuing"), key_of(algorithm)).without_key_id();
    let namesake = Ca::of_key(utf8("Issuing"), key_of(algorithm)).without_key_id();
    let (anchor, between) = (root.self_signed(), issuing.signed_by(&root));
    let other = namesake.signed_by(&root);
    let leaf = Leaf::of_key(&issuing, key_of(algorithm));
    let given = [&other, &anchor, &between];
    Case::new(&leaf, &given, &anchor).beyond_openssl().sends(&[&between]);
}

#[test]
fn ml_dsa_44_signs_a_whole_chain() {
    ml_dsa_signs_a_whole_chain(&PKCS_ML_DSA_44);
}

#[test]
fn ml_dsa_65_signs_a_whole_chain() {
    ml_dsa_signs_a_whole_chain(&PKCS_ML_DSA_65);
}

#[test]
fn ml_dsa_87_signs_a_whole_chain() {
    ml_dsa_signs_a_whole_chain(&PKCS_ML_DSA_87);
}

/// Returns the root, a CA for the URIs of one SPIFFE trust domain, and a leaf with a URI.
fn spiffe(uri: &str) -> (Certificate, Certificate, Leaf) {
    let root = Ca::new(utf8("Root"));
    let issuing = Ca::new(utf8("Issuing")).for_trust_domain("prod.example.org");
    let leaf = Leaf::with_uri(&issuing, uri);
    (root.self_signed(), issuing.signed_by(&root), leaf)
}

#[test]
fn a_spiffe_ca_may_sign_for_its_trust_domain() {
    let (anchor, between, leaf) = spiffe("spiffe://prod.example.org/web");
    Case::new(&leaf, &[&between], &anchor).sends(&[&between]);
}

#[test]
fn a_spiffe_ca_may_not_sign_for_another_trust_domain() {
    let (anchor, between, leaf) = spiffe("spiffe://test.example.org/web");
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
      hint: the certificate was sent with one intermediate, and the chain ends at the issuer `O=Example, CN=Root`: that CA must be the certificate of arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-4333-8444-555555555555; if not, pass the CAs up to the trust anchor with `--intermediates`
      hint: certificates sent with it: `O=Example, CN=Issuing`; given but not sent: `O=Example, CN=Root` (a root certificate, which belongs in the trust anchor), `O=Example, CN=Unrelated` (not on a path from the end-entity certificate)
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
      hint: the certificate's issuer `O=Example, CN=Issuing` is not among the given certificates: that CA must be the certificate of arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-4333-8444-555555555555; if it is not, pass its certificate and the CAs up to the trust anchor with `--intermediates`
      hint: certificates sent with it: `O=Example, CN=Root`, `O=Example, CN=Unrelated`
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
      hint: the certificate was sent without intermediates, and the chain ends at the issuer `O=Example, CN=Issuing`: that CA must be the certificate of arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-4333-8444-555555555555; if not, pass the CAs up to the trust anchor with `--intermediates`
    ");
}
