//! Hints, which name the option and what belongs into it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use insta::assert_snapshot;
use serde_json::json;

use crate::environment::{TestEnvironment, form};

#[test]
fn advises_to_pass_a_certificate_as_intermediates() {
    let env = TestEnvironment::new();
    let key = env.path("leaf/p256.key.pem");
    let key = key.display();
    assert_snapshot!(env.fails(&format!("credential-process --intermediates {key}")), @"
    $ roles-anywhere credential-process --intermediates DIR/leaf/p256.key.pem
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: `DIR/leaf/p256.key.pem` (from --intermediates) contains no certificate, only `PRIVATE KEY`
      hint: pass a file of CA certificates; this file contains a private key
    ");
}

#[test]
fn advises_to_set_the_variable_of_a_key() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("credential-process --private-key env:NOPE"), @"
    $ roles-anywhere credential-process --private-key env:NOPE
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot read the environment variable `NOPE` (from --private-key)
      caused by: it is unset or empty
      hint: set `NOPE` and export it, or pass the name of another variable with `--private-key`
    ");
}

#[test]
fn advises_to_open_the_descriptor_of_a_key() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("credential-process --private-key fd:987"), @"
    $ roles-anywhere credential-process --private-key fd:987
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot read file descriptor 987 (from --private-key)
      caused by: Bad file descriptor (os error 9)
      hint: open file descriptor 987 for this process, in a shell with `987< FILE`
    ");
}

#[test]
fn advises_to_expand_a_tilde() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("credential-process --private-key ~/host.key"), @"
    $ roles-anywhere credential-process --private-key '~/host.key'
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot read `~/host.key` (from --private-key)
      caused by: No such file or directory (os error 2)
      hint: write the full path: `~` and `$HOME` are expanded neither here nor in a `credential_process` line
    ");
}

#[test]
fn advises_to_expand_a_variable() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("credential-process --certificate $HOME/pki/host.pem"), @"
    $ roles-anywhere credential-process --certificate '$HOME/pki/host.pem'
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot read the file named by `--certificate`
      caused by: No such file or directory (os error 2)
      hint: write the full path: `~` and `$HOME` are expanded neither here nor in a `credential_process` line
    ");
}

#[test]
fn advises_to_pass_a_path_which_is_not_shown() {
    let env = TestEnvironment::offline();
    assert_snapshot!(env.fails("credential-process --certificate pki/host"), @"
    $ roles-anywhere credential-process --certificate pki/host
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot read the file named by `--certificate`
      caused by: No such file or directory (os error 2)
      hint: `--certificate` expects the path of a file; its value is not shown, as it may be a secret
    ");
}

#[test]
fn advises_to_name_a_password_file_that_exists() {
    let env = TestEnvironment::offline().detached().key(form("scrypt.key.pem"));
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

#[test]
fn advises_to_set_the_variable_of_a_password() {
    let env = TestEnvironment::offline().detached().key(form("scrypt.key.pem"));
    assert_snapshot!(env.fails("credential-process --key-password-env NOPE"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=REPO/certs/forms/scrypt.key.pem roles-anywhere credential-process --key-password-env NOPE
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot use the private key in `REPO/certs/forms/scrypt.key.pem` (from ROLES_ANYWHERE_PRIVATE_KEY)
      caused by: the private key is encrypted
      caused by: cannot read the environment variable named by `--key-password-env`
      caused by: it is unset or empty
      hint: `--key-password-env` expects the name of a variable that is set and exported
    ");
}

#[test]
fn advises_to_open_the_descriptor_of_a_password() {
    let env = TestEnvironment::offline().detached().key(form("scrypt.key.pem"));
    assert_snapshot!(env.fails("credential-process --key-password-fd 987"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=REPO/certs/forms/scrypt.key.pem roles-anywhere credential-process --key-password-fd 987
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot use the private key in `REPO/certs/forms/scrypt.key.pem` (from ROLES_ANYWHERE_PRIVATE_KEY)
      caused by: the private key is encrypted
      caused by: cannot read the file descriptor named by `--key-password-fd`
      caused by: Bad file descriptor (os error 9)
      hint: `--key-password-fd` expects the number of an open file descriptor: in a shell, `3` with `3< FILE`
    ");
}

#[test]
fn advises_to_compare_the_accounts() {
    let env = TestEnvironment::new();
    assert_snapshot!(env.fails("credential-process --role-arn arn:aws:iam::999999999999:role/R"), @"
    $ roles-anywhere credential-process --role-arn arn:aws:iam::999999999999:role/R
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused CreateSession: 403 AccessDeniedException
      caused by: Requested Role isn't one of those listed in the Profile. (request id UUID)
      hint: use a trust anchor, a profile and a role of one account: the trust anchor is in 123456789012, the profile in 123456789012 and the role in 999999999999
    ");
}

#[test]
fn advises_to_compare_the_regions_of_role_and_secret() {
    let env = TestEnvironment::new().fault(json!({
        "operation": "GetSecretValue",
        "status": 400,
        "code": "UnrecognizedClientException",
        "message": "The security token included in the request is invalid.",
        "times": 2,
    }));
    let endpoint = env.emulator().endpoint();
    assert_snapshot!(env.fails(&format!("secret get n --region eu-west-1 --secrets-endpoint {endpoint}")), @"
    $ roles-anywhere secret get n --region eu-west-1 --secrets-endpoint https://127.0.0.1:PORT
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused GetSecretValue: 400 UnrecognizedClientException
      caused by: The security token included in the request is invalid. (request id UUID)
      hint: check that `--secrets-endpoint` belongs to AWS, and that no proxy changes headers: a new session from us-east-1 was not accepted in eu-west-1
    ");
}

#[test]
fn advises_to_speak_tls() {
    let env = TestEnvironment::offline();
    // What a TLS server answers to plain HTTP: an alert, "unexpected message".
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let plain = format!("http://{}", server.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in server.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4_096]);
            let _ = stream.write_all(b"\x15\x03\x01\0\x02\x02\x0a");
        }
    });
    assert_snapshot!(env.fails(&format!("credential-process --endpoint {plain}")), @"
    $ roles-anywhere credential-process --endpoint http://127.0.0.1:PORT
    exit code: 5
    ----- stdout -----
    ----- stderr -----
    error: 127.0.0.1 closed the connection before the response was complete, tried 3 times
      caused by: invalid HTTP version parsed
      hint: if the server expects TLS on that port, write the endpoint as `https://`
    ");
}
