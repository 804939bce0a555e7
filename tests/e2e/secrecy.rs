//! What the program never lets out: secrets by `--debug`, by a core dump, by half an answer.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::environment::{CommandOutput, TestEnvironment};
use crate::leak;

/// Makes the tests `NAME::rsa2048` and so on of a function that takes the name of a leaf.
macro_rules! each_kind {
    ($($name:ident)*) => { $(
        mod $name {
            #[test]
            fn rsa2048() {
                super::$name("rsa2048");
            }

            #[test]
            fn rsa4096() {
                super::$name("rsa4096");
            }

            #[test]
            fn p256() {
                super::$name("p256");
            }

            #[test]
            fn p384() {
                super::$name("p384");
            }

            #[test]
            fn p521() {
                super::$name("p521");
            }
        }
    )* };
}

each_kind! {
    success_is_one_line_of_json
    debug_shows_the_work_and_no_secret
}

fn success_is_one_line_of_json(kind: &str) {
    let env = TestEnvironment::new().identity(&format!("leaf/{kind}"));
    let output = env.run("credential-process");
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output}");
    let text = output.text();
    assert!(text.ends_with("}\n") && text.matches('\n').count() == 1, "{text}");
    let document = output.json();
    let members =
        ["Version", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration", "AccountId"];
    let values = members.map(|member| format!("\"{member}\":{}", document[member]));
    assert_eq!(text, format!("{{{}}}\n", values.join(",")));
    assert_eq!(document["Version"], 1);
    let expiration = document["Expiration"].as_str().unwrap();
    let shape = expiration.replace(|c: char| c.is_ascii_digit(), "9");
    assert_eq!(shape, "9999-99-99T99:99:99Z");
}

fn debug_shows_the_work_and_no_secret(kind: &str) {
    let env = TestEnvironment::new().identity(&format!("leaf/{kind}"));
    let output = env.run("credential-process --debug");
    assert_eq!(output.code, 0, "{output}");
    for shown in ["canonical request", "string to sign", env.emulator().endpoint()] {
        assert!(output.stderr.contains(shown), "{shown}: {output}");
    }
    let document = output.json();
    let session = ["SecretAccessKey", "SessionToken"];
    says_nothing_of(&output, &session.map(|member| document[member].as_str().unwrap()));
    says_nothing_of_key(&output, &env.read(&format!("leaf/{kind}.key.pem")));
}

#[track_caller]
fn says_nothing_of(output: &CommandOutput, secrets: &[&str]) {
    for secret in secrets {
        assert!(!secret.is_empty() && !output.stderr.contains(secret), "{secret}: {output}");
    }
}

/// Expects no private number of a key, which the search of every run finds in base64 and in
/// hexadecimal digits, in decimal digits either, and not the first line of its PEM.
#[track_caller]
fn says_nothing_of_key(output: &CommandOutput, pem: &str) {
    let numbers = leak::secrets_of(pem.as_bytes());
    assert!(!numbers.is_empty());
    numbers.iter().for_each(|number| says_nothing_of(output, &[&decimal(number)]));
    says_nothing_of(output, &[pem.lines().nth(1).unwrap()]);
}

/// Returns the decimal digits of a number that begins with its highest octet.
fn decimal(number: &[u8]) -> String {
    let mut digits = vec![0_u8];
    for octet in number {
        let mut carry = u16::from(*octet);
        for digit in &mut digits {
            carry += u16::from(*digit) * 256;
            *digit = u8::try_from(carry % 10).unwrap();
            carry /= 10;
        }
        while carry > 0 {
            digits.push(u8::try_from(carry % 10).unwrap());
            carry /= 10;
        }
    }
    digits.iter().rev().map(|digit| char::from(b'0' + digit)).collect()
}

#[test]
fn decimal_digits_are_those_of_the_number() {
    assert_eq!(decimal(&[0, 1, 0xe2, 0x40]), "123456");
    assert_eq!(decimal(&u64::MAX.to_be_bytes()), u64::MAX.to_string());
}

#[test]
fn debug_of_a_secret_shows_neither_it_nor_the_session() {
    let env = TestEnvironment::new();
    let secret = "correct horse battery staple";
    for more in ["", "--output json", "--key password"] {
        let output = env.run(&format!("secret get prod/db-credentials --debug {more}"));
        assert!(output.code == 0 && output.text().contains(secret), "{output}");
        // The session is never printed; a token begins with the last.
        says_nothing_of(&output, &[secret, "IQoJ"]);
        says_nothing_of_key(&output, &env.read("leaf/p256.key.pem"));
    }
}

const CUT_KEY: &str = "SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS";

/// An answer with credentials that cannot be used.
fn debug_of_a_bad_answer(spoil: impl FnOnce(String) -> String) {
    let env = TestEnvironment::new();
    let token = format!("IQoJ{}", "T".repeat(400));
    let credentials = json!({
        "accessKeyId": "ASIAEEEEEEEEEEEEEEEE",
        "secretAccessKey": CUT_KEY,
        "sessionToken": token,
    });
    let body = json!({"credentialSet": [{"credentials": credentials}]}).to_string();
    env.emulator().fault(json!({"operation": "CreateSession", "body": spoil(body)}));
    let output = env.run("credential-process --debug");
    assert_eq!((output.code, output.text().as_str()), (5, ""), "{output}");
    says_nothing_of(&output, &[CUT_KEY, &token]);
}

