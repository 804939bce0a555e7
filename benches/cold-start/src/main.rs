//! The runner: `cold-start [RUNS]`, best by `scripts/bench`, which builds what it needs.
//!
//! Runs `credential-process` with several kinds and forms of key, and two floors, in turn, so that what the
//! machine does meanwhile falls on all alike. Only ratios of one run mean anything. Nothing is gated:
//! the exit code says whether everything ran, never how fast.

mod measure;
mod report;

use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};

use bench_common::{Server, WorldError, emulator, runner};
use measure::{Program, Times};
use report::{Report, Row};

/// How often each program runs where nothing else is asked for.
const RUNS: usize = 200;
/// How often each runs before that, for caches of the machine to fill.
const WARM_UP: usize = 10;
/// How many of the programs are not the tool.
const FLOORS: usize = 2;
/// The variables that name the identity.
const IDENTITY: [&str; 2] = ["ROLES_ANYWHERE_CERTIFICATE", "ROLES_ANYWHERE_PRIVATE_KEY"];

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
enum BenchError {
    #[error("could not start `{}`: {source}", program.display())]
    Start { program: PathBuf, source: std::io::Error },
    #[error("{program} failed {how}")]
    Failed { program: &'static str, how: &'static str },
    #[error("fewer programs were measured than there are")]
    Incomplete,
    #[error(transparent)]
    World(#[from] WorldError),
    #[error("could not speak with the system: {0}")]
    System(#[from] std::io::Error),
    #[error("usage: cold-start [RUNS], RUNS at least 1")]
    Usage,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).peekable();
    let outcome = if arguments.next_if(|first| first == measure::PEAK).is_some() {
        measure::peak_of(arguments).map(|kib| format!("{kib}\n"))
    } else {
        // What is not UTF-8 is no number.
        let runs = arguments.next().map(|text| text.into_string().unwrap_or_default());
        runner::number_or(RUNS, runs.as_deref()).ok_or(BenchError::Usage).and_then(bench)
    };
    runner::print(&outcome)
}

fn bench(runs: usize) -> Result<String, BenchError> {
    let runner = std::env::current_exe()?;
    let bin_dir = runner.parent().unwrap_or_else(|| Path::new("."));
    let emulator = emulator::start(bin_dir)?;
    let programs = programs(&emulator, bin_dir)?;
    for identity in &programs[FLOORS..] {
        // Before the emulator stops looking: what is measured is what it accepts.
        identity.run()?;
    }
    let cached = cached(&emulator, bin_dir)?;
    // A real session, of an hour: one of decades is not kept.
    cached.run()?;
    let exec = exec(&cached);
    let by_role = [
        // What runs after scrypt, whose memory empties the caches of the processor, starts slowly.
        by_role(&emulator, bin_dir, "--role, cached, 50 roles", 50)?,
        by_role(&emulator, bin_dir, "--role, cached, 1 role", 1)?,
    ];
    for program in &by_role {
        program.run()?;
    }
    emulator::answer_unread(&emulator)?;
    let mut programs: Vec<Program> =
        programs.into_iter().chain(forms(&emulator, bin_dir)).collect();
    programs.extend(by_role);
    programs.push(exec);
    programs.push(cached);
    let mut times: Vec<Vec<_>> = programs.iter().map(|_| Vec::new()).collect();
    for round in 0..WARM_UP + runs {
        for (program, times) in programs.iter().zip(&mut times) {
            let took = program.run()?;
            if round >= WARM_UP {
                times.push(took);
            }
        }
    }
    let mut rows = Vec::new();
    for (program, times) in programs.iter().zip(times) {
        rows.push(Row {
            name: program.name,
            times: Times::new(times),
            peak_kib: program.peak_kib(&runner)?,
            size: program.size()?,
            instructions: program.instructions()?,
        });
    }
    let mut rows = rows.into_iter();
    let floors = (rows.next(), rows.next());
    let issued = (rows.next(), rows.next());
    let from_cache = (rows.next_back(), rows.next_back());
    let ((Some(empty), Some(post)), (Some(rsa2048), Some(p256)), (Some(cached), Some(exec))) =
        (floors, issued, from_cache)
    else {
        return Err(BenchError::Incomplete);
    };
    Ok(Report { runs, empty, post, rsa2048, p256, cached, exec, others: rows.collect() }.render())
}

/// Returns the tool with identities that the emulator did not issue, and so could not judge: other
/// keys, and the P-256 key of `certs/` in forms whose opening costs something.
fn forms(emulator: &Server, bin_dir: &Path) -> Vec<Program> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let rows = [
        (
            "ML-DSA-65",
            "tests/vectors/pki/leaf-mldsa65.pem",
            "tests/vectors/pki/leaf-mldsa65.key.pem",
        ),
        ("PKCS#12, 2,048 iterations", "certs/forms/modern.p12", "certs/forms/modern.p12"),
        (
            "PBKDF2, 2,048 iterations",
            "certs/leaf/p256.pem",
            "certs/forms/pbes2-hmacWithSHA256-aes256.key.pem",
        ),
        ("scrypt, N 16,384", "certs/leaf/p256.pem", "certs/forms/scrypt.key.pem"),
    ];
    let program = |(name, certificate, key): (&'static str, &str, &str)| {
        let mut program = tool(emulator, bin_dir, name, &repository.join(certificate));
        let key = repository.join(key).into_os_string();
        program.variables.push((IDENTITY[1].to_owned(), key));
        let password = ("ROLES_ANYWHERE_PKCS8_PASSWORD".to_owned(), "hunter2".into());
        program.variables.push(password);
        program
    };
    rows.into_iter().map(program).collect()
}

