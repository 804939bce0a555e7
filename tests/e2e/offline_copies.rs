//! `[secrets.offline]`: `serve` and `exec` that start while AWS cannot be reached.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::{fs, io};

use rustix::process::{Pid, Signal, kill_process};

use crate::daemon::{Daemon, until};
use crate::environment::{CommandOutput, Program, Running, control};
use crate::serve_roles::Fixture;
use crate::serve_secrets::{address, get_with};

const DB: &str = "/secretsmanager/get?secretId=prod/db-credentials";
const PLAIN: &str = "/secretsmanager/get?secretId=prod/plain";
const TOKEN: &str = "4f1c1d9a7b0e5d3c";
const PASSWORD: &str = "correct horse battery staple";

/// Nothing listens there.
const NOWHERE: [&str; 4] =
    ["--endpoint", "https://127.0.0.1:1", "--secrets-endpoint", "https://127.0.0.1:1"];

const TABLES: &str = "[secrets]\nport = 0\n[secrets.offline]\nkeep = ['sm://prod/db-*']\n";

/// A machine with a key and a directory of a service.
struct Host {
    fixture: Fixture,
}

impl Host {
    fn new() -> Self {
        let host = Self { fixture: Fixture::with(&[("a", TABLES)]) };
        fs::create_dir(host.fixture.path("state")).unwrap();
        fs::create_dir(host.fixture.path("credentials")).unwrap();
        host.write_key([7; 32]);
        host
    }