#[test]
fn debug_of_an_answer_without_an_expiration_shows_no_secret() {
    debug_of_a_bad_answer(|body| body);
}

#[test]
fn debug_of_a_cut_answer_shows_no_secret() {
    debug_of_a_bad_answer(|body| body[..body.len() - 3].to_owned());
}

#[test]
fn debug_of_an_answer_of_a_wrong_type_shows_no_secret() {
    debug_of_a_bad_answer(|body| body.replace("\"ASIAEEEEEEEEEEEEEEEE\"", "17"));
}

#[track_caller]
fn fails_into_a_full_disk(arguments: &[&str]) {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = TestEnvironment::new().program().run_into(arguments, Stdio::from(full));
    assert_eq!(output.code, 6, "{output}");
    assert!(output.stderr.starts_with("error: cannot write to standard output\n"), "{output}");
    assert!(output.stderr.contains("No space left on device"), "{output}");
}

#[test]
fn credentials_for_a_full_disk_are_an_error() {
    fails_into_a_full_disk(&["credential-process"]);
}

#[test]
fn secret_for_a_full_disk_is_an_error() {
    fails_into_a_full_disk(&["secret", "get", "prod/db-credentials"]);
}

#[test]
fn binary_secret_for_a_full_disk_is_an_error() {
    fails_into_a_full_disk(&["secret", "get", "prod/keystore"]);
}

#[test]
fn help_for_a_full_disk_is_an_error() {
    fails_into_a_full_disk(&["--help"]);
}

#[test]
fn version_for_a_full_disk_is_an_error() {
    fails_into_a_full_disk(&["--version"]);
}

#[test]
fn closed_pipe_is_an_error_and_no_panic() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output =
        TestEnvironment::new().program().run_into(&["credential-process"], Stdio::from(writer));
    assert!(output.code == 6 && !output.stderr.contains("panic"), "{output}");
}

/// Allows core dumps as far as this process may, in a directory of the test.
const WITH_CORE_DUMPS: &[&str] =
    &["sh", "-c", r#"cd "$CORE" && ulimit -S -c "$(ulimit -H -c)" && exec "$@""#, "sh"];

#[test]
fn crash_leaves_no_core_dump() {
    let env = TestEnvironment::new();
    env.emulator().fault(json!({"operation": "CreateSession", "delay_ms": 30_000}));
    assert_no_core_dump(&env, &["credential-process"], &["CreateSession"]);
}

/// While it waits for a parameter, it has the session, and the secret or its request.
#[test]
fn crash_of_exec_leaves_no_core_dump() {
    let env = TestEnvironment::new();
    env.emulator().fault(json!({"operation": "GetParameters", "delay_ms": 30_000}));
    let references = ["--env=A=sm://prod/plain", "--env=B=ssm:///prod/db/password"];
    let arguments = [&["exec"], &references[..], &["--", "true"]].concat();
    assert_no_core_dump(&env, &arguments, &["GetSecretValue", "GetParameters"]);
}

/// Runs the program until all `operations` were asked for, and has it crash then: as the user nobody,
/// since the memory of a process of root belongs to root in any case.
fn assert_no_core_dump(env: &TestEnvironment, arguments: &[&str], operations: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let (dumps, ca) = (folder.path().join("dumps"), folder.path().join("ca.pem"));
    fs::create_dir(&dumps).unwrap();
    fs::set_permissions(&dumps, fs::Permissions::from_mode(0o777)).unwrap();
    // Nobody cannot read the files of the emulator.
    fs::write(&ca, env.read("tls-ca.pem")).unwrap();
    let mut program = env.program().clone().set("CORE", &dumps).set("AWS_CA_BUNDLE", ca);
    for (name, file) in [
        ("CERTIFICATE", "leaf/p256.pem"),
        ("PRIVATE_KEY", "leaf/p256.key.pem"),
        ("INTERMEDIATES", "anchor/intermediate.pem"),
    ] {
        let option = format!("ROLES_ANYWHERE_{name}");
        program = program.set(name, env.read(file)).set(&option, format!("env:{name}"));
    }
    let program = program.launched_by(WITH_CORE_DUMPS);
    let (mut child, _program) = program.spawn_as_nobody(arguments);
    let start = Instant::now();
    let is_asked = |operation: &&str| {
        env.emulator().requests().iter().any(|request| request["operation"] == **operation)
    };
    while !operations.iter().all(is_asked) {
        // Nothing announces that a request came in.
        assert!(start.elapsed() < Duration::from_secs(30) && child.try_wait().unwrap().is_none());
        thread::sleep(Duration::from_millis(10));
    }
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    let memory = fs::metadata(format!("/proc/{}/mem", child.id())).unwrap();
    let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::ABORT).unwrap();
    let status = child.wait().unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    // The hard limit stays: `exec` raises the soft one again.
    assert_eq!(core.split_whitespace().nth(4), Some("0"));
    // With a program for a `core_pattern` the limit does not count.
    assert_eq!(memory.uid(), 0, "the process is dumpable");
    assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()));
    assert!(!status.core_dumped());
    assert_eq!(dumps.read_dir().unwrap().count(), 0);
}
