//! What `serve --secrets` costs a read of a secret, and how much memory it takes with many of them.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bench_common::{Server, WorldError, emulator, http};

use crate::load::Target;
use crate::report::Route;
use crate::{BenchError, process, rounds};

/// How many secrets the cache holds.
const SECRETS: usize = 1_000;
/// The bytes of each.
const SIZE: usize = 1 << 10;
const TOKEN: &str = "4f1c1d9a7b0e5d3c";
const TOKEN_HEADER: &str = "X-Aws-Parameters-Secrets-Token";
/// How long the endpoint may take until it listens.
const LIMIT: Duration = Duration::from_secs(60);
/// The pause between two checks of whether it does.
const PAUSE: Duration = Duration::from_millis(20);

/// What was measured.
pub(crate) struct Secrets {
    pub(crate) route: Route,
    /// The memory with all of them in the cache, before the load.
    pub(crate) cached_kib: u64,
    /// The same after the load.
    pub(crate) resident_kib: u64,
}

impl Secrets {
    /// Reads all secrets once, and one of them again and again.
    pub(crate) fn measure(bin_dir: &Path, seconds: u32) -> Result<Self, BenchError> {
        let emulator = emulator::start(bin_dir)?;
        let directory = PathBuf::from(emulator.variable("EMULATOR_DIR")?);
        for number in 0..SECRETS {
            emulator::put_secret(&emulator, &name(number), &value(number))?;
        }
        let (serve, address) = serve(&emulator, bin_dir)?;
        let url = |number| format!("http://{address}/secretsmanager/get?secretId={}", name(number));
        for number in 0..SECRETS {
            http::send("GET", &url(number), &[(TOKEN_HEADER, TOKEN)], "")?;
        }
        let cached_kib = process::resident_kib(serve.id())?;
        let target = Target { url: url(SECRETS / 2), header: format!("{TOKEN_HEADER}: {TOKEN}") };
        let route = rounds("secret", &target, &serve, (bin_dir, &directory), seconds)?;
        Ok(Self { route, cached_kib, resident_kib: process::resident_kib(serve.id())? })
    }
}

fn name(number: usize) -> String {
    format!("bench/service-{number:04}")
}

/// Returns a JSON document, as most secrets are.
fn value(number: usize) -> String {
    let head = format!("{{\"username\":\"app-{number}\",\"password\":\"");
    let rest = SIZE - head.len() - 2;
    format!("{head}{}\"}}", "p".repeat(rest))
}

/// Starts the endpoint alone on a free port, and waits until it answers.
fn serve(emulator: &Server, bin_dir: &Path) -> Result<(Server, String), BenchError> {
    let port = free_port()?;
    let mut command = Command::new(bin_dir.join("roles-anywhere"));
    command.args(["serve", "--no-imds", "--no-container", "--secrets", "--secrets-port"]);
    command.arg(port.to_string());
    command.env_clear().envs(emulator.variables().iter().map(|(name, value)| (name, value)));
    command.env("AWS_TOKEN", TOKEN);
    // Its audit lines are written, but not read.
    command.stdin(Stdio::null()).stderr(Stdio::null());
    let serve = Server::start(command, &[])?;
    let address = format!("{}:{port}", Ipv4Addr::LOCALHOST);
    let begun = now();
    loop {
        match http::send("GET", &format!("http://{address}/ping"), &[], "") {
            Ok(_) => return Ok((serve, address)),
            Err(WorldError::System(_)) if begun.elapsed() < LIMIT => pause(),
            Err(error) => return Err(error.into()),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the endpoint prints its port only in its log")]
fn free_port() -> Result<u16, BenchError> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

#[expect(clippy::disallowed_methods, reason = "the stopwatch of the runner")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "nothing tells the runner that a port is open")]
fn pause() {
    std::thread::sleep(PAUSE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_a_document_of_its_size() {
        assert_eq!(value(0).len(), SIZE);
        assert_eq!(value(SECRETS - 1).len(), SIZE);
    }
}
