//! Key and certificate files that hands and editors have changed, and what goes through environment
//! files: each vends, since OpenSSL and Go read them all the same.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::environment::form;
use crate::identity_files::{IdentityFiles, Part, assert_vends};

use Part::{Certificate, Intermediates, PrivateKey};

const PGP: &str =
    "-----BEGIN PGP MESSAGE-----\nVersion: 1\n\nqANQR1DB\n=njUN\n-----END PGP MESSAGE-----\n";
const DAMAGED: &str =
    "-----BEGIN CERTIFICATE-----\n*** not base64 ***\n-----END CERTIFICATE-----\n";
const UNFINISHED: &str = "-----BEGIN PRIVATE KEY-----\nMIGH\n";

fn text(part: Part) -> String {
    String::from_utf8(part.contents()).unwrap()
}

#[track_caller]
fn vends_with_key(key: String) {
    assert_ne!(key, text(PrivateKey));
    let files = IdentityFiles::new();
    fs::write(files.path(PrivateKey), key).unwrap();
    files.vends(&[]);
    assert_eq!(files.env.emulator().requests().pop().unwrap()["verdict"], "accepted");
}

#[test]
fn blank_line_before_the_end_is_skipped() {
    vends_with_key(text(PrivateKey).replace("-----END", "\n-----END"));
}

#[test]
fn blank_lines_are_skipped() {
    vends_with_key(text(PrivateKey).replace('\n', "\n\n"));
}

#[test]
fn header_without_a_blank_line_is_skipped() {
    vends_with_key(text(PrivateKey).replacen("KEY-----\n", "KEY-----\nC: mine\n", 1));
}

#[test]
fn zero_width_space_is_skipped() {
    vends_with_key(text(PrivateKey).replacen("KEY-----\n", "KEY-----\u{200b}\n", 1));
}

#[test]
fn byte_order_mark_is_skipped() {
    vends_with_key(format!("\u{feff}{}", text(PrivateKey)));
}

#[test]
fn comment_that_looks_like_a_block_is_skipped() {
    let comment = "# the -----BEGIN line and -----BEGIN PRIVATE KEY-----\n";
    vends_with_key(format!("{comment}{}", text(PrivateKey)));
}

#[test]
fn blocks_of_pgp_are_skipped() {
    vends_with_key(format!("{PGP}{}{PGP}", text(PrivateKey)));
}

#[test]
fn damaged_blocks_of_another_kind_are_skipped() {
    vends_with_key(format!("{DAMAGED}{}{DAMAGED}", text(PrivateKey)));
}

#[test]
fn unfinished_block_is_skipped() {
    vends_with_key(format!("{UNFINISHED}{}", text(PrivateKey)));
}

#[test]
fn file_of_one_line_is_read() {
    vends_with_key(text(PrivateKey).replace('\n', " "));
}

#[track_caller]
fn vends_with_padded_der(padding: &[u8]) {
    let files = IdentityFiles::new();
    for (part, name) in [(PrivateKey, "p256.key.der"), (Certificate, "p256.der")] {
        let der = fs::read(form(name)).unwrap();
        fs::write(files.path(part), [&der, padding].concat()).unwrap();
    }
    files.vends(&[]);
}

#[test]
fn der_before_a_line_feed_is_read() {
    vends_with_padded_der(b"\n");
}

#[test]
fn der_before_a_crlf_is_read() {
    vends_with_padded_der(b"\r\n");
}

#[test]
fn der_before_zeros_is_read() {
    vends_with_padded_der(&[0; 512]);
}

#[track_caller]
fn vends_with_variables(write: impl Fn(&str) -> String) {
    let variables = [(Certificate, "LEAF"), (PrivateKey, "KEY"), (Intermediates, "CHAIN")];
    let mut files = IdentityFiles::new();
    for (part, name) in variables {
        let value = write(&text(part));
        assert!(!value.contains('\n'));
        files = files.var(name, value).with(part, format!("env:{name}"));
    }
    files.vends(&[]);
}

#[test]
fn variables_with_line_breaks_written_out_are_read() {
    vends_with_variables(|text| text.replace('\n', "\\n"));
}

#[test]
fn variables_in_base64_are_read() {
    vends_with_variables(|text| STANDARD.encode(text));
}

