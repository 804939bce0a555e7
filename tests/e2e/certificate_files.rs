//! Files that are not the certificate that they should be.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use insta::assert_snapshot;

use crate::environment::TestEnvironment;

const P256: &str = include_str!("../../certs/leaf/p256.pem");
const P256_KEY: &str = include_str!("../../certs/leaf/p256.key.pem");

#[test]
fn refuses_a_missing_file() {
    let env = TestEnvironment::offline().certificate("absent.pem");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_CERTIFICATE=DIR/absent.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: could not read `DIR/absent.pem` (from ROLES_ANYWHERE_CERTIFICATE)
      caused by: No such file or directory (os error 2)
      hint: there is no `DIR/absent.pem`: correct `ROLES_ANYWHERE_CERTIFICATE`
    ");
}

#[test]
fn refuses_a_directory() {
    let env = TestEnvironment::new().certificate("leaf");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_CERTIFICATE=DIR/leaf roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: could not read `DIR/leaf` (from ROLES_ANYWHERE_CERTIFICATE)
      caused by: Is a directory (os error 21)
      hint: check the path and its permissions
    ");
}

#[test]
fn refuses_an_empty_file() {
    let env = TestEnvironment::offline().file("empty.pem", "").certificate("empty.pem");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_CERTIFICATE=DIR/empty.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: could not read `DIR/empty.pem` (from ROLES_ANYWHERE_CERTIFICATE)
      caused by: it is empty, neither PEM nor DER
      hint: PEM (with `-----BEGIN …-----` lines), DER, PKCS#12 or PKCS#7 is wanted
    ");
}

#[test]
fn refuses_text() {
    let env = TestEnvironment::offline().file("text.pem", "hello\n").certificate("text.pem");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_CERTIFICATE=DIR/text.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: could not read `DIR/text.pem` (from ROLES_ANYWHERE_CERTIFICATE)
      caused by: it is something unknown, neither PEM nor DER
      hint: PEM (with `-----BEGIN …-----` lines), DER, PKCS#12 or PKCS#7 is wanted
    ");
}

#[test]
fn refuses_utf_16() {
    let env =
        TestEnvironment::offline().file("utf16.pem", b"\xff\xfe-\0-\0").certificate("utf16.pem");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_CERTIFICATE=DIR/utf16.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: could not read `DIR/utf16.pem` (from ROLES_ANYWHERE_CERTIFICATE)
      caused by: it is text in UTF-16, neither PEM nor DER
      hint: save it as UTF-8 or ASCII
    ");
}

#[test]
fn refuses_pem_that_is_cut() {
    let env = TestEnvironment::offline().file("cut.pem", &P256[..200]).certificate("cut.pem");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_CERTIFICATE=DIR/cut.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: could not read `DIR/cut.pem` (from ROLES_ANYWHERE_CERTIFICATE)
      caused by: PEM block 1 (line 1) does not end with `-----END` and the same label
      hint: copy the file again, with its `-----BEGIN` and `-----END` lines
    ");
}

#[test]
fn refuses_a_damaged_certificate() {
    let env = TestEnvironment::offline()
        .file("damaged.pem", P256.replacen("MII", "AII", 1))
        .certificate("damaged.pem");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_CERTIFICATE=DIR/damaged.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: could not read `DIR/damaged.pem` (from ROLES_ANYWHERE_CERTIFICATE)
      caused by: what should be a certificate in it is not X.509
      hint: look at it with `openssl x509 -noout -text -in FILE`
    ");
}

#[test]
fn refuses_a_damaged_pkcs12_file() {
    let env = TestEnvironment::offline()
        .file("leaf.p12", b"\x30\x82\x01\x00\x02\x01\x03\x30\x82")
        .certificate("leaf.p12");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_CERTIFICATE=DIR/leaf.p12 roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: could not read `DIR/leaf.p12` (from ROLES_ANYWHERE_CERTIFICATE)
      caused by: the private key in it is damaged or incomplete
      hint: look at it with `openssl pkey -noout -text -in FILE`; PKCS#8, PKCS#1 or SEC1 is wanted
    ");
}

