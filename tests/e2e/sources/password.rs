//! Where the password of an encrypted key is read from, and what is said without one.

use std::fs;

use crate::environment::form;
use crate::identity_files::{Given, IdentityFiles, PASSWORD, Part, pipe};

use Part::{Certificate, PrivateKey};

/// Makes the tests `NAME::bare`, `NAME::lf` and `NAME::crlf` of a function that takes a password, as
/// it is with each ending of a line.
macro_rules! each_ending {
    ($($name:ident)*) => { $(
        mod $name {
            #[test]
            fn bare() {
                super::$name("hunter2");
            }

            #[test]
            fn lf() {
                super::$name("hunter2\n");
            }

            #[test]
            fn crlf() {
                super::$name("hunter2\r\n");
            }
        }
    )* };
}

each_ending! {
    password_of_a_file_is_read
    password_of_a_variable_is_read
    password_of_a_descriptor_is_read
    password_of_systemd_is_read
    password_file_of_a_variable_is_read
}

fn password_of_a_file_is_read(password: &str) {
    let files = IdentityFiles::encrypted();
    let path = files.folder.path().join("password");
    fs::write(&path, password).unwrap();
    files.vends(&["--key-password-file", path.to_str().unwrap()]);
}

fn password_of_a_variable_is_read(password: &str) {
    let files = IdentityFiles::encrypted().var("PASSWORD_OF_THE_KEY", password);
    files.vends(&["--key-password-env", "PASSWORD_OF_THE_KEY"]);
}

fn password_of_a_descriptor_is_read(password: &str) {
    let files = IdentityFiles::encrypted().giving(Given::descriptor(pipe(password)));
    files.vends(&["--key-password-fd", "7"]);
}

fn password_of_systemd_is_read(password: &str) {
    let credentials = tempfile::tempdir().unwrap();
    fs::write(credentials.path().join("roles-anywhere-key-password"), password).unwrap();
    IdentityFiles::encrypted().var("CREDENTIALS_DIRECTORY", credentials.path()).vends(&[]);
}

fn password_file_of_a_variable_is_read(password: &str) {
    let files = IdentityFiles::encrypted();
    let path = files.folder.path().join("password");
    fs::write(&path, password).unwrap();
    files.var("ROLES_ANYWHERE_KEY_PASSWORD_FILE", path).vends(&[]);
}

#[test]
fn official_flag_is_taken() {
    IdentityFiles::encrypted().vends(&["--pkcs8-password", PASSWORD]);
}

#[test]
fn official_flag_is_taken_with_an_equals_sign() {
    IdentityFiles::encrypted().vends(&[&format!("--pkcs8-password={PASSWORD}")]);
}

#[test]
fn password_and_key_are_read_from_two_descriptors() {
    let launcher =
        &["bash", "-c", r#"exec "$@" 7<&0 8< <(printf %s "$PASSWORD") </dev/null"#, "bash"];
    let files = IdentityFiles::encrypted().with(PrivateKey, "fd:7").var("PASSWORD", PASSWORD);
    let key = Given::stdin(pipe(fs::read(files.path(PrivateKey)).unwrap()));
    let files = files.giving(key).map(|program| program.launched_by(launcher));
    files.vends(&["--key-password-fd", "8"]);
}

/// A descriptor can be read once only.
#[test]
fn one_password_of_a_descriptor_opens_two_files() {
    let files = IdentityFiles::new();
    let stores = ["a.p12", "b.p12"].map(|name| files.folder.path().join(name));
    for store in &stores {
        fs::copy(form("modern.p12"), store).unwrap();
    }
    let [certificate, key] = stores.each_ref().map(|store| store.to_str().unwrap());
    files
        .only(&[(Certificate, certificate), (PrivateKey, key)])
        .giving(Given::descriptor(pipe(PASSWORD)))
        .vends(&["--key-password-fd", "7"]);
}

#[test]
fn password_that_no_key_needs_is_not_read() {
    let files = IdentityFiles::new();
    files.vends(&["--key-password-file", "/nonexistent"]);
    files.vends(&["--key-password-env", "NOT_SET"]);
}

/// Returns the same without a terminal to ask for the password on.
fn detached() -> IdentityFiles {
    IdentityFiles::encrypted().map(|program| program.launched_by(&["setsid", "--wait"]))
}

#[test]
fn systemd_directory_without_the_password_is_refused() {
    let credentials = tempfile::tempdir().unwrap();
    let text = detached().var("CREDENTIALS_DIRECTORY", credentials.path()).refuses(3, &[]);
    assert!(text.contains("no password was given"), "{text}");
}

#[test]
fn encrypted_key_without_a_password_is_refused() {
    let files = detached();
    let text = files.refuses(3, &[]);
    let path = format!("`{}`", files.path(PrivateKey).display());
    for words in [&path, "is encrypted", "no password was given", "--key-password-file"] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn wrong_password_is_refused_and_not_shown() {
    let files = IdentityFiles::encrypted();
    let text = files.refuses(3, &["--pkcs8-password", "an-error-of-mine"]);
    assert!(text.contains("the password is wrong"), "{text}");
    assert!(!text.contains("an-error-of-mine"), "{text}");
}

#[test]
fn wrong_password_is_not_shown_under_debug() {
    let files = IdentityFiles::encrypted();
    let path = files.folder.path().join("password");
    fs::write(&path, "a-secret-that-is-wrong").unwrap();
    let password = ["--key-password-file", path.to_str().unwrap()];
    for debug in [&[][..], &["--debug"]] {
        let outcome = files.run(&[&password, debug].concat());
        assert_eq!(outcome.code, 3, "{outcome}");
        assert!(outcome.stderr.contains("the password is wrong"), "{outcome}");
        assert!(!outcome.stderr.contains("a-secret"), "{outcome}");
    }
}

#[test]
fn missing_password_file_is_refused() {
    let flag = ["--key-password-file", "/nonexistent/password"];
    let text = IdentityFiles::encrypted().refuses(3, &flag);
    assert!(text.contains("`/nonexistent/password`") && text.contains(flag[0]), "{text}");
}

/// The value may be the password itself, so only the option is named.
#[test]
fn unset_password_variable_is_refused_and_not_named() {
    let flag = ["--key-password-env", "NOT_SET"];
    let text = IdentityFiles::encrypted().refuses(3, &flag);
    assert!(text.contains("it is unset or empty") && text.contains(flag[0]), "{text}");
    assert!(!text.contains("NOT_SET"), "{text}");
}

#[test]
fn closed_password_descriptor_is_refused_and_not_named() {
    let flag = ["--key-password-fd", "77"];
    let text = IdentityFiles::encrypted().refuses(3, &flag);
    assert!(text.contains("Bad file descriptor") && text.contains(flag[0]), "{text}");
    assert!(!text.contains("77"), "{text}");
}

#[test]
fn two_places_of_a_password_are_refused() {
    let flags = ["--pkcs8-password", PASSWORD, "--key-password-env", "X"];
    let text = IdentityFiles::encrypted().refuses(2, &flags);
    assert!(text.contains("--pkcs8-password") && text.contains("--key-password-env"), "{text}");
}

#[test]
fn password_descriptor_that_is_not_a_number_is_refused() {
    let text = IdentityFiles::encrypted().refuses(2, &["--key-password-fd", "three"]);
    assert!(text.contains("--key-password-fd"), "{text}");
}
