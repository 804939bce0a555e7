//! The prompt for a password: on the terminal device only, once, and never from the background.
//!
//! The program runs in a session whose controlling terminal is a pseudo-terminal, of which the test
//! holds the other end. Its standard output and error are pipes.

mod endpoint;
mod exec;
mod export;
mod roles;
mod waiting;

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use crate::environment::{CommandOutput, Running, form};
use crate::identity_files::{IdentityFiles, PASSWORD, Part, assert_vends};
use crate::leak;

use Part::{Certificate, Intermediates, PrivateKey};

const PROMPT: &str = "Password of ";
/// How long anything here may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// As the leader of the session, and in the foreground. A shell starts its background jobs, and so
/// these tests perhaps, with SIGINT ignored.
const LEADER: &[&str] = &[
    "env",
    "--default-signal=INT",
    "setsid",
    "--ctty",
    "sh",
    "-c",
    r#"exec "$@" </dev/null"#,
    "sh",
];

/// As a job in the foreground, of a shell that is the leader of the session. A shell that is not
/// interactive takes standard error for the terminal of its jobs.
const JOB: &[&str] = &[
    "env",
    "--default-signal=INT",
    "setsid",
    "--ctty",
    "sh",
    "-c",
    r#"exec bash -mc '"$@" </dev/null 2>&3 3>&-; exit $?' bash "$@" 3>&2 2<&0"#,
    "sh",
];

/// As [`JOB`], in the background. The shell also ends if the job is stopped.
const BACKGROUND: &[&str] = &[
    "env",
    "--default-signal=INT",
    "setsid",
    "--ctty",
    "sh",
    "-c",
    r#"exec bash -mc '"$@" </dev/null 2>&3 3>&- & exec 2>/dev/null; wait $!' bash "$@" 3>&2 2<&0"#,
    "sh",
];

/// As [`LEADER`], with standard error on the terminal.
const STDERR: &[&str] = &[
    "env",
    "--default-signal=INT",
    "setsid",
    "--ctty",
    "sh",
    "-c",
    r#"exec "$@" 2>&0 </dev/null"#,
    "sh",
];

/// Opens a pseudo-terminal: the end of the test, and the end of the program.
fn open_terminal() -> (File, Arc<std::os::fd::OwnedFd>) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    // What `poll` announced may be gone when it is read: the other end can be flushed in between.
    let flags = rustix::fs::fcntl_getfl(&ours).unwrap() | rustix::fs::OFlags::NONBLOCK;
    rustix::fs::fcntl_setfl(&ours, flags).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
    // It does not become the controlling terminal of these tests.
    let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC;
    let theirs = rustix::fs::open(name, flags, rustix::fs::Mode::empty()).unwrap();
    (ours.into(), Arc::new(theirs))
}

/// The program on a terminal of its own.
struct Session {
    files: IdentityFiles,
    terminal: File,
    child: Running,
    shown: Vec<u8>,
}

