//! A command that is defined here runs as those of the program do.

use insta::assert_snapshot;
use roles_anywhere::app::App;
use roles_anywhere::command::{ALL, Command, CommandEntry, Plan, run};
use roles_anywhere::options::arguments::OptionGroups;
use roles_anywhere::options::command_line::Word;
use roles_anywhere::options::settings::Settings;
use roles_anywhere::options::table::{OptionSpec, ValueType, cache};
use roles_anywhere::output::Outcome;
use roles_anywhere::output::error::Error;
use roles_anywhere::output::log::LogFormat;
use roles_anywhere::output::report::Failure;
use roles_anywhere::output::usage::UsageError;
use roles_anywhere_client::provider::ErrorKind;

static GREETING: OptionSpec = OptionSpec::new("--greeting", "WORD", ValueType::Text)
    .default_value("hello")
    .help("What to say");

/// Prints a greeting.
struct Greet {
    greeting: String,
}

impl Command for Greet {
    const NAME: &'static [Word] =
        &[("test", "Commands of this test"), ("greet", "Print a greeting")];
    const EXAMPLES: &'static str = "roles-anywhere test greet";
    const OPTIONS: &'static OptionGroups = &[&[&GREETING], cache::CACHE_LOCATION];

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let greeting = settings.required(&GREETING)?;
        match greeting.value.chars().all(char::is_alphabetic) {
            true => Ok(Self { greeting: greeting.value.to_owned() }),
            false => Err(greeting.refuse("a word")),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the greeting is refused")]
struct GreetingRefused;

impl Plan for Greet {
    fn run(&self, _app: &App) -> Result<Outcome, Error> {
        match self.greeting.as_str() {
            "goodbye" => Err(Error::new(ErrorKind::Local, GreetingRefused)
                .hint("pass another one by `--greeting`")),
            greeting => Ok(format!("{greeting}, world\n").into()),
        }
    }

    fn log_format(&self) -> LogFormat {
        LogFormat::Json
    }
}

/// Runs a command line with [`Greet`] before the other commands.
fn outcome(words: &[&str]) -> Result<String, Failure> {
    let commands: Vec<CommandEntry> =
        [CommandEntry::of::<Greet>()].iter().chain(ALL).copied().collect();
    let line = ["roles-anywhere"].iter().chain(words).map(|word| (*word).to_owned());
    let output = run(&commands, &line.collect::<Vec<_>>(), &App::start())?;
    Ok(String::from_utf8(output.output.expose().to_vec()).unwrap())
}

fn output(words: &[&str]) -> String {
    outcome(words).unwrap()
}

fn failure(words: &[&str]) -> (String, u8) {
    let failure = outcome(words).unwrap_err();
    (failure.report, failure.kind.exit_code())
}

#[test]
fn runs_with_its_own_option() {
    assert_eq!(output(&["test", "greet"]), "hello, world\n");
    assert_eq!(
        output(&["test", "greet", "--greeting", "a", "--greeting=welcome"]),
        "welcome, world\n"
    );
    assert_eq!(output(&["version"]), format!("{}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn has_its_help() {
    assert_snapshot!(output(&["test", "greet", "-h"]), @"
    Print a greeting

    Usage: roles-anywhere test greet [OPTIONS]

    Options:
          --greeting <WORD>  What to say [default: hello]

    Cache:
          --cache-dir <DIR>  Directory of the session cache

    Output:
      -h, --help  Print a summary; --help prints more

    Examples:
      roles-anywhere test greet
    ");
    let first_page = output(&["--help"]);
    let group = "  test                   Commands of this test\n  credential-process     Print";
    assert!(first_page.contains(group), "{first_page}");
}

#[test]
fn its_errors_are_reported_as_those_of_other_commands() {
    let (report, code) = failure(&["test", "greet", "--greeting", "4"]);
    assert_snapshot!(report, @r"
    error: invalid value `4` for `--greeting`: expected a word
    ");
    assert_eq!(code, 2);
    let (report, code) = failure(&["test", "greet", "--debug"]);
    assert_snapshot!(report, @"
    error: unexpected argument `--debug`
      hint: remove it: `--debug` is an option of `credential-process`
    ");
    assert_eq!(code, 2);
    let (report, code) = failure(&["test", "greet", "--greeting", "goodbye"]);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["event"], "failed");
    assert_eq!(report["reason"], "the greeting is refused");
    assert_eq!(report["hint"], "pass another one by `--greeting`");
    assert_eq!((report["exit_code"].as_u64(), code), (Some(6), 6));
}
