//! `exec --on-rotate`: a program that is started again, or told, when a secret that it gets has changed.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::ExitStatus;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use insta::assert_snapshot;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::daemon::until;
use crate::environment::{Running, TestEnvironment};
use crate::exec_endpoint::{TELL, can_make_namespace};

const PLAIN: &str = "prod/plain";

/// The shortest times.
const QUICK: [&str; 6] = ["--quiet-period", "1s", "--splay", "0s", "--secrets-ttl", "1s"];

/// A line that does not come within this time does not come.
const LIMIT: Duration = Duration::from_secs(60);

/// A program that is followed, and the lines that it and `exec` write.
struct Followed {
    running: Running,
    output: Receiver<String>,
    log: Receiver<String>,
}

impl Followed {
    /// Runs a script of `sh`.
    fn start(env: &TestEnvironment, action: &str, options: &[&str], script: &str) -> Self {
        Self::run(env, action, options, &["sh", "-c", script])
    }

    /// Runs a program.
    fn run(env: &TestEnvironment, action: &str, options: &[&str], program: &[&str]) -> Self {
        let on_rotate = ["exec", "--on-rotate", action];
        let words = [&on_rotate, &QUICK[..], options, &["--"], program].concat();
        let mut running = env.program().clone().spawn(&words);
        let output = lines(running.stdout.take().unwrap());
        let log = lines(running.stderr.take().unwrap());
        Self { running, output, log }
    }

    /// Returns the next line of the program.
    #[track_caller]
    fn line(&self) -> String {
        let line = self.output.recv_timeout(LIMIT);
        line.unwrap_or_else(|_| unreachable!("no line; the log: {:?}", self.logged()))
    }

    /// Returns the next line of the log with an event.
    #[track_caller]
    fn event(&self, name: &str) -> String {
        let mut before = Vec::new();
        loop {
            match self.log.recv_timeout(LIMIT) {
                Ok(line) if line.contains(&format!("event={name}")) => return line,
                Ok(line) => before.push(line),
                Err(_) => unreachable!("no event {name} in {before:?}"),
            }
        }
    }

    fn logged(&self) -> Vec<String> {
        self.log.try_iter().collect()
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.running.id().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    fn wait(&mut self) -> ExitStatus {
        self.running.wait().unwrap()
    }

    /// Ends the program as a supervisor does. Returns how `exec` ended, and the lines that were not read yet.
    fn stop(mut self) -> (ExitStatus, Vec<String>) {
        self.signal(Signal::TERM);
        (self.wait(), self.output.iter().collect())
    }
}

fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            // The test may have ended.
            let _ = sender.send(line);
        }
    });
    lines
}

fn rotate(env: &TestEnvironment, name: &str, value: &str) {
    env.control("POST", "/secrets", &json!({ "name": name, "value": value }));
}

