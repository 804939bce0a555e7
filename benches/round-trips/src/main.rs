//! The runner: `round-trips [RUNS]`, best by `scripts/bench`, which builds what it needs.
//!
//! Runs `secret get` without a cached session, with every connection over a link of 60 ms (`link.rs`),
//! directly and through a proxy that takes CONNECT. What a run takes is given in round trips of that link.
//! Then `exec` with 20 references, beside `secret get` of one and the AWS CLI (`references.rs`).
//! Nothing is gated: the exit code says whether everything ran, never how fast.

mod link;
mod references;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use bench_common::target::line;
use bench_common::{Server, WorldError, emulator, runner};
use link::{ROUND_TRIP, Speaks, now};

/// How often each command runs if nothing else is requested.
const RUNS: usize = 20;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
enum BenchError {
    #[error("could not start `{}`: {source}", program.display())]
    Start { program: PathBuf, source: std::io::Error },
    #[error("a command failed {0}:\n{1}")]
    Failed(&'static str, String),
    #[error(transparent)]
    World(#[from] WorldError),
    #[error("could not speak with the system: {0}")]
    System(#[from] std::io::Error),
    #[error("usage: round-trips [RUNS], RUNS at least 1")]
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
    let emulated = emulator.variable("AWS_ENDPOINT_URL_ROLESANYWHERE")?;
    let emulated: SocketAddr = emulated
        .rsplit('/')
        .next()
        .and_then(|authority| authority.parse().ok())
        .ok_or_else(|| WorldError::Unexported("an endpoint with an address".to_owned()))?;
    let host = || link::start(emulated, Speaks::Tls).map(|address| format!("https://{address}"));
    let direct = Setting {
        name: "directly",
        most: 4.4,
        variables: vec![
            ("AWS_ENDPOINT_URL_ROLESANYWHERE", host()?),
            ("ROLES_ANYWHERE_SECRETS_ENDPOINT", host()?),
        ],
        arguments: &[],
    };
    let proxy = link::start(emulated, Speaks::Connect)?;
    let proxied = Setting {
        name: "over a proxy",
        most: 5.4,
        // Names, as no proxy is asked for an address of this machine; the emulator's certificate is not
        // for them. Nothing leaves this machine: the proxy connects to the emulator whatever it is asked.
        variables: vec![
            ("AWS_ENDPOINT_URL_ROLESANYWHERE", "https://rolesanywhere.example".to_owned()),
            ("ROLES_ANYWHERE_SECRETS_ENDPOINT", "https://secretsmanager.example".to_owned()),
            ("HTTPS_PROXY", format!("http://{proxy}")),
        ],
        arguments: &["--no-verify-ssl"],
    };
    let settings = [direct, proxied];
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..runs {
        for (setting, times) in settings.iter().zip(&mut times) {
            times.push(setting.run(&emulator, bin_dir)?);
        }
    }
    Ok(report(&settings, times)
        + &references::bench(runs, &emulator, bin_dir, &settings[0].variables)?)
}

/// A network between the tool and AWS.
struct Setting {
    name: &'static str,
    /// The most round trips.
    most: f64,
    variables: Vec<(&'static str, String)>,
    arguments: &'static [&'static str],
}

impl Setting {
    /// Runs the command once, and returns how long it took.
    fn run(&self, emulator: &Server, bin_dir: &Path) -> Result<Duration, BenchError> {
        let program = bin_dir.join("roles-anywhere");
        let mut command = Command::new(&program);
        command.args(["secret", "get", "prod/db-credentials", "--no-cache"]).args(self.arguments);
        let exports = emulator.variables().iter().map(|(name, value)| (name.as_str(), value));
        command.env_clear().envs(exports).envs(self.variables.iter().map(|(n, v)| (n, v)));
        let start = now();
        let output = command.stdin(Stdio::null()).output();
        let output = output.map_err(|source| BenchError::Start { program, source })?;
        let took = now() - start;
        if output.status.success() && !output.stdout.is_empty() {
            return Ok(took);
        }
        Err(BenchError::Failed(self.name, String::from_utf8_lossy(&output.stderr).into_owned()))
    }
}

fn report(settings: &[Setting; 2], times: [Vec<Duration>; 2]) -> String {
    let count = times[0].len();
    let mut text = format!(
        "`secret get` without a cached session, each connection over a link with a round trip of {} ms; \
         medians of {count} runs each, in turn\n\ntargets\n",
        ROUND_TRIP.as_millis()
    );
    for (setting, mut times) in settings.iter().zip(times) {
        times.sort_unstable();
        let median = times.get(times.len() / 2).copied().unwrap_or_default();
        let trips = median.as_secs_f64() / ROUND_TRIP.as_secs_f64();
        let most = format!("at most {:.1} round trips", setting.most);
        let met = Some(trips <= setting.most);
        let _ = writeln!(text, "{}", line(setting.name, &format!("{trips:.2}"), &most, met));
    }
    text
}
