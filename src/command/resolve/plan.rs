//! The options of `resolve`.

use crate::command::resolve::{PrintedReferences, ReferenceFormat, Resolve};
use crate::options::reference_reader::{ReferenceReader, conflict};
use crate::options::reference_roles::ReferenceRoles;
use crate::options::references::references;
use crate::options::settings::Settings;
use crate::options::table::secrets::{PARAMETERS_ENDPOINT, REFERENCE, SECRETS_ENDPOINT};
use crate::options::table::served::SECRETS_URL;
use crate::options::table::{Heading, OptionSpec, ValueType};
use crate::output::usage::UsageError;

/// The options of `resolve` alone. They have no variable: another format would break another command line.
pub(super) static RESOLVE: &[&OptionSpec] =
    &[&REFERENCE, &EXPLAIN, &OUTPUT, &SECRETS_ENDPOINT, &PARAMETERS_ENDPOINT];

static EXPLAIN: OptionSpec = OptionSpec::switch("--explain")
    .without_variable()
    .under(Heading::Output)
    .help("Print what the references mean and need")
    .details(
        "Print what each reference means, which calls are made, and which IAM actions on which \
         resources the role must be allowed. AWS is not called.",
    );

static OUTPUT: OptionSpec = OptionSpec::new("--output", "FORMAT", ValueType::Text)
    .without_variable()
    .refuse_empty("`text` or `json`")
    .default_value("text")
    .under(Heading::Output)
    .choices(&[
        ("text", "The value, or each value in a line of its own"),
        ("json", "A list, or an object for `--explain`"),
    ])
    .help("Format: text or json")
    .details("How to print it.");

pub(super) fn plan(settings: &Settings<'_>) -> Result<Resolve, UsageError> {
    let references = references(settings)?;
    let explains = settings.switched_on(&EXPLAIN)?.is_some();
    if let (true, Some(url)) = (explains, settings.flag(&SECRETS_URL)?) {
        return Err(conflict(&url, &EXPLAIN, EXPLAINED_WITH_ROLE));
    }
    let output = settings.required(&OUTPUT)?;
    let format = match output.value {
        "text" => ReferenceFormat::Text,
        "json" => ReferenceFormat::Json,
        _ => return Err(output.refuse("`text` or `json`")),
    };
    let printed = match explains {
        true => PrintedReferences::Explanation(Box::new(ReferenceRoles::plan(settings)?)),
        false => PrintedReferences::Values(ReferenceReader::plan(settings, &[])?),
    };
    Ok(Resolve { references, printed, format, stdout: settings.stdout })
}

/// Why `--explain` does not go with a running `serve`.
const EXPLAINED_WITH_ROLE: &str = "what is explained are the calls of a role: pass the role of `serve` in the place of `--secrets-url`";
