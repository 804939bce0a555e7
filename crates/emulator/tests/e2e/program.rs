//! The program: `run`, `serve` and `pki`.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_roles-anywhere-emulator");

pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments);
    command
}

/// Runs a shell script in the clean world, with `/bin/true` for the tool.
fn run(script: &str) -> Output {
    program(&["run", "--tool", "/bin/true", "--", "sh", "-c", script])
        .env("AWS_ACCESS_KEY_ID", "inherited")
        .env("ROLES_ANYWHERE_PROFILE_ARN", "inherited")
        .env("https_proxy", "http://127.0.0.1:1")
        .env("UNRELATED", "kept")
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_command_has_a_clean_environment_and_its_exit_code_is_returned() {
    let output = run(
        "echo \"$AWS_ACCESS_KEY_ID|$https_proxy|$UNRELATED|$AWS_PROFILE\"; echo $EMULATOR_DIR; \
         roles-anywhere && aws_signing_helper && stat -c %a $XDG_RUNTIME_DIR; \
         echo $ROLES_ANYWHERE_PROFILE_ARN; exit 7",
    );
    assert_eq!(output.status.code(), Some(7));
    let text = stdout(&output);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!((lines[0], lines[2]), ("||kept|default", "700"));
    assert_eq!(lines[3], roles_anywhere_emulator::PROFILE_ARN);
    assert!(!Path::new(lines[1]).exists());
}

#[test]
fn a_command_killed_by_a_signal_gives_128_and_its_number() {
    assert_eq!(run("kill -TERM $$").status.code(), Some(143));
}

#[test]
fn a_command_that_was_killed_gives_137() {
    assert_eq!(run("kill -9 $$").status.code(), Some(137));
}

#[test]
fn the_tool_is_on_the_path_under_both_names() {
    let folder = tempfile::tempdir().unwrap();
    let tool = folder.path().join("tool");
    std::fs::write(&tool, "#!/bin/sh\necho \"${0##*/} $*\"\n").unwrap();
    std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).unwrap();
    let script = "roles-anywhere secret get prod/plain && aws_signing_helper credential-process";
    let arguments = ["run", "--tool", tool.to_str().unwrap(), "--", "sh", "-c", script];
    let output = program(&arguments).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    let expected = "roles-anywhere secret get prod/plain\naws_signing_helper credential-process\n";
    assert_eq!(stdout(&output), expected);
}

#[test]
fn runs_without_the_tool_beside_it() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let own = directory.path().join("emulator");
    std::fs::hard_link(PROGRAM, &own).unwrap();
    let script = "command -v roles-anywhere; ls $EMULATOR_DIR/bin; echo \"PATH=$PATH\"; \
                  grep -m 1 credential_process $EMULATOR_DIR/config";
    let mut command = Command::new(own);
    command.args(["run", "--", "/bin/sh", "-c", script]);
    let output = command.env("PATH", "/usr/bin:/bin").output().unwrap();
    let text = stdout(&output);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "PATH=/usr/bin:/bin", "{text}");
    let expected = "credential_process = roles-anywhere credential-process --certificate ";
    assert!(lines[1].starts_with(expected), "{text}");
}

#[test]
fn failures_have_the_exit_codes_of_a_shell() {
    let absent = program(&["run", "--tool", "/bin/true", "no-such-command"]).output().unwrap();
    assert_eq!(absent.status.code(), Some(127));
    let stderr = String::from_utf8(absent.stderr).unwrap();
    assert!(stderr.starts_with("error: cannot run `no-such-command`\n"), "{stderr}");
    let folder = program(&["run", "--tool", "/bin/true", "--", "/"]).output().unwrap();
    assert_eq!(folder.status.code(), Some(126));
    let tool = program(&["run", "--tool", "/no/such/tool", "true"]).output().unwrap();
    assert_eq!(tool.status.code(), Some(125));
    assert!(String::from_utf8(tool.stderr).unwrap().contains("--tool"));
}

#[test]
fn a_signal_is_passed_on_and_the_directory_is_gone() {
    for (signal, code) in [("INT", 3), ("TERM", 4), ("HUP", 5)] {
        let script = "trap 'exit 3' INT; trap 'exit 4' TERM; trap 'exit 5' HUP; \
                      echo $EMULATOR_DIR; while :; do sleep 0.05; done";
        let mut child = program(&["run", "--tool", "/bin/true", "--", "sh", "-c", script])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        kill(signal, child.id());
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}");
        assert!(!Path::new(line.trim()).exists());
    }
}