impl Session {
    fn start(files: IdentityFiles, launcher: &'static [&'static str], more: &[&str]) -> Self {
        let (terminal, theirs) = open_terminal();
        let program = files.program.clone().stdin_open(&theirs).launched_by(launcher);
        let child = program.spawn(&[&files.arguments(), more].concat());
        Self { files, terminal, child, shown: Vec::new() }
    }

    /// Whether the terminal shows what is typed.
    fn echoes(&self) -> bool {
        tcgetattr(&self.terminal).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// Waits so long for the terminal to show more; returns whether it did.
    fn read(&mut self, timeout: Duration) -> bool {
        let timeout = Timespec::try_from(timeout).unwrap();
        let mut ready = [PollFd::new(&self.terminal, PollFlags::IN)];
        if poll(&mut ready, Some(&timeout)).unwrap() == 0 {
            return false;
        }
        let mut buffer = [0; 4_096];
        // An error says that the other end is closed, or that there is nothing to read after all.
        let length = self.terminal.read(&mut buffer).unwrap_or(0);
        self.shown.extend(&buffer[..length]);
        length > 0
    }

    fn shown(&self) -> String {
        String::from_utf8(self.shown.clone()).unwrap()
    }

    #[track_caller]
    fn wait_for_prompt(&mut self) {
        let start = Instant::now();
        while !self.shown().trim_end().ends_with(':') || self.echoes() {
            // Nothing announces that the echo is off.
            let is_closed = !self.read(Duration::from_millis(10)) && self.has_ended();
            assert!(!is_closed && start.elapsed() < TIMEOUT, "{:?}", self.shown());
        }
    }

    fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    fn type_in(&mut self, text: &str) {
        self.terminal.write_all(text.as_bytes()).unwrap();
    }

    /// Waits for the end, and reads all that the terminal shows.
    #[track_caller]
    fn wait(&mut self) -> ExitStatus {
        let start = Instant::now();
        while !self.has_ended() {
            assert!(start.elapsed() < TIMEOUT, "it does not end: {:?}", self.shown());
            self.read(Duration::from_millis(10));
        }
        while self.read(Duration::ZERO) {}
        leak::check(&self.shown);
        self.child.wait().unwrap()
    }

    /// As [`Session::wait`]; returns what came of the run as well.
    #[track_caller]
    fn end(mut self) -> Ended {
        self.wait();
        let (shown, echoes) = (self.shown(), self.echoes());
        let requests = self.files.env.emulator().requests().len();
        Ended { output: CommandOutput::of(self.child), shown, echoes, requests }
    }
}

struct Ended {
    output: CommandOutput,
    /// What the terminal has shown.
    shown: String,
    /// Whether the terminal shows what is typed.
    echoes: bool,
    /// How many requests the emulator had.
    requests: usize,
}

impl Ended {
    #[track_caller]
    fn has_asked_once(&self) {
        assert_eq!(self.shown.matches(PROMPT).count(), 1, "{:?}", self.shown);
    }
}

/// Asks for the password of an encrypted key.
fn ask(launcher: &'static [&'static str]) -> Session {
    let mut session = Session::start(IdentityFiles::encrypted(), launcher, &[]);
    session.wait_for_prompt();
    session
}

#[track_caller]
fn asks_once(launcher: &'static [&'static str]) {
    let mut session = ask(launcher);
    assert!(session.shown().starts_with(PROMPT), "{:?}", session.shown());
    let key = session.files.path(PrivateKey).display().to_string();
    assert!(session.shown().contains(&key), "{:?}", session.shown());
    session.type_in(&format!("{PASSWORD}\n"));
    let ended = session.end();
    assert_vends(&ended.output);
    ended.has_asked_once();
    assert!(!ended.shown.contains(PASSWORD) && ended.echoes);
}

#[test]
fn leader_of_a_session_asks_once_without_echo() {
    asks_once(LEADER);
}

#[test]
fn job_in_the_foreground_asks_once_without_echo() {
    asks_once(JOB);
}

#[test]
fn one_answer_opens_two_files() {
    let files = IdentityFiles::new();
    let stores = ["a.p12", "b.p12"].map(|name| files.folder.path().join(name));
    for store in &stores {
        fs::copy(form("modern.p12"), store).unwrap();
    }
    let [certificate, key] = stores.each_ref().map(|store| store.to_str().unwrap());
    let files = files.only(&[(Certificate, certificate), (PrivateKey, key)]);
    let mut session = Session::start(files, LEADER, &[]);
    session.wait_for_prompt();
    session.type_in(&format!("{PASSWORD}\n"));
    let ended = session.end();
    assert_vends(&ended.output);
    ended.has_asked_once();
}

