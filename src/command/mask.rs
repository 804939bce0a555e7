//! `mask`: copies standard input to standard output, with names in the place of secrets.

mod plan;

use crate::app::App;
use crate::command::{Command, Plan};
use crate::options::arguments::OptionGroups;
use crate::options::command_line::Word;
use crate::options::reference_roles::ReferenceRoles;
use crate::options::roles::RoleUse;
use crate::options::settings::Settings;
use crate::options::table::{self, OptionSpec};
use crate::output::Outcome;
use crate::output::error::Error;
use crate::output::usage::UsageError;
use crate::secrets::masking::{Masks, MasksRequest, ShortValues};
use crate::secrets::reference::NamedReference;
use crate::secrets::variables::GivenVariables;

/// The plan of `mask`.
#[derive(Clone, Debug)]
pub struct MaskPlan {
    /// The references whose values are masked.
    pub references: Vec<NamedReference>,
    /// The variables of a program, whose references are masked too.
    pub program: GivenVariables,
    /// The roles that read them.
    pub roles: ReferenceRoles,
    /// Whether short values are masked.
    pub short: ShortValues,
}

impl Command for MaskPlan {
    const NAME: &'static [Word] = &[("mask", "Replace secrets in a log by their names")];
    const DETAILS: &'static str = "\
Copies standard input to standard output. Each value of the secrets and parameters becomes `***NAME***`, also in base64, in URLs and in JSON. Values of fewer than 8 characters stay, unless `--mask-short` is passed.";
    const EXAMPLES: &'static str = "\
roles-anywhere mask --secret sm://prod/db < app.log
make 2>&1 | roles-anywhere mask --secret 'sm://prod/db#password'
journalctl -fu web | roles-anywhere mask --app web";
    const DOCS: &'static [&'static str] = &["mask.md", "references.md", "errors.md"];
    const OPTIONS: &'static OptionGroups = &[plan::MASK, table::session_groups::ONE_SESSION];
    const REQUIRED: &'static [&'static OptionSpec] = plan::REQUIRED;
    const ROLES: RoleUse = RoleUse::One;

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        plan::plan(settings)
    }
}

impl Plan for MaskPlan {
    fn run(&self, app: &App) -> Result<Outcome, Error> {
        let mut references = self.references.clone();
        references.extend(self.program.clone().wanted()?.references());
        let values = app.resolve_references(&self.roles, &references)?;
        let mut request = MasksRequest { values: Vec::new(), short: self.short };
        request.add_references(&references, &values);
        drop(values);
        let masks = Masks::new(&request);
        app.report_short(&masks);
        drop(request);
        let end = app.mask_input(&masks)?;
        Ok(Outcome { exit_code: app.end_as(end), ..Outcome::default() })
    }
}