    fn write_key(&self, key: [u8; 32]) {
        let path = self.fixture.path("credentials/roles-anywhere-offline-key");
        fs::write(&path, key).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn configure(&self, tables: &str) {
        self.fixture.configure_with(&[("a", tables)]);
    }

    fn tool(&self) -> Program {
        self.fixture
            .tool()
            .set("AWS_TOKEN", TOKEN)
            .set("STATE_DIRECTORY", self.fixture.path("state"))
            .set("CREDENTIALS_DIRECTORY", self.fixture.path("credentials"))
    }

    fn serve(&self, options: &[&str]) -> Daemon {
        let config = self.fixture.path("config.toml");
        let line = ["serve", "--no-imds", "--no-container", "--config", config.to_str().unwrap()];
        Daemon::start(&self.tool(), &[&line, options].concat())
    }

    /// Starts `exec`, which follows the password, with a script of a shell that has it in P.
    fn follow(&self, script: &str) -> Running {
        let config = self.fixture.path("config.toml");
        let line = ["exec", "--config", config.to_str().unwrap(), "--role", "a"];
        let quick = ["--quiet-period", "1s", "--splay", "0s", "--secrets-ttl", "1s"];
        let program = ["--env=P=sm://prod/db-credentials#password", "--", "sh", "-c", script];
        self.tool().spawn(&[&line[..], &["--on-rotate", "restart"], &quick, &program].concat())
    }

    /// Returns the paths of the copies.
    fn copies(&self) -> Vec<PathBuf> {
        let directory = fs::read_dir(self.fixture.path("state/offline"));
        directory.into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
    }

    /// Reads the secrets with AWS, and ends.
    fn read_once(&self) {
        let daemon = self.serve(&[]);
        let address = address(&daemon);
        for target in [DB, PLAIN] {
            assert_eq!(get_with(address, target, TOKEN).status, 200);
        }
        assert_eq!(daemon.stop(), Some(0));
        assert_eq!(self.copies().len(), 1);
    }
}

/// Ends a program, and returns its log.
fn end(mut running: Running) -> String {
    let pid = Pid::from_raw(running.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    running.wait().unwrap();
    io::read_to_string(running.stderr.take().unwrap()).unwrap()
}

#[test]
fn serve_starts_without_network_and_serves_the_copy_as_stale() {
    let host = Host::new();
    host.read_once();
    let [copy] = &host.copies()[..] else { panic!() };
    let contents = fs::read(copy).unwrap();
    for hidden in [PASSWORD.as_bytes(), b"prod/db", b"123456789012"] {
        assert!(!contents.windows(hidden.len()).any(|part| part == hidden));
    }
    assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    let directory = copy.parent().unwrap().metadata().unwrap();
    assert_eq!(directory.permissions().mode() & 0o7777, 0o700);

    let daemon = host.serve(&NOWHERE);
    assert_eq!(daemon.wait_for("offline_copies_opened")["copies"], 1);
    let address = address(&daemon);
    let served = get_with(address, DB, TOKEN);
    assert_eq!(served.status, 200);
    assert!(served.text().contains(PASSWORD));
    assert!(served.text().contains("\r\nx-roles-anywhere-stale: 0; reason="), "{}", served.text());
    let read = daemon.wait_for("secret_read");
    assert_eq!((&read["value"], &read["stale_seconds"]), (&"offline".into(), &0.into()));
    // What is not to be kept is not there.
    assert!(get_with(address, PLAIN, TOKEN).status >= 500);
    let metrics = get_with(address, "/metrics", "").text();
    for line in ["secret_offline_copies 1", "secret_reads_total{result=\"offline\"} 1"] {
        assert!(metrics.contains(&format!("roles_anywhere_{line}\n")), "{metrics}");
    }
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(host.copies().len(), 1);
}

#[test]
fn refusal_removes_the_copy() {
    let host = Host::new();
    host.read_once();
    let fault = serde_json::json!({"operation": "GetSecretValue", "times": 0, "status": 400,
        "code": "AccessDeniedException", "message": "no"});
    host.fixture.emulator.fault(fault);
    let daemon = host.serve(&[]);
    let refused = get_with(address(&daemon), DB, TOKEN);
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("AccessDeniedException"), "{}", refused.text());
    let removed = daemon.wait_for("offline_copy_removed");
    assert_eq!(
        (&removed["secret"], &removed["reason"]),
        (&"prod/db-credentials".into(), &"refused".into())
    );
    assert!(until(|| host.copies().is_empty().then_some(())).is_some());
    assert_eq!(daemon.stop(), Some(0));
    let daemon = host.serve(&NOWHERE);
    assert!(get_with(address(&daemon), DB, TOKEN).status >= 500);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn copies_that_cannot_be_used_are_named_and_not_served() {
    let host = Host::new();
    host.read_once();
    let path = host.copies().remove(0);
    let contents = fs::read(&path).unwrap();
    let check = |contents: &[u8], expected: &str| {
        fs::write(&path, contents).unwrap();
        let daemon = host.serve(&NOWHERE);
        let ignored = daemon.wait_for("offline_copy_ignored");
        assert_eq!(ignored["reason"], expected);
        assert_eq!(ignored["file"], path.file_name().unwrap().to_str().unwrap());
        assert!(get_with(address(&daemon), DB, TOKEN).status >= 500);
        assert_eq!(daemon.stop(), Some(0));
    };
    let mut changed = contents.clone();
    changed[60] ^= 1;
    check(&changed, "it was changed or renamed");
    check(&contents[..45], "it is not complete");
    check(b"{}", "not an offline copy, or one of another version of roles-anywhere");
    check(&vec![0; 1 << 20], "it is too large");
    host.write_key([8; 32]);
    check(&contents, "it was encrypted with another key");
    host.write_key([7; 32]);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    check(&contents, "other users can access it (mode 0644)");
    // It is whole again.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let daemon = host.serve(&NOWHERE);
    assert_eq!(get_with(address(&daemon), DB, TOKEN).status, 200);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn what_is_not_to_be_kept_any_more_is_removed_by_a_reload() {
    let host = Host::new();
    host.read_once();
    let daemon = host.serve(&[]);
    daemon.wait_for("offline_copies_opened");
    host.configure(&TABLES.replace("'sm://prod/db-*'", ""));
    daemon.signal(Signal::HUP);
    daemon.wait_for("config_reloaded");
    assert_eq!(daemon.wait_for("offline_copy_removed")["reason"], "not_configured");
    assert!(until(|| host.copies().is_empty().then_some(())).is_some());
    let elsewhere = TABLES.replace("keep", "dir = '/srv/copies'\nkeep");
    host.configure(&elsewhere);
    daemon.signal(Signal::HUP);
    daemon.wait_for_nth("config_reloaded", 2);
    assert_eq!(daemon.wait_for("secrets_restart_needed")["key"], "offline");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_key_that_cannot_be_used_ends_the_start() {
    let host = Host::new();
    let path = host.fixture.path("credentials/roles-anywhere-offline-key");
    fs::write(&path, b"a key and a newline, 33 bytes....\n").unwrap();
    let config = host.fixture.path("config.toml");
    let line = ["serve", "--no-imds", "--no-container", "--config", config.to_str().unwrap()];
    let output = host.tool().run(&line);
    assert_eq!(output.code, 6);
    assert!(output.stderr.contains("has 34 bytes, not 32"), "{}", output.stderr);
    fs::remove_file(&path).unwrap();
    let output = host.tool().run(&line);
    assert_eq!(output.code, 6);
    assert!(output.stderr.contains("roles-anywhere-offline-key"), "{}", output.stderr);
    let output = host.tool().unset("CREDENTIALS_DIRECTORY").run(&line);
    assert_eq!(output.code, 2);
    assert!(
        output.stderr.contains("needs the variable `CREDENTIALS_DIRECTORY`"),
        "{}",
        output.stderr
    );
}

/// Runs a script by `exec` with the password of the database.
fn exec(host: &Host, options: &[&str]) -> CommandOutput {
    let config = host.fixture.path("config.toml");
    let line = ["exec", "--config", config.to_str().unwrap(), "--role", "a"];
    let program = ["--env=P=sm://prod/db-credentials#password", "--", "sh", "-c", "echo \"$P\""];
    host.tool().run(&[&line, options, &program].concat())
}

#[test]
fn exec_starts_without_network_from_the_copy_of_an_earlier_run() {
    let host = Host::new();
    let first = exec(&host, &[]);
    assert_eq!((first.code, first.stderr.as_str()), (0, ""), "{first}");
    assert_eq!(host.copies().len(), 1);
    let second = exec(&host, &NOWHERE);
    assert_eq!((second.code, second.text().trim_end()), (0, PASSWORD), "{second}");
    let warning = second.stderr.trim_end();
    let expected = "warning: `prod/db-credentials` is an offline copy, which AWS confirmed at 20";
    assert!(
        warning.starts_with(expected) && warning.ends_with("Z: AWS cannot be reached (connection)"),
        "{warning}"
    );
    // The program cannot get credentials without a session.
    let credentials = exec(&host, &[&NOWHERE[..], &["--credentials"]].concat());
    assert_eq!(credentials.code, 5, "{credentials}");
    // What is not to be kept is an error as ever, and so is all without a key.
    host.configure(&TABLES.replace("prod/db-*", "prod/other"));
    let unnamed = exec(&host, &NOWHERE);
    assert_eq!(unnamed.code, 5);
    let removed = "warning: offline copy removed: prod/db-credentials: copy-";
    let hint = "hint: there is no offline copy of `prod/db-credentials`: `keep` of `[secrets.offline]` has no pattern for it";
    assert!(unnamed.stderr.contains(removed) && unnamed.stderr.contains(hint), "{unnamed}");
    assert_eq!(host.copies().len(), 0);
    host.configure(TABLES);
    let hint =
        "hint: there is no offline copy of `prod/db-credentials`: none was made with this role";
    assert!(exec(&host, &NOWHERE).stderr.contains(hint));
}

#[test]
fn exec_without_its_private_key_says_so_and_uses_no_copy() {
    let host = Host::new();
    assert_eq!(exec(&host, &[]).code, 0);
    let key = host.fixture.path("missing.pem");
    let output = exec(&host, &[&NOWHERE[..], &["--private-key", key.to_str().unwrap()]].concat());
    assert_eq!((output.code, output.text().as_str()), (3, ""), "{output}");
    assert!(
        output.stderr.contains("missing.pem` does not exist: check `--private-key`"),
        "{output}"
    );
    assert!(!output.stderr.contains("offline copy"), "{output}");
    assert_eq!(host.copies().len(), 1);
}

#[test]
fn exec_warns_of_half_a_set_up() {
    let host = Host::new();
    let config = host.fixture.path("config.toml");
    let line = ["exec", "--config", config.to_str().unwrap(), "--role", "a"];
    let program = ["--env=P=sm://prod/plain", "--", "true"];
    for (variable, other) in [
        ("STATE_DIRECTORY", "add `StateDirectory=roles-anywhere` to the unit of systemd"),
        ("CREDENTIALS_DIRECTORY", "pass the key with `LoadCredentialEncrypted="),
    ] {
        let output = host.tool().unset(variable).run(&[&line[..], &program].concat());
        assert_eq!(output.code, 0, "{output}");
        let warning = "warning: no offline copies are used: ";
        assert!(output.stderr.starts_with(warning), "{output}");
        assert!(output.stderr.contains(&format!("needs the variable `{variable}`")), "{output}");
        assert!(output.stderr.contains(&format!("\n  hint: {other}")), "{output}");
    }
}

#[test]
fn refusal_of_one_process_removes_the_copy_of_another() {
    let host = Host::new();
    let daemon = host.serve(&[]);
    assert_eq!(daemon.wait_for("offline_copies_opened")["copies"], 0);
    assert_eq!(exec(&host, &[]).code, 0);
    assert_eq!(host.copies().len(), 1);
    let fault = serde_json::json!({"operation": "GetSecretValue", "times": 0, "status": 400,
        "code": "AccessDeniedException", "message": "no"});
    host.fixture.emulator.fault(fault);
    assert_eq!(get_with(address(&daemon), DB, TOKEN).status, 400);
    assert!(until(|| host.copies().is_empty().then_some(())).is_some());
    assert_eq!(daemon.wait_for("offline_copy_removed")["reason"], "refused");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_directory_that_was_removed_is_made_again() {
    let host = Host::new();
    let daemon = host.serve(&[]);
    let address = address(&daemon);
    assert_eq!(get_with(address, DB, TOKEN).status, 200);
    assert!(until(|| (!host.copies().is_empty()).then_some(())).is_some());
    fs::remove_dir_all(host.fixture.path("state/offline")).unwrap();
    let now = format!("{DB}&refreshNow=true");
    let made = until(|| {
        assert_eq!(get_with(address, &now, TOKEN).status, 200);
        (!host.copies().is_empty()).then_some(())
    });
    assert!(made.is_some());
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn exec_that_follows_a_rotation_keeps_the_copy_current() {
    let host = Host::new();
    let running = host.follow("exec sleep 600");
    let copy = || fs::read(host.copies().first()?).ok();
    let first = until(copy).unwrap();
    let value = serde_json::json!({"name": "prod/db-credentials",
        "value": "{\"username\": \"app\", \"password\": \"the-second-password\"}"});
    control(&host.fixture.emulator, "POST", "/secrets", &value);
    assert!(until(|| (copy()? != first).then_some(())).is_some());
    end(running);
    let next = exec(&host, &NOWHERE);
    assert_eq!((next.code, next.text().trim_end()), (0, "the-second-password"), "{next}");
}

#[test]
fn exec_follows_with_the_copy_until_the_outage_ends() {
    let host = Host::new();
    assert_eq!(exec(&host, &[]).code, 0);
    let emulator = &host.fixture.emulator;
    for operation in ["GetSecretValue", "BatchGetSecretValue"] {
        emulator.fault(serde_json::json!({"operation": operation, "times": 0, "status": 503,
            "code": "ServiceUnavailable", "message": "no"}));
    }
    let starts = host.fixture.path("starts");
    let script = format!("echo \"$P\" >> '{}'; exec sleep 600", starts.display());
    let running = host.follow(&script);
    let started = |count: usize| {
        let lines = || fs::read_to_string(&starts).ok();
        until(|| lines().filter(|lines| lines.lines().count() == count)).unwrap()
    };
    assert_eq!(started(1).trim_end(), PASSWORD);
    // After the first call of what follows, which has several attempts, there is another one.
    let from = emulator.requests().len();
    let calls = || emulator.requests().len() - from;
    assert!(until(|| (calls() > 3).then_some(())).is_some());
    emulator.clear_faults();
    let value = serde_json::json!({"name": "prod/db-credentials",
        "value": "{\"username\": \"app\", \"password\": \"the-second-password\"}"});
    control(emulator, "POST", "/secrets", &value);
    assert_eq!(started(2), format!("{PASSWORD}\nthe-second-password\n"));
    let log = end(running);
    assert!(log.contains("action_ended") && !log.contains("followed_read_failed"), "{log}");
    assert_eq!(log.matches("is an offline copy").count(), 1, "{log}");
}

#[test]
fn exec_that_follows_logs_that_a_copy_is_removed() {
    let host = Host::new();
    let running = host.follow("exec sleep 600");
    assert!(until(|| (host.copies().len() == 1).then_some(())).is_some());
    for operation in ["GetSecretValue", "DescribeSecret"] {
        host.fixture.emulator.fault(serde_json::json!({"operation": operation, "times": 0,
            "status": 400, "code": "AccessDeniedException", "message": "no"}));
    }
    assert!(until(|| host.copies().is_empty().then_some(())).is_some());
    let log = end(running);
    let event = "reason=refused event=offline_copy_removed";
    assert!(log.contains(event) && !log.contains("warning: "), "{log}");
}

#[test]
fn exec_says_why_there_is_no_copy() {
    let host = Host::new();
    assert_eq!(exec(&host, &[]).code, 0);
    let path = host.copies().remove(0);
    fs::write(&path, "roles-anywhere offline copy 1\n").unwrap();
    let damaged = exec(&host, &NOWHERE);
    assert_eq!(damaged.code, 5);
    let file = path.file_name().unwrap().to_str().unwrap();
    let expected = format!("warning: an offline copy cannot be used: {file}: it is not complete\n");
    assert!(damaged.stderr.contains(&expected), "{damaged}");
    // AWS answers, so the run succeeds, and replaces the file.
    let repaired = exec(&host, &[]);
    assert_eq!((repaired.code, repaired.stderr.as_str()), (0, expected.as_str()));
    assert_eq!(exec(&host, &NOWHERE).code, 0);
    // A key that cannot be used keeps nothing from starting while AWS answers.
    fs::write(host.fixture.path("credentials/roles-anywhere-offline-key"), "short").unwrap();
    let without_key = exec(&host, &[]);
    assert_eq!(without_key.code, 0, "{without_key}");
    assert!(without_key.stderr.contains("warning: no offline copies are used: "), "{without_key}");
    // Outside of the service there are none.
    let outside = host.tool().unset("CREDENTIALS_DIRECTORY").unset("STATE_DIRECTORY");
    let config = host.fixture.path("config.toml");
    let line = ["exec", "--config", config.to_str().unwrap(), "--env=P=sm://prod/plain", "true"];
    let outside = outside.run(&line);
    assert_eq!((outside.code, outside.stderr.as_str()), (0, ""));
}

#[test]
fn refusal_removes_the_copy_of_exec() {
    let host = Host::new();
    assert_eq!(exec(&host, &[]).code, 0);
    let fault = serde_json::json!({"operation": "*", "times": 0, "status": 400,
        "code": "AccessDeniedException", "message": "no"});
    for operation in ["GetSecretValue", "BatchGetSecretValue"] {
        let mut fault = fault.clone();
        fault["operation"] = operation.into();
        host.fixture.emulator.fault(fault);
    }
    let refused = exec(&host, &[]);
    assert_eq!(refused.code, 4);
    let removed = "warning: offline copy removed: prod/db-credentials: copy-";
    assert!(refused.stderr.contains(removed), "{refused}");
    assert_eq!(host.copies().len(), 0);
    assert_eq!(exec(&host, &NOWHERE).code, 5);
}
