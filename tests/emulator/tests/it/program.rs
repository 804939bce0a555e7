//! The program: `run`, `serve` and `pki`.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_roles-anywhere-emulator");

fn program(arguments: &[&str]) -> Command {
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
fn a_command_has_a_clean_world_and_its_exit_code_comes_back() {
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
    assert!(!std::path::Path::new(lines[1]).exists());
}

#[test]
fn a_command_killed_by_a_signal_gives_128_and_its_number() {
    assert_eq!(run("kill -TERM $$").status.code(), Some(143));
}

#[test]
fn failures_have_the_exit_codes_of_a_shell() {
    let absent = program(&["run", "--tool", "/bin/true", "no-such-command"]).output().unwrap();
    assert_eq!(absent.status.code(), Some(127));
    let stderr = String::from_utf8(absent.stderr).unwrap();
    assert!(stderr.starts_with("error: could not run `no-such-command`\n"), "{stderr}");
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
        assert!(!std::path::Path::new(line.trim()).exists());
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
    assert!(!std::path::Path::new(directory).exists());
    let _ = reader.read_to_string(&mut lines);
}

#[test]
fn every_help_has_an_example() {
    for arguments in [&["--help"][..], &["run", "--help"], &["serve", "--help"], &["pki", "--help"]]
    {
        let output = program(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(stdout(&output).contains("Example"), "{arguments:?}");
    }
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

fn kill(signal: &str, pid: u32) {
    let status = Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).status();
    assert!(status.unwrap().success());
}
