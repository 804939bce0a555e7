//! The credentials endpoint of `exec`: it serves one program, renews its session, and ends with it,
//! whatever ends first.

mod init;

pub(crate) use init::can_make_namespace;

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process};

use crate::client::Client;
use crate::daemon::until;
use crate::environment::{Program, Running, TestEnvironment};

/// Says what it was given.
pub(crate) const TELL: &str = r#"echo "$AWS_CONTAINER_CREDENTIALS_FULL_URI $AWS_CONTAINER_AUTHORIZATION_TOKEN $AWS_CONFIG_FILE""#;

/// Runs until it is killed.
pub(crate) const WAIT: &str = "exec sleep 600";

/// The most KiB of its own that an endpoint may take: docs/exec.md has the number.
const MOST_MEMORY: usize = 4 << 10;

/// What a program was given.
pub(crate) struct Given {
    address: SocketAddr,
    token_file: PathBuf,
    /// The private directory of the program.
    directory: PathBuf,
    _folder: tempfile::TempDir,
}

impl Given {
    /// Reads what [`TELL`] says.
    pub(crate) fn of(told: &str) -> Self {
        let told: Vec<&str> = told.split_whitespace().collect();
        let [url, token, config] = told[..] else { unreachable!("{told:?}") };
        let address = url.strip_prefix("http://").unwrap().strip_suffix("/credentials").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let token_file = folder.path().join("token");
        fs::write(&token_file, token).unwrap();
        let directory = Path::new(config).parent().unwrap().to_owned();
        Self { address: address.parse().unwrap(), token_file, directory, _folder: folder }
    }

    fn client(&self) -> Client {
        Client::connect(self.address, &self.token_file)
    }

    /// Returns the access key id, or nothing if there are no credentials.
    pub(crate) fn key(&self) -> Option<String> {
        let response = self.client().container();
        let body: serde_json::Value = serde_json::from_str(&response.body).ok()?;
        body["AccessKeyId"].as_str().filter(|_| response.status == 200).map(str::to_owned)
    }
}

/// A program that `exec` runs, and what it was given.
pub(crate) struct Served {
    pub(crate) child: Running,
    pub(crate) output: BufReader<ChildStdout>,
    given: Given,
}

impl Served {
    /// Runs a script that goes on after [`TELL`].
    pub(crate) fn start(program: &Program, options: &[&str], script: &str) -> Self {
        let script = format!("{TELL}; {script}");
        let arguments = [&["exec"], options, &["--", "sh", "-c", &script]].concat();
        Self::of(program.clone().spawn_into(&arguments, Stdio::inherit()))
    }

    /// Reads what a script told that has run [`TELL`].
    pub(crate) fn of(mut child: Running) -> Self {
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut told = String::new();
        output.read_line(&mut told).unwrap();
        Self { child, output, given: Given::of(&told) }
    }

    /// The program is the process that was started.
    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap()).unwrap()
    }

    /// The process that serves the program.
    pub(crate) fn endpoint(&self) -> Option<Pid> {
        let words = ["credentials-endpoint".to_owned(), self.pid().to_string()];
        processes().into_iter().find(|(_, line)| line.ends_with(&words)).map(|(pid, _)| pid)
    }

    /// Returns the access key id, or nothing if there are no credentials.
    pub(crate) fn key(&self) -> Option<String> {
        self.given.key()
    }

    /// Kills the program, and waits until its endpoint is gone.
    pub(crate) fn end(mut self) {
        let endpoint = self.endpoint();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        if let Some(endpoint) = endpoint {
            until(|| is_gone(endpoint).then_some(())).expect("the endpoint does not end");
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // The endpoint ends with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process that is killed at the end of a test, also of one that fails.
struct KilledOnDrop(Child);

impl Drop for KilledOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns the processes and their command lines.
fn processes() -> Vec<(Pid, Vec<String>)> {
    let numbers = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        entry.unwrap().file_name().to_str()?.parse().ok().and_then(Pid::from_raw)
    });
    let line = |pid: Pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words = line.split(|byte| *byte == 0).filter(|word| !word.is_empty());
        (pid, words.map(|word| String::from_utf8_lossy(word).into_owned()).collect())
    };
    numbers.map(line).collect()
}

