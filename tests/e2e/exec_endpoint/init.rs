//! `exec` as the first process of a PID namespace, as in a container.

use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::{Served, WAIT, children, is_gone};
use crate::daemon::until;
use crate::environment::TestEnvironment;

/// Runs the program in a PID namespace, of a user namespace so that no rights are needed.
const NAMESPACE: &[&str] = &["unshare", "--user", "--map-root-user", "--pid", "--fork"];

/// Those of numbers 1 to 31. glibc ignores two others, 32 and 33, in what it starts as a child.
const STANDARD_SIGNALS: u64 = 0x7fff_ffff;

/// Returns whether a namespace can be made, and says so if not, such as in a container.
pub(crate) fn can_make_namespace() -> bool {
    let made = Command::new(NAMESPACE[0]).args(&NAMESPACE[1..]).arg("true").output();
    let is_made = made.is_ok_and(|output| output.status.success());
    if !is_made {
        // Not by `println!`, which is shown only of tests that fail.
        std::io::stderr().write_all(b"skipped: no PID namespace can be made\n").unwrap();
    }
    is_made
}

/// Returns an environment that runs the program in a namespace, if one can be made.
fn namespace() -> Option<TestEnvironment> {
    can_make_namespace()
        .then(|| TestEnvironment::new().map(|program| program.launched_by(NAMESPACE)))
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
    assert!(!served.given.directory.exists());
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
fn signals_and_limits_are_those_of_the_caller() {
    const SHOW: &str = "grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status; cat /proc/self/limits";
    const CALLER: &[&str] = &[
        "unshare",
        "--user",
        "--map-root-user",
        "--pid",
        "--fork",
        "prlimit",
        "--core=4096:8192",
        "env",
        "--default-signal",
        "--ignore-signal=PIPE,XFSZ,HUP,INT,QUIT,USR2,WINCH,TSTP",
        "--block-signal=USR1,TERM",
    ];
    if !can_make_namespace() {
        return;
    }
    let env = TestEnvironment::new();
    let direct = env.program().clone().called(Path::new("/bin/sh")).launched_by(CALLER);
    let direct = direct.run(&["-c", SHOW]);
    let served = env.program().clone().launched_by(CALLER);
    let served = served.run(&["exec", "--", "sh", "-c", SHOW]);
    assert_eq!((direct.code, served.code), (0, 0), "{direct}{served}");
    let with_standard_signals = |text: String| {
        let lines = text.lines().map(|line| match line.strip_prefix("SigIgn:\t") {
            Some(bits) => format!(
                "SigIgn:\t{:x}\n",
                u64::from_str_radix(bits, 16).unwrap() & STANDARD_SIGNALS
            ),
            None => format!("{line}\n"),
        });
        lines.collect::<String>()
    };
    assert_eq!(with_standard_signals(served.text()), with_standard_signals(direct.text()));
}

#[test]
fn signals_that_the_caller_blocks_reach_the_first_process() {
    let Some(env) = namespace() else { return };
    const LAUNCHER: &[&str] = &[
        "timeout",
        "60",
        "env",
        "--block-signal=CHLD,TERM",
        "unshare",
        "--user",
        "--map-root-user",
        "--pid",
        "--fork",
        "--kill-child",
    ];
    let env = env.map(|program| program.launched_by(LAUNCHER));
    let output = env.run_args(&["exec", "--", "grep", "SigBlk", "/proc/self/status"]);
    assert_eq!(
        (output.code, output.text().as_str()),
        (0, "SigBlk:\t0000000000014000\n"),
        "{output}"
    );
}

#[test]
fn program_of_the_first_process_has_the_signals_and_variables_of_the_caller() {
    let Some(env) = namespace() else { return };
    const LAUNCHER: &[&str] = &[
        "env",
        // What runs these tests may ignore some, too.
        "--default-signal",
        "--ignore-signal=PIPE,HUP,INT,USR1,XFSZ",
        "Z=1",
        "A=2",
        "unshare",
        "--user",
        "--map-root-user",
        "--pid",
        "--fork",
    ];
    let env = env.map(|program| program.launched_by(LAUNCHER));
    let ignored = |options: &[&str]| {
        let words = [&["exec"], options, &["--", "grep", "SigIgn", "/proc/self/status"]].concat();
        let output = env.run_args(&words);
        let text = output.text();
        let bits = text.trim().trim_start_matches("SigIgn:").trim();
        u64::from_str_radix(bits, 16).unwrap() & STANDARD_SIGNALS
    };
    let bit = |signal: Signal| 1_u64 << (signal.as_raw() - 1);
    let all = [Signal::PIPE, Signal::HUP, Signal::INT, Signal::USR1, Signal::XFSZ];
    let expected: u64 = all.into_iter().map(bit).sum();
    assert_eq!((ignored(&[]), ignored(&["--static"])), (expected, expected));
    let output = env.run_args(&["exec", "--", "env"]);
    let text = output.text();
    let lines: Vec<&str> = text.lines().filter(|it| ["Z=1", "A=2"].contains(it)).collect();
    assert_eq!(lines, ["Z=1", "A=2"]);
}

#[test]
fn signals_end_the_first_process_before_the_program_runs() {
    for options in [&[][..], &["--static"]] {
        let Some(env) = namespace() else { return };
        env.emulator().fault(json!({"operation": "CreateSession", "delay_ms": 60_000}));
        let words = [&["exec"], options, &["--", "echo", "ran"]].concat();
        let mut child = env.program().spawn(&words);
        let unshare = Pid::from_child(&child);
        until(|| (!env.emulator().requests().is_empty()).then_some(()))
            .expect("no session is asked for");
        let [init] = children(unshare)[..] else { unreachable!("one process") };
        kill_process(init, Signal::TERM).unwrap();
        let ended = until(|| child.try_wait().unwrap());
        assert_eq!(ended.unwrap().code(), Some(143), "{options:?}");
    }
}
