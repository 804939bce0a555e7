//! `secret get`: one process from the certificate to the secret.

use crate::environment::{Program, emulator};
use serde_json::json;

const DB: &str = "prod/db-credentials";

#[test]
fn prints_the_secret_as_it_is() {
    let emulator = emulator();
    let outcome = Program::new(&emulator).run(&["secret", "get", DB]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome}");
    assert_eq!(outcome.json()["username"], "app");
    assert!(!outcome.stdout.ends_with(b"\n"), "a pipe gets the bytes alone");
}

#[test]
fn prints_one_member() {
    let emulator = emulator();
    let tool = Program::new(&emulator);
    let member = |key: &str| tool.run(&["secret", "get", DB, "--key", key]).text();
    assert_eq!(member("password"), "correct horse battery staple");
    assert_eq!(member("port"), "5432");
}

#[test]
fn prints_the_members_of_the_aws_cli() {
    let emulator = emulator();
    let document = Program::new(&emulator).run(&["secret", "get", DB, "--output", "json"]).json();
    let members: Vec<&String> = document.as_object().unwrap().keys().collect();
    let wanted = ["ARN", "CreatedDate", "Name", "SecretString", "VersionId", "VersionStages"];
    assert_eq!(members, wanted);
    assert_eq!(document["VersionStages"], json!(["AWSCURRENT"]));
    assert!(document["CreatedDate"].as_str().unwrap().ends_with("+00:00"));
}

#[test]
fn finds_a_secret_by_its_arn_and_version() {
    let emulator = emulator();
    let tool = Program::new(&emulator);
    let document = tool.run(&["secret", "get", DB, "--output", "json"]).json();
    let (arn, version) =
        (document["ARN"].as_str().unwrap(), document["VersionId"].as_str().unwrap());
    let both = ["secret", "get", arn, "--version-id", version, "--version-stage", "AWSCURRENT"];
    assert_eq!(tool.run(&both).json()["username"], "app");
}

#[test]
fn hands_binary_out_as_it_is() {
    let emulator = emulator();
    let tool = Program::new(&emulator);
    let bytes: Vec<u8> = (0..=255).collect();
    assert_eq!(tool.run(&["secret", "get", "prod/keystore"]).stdout, bytes);

    let path = emulator.directory().join("keystore");
    let out = path.to_str().unwrap();
    let outcome = tool.run(&["secret", "get", "prod/keystore", "--out", out]);
    assert_eq!((outcome.code, outcome.stdout.len()), (0, 0), "{outcome}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn leaves_the_file_as_it_is_if_it_fails() {
    let emulator = emulator();
    let path = emulator.directory().join("kept");
    std::fs::write(&path, "before").unwrap();
    let out = path.to_str().unwrap();
    let outcome = Program::new(&emulator).run(&["secret", "get", "prod/absent", "--out", out]);
    assert_eq!(outcome.code, 4);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "before");
}

#[test]
fn tries_again_at_secrets_manager_too() {
    let emulator = emulator();
    emulator.fault(json!({"operation": "GetSecretValue", "status": 500, "times": 2}));
    let outcome = Program::new(&emulator).run(&["secret", "get", DB]);
    assert_eq!(outcome.code, 0, "{outcome}");
    assert_eq!(emulator.requests().len(), 4);
}

#[test]
fn shows_no_secret_under_debug() {
    let emulator = emulator();
    let outcome = Program::new(&emulator).run(&["secret", "get", DB, "--debug"]);
    assert_eq!(outcome.code, 0);
    assert!(!outcome.stderr.contains("correct horse"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("GetSecretValue of prod/db-credentials in us-east-1"));
}

#[test]
fn takes_a_dash_and_the_descriptor_for_standard_output() {
    use std::io::Write as _;
    let emulator = emulator();
    let tool = Program::new(&emulator);
    let get = |out: &str| tool.run(&["secret", "get", "prod/keystore", "--out", out]);
    let bytes: Vec<u8> = (0..=255).collect();
    for out in ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        let outcome = get(out);
        assert_eq!((outcome.code, &outcome.stdout), (0, &bytes), "{out}: {outcome}");
    }
    // Behind `>> FILE` it appends, as any program does.
    let path = emulator.directory().join("appended");
    std::fs::write(&path, "before").unwrap();
    for out in ["-", "/dev/stdout"] {
        let mut file = std::fs::File::options().append(true).open(&path).unwrap();
        file.write_all(b"|").unwrap();
        let arguments = ["secret", "get", "prod/keystore", "--out", out];
        assert_eq!(tool.run_into(&arguments, file.into()).code, 0);
    }
    let appended = [b"before|", &bytes[..], b"|", &bytes].concat();
    assert_eq!(std::fs::read(&path).unwrap(), appended);
}