fn ended_by(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[test]
fn program_is_started_again_with_the_new_values() {
    let env = TestEnvironment::new();
    let options = ["--env", "A=sm://prod/plain", "--file", "F=sm://prod/plain"];
    let script = r#"echo "$$ $A $(cat "$F") $F"; exec sleep 600"#;
    let followed = Followed::start(&env, "restart", &options, script);
    let first = followed.line();
    let [pid, value, file, path] = first.split(' ').collect::<Vec<_>>()[..] else {
        unreachable!("{first}")
    };
    assert_eq!((value, file), ("s3cr3t", "s3cr3t"));
    for value in ["second-value", "third-value"] {
        rotate(&env, PLAIN, value);
        let line = followed.line();
        assert!(line.ends_with(&format!(" {value} {value} {path}")), "{line}");
        assert!(!line.starts_with(&format!("{pid} ")), "{line}");
        let log = followed.event("action_ended");
        assert!(log.contains("action=restart") && !log.contains(value), "{log}");
    }
    let (status, lines) = followed.stop();
    assert_eq!((ended_by(status), lines), (Some(15), Vec::new()));
    assert!(!Path::new(path).parent().unwrap().exists());
}

/// Waits until the version that a secret has now was read, and until it was then confirmed `checks` times: each
/// time at least half of the TTL after the time before, which is 0.5 s.
fn wait_for_checks(env: &TestEnvironment, secret: &str, from: usize, checks: usize) {
    let done = || {
        let requests = env.emulator().requests();
        let of_secret = requests[from..].iter().filter(|it| it.to_string().contains(secret));
        let operations: Vec<_> = of_secret.map(|it| it["operation"].clone()).collect();
        let read = operations.iter().position(|it| it == "GetSecretValue")?;
        let later = operations[read..].iter().filter(|it| *it == "DescribeSecret").count();
        (later >= checks).then_some(())
    };
    until(done).expect("it is not asked for");
}

/// What the program gets decides, not the version.
#[test]
fn another_version_with_the_same_value_is_no_change() {
    let env = TestEnvironment::new();
    let options = ["--env", "A=sm://prod/plain", "--env", "B=sm://prod/db-credentials#username"];
    let script = r#"echo "$A $B"; exec sleep 600"#;
    let followed = Followed::start(&env, "restart", &options, script);
    assert_eq!(followed.line(), "s3cr3t app");
    wait_for_checks(&env, "prod/db-credentials", 0, 1);
    // Another member, then the same bytes. A restart for either would come within these checks.
    for _ in 0..2 {
        let from = env.emulator().requests().len();
        rotate(&env, "prod/db-credentials", r#"{"username":"app","password":"another-one"}"#);
        wait_for_checks(&env, "prod/db-credentials", from, 5);
    }
    let from = env.emulator().requests().len();
    rotate(&env, PLAIN, "second-value");
    assert_eq!(followed.line(), "second-value app");
    // A second restart would come after two quiet periods.
    wait_for_checks(&env, PLAIN, from, 8);
    let (_, lines) = followed.stop();
    assert_eq!(lines, [""; 0]);
}

#[test]
fn file_is_replaced_before_the_program_gets_a_signal() {
    let env = TestEnvironment::new();
    // Not HUP, which a job of `nohup` ignores, and its shell with it.
    let options = ["--file", "F=sm://prod/plain", "--env", "A=sm://prod/plain"];
    let script = r#"trap 'echo "$$ $A $(cat "$F")"' USR1; echo "$$"
        while :; do sleep 0.1; done"#;
    let followed = Followed::start(&env, "signal:USR1", &options, script);
    let pid = followed.line();
    followed.event("variables_kept");
    rotate(&env, PLAIN, "second-value");
    assert_eq!(followed.line(), format!("{pid} s3cr3t second-value"));
    followed.event("action_ended");
    let (status, lines) = followed.stop();
    assert_eq!((ended_by(status), lines), (Some(15), Vec::new()));
}

/// A pair is of one version, also if a file of it cannot be written.
#[test]
fn no_file_is_replaced_if_one_cannot_be_written() {
    let env = TestEnvironment::new();
    let options = ["--file", "A=sm://prod/plain", "--file", "B=sm://prod/plain"];
    let script = r#"trap 'echo "$(cat "$A") $(cat "$B")"' USR1; echo "$B"
        while :; do sleep 0.1; done"#;
    let followed = Followed::start(&env, "signal:USR1", &options, script);
    let file = followed.line();
    let directory = Path::new(&file).parent().unwrap();
    // A directory is in the way of the new file.
    let blocked = directory.join(".B.new");
    std::fs::create_dir(&blocked).unwrap();
    rotate(&env, PLAIN, "second-value");
    let mut events = Vec::new();
    while !events.iter().any(|line: &String| line.contains("event=files_write_failed")) {
        events.push(followed.log.recv_timeout(LIMIT).unwrap());
    }
    assert!(!events.iter().any(|line| line.contains("event=action_")), "{events:?}");
    assert_eq!(std::fs::read(directory.join("A")).unwrap(), b"s3cr3t");
    std::fs::remove_dir(&blocked).unwrap();
    assert_eq!(followed.line(), "second-value second-value");
    assert!(followed.event("files_written").contains("/A"));
    followed.stop();
}

#[test]
fn command_is_run_without_our_variables() {
    let env = TestEnvironment::new();
    let options = ["--file", "F=sm://prod/plain", "--env", "A=sm://prod/plain"];
    let env = env.var("NOTIFY_SOCKET", "/run/none").var("CREDENTIALS_DIRECTORY", "/run/none");
    // It is in a process group of its own.
    let command = r#"command:[ "$(cut -d ' ' -f 5 /proc/$$/stat)" = $$ ] && group=own
        echo "got $(cat "$F") ${A-none} ${ROLES_ANYWHERE_PRIVATE_KEY-none} $group" \
            "${NOTIFY_SOCKET-none} ${CREDENTIALS_DIRECTORY-none}"; exit 3"#;
    let followed = Followed::start(&env, command, &options, "echo up; exec sleep 600");
    assert_eq!(followed.line(), "up");
    rotate(&env, PLAIN, "second-value");
    followed.event("action_started");
    let output = followed.log.recv_timeout(LIMIT).unwrap();
    assert_eq!(output, "got second-value none none own none none");
    let failed = followed.event("action_failed");
    assert!(failed.contains("action=command") && failed.contains("exit code 3"), "{failed}");
    assert!(!failed.contains("echo"), "{failed}");
    let (status, lines) = followed.stop();
    assert_eq!((ended_by(status), lines), (Some(15), Vec::new()));
}

/// The log tells the life of the program, and can be read by a program.
#[test]
fn log_is_json_if_that_is_asked_for() {
    let env = TestEnvironment::new();
    let options = ["--env", "A=sm://prod/plain", "--log-format", "json"];
    let mut followed = Followed::start(&env, "exit", &options, "echo $$; exec sleep 600");
    let pid = followed.line();
    rotate(&env, PLAIN, "second-value");
    assert_eq!(followed.wait().code(), Some(75));
    let lines = followed.log.iter().map(|line| serde_json::from_str(&line).unwrap());
    // Not if the first read after the start has found it.
    let lines: Vec<Value> =
        lines.filter(|line: &Value| line["event"] != "references_changed").collect();
    let events = lines.iter().map(|line| line["event"].as_str().unwrap().to_owned());
    assert_eq!(
        events.collect::<Vec<_>>(),
        ["started", "program_started", "action_started", "program_ended", "action_ended"]
    );
    assert_eq!(lines[0]["command"], "exec");
    assert_eq!(lines[1]["pid"].to_string(), pid);
    assert_eq!(lines[3]["signal"], 15);
}

/// What the system cannot start a program with is found before the running one is ended.
#[test]
fn program_is_not_ended_for_values_that_are_too_long() {
    let launcher = &["sh", "-c", r#"ulimit -s 512 && exec "$@""#, "sh"];
    let env = TestEnvironment::new().map(|program| program.launched_by(launcher));
    let options = ["A", "B", "C"].map(|name| format!("{name}=sm://prod/plain"));
    let options: Vec<&str> = options.iter().flat_map(|it| ["--env", it]).collect();
    let followed = Followed::start(&env, "restart", &options, r#"echo "$A"; exec sleep 600"#);
    assert_eq!(followed.line(), "s3cr3t");
    rotate(&env, PLAIN, &"x".repeat(60_000));
    let unusable = followed.event("values_unusable");
    assert!(unusable.contains("Argument list too long"), "{unusable}");
    rotate(&env, PLAIN, "second-value");
    assert_eq!(followed.line(), "second-value");
    followed.event("program_started");
    let (status, lines) = followed.stop();
    assert_eq!((ended_by(status), lines), (Some(15), Vec::new()));
}

/// As while a package is upgraded.
#[test]
fn program_is_not_ended_while_its_file_is_missing() {
    let env = TestEnvironment::new();
    let script = "#!/bin/sh\necho \"$A\"\nexec sleep 600\n";
    let file = env.write("program", script);
    let make_executable = || {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    make_executable();
    let options = ["--env", "A=sm://prod/plain"];
    let followed = Followed::run(&env, "restart", &options, &[file.to_str().unwrap()]);
    assert_eq!(followed.line(), "s3cr3t");
    std::fs::remove_file(&file).unwrap();
    rotate(&env, PLAIN, "second-value");
    let unavailable = followed.event("program_unavailable");
    assert!(unavailable.contains("cannot find the program"), "{unavailable}");
    env.write("program", script);
    make_executable();
    assert_eq!(followed.line(), "second-value");
    let (status, lines) = followed.stop();
    assert_eq!((ended_by(status), lines), (Some(15), Vec::new()));
}

#[test]
fn program_that_does_not_end_in_time_is_killed() {
    let env = TestEnvironment::new();
    let options = ["--env", "A=sm://prod/plain", "--grace", "1s"];
    let script = "trap '' TERM; echo up; while :; do sleep 0.1; done";
    let mut followed = Followed::start(&env, "exit", &options, script);
    assert_eq!(followed.line(), "up");
    rotate(&env, PLAIN, "second-value");
    assert_eq!(followed.wait().code(), Some(75));
    assert!(followed.event("program_killed").contains("seconds=1"));
}

#[test]
fn exec_ends_with_a_program_that_ends_by_itself() {
    let env = TestEnvironment::new();
    let options = ["--env", "A=sm://prod/plain"];
    for (script, code, signal) in [("exit 7", Some(7), None), ("kill -9 $$", None, Some(9))] {
        let mut followed = Followed::start(&env, "restart", &options, script);
        let status = followed.wait();
        assert_eq!((status.code(), ended_by(status)), (code, signal));
    }
}

/// The program gets SIGTERM twice: for the restart, and that of `exec`.
#[test]
fn program_is_not_started_again_once_exec_is_to_end() {
    let env = TestEnvironment::new();
    let options = ["--env", "A=sm://prod/plain", "--grace", "1h"];
    let script = r#"trap 'n=$((n+1)); echo "term $n"; [ $n = 2 ] && exit 9' TERM; echo up
        while :; do sleep 0.1; done"#;
    let mut followed = Followed::start(&env, "restart", &options, script);
    assert_eq!(followed.line(), "up");
    rotate(&env, PLAIN, "second-value");
    assert_eq!(followed.line(), "term 1");
    followed.signal(Signal::TERM);
    assert_eq!(followed.line(), "term 2");
    assert_eq!(followed.wait().code(), Some(9));
    assert_eq!(followed.output.iter().collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn value_that_cannot_be_used_leaves_the_program_alone() {
    let env = TestEnvironment::new();
    let options = ["--env", "A=sm://prod/db-credentials#username"];
    let followed = Followed::start(&env, "restart", &options, r#"echo "$A"; exec sleep 600"#);
    assert_eq!(followed.line(), "app");
    rotate(&env, "prod/db-credentials", "no-object");
    let failed = followed.event("followed_read_failed");
    assert!(failed.contains("the value is not a JSON object"), "{failed}");
    assert!(!failed.contains("no-object"), "{failed}");
    rotate(&env, "prod/db-credentials", r#"{"username":"other"}"#);
    assert_eq!(followed.line(), "other");
    let (_, lines) = followed.stop();
    assert_eq!(lines, [""; 0]);
    // Two members are one variable.
    let options = ["--from", "sm://prod/db-credentials", "--prefix", "V_"];
    let script = r#"echo "$V_USERNAME $V_A_B"; exec sleep 600"#;
    let followed = Followed::start(&env, "restart", &options, script);
    assert_eq!(followed.line(), "other ");
    rotate(&env, "prod/db-credentials", r#"{"username":"x","a.b":"hunter2","a-b":"hunter3"}"#);
    let refused = followed.event("values_unusable");
    assert!(refused.contains("V_A_B") && !refused.contains("hunter"), "{refused}");
    rotate(&env, "prod/db-credentials", r#"{"username":"y","a.b":"good"}"#);
    assert_eq!(followed.line(), "y good");
    // A variable that is gone is gone.
    rotate(&env, "prod/db-credentials", r#"{"username":"z"}"#);
    assert_eq!(followed.line(), "z ");
    let (_, lines) = followed.stop();
    assert_eq!(lines, [""; 0]);
}

#[test]
fn nothing_happens_while_aws_fails() {
    let env = TestEnvironment::new();
    let options = ["--env", "A=sm://prod/plain"];
    let followed = Followed::start(&env, "restart", &options, r#"echo "$A"; exec sleep 600"#);
    assert_eq!(followed.line(), "s3cr3t");
    let failing = || {
        let requests = env.emulator().requests();
        requests.iter().filter(|it| it["status"] == 500).count()
    };
    env.emulator().fault(json!({"operation": "*", "status": 500, "times": 0}));
    until(|| (failing() > 3).then_some(())).expect("it is asked");
    rotate(&env, PLAIN, "second-value");
    env.emulator().clear_faults();
    assert_eq!(followed.line(), "second-value");
    let (_, lines) = followed.stop();
    assert_eq!(lines, [""; 0]);
}

#[test]
fn endpoint_of_credentials_goes_on() {
    let env = TestEnvironment::new();
    let options = ["--env", "A=sm://prod/plain", "--credentials"];
    let script = format!("{TELL}; exec sleep 600");
    let followed = Followed::start(&env, "restart", &options, &script);
    let first = followed.line();
    rotate(&env, PLAIN, "second-value");
    assert_eq!(followed.line(), first);
    let given = crate::exec_endpoint::Given::of(&first);
    assert!(given.key().is_some());
    followed.stop();
}

#[test]
fn first_process_of_a_namespace_restarts_its_program() {
    if !can_make_namespace() {
        return;
    }
    let launcher = &["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"];
    let env = TestEnvironment::new().map(|program| program.launched_by(launcher));
    let options = ["--env", "A=sm://prod/plain", "--grace", "1s"];
    let script = r#"trap '' TERM; echo "$PPID $A"; while :; do sleep 0.1; done"#;
    let mut followed = Followed::start(&env, "restart", &options, script);
    assert_eq!(followed.line(), "1 s3cr3t");
    rotate(&env, PLAIN, "second-value");
    assert_eq!(followed.line(), "1 second-value");
    followed.running.kill().unwrap();
    followed.wait();
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    let env = TestEnvironment::offline();
    let program = ["--env", "A=sm://prod/plain", "--", "true"];
    let fails = |options: &[&str]| env.fails_args(&[&["exec"], options, &program].concat());
    assert_snapshot!(fails(&["--on-rotate", "restart", "--mask"]), @r"
    $ roles-anywhere exec --on-rotate restart --mask --env A=sm://prod/plain -- true
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `--on-rotate` and `--mask` cannot be used together
      hint: the values that a program gets later would not be masked: remove one of the two
    ");
    assert_snapshot!(fails(&["--on-rotate", "restart", "--static"]), @r"
    $ roles-anywhere exec --on-rotate restart --static --env A=sm://prod/plain -- true
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `--on-rotate` and `--static` cannot be used together
      hint: credentials in variables are not renewed, and would have expired at a later start: remove `--static`
    ");
    assert_snapshot!(fails(&["--on-rotate", "reload"]), @r"
    $ roles-anywhere exec --on-rotate reload --env A=sm://prod/plain -- true
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value for `--on-rotate`: expected `restart`, `signal:NAME`, `command:CMD` or `exit`
    ");
}

#[test]
fn options_without_effect_and_mistyped_ones_are_refused() {
    let env = TestEnvironment::offline();
    let program = ["--env", "A=sm://prod/plain", "--", "true"];
    let fails = |options: &[&str]| env.fails_args(&[&["exec"], options, &program].concat());
    assert_snapshot!(fails(&["--grace", "1s"]), @r"
    $ roles-anywhere exec --grace 1s --env A=sm://prod/plain -- true
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `--grace` needs `--on-rotate`
      hint: pass `--on-rotate`, or remove `--grace`
    ");
    assert_snapshot!(fails(&["--log-format", "json"]), @r"
    $ roles-anywhere exec --log-format json --env A=sm://prod/plain -- true
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `--log-format` needs `--on-rotate`
      hint: pass `--on-rotate`, or remove `--log-format`
    ");
    assert_snapshot!(fails(&["--on-rotate", "signal:HUP", "--grace", "1s"]), @r"
    $ roles-anywhere exec --on-rotate signal:HUP --grace 1s --env A=sm://prod/plain -- true
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `--grace` and `--on-rotate signal:HUP` cannot be used together
      hint: remove `--grace`: only `restart` and `exit` end the program
    ");
    assert_snapshot!(fails(&["--on-rotate", "signal:hup"]), @r"
    $ roles-anywhere exec --on-rotate signal:hup --env A=sm://prod/plain -- true
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value for `--on-rotate`: expected one of the signals HUP, INT, QUIT, TERM, USR1, USR2 and WINCH
    ");
    assert_snapshot!(env.fails("exec --on-rotate restart --env A=sm://prod/plain"), @r"
    $ roles-anywhere exec --on-rotate restart --env A=sm://prod/plain
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `--on-rotate` needs `CMD`
      hint: name the program after `--`: without one, `exec` starts a shell, which would be ended
    ");
    assert_snapshot!(fails(&["--on-rotate", "restart", "--secrets-ttl", "0s"]), @r"
    $ roles-anywhere exec --on-rotate restart --secrets-ttl 0s --env A=sm://prod/plain -- true
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value `0s` for `--secrets-ttl`: expected a time from 1s to 1h, such as `1m` (units: s, m, h, d)
    ");
    let nothing = env.fails("exec --on-rotate restart -- true");
    assert!(nothing.stderr.contains("`--on-rotate` has nothing to follow"), "{nothing}");
    assert!(nothing.stderr.contains("exit_code=2 event=failed"), "{nothing}");
}
