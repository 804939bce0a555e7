//! The options of `resolve`.

use crate::command::resolve::{PrintedReferences, ReferenceFormat, Resolve};
use crate::options::arguments::all_typed;
use crate::options::reference_roles::ReferenceRoles;
use crate::options::settings::Settings;
use crate::options::table::secrets::{PARAMETERS_ENDPOINT, SECRETS_ENDPOINT};
use crate::options::table::session::required_with;
use crate::options::table::{Heading, OptionSpec, Origin, ValueType};
use crate::output::usage::{UsageError, WrongReference};
use crate::secrets::reference::{NamedReference, Reference, shown_text};

/// The options of `resolve` alone. They have no variable: another format would break another command line.
pub(super) static RESOLVE: &[&OptionSpec] =
    &[&REFERENCE, &EXPLAIN, &OUTPUT, &SECRETS_ENDPOINT, &PARAMETERS_ENDPOINT];

/// The options without which nothing is resolved.
pub(super) const REQUIRED: &[&OptionSpec] = &required_with(&REFERENCE);

static REFERENCE: OptionSpec = OptionSpec::positional("reference", "REF", ValueType::Text)
    .repeated()
    .refuse_empty("a reference")
    .help("References to secrets and parameters")
    .details(
        "References: `sm://NAME-OR-ARN[#KEY][?OPTIONS]`, `ssm://NAME-OR-ARN[#KEY][?OPTIONS]`, \
         `{{resolve:SERVICE:NAME}}` of CloudFormation, or an ARN as `valueFrom` of ECS takes it. KEY is a member of a \
         JSON value, `*` all of them. Options are joined by `&`: stage, version, label, region, role, \
         optional, default.",
    );

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
    let printed = match settings.is_on(&EXPLAIN)? {
        true => PrintedReferences::Explanation,
        false => PrintedReferences::Values,
    };
    let output = settings.required(&OUTPUT)?;
    let format = match output.value {
        "text" => ReferenceFormat::Text,
        "json" => ReferenceFormat::Json,
        _ => return Err(output.refuse("`text` or `json`")),
    };
    let roles = ReferenceRoles::plan(settings)?;
    Ok(Resolve { references, roles, printed, format, stdout: settings.stdout })
}

/// Returns the references; the error lists all that are wrong.
fn references(settings: &Settings<'_>) -> Result<Vec<NamedReference>, UsageError> {
    let (mut references, mut wrong) = (Vec::new(), Vec::new());
    for text in all_typed(settings.typed, &REFERENCE) {
        let setting = settings.setting(Origin::Flag(&REFERENCE), text)?;
        match Reference::parse(setting.value) {
            Ok(reference) => references.push(NamedReference { name: None, reference }),
            Err(source) => wrong.push(WrongReference { shown: shown_text(text), source }),
        }
    }
    match (wrong.is_empty(), references.is_empty()) {
        (false, _) => Err(UsageError::References(wrong)),
        (true, true) => Err(settings.missing(&[&REFERENCE])),
        (true, false) => Ok(references),
    }
}