#[track_caller]
fn does_not_ask_again(answer: &str) {
    let mut session = ask(LEADER);
    session.type_in(answer);
    let ended = session.end();
    assert_eq!((ended.output.code, ended.output.text().as_str()), (3, ""), "{}", ended.output);
    assert!(ended.output.stderr.contains("the password is wrong"), "{}", ended.output);
    ended.has_asked_once();
    assert!(!ended.shown.contains("of-mine") && !ended.output.stderr.contains("of-mine"));
    assert!(ended.echoes && ended.requests == 0);
}

#[test]
fn wrong_answer_is_not_asked_for_again() {
    does_not_ask_again("an-error-of-mine\n");
}

#[test]
fn empty_answer_is_not_asked_for_again() {
    does_not_ask_again("\n");
}

#[test]
fn end_of_file_is_no_password() {
    let mut session = ask(LEADER);
    session.type_in("\x04");
    let output = session.end().output;
    assert_eq!((output.code, output.text().as_str()), (3, ""), "{output}");
    assert!(output.stderr.starts_with("error: "), "{output}");
}

#[test]
fn interrupt_ends_the_prompt() {
    let mut session = ask(LEADER);
    session.type_in("\x03");
    assert_eq!(session.wait().signal(), Some(Signal::INT.as_raw()));
    assert_eq!(CommandOutput::of(session.child).text(), "");
}

/// A known defect: nothing switches the echo on again when a signal ends the prompt. This test fails
/// as soon as something does.
#[test]
#[should_panic(expected = "the terminal does not echo")]
fn interrupt_leaves_the_terminal_as_it_was() {
    let mut session = ask(JOB);
    session.type_in("\x03");
    assert!(session.end().echoes, "the terminal does not echo");
}

#[test]
fn interrupt_ends_a_daemon_that_asks() {
    let files = IdentityFiles::encrypted();
    let file = files.folder.path().join("credentials");
    let option = ["--credentials-file", file.to_str().unwrap()];
    let mut session = Session::start(files.command(&["update"]), JOB, &option);
    session.wait_for_prompt();
    session.type_in("\x03");
    let ended = session.end();
    assert_eq!((ended.output.code, ended.requests), (0, 0), "{}", ended.output);
    assert!(ended.echoes, "the terminal does not echo");
    ended.has_asked_once();
}

#[track_caller]
fn vends_without_asking(files: IdentityFiles, launcher: &'static [&'static str], more: &[&str]) {
    let ended = Session::start(files, launcher, more).end();
    assert_vends(&ended.output);
    assert_eq!(ended.shown, "");
}

#[test]
fn told_password_is_not_asked_for() {
    vends_without_asking(IdentityFiles::encrypted(), LEADER, &["--pkcs8-password", PASSWORD]);
}

#[test]
fn plain_key_needs_no_password() {
    vends_without_asking(IdentityFiles::new(), LEADER, &[]);
}

#[test]
fn told_password_is_enough_in_the_background() {
    vends_without_asking(IdentityFiles::encrypted(), BACKGROUND, &["--pkcs8-password", PASSWORD]);
}

#[track_caller]
fn command_asks_once(files: IdentityFiles) {
    let mut session = Session::start(files, LEADER, &[]);
    session.wait_for_prompt();
    session.type_in(&format!("{PASSWORD}\n"));
    let ended = session.end();
    assert_eq!((ended.output.code, ended.output.stderr.as_str()), (0, ""), "{}", ended.output);
    assert!(!ended.output.stdout.is_empty());
    ended.has_asked_once();
}

#[test]
fn sign_string_asks() {
    // It takes no CAs.
    let files = IdentityFiles::encrypted().without(Intermediates);
    command_asks_once(files.command(&["sign-string"]));
}

#[test]
fn secret_get_asks() {
    command_asks_once(IdentityFiles::encrypted().command(&["secret", "get", "prod/plain"]));
}

