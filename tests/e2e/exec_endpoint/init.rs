//! `exec` as the first process of a PID namespace, as in a container.

use std::io::{BufRead as _, Write as _};
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use super::{Served, WAIT, children, is_gone};
use crate::daemon::until;
use crate::environment::TestEnvironment;

/// Runs the program in a PID namespace, of a user namespace so that no rights are needed.
const NAMESPACE: &[&str] = &["unshare", "--user", "--map-root-user", "--pid", "--fork"];

/// Returns an environment that runs the program so; `None` where no namespace can be made, such as in
/// a container.
pub(crate) fn namespace() -> Option<TestEnvironment> {
    let may = Command::new(NAMESPACE[0]).args(&NAMESPACE[1..]).arg("true").output();
    if !may.is_ok_and(|output| output.status.success()) {
        // Not by `println!`, which is shown of tests that fail alone.
        std::io::stderr().write_all(b"skipped: no PID namespace can be made\n").unwrap();
        return None;
    }
    Some(TestEnvironment::new().map(|program| program.launched_by(NAMESPACE)))
}

/// Returns the process that `unshare` started, by its number outside of the namespace.
fn init(served: &Served) -> Pid {
    let [init] = children(served.pid())[..] else { unreachable!("one process") };
    init
}

#[test]
fn exit_code_is_that_of_the_program() {
    let Some(env) = namespace() else { return };
    let code = |script: &str| env.run_args(&["exec", "--", "sh", "-c", script]).code;
    assert_eq!((code("exit 0"), code("exit 7"), code("kill -9 $$")), (0, 7, 137));
    let output = env.run("exec -- /dev/null");
    assert_eq!(output.code, 126, "{output}");
    let first = env.run_args(&["exec", "--static", "--", "sh", "-c", "echo $$"]);
    assert_eq!(first.text(), "1\n");
}

#[test]
fn program_is_served_by_the_first_process_and_both_end_together() {
    let Some(env) = namespace() else { return };
    env.emulator().end_sessions_after(Some(6));
    let served = Served::start(env.program(), &[], WAIT);
    let init = init(&served);
    let [program] = children(init)[..] else { unreachable!("one program") };
    let first = until(|| served.key()).unwrap();
    assert!(until(|| served.key().filter(|key| *key != first)).is_some(), "it is not renewed");
    kill_process(program, Signal::TERM).unwrap();
    until(|| is_gone(init).then_some(())).expect("it does not end");
    assert!(!served.directory.exists());
}

#[test]
fn orphans_are_reaped() {
    let Some(env) = namespace() else { return };
    // A process that is not reaped can still be sent a signal.
    let script = "orphan=$(sh -c 'sleep 0.1 >/dev/null & echo $!'); \
                  while kill -0 $orphan 2>/dev/null; do sleep 0.1; done; echo reaped $PPID";
    let output = env.run_args(&["exec", "--", "timeout", "60", "sh", "-c", script]);
    assert_eq!((output.code, output.text().split(' ').next()), (0, Some("reaped")), "{output}");
}

#[test]
fn signals_are_passed_on() {
    let Some(env) = namespace() else { return };
    let script = "trap 'echo one' USR1; trap 'echo end; exit 3' TERM; echo set; \
                  while :; do sleep 0.1; done";
    let mut served = Served::start(env.program(), &[], script);
    let init = init(&served);
    let mut line = || {
        let mut line = String::new();
        served.output.read_line(&mut line).unwrap();
        line
    };
    assert_eq!(line(), "set\n");
    kill_process(init, Signal::USR1).unwrap();
    assert_eq!(line(), "one\n");
    kill_process(init, Signal::TERM).unwrap();
    assert_eq!(line(), "end\n");
    let ended = until(|| served.child.try_wait().unwrap());
    assert_eq!(ended.unwrap().code(), Some(3));
}

#[test]
fn signals_that_the_caller_blocks_reach_the_first_process() {
    let Some(env) = namespace() else { return };
    let launcher = [&["timeout", "60", "env", "--block-signal=CHLD,TERM"], NAMESPACE].concat();
    let env = env.map(|program| program.launched_by(&launcher));
    let output = env.run_args(&["exec", "--", "grep", "SigBlk", "/proc/self/status"]);
    assert_eq!((output.code, output.text()), (0, "SigBlk:\t0000000000014000\n".into()), "{output}");
}

#[test]
fn program_of_the_first_process_runs_as_if_it_was_run_directly() {
    let Some(env) = namespace() else { return };
    let launcher = [&["env", "--ignore-signal=PIPE,HUP,INT,USR1,XFSZ", "Z=1"], NAMESPACE].concat();
    let launcher = [&launcher[..], &["env", "B=2", "A=1", "B=3"]].concat();
    let env = env.map(|program| program.launched_by(&launcher));
    let ignored = |options: &[&str]| {
        let words = [&["exec"], options, &["--", "grep", "SigIgn", "/proc/self/status"]].concat();
        let output = env.run_args(&words);
        let bits = output.text().trim().trim_start_matches("SigIgn:\t").to_owned();
        // glibc ignores two signals of its own in a program that it starts as a child.
        u64::from_str_radix(&bits, 16).unwrap() & 0x7fff_ffff
    };
    let bit = |signal: Signal| 1 << (signal.as_raw() - 1);
    let all = [Signal::PIPE, Signal::HUP, Signal::INT, Signal::USR1, Signal::XFSZ];
    let expected: u64 = all.into_iter().map(bit).sum();
    assert_eq!((ignored(&[]), ignored(&["--static"])), (expected, expected));
    let names = env.run_args(&["exec", "--", "env"]);
    let names: Vec<&str> = names.stdout_lines().filter(|it| ["Z=1", "B=3", "A=1"].contains(it)).collect();
    assert_eq!(names, ["Z=1", "B=3", "A=1"]);
}

#[test]
fn signals_end_the_first_process_before_the_program_runs() {
    for options in [&[][..], &["--static"]] {
        let Some(env) = namespace() else { return };
        env.emulator().hang(); // AWS does not answer.
        let mut child = env.spawn_args(&[&["exec"], options, &["--", "echo", "ran"]].concat());
        let init = until(|| children_of(&child).first().copied()).unwrap();
        until(|| (env.requests() == 1).then_some(())).unwrap();
        kill_process(init, Signal::TERM).unwrap();
        let ended = until(|| child.try_wait().unwrap());
        assert_eq!(ended.unwrap().code(), Some(143));
    }
}
