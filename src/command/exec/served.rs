//! The options of a program whose secrets and parameters come from a running `serve`.

use crate::command::exec::plan::{followed, masking, program};
use crate::command::exec::values::ProgramValues;
use crate::command::exec::{CredentialSource, ExecPlan, ExecRoles};
use crate::options::arguments::typed;
use crate::options::reference_reader::{ReferenceReader, conflict, serve_access};
use crate::options::settings::Settings;
use crate::options::table::OptionSpec;
use crate::options::table::access_key::OF_PROGRAM;
use crate::options::table::follow::FRESHNESS;
use crate::options::table::program::{KEEP_AWS_FILES, STATIC};
use crate::options::table::program_variables::{APP, CREDENTIALS, ENV};
use crate::options::table::served::SECRETS_URL;
use crate::output::usage::UsageError;

/// The options of `exec` that need a role.
const WITH_ROLE: &[&OptionSpec] = &[&APP, &CREDENTIALS, &STATIC, &KEEP_AWS_FILES];

const NO_CREDENTIALS: &str = "`serve` gives secrets and parameters, and there is no role for credentials: remove one of the two";

const NO_FILE: &str = "no configuration file is read: remove `--secrets-url`, or pass the variables with `--env` and others";

/// Returns the plan, if values come from a running `serve`. The program gets no credentials.
pub(super) fn plan(settings: &Settings<'_>) -> Result<Option<ExecPlan>, UsageError> {
    let Some(access) = serve_access(settings, FRESHNESS)? else { return Ok(None) };
    if let Some(url) = settings.flag(&SECRETS_URL)? {
        let is_typed = |option: &&&OptionSpec| typed(settings.typed, option).is_some();
        if let Some(option) = WITH_ROLE.iter().chain(OF_PROGRAM).find(is_typed) {
            let why = if **option == APP { NO_FILE } else { NO_CREDENTIALS };
            return Err(conflict(&url, option, why));
        }
    }
    let values = ProgramValues::plan(settings, None)?;
    if !values.can_refer(settings)? {
        return Err(settings.missing(&[&ENV]));
    }
    Ok(Some(ExecPlan {
        role: None,
        roles: ExecRoles::Several(Box::new(ReferenceReader::Serve(Box::new(access)))),
        program: program(settings, None),
        source: CredentialSource::Endpoint,
        passes_credentials: false,
        key_refusal: None,
        values,
        aws_files: None,
        masking: masking(settings)?,
        on_rotate: followed(settings, None)?,
    }))
}
