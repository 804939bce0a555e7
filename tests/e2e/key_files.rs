//! Files that are not the private key that they should be, and passwords that do not open them.

use insta::assert_snapshot;

use crate::environment::{TestEnvironment, form};

const P256: &str = include_str!("../../certs/leaf/p256.pem");
const P256_KEY: &str = include_str!("../../certs/leaf/p256.key.pem");

/// A throw-away key that is too short.
const RSA_1024: &str = include_str!("key_files/rsa1024.key.pem");

const DAMAGED: &str = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";

/// The example of RFC 8410, section 10.3.
const ED25519: &str = "-----BEGIN PRIVATE KEY-----\n\
     MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
     -----END PRIVATE KEY-----\n";

#[test]
fn refuses_a_missing_file() {
    let env = TestEnvironment::offline().key("absent.pem");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=DIR/absent.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot read `DIR/absent.pem` (from ROLES_ANYWHERE_PRIVATE_KEY)
      caused by: No such file or directory (os error 2)
      hint: `DIR/absent.pem` does not exist: check `ROLES_ANYWHERE_PRIVATE_KEY`
    ");
}

#[test]
fn refuses_two_keys() {
    let env = TestEnvironment::offline().file("two.pem", P256_KEY.repeat(2)).key("two.pem");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=DIR/two.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: `DIR/two.pem` (from ROLES_ANYWHERE_PRIVATE_KEY) contains 2 private keys, expected one
      hint: keep only one private key in the file
    ");
}

#[test]
fn refuses_an_openssh_key() {
    let env = TestEnvironment::offline()
        .file("label.pem", P256_KEY.replace("PRIVATE KEY", "OPENSSH PRIVATE KEY"))
        .key("label.pem");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=DIR/label.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot use the private key in `DIR/label.pem` (from ROLES_ANYWHERE_PRIVATE_KEY)
      caused by: the key format `OPENSSH PRIVATE KEY` is not supported
      hint: convert a copy of the file: `ssh-keygen -p -m PKCS8 -f FILE`
    ");
}

#[test]
fn refuses_a_damaged_key() {
    let env = TestEnvironment::offline().file("damaged.pem", DAMAGED).key("damaged.pem");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=DIR/damaged.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot use the private key in `DIR/damaged.pem` (from ROLES_ANYWHERE_PRIVATE_KEY)
      caused by: the private key is damaged or incomplete
      hint: check it with `openssl pkey -check -noout -in FILE`; expected PKCS#8, PKCS#1 or SEC1
    ");
}

#[test]
fn refuses_ed25519() {
    let env = TestEnvironment::offline().file("ed25519.pem", ED25519).key("ed25519.pem");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=DIR/ed25519.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot use the private key in `DIR/ed25519.pem` (from ROLES_ANYWHERE_PRIVATE_KEY)
      caused by: the key algorithm Ed25519 is not supported
      hint: use an RSA key (2048 to 8192 bits) or a P-256, P-384, P-521 or ML-DSA key
    ");
}

#[test]
fn refuses_an_rsa_key_of_1024_bits() {
    let env = TestEnvironment::offline().file("rsa1024.pem", RSA_1024).key("rsa1024.pem");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=DIR/rsa1024.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot use the private key in `DIR/rsa1024.pem` (from ROLES_ANYWHERE_PRIVATE_KEY)
      caused by: the RSA key is not valid: less than 2048 bits
      hint: use an intact RSA key of 2048 to 8192 bits with two primes; `openssl pkey -check -noout -in FILE` checks a key
    ");
}

#[test]
fn refuses_a_certificate() {
    let env = TestEnvironment::new().key("leaf/p256.pem");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=DIR/leaf/p256.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: `DIR/leaf/p256.pem` (from ROLES_ANYWHERE_PRIVATE_KEY) contains no private key, only `CERTIFICATE`
      hint: pass the key with `--private-key`; if you did, check that it and `--certificate` are not swapped
    ");
}

#[test]
fn refuses_a_certificate_labelled_as_a_key() {
    let env = TestEnvironment::offline()
        .file("leaf.pem", P256.replace("CERTIFICATE", "PRIVATE KEY"))
        .key("leaf.pem");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=DIR/leaf.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot read `DIR/leaf.pem` (from ROLES_ANYWHERE_PRIVATE_KEY)
      caused by: PEM block 1 (line 1) is labelled `PRIVATE KEY` but contains a certificate in DER
      hint: check that the files are not mixed up; if it is the right file, correct the label in its `-----BEGIN` and `-----END` lines
    ");
}

