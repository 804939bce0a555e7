//! How long a client of `serve` waits while an identity is loaded whose key takes long to decrypt.

use std::fmt::Write as _;
use std::io::{self, BufRead as _, BufReader, PipeReader};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use bench_common::target::line;
use bench_common::{Server, emulator, http};

use crate::load::Target;
use crate::{BenchError, TOKEN, WANTED, container, imds, serve_command};

const ANCHOR: &str = include_str!("../../../certs/anchor/root.pem");
const FIRST_CHAIN: &str = include_str!("../../../certs/leaf/p256.chain.pem");
const FIRST_KEY: &str = include_str!("../../../certs/leaf/p256.key.pem");
const SLOW_CHAIN: &str = include_str!("../../../certs/leaf/p384.chain.pem");
/// A key under a password that takes 10,000,000 iterations.
const SLOW_KEY: &str = include_str!("p384-10m-iterations.key.pem");
const PASSWORD: &str = "hunter2";

/// How long each client waits between an answer and its next request.
const PAUSE: Duration = Duration::from_millis(2);
/// How long the key may take, in a tool and on a machine that both are slow.
const DEADLINE: Duration = Duration::from_secs(120);
/// What the slowest answer may take.
const AIM: Duration = Duration::from_millis(50);

/// What was measured while the key was loaded.
pub(crate) struct SlowKey {
    /// From the arrival of the key's file to the use of the new identity.
    pub(crate) loading: Duration,
    /// How long each answer took, on both routes.
    pub(crate) answers: Vec<Duration>,
}

impl SlowKey {
    /// Has `serve` load the key while a client of each route asks again and again.
    pub(crate) fn measure(bin_dir: &Path) -> Result<Self, BenchError> {
        let emulator = emulator::start(bin_dir)?;
        emulator::trust(&emulator, ANCHOR)?;
        let directory = PathBuf::from(emulator.variable("EMULATOR_DIR")?).join("slow-key");
        std::fs::create_dir(&directory)?;
        let (chain, key) = (directory.join("tls.crt"), directory.join("tls.key"));
        let (next, password) = (directory.join("next.key"), directory.join("password"));
        write(&chain, FIRST_CHAIN)?;
        write(&key, FIRST_KEY)?;
        write(&next, SLOW_KEY)?;
        write(&password, PASSWORD)?;

        let (reader, writer) = io::pipe()?;
        let log = Log::read(reader);
        let mut command = serve_command(&emulator, bin_dir, &directory.join(TOKEN));
        command.args(["--log-format", "json", "--key-password-file"]).arg(&password);
        command.env("ROLES_ANYWHERE_CERTIFICATE", &chain).env("ROLES_ANYWHERE_PRIVATE_KEY", &key);
        command.stderr(writer);
        let serve = Server::start(command, &WANTED)?;
        log.wait_for("session_received")?;

        let targets = [imds(&serve)?, container(&serve, &directory)?];
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let clients = targets.each_ref().map(|target| scope.spawn(|| ask_until(&over, target)));
            let loading = write(&chain, SLOW_CHAIN).and_then(|()| {
                let begun = now();
                std::fs::rename(&next, &key)?;
                log.wait_for("identity_loaded")?;
                Ok(begun.elapsed())
            });
            over.store(true, Ordering::Relaxed);
            let mut answers = Vec::new();
            for client in clients {
                answers.extend(client.join().unwrap_or_else(|panic| resume_unwind(panic))?);
            }
            Ok(Self { loading: loading?, answers })
        })
    }

    /// Says what was done.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "a key of 10,000,000 iterations, loaded in {:.2} s: {} answers meanwhile, the slowest after {}",
            self.loading.as_secs_f64(),
            self.answers.len(),
            milliseconds(self.slowest()),
        );
        text
    }

    /// Holds the slowest answer against the aim.
    pub(crate) fn target(&self) -> String {
        let limit = format!("at most {} ms", AIM.as_millis());
        let met = self.slowest().map(|slowest| slowest <= AIM);
        line("slow key: an answer", &milliseconds(self.slowest()), &limit, met)
    }

    fn slowest(&self) -> Option<Duration> {
        self.answers.iter().max().copied()
    }
}

/// What `serve` logs, a JSON object a line.
struct Log {
    lines: Receiver<io::Result<String>>,
}

impl Log {
    /// Reads on a thread of its own, as a read of a pipe has no limit.
    fn read(pipe: PipeReader) -> Self {
        let (sender, lines) = channel();
        thread::spawn(move || BufReader::new(pipe).lines().try_for_each(|line| sender.send(line)));
        Self { lines }
    }

    /// Reads on until there is an event of that name.
    fn wait_for(&self, event: &str) -> Result<(), BenchError> {
        let begun = now();
        let wanted = format!("\"event\":\"{event}\"");
        while let Some(rest) = DEADLINE.checked_sub(begun.elapsed())
            && let Ok(line) = self.lines.recv_timeout(rest)
        {
            if line?.contains(&wanted) {
                return Ok(());
            }
        }
        Err(BenchError::Unlogged(event.to_owned()))
    }
}

/// Asks until `over` is set, on a new connection each time, and returns how long each answer took.
fn ask_until(over: &AtomicBool, target: &Target) -> Result<Vec<Duration>, BenchError> {
    let header = target.header.split_once(": ").unwrap_or_default();
    let mut answers = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let begun = now();
        http::send("GET", &target.url, &[header], "")?;
        answers.push(begun.elapsed());
        pause();
    }
    Ok(answers)
}

fn milliseconds(time: Option<Duration>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| format!("{:.1} ms", time.as_secs_f64() * 1e3))
}

#[expect(clippy::disallowed_methods, reason = "a file of the runner's own")]
fn write(path: &Path, text: &str) -> Result<(), BenchError> {
    Ok(std::fs::write(path, text)?)
}

#[expect(clippy::disallowed_methods, reason = "the stopwatch of the runner")]
fn now() -> Instant {
    Instant::now()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the load is light: the tool needs a core of its own"
)]
fn pause() {
    thread::sleep(PAUSE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_answer_is_held_against_the_aim() {
        let millis =
            |answers: &[u64]| answers.iter().map(|ms| Duration::from_millis(*ms)).collect();
        let measured = |answers| SlowKey { loading: Duration::from_secs(1), answers };
        assert!(measured(millis(&[1, 50, 2])).target().ends_with(" met"));
        assert!(measured(millis(&[1, 51, 2])).target().ends_with("MISSED"));
        assert!(measured(Vec::new()).target().ends_with("not measured"));
    }
}
