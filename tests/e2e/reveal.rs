//! Keys and passwords in the wrong place: in every option and variable, in every form.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use insta::assert_snapshot;
use roles_anywhere::options::table::cache::CACHE;
use roles_anywhere::options::table::errors::ERRORS;
use roles_anywhere::options::table::identity::{IDENTITY, KEY_ACCESS, NOT_YET, PKCS8_PASSWORD};
use roles_anywhere::options::table::session::{CHAIN, SESSION};
use roles_anywhere::options::table::transport::TRANSPORT;
use roles_anywhere::options::table::{OptionSpec, VARIABLES};

use crate::daemon::Daemon;
use crate::environment::{TestEnvironment, form};
use crate::leak::PASSWORDS;
use crate::machine;

/// Returns the forms in which a key gets into a value, each with a name.
fn forms(pem: &str) -> Vec<(&'static str, String)> {
    let lines = pem.lines().filter(|line| !line.starts_with("-----"));
    let base64: String = lines.collect();
    let der = STANDARD.decode(&base64).unwrap();
    vec![
        ("PEM", pem.to_owned()),
        ("PEM without the last line break", pem.trim_end().to_owned()),
        ("PEM on one line", pem.replace('\n', "")),
        ("PEM with \\n", pem.replace('\n', "\\n")),
        ("PEM with blanks", pem.replace('\n', " ")),
        ("base64 of PEM", STANDARD.encode(pem)),
        ("base64 of PEM, wrapped", wrapped(&STANDARD.encode(pem))),
        ("base64 of DER", base64.clone()),
        ("base64 of DER, wrapped", wrapped(&base64)),
        ("base64 for URLs", URL_SAFE.encode(&der)),
        ("hexadecimal DER", der.iter().map(|octet| format!("{octet:02x}")).collect()),
        ("env: and PEM", format!("env:{pem}")),
        ("env: and base64", format!("env:{base64}")),
        ("fd: and base64", format!("fd:{base64}")),
        ("a path and base64", format!("/{base64}")),
    ]
}

fn wrapped(text: &str) -> String {
    let lines = text.as_bytes().chunks(76).map(|line| str::from_utf8(line).unwrap());
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the options of `credential-process`, but the password itself.
fn options() -> impl Iterator<Item = &'static OptionSpec> {
    let groups: [&[&OptionSpec]; 8] =
        [IDENTITY, CHAIN, KEY_ACCESS, NOT_YET, SESSION, TRANSPORT, CACHE, ERRORS];
    groups.into_iter().flatten().copied().filter(|option| *option != &PKCS8_PASSWORD)
}

/// A number that may be a private key.
const SCALAR: &str = "7af6732f581d005afcf216f6f7d385e49acacc2cc670a4ad0da0e15cd5cdb1f4";

fn key(env: &TestEnvironment) -> String {
    env.read("leaf/p256.key.pem")
}

/// Each output is searched for secrets as it is read; this test checks that there is an error.
#[test]
fn a_key_in_any_option_is_named_and_not_shown() {
    let _busy = machine::busy();
    let env = TestEnvironment::new();
    for (form, value) in forms(&key(&env)) {
        for option in options() {
            let outcome = env.run_args(&["credential-process", &format!("{option}={value}")]);
            assert_eq!(outcome.code, 2, "{option} {form}: {outcome}");
            assert!(outcome.stdout.is_empty(), "{option} {form}");
        }
    }
}

#[test]
fn a_key_in_any_variable_is_not_shown() {
    let _busy = machine::busy();
    let env = TestEnvironment::new();
    let own: Vec<_> = options().filter_map(OptionSpec::own_variable).collect();
    assert!(own.len() > 20, "{own:?}");
    let others = options().flat_map(|option| option.variables().filter(|name| !own.contains(name)));
    let others: Vec<_> = others.chain(VARIABLES.iter().flat_map(|row| row.variables())).collect();
    for (form, value) in forms(&key(&env)) {
        for name in own.iter().chain(&others) {
            let tool = env.program().clone();
            let tool = match *name {
                "AWS_CA_BUNDLE" | "SSL_CERT_FILE" => tool.unset("AWS_CA_BUNDLE"),
                _ => tool,
            };
            let outcome = tool.set(name, &value).run(&["credential-process", "--region", ""]);
            let is_asked = own.contains(name);
            assert!(!is_asked || outcome.code == 2, "{name} {form}: {outcome}");
        }
    }
}