/// Returns a field of `/proc/PID/stat`: the state, the parent, the group, the session.
fn stat(pid: Pid, field: usize) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(field).map(str::to_owned)
}

fn children(of: Pid) -> Vec<Pid> {
    let is_child = |pid: &Pid| stat(*pid, 1) == Some(of.to_string());
    processes().into_iter().map(|(pid, _)| pid).filter(is_child).collect()
}

/// Returns the KiB of memory that a process has for itself.
fn own_memory(pid: Pid) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.unwrap().trim().trim_end_matches(" kB").parse().unwrap()
}

/// Returns whether a process runs a program of that name.
fn runs(pid: Pid, name: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|found| found.trim_end() == name)
}

/// Returns the numbers of the descriptors of a process.
fn descriptors(pid: Pid) -> BTreeSet<String> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Returns whether a process has ended; the one that adopted it may still have to reap it.
pub(crate) fn is_gone(pid: Pid) -> bool {
    test_kill_process(pid).is_err() || stat(pid, 0).is_none_or(|state| state == "Z")
}

/// The files below the runtime directory of an environment that are of programs.
fn directories(env: &TestEnvironment) -> Vec<String> {
    let entries = fs::read_dir(env.path("run/roles-anywhere")).into_iter().flatten();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("exec-")).collect()
}

#[test]
fn only_the_token_opens_it_and_nothing_else_is_there() {
    let env = TestEnvironment::new();
    let served = Served::start(env.program(), &[], WAIT);
    let mut client = served.given.client();
    assert_eq!(client.get("/credentials").status, 401);
    let other = served.given.token_file.with_file_name("other");
    let mut token = fs::read(&served.given.token_file).unwrap();
    token[0] ^= 1;
    fs::write(&other, token).unwrap();
    assert_eq!(client.container_at("/credentials", &other).status, 401);
    assert_eq!(client.get_for("a.example", "/credentials").status, 403);
    for path in ["/healthz", "/readyz", "/metrics", "/latest/api/token", "/latest/meta-data"] {
        let found = client.container_at(path, &served.given.token_file);
        assert_eq!(found.status, 404, "{path}: {}", found.body);
    }
    let role = client.container_at("/credentials/other", &served.given.token_file);
    assert_eq!(role.status, 404);
    let response = client.container();
    assert_eq!(response.status, 200);
    let body: serde_json::Value = serde_json::from_str(&response.body).unwrap();
    assert!(body["RoleArn"].as_str().unwrap().ends_with("role/Workload"), "{}", body["RoleArn"]);
    served.end();
}

#[test]
fn program_has_no_child_and_no_descriptor_of_ours() {
    // With descriptor 9 of the caller, which is for the program only.
    // Others are closed: a test beside this one may open one at this moment.
    const WITH_NINE: &[&str] = &[
        "bash",
        "-c",
        r#"for n in /proc/self/fd/*; do n=${n##*/}; ((n < 3)) || eval "exec $n>&-"; done; exec "$@" 9>&1"#,
        "bash",
    ];
    let env = TestEnvironment::new();
    let program = env.program().clone().launched_by(WITH_NINE).stdin("");
    let served = Served::start(&program, &[], WAIT);
    let pid = served.pid();
    assert_eq!(children(pid), []);
    let mut plain = Command::new(WITH_NINE[0]);
    plain.args(&WITH_NINE[1..]).args(["sleep", "600"]).stdout(Stdio::piped());
    let plain = KilledOnDrop(plain.spawn().unwrap());
    let plain_pid = Pid::from_child(&plain.0);
    until(|| runs(plain_pid, "sleep").then_some(())).unwrap();
    until(|| runs(pid, "sleep").then_some(())).unwrap();
    assert_eq!(descriptors(pid), descriptors(plain_pid));
    let endpoint = served.endpoint().unwrap();
    // It is in a session of its own, whose leader is gone.
    for field in [2, 3] {
        assert_ne!(stat(endpoint, field), stat(pid, field));
        assert_ne!(stat(endpoint, field), Some(endpoint.to_string()));
    }
    served.end();
}

