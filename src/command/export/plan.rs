//! The options of `export`.

use std::path::Path;

use crate::command::export::ExportFormat;
use crate::options::settings::Settings;
use crate::options::table::other_programs::{GITHUB_ENV, SHELL};
use crate::options::table::{Heading, OptionSpec, Origin, ValueType};
use crate::output::formats::{self, VariableFormat, github};
use crate::output::usage::{NamedValue, UsageError};
use roles_anywhere_client::text::path;

/// The options of `export` alone. They have no variable: a format that another command line is not made
/// for would break it.
pub(super) static EXPORT: &[&OptionSpec] = &[&FORMAT, &UNSET];

static FORMAT: OptionSpec = OptionSpec::new("--format", "FORMAT", ValueType::Text)
    .without_variable()
    .refuse_empty(EXPECTED)
    .described_default("sh, or fish if $SHELL is fish")
    .fallbacks(&[&SHELL])
    .under(Heading::Output)
    .choices(&[
        ("sh", "POSIX shells: `eval \"$(roles-anywhere export --format sh)\"`"),
        ("fish", "fish: `roles-anywhere export --format fish | source`"),
        ("powershell", "PowerShell: `roles-anywhere export --format powershell | Out-String | Invoke-Expression`"),
        ("cmd", "cmd.exe: a batch file, or `for /f`"),
        ("dotenv", "A .env file"),
        ("docker", "A file for `docker run --env-file`"),
        ("systemd", "A file for EnvironmentFile= in a unit of systemd"),
        ("json", "A JSON object"),
        ("github", "GitHub Actions: write to $GITHUB_ENV, and print masks for the log"),
    ])
    .help("Shell or file format")
    .details("What the variables are for.");

const EXPECTED: &str =
    "`sh`, `fish`, `powershell`, `cmd`, `dotenv`, `docker`, `systemd`, `json` or `github`";

pub(super) static UNSET: OptionSpec = OptionSpec::switch("--unset")
    .without_variable()
    .under(Heading::Output)
    .help("Print what removes the variables again")
    .details(
        "Print what removes the variables from the environment of the shell again. No session is \
         made, and options other than --format are ignored.",
    );

/// Returns the format that is given, else that of the login shell.
pub(super) fn format(settings: &Settings<'_>) -> Result<ExportFormat, UsageError> {
    let Some(given) = settings.flag(&FORMAT)? else {
        let shell = settings.environment.get(SHELL.name).map(path::path);
        let is_fish = shell.is_some_and(|shell| shell.file_name() == Path::new("fish").file_name());
        return Ok(if is_fish { VariableFormat::Fish } else { VariableFormat::Sh }.into());
    };
    let given = given.unless_flag()?;
    if given.value == github::NAME {
        return match settings.variable(&GITHUB_ENV)? {
            Some(file) => Ok(ExportFormat::GitHub { file: path::path(file.value) }),
            None => Err(UsageError::NoVariable {
                what: NamedValue::new(Origin::Flag(&FORMAT), github::NAME),
                variable: &GITHUB_ENV,
                why: "run it in a step of GitHub Actions, or pass another format",
            }),
        };
    }
    let is_offered = FORMAT.choices.iter().any(|(name, _)| *name == given.value);
    match VariableFormat::from_name(given.value).filter(|_| is_offered) {
        Some(format) => Ok(format.into()),
        None => Err(given.refuse(EXPECTED)),
    }
}

/// Returns what removes variables again. Only a shell can, so the format of a file is refused.
pub(super) fn unset(settings: &Settings<'_>, names: &[&str]) -> Result<String, UsageError> {
    // Also if its variable is not set, which makes no difference here.
    if settings.flag(&FORMAT)?.is_some_and(|given| given.value == github::NAME) {
        return Err(only_in_shells(github::NAME));
    }
    match format(settings)? {
        ExportFormat::Printed(format) => {
            formats::unset(format, names).ok_or_else(|| only_in_shells(format.name()))
        }
        ExportFormat::GitHub { .. } => Err(only_in_shells(github::NAME)),
    }
}

fn only_in_shells(name: &'static str) -> UsageError {
    UsageError::Conflict {
        first: Origin::Flag(&UNSET).into(),
        second: NamedValue::new(Origin::Flag(&FORMAT), name),
        why: "remove one of them: only a shell can remove variables",
    }
}