#[test]
fn refuses_a_java_keystore() {
    let env = TestEnvironment::offline()
        .file("store.jks", b"\xfe\xed\xfe\xed\0\0\0\x02\0\0\0\x01")
        .key("store.jks");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=DIR/store.jks roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot read `DIR/store.jks` (from ROLES_ANYWHERE_PRIVATE_KEY)
      caused by: it is a Java keystore, which is not supported
      hint: convert it: `keytool -importkeystore -srckeystore FILE -destkeystore FILE.p12 -deststoretype PKCS12`
    ");
}

#[test]
fn refuses_the_key_of_another_certificate() {
    let env = TestEnvironment::new().key("leaf/p384.key.pem");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=DIR/leaf/p384.key.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: the private key in `DIR/leaf/p384.key.pem` (from ROLES_ANYWHERE_PRIVATE_KEY) does not match the certificate (`C=US, O=Example, CN=p256`) in `DIR/leaf/p256.pem` (from ROLES_ANYWHERE_CERTIFICATE)
      hint: pass the key that the certificate was requested with; during a rotation, wait until both files are replaced
    ");
}

/// Both are of the kind P-256.
#[test]
fn refuses_the_key_of_another_certificate_before_a_request() {
    let env = TestEnvironment::new().file("other.key.pem", P256_KEY).key("other.key.pem");
    let output = env.fails("credential-process");
    assert_eq!(output.code, 3, "{output}");
    assert!(output.stderr.contains("does not match the certificate"), "{output}");
    assert!(env.emulator().requests().is_empty());
}

#[test]
fn refuses_a_key_of_none_of_several_certificates() {
    let env = TestEnvironment::new().certificate("leaf/p256.chain.pem").key("leaf/p384.key.pem");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_CERTIFICATE=DIR/leaf/p256.chain.pem ROLES_ANYWHERE_PRIVATE_KEY=DIR/leaf/p384.key.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: the private key in `DIR/leaf/p384.key.pem` (from ROLES_ANYWHERE_PRIVATE_KEY) does not match any of the 2 certificates in `DIR/leaf/p256.chain.pem` (from ROLES_ANYWHERE_CERTIFICATE)
      hint: pass the key that the certificate was requested with; during a rotation, wait until both files are replaced
    ");
}

