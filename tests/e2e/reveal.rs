//! Keys and passwords where they do not belong: in every option and variable, in every form.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use crate::daemon::Daemon;
use crate::environment::{Program, emulator, steady};
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

/// The options of `credential-process` that take a value, but the password itself.
const OPTIONS: [&str; 26] = [
    "certificate",
    "private-key",
    "intermediates",
    "key-password-file",
    "key-password-env",
    "key-password-fd",
    "strict-permissions",
    "trust-anchor-arn",
    "profile-arn",
    "role-arn",
    "role-session-name",
    "session-duration",
    "region",
    "endpoint",
    "no-verify-ssl",
    "with-proxy",
    "debug",
    "ca-bundle",
    "proxy",
    "timeout",
    "fips",
    "dual-stack",
    "cache-dir",
    "no-cache",
    "cert-selector",
    "pkcs11-lib",
];

/// Variables of other programs that are asked.
const VARIABLES: [&str; 15] = [
    "AWS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "NO_PROXY",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_ROLESANYWHERE",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_SHARED_CREDENTIALS_FILE",
    "RUNTIME_DIRECTORY",
    "XDG_RUNTIME_DIR",
    "CREDENTIALS_DIRECTORY",
    "HOME",
];

fn key(tool_directory: &Path) -> String {
    fs::read_to_string(tool_directory.join("leaf/p256.key.pem")).unwrap()
}

/// The runner searches each output; what is checked here is that there is an error at all.
#[test]
fn a_key_in_any_option_is_named_and_not_shown() {
    let _busy = machine::busy();
    let emulator = emulator();
    let tool = Program::new(&emulator);
    let pem = key(emulator.directory());
    for (form, value) in forms(&pem) {
        for option in OPTIONS {
            let outcome = tool.run(&["credential-process", &format!("--{option}={value}")]);
            assert_eq!(outcome.code, 2, "--{option} {form}: {outcome}");
            assert!(outcome.stdout.is_empty(), "--{option} {form}");
        }
    }
}

#[test]
fn a_key_in_any_variable_is_not_shown() {
    let _busy = machine::busy();
    let emulator = emulator();
    let pem = key(emulator.directory());
    let own = OPTIONS
        .map(|option| format!("ROLES_ANYWHERE_{}", option.to_ascii_uppercase().replace('-', "_")));
    for (form, value) in forms(&pem) {
        for name in own.iter().map(String::as_str).chain(VARIABLES) {
            let tool = Program::new(&emulator);
            let tool = match name {
                "AWS_CA_BUNDLE" | "SSL_CERT_FILE" => tool.unset("AWS_CA_BUNDLE"),
                _ => tool,
            };
            let outcome = tool.set(name, &value).run(&["credential-process", "--region", ""]);
            let is_asked = own[..24].iter().any(|own| own == name);
            assert!(!is_asked || outcome.code == 2, "{name} {form}: {outcome}");
        }
    }
}

#[test]
fn a_key_where_any_command_takes_something_is_not_shown() {
    let _busy = machine::busy();
    let emulator = emulator();
    let tool = Program::new(&emulator).set("HOME", emulator.directory());
    let pem = key(emulator.directory());
    for (form, value) in forms(&pem) {
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

/// What is there is shown from then on, in each error that names it.
#[test]
fn a_key_becomes_the_name_of_nothing() {
    let emulator = emulator();
    let tool = Program::new(&emulator).set("HOME", emulator.directory());
    let scalar = "7af6732f581d005afcf216f6f7d385e49acacc2cc670a4ad0da0e15cd5cdb1f4";
    let jwk = format!(r#"{{"kty":"oct","d":"{}"}}"#, &scalar[..40]);
    let colons = scalar.as_bytes().chunks(2).map(|two| str::from_utf8(two).unwrap());
    let values = [
        scalar.to_owned(),
        format!("0x{scalar}"),
        STANDARD.encode(&scalar[..32]),
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
    let outcome = tool.run(&["secret", "get", "prod/db-credentials", "--out", scalar]);
    steady(|| insta::assert_snapshot!("reveal_key_as_new_file", outcome.plain()));
    let named = emulator.directory().join(scalar);
    let outcome =
        tool.run(&["secret", "get", "prod/db-credentials", "--out", named.to_str().unwrap()]);
    assert_eq!(outcome.code, 0, "{outcome}");
}

#[test]
fn a_password_where_its_place_belongs_is_not_shown() {
    let emulator = emulator();
    let encrypted = Path::new(env!("CARGO_MANIFEST_DIR")).join("certs/forms/scrypt.key.pem");
    let tool = Program::new(&emulator).key(encrypted).detached();
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
fn says_what_is_there_instead() {
    let emulator = emulator();
    let tool = Program::new(&emulator);
    let pem = key(emulator.directory());
    let certificate = fs::read_to_string(emulator.directory().join("leaf/p256.pem")).unwrap();
    let rows = [
        ("reveal_key", "ROLES_ANYWHERE_PRIVATE_KEY", pem.clone()),
        ("reveal_key_behind_env", "ROLES_ANYWHERE_PRIVATE_KEY", format!("env:{pem}")),
        ("reveal_key_as_certificate", "ROLES_ANYWHERE_CERTIFICATE", STANDARD.encode(&pem)),
        ("reveal_certificate", "ROLES_ANYWHERE_CERTIFICATE", certificate),
        ("reveal_key_as_arn", "ROLES_ANYWHERE_ROLE_ARN", pem.clone()),
        ("reveal_key_as_region", "ROLES_ANYWHERE_REGION", pem.clone()),
        ("reveal_key_as_bundle", "AWS_CA_BUNDLE", pem.clone()),
        ("reveal_password_as_file", "ROLES_ANYWHERE_PRIVATE_KEY", "no-such-key".to_owned()),
        (
            "reveal_password_as_descriptor",
            "ROLES_ANYWHERE_KEY_PASSWORD_FD",
            PASSWORDS[1].to_owned(),
        ),
    ];
    for (name, variable, value) in rows {
        let tool = tool.clone().set(variable, value);
        let outcome = tool.run(&["credential-process"]);
        steady(|| insta::assert_snapshot!(name, outcome.plain()));
    }
}

/// A daemon with such a variable ends at once, and says so in its log and to systemd alike.
#[test]
fn a_daemon_shows_no_key_either() {
    let emulator = emulator();
    let pem = key(emulator.directory());
    for (_, value) in forms(&pem) {
        for variable in ["ROLES_ANYWHERE_PRIVATE_KEY", "ROLES_ANYWHERE_CERTIFICATE"] {
            let tool = Program::new(&emulator).set(variable, &value);
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
    let tool = Program::new(&emulator).set("ROLES_ANYWHERE_PRIVATE_KEY", PASSWORDS[1]);
    let line = ["serve", "--port", "0", "--token-file", token_file.to_str().unwrap()];
    let daemon = Daemon::start(&tool, &line);
    daemon.wait_for("listening");
    // What it logged and told systemd is searched when it is dropped.
    assert_eq!(daemon.stop(), Some(0));
}