#[test]
fn a_key_in_any_argument_of_any_command_is_not_shown() {
    let _busy = machine::busy();
    let env = TestEnvironment::new();
    let tool = env.program().clone().set("HOME", env.path(""));
    for (form, value) in forms(&key(&env)) {
        let unknown = format!("--regoin={value}");
        let help = format!("--help={value}");
        let lines: [&[&str]; 24] = [
            &[&value],
            &["--private-key", &value],
            &["credential-process", &value],
            &["credential-process", "--", &value],
            &["credential-process", &unknown],
            &["credential-process", &help],
            &["completion", &value],
            &["secret", &value],
            &["secret", "get", "--", &value],
            &["secret", "get", "n", "--key", &value],
            &["secret", "get", "n", "--output", &value],
            &["secret", "get", "n", "--out", &value],
            &["secret", "get", "n", "--version-id", &value],
            &["secret", "get", "n", "--secrets-endpoint", &value],
            &["sign-string", "--format", &value],
            &["sign-string", "--digest", &value],
            &["read-certificate-data", "--output", &value],
            &["update", "--once", "--profile", &value],
            &["update", "--once", "--credentials-file", &value],
            &["serve", "--listen", &value],
            &["serve", "--port", &value],
            &["serve", "--token-file", &value],
            &["serve", "--log-format", &value],
            &["cache", "show", "--cache-dir", &value],
        ];
        for line in lines {
            let outcome = tool.run(line);
            assert_eq!(outcome.code, 2, "{} {form}: {outcome}", line[0]);
        }
    }
}

