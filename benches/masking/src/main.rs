//! The runner: `bench-masking [RUNS]`, best by `scripts/bench`, which builds what it needs.
//!
//! `cat`, `mask` and `exec --mask -- cat` copy the same log to a pipe that this process reads. The secrets are
//! resolved before, which is not counted: the time for an empty log is subtracted. Nothing is gated: the exit
//! code says whether everything ran, never how fast.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use bench_common::target::line;
use bench_common::{Server, WorldError, emulator, runner};

/// How often each command runs if nothing else is requested.
const RUNS: usize = 5;
/// How many secrets are masked.
const SECRETS: usize = 50;
/// The size of the log in bytes, about.
const SIZE: usize = 256 << 20;
/// One line in so many holds a secret.
const SPACING: usize = 100;
/// The least throughput, in parts of that of `cat`.
const LEAST: f64 = 1.0 / 20.0;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
enum BenchError {
    #[error("`{0}` failed:\n{1}")]
    Failed(&'static str, String),
    #[error("`{0}` has shown a secret")]
    Shown(&'static str),
    #[error(transparent)]
    World(#[from] WorldError),
    #[error("could not speak with the system: {0}")]
    System(#[from] std::io::Error),
    #[error("usage: bench-masking [RUNS], RUNS at least 1")]
    Usage,
}

fn main() -> ExitCode {
    let runs = runner::number_or(RUNS, std::env::args().nth(1).as_deref());
    runner::print(&runs.ok_or(BenchError::Usage).and_then(bench))
}

fn bench(runs: usize) -> Result<String, BenchError> {
    let runner = std::env::current_exe()?;
    let bin_dir = runner.parent().unwrap_or_else(|| Path::new("."));
    let emulator = emulator::start(bin_dir)?;
    let secrets: Vec<String> = (0..SECRETS).map(secret).collect();
    let mut references = Vec::new();
    for (number, value) in secrets.iter().enumerate() {
        emulator::put_secret(&emulator, &format!("bench/{number}"), value)?;
        references.push(format!("sm://bench/{number}"));
    }
    let (mut log, empty) = (tempfile::NamedTempFile::new()?, tempfile::NamedTempFile::new()?);
    let size = write_log(log.as_file_mut(), &secrets)?;
    let tool = bin_dir.join("roles-anywhere");
    let with = |words: &[&str], option: &dyn Fn(usize) -> String, end: &[&str]| {
        let options = references.iter().enumerate();
        let options = options.map(|(n, reference)| [&option(n), reference.as_str()].concat());
        let words = words.iter().map(|word| (*word).to_owned()).chain(options);
        words.chain(end.iter().map(|word| (*word).to_owned())).collect::<Vec<_>>()
    };
    let commands = [
        Copying { name: "cat", program: "cat".into(), words: Vec::new(), emulator: &emulator },
        Copying {
            name: "mask",
            program: tool.clone(),
            words: with(&["mask"], &|_| "--secret=".to_owned(), &[]),
            emulator: &emulator,
        },
        Copying {
            name: "exec --mask cat",
            program: tool,
            words: with(&["exec", "--mask"], &|n| format!("--env=S{n}="), &["--", "cat"]),
            emulator: &emulator,
        },
    ];
    let mut throughputs = Vec::new();
    for command in &commands {
        let mut times = Vec::new();
        for _ in 0..runs {
            let took = command.copy(log.path(), &secrets)?;
            times.push(took.saturating_sub(command.copy(empty.path(), &secrets)?));
        }
        times.sort();
        throughputs.push(size as f64 / times[times.len() / 2].as_secs_f64() / 1e6);
    }
    let mut text = format!(
        "copying a log of {} MB with {SECRETS} secrets; medians of {runs} runs\n\n  {:<22} {:>9.0} MB/s\n\ntargets\n",
        size / 1_000_000,
        commands[0].name,
        throughputs[0],
    );
    for (command, throughput) in commands.iter().zip(&throughputs).skip(1) {
        let ratio = throughput / throughputs[0];
        let value = format!("{ratio:.2} ({throughput:.0} MB/s)");
        let least = format!("at least {LEAST} x cat");
        let _ = writeln!(text, "{}", line(command.name, &value, &least, Some(ratio >= LEAST)));
    }
    Ok(text)
}

/// A command that copies its standard input.
struct Copying<'a> {
    name: &'static str,
    program: PathBuf,
    words: Vec<String>,
    emulator: &'a Server,
}

impl Copying<'_> {
    /// Copies a file to a pipe, and returns how long that took. The first megabyte must hold no secret, but of
    /// `cat`.
    fn copy(&self, log: &Path, secrets: &[String]) -> Result<Duration, BenchError> {
        let mut command = Command::new(&self.program);
        command.args(&self.words).envs(self.emulator.variables().iter().cloned());
        command.stdin(open(log)?).stdout(Stdio::piped()).stderr(Stdio::piped());
        let start = now();
        let mut child = command.spawn()?;
        let mut output = child.stdout.take().expect("it was asked for a pipe");
        let (mut buffer, mut beginning) = (vec![0; 1 << 20], Vec::new());
        loop {
            let length = output.read(&mut buffer)?;
            if length == 0 {
                break;
            }
            if beginning.len() < 1 << 20 {
                beginning.extend_from_slice(&buffer[..length]);
            }
        }
        let took = start.elapsed();
        let ended = child.wait_with_output()?;
        if !ended.status.success() {
            let message = String::from_utf8_lossy(&ended.stderr).into_owned();
            return Err(BenchError::Failed(self.name, message));
        }
        let beginning = String::from_utf8_lossy(&beginning);
        let shows = secrets.iter().any(|secret| beginning.contains(secret.as_str()));
        if shows && self.name != "cat" { Err(BenchError::Shown(self.name)) } else { Ok(took) }
    }
}

#[expect(clippy::disallowed_methods, reason = "the log")]
fn open(log: &Path) -> std::io::Result<File> {
    File::open(log)
}

#[expect(clippy::disallowed_methods, reason = "what is measured")]
fn now() -> Instant {
    Instant::now()
}

/// Returns a number that looks random, of the number before it.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

/// Returns a secret of 32 characters, some of which are escaped in URLs.
fn secret(number: usize) -> String {
    const CHARACTERS: &[u8; 64] =
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut state = number as u64 + 1;
    (0..32).map(|_| char::from(CHARACTERS[next(&mut state) as usize % 64])).collect()
}

/// Writes lines as services do, and returns their size.
fn write_log(log: &mut File, secrets: &[String]) -> std::io::Result<usize> {
    let (mut state, mut size, mut text) = (7, 0, String::new());
    let mut number = 0;
    while size < SIZE {
        text.clear();
        while text.len() < 1 << 20 {
            let (a, b) = (next(&mut state), next(&mut state));
            let _ = write!(
                text,
                "2026-11-26T20:{:02}:{:02}.{:03}Z INFO web[{}] {{\"request\":\"{a:08x}{b:08x}\",\"path\":\"/api/v1/orders/{}\",\"status\":200,\"duration_ms\":{}",
                a % 60,
                b % 60,
                a % 1_000,
                a % 32_768,
                b % 1_000_000,
                a % 300,
            );
            if number % SPACING == 0 {
                let _ =
                    write!(text, ",\"token\":\"{}\"", secrets[number / SPACING % secrets.len()]);
            }
            text.push_str("}\n");
            number += 1;
        }
        log.write_all(text.as_bytes())?;
        size += text.len();
    }
    Ok(size)
}