#[test]
fn refuses_a_damaged_pkcs7_file() {
    let env = TestEnvironment::offline()
        .file("chain.p7b", b"\x30\x82\x01\x00\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0")
        .certificate("chain.p7b");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_CERTIFICATE=DIR/chain.p7b roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: could not read `DIR/chain.p7b` (from ROLES_ANYWHERE_CERTIFICATE)
      caused by: the PKCS#7 bundle in it is damaged
      hint: look at it with `openssl pkcs7 -print_certs -in FILE`
    ");
}

#[test]
fn refuses_zeros() {
    let env =
        TestEnvironment::offline().file("zeros.pem", vec![0; 10 << 20]).certificate("zeros.pem");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_CERTIFICATE=DIR/zeros.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: could not read `DIR/zeros.pem` (from ROLES_ANYWHERE_CERTIFICATE)
      caused by: it is larger than 1048576 bytes
      hint: this is no certificate and no key; check the path
    ");
}

#[test]
fn refuses_a_private_key() {
    let env = TestEnvironment::new().certificate("leaf/p256.key.pem");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_CERTIFICATE=DIR/leaf/p256.key.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: there is no certificate in `DIR/leaf/p256.key.pem` (from ROLES_ANYWHERE_CERTIFICATE), only `PRIVATE KEY`
      hint: this is a key; were `--certificate` and `--private-key` swapped?
    ");
}

#[test]
fn refuses_a_private_key_labelled_as_a_certificate() {
    let certificate = P256_KEY.replace("PRIVATE KEY", "CERTIFICATE");
    let env = TestEnvironment::offline()
        .file("certificate.pem", &certificate)
        .certificate("certificate.pem");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_CERTIFICATE=DIR/certificate.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: could not read `DIR/certificate.pem` (from ROLES_ANYWHERE_CERTIFICATE)
      caused by: PEM block 1 (line 1) is labelled `CERTIFICATE` and holds a PKCS#8 key in DER
      hint: check which file is which: `openssl asn1parse -in FILE` shows what is inside
    ");
}

#[test]
fn refuses_an_expired_certificate() {
    let env = TestEnvironment::new().identity("broken/expired");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_CERTIFICATE=DIR/broken/expired.pem ROLES_ANYWHERE_PRIVATE_KEY=DIR/broken/expired.key.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: the certificate of `C=US, O=Example, CN=expired` expired at 2026-01-02T00:00:00Z, and it is NOW now
      hint: renew the certificate; if it is not that old, set this machine's clock
    ");
}

#[test]
fn refuses_a_certificate_that_is_not_yet_valid() {
    let env = TestEnvironment::new().identity("broken/not-yet-valid");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_CERTIFICATE=DIR/broken/not-yet-valid.pem ROLES_ANYWHERE_PRIVATE_KEY=DIR/broken/not-yet-valid.key.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: the certificate of `C=US, O=Example, CN=not-yet-valid` is valid from 2045-12-01T00:00:00Z, and it is NOW now
      hint: check this machine's clock and time zone, then the certificate's dates
    ");
}

#[test]
fn refuses_a_file_without_permission() {
    let (program, folder) = TestEnvironment::offline().program().clone().reachable();
    let path = folder.path().join("closed.pem");
    fs::write(&path, P256).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o000)).unwrap();
    let env = TestEnvironment::offline().map(|_| program).for_nobody().certificate(&path);
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_CERTIFICATE=DIR/closed.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: could not read `DIR/closed.pem` (from ROLES_ANYWHERE_CERTIFICATE)
      caused by: permission denied: it belongs to uid 0 (mode 0000), and this process runs as uid 65534
      hint: check the path and its permissions
    ");
}

/// Takes as long as a pipe is waited for.
#[test]
fn refuses_a_pipe_without_a_writer() {
    let env = TestEnvironment::offline().certificate("pipe");
    assert!(Command::new("mkfifo").arg(env.path("pipe")).status().unwrap().success());
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_CERTIFICATE=DIR/pipe roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: could not read `DIR/pipe` (from ROLES_ANYWHERE_CERTIFICATE)
      caused by: nobody wrote to it to its end within 10 s
      hint: check what should write to it
    ");
}
