//! `mask`, and `exec --mask` without a terminal. With one: tests/interop/test_mask_terminal.py.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;

use insta::assert_snapshot;
use rustix::process::{Pid, Signal, kill_process};

use crate::daemon::until;
use crate::environment::{CommandOutput, TestEnvironment, host_identity};
use crate::exec_endpoint::{Given, TELL, can_make_namespace, is_gone};

const PASSWORD: &str = "correct horse battery staple";
const REFERENCE: &str = "sm://prod/db-credentials#password";

/// Runs a script of `sh` by `exec --mask`, with the password in the variable `P`.
fn script(env: &TestEnvironment, options: &[&str], script: &str) -> CommandOutput {
    let p = format!("P={REFERENCE}");
    let words = [&["exec", "--mask", "--env", &p], options, &["--", "sh", "-c", script]].concat();
    env.run_args(&words)
}

#[test]
fn log_is_copied_with_names_in_place_of_values() {
    let log = format!("a {PASSWORD}\0\nb {PASSWORD} db.internal app\n\n\u{ff} no end");
    let env = TestEnvironment::new().stdin(log);
    let words = ["mask", "--secret", REFERENCE, "--secret=ssm:///prod/api-url?optional"];
    let output = env.run_args(&words);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output}");
    let masked = "***prod/db-credentials#password***";
    let expected = format!("a {masked}\0\nb {masked} db.internal app\n\n\u{ff} no end");
    assert_eq!(output.text(), expected);

    // All values of a secret that is JSON.
    let output = env.run("mask --secret sm://prod/db-credentials --mask-short");
    assert!(output.text().contains(
        "***prod/db-credentials#password*** ***prod/db-credentials#host*** ***prod/db-credentials#username***\n"
    ));
    assert_eq!(output.stderr, "");
}

#[test]
fn values_of_a_program_of_the_file_are_masked() {
    let env = TestEnvironment::new().stdin(format!("{PASSWORD} plain-text\n"));
    let arns = env.emulator().environment();
    let arn = |name: &str| {
        arns.iter().find(|(it, _)| it == name).map(|(_, value)| value.to_str().unwrap()).unwrap()
    };
    let text = format!(
        "{}[role.app]\ntrust-anchor-arn = \"{}\"\nprofile-arn = \"{}\"\nrole-arn = \"{}\"\n\
         [exec.web]\nrole = \"app\"\n\
         env = {{ DB_PASSWORD = \"{REFERENCE}\", LEVEL = \"plain-text\" }}\n",
        host_identity(env.emulator()),
        arn("ROLES_ANYWHERE_TRUST_ANCHOR_ARN"),
        arn("ROLES_ANYWHERE_PROFILE_ARN"),
        arn("ROLES_ANYWHERE_ROLE_ARN"),
    );
    let env = env.config(&text).without_role_variables();
    let output = env.run("mask --app web");
    assert_eq!(
        (output.code, output.text().as_str()),
        (0, "***DB_PASSWORD*** plain-text\n"),
        "{output}"
    );
}