#[test]
fn program_gets_no_signal_of_ours() {
    const BLOCKED: &[&str] = &["env", "--block-signal=CHLD"];
    let env = TestEnvironment::new().map(|program| program.launched_by(BLOCKED));
    let output = env.run_args(&["exec", "--", "grep", "^S[ih][gd]", "/proc/self/status"]);
    let signals = |name: &str| {
        let text = output.text();
        let line = text.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        u64::from_str_radix(line.unwrap().trim(), 16).unwrap()
    };
    let child = 1 << (Signal::CHILD.as_raw() - 1);
    assert_eq!([signals("SigBlk:") & child, signals("SigPnd:"), signals("ShdPnd:")], [child, 0, 0]);
}

#[test]
fn program_is_found_by_its_path_without_proc() {
    if !can_make_namespace() {
        return;
    }
    let env = TestEnvironment::new();
    // Another program of the same name is the first in `PATH`.
    let other = env.write("other/roles-anywhere", "#!/bin/sh\ncat >&2\n");
    fs::set_permissions(&other, Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", env.path("other").display());
    const WITHOUT_PROC: &[&str] = &[
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        r#"mount -t tmpfs none /proc && exec "$@""#,
        "sh",
    ];
    let env = env.var("PATH", path).map(|program| program.launched_by(WITHOUT_PROC));
    let output = env.run_args(&["exec", "--", "echo", "ran"]);
    assert_eq!((output.code, output.text().as_str()), (0, "ran\n"), "{output}");
}

#[test]
fn too_few_descriptors_and_processes_are_an_error_that_says_so() {
    let fails = |launcher: &'static [&'static str], reason: &str, hint: &str| {
        let env = TestEnvironment::new().map(|program| program.launched_by(launcher));
        let output = env.fails("exec -- true");
        assert_eq!(output.code, 6, "{output}");
        assert!(output.stderr.contains(reason) && output.stderr.contains(hint), "{output}");
    };
    fails(&["prlimit", "--nofile=7:7"], "Too many open files", "`ulimit -n`");
    fails(&["prlimit", "--nofile=14:14"], "Too many open files", "`ulimit -n`");
}

#[test]
fn program_that_adopts_orphans_does_not_adopt_its_endpoint() {
    const ADOPTER: &[&str] = &[
        "python3",
        "-c",
        "import ctypes, os, sys; ctypes.CDLL(None).prctl(36, 1, 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])",
    ];
    let env = TestEnvironment::new().map(|program| program.launched_by(ADOPTER));
    let script = "sh -c 'sleep 600 & echo $!'; exec sleep 600";
    let mut served = Served::start(env.program(), &[], script);
    let mut orphan = String::new();
    served.output.read_line(&mut orphan).unwrap();
    let orphan = Pid::from_raw(orphan.trim().parse().unwrap()).unwrap();
    // It adopts what it started itself, still.
    until(|| (children(served.pid()) == [orphan]).then_some(())).expect("one child");
    kill_process(orphan, Signal::KILL).unwrap();
    served.end();
}

#[test]
fn descriptors_of_the_caller_are_closed_when_the_program_closes_them() {
    let env = TestEnvironment::new();
    let program = env.program().clone().stdin("");
    let mut served = Served::start(&program, &[], "exec >&- 2>&-; exec sleep 600");
    let mut rest = String::new();
    // The end of the pipe: neither the program nor its endpoint has it open.
    served.output.read_to_string(&mut rest).unwrap();
    assert_eq!((rest.as_str(), served.child.try_wait().unwrap()), ("", None));
    assert!(served.key().is_some());
    served.end();
}