#[test]
fn names_the_directory_that_a_file_is_to_be_written_to() {
    let emulator = emulator();
    let out = |path: &std::path::Path| {
        let tool = Program::new(&emulator);
        tool.run(&["secret", "get", DB, "--out", path.to_str().unwrap()])
    };
    let folder = emulator.directory().join("missing");
    let outcome = out(&folder.join("secret"));
    assert_eq!((outcome.code, outcome.stdout.len()), (6, 0), "{outcome}");
    let words = format!("there is no directory `{}`", folder.display());
    assert!(outcome.stderr.contains(&words), "{outcome}");
    assert!(outcome.stderr.contains("hint: create the directory"), "{outcome}");
    // Behind a slash belongs a directory.
    let outcome = out(&emulator.directory().join("file/"));
    assert_eq!((outcome.code, outcome.stdout.len()), (2, 0), "{outcome}");
    assert!(outcome.stderr.contains("for `--out`: expected"), "{outcome}");
    assert!(outcome.stderr.contains("the path of a file"), "{outcome}");
    assert!(!emulator.directory().join("file").exists());
}

#[test]
fn does_not_wait_for_ever_for_the_reader_of_a_pipe() {
    let emulator = emulator();
    let path = emulator.directory().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let arguments = ["secret", "get", DB, "--timeout", "2", "--out", path.to_str().unwrap()];
    let outcome = Program::new(&emulator).run(&arguments);
    assert_eq!((outcome.code, outcome.stdout.len()), (6, 0), "{outcome}");
    assert!(outcome.stderr.contains("no process read it"), "{outcome}");
}

#[test]
fn writes_to_no_pipe_and_through_no_link_of_another_user() {
    use std::os::unix::fs::{MetadataExt as _, lchown, symlink};
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        use std::io::Write as _;
        let words = "skipped: only root can make files of another user";
        let _ = writeln!(std::io::stderr(), "{words}");
        return;
    }
    let emulator = emulator();
    let at = |name: &str| emulator.directory().join(name);
    std::fs::write(at("file"), "before").unwrap();
    symlink("file", at("link")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
    for name in ["link", "pipe"] {
        lchown(at(name), Some(65_534), None).unwrap();
        let out = at(name);
        let arguments = ["secret", "get", DB, "--out", out.to_str().unwrap()];
        let outcome = Program::new(&emulator).run(&arguments);
        assert_eq!((outcome.code, outcome.stdout.len()), (6, 0), "{outcome}");
        assert!(outcome.stderr.contains("belongs to another user"), "{outcome}");
        assert!(!outcome.stderr.contains("correct horse"), "{outcome}");
    }
    assert_eq!(std::fs::read_to_string(at("file")).unwrap(), "before");
}

/// AWS answers a wrong signature with the request as it was signed, session token included.
#[test]
fn shows_nothing_of_what_aws_repeats() {
    let emulator = emulator();
    let tool = Program::new(&emulator).cached();
    let token = tool.vend(&[])["SessionToken"].as_str().unwrap().to_owned();
    let version = "0123456789abcdeffedcba9876543210".repeat(2);
    let message = format!("x-amz-security-token:{token}\nVersionId: {version}");
    emulator.fault(json!({
        "operation": "GetSecretValue", "times": 0, "status": 400,
        "code": "InvalidSignature", "message": message, "headers": {"x-amzn-requestid": version},
    }));
    let outcome = tool.run(&["secret", "get", DB, "--debug", "--version-id", &version]);
    assert_eq!(outcome.code, 4, "{outcome}");
    assert!(outcome.stderr.contains("x-amz-security-token:(not shown)\\n"), "{outcome}");
    assert!(!outcome.stderr.contains(&token[..14]) && !outcome.stderr.contains(&version[..14]));
}

/// Linux alone writes a file that has no name yet.
#[test]
#[cfg(target_os = "linux")]
fn a_kill_leaves_no_secret_under_another_name() {
    let emulator = emulator();
    let tool = Program::new(&emulator);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("secret");
    let names = || {
        let entries = folder.path().read_dir().unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>()
    };
    for _ in 0..10 {
        let mut run = tool.spawn(&["secret", "get", DB, "--out", out.to_str().unwrap()]);
        // As soon as anything is there.
        while names().is_empty() && run.try_wait().unwrap().is_none() {}
        let _ = run.kill();
        run.wait().unwrap();
        assert_eq!(names(), ["secret"]);
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(&std::fs::read(&out).unwrap()).unwrap()["port"],
            5432
        );
        std::fs::remove_file(&out).unwrap();
    }
}