#[test]
fn nothing_is_copied_without_the_values() {
    let env = TestEnvironment::new().stdin(format!("{PASSWORD}\n"));
    assert_snapshot!(env.fails("mask --secret sm://prod/absent --secret sm://prod/plain"), @"
    $ roles-anywhere mask --secret sm://prod/absent --secret sm://prod/plain < (pipe of 29 bytes)
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: cannot resolve `sm://prod/absent`
      caused by: AWS refused BatchGetSecretValue: ResourceNotFoundException
      caused by: Secrets Manager can't find the specified secret. (request id UUID)
      hint: there is no `prod/absent` in us-east-1 and account 123456789012: check name and Region (`--region`, `?region=`); for another account's secret, pass its ARN
    ");
    assert_snapshot!(env.fails("mask"), @"
    $ roles-anywhere mask < (pipe of 29 bytes)
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: missing required option `--secret`
      hint: pass `--secret`, or `--app` with the name of a program in the configuration file
    ");
    assert_snapshot!(env.fails("mask --secret sm://prod/plain --certificate -"), @"
    $ roles-anywhere mask --secret sm://prod/plain --certificate - < (pipe of 29 bytes)
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value for `--certificate`: expected another input, as `mask` reads the log from standard input
    ");
    assert_snapshot!(env.fails("mask --secret prod/plain"), @"
    $ roles-anywhere mask --secret prod/plain < (pipe of 29 bytes)
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid reference `prod/plain`
      caused by: expected `sm://…`, `ssm://…`, `{{resolve:…}}`, or the ARN of a secret or a parameter
      hint: `roles-anywhere resolve --help` and docs/references.md show how references are written
    ");
    assert_snapshot!(env.fails("exec --mask-short true"), @"
    $ roles-anywhere exec --mask-short true < (pipe of 29 bytes)
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: missing required option `--mask`
      hint: pass `--mask`
    ");
}

#[test]
fn a_reader_that_ends_ends_mask() {
    let env = TestEnvironment::new().stdin("");
    let mut mask = env.program().clone().spawn(&["mask", "--secret", REFERENCE]);
    let mut input = mask.stdin.take().unwrap();
    let mut output = BufReader::new(mask.stdout.take().unwrap());
    input.write_all(format!("{PASSWORD}\n").as_bytes()).unwrap();
    let mut line = String::new();
    // The line is there before the end of the log.
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "***prod/db-credentials#password***\n");
    drop(output);
    while input.write_all(b"more\n").is_ok() {}
    let ended = until(|| mask.try_wait().unwrap()).unwrap();
    assert_eq!(ended.signal(), Some(Signal::PIPE.as_raw()));
}

#[test]
fn both_streams_of_a_program_are_masked() {
    let env = TestEnvironment::new().stdin("typed\n");
    let told = script(&env, &[], "read line; echo \"$line $P\"; echo \"error $P\" >&2; exit 7");
    assert_eq!((told.code, told.text().as_str()), (7, "typed ***P***\n"), "{told}");
    assert_eq!(told.stderr, "error ***P***\n");
    // What is shorter than a line is not held back until the end.
    let told = script(&env, &[], "printf '%s' \"$P\"; printf 'correct horse'");
    assert_eq!(told.text(), "***P***correct horse");
}

#[test]
fn one_stream_for_both_keeps_its_order() {
    let env = TestEnvironment::new()
        .map(|program| program.launched_by(&["sh", "-c", "exec \"$@\" 2>&1", "sh"]));
    let lines = "for n in $(seq 200); do echo \"out $n $P\"; echo \"err $n $P\" >&2; done";
    let expected: String =
        (1..=200).map(|n| format!("out {n} ***P***\nerr {n} ***P***\n")).collect();
    assert_eq!(script(&env, &[], lines).text(), expected);
}

#[test]
fn exec_ends_as_the_program_does() {
    let env = TestEnvironment::new();
    assert_eq!(script(&env, &[], "exit 0").code, 0);
    // A shell starts its background jobs, and so this test perhaps, with SIGINT ignored.
    for signal in [Signal::TERM, Signal::KILL, Signal::SEGV, Signal::USR1] {
        let own = format!("P={REFERENCE}");
        let kill = format!("kill -{} $$", signal.as_raw());
        let words = ["exec", "--mask", "--env", &own, "--", "sh", "-c", &kill];
        let mut run = env.program().clone().spawn(&words);
        let ended = until(|| run.try_wait().unwrap()).unwrap();
        assert_eq!(ended.signal(), Some(signal.as_raw()));
    }
    let missing = env.run_args(&["exec", "--mask", "--", "/nonexistent"]);
    assert_eq!((missing.code, missing.text().as_str()), (127, ""), "{missing}");
}

#[test]
fn output_that_is_not_read_ends_the_program() {
    let env = TestEnvironment::new();
    let own = format!("P={REFERENCE}");
    let mut run = env.program().clone().spawn(&["exec", "--mask", "--env", &own, "--", "yes"]);
    let mut output = run.stdout.take().unwrap();
    output.read_exact(&mut [0; 4]).unwrap();
    drop(output);
    let ended = until(|| run.try_wait().unwrap()).unwrap();
    assert_eq!(ended.signal(), Some(Signal::PIPE.as_raw()));
}

#[test]
fn processes_that_outlive_the_program_do_not_keep_exec() {
    let env = TestEnvironment::new();
    let told = script(&env, &[], "sleep 60 & echo $!; echo $P");
    let told = told.text();
    let (pid, rest) = told.split_once('\n').unwrap();
    assert_eq!(rest, "***P***\n");
    kill_process(Pid::from_raw(pid.parse().unwrap()).unwrap(), Signal::KILL).unwrap();
}

#[test]
fn signals_are_passed_on_to_the_program() {
    let env = TestEnvironment::new();
    let own = format!("P={REFERENCE}");
    let trap = "trap 'echo usr1' USR1; trap 'echo usr2' USR2; trap 'echo \"$P\"; exit 9' TERM; \
                echo ready; while :; do sleep 0.1; done";
    let words = ["exec", "--mask", "--env", &own, "--", "sh", "-c", trap];
    let mut run = env.program().clone().spawn(&words);
    let pid = Pid::from_raw(run.id().try_into().unwrap()).unwrap();
    let mut output = BufReader::new(run.stdout.take().unwrap());
    let mut line = || {
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        line
    };
    assert_eq!(line(), "ready\n");
    for (signal, expected) in
        [(Signal::USR1, "usr1\n"), (Signal::USR2, "usr2\n"), (Signal::TERM, "***P***\n")]
    {
        kill_process(pid, signal).unwrap();
        assert_eq!(line(), expected);
    }
    assert_eq!(until(|| run.try_wait().unwrap()).unwrap().code(), Some(9));
}

#[test]
fn credentials_are_masked_and_renewed() {
    let env = TestEnvironment::new().stdin("");
    env.emulator().end_sessions_after(Some(6));
    let told = env.path("told");
    let script = format!(
        "echo $AWS_CONTAINER_AUTHORIZATION_TOKEN; {TELL} > {0}.new; mv {0}.new {0}; read line",
        told.display()
    );
    let mut run = env.program().clone().spawn(&["exec", "--mask", "--", "sh", "-c", &script]);
    let pid = Pid::from_raw(run.id().try_into().unwrap()).unwrap();
    let given = Given::of(&until(|| fs::read_to_string(&told).ok()).unwrap());
    let first = until(|| given.key()).unwrap();
    assert!(until(|| given.key().filter(|key| *key != first)).is_some(), "it is not renewed");
    drop(run.stdin.take());
    let mut output = String::new();
    run.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    assert_eq!(output, "***AWS_CONTAINER_AUTHORIZATION_TOKEN***\n");
    assert_eq!(until(|| run.try_wait().unwrap()).unwrap().code(), Some(1));
    assert!(is_gone(pid));

    let told = script_static(&env);
    assert_eq!(told.text(), "***AWS_SECRET_ACCESS_KEY*** ***AWS_SESSION_TOKEN***\n", "{told}");
}

fn script_static(env: &TestEnvironment) -> CommandOutput {
    let print = "echo $AWS_SECRET_ACCESS_KEY $AWS_SESSION_TOKEN";
    env.run_args(&["exec", "--mask", "--static", "--", "sh", "-c", print])
}

#[test]
fn files_of_the_program_are_removed_at_its_end() {
    let env = TestEnvironment::new();
    let file = format!("--file=F={REFERENCE}");
    let told = script(&env, &[&file], "cat $F; echo; dirname $F; kill -9 $$");
    let told = told.text();
    let mut lines = told.lines();
    assert!(lines.next().is_some_and(|line| line.starts_with("***") && line.ends_with("***")));
    assert!(!fs::exists(lines.next().unwrap()).unwrap());
}

#[test]
fn first_process_of_a_container_masks_too() {
    if !can_make_namespace() {
        return;
    }
    const NAMESPACE: &[&str] = &["unshare", "--user", "--map-root-user", "--pid", "--fork"];
    let env = TestEnvironment::new().map(|program| program.launched_by(NAMESPACE));
    let told = script(&env, &[], "echo $$ $PPID $P; kill -9 $$");
    assert_eq!(told.code, 137, "{told}");
    assert!(told.text().ends_with(" 1 ***P***\n"), "{told}");
}

#[test]
fn the_word_of_our_own_process_is_no_command() {
    let env = TestEnvironment::new();
    let output = env.run_args(&["terminal-session", "/bin/sh"]);
    assert_eq!(output.code, 2, "{output}");
    let page = env.run("--help").text();
    assert!(page.contains("mask") && !page.contains("terminal-session"));
}