#[test]
fn signals_to_the_group_do_not_end_it() {
    let env = TestEnvironment::new().detached();
    let script = "trap '' HUP INT QUIT TERM; echo set; exec <&- >&-; exec sleep 600";
    let mut served = Served::start(env.program(), &[], script);
    served.output.read_line(&mut String::new()).unwrap();
    // The leader of a session and of a group.
    let (program, endpoint) = (served.pid(), served.endpoint().unwrap());
    for signal in [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM] {
        kill_process_group(program, signal).unwrap();
        // A service manager sends it to each process.
        kill_process(endpoint, signal).unwrap();
    }
    for signal in [Signal::USR1, Signal::USR2, Signal::ALARM, Signal::POWER, Signal::TSTP] {
        kill_process(endpoint, signal).unwrap();
    }
    assert!(served.key().is_some());
    assert!(!is_gone(program) && !is_gone(endpoint));
    served.end();
}

#[test]
fn nothing_is_left_when_the_program_was_killed() {
    let env = TestEnvironment::new();
    let served = Served::start(env.program(), &[], WAIT);
    let (address, directory) = (served.given.address, served.given.directory.clone());
    let endpoint = served.endpoint().unwrap();
    assert!(directory.is_dir());
    assert_eq!(directories(&env).len(), 1);
    served.end();
    assert!(is_gone(endpoint) && TcpStream::connect(address).is_err());
    assert!(!directory.exists());
    assert_eq!(directories(&env), [""; 0]);
}

#[test]
fn program_goes_on_without_its_endpoint_and_the_next_run_removes_its_files() {
    let env = TestEnvironment::new();
    let mut served = Served::start(env.program(), &[], WAIT);
    let endpoint = served.endpoint().unwrap();
    kill_process(endpoint, Signal::KILL).unwrap();
    until(|| is_gone(endpoint).then_some(())).expect("it was killed");
    assert_eq!(served.child.try_wait().unwrap(), None);
    let run = |env: &TestEnvironment| assert_eq!(env.run("exec -- true").code, 0);
    run(&env);
    assert!(served.given.directory.is_dir(), "the program still uses it");
    let directory = served.given.directory.clone();
    served.end();
    assert!(directory.is_dir());
    run(&env);
    // The endpoint of the last run ends right after it.
    until(|| directories(&env).is_empty().then_some(())).expect("no directory is left");
}

#[test]
fn session_is_renewed_while_the_program_runs() {
    let renews = |env: TestEnvironment| {
        env.emulator().end_sessions_after(Some(6));
        let served = Served::start(env.program(), &[], WAIT);
        let first = until(|| served.key()).unwrap();
        let next = || served.key().filter(|key| *key != first);
        let second = until(next).expect("it is not renewed");
        assert!(until(|| served.key().filter(|key| *key != second)).is_some());
        assert!(own_memory(served.endpoint().unwrap()) < MOST_MEMORY);
        served.end();
    };
    renews(TestEnvironment::new());
    renews(TestEnvironment::new().cached());
}

#[test]
fn renewals_follow_the_files_of_the_identity_and_explain_failures() {
    let env = TestEnvironment::new();
    let key = env.write("host.key", fs::read(env.path("leaf/p256.key.pem")).unwrap());
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    let env = env.key("host.key");
    env.emulator().end_sessions_after(Some(4));
    let served = Served::start(env.program(), &[], WAIT);
    let good = fs::read(&key).unwrap();
    fs::write(&key, "no key").unwrap();
    let explained = || {
        let response = served.given.client().container();
        (response.status == 503 && response.body.contains("host.key")).then_some(())
    };
    until(explained).expect("the failure is not explained");
    fs::write(&key, good).unwrap();
    assert!(until(|| served.key()).is_some(), "it does not recover");
    served.end();
}

#[test]
fn inputs_that_are_read_once_serve_renewals_too() {
    let env = TestEnvironment::new();
    env.emulator().end_sessions_after(Some(6));
    let key = fs::read(env.path("leaf/p256.key.pem")).unwrap();
    let program = env.program().clone().stdin(key.clone());
    let options = ["--private-key", "-"];
    let script = format!("{TELL}; exec sleep 600");
    let arguments = [&["exec"], &options[..], &["--", "sh", "-c", &script]].concat();
    let mut child = program.spawn_into(&arguments, Stdio::inherit());
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), &key).unwrap();
    let served = Served::of(child);
    let first = until(|| served.key()).unwrap();
    assert!(until(|| served.key().filter(|key| *key != first)).is_some());
    served.end();
}
