//! The runner: `cold-start [RUNS]`, best by `scripts/bench`, which builds what it needs.
//!
//! Runs `credential-process` with three kinds of key, and two floors, in turn, so that what the
//! machine does meanwhile falls on all alike. Only ratios of one run mean anything. Nothing is gated:
//! the exit code says whether everything ran, never how fast.

mod measure;
mod report;
mod world;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use measure::{Program, Times};
use report::{Report, Row};
use world::Emulator;

/// How often each program runs where nothing else is asked for.
const RUNS: usize = 200;
/// How often each runs before that, for caches of the machine to fill.
const WARM_UP: usize = 10;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
enum BenchError {
    #[error("could not start `{}`: {source}", program.display())]
    Start { program: PathBuf, source: std::io::Error },
    #[error("{program} failed {how}")]
    Failed { program: &'static str, how: &'static str },
    #[error("the emulator {0}")]
    Emulator(&'static str),
    #[error("could not speak with the emulator or the system: {0}")]
    Control(std::io::Error),
    #[error("usage: cold-start [RUNS], RUNS at least 1")]
    Usage,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).peekable();
    let outcome = if arguments.next_if(|first| first == measure::PEAK).is_some() {
        measure::peak_of(arguments).map(|kib| format!("{kib}\n"))
    } else {
        runs(arguments.next()).and_then(bench)
    };
    match outcome {
        Ok(text) => match std::io::stdout().lock().write_all(text.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn runs(argument: Option<OsString>) -> Result<usize, BenchError> {
    let Some(argument) = argument else { return Ok(RUNS) };
    let runs = argument.to_str().and_then(|text| text.parse().ok());
    runs.filter(|runs| *runs > 0).ok_or(BenchError::Usage)
}

fn bench(runs: usize) -> Result<String, BenchError> {
    let runner = std::env::current_exe().map_err(BenchError::Control)?;
    let bin_dir = runner.parent().unwrap_or_else(|| Path::new("."));
    let emulator = Emulator::start(bin_dir)?;
    let programs = programs(&emulator, bin_dir)?;
    let [_, _, identities @ ..] = &programs;
    for identity in identities {
        // Before the emulator stops looking: what is measured is what it accepts.
        identity.run()?;
    }
    emulator.answer_unread()?;
    let mut times: [Vec<_>; 5] = Default::default();
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
    let rows: Result<[Row; 5], _> = rows.try_into();
    let Ok([empty, post, rsa2048, p256, p384]) = rows else {
        return Err(BenchError::Emulator("was asked by fewer programs than there are"));
    };
    Ok(Report { runs, empty, post, rsa2048, p256, p384 }.render())
}

/// Returns the two floors, then the tool with an RSA-2048, a P-256 and a P-384 identity.
fn programs(emulator: &Emulator, bin_dir: &Path) -> Result<[Program; 5], BenchError> {
    let floor = |name, file: &str, arguments| Program {
        name,
        path: bin_dir.join(file),
        arguments,
        variables: inherited_path(),
    };
    let directory = Path::new(emulator.variable("EMULATOR_DIR")?);
    let tool = |name, leaf: &str| {
        let mut variables = inherited_path();
        variables.extend(emulator.variables().iter().map(|(n, v)| (n.clone(), v.into())));
        let identity = [("CERTIFICATE", "pem"), ("PRIVATE_KEY", "key.pem")];
        for (variable, ending) in identity {
            let variable = format!("ROLES_ANYWHERE_{variable}");
            variables.retain(|(own, _)| *own != variable);
            let path = directory.join(format!("leaf/{leaf}.{ending}"));
            variables.push((variable, path.into_os_string()));
        }
        Program {
            name,
            path: bin_dir.join("roles-anywhere"),
            arguments: vec!["credential-process".to_owned()],
            variables,
        }
    };
    let url = format!("{}/sessions", emulator.variable("AWS_ENDPOINT_URL_ROLESANYWHERE")?);
    let ca_file = emulator.variable("AWS_CA_BUNDLE")?.to_owned();
    Ok([
        floor("floor: empty program", "floor-empty", Vec::new()),
        floor("floor: bare POST", "floor-post", vec![url, ca_file]),
        tool("credential-process, RSA-2048", "rsa2048"),
        tool("credential-process, P-256", "p256"),
        tool("credential-process, P-384", "p384"),
    ])
}

/// Returns PATH, by which valgrind is found, and nothing else of our own environment.
#[expect(clippy::disallowed_methods, reason = "the one variable that the programs inherit")]
fn inherited_path() -> Vec<(String, OsString)> {
    std::env::var_os("PATH").map(|path| ("PATH".to_owned(), path)).into_iter().collect()
}
