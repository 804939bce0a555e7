//! The credentials endpoint of `exec` and the terminal: a password that is typed once, the end of the
//! terminal, and the foreground of it in a PID namespace.

use std::fs::File;
use std::io::{BufRead as _, Write as _};

use super::{LEADER, PROMPT, Session, open_terminal};
use crate::daemon::until;
use crate::environment::{Program, TestEnvironment};
use crate::exec_endpoint::{Served, TELL, WAIT, can_make_namespace, is_gone};
use crate::identity_files::{IdentityFiles, PASSWORD};

/// As the first process of a PID namespace and the leader of a session, as in a container with a
/// terminal.
const FIRST: &[&str] = &[
    "env",
    "--default-signal=INT",
    "unshare",
    "--user",
    "--map-root-user",
    "--pid",
    "--fork",
    "setsid",
    "--ctty",
];

/// As the first process of a PID namespace, in the process group of `unshare`.
const SHARED: &[&str] = &[
    "env",
    "--default-signal=INT",
    "setsid",
    "--ctty",
    "unshare",
    "--user",
    "--map-root-user",
    "--pid",
    "--fork",
];

/// Starts `exec` with an encrypted key, and types its password. Returns what keeps the terminal open, too.
#[track_caller]
fn typed(files: IdentityFiles) -> (Served, IdentityFiles, File) {
    let script = format!("{TELL}; {WAIT}");
    let files = files.command(&["exec"]);
    let mut session = Session::start(files, LEADER, &["--", "sh", "-c", &script]);
    session.wait_for_prompt();
    session.type_in(&format!("{PASSWORD}\n"));
    assert_eq!(session.shown().matches(PROMPT).count(), 1);
    let Session { files, terminal, child, .. } = session;
    (Served::of(child), files, terminal)
}

#[test]
fn typed_password_serves_renewals_too() {
    let files = IdentityFiles::encrypted();
    files.env.emulator().end_sessions_after(Some(6));
    let (served, _files, _terminal) = typed(files);
    let first = until(|| served.key()).unwrap();
    assert!(until(|| served.key().filter(|key| *key != first)).is_some(), "it is not renewed");
    served.end();
}

#[test]
fn password_is_asked_for_if_the_session_is_cached() {
    let files = IdentityFiles::encrypted().map(Program::cached);
    let vended = files.run(&["--pkcs8-password", PASSWORD]);
    let (served, _files, _terminal) = typed(files);
    assert_eq!(served.key().as_deref(), vended.json()["AccessKeyId"].as_str(), "{vended}");
    served.end();
}

#[test]
fn end_of_the_terminal_does_not_end_it() {
    let (terminal, theirs) = open_terminal();
    let env = TestEnvironment::new();
    let program = env.program().clone().stdin_open(&theirs).launched_by(LEADER);
    let mut served = Served::start(&program, &[], &format!("trap '' HUP; echo set; {WAIT}"));
    served.output.read_line(&mut String::new()).unwrap();
    let endpoint = served.endpoint().unwrap();
    drop((terminal, theirs));
    drop(program);
    assert!(served.key().is_some() && !is_gone(endpoint));
    served.end();
    assert!(is_gone(endpoint));
}

/// Reads from the terminal, and is interrupted by it, once.
#[track_caller]
fn uses_the_terminal(launcher: &'static [&'static str]) {
    if !can_make_namespace() {
        return;
    }
    let (mut terminal, theirs) = open_terminal();
    let env = TestEnvironment::new();
    let program = env.program().clone().stdin_open(&theirs).launched_by(launcher);
    // In the background, it would be stopped when it reads, and not be interrupted. It waits by reading:
    // a shell that is stopped while it starts `sleep` is not seen to be, and is not continued.
    let script = "count=0; trap 'count=$((count + 1))' INT; read line; echo \"$line\"; \
                  until [ $count -gt 0 ]; do read rest; done; sleep 0.3; echo $count; exit 5";
    let mut served = Served::start(&program, &[], script);
    let mut line = || {
        let mut line = String::new();
        served.output.read_line(&mut line).unwrap();
        line
    };
    terminal.write_all(b"typed\n").unwrap();
    assert_eq!(line(), "typed\n");
    terminal.write_all(b"\x1a\x03").unwrap();
    assert_eq!(line(), "1\n");
    let ended = until(|| served.child.try_wait().unwrap());
    assert_eq!(ended.unwrap().code(), Some(5));
}

#[test]
fn program_of_a_container_is_the_foreground_of_the_terminal() {
    uses_the_terminal(FIRST);
}

#[test]
fn program_of_the_first_process_shares_the_terminal() {
    uses_the_terminal(SHARED);
}
