//! The options of `mask`.

use crate::command::mask::MaskPlan;
use crate::options::arguments::all_typed;
use crate::options::program_variables::app;
use crate::options::reference_roles::ReferenceRoles;
use crate::options::settings::Settings;
use crate::options::table::identity::{CERTIFICATE, KEY_PASSWORD_FILE, PRIVATE_KEY};
use crate::options::table::masking::MASK_SHORT;
use crate::options::table::program_variables::APP;
use crate::options::table::secrets::{PARAMETERS_ENDPOINT, SECRETS_ENDPOINT};
use crate::options::table::session::{INTERMEDIATES, required_with};
use crate::options::table::{OptionSpec, Origin, ValueType};
use crate::output::usage::{UsageError, WrongReference};
use crate::secrets::masking::ShortValues;
use crate::secrets::reference::{NamedReference, Reference, shown_text};
use crate::secrets::variables::GivenVariables;

/// The options of `mask` alone.
pub(super) static MASK: &[&OptionSpec] =
    &[&SECRET, &APP, &MASK_SHORT, &SECRETS_ENDPOINT, &PARAMETERS_ENDPOINT];

/// The options without which nothing is masked.
pub(super) const REQUIRED: &[&OptionSpec] = &required_with(&SECRET);

static SECRET: OptionSpec = OptionSpec::new("--secret", "REF", ValueType::Text)
    .repeated()
    .without_variable()
    .refuse_empty("a reference")
    .if_missing("pass `--secret`, or `--app` with the name of a program in the configuration file")
    .help("Secret or parameter to mask")
    .details(
        "Secret or parameter to mask: `sm://NAME[#KEY]`, `ssm:///NAME[#KEY]`, or another reference as \
         `resolve` takes it. Of a value that is JSON, all strings and numbers in it are masked.",
    );

/// The options that can name standard input, which is the log here.
const OF_INPUTS: [&OptionSpec; 4] =
    [&CERTIFICATE, &PRIVATE_KEY, &INTERMEDIATES, &KEY_PASSWORD_FILE];

pub(super) fn plan(settings: &Settings<'_>) -> Result<MaskPlan, UsageError> {
    let references = references(settings)?;
    settings.flag(&APP)?;
    let table = settings.config.map(|config| app(settings, config)).transpose()?.flatten();
    let mut program = GivenVariables::default();
    if let Some(table) = table {
        program.add_exec_table(table);
    } else if references.is_empty() {
        return Err(settings.missing(REQUIRED));
    }
    for option in OF_INPUTS {
        if let Some(input) = settings.text(option)?.filter(|input| input.value == "-") {
            return Err(input.refuse("another input, as `mask` reads the log from standard input"));
        }
    }
    let short = match settings.is_on(&MASK_SHORT)? {
        true => ShortValues::Masked,
        false => ShortValues::Shown,
    };
    Ok(MaskPlan { references, program, roles: ReferenceRoles::plan(settings)?, short })
}

/// Returns the references; the error lists all that are wrong.
fn references(settings: &Settings<'_>) -> Result<Vec<NamedReference>, UsageError> {
    let (mut references, mut wrong) = (Vec::new(), Vec::new());
    for text in all_typed(settings.typed, &SECRET) {
        let setting = settings.setting(Origin::Flag(&SECRET), text)?;
        if setting.value.is_empty() {
            return Err(setting.refuse("a reference"));
        }
        match Reference::parse(setting.value) {
            Ok(reference) => references.push(NamedReference { name: None, reference }),
            Err(source) => wrong.push(WrongReference { shown: shown_text(text), source }),
        }
    }
    if wrong.is_empty() { Ok(references) } else { Err(UsageError::References(wrong)) }
}
