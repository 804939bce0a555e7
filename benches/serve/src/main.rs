//! The runner: `bench-serve [SECONDS]`, best by `scripts/bench`, which builds what it needs.
//!
//! `serve` and a bare hyper server that gives the same answer are asked in turn, SECONDS at a time,
//! for the credentials on both routes, and for one of 1,000 secrets; then `serve` loads an identity with
//! a slow key. Only ratios of one run mean anything, and the slowest answer meanwhile. Nothing is gated:
//! the exit code says whether everything ran, never how fast. `bench-serve secrets [SECONDS]` asks for
//! the secret only.

mod load;
mod process;
mod report;
mod secrets;
mod slow_key;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use bench_common::{Server, WorldError, emulator, http, runner};
use load::{Round, Target};
use report::{Report, Route};
use secrets::Secrets;
use slow_key::SlowKey;

/// How long each round is where nothing else is asked for, in seconds.
const SECONDS: u32 = 3;
/// How many rounds there are of each server on each route.
const ROUNDS: usize = 5;
/// After how many requests the memory of `serve` is looked at.
const REQUESTS: u64 = 500_000;

/// The file of the container route's token, in the emulator's directory.
const TOKEN: &str = "container-token";
/// The variables in which `serve` prints its address.
const WANTED: [&str; 2] =
    ["AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
enum BenchError {
    #[error("usage: bench-serve [secrets] [SECONDS], SECONDS at least 1")]
    Usage,
    #[error(transparent)]
    World(#[from] WorldError),
    #[error("could not speak with the system: {0}")]
    System(#[from] std::io::Error),
    #[error("/proc/PID/{0} is not as it should be")]
    Illegible(&'static str),
    #[error("`serve` did not log `{0}` within 120 s, or ended")]
    Unlogged(String),
    #[error("the load failed:\n{0}")]
    Load(String),
}

fn main() -> ExitCode {
    runner::print(&arguments().and_then(|(what, seconds)| bench(what, seconds)))
}

/// What is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Measured {
    Everything,
    Secrets,
}

fn arguments() -> Result<(Measured, u32), BenchError> {
    let mut arguments = std::env::args().skip(1).peekable();
    let what = match arguments.next_if(|argument| argument == "secrets") {
        Some(_) => Measured::Secrets,
        None => Measured::Everything,
    };
    let Some(seconds) = arguments.next() else { return Ok((what, SECONDS)) };
    let seconds = seconds.parse().ok().filter(|seconds| *seconds > 0);
    Ok((what, seconds.ok_or(BenchError::Usage)?))
}

fn bench(what: Measured, seconds: u32) -> Result<String, BenchError> {
    let runner = std::env::current_exe()?;
    let bin_dir = runner.parent().unwrap_or_else(|| Path::new("."));
    let credentials = match what {
        Measured::Everything => Some(Credentials::measure(bin_dir, seconds)?),
        Measured::Secrets => None,
    };
    let secrets = Secrets::measure(bin_dir, seconds)?;
    Ok(Report { seconds, credentials, secrets }.render())
}

/// What was measured of the credentials.
struct Credentials {
    routes: Vec<Route>,
    /// How many requests `serve` had answered when its memory was looked at.
    requests: u64,
    resident_kib: u64,
    slow_key: SlowKey,
}

impl Credentials {
    fn measure(bin_dir: &Path, seconds: u32) -> Result<Self, BenchError> {
        let emulator = emulator::start(bin_dir)?;
        let directory = PathBuf::from(emulator.variable("EMULATOR_DIR")?);
        let serve = serve(&emulator, bin_dir, &directory)?;
        let places = (bin_dir, &*directory);
        let mut routes = Vec::new();
        for (name, target) in
            [("IMDS", imds(&serve)?), ("container", container(&serve, &directory)?)]
        {
            routes.push(rounds(name, &target, &serve, places, seconds)?);
        }
        let mut requests: u64 = routes.iter().flat_map(|r| &r.serve).map(|r| r.requests).sum();
        while requests < REQUESTS {
            requests += Round::run(&imds(&serve)?, serve.id(), seconds)?.requests;
        }
        let resident_kib = process::resident_kib(serve.id())?;
        drop(serve);
        Ok(Self { routes, requests, resident_kib, slow_key: SlowKey::measure(bin_dir)? })
    }
}

/// Asks `serve` and a floor that gives the same answer in turn; the answer is kept in a directory.
fn rounds(
    name: &'static str,
    target: &Target,
    serve: &Server,
    (bin_dir, directory): (&Path, &Path),
    seconds: u32,
) -> Result<Route, BenchError> {
    let floor = floor(target, bin_dir, &directory.join(name))?;
    let floor_target =
        Target { url: floor.variable("FLOOR_URL")?.to_owned(), header: target.header.clone() };
    let mut route = Route { name, floor: Vec::new(), serve: Vec::new() };
    for _ in 0..ROUNDS {
        route.floor.push(Round::run(&floor_target, floor.id(), seconds)?);
        route.serve.push(Round::run(target, serve.id(), seconds)?);
    }
    Ok(route)
}

/// Starts the tool's `serve` in the emulator's world, on a free port.
fn serve(emulator: &Server, bin_dir: &Path, directory: &Path) -> Result<Server, BenchError> {
    let mut command = serve_command(emulator, bin_dir, &directory.join(TOKEN));
    // Its audit lines are written, but not read.
    command.stderr(Stdio::null());
    Ok(Server::start(command, &WANTED)?)
}

fn serve_command(emulator: &Server, bin_dir: &Path, token_file: &Path) -> Command {
    let mut command = Command::new(bin_dir.join("roles-anywhere"));
    command.args(["serve", "--port", "0", "--print-env", "--token-file"]).arg(token_file);
    command.env_clear().envs(emulator.variables().iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null());
    command
}

/// Returns the credentials as EC2 has them, behind a token that is asked for first.
fn imds(serve: &Server) -> Result<Target, BenchError> {
    let endpoint = serve.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT")?.trim_end_matches('/');
    let life = [("X-aws-ec2-metadata-token-ttl-seconds", "21600")];
    let token = http::send("PUT", &format!("{endpoint}/latest/api/token"), &life, "")?.body;
    let roles = format!("{endpoint}/latest/meta-data/iam/security-credentials/");
    let role = http::send("GET", &roles, &[("X-aws-ec2-metadata-token", &token)], "")?.body;
    let header = format!("X-aws-ec2-metadata-token: {token}");
    Ok(Target { url: format!("{roles}{}", role.trim()), header })
}

/// Returns the credentials as ECS has them, behind the token of a file.
fn container(serve: &Server, directory: &Path) -> Result<Target, BenchError> {
    #[expect(clippy::disallowed_methods, reason = "what every SDK does with this file")]
    let token = std::fs::read_to_string(directory.join(TOKEN))?;
    let url = serve.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI")?.to_owned();
    Ok(Target { url, header: format!("Authorization: {token}") })
}

/// Starts the floor with the answer that `target` gives, which is recorded in `file`.
fn floor(target: &Target, bin_dir: &Path, file: &Path) -> Result<Server, BenchError> {
    let header = target.header.split_once(": ").unwrap_or_default();
    let answer = http::send("GET", &target.url, &[header], "")?;
    #[expect(clippy::disallowed_methods, reason = "a file of the runner's own")]
    std::fs::write(file, format!("{}\r\n\r\n{}", answer.head, answer.body))?;
    let mut command = Command::new(bin_dir.join("floor-hyper"));
    command.arg(file).stdin(Stdio::null());
    Ok(Server::start(command, &["FLOOR_URL"])?)
}
