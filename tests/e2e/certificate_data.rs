//! `read-certificate-data`: what it foretells, against what the emulator makes of a session of the
//! same certificate. The emulator derives session name, source identity and tags on its own.

mod subjects;

use std::fs;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, KeyPair, SerialNumber};
use serde_json::{Map, Value};

use crate::environment::{TestEnvironment, committed};
use crate::identity_files::{IdentityFiles, Part};

/// Returns what the command prints.
#[track_caller]
fn printed(env: &TestEnvironment, certificate: &Path, more: &[&str]) -> String {
    let certificate = ["read-certificate-data", "--certificate", certificate.to_str().unwrap()];
    let output = env.run_args(&[&certificate, more].concat());
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output}");
    output.text()
}

/// Returns what the command shows of every certificate of a file.
#[track_caller]
fn views(env: &TestEnvironment, certificates: &Path) -> Vec<Value> {
    let text = printed(env, certificates, &["--output", "full"]);
    let mut document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document.as_object().unwrap().len(), 1);
    serde_json::from_value(document["certificates"].take()).unwrap()
}

/// Returns the lines for a reader, with one blank for several.
#[track_caller]
fn lines(env: &TestEnvironment, certificate: &Path) -> Vec<String> {
    let text = printed(env, certificate, &["--output", "text"]);
    text.lines().map(one_blank).collect()
}

fn one_blank(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Expects that the session of the identity is as the view of its certificate says; returns both.
#[track_caller]
fn foretells(files: &IdentityFiles) -> (Value, Value) {
    let mut views = views(&files.env, &files.path(Part::Certificate));
    let view = views.remove(0);
    assert!(views.is_empty());
    files.vends(&[]);
    let mut requests = files.env.emulator().requests();
    let mut request = requests.pop().unwrap();
    assert!(requests.is_empty() && request["verdict"] == "accepted", "{request}");
    let (told, session) = (&view["rolesAnywhere"], request["session"].take());
    assert_eq!(told["sessionName"], session["role_session_name"]);
    assert_eq!(told["sourceIdentity"], session["source_identity"]);
    let tags = told["sessionTags"].as_array().unwrap().iter();
    let tags: Map<String, Value> =
        tags.map(|tag| (tag["key"].as_str().unwrap().to_owned(), tag["value"].clone())).collect();
    assert_eq!(Value::Object(tags), session["tags"]);
    (view, session)
}

#[track_caller]
fn foretells_the_session_of_kind(kind: &str) {
    let files = IdentityFiles::new().of_emulator(kind);
    foretells(&files);
}

/// Makes a test of a function that takes the name of a file, for each of these.
macro_rules! each {
    ($function:ident: $($name:ident $file:literal)*) => { $(
        #[test]
        fn $name() {
            $function($file);
        }
    )* };
}

each! { foretells_the_session_of_kind:
    session_of_rsa2048_is_foretold "rsa2048"
    session_of_rsa3072_is_foretold "rsa3072"
    session_of_rsa4096_is_foretold "rsa4096"
    session_of_p256_is_foretold "p256"
    session_of_p384_is_foretold "p384"
    session_of_p521_is_foretold "p521"
    session_of_mldsa44_is_foretold "mldsa44"
    session_of_mldsa65_is_foretold "mldsa65"
    session_of_mldsa87_is_foretold "mldsa87"
}

/// The emulator makes none: that takes half a minute.
#[test]
fn session_of_rsa8192_is_foretold() {
    let files = IdentityFiles::new();
    fs::copy(committed("leaf/rsa8192.pem"), files.path(Part::Certificate)).unwrap();
    fs::copy(committed("leaf/rsa8192.key.pem"), files.path(Part::PrivateKey)).unwrap();
    foretells(&files);
}

#[track_caller]
fn foretells_a_refusal(name: &str) {
    let env = TestEnvironment::offline();
    let path = committed(&format!("broken/{name}.pem"));
    let views = views(&env, &path);
    let [view] = &views[..] else { unreachable!("one certificate") };
    let refusals = view["rolesAnywhere"]["refusals"].as_array().unwrap();
    let is_said = |member: &Value| member.as_str().is_some_and(|text| !text.is_empty());
    assert!(!refusals.is_empty(), "{view}");
    assert!(refusals.iter().all(|it| is_said(&it["code"]) && is_said(&it["reason"])), "{view}");
    let text = printed(&env, &path, &["--output", "text"]);
    assert!(text.contains("Roles Anywhere refuses the certificate"), "{text}");
}

each! { foretells_a_refusal:
    refusal_without_digital_signature_is_foretold "no-digital-signature"
    refusal_without_key_usage_is_foretold "no-key-usage"
    refusal_of_a_ca_is_foretold "ca"
    refusal_of_sha1_is_foretold "sha1"
    refusal_of_version_1_is_foretold "v1"
    refusal_without_a_subject_is_foretold "no-subject"
    refusal_of_an_expired_certificate_is_foretold "expired"
    refusal_of_a_not_yet_valid_certificate_is_foretold "not-yet-valid"
}

const BUNDLE: [&str; 3] = ["leaf/p256.pem", "anchor/intermediate.pem", "anchor/root.pem"];

fn bundle(env: &TestEnvironment, names: &[&str]) -> std::path::PathBuf {
    let texts = names.iter().map(|name| fs::read_to_string(committed(name)).unwrap());
    env.write("bundle.pem", texts.collect::<String>())
}

fn der(name: &str) -> Vec<u8> {
    pem::parse(fs::read(committed(name)).unwrap()).unwrap().into_contents()
}

#[test]
fn first_certificate_of_a_bundle_is_printed() {
    let env = TestEnvironment::offline();
    for names in [
        ["anchor/intermediate.pem", "anchor/root.pem", "leaf/p384.pem"],
        ["leaf/p384.pem", "anchor/intermediate.pem", "anchor/root.pem"],
    ] {
        let text = printed(&env, &bundle(&env, &names), &[]);
        assert_eq!(text, printed(&env, &committed(names[0]), &[]));
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["certificateData"], STANDARD.encode(der(names[0])));
    }
}

