//! `exec` with 20 references beside `secret get` of one: over the link and without a delay; and beside the
//! AWS CLI, without a delay.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use bench_common::target::line;
use bench_common::{Server, emulator};

use crate::BenchError;
use crate::link::now;

/// How many secrets the program gets.
const COUNT: usize = 20;
/// The most that `exec` with all of them takes, in times of `secret get` of one.
const MOST: f64 = 1.3;

/// All secrets by one call of the AWS CLI, then the program. Their values need no quotes.
const BATCH: &str = "export $(aws secretsmanager batch-get-secret-value --secret-id-list \"$@\" \
     --query 'SecretValues[].join(`=`, [Name, SecretString])' --output text) && exec true";
/// The same by a call for each secret.
const ONE_BY_ONE: &str = "for name; do value=$(aws secretsmanager get-secret-value \
     --secret-id \"$name\" --query SecretString --output text) && export \"$name=$value\" || exit 1; \
     done; exec true";

/// Runs all in turn, and returns the report. `link` is how the tool reaches AWS over the link.
pub(crate) fn bench(
    runs: usize,
    emulator: &Server,
    bin_dir: &Path,
    link: &[(&'static str, String)],
) -> Result<String, BenchError> {
    let names: Vec<_> = (0..COUNT).map(|number| format!("SECRET_{number}")).collect();
    for name in &names {
        emulator::put_secret(emulator, name, "hunter2")?;
    }
    let world = World::new(emulator, bin_dir);
    let one = ["secret", "get", &names[0]].map(str::to_owned).to_vec();
    let references = names.iter().map(|name| format!("--env={name}=sm://{name}"));
    let all: Vec<String> = ["exec".to_owned()].into_iter().chain(references).collect();
    let rows = [
        ("over the link", link, &["--no-cache"][..]),
        ("no cached session", &[], &["--no-cache"]),
        ("cached session", &[], &[]),
    ];
    let pairs = rows.map(|(_, variables, options)| {
        let with = |words: &[String], end: &[&str]| {
            let more = options.iter().chain(end).map(|word| (*word).to_owned());
            world.tool(bin_dir, words.iter().cloned().chain(more).collect(), variables)
        };
        [with(&one, &[]), with(&all, &["--", "true"])]
    });
    // It stores the session.
    pairs[2][0].run()?;
    let mut times: [[Vec<Duration>; 2]; 3] = Default::default();
    for _ in 0..runs {
        for (commands, times) in pairs.iter().zip(&mut times) {
            times[0].push(commands[0].run()?);
            times[1].push(commands[1].run()?);
        }
    }
    let mut text = format!(
        "\n`exec --env` with {COUNT} references and `secret get` of one; medians of {runs} runs each, \
         in turn\n\ntargets\n"
    );
    for ((name, ..), times) in rows.iter().zip(times) {
        let [one, all] = times.map(median);
        let ratio = all.as_secs_f64() / one.as_secs_f64();
        let value = format!("{ratio:.2} ({} / {})", milliseconds(all), milliseconds(one));
        let most = format!("at most {MOST} x (ms)");
        let _ = writeln!(text, "{}", line(name, &value, &most, Some(ratio <= MOST)));
    }
    let _ = writeln!(
        text,
        "\nthe same {COUNT} secrets by the AWS CLI, with the session of our cache; one run each"
    );
    for (name, script) in [("batch-get-secret-value", BATCH), ("get-secret-value", ONE_BY_ONE)] {
        let took = match world.has_cli() {
            true => format!("{} ms", milliseconds(world.script(script, &names).run()?)),
            false => "not measured: there is no `aws`".to_owned(),
        };
        let _ = writeln!(text, "  {name:<22} {took:>14}");
    }
    Ok(text)
}

/// What every command gets.
struct World {
    variables: Vec<(String, OsString)>,
}

impl World {
    /// The AWS CLI of the interoperability tests counts as installed.
    #[expect(clippy::disallowed_methods, reason = "where `aws` and `true` are")]
    fn new(emulator: &Server, bin_dir: &Path) -> Self {
        let exports = emulator.variables().iter().map(|(n, v)| (n.clone(), OsString::from(v)));
        let mut path = std::env::var_os("PATH").unwrap_or_default();
        path.push(":");
        path.push(bin_dir.with_file_name("interop").join("bin"));
        Self { variables: exports.chain([("PATH".to_owned(), path)]).collect() }
    }

    /// The tool with these words, and with more variables.
    fn tool(&self, bin_dir: &Path, words: Vec<String>, more: &[(&str, String)]) -> Run {
        let more = more.iter().map(|(name, value)| ((*name).to_owned(), value.into()));
        let variables = self.variables.iter().cloned().chain(more).collect();
        Run { program: bin_dir.join("roles-anywhere"), words, variables }
    }

    fn script(&self, script: &str, names: &[String]) -> Run {
        let words = ["-c", script, "sh"].map(str::to_owned);
        let words = [&words[..], names].concat();
        Run { program: "sh".into(), words, variables: self.variables.clone() }
    }

    fn has_cli(&self) -> bool {
        self.script("command -v aws", &[]).run().is_ok()
    }
}

/// A command with its whole environment.
struct Run {
    program: PathBuf,
    words: Vec<String>,
    variables: Vec<(String, OsString)>,
}

impl Run {
    /// Runs it once, and returns how long it took.
    fn run(&self) -> Result<Duration, BenchError> {
        let mut command = Command::new(&self.program);
        command.args(&self.words).env_clear();
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        let start = now();
        let output = command
            .stdin(Stdio::null())
            .output()
            .map_err(|source| BenchError::Start { program: self.program.clone(), source })?;
        let took = now() - start;
        match output.status.success() {
            true => Ok(took),
            false => {
                let words = String::from_utf8_lossy(&output.stderr).into_owned();
                Err(BenchError::Failed("for the ratios", words))
            }
        }
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1_000.0)
}
