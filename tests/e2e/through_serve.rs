//! `exec`, `render`, `watch` and `resolve` that read through a running `serve`, with no certificate, no role and no
//! configuration of their own.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use insta::assert_snapshot;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::daemon::{Daemon, until};
use crate::environment::{CommandOutput, Program, control, filters};
use crate::serve_roles::Fixture;
use crate::serve_secrets::address;

/// Times so short that a test need not wait.
const SOON: [&str; 4] = ["--quiet-period", "1s", "--splay", "0s"];
const TOKEN: &str = "token-of-the-web-app";

/// A `serve`, and programs that have nothing but its address and its token.
struct Served {
    fixture: Fixture,
    address: SocketAddr,
    daemon: Option<Daemon>,
}

impl Served {
    fn new() -> Self {
        Self::with("allow = ['prod/*', '/prod/*']")
    }

    /// Returns one with these rules for the token.
    fn with(rules: &str) -> Self {
        // A port that is free now, so that another `serve` can listen there later.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut served = Self { fixture: Fixture::with(&[("a", "")]), address, daemon: None };
        served.set_token(TOKEN);
        served.set_rules(rules);
        served.start();
        served
    }

    fn set_token(&self, token: &str) {
        fs::write(self.fixture.path("token"), token).unwrap();
    }

    fn set_rules(&self, rules: &str) {
        let port = self.address.port();
        let lines = format!(
            "[secrets]\nttl = 1\nport = {port}\n[secrets.token.web]\nfile = './token'\n{rules}\n"
        );
        self.fixture.configure_with(&[("a", ""), ("b", &lines)]);
    }

    fn start(&mut self) {
        let config = self.fixture.path("config.toml");
        let line = ["serve", "--no-imds", "--no-container", "--config", config.to_str().unwrap()];
        let tool = self.fixture.tool().unset("AWS_TOKEN").unset("AWS_SESSION_TOKEN");
        let daemon = Daemon::start(&tool, &line);
        assert_eq!(address(&daemon), self.address);
        self.daemon = Some(daemon);
    }

    fn stop(&mut self) {
        assert_eq!(self.daemon.take().unwrap().stop(), Some(0));
    }

    fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().unwrap()
    }

    /// Returns the program with the token, and with no way to AWS.
    fn program(&self) -> Program {
        let emulator = &self.fixture.emulator;
        let token = format!("file://{}", self.fixture.path("token").display());
        let program = Program::offline(emulator.directory());
        program.set("AWS_TOKEN", token).set("AWS_ENDPOINT_URL", "https://127.0.0.1:1")
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the words of a command that follows.
    fn words(&self, command: &[&str]) -> Vec<String> {
        let url = self.url();
        let words = [&command[..1], &["--secrets-url", &url], &SOON, &command[1..]].concat();
        words.into_iter().map(str::to_owned).collect()
    }

    fn run(&self, command: &[&str]) -> CommandOutput {
        let url = self.url();
        self.program().run(&[&command[..1], &["--secrets-url", &url], &command[1..]].concat())
    }

    fn follow(&self, command: &[&str]) -> Daemon {
        let words = self.words(command);
        let daemon =
            Daemon::start(&self.program(), &words.iter().map(String::as_str).collect::<Vec<_>>());
        daemon.wait_until_told("READY=1");
        daemon
    }

    fn put(&self, name: &str, value: impl Into<Value>) {
        let body = json!({ "name": name, "value": value.into() });
        control(&self.fixture.emulator, "POST", "/secrets", &body);
    }

    /// Returns the path of a file of this test.
    fn path(&self, name: &str) -> String {
        self.fixture.path(name).to_str().unwrap().to_owned()
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Waits until the last failure is that nothing listens. A request may meet `serve` while it stops, too.
#[track_caller]
/// Waits until it is told that nothing listens. `before` reads had failed earlier.
fn wait_until_refused(daemon: &Daemon, served: &Served, before: usize) {
    let expected = format!("cannot connect to `serve` at {}", served.url());
    let is_refused = || {
        let count = daemon.count("followed_read_failed");
        let last = (count > before).then(|| daemon.wait_for_nth("followed_read_failed", count))?;
        last["reason"].as_str()?.starts_with(&expected).then_some(())
    };
    until(is_refused).expect("it is told that nothing listens");
}

fn has_no_value(log: &[Value]) -> bool {
    let log = json!(log).to_string();
    !log.contains("-value") && !log.contains("s3cr3t") && !log.contains(TOKEN)
}

#[test]
fn values_are_read_once() {
    let served = Served::new();
    let references =
        ["sm://prod/db-credentials#username", "ssm:///prod/api-url", "sm://prod/plain"];
    let resolved = served.run(&[&["resolve", "--output", "json"][..], &references].concat());
    assert_eq!(resolved.code, 0, "{resolved}");
    let values = resolved.json();
    assert_eq!((&values[0]["value"], &values[2]["value"]), (&json!("app"), &json!("s3cr3t")));
    assert!(values[1]["version"].is_string());
    let template = served.path("a.conf.j2");
    fs::write(
        &template,
        "{{ secret('prod/db-credentials').username }} {{ parameter('/prod/api-url') }}\n",
    )
    .unwrap();
    let rendered = served.run(&["render", &template]);
    assert!(rendered.text().starts_with("app https://"), "{rendered}");
    // Nothing but the values, and the variables of the caller.
    let script = "echo \"$A ${AWS_ACCESS_KEY_ID-none} ${AWS_CONTAINER_CREDENTIALS_FULL_URI-none} $(cat \"$F\")\"";
    let files = ["--env", "A=sm://prod/plain", "--file", "F=sm://prod/plain"];
    let ran = served.run(&[&["exec"][..], &files, &["--", "sh", "-c", script]].concat());
    assert_eq!((ran.code, ran.text().as_str()), (0, "s3cr3t none none s3cr3t\n"), "{ran}");
    let masked = ["--env", "A=sm://prod/db-credentials#password", "--mask", "--", "sh", "-c"];
    let masked = served.run(&[&["exec"][..], &masked, &["echo \"$A\""]].concat());
    assert_eq!(masked.text(), "***A***\n", "{masked}");
    // The reads are those of the token, and in the log of `serve`.
    assert_eq!(served.daemon().wait_for("secret_read")["token"], "web");
}

/// Answers one request with a document of this length.
fn answer_once(listener: &TcpListener, length: usize) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut request = BufReader::new(stream.try_clone().unwrap());
    let mut list = 0;
    for line in request.by_ref().lines().map(Result::unwrap).take_while(|line| !line.is_empty()) {
        if let Some(length) = line.to_lowercase().strip_prefix("content-length: ") {
            list = length.parse().unwrap();
        }
    }
    io::copy(&mut request.take(list), &mut io::sink()).unwrap();
    let mut body = br#"{"values":[{"value":"s3cr3t","version":"v1","name":"a"}"#.to_vec();
    body.resize(length - 2, b' ');
    body.extend_from_slice(b"]}");
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    // A client does not read all of what is too long.
    let _ = stream.write_all(&body);
}

/// 200 secrets of 64 KiB are longer than any answer of AWS.
#[test]
fn a_long_answer_is_read_and_one_without_end_is_not() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let program = Program::offline(folder.path()).set("AWS_TOKEN", TOKEN);
    let resolve = || program.run(&["resolve", "--secrets-url", &url, "sm://a"]);
    thread::spawn(move || {
        answer_once(&listener, 13 << 20);
        answer_once(&listener, 21 << 20);
    });
    let resolved = resolve();
    assert_eq!((resolved.code, resolved.text().as_str()), (0, "s3cr3t"), "{resolved}");
    let failed = resolve();
    assert!(failed.code == 5 && failed.stderr.contains("is too long"), "{failed}");
    assert_eq!(failed.text(), "");
}

