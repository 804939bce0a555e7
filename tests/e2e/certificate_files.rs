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
    error: cannot read `DIR/absent.pem` (from ROLES_ANYWHERE_CERTIFICATE)
      caused by: No such file or directory (os error 2)
      hint: `DIR/absent.pem` does not exist: check `ROLES_ANYWHERE_CERTIFICATE`
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
    error: cannot read `DIR/leaf` (from ROLES_ANYWHERE_CERTIFICATE)
      caused by: Is a directory (os error 21)
      hint: pass the path of a regular file
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
    error: cannot read `DIR/empty.pem` (from ROLES_ANYWHERE_CERTIFICATE)
      caused by: expected PEM or DER, got an empty file
      hint: pass a file in PEM (with `-----BEGIN …-----` lines), DER, PKCS#12 or PKCS#7
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
    error: cannot read `DIR/text.pem` (from ROLES_ANYWHERE_CERTIFICATE)
      caused by: expected PEM or DER, got an unknown format
      hint: pass a file in PEM (with `-----BEGIN …-----` lines), DER, PKCS#12 or PKCS#7
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
    error: cannot read `DIR/utf16.pem` (from ROLES_ANYWHERE_CERTIFICATE)
      caused by: expected PEM or DER, got text in UTF-16
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
    error: cannot read `DIR/cut.pem` (from ROLES_ANYWHERE_CERTIFICATE)
      caused by: PEM block 1 (line 1) has no `-----END` line with the same label
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
    error: cannot read `DIR/damaged.pem` (from ROLES_ANYWHERE_CERTIFICATE)
      caused by: a certificate in the file is not valid X.509
      hint: check the certificate with `openssl x509 -noout -text -in FILE`
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
    error: cannot read `DIR/leaf.p12` (from ROLES_ANYWHERE_CERTIFICATE)
      caused by: the PKCS#12 file is damaged or incomplete
      hint: export the file again; `openssl pkcs12 -info -noout -in FILE` checks it
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
    error: cannot read `DIR/chain.p7b` (from ROLES_ANYWHERE_CERTIFICATE)
      caused by: the PKCS#7 bundle is damaged
      hint: check the bundle with `openssl pkcs7 -print_certs -in FILE`
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
    error: cannot read `DIR/zeros.pem` (from ROLES_ANYWHERE_CERTIFICATE)
      caused by: it is larger than 1048576 bytes
      hint: check the path: the file is neither a certificate nor a key
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
    error: `DIR/leaf/p256.key.pem` (from ROLES_ANYWHERE_CERTIFICATE) contains no certificate, only `PRIVATE KEY`
      hint: the file contains a private key: check that `--certificate` and `--private-key` are not swapped
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
    error: cannot read `DIR/certificate.pem` (from ROLES_ANYWHERE_CERTIFICATE)
      caused by: PEM block 1 (line 1) is labelled `CERTIFICATE` but contains a PKCS#8 key in DER
      hint: check that the files are not mixed up; if it is the right file, correct the label in its `-----BEGIN` and `-----END` lines
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
    error: the certificate of `C=US, O=Example, CN=expired` has expired (on 2026-01-02T00:00:00Z; it is now NOW)
      hint: renew the certificate; if it should still be valid, check this machine's clock
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
    error: the certificate of `C=US, O=Example, CN=not-yet-valid` is not yet valid (valid from 2045-12-01T00:00:00Z; it is now NOW)
      hint: check this machine's clock and time zone, then the validity dates of the certificate
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
    error: cannot read `DIR/closed.pem` (from ROLES_ANYWHERE_CERTIFICATE)
      caused by: permission denied: it belongs to uid 0 (mode 0000), and this process runs as uid 65534
      hint: let this user read the file, or run as the user who owns it
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
    error: cannot read `DIR/pipe` (from ROLES_ANYWHERE_CERTIFICATE)
      caused by: no process finished writing to it within 10 s
      hint: check the process that should write to it
    ");
}