#[test]
fn serve_prints_exports_and_ends_on_sigterm() {
    let mut child =
        program(&["serve", "--tool", "/bin/true"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut lines = String::new();
    while !lines.contains("EMULATOR_DIR") {
        assert_ne!(reader.read_line(&mut lines).unwrap(), 0);
    }
    assert!(lines.contains("export AWS_ENDPOINT_URL='https://127.0.0.1:"));
    kill("TERM", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let directory = lines.lines().last().unwrap().split('\'').nth(1).unwrap();
    assert!(!Path::new(directory).exists());
    let _ = reader.read_to_string(&mut lines);
}

#[test]
fn every_help_has_an_example() {
    for arguments in [
        &["--help"][..],
        &["run", "--help"],
        &["serve", "--help"],
        &["pki", "--help"],
        &["completion", "--help"],
    ] {
        let output = program(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(stdout(&output).contains("Example"), "{arguments:?}");
    }
}

#[test]
fn the_directory_is_for_its_owner_alone_and_no_pager_is_opened() {
    let output = run("stat -c %a $EMULATOR_DIR; echo ${AWS_PAGER-unset}.");
    assert_eq!(stdout(&output), "700\n.\n");
}

#[test]
fn run_always_removes_its_directory() {
    let parent = tempfile::tempdir().unwrap();
    let command = |arguments: &[&str]| {
        let mut command = program(&["run", "--tool", "/bin/true"]);
        command.args(arguments).env("TMPDIR", parent.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let nothing_left = |how: &str| {
        assert_eq!(parent.path().read_dir().unwrap().count(), 0, "{how}");
    };
    for (arguments, code) in [
        (&["true"][..], 0),
        (&["sh", "-c", "exit 7"], 7),
        (&["sh", "-c", "kill -KILL $$"], 137),
        (&["sh", "-c", "cd $EMULATOR_DIR; mkdir -p a/b; echo > a/b/c"], 0),
        (&["sh", "-c", "cd $EMULATOR_DIR; sleep 1 & exit 3"], 3),
        (&["no-such-command"], 127),
        (&["/"], 126),
        (&["--secrets", "/dev/null", "true"], 125),
        (&["--session-seconds", "-1", "true"], 125),
    ] {
        let output = command(arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
        nothing_left(&arguments.join(" "));
    }
    for (signal, code) in [("QUIT", 131), ("USR1", 138), ("ALRM", 142), ("TERM", 143)] {
        let script = "ulimit -c 0; echo ready; exec sleep 60";
        let mut child = command(&["--", "sh", "-c", script]).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        kill(signal, child.id());
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}");
        nothing_left(signal);
    }
    // Before there is anything to pass a signal on to: caught, or not yet.
    for milliseconds in [0, 20, 300] {
        let mut child = command(&["sleep", "60"]).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        kill("TERM", child.id());
        let status = child.wait().unwrap();
        assert!(!status.success(), "{status}");
        nothing_left("early");
    }
}

#[test]
fn a_killed_run_ends_its_command_and_is_cleaned_up_later() {
    let parent = tempfile::tempdir().unwrap();
    let run = |script: &str| {
        let mut command = program(&["run", "--tool", "/bin/true", "--", "sh", "-c", script]);
        command.env("TMPDIR", parent.path()).stdout(Stdio::piped());
        command
    };
    let start = || {
        let mut child =
            run("trap '' TERM HUP; echo $$ $EMULATOR_DIR; exec sleep 60").spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let (pid, directory) = line.trim().split_once(' ').unwrap();
        (child, pid.to_owned(), Path::new(directory).to_owned())
    };
    let (mut killed, command, left) = start();
    let (mut other, _, used) = start();
    kill("KILL", killed.id());
    killed.wait().unwrap();
    if cfg!(target_os = "linux") {
        // It is a zombie until its new parent waits for it.
        let state = || std::fs::read_to_string(format!("/proc/{command}/stat")).unwrap_or_default();
        let lives =
            || state().rsplit(')').next().is_some_and(|rest| rest.contains(['S', 'R', 'D']));
        let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while lives() {
            assert!(std::time::Instant::now() < until, "the command goes on: {}", state());
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
    assert!(left.join("tls.pem").exists());
    // That of a killed `serve` is removed too.
    let mut serve = program(&["serve", "--tool", "/bin/true"])
        .env("TMPDIR", parent.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(serve.stdout.take().unwrap()).lines().map(Result::unwrap);
    let line = lines.find(|line| line.starts_with("export EMULATOR_DIR=")).unwrap();
    let left_by_serve = Path::new(line.split('\'').nth(1).unwrap()).to_owned();
    kill("KILL", serve.id());
    serve.wait().unwrap();
    assert!(left_by_serve.join("tls.pem").exists());
    // Of another program, or not locked by anything: not ours to remove.
    let foreign = parent.path().join("roles-anywhere-emulator-foreign");
    std::fs::create_dir(&foreign).unwrap();
    std::fs::write(foreign.join("mine"), "").unwrap();
    assert!(run("true").output().unwrap().status.success());
    assert!(!left.exists() && !left_by_serve.exists());
    assert!(used.join("tls.pem").exists() && foreign.join("mine").exists());
    kill("INT", other.id());
    other.wait().unwrap();
    assert!(!used.exists());
}

/// The certificates of `openssl` are made in a directory that has the key of a CA.
#[test]
fn a_killed_start_is_cleaned_up_later() {
    let parent = tempfile::tempdir().unwrap();
    let programs = tempfile::tempdir().unwrap();
    let openssl = programs.path().join("openssl");
    std::fs::write(&openssl, "#!/bin/sh\n: > \"${0%/*}/called\"\nexec sleep 10\n").unwrap();
    std::fs::set_permissions(&openssl, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", programs.path().display());
    let mut start = program(&["run", "--tool", "/bin/true", "--", "true"])
        .env("TMPDIR", parent.path())
        .env("PATH", path)
        .spawn()
        .unwrap();
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !programs.path().join("called").exists() {
        assert!(std::time::Instant::now() < until, "openssl is not called");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    kill("KILL", start.id());
    start.wait().unwrap();
    let left = || parent.path().read_dir().unwrap().count();
    assert!(left() > 0);
    let mut next = program(&["run", "--tool", "/bin/true", "--", "true"]);
    assert!(next.env("TMPDIR", parent.path()).status().unwrap().success());
    assert_eq!(left(), 0);
}

#[test]
fn pki_writes_every_file_and_keys_for_their_owner_alone() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("a/pki");
    let path = directory.to_str().unwrap();
    let pki = |arguments: &[&str]| {
        program(&["pki", "--no-rsa8192"]).args(arguments).arg(path).output().unwrap()
    };
    let output = pki(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let made_by_openssl = output.stderr.is_empty();
    let expected = pki_files(made_by_openssl);
    assert_eq!(files(&directory), expected);
    let mode =
        |name: &str| std::fs::metadata(directory.join(name)).unwrap().permissions().mode() & 0o777;
    for name in &expected {
        let key = std::fs::read_to_string(directory.join(name)).unwrap().contains("PRIVATE KEY");
        assert_eq!(mode(name) & 0o077 == 0, key, "{name}: {:o}", mode(name));
        assert_eq!(mode(name) & 0o700, 0o600, "{name}");
    }
    // The keys of a running emulator are known to everyone.
    let fixed = include_str!("../../src/pki/rsa/rsa2048.key.pem");
    let key = std::fs::read_to_string(directory.join("leaf/rsa2048.key.pem")).unwrap();
    assert_ne!(pem::parse(key).unwrap(), pem::parse(fixed).unwrap());
    let before = std::fs::read(directory.join("leaf/p256.pem")).unwrap();
    assert_eq!(pki(&[]).status.code(), Some(125));
    assert_eq!(std::fs::read(directory.join("leaf/p256.pem")).unwrap(), before);
    // A key that lay open is closed again.
    let key = directory.join("leaf/p256.key.pem");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(pki(&["--force"]).status.code(), Some(0));
    assert_ne!(std::fs::read(directory.join("leaf/p256.pem")).unwrap(), before);
    assert_eq!(mode("leaf/p256.key.pem"), 0o600);
    assert_eq!(files(&directory), expected);
}

/// Returns the files of a PKI without the largest RSA key, in order.
fn pki_files(made_by_openssl: bool) -> Vec<String> {
    let mut expected: Vec<String> = Vec::new();
    let mut add = |names: &[&str], endings: &[&str]| {
        expected.extend(
            names.iter().flat_map(|name| endings.iter().map(move |e| format!("{name}.{e}"))),
        );
    };
    add(&["anchor/root", "anchor/intermediate", "tls"], &["pem", "key.pem"]);
    add(&["anchor/crl", "tls-ca", "broken/other-ca.root"], &["pem"]);
    add(&["leaf/rsa2048.pkcs1", "leaf/p256.sec1"], &["pem"]);
    for leaf in
        ["rsa2048", "rsa3072", "rsa4096", "p256", "p384", "p521", "mldsa44", "mldsa65", "mldsa87"]
    {
        add(&[&format!("leaf/{leaf}")], &["pem", "chain.pem", "key.pem"]);
    }
    let mut broken = vec![
        "expired",
        "not-yet-valid",
        "no-digital-signature",
        "no-key-usage",
        "ca",
        "other-ca",
        "revoked",
        "server-auth-only",
        "no-subject",
        "critical-extension",
    ];
    if made_by_openssl {
        broken.extend(["sha1", "v1"]);
    }
    for leaf in broken {
        add(&[&format!("broken/{leaf}")], &["pem", "key.pem"]);
    }
    expected.sort();
    expected
}

/// Returns every file below a directory, by its path from there, in order.
fn files(directory: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    files.sort();
    files
}

#[test]
fn pki_does_not_write_into_a_directory_with_files() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("mine"), "").unwrap();
    let path = directory.path().to_str().unwrap();
    let output = program(&["pki", path]).output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert!(String::from_utf8(output.stderr).unwrap().contains("--force"));
}

pub(crate) fn kill(signal: &str, pid: u32) {
    let status = Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).status();
    assert!(status.unwrap().success());
}