/// Neither SIGTTIN nor SIGTTOU stops it.
#[test]
fn job_in_the_background_does_not_ask() {
    let ended = Session::start(IdentityFiles::encrypted(), BACKGROUND, &[]).end();
    assert_eq!((ended.output.code, ended.output.text().as_str()), (3, ""), "{}", ended.output);
    assert!(ended.output.stderr.contains("background"), "{}", ended.output);
    assert!(ended.shown.is_empty() && ended.echoes, "{:?}", ended.shown);
}

#[test]
fn process_without_a_terminal_does_not_ask() {
    let files =
        IdentityFiles::encrypted().map(|program| program.launched_by(&["setsid", "--wait"]));
    let text = files.refuses(3, &[]);
    assert!(text.contains("no terminal"), "{text}");
}

/// It is not the one that controls the process.
#[test]
fn terminal_on_stdin_only_is_not_asked_on() {
    let (_ours, theirs) = open_terminal();
    let files = IdentityFiles::encrypted()
        .map(|program| program.stdin_open(&theirs).launched_by(&["setsid", "--wait"]));
    let text = files.refuses(3, &[]);
    assert!(text.contains("no terminal"), "{text}");
}

#[test]
fn program_ends_with_its_terminal() {
    let Session { files: _files, terminal, mut child, .. } = ask(LEADER);
    drop(terminal);
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < TIMEOUT, "it does not end");
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(CommandOutput::of(child).text(), "");
}

/// Returns `update` with a role that AWS refuses, and its options.
fn refused_update(more: &[&str]) -> (IdentityFiles, Vec<String>) {
    let files = IdentityFiles::new().command(&["update"]);
    let file = files.folder.path().join("credentials").display().to_string();
    let role = "arn:aws:iam::123456789012:role/absent";
    let words = [&["--credentials-file", &file, "--role-arn", role], more].concat();
    (files, words.into_iter().map(str::to_owned).collect())
}

fn update_on_a_terminal(more: &[&str]) -> Session {
    let (files, words) = refused_update(more);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Session::start(files, STDERR, &words)
}

#[test]
fn failure_of_a_daemon_has_lines_once_on_a_terminal() {
    let mut session = update_on_a_terminal(&[]);
    let pid = Pid::from_child(&session.child);
    for requests in [1, 2] {
        let start = Instant::now();
        while session.files.env.emulator().requests().len() < requests {
            assert!(start.elapsed() < TIMEOUT, "{:?}", session.shown());
            session.read(Duration::from_millis(10));
        }
        kill_process(pid, Signal::HUP).unwrap();
    }
    kill_process(pid, Signal::TERM).unwrap();
    let ended = session.end();
    assert_eq!(ended.output.code, 0, "{}", ended.shown);
    let event = "error cannot refresh the credentials, and there are no valid ones";
    assert!(ended.shown.contains(event), "{}", ended.shown);
    // Once, as its cause is the same each time.
    assert_eq!(ended.shown.matches("\r\n  error: ").count(), 1, "{}", ended.shown);
    assert!(ended.shown.contains("\r\n  hint: "), "{}", ended.shown);
}

#[test]
fn last_error_of_a_daemon_has_lines_on_a_terminal() {
    let ended = update_on_a_terminal(&["--fail-fast"]).end();
    assert_eq!(ended.output.code, 4, "{}", ended.shown);
    assert!(ended.shown.contains("\r\nerror: "), "{}", ended.shown);
    assert!(ended.shown.contains("\r\n  hint: "), "{}", ended.shown);
    assert!(!ended.shown.contains("event="), "{}", ended.shown);
}

#[test]
fn last_error_of_a_daemon_is_one_line_in_a_pipe() {
    let (files, words) = refused_update(&["--fail-fast"]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let output = files.program.run(&[&files.arguments(), &*words].concat());
    assert_eq!(output.code, 4, "{output}");
    assert!(output.stderr.lines().all(|line| line.contains(" event=")), "{output}");
    let last = output.stderr.lines().last().unwrap();
    assert!(last.contains(" error stopped by an error reason=\""), "{output}");
    assert!(last.ends_with(" exit_code=4 event=failed"), "{output}");
}