#[test]
fn refuses_a_key_that_others_can_read() {
    let env = TestEnvironment::offline().file("two.pem", P256_KEY.repeat(2)).key("two.pem");
    assert_snapshot!(env.fails("credential-process --strict-permissions"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=DIR/two.pem roles-anywhere credential-process --strict-permissions
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: the private key `DIR/two.pem` (from ROLES_ANYWHERE_PRIVATE_KEY) is readable by other users (mode 0644)
      hint: run `chmod go= DIR/two.pem`, or remove `--strict-permissions`
    ");
}

#[test]
fn asks_for_the_password_of_a_key() {
    let env = TestEnvironment::offline().detached().key(form("scrypt.key.pem"));
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=REPO/certs/forms/scrypt.key.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot use the private key in `REPO/certs/forms/scrypt.key.pem` (from ROLES_ANYWHERE_PRIVATE_KEY)
      caused by: the private key is encrypted
      caused by: no password was given, and there is no terminal to ask for it
      hint: pass the password with `--key-password-file`, `--key-password-env` or `--key-password-fd`
    ");
}

#[test]
fn asks_for_the_password_of_a_pkcs12_file() {
    let env = TestEnvironment::offline().detached().key(form("modern.p12"));
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=REPO/certs/forms/modern.p12 roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot read `REPO/certs/forms/modern.p12` (from ROLES_ANYWHERE_PRIVATE_KEY)
      caused by: the private key is encrypted
      caused by: no password was given, and there is no terminal to ask for it
      hint: pass the password with `--key-password-file`, `--key-password-env` or `--key-password-fd`
    ");
}

#[test]
fn refuses_legacy_encryption() {
    let env = TestEnvironment::offline().detached().key(form("legacy.key.pem"));
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=REPO/certs/forms/legacy.key.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot use the private key in `REPO/certs/forms/legacy.key.pem` (from ROLES_ANYWHERE_PRIVATE_KEY)
      caused by: the private key uses OpenSSL's legacy encryption (`Proc-Type: 4,ENCRYPTED`), which is not supported
      hint: convert it: `(umask 077; openssl pkcs8 -topk8 -in FILE -out FILE.pem)` asks for the old password and for a new one
    ");
}

#[test]
fn refuses_pbes1() {
    let env = TestEnvironment::offline().detached().key(form("pbes1-md5-des.key.pem"));
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=REPO/certs/forms/pbes1-md5-des.key.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot use the private key in `REPO/certs/forms/pbes1-md5-des.key.pem` (from ROLES_ANYWHERE_PRIVATE_KEY)
      caused by: the private key is encrypted with PBES1 (MD5 and DES), which is not supported
      hint: convert it: `(umask 077; openssl pkcs8 -topk8 -provider legacy -provider default -in FILE -out FILE.pem)` asks for the old password and for a new one (without the two `-provider` options for OpenSSL 1)
    ");
}

#[test]
fn refuses_a_costly_pbkdf2() {
    let env = TestEnvironment::offline().detached().key(form("costly-pbkdf2.key.pem"));
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=REPO/certs/forms/costly-pbkdf2.key.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot use the private key in `REPO/certs/forms/costly-pbkdf2.key.pem` (from ROLES_ANYWHERE_PRIVATE_KEY)
      caused by: the key derivation of the password takes 20000000 iterations, more than the limit of 10,000,000 iterations
      hint: encrypt the key again with fewer iterations: `(umask 077; openssl pkcs8 -topk8 -iter 600000 -in FILE -out FILE.pem)`
    ");
}

#[test]
fn refuses_a_costly_scrypt() {
    let env = TestEnvironment::offline().detached().key(form("costly-scrypt.key.pem"));
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=REPO/certs/forms/costly-scrypt.key.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot use the private key in `REPO/certs/forms/costly-scrypt.key.pem` (from ROLES_ANYWHERE_PRIVATE_KEY)
      caused by: the key derivation of the password takes 16 MiB of scrypt in 127 lanes, more than the limit of 256 MiB of scrypt, 1 GiB over all its lanes,
      hint: encrypt the key again with fewer iterations: `(umask 077; openssl pkcs8 -topk8 -iter 600000 -in FILE -out FILE.pem)`
    ");
}

#[test]
fn refuses_a_costly_pkcs12_file() {
    let env = TestEnvironment::offline().detached().key(form("costly.p12"));
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=REPO/certs/forms/costly.p12 roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot read `REPO/certs/forms/costly.p12` (from ROLES_ANYWHERE_PRIVATE_KEY)
      caused by: the key derivation of the password takes 20000000 iterations, more than the limit of 10,000,000 iterations
      hint: convert it: `(umask 077; openssl pkcs12 -legacy -in FILE -out FILE.pem)` asks for the old password and for a new one
    ");
}

#[test]
fn refuses_explicit_curve_parameters() {
    let env = TestEnvironment::offline().detached().key(form("explicit.sec1.pem"));
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=REPO/certs/forms/explicit.sec1.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot use the private key in `REPO/certs/forms/explicit.sec1.pem` (from ROLES_ANYWHERE_PRIVATE_KEY)
      caused by: the EC key contains the parameters of its curve instead of the curve's name
      hint: convert it to a named curve: `(umask 077; openssl ec -in FILE -param_enc named_curve -out FILE.pem)`
    ");
}

#[test]
fn refuses_a_wrong_password() {
    let env = TestEnvironment::offline().key(form("scrypt.key.pem")).var("PASSWORD", "wrong");
    assert_snapshot!(env.fails("credential-process --key-password-env PASSWORD"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=REPO/certs/forms/scrypt.key.pem PASSWORD=wrong roles-anywhere credential-process --key-password-env PASSWORD
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot use the private key in `REPO/certs/forms/scrypt.key.pem` (from ROLES_ANYWHERE_PRIVATE_KEY)
      caused by: the password is wrong, or the file is damaged
      hint: check the password, including any space or line break at its end
    ");
}

#[test]
fn refuses_a_wrong_password_of_a_pkcs12_file() {
    let env = TestEnvironment::offline().key(form("modern.p12")).var("PASSWORD", "wrong");
    assert_snapshot!(env.fails("credential-process --key-password-env PASSWORD"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=REPO/certs/forms/modern.p12 PASSWORD=wrong roles-anywhere credential-process --key-password-env PASSWORD
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot read `REPO/certs/forms/modern.p12` (from ROLES_ANYWHERE_PRIVATE_KEY)
      caused by: the password is wrong, or the file is damaged
      hint: check the password, including any space or line break at its end
    ");
}

#[test]
fn refuses_a_missing_password_file() {
    let env = TestEnvironment::offline().key(form("scrypt.key.pem"));
    assert_snapshot!(env.fails("credential-process --key-password-file /nonexistent/password"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=REPO/certs/forms/scrypt.key.pem roles-anywhere credential-process --key-password-file /nonexistent/password
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot use the private key in `REPO/certs/forms/scrypt.key.pem` (from ROLES_ANYWHERE_PRIVATE_KEY)
      caused by: the private key is encrypted
      caused by: cannot read `/nonexistent/password` (from --key-password-file)
      caused by: No such file or directory (os error 2)
      hint: `/nonexistent/password` does not exist: check `--key-password-file`
    ");
}

/// Returns an environment with a damaged key, of which a decoder's words would quote a part; checks that
/// the debug log does not.
fn damaged(name: &str, damage: impl FnOnce(&str, &str) -> String) -> TestEnvironment {
    let line = P256_KEY.lines().nth(1).unwrap();
    let env = TestEnvironment::offline().file(name, damage(P256_KEY, line)).key(name);
    let output = env.fails("credential-process --debug");
    let (parts, stderr) = (line.as_bytes().windows(14), output.stderr.as_bytes());
    let is_quoted = |part: &[u8]| stderr.windows(14).any(|window| window == part);
    assert!(!parts.into_iter().any(is_quoted), "{output}");
    env
}

#[test]
fn does_not_quote_a_key_whose_label_lacks_a_dash() {
    let env = damaged("four-dashes.pem", |key, _| key.replacen("KEY-----", "KEY----", 1));
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=DIR/four-dashes.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot read `DIR/four-dashes.pem` (from ROLES_ANYWHERE_PRIVATE_KEY)
      caused by: PEM block 1 (line 1) begins with a line that is not `-----BEGIN LABEL-----`
      hint: copy the file again, with its `-----BEGIN` and `-----END` lines
    ");
}

#[test]
fn does_not_quote_a_key_on_one_line() {
    let env =
        damaged("one-line.pem", |key, _| key.replacen("KEY-----", "KEY----", 1).replace('\n', ""));
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=DIR/one-line.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot read `DIR/one-line.pem` (from ROLES_ANYWHERE_PRIVATE_KEY)
      caused by: PEM block 1 (line 1) begins with a line that is not `-----BEGIN LABEL-----`
      hint: copy the file again, with its `-----BEGIN` and `-----END` lines
    ");
}

#[test]
fn does_not_quote_a_key_with_a_stray_character() {
    let env = damaged("letter.pem", |key, line| key.replacen(line, &format!("{line}*"), 1));
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=DIR/letter.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot read `DIR/letter.pem` (from ROLES_ANYWHERE_PRIVATE_KEY)
      caused by: PEM block 1 (line 1) has characters other than base64 in line 2
      hint: copy the file again, with its `-----BEGIN` and `-----END` lines
    ");
}

#[test]
fn does_not_quote_a_key_that_lacks_a_character() {
    let env = damaged("cut.pem", |key, line| key.replacen(line, &line[1..], 1));
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=DIR/cut.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot use the private key in `DIR/cut.pem` (from ROLES_ANYWHERE_PRIVATE_KEY)
      caused by: the private key is damaged or incomplete
      hint: check it with `openssl pkey -check -noout -in FILE`; expected PKCS#8, PKCS#1 or SEC1
    ");
}

#[test]
fn does_not_quote_a_key_with_two_labels() {
    let env = damaged("labels.pem", |key, _| key.replace("END PRIVATE", "END RSA PRIVATE"));
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=DIR/labels.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot read `DIR/labels.pem` (from ROLES_ANYWHERE_PRIVATE_KEY)
      caused by: PEM block 1 (line 1) has no `-----END` line with the same label
      hint: copy the file again, with its `-----BEGIN` and `-----END` lines
    ");
}

#[test]
fn does_not_quote_a_key_whose_label_is_a_key() {
    let env = damaged("no-label.pem", |key, line| key.replace("PRIVATE KEY", &line[..30]));
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=DIR/no-label.pem roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: `DIR/no-label.pem` (from ROLES_ANYWHERE_PRIVATE_KEY) contains no private key, only a block with an unknown label
      hint: pass a file that contains one private key
    ");
}