#[test]
fn every_certificate_of_a_bundle_is_shown() {
    let env = TestEnvironment::offline();
    let path = bundle(&env, &BUNDLE);
    let views = views(&env, &path);
    let fingerprints = BUNDLE.map(|name| {
        let digest = digest(&SHA256, &der(name));
        digest.as_ref().iter().map(|octet| format!("{octet:02x}")).collect::<String>()
    });
    let shown: Vec<&Value> = views.iter().map(|view| &view["sha256Fingerprint"]).collect();
    assert_eq!(shown, fingerprints.each_ref());
    let cas: Vec<&Value> = views.iter().map(|view| &view["isCa"]).collect();
    assert_eq!(cas, [false, true, true]);
    let text = printed(&env, &path, &["--output", "text"]);
    assert!(fingerprints.iter().all(|it| text.contains(it)), "{text}");
}

#[test]
fn no_key_is_read_and_aws_is_not_asked() {
    let env = TestEnvironment::new().var("ROLES_ANYWHERE_PRIVATE_KEY", "/not/there.pem");
    views(&env, &env.path("leaf/p256.pem"));
    assert!(env.emulator().requests().is_empty());
}

#[test]
fn key_is_not_a_certificate() {
    let env = TestEnvironment::offline();
    let path = committed("leaf/p256.key.pem");
    let output =
        env.fails_args(&["read-certificate-data", "--certificate", path.to_str().unwrap()]);
    assert_eq!(output.code, 3, "{output}");
    let words = format!("`{}` (from --certificate) contains no certificate", path.display());
    assert!(output.stderr.contains(&words), "{output}");
}

#[track_caller]
fn shows_serial(octets: &[u8], decimal: &str, hexadecimal: &str) {
    let env = TestEnvironment::offline();
    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from_slice(octets));
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    let path = env.write("serial.pem", certificate.pem());
    let document: Value = serde_json::from_str(&printed(&env, &path, &[])).unwrap();
    assert_eq!(document["serialNumber"], decimal);
    let view = views(&env, &path).remove(0);
    assert_eq!([&view["serialNumber"], &view["serialNumberHex"]], [decimal, hexadecimal]);
    let text = printed(&env, &path, &["--output", "text"]);
    for line in
        [format!("{:<17}{decimal}", "Serial"), format!("{:<17}{hexadecimal}", "Serial in hex")]
    {
        assert!(text.lines().any(|own| own == line), "{line}: {text}");
    }
}

#[test]
fn serial_1_is_shown() {
    shows_serial(&[1], "1", "01");
}

#[test]
fn serial_with_seven_bits_is_shown() {
    shows_serial(&[0x7f], "127", "7f");
}

#[test]
fn serial_with_eight_bits_is_shown() {
    shows_serial(&[0x80], "128", "80");
}

#[test]
fn serial_of_an_odd_number_of_digits_is_shown() {
    shows_serial(&[1, 0x23], "291", "0123");
}

#[test]
fn serial_that_ends_with_zeros_is_shown() {
    shows_serial(&[0x10, 0], "4096", "1000");
}

#[test]
fn serial_of_twenty_octets_is_shown() {
    let octets = [&[0x40][..], &[0; 18], &[5]].concat();
    let decimal = "365375409332725729550921208179070754913983135749";
    shows_serial(&octets, decimal, "4000000000000000000000000000000000000005");
}

#[test]
fn largest_serial_is_shown() {
    let octets = [&[0x7f][..], &[0xff; 19]].concat();
    let decimal = "730750818665451459101842416358141509827966271487";
    shows_serial(&octets, decimal, "7fffffffffffffffffffffffffffffffffffffff");
}