/// The name of a file that exists is shown in every error about it.
#[test]
fn a_key_becomes_the_name_of_nothing() {
    let env = TestEnvironment::new();
    let tool = env.program().clone().set("HOME", env.path(""));
    let jwk = format!(r#"{{"kty":"oct","d":"{}"}}"#, &SCALAR[..40]);
    let colons = SCALAR.as_bytes().chunks(2).map(|two| str::from_utf8(two).unwrap());
    let values = [
        SCALAR.to_owned(),
        format!("0x{SCALAR}"),
        STANDARD.encode(&SCALAR[..32]),
        colons.collect::<Vec<_>>().join(":"),
        "5562".repeat(19),
        jwk,
    ];
    for value in values {
        let lines: [&[&str]; 4] = [
            &["credential-process", "--cache-dir", &value],
            &["secret", "get", "prod/db-credentials", "--out", &value],
            &["update", "--once", "--credentials-file", &value],
            &["serve", "--fail-fast", "--token-file", &value],
        ];
        for line in lines {
            let outcome = tool.run(line);
            assert_eq!(outcome.code, 2, "{value}: {outcome}");
            assert!(!outcome.stderr.contains(&value[2..16]), "{outcome}");
            let made = fs::exists(&value).unwrap();
            let _ = fs::remove_file(&value);
            assert!(!made, "{}: {value}", line[0]);
        }
        let outcome = tool.clone().set("HOME", &value).unset("AWS_SHARED_CREDENTIALS_FILE");
        let outcome = outcome.run(&["update", "--once"]);
        assert_eq!(outcome.code, 2, "{value}: {outcome}");
    }
}

#[test]
fn names_a_key_for_the_name_of_a_new_file() {
    let env = TestEnvironment::offline();
    let output = env.fails(&format!("secret get prod/db-credentials --out {SCALAR}"));
    assert_snapshot!(output, @"
    $ roles-anywhere secret get prod/db-credentials --out 7af6732f581d005afcf216f6f7d385e49acacc2cc670a4ad0da0e15cd5cdb1f4
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value for `--out` (not shown, as it may be a secret): no such file or directory
      hint: if it is the name of a new file or directory, write it as `./NAME`
    ");
}

#[test]
fn a_key_may_be_the_name_of_a_new_file_in_a_directory() {
    let env = TestEnvironment::new();
    let named = env.path(SCALAR);
    let output = env.run(&format!("secret get prod/db-credentials --out {}", named.display()));
    assert_eq!(output.code, 0, "{output}");
}

#[test]
fn a_password_in_place_of_its_file_is_not_shown() {
    let env = TestEnvironment::new().detached().key(form("scrypt.key.pem"));
    let tool = env.program();
    for password in PASSWORDS {
        for option in ["key-password-file", "key-password-env", "key-password-fd"] {
            let flag = format!("--{option}");
            let flagged = tool.run(&["credential-process", &flag, password]);
            assert!(matches!(flagged.code, 2 | 3), "{flagged}");
            assert!(flagged.stderr.contains(&flag), "{flagged}");
            let name = format!("ROLES_ANYWHERE_{}", option.to_ascii_uppercase().replace('-', "_"));
            let variable = tool.clone().set(&name, password).run(&["sign-string"]);
            assert!(matches!(variable.code, 2 | 3), "{variable}");
            assert!(variable.stderr.contains(&name), "{variable}");
        }
        let proxy = format!("http://me:{password}@proxy.example:99999");
        tool.clone().set("HTTPS_PROXY", &proxy).run(&[
            "credential-process",
            "--endpoint",
            "https://a.example",
        ]);
        tool.run(&["credential-process", "--proxy", &proxy]);
        tool.run(&[
            "credential-process",
            "--endpoint",
            &format!("https://me:{password}@a.example"),
        ]);
        tool.run(&["credential-process", "--pkcs8-password", "wrong", password]);
        tool.run(&["credential-process", "--pkcs8-password", &format!("--{password}")]);
    }
}

#[test]
fn names_a_key_for_a_path() {
    let env = TestEnvironment::new();
    let value = key(&env);
    let env = env.var("ROLES_ANYWHERE_PRIVATE_KEY", value);
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY='-----BEGIN PRIVATE KEY--…' roles-anywhere credential-process
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value for `ROLES_ANYWHERE_PRIVATE_KEY`: expected the path of a file, got a private key
      hint: write the key to a file and pass its path, or pass `--private-key env:NAME`
    ");
}

#[test]
fn names_a_key_for_a_variable() {
    let env = TestEnvironment::new();
    let value = format!("env:{}", key(&env));
    let env = env.var("ROLES_ANYWHERE_PRIVATE_KEY", value);
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY='env:-----BEGIN PRIVATE K…' roles-anywhere credential-process
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value for `ROLES_ANYWHERE_PRIVATE_KEY`: expected the name of a variable after `env:`, got a private key
      hint: `env:` expects the name of a variable, not its value: export it as NAME, and pass `--private-key env:NAME`
    ");
}

#[test]
fn names_a_key_for_a_certificate() {
    let env = TestEnvironment::new();
    let value = STANDARD.encode(key(&env));
    let env = env.var("ROLES_ANYWHERE_CERTIFICATE", value);
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_CERTIFICATE=LS0tLS1CRUdJTiBQUklWQVRF… roles-anywhere credential-process
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value for `ROLES_ANYWHERE_CERTIFICATE`: expected the path of a file, got a private key
      hint: check that `--certificate` and `--private-key` are not swapped; each expects a path or `env:NAME`
    ");
}

#[test]
fn names_a_certificate_for_a_path() {
    let env = TestEnvironment::new();
    let value = env.read("leaf/p256.pem");
    let env = env.var("ROLES_ANYWHERE_CERTIFICATE", value);
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_CERTIFICATE='-----BEGIN CERTIFICATE--…' roles-anywhere credential-process
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value for `ROLES_ANYWHERE_CERTIFICATE`: expected the path of a file, got a certificate
      hint: write the certificate to a file and pass its path, or pass `--certificate env:NAME`
    ");
}

#[test]
fn names_a_key_for_an_arn() {
    let env = TestEnvironment::new();
    let value = key(&env);
    let env = env.var("ROLES_ANYWHERE_ROLE_ARN", value);
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_ROLE_ARN='-----BEGIN PRIVATE KEY--…' roles-anywhere credential-process
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value for `ROLES_ANYWHERE_ROLE_ARN`: expected an ARN, got a private key
      hint: pass a key with `--private-key`, as a path or as `env:NAME`
    ");
}

#[test]
fn names_a_key_for_a_region() {
    let env = TestEnvironment::new();
    let value = key(&env);
    let env = env.var("ROLES_ANYWHERE_REGION", value);
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_REGION='-----BEGIN PRIVATE KEY--…' roles-anywhere credential-process
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value for `ROLES_ANYWHERE_REGION`: it is a private key
      hint: pass a key with `--private-key`, as a path or as `env:NAME`
    ");
}

#[test]
fn names_a_key_for_a_bundle() {
    let env = TestEnvironment::new();
    let value = key(&env);
    let env = env.var("AWS_CA_BUNDLE", value);
    assert_snapshot!(env.fails("credential-process"), @"
    $ AWS_CA_BUNDLE='-----BEGIN PRIVATE KEY--…' roles-anywhere credential-process
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value for `AWS_CA_BUNDLE`: expected the path of a file, got a private key
      hint: pass a key with `--private-key`, as a path or as `env:NAME`
    ");
}

#[test]
fn hides_a_password_for_a_path() {
    let env = TestEnvironment::offline().var("ROLES_ANYWHERE_PRIVATE_KEY", "no-such-key");
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_PRIVATE_KEY=no-such-key roles-anywhere credential-process
    exit code: 3
    ----- stdout -----
    ----- stderr -----
    error: cannot read the file named by `ROLES_ANYWHERE_PRIVATE_KEY`
      caused by: No such file or directory (os error 2)
      hint: `ROLES_ANYWHERE_PRIVATE_KEY` expects the path of a file; its value is not shown, as it may be a secret
    ");
}

#[test]
fn hides_a_password_for_a_descriptor() {
    let env = TestEnvironment::offline().var("ROLES_ANYWHERE_KEY_PASSWORD_FD", PASSWORDS[1]);
    assert_snapshot!(env.fails("credential-process"), @"
    $ ROLES_ANYWHERE_KEY_PASSWORD_FD=correct-horse-battery roles-anywhere credential-process
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value for `ROLES_ANYWHERE_KEY_PASSWORD_FD`: expected the number of an open file descriptor
      hint: pass the number, such as `3` with `3< FILE` in a shell, or write the password to a file and pass its path with `--key-password-file`
    ");
}

/// A daemon with such a variable ends at once, and says so in its log and to systemd alike.
#[test]
fn a_daemon_shows_no_key_either() {
    let env = TestEnvironment::new();
    for (_, value) in forms(&key(&env)) {
        for variable in ["ROLES_ANYWHERE_PRIVATE_KEY", "ROLES_ANYWHERE_CERTIFICATE"] {
            let tool = env.program().clone().set(variable, &value);
            for command in
                [&["serve", "--port", "0", "--fail-fast"][..], &["update", "--fail-fast"]]
            {
                let outcome = tool.run(command);
                assert_eq!(outcome.code, 2, "{outcome}");
            }
        }
    }
    // A password for a path is no usage error: the daemon keeps trying.
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    let tool = env.program().clone().set("ROLES_ANYWHERE_PRIVATE_KEY", PASSWORDS[1]);
    let line = ["serve", "--port", "0", "--token-file", token_file.to_str().unwrap()];
    let daemon = Daemon::start(&tool, &line);
    daemon.wait_for("listening");
    // What it logged and told systemd is searched when it is dropped.
    assert_eq!(daemon.stop(), Some(0));
}
