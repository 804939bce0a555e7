//! `version`: prints the version, and what the program was built from.

use serde::Serialize;

use crate::app::App;
use crate::command::{Command, Plan};
use crate::options::arguments::OptionGroups;
use crate::options::command_line::Word;
use crate::options::settings::Settings;
use crate::options::table::{self, Heading, OptionSpec, ValueType};
use crate::output::Outcome;
use crate::output::error::Error;
use crate::output::usage::UsageError;

static OUTPUT: OptionSpec = OptionSpec::new("--output", "FORMAT", ValueType::Text)
    .without_variable()
    .default_value("text")
    .under(Heading::Output)
    .choices(&[
        ("text", "The version"),
        ("json", "JSON of the version, the commit, the target and the cryptographic library"),
    ])
    .help("Format: text or json")
    .details("What to print.");

/// The plan of `version`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Version {
    /// Prints the version alone.
    Text,
    /// Prints JSON.
    Json,
}

impl Command for Version {
    const NAME: &'static [Word] = &[("version", "Print the version")];
    const OPTIONS: &'static OptionGroups = &[&[&OUTPUT], table::errors::ERRORS];

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let output = settings.flag_or_default(&OUTPUT)?;
        match output.value {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(output.refuse("`text` or `json`")),
        }
    }
}

impl Plan for Version {
    fn run(&self, _app: &App) -> Result<Outcome, Error> {
        let version = env!("CARGO_PKG_VERSION");
        let text = match self {
            Self::Text => version.to_owned(),
            Self::Json => build(version),
        };
        Ok(format!("{text}\n").into())
    }
}

/// Returns what the program was built from, as JSON.
fn build(version: &'static str) -> String {
    let build = Build {
        version,
        commit: Some(env!("BUILD_COMMIT")).filter(|commit| !commit.is_empty()),
        target: env!("BUILD_TARGET"),
        crypto: Crypto { library: "AWS-LC", version: aws_lc_rs::awslc_version() },
    };
    serde_json::to_string_pretty(&build).expect("strings serialize")
}

#[derive(Serialize)]
struct Build {
    version: &'static str,
    /// `None` if it was not built in a Git repository, not as a release, or with an empty BUILD_COMMIT.
    commit: Option<&'static str>,
    target: &'static str,
    crypto: Crypto,
}

#[derive(Serialize)]
struct Crypto {
    library: &'static str,
    version: &'static str,
}