/// Returns the tool in the emulator's world with another certificate, and no key yet.
fn tool(emulator: &Server, bin_dir: &Path, name: &'static str, certificate: &Path) -> Program {
    let mut variables = inherited_path();
    let exports = emulator.variables().iter().map(|(n, v)| (n.clone(), OsString::from(v)));
    variables.extend(exports.filter(|(name, _)| !IDENTITY.contains(&name.as_str())));
    variables.push((IDENTITY[0].to_owned(), certificate.as_os_str().to_owned()));
    Program {
        name,
        path: bin_dir.join("roles-anywhere"),
        arguments: vec!["credential-process".to_owned(), "--no-cache".to_owned()],
        variables,
        stderr: Stdio::inherit,
    }
}

/// Returns the tool with a cache, which its first run fills and the others find.
fn cached(emulator: &Server, bin_dir: &Path) -> Result<Program, BenchError> {
    let directory = Path::new(emulator.variable("EMULATOR_DIR")?);
    let certificate = directory.join("leaf/p256.pem");
    let mut program = tool(emulator, bin_dir, "credential-process, cached", &certificate);
    let key = directory.join("leaf/p256.key.pem").into_os_string();
    program.variables.push((IDENTITY[1].to_owned(), key));
    let cache = directory.join("cache").display().to_string();
    program.arguments = ["credential-process", "--cache-dir", &cache].map(str::to_owned).to_vec();
    Ok(program)
}

/// Returns `exec --static -- true` with the cache of `cached`. The user has no AWS files, so that none is
/// copied.
fn exec(cached: &Program) -> Program {
    let path = cached.path.clone();
    let exec = ["exec", "--static"].map(str::to_owned).into_iter();
    let program = ["--", "true"].map(str::to_owned);
    let arguments = exec.chain(cached.arguments[1..].iter().cloned()).chain(program).collect();
    let mut variables = cached.variables.clone();
    variables.retain(|(name, _)| name != "AWS_CONFIG_FILE");
    // A note on when the credentials expire, of each run.
    let stderr = Stdio::null;
    Program { name: "exec --static -- true, cached", path, arguments, variables, stderr }
}

/// Returns the tool with a cache and a configuration file of so many roles, of which it uses one.
fn by_role(
    emulator: &Server,
    bin_dir: &Path,
    name: &'static str,
    roles: usize,
) -> Result<Program, BenchError> {
    let directory = Path::new(emulator.variable("EMULATOR_DIR")?);
    let mut text = "[identity.host]\n\
        certificate = \"leaf/p256.pem\"\n\
        private-key = \"leaf/p256.key.pem\"\n\
        intermediates = \"anchor/intermediate.pem\"\n"
        .to_owned();
    for role in 0..roles {
        text.push_str(&format!("[role.role-{role}]\n"));
        for key in ["trust-anchor-arn", "profile-arn", "role-arn"] {
            let variable = format!("ROLES_ANYWHERE_{}", key.to_uppercase().replace('-', "_"));
            text.push_str(&format!("{key} = \"{}\"\n", emulator.variable(&variable)?));
        }
    }
    let file = directory.join(format!("{roles}-roles.toml"));
    File::create(&file)?.write_all(text.as_bytes())?;
    let mut program = tool(emulator, bin_dir, name, &directory.join("leaf/p256.pem"));
    program.variables.retain(|(name, _)| !name.starts_with("ROLES_ANYWHERE_"));
    let (file, cache) = (file.display().to_string(), directory.join("cache").display().to_string());
    let arguments =
        ["credential-process", "--config", &file, "--role", "role-0", "--cache-dir", &cache];
    program.arguments = arguments.map(str::to_owned).to_vec();
    Ok(program)
}

/// Returns the two floors, then the tool with an RSA-2048, a P-256 and a P-384 identity.
fn programs(emulator: &Server, bin_dir: &Path) -> Result<Vec<Program>, BenchError> {
    let floor = |name, file: &str, arguments| Program {
        name,
        path: bin_dir.join(file),
        arguments,
        variables: inherited_path(),
        stderr: Stdio::inherit,
    };
    let directory = Path::new(emulator.variable("EMULATOR_DIR")?);
    let issued = |name, leaf: &str| {
        let path = |ending: &str| directory.join(format!("leaf/{leaf}.{ending}"));
        let mut program = tool(emulator, bin_dir, name, &path("pem"));
        program.variables.push((IDENTITY[1].to_owned(), path("key.pem").into_os_string()));
        program
    };
    let url = format!("{}/sessions", emulator.variable("AWS_ENDPOINT_URL_ROLESANYWHERE")?);
    let ca_file = emulator.variable("AWS_CA_BUNDLE")?.to_owned();
    Ok(vec![
        floor("floor: empty program", "floor-empty", Vec::new()),
        floor("floor: bare POST", "floor-post", vec![url, ca_file]),
        issued("credential-process, RSA-2048", "rsa2048"),
        issued("credential-process, P-256", "p256"),
        issued("credential-process, P-384", "p384"),
    ])
}

/// Returns PATH, by which valgrind is found, and nothing else of our own environment.
#[expect(clippy::disallowed_methods, reason = "the one variable that the programs inherit")]
fn inherited_path() -> Vec<(String, OsString)> {
    std::env::var_os("PATH").map(|path| ("PATH".to_owned(), path)).into_iter().collect()
}