#[test]
fn variables_without_line_breaks_are_read() {
    vends_with_variables(|text| text.replace('\n', " "));
}

/// Passes names that are not text from variables to the flags.
const FLAGS_OF_VARIABLES: &[&str] = &[
    "sh",
    "-c",
    r#"exec "$1" credential-process --certificate "$LEAF" --private-key "$KEY""#,
    "sh",
];

#[test]
fn file_names_that_are_not_utf8_are_opened() {
    let files = IdentityFiles::new();
    let folder = files.folder.path().join(OsStr::from_bytes(b"schl\xfcssel"));
    fs::create_dir(&folder).unwrap();
    let put = |name: &str, contents: Vec<u8>| -> OsString {
        let path = folder.join(OsStr::from_bytes(&[name.as_bytes(), b"-\xe9.pem"].concat()));
        fs::write(&path, contents).unwrap();
        path.into_os_string()
    };
    let trust = fs::read(files.env.path("tls-ca.pem")).unwrap();
    let program = files
        .program
        .clone()
        .launched_by(FLAGS_OF_VARIABLES)
        .set("LEAF", put("leaf", Certificate.contents()))
        .set("KEY", put("key", PrivateKey.contents()))
        .set("ROLES_ANYWHERE_INTERMEDIATES", put("ca", Intermediates.contents()))
        .set("AWS_CA_BUNDLE", put("trust", trust));
    assert_vends(&program.run(&[]));
    let output = program.set("KEY", folder.join("absent")).run(&[]);
    assert_eq!((output.code, output.text().as_str()), (3, ""), "{output}");
    assert!(output.stderr.contains("absent"), "{output}");
}

#[test]
fn empty_file_of_intermediates_holds_none() {
    let files = IdentityFiles::new();
    let both = [Certificate.contents(), Intermediates.contents()].concat();
    fs::write(files.path(Certificate), both).unwrap();
    fs::write(files.path(Intermediates), "\n").unwrap();
    files.vends(&[]);
}

#[test]
fn damaged_bundle_is_named_by_block_and_line() {
    let files = IdentityFiles::new();
    let path = files.folder.path().join("ca");
    fs::write(&path, "-----BEGIN CERTIFICATE----\nMIIB\n-----END CERTIFICATE-----\n").unwrap();
    let text = files.var("AWS_CA_BUNDLE", &path).refuses(6, &[]);
    assert!(text.contains("PEM block 1 (line 1) begins with a line that is not"), "{text}");
    assert!(!text.contains("[45, 45"), "{text}");
}

/// Trusts the emulator by a file that is made of its CA certificate.
#[track_caller]
fn trusts(variable: &str, write: impl FnOnce(&str) -> Vec<u8>) {
    let files = IdentityFiles::new();
    let path = files.folder.path().join("ca");
    fs::write(&path, write(&files.env.read("tls-ca.pem"))).unwrap();
    files.map(|program| program.unset("AWS_CA_BUNDLE")).var(variable, &path).vends(&[]);
}

fn with_byte_order_mark(text: &str) -> Vec<u8> {
    format!("\u{feff}{text}").into_bytes()
}

fn as_der(text: &str) -> Vec<u8> {
    pem::parse(text).unwrap().into_contents()
}

fn in_one_line(text: &str) -> Vec<u8> {
    text.replace('\n', " ").into_bytes()
}

#[test]
fn aws_ca_bundle_with_a_byte_order_mark_is_trusted() {
    trusts("AWS_CA_BUNDLE", with_byte_order_mark);
}

#[test]
fn aws_ca_bundle_of_der_is_trusted() {
    trusts("AWS_CA_BUNDLE", as_der);
}

#[test]
fn aws_ca_bundle_of_one_line_is_trusted() {
    trusts("AWS_CA_BUNDLE", in_one_line);
}

#[test]
fn ssl_cert_file_with_a_byte_order_mark_is_trusted() {
    trusts("SSL_CERT_FILE", with_byte_order_mark);
}

#[test]
fn ssl_cert_file_of_der_is_trusted() {
    trusts("SSL_CERT_FILE", as_der);
}

#[test]
fn ssl_cert_file_of_one_line_is_trusted() {
    trusts("SSL_CERT_FILE", in_one_line);
}