#[test]
fn a_value_that_aws_does_not_confirm_is_told() {
    let served = Served::new();
    served.run(&["resolve", "sm://prod/plain"]);
    served.fixture.emulator.fault(json!({"operation": "*", "status": 503, "times": 0}));
    let told = "warning: `prod/plain` has been stale for ";
    let is_told = || {
        let resolved = served.run(&["resolve", "sm://prod/plain"]);
        assert_eq!((resolved.code, resolved.text().as_str()), (0, "s3cr3t"), "{resolved}");
        let text = resolved.stderr;
        (text.starts_with(told) && text.ends_with(" s: AWS fails\n")).then_some(())
    };
    until(is_told).expect("a value that is stale");
}

#[test]
fn a_program_is_started_again() {
    let served = Served::new();
    let script = "echo \"$A\"; exec sleep 600";
    let words = served.words(&[
        "exec",
        "--on-rotate",
        "restart",
        "--env",
        "A=sm://prod/plain",
        "--",
        "sh",
        "-c",
        script,
    ]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut running = served.program().spawn(&words);
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(lines.next().as_deref(), Some("s3cr3t"));
    for value in ["second-value", "third-value"] {
        served.put("prod/plain", value);
        assert_eq!(lines.next().as_deref(), Some(value));
    }
    let pid = Pid::from_raw(running.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    running.wait().unwrap();
    assert_eq!(lines.next(), None);
}

/// The values change while `serve` is down, and it comes back with another token.
#[test]
fn files_follow_a_serve_that_is_restarted() {
    let mut served = Served::new();
    let (template, out) = (served.path("a.conf.tmpl"), served.path("a.conf"));
    fs::write(&template, "url = {{resolve:secretsmanager:prod/plain}}\n").unwrap();
    let command = ["render", &template, "--out", &out, "--watch", "--on-change", "true"];
    let renderer = served.follow(&command);
    renderer.wait_for("action_ended");
    assert_eq!(read(&out), "url = s3cr3t\n");
    served.put("prod/plain", "second-value");
    renderer.wait_for_nth("action_ended", 2);
    assert_eq!(read(&out), "url = second-value\n");
    let before = renderer.count("followed_read_failed");
    served.stop();
    wait_until_refused(&renderer, &served, before);
    served.put("prod/plain", "third-value");
    served.set_token("another-token-of-the-web-app");
    served.start();
    renderer.wait_for_nth("action_ended", 3);
    renderer.wait_for("followed_read_recovered");
    assert_eq!(read(&out), "url = third-value\n");
    // Started again without a change, it causes no action.
    let before = renderer.count("followed_read_failed");
    served.stop();
    wait_until_refused(&renderer, &served, before);
    served.start();
    renderer.wait_for_nth("followed_read_recovered", 2);
    let (log, code) = renderer.stop_with_log();
    assert_eq!(code, Some(0));
    let actions = log.iter().filter(|line| line["event"] == "action_started").count();
    assert_eq!(actions, 3, "{log:?}");
    assert!(has_no_value(&log), "{log:?}");
}

#[test]
fn a_command_is_told_of_changes() {
    let served = Served::new();
    let lines = served.path("lines");
    let command = format!("cat >> {lines}");
    let references = ["sm://prod/db-credentials#password", "ssm:///prod/absent?optional"];
    let watcher = served.follow(&[&["watch", "--exec", &command][..], &references].concat());
    served.put("prod/db-credentials", json!({"username": "app", "password": "second-value"}));
    watcher.wait_for("action_ended");
    let line: Value = serde_json::from_str(&read(&lines)).unwrap();
    assert_eq!(line["reference"], "sm://prod/db-credentials#password");
    assert_eq!(line["name"], "prod/db-credentials");
    assert!(line["version"].is_string() && line["version"] != line["previous_version"]);
    let (log, code) = watcher.stop_with_log();
    assert_eq!((code, has_no_value(&log)), (Some(0), true), "{log:?}");
}

/// What `serve` refuses is told once, and nothing is done about it.
#[test]
fn a_refusal_by_the_rules_leaves_all_as_it_is() {
    let served = Served::new();
    let (template, out) = (served.path("a.conf.tmpl"), served.path("a.conf"));
    fs::write(&template, "url = {{resolve:secretsmanager:prod/plain}}\n").unwrap();
    let renderer = served.follow(&["render", &template, "--out", &out, "--watch"]);
    served.set_rules("allow = ['other/*']");
    served.daemon().signal(Signal::HUP);
    served.daemon().wait_for("config_reloaded");
    served.put("prod/plain", "second-value");
    let failed = renderer.wait_for("followed_read_failed").to_string();
    assert!(failed.contains("this token does not allow this secret or parameter"), "{failed}");
    assert!(failed.contains("`allow`, `deny`"), "{failed}");
    assert_eq!(read(&out), "url = s3cr3t\n");
    served.set_rules("allow = ['prod/*']");
    served.daemon().signal(Signal::HUP);
    until(|| (read(&out) == "url = second-value\n").then_some(())).expect("it is written");
    let (log, code) = renderer.stop_with_log();
    assert_eq!((code, has_no_value(&log)), (Some(0), true), "{log:?}");
}

#[test]
fn what_keeps_values_from_being_read_is_told() {
    let mut served = Served::with("allow = ['prod/*']");
    let _filters = {
        let mut filters = filters();
        filters.add_filter(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT");
        filters.bind_to_scope()
    };
    let fails = |served: &Served, command: &[&str], code: i32| {
        let failed = served.run(command);
        assert_eq!((failed.code, failed.text().as_str()), (code, ""), "{failed}");
        failed.stderr
    };
    assert_snapshot!(fails(&served, &["resolve", "sm://prod/absent", "sm://root/key"], 4), @r"
    error: cannot resolve 2 of 2 references

    `sm://prod/absent`
      caused by: `serve` answered with ResourceNotFoundException: Secrets Manager can't find the specified secret.
      hint: check the name and the Region, or add `?optional` or `?default=TEXT`

    `sm://root/key`
      caused by: `serve` answered with AccessDeniedException: this token does not allow this secret or parameter
      hint: its log (`secret_read_failed`) says who refused it: `allow`, `deny` and `allowed-roles` in the file of `serve`, or AWS
    ");
    assert_snapshot!(fails(&served, &["resolve", "sm://prod/db-credentials#nothing"], 4), @r"
    error: cannot resolve `sm://prod/db-credentials#nothing`
      caused by: `serve` answered with UnsuitableValue: there is no member `nothing` (the object has 4 members)
      hint: check the key, which is case-sensitive, and what the value is
    ");
    let wrong = served.path("wrong");
    fs::write(&wrong, "hunter2").unwrap();
    let with_wrong = ["resolve", "sm://prod/plain", "--secrets-token-file", &wrong];
    assert_snapshot!(fails(&served, &with_wrong, 4), @r"
    error: `serve` at http://127.0.0.1:PORT does not accept the token in `DIR/wrong` (from --secrets-token-file)
      hint: pass the file of its token with `--secrets-token-file`, or set `AWS_TOKEN` to what `serve --print-env` prints
    ");
    let absent = served.path("absent");
    let with_absent = ["resolve", "sm://prod/plain", "--secrets-token-file", &absent];
    assert_snapshot!(fails(&served, &with_absent, 6), @r"
    error: cannot read `DIR/absent` (from --secrets-token-file)
      caused by: No such file or directory (os error 2)
      hint: check the path
    ");
    served.stop();
    let exec = ["exec", "--env", "A=sm://prod/plain", "--", "true"];
    assert_snapshot!(fails(&served, &exec, 5), @r"
    error: cannot connect to `serve` at http://127.0.0.1:PORT
      caused by: cannot connect to 127.0.0.1:PORT
      caused by: Connection refused (os error 111)
      hint: start it with `roles-anywhere serve --secrets`, or check the port: `serve --print-env` prints the address
    ");
    let debug = served.run(&["resolve", "sm://prod/plain", "--debug"]);
    assert!(debug.stderr.contains("/roles-anywhere/resolve, 1 references"), "{debug}");
    assert!(!debug.stderr.contains(TOKEN), "{debug}");
}
