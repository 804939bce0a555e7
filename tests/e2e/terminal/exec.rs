//! Programs of `exec` in a shell on a terminal: signals, job control and the size of the window are
//! theirs, as if `exec` was not there.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::environment::{Running, TestEnvironment};
use crate::exec_endpoint::{Given, TELL};
use crate::terminal::{TIMEOUT, open_terminal};

/// An interactive shell that is the leader of the session; the path of the program is in `$tool`. What
/// is typed is echoed, so a test waits for words that it types with quotes in them.
const SHELL: &[&str] = &[
    "env",
    "--default-signal=INT,QUIT,TSTP",
    "setsid",
    "--ctty",
    "sh",
    "-c",
    r#"export tool="$1" PS1='> ' HISTFILE=; exec bash --norc --noprofile --noediting -i >&0 2>&1"#,
    "sh",
];

const CTRL_C: &str = "\x03";
const CTRL_Z: &str = "\x1a";

/// A shell on a terminal of its own.
struct Shell {
    terminal: File,
    /// What the terminal has shown since the last text that was waited for.
    shown: String,
    _child: Running,
    _env: TestEnvironment,
}

impl Shell {
    fn start() -> Self {
        let env = TestEnvironment::new().var("SHELL", "/bin/bash");
        let (terminal, theirs) = open_terminal();
        let program = env.program().clone().stdin_open(&theirs).launched_by(SHELL);
        let child = program.spawn(&[]);
        Self { terminal, shown: String::new(), _child: child, _env: env }
    }

    fn press(&mut self, keys: &str) {
        self.terminal.write_all(keys.as_bytes()).unwrap();
    }

    fn enter(&mut self, line: &str) {
        self.press(&format!("{line}\n"));
    }

    /// Waits until the terminal shows a text, and returns the rest of its line.
    #[track_caller]
    fn wait_for(&mut self, text: &str) -> String {
        let start = Instant::now();
        loop {
            let after = self.shown.split_once(text).map(|(_, after)| after);
            if let Some((line, rest)) = after.and_then(|after| after.split_once('\n')) {
                let (line, rest) = (line.trim_end().to_owned(), rest.to_owned());
                self.shown = rest;
                return line;
            }
            assert!(start.elapsed() < TIMEOUT, "no `{text}`: {:?}", self.shown);
            self.read();
        }
    }

    /// Reads what the terminal shows, for a second at most.
    fn read(&mut self) {
        let timeout = Timespec::try_from(Duration::from_secs(1)).unwrap();
        let mut ready = [PollFd::new(&self.terminal, PollFlags::IN)];
        if poll(&mut ready, Some(&timeout)).unwrap() > 0 {
            let mut buffer = [0; 4_096];
            let length = self.terminal.read(&mut buffer).unwrap_or(0);
            self.shown.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
        }
    }

    /// Returns the exit code of the last command.
    #[track_caller]
    fn code(&mut self) -> String {
        self.enter(r#"echo co""de=$?"#);
        self.wait_for("code=")
    }
}

/// A program that reads a line from the terminal.
const READER: &str = r#""$tool" exec -- sh -c 'echo rea""dy; read line; echo g""ot=$line'"#;

#[test]
fn ctrl_c_ends_the_program_and_not_the_shell() {
    let mut shell = Shell::start();
    shell.enter(r#""$tool" exec -- sh -c 'echo rea""dy; exec sleep 60'"#);
    shell.wait_for("ready");
    shell.press(CTRL_C);
    assert_eq!(shell.code(), "130");
}

#[test]
fn stopped_program_goes_on_in_the_foreground() {
    let mut shell = Shell::start();
    shell.enter(READER);
    shell.wait_for("ready");
    shell.press(CTRL_Z);
    shell.wait_for("Stopped");
    shell.enter("fg");
    // The shell shows the job that it continues.
    shell.wait_for("\"$tool\" exec");
    shell.enter("hello");
    assert_eq!(shell.wait_for("got="), "hello");
    assert_eq!(shell.code(), "0");
}

#[test]
fn background_job_is_stopped_when_it_reads_the_terminal() {
    let mut shell = Shell::start();
    shell.enter(&format!("{READER} &"));
    shell.wait_for("ready");
    shell.enter(r#"until jobs | grep -q Stopped; do sleep 0.2; done; echo stop""ped"#);
    shell.wait_for("stopped");
    shell.enter("fg");
    shell.wait_for("\"$tool\" exec");
    shell.enter("hello");
    assert_eq!(shell.wait_for("got="), "hello");
    shell.enter(r#""$tool" exec -- sh -c 'exit 7' & wait $!"#);
    assert_eq!(shell.code(), "7");
}

#[test]
fn window_size_reaches_the_program() {
    let mut shell = Shell::start();
    shell.enter(
        r#""$tool" exec -- sh -c 'trap "stty size; exit 3" WINCH; echo rea""dy; while :; do sleep 0.2; done'"#,
    );
    shell.wait_for("ready");
    let size = Winsize { ws_row: 50, ws_col: 132, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&shell.terminal, size).unwrap();
    shell.wait_for("50 132");
    assert_eq!(shell.code(), "3");
}

/// The endpoint goes on as long as the program does, whatever signals both could get.
#[test]
fn program_that_ignores_signals_keeps_its_credentials() {
    let mut shell = Shell::start();
    shell.enter(&format!(
        r#""$tool" exec -- bash -c 'trap "" INT TERM HUP; echo pi""d=$$ $({TELL}); read line; echo g""ot=$line; read line'"#
    ));
    let told = shell.wait_for("pid=");
    let (pid, told) = told.split_once(' ').unwrap();
    let (pid, given) = (Pid::from_raw(pid.parse().unwrap()).unwrap(), Given::of(told));
    shell.press(CTRL_C);
    kill_process(pid, Signal::TERM).unwrap();
    // It has not ended: it still reads.
    shell.enter("go");
    assert_eq!(shell.wait_for("got="), "go");
    assert!(given.key().is_some());
    kill_process(pid, Signal::KILL).unwrap();
    shell.wait_for("Killed");
    assert_eq!(shell.code(), "137");
}

#[test]
fn without_a_program_the_shell_has_the_terminal() {
    let mut shell = Shell::start();
    shell.enter(r#""$tool" exec"#);
    shell.enter(r#"PS1='> '; echo in""ner=$ROLES_ANYWHERE_EXEC"#);
    assert_eq!(shell.wait_for("inner="), "Workload");
    // It has job control.
    shell.enter(r#"sh -c 'echo rea""dy; read line; echo g""ot=$line'"#);
    shell.wait_for("ready");
    shell.press(CTRL_Z);
    shell.wait_for("Stopped");
    shell.enter("fg");
    shell.wait_for("sh -c");
    shell.enter("hello");
    assert_eq!(shell.wait_for("got="), "hello");
    shell.enter("exit 5");
    assert_eq!(shell.code(), "5");
}
