//! `resolve`: prints what references to secrets and parameters stand for, or explains them.

mod explanation;
mod plan;
mod values;

use crate::app::App;
use crate::command::{Command, Plan};
use crate::options::arguments::OptionGroups;
use crate::options::command_line::Word;
use crate::options::reference_reader::ReferenceReader;
use crate::options::reference_roles::ReferenceRoles;
use crate::options::references;
use crate::options::roles::RoleUse;
use crate::options::settings::Settings;
use crate::options::table::{self, OptionSpec};
use crate::output::error::Error;
use crate::output::usage::UsageError;
use crate::output::{Outcome, Stdout};
use crate::secrets::reference::NamedReference;

/// The plan of `resolve`.
#[derive(Clone, Debug)]
pub struct Resolve {
    /// The references, at least one.
    pub references: Vec<NamedReference>,
    /// What is printed.
    pub printed: PrintedReferences,
    /// In which format.
    pub format: ReferenceFormat,
    /// The kind of standard output.
    pub stdout: Stdout,
}

/// What is printed of references.
#[derive(Clone, Debug)]
pub enum PrintedReferences {
    /// What they stand for, read in this way.
    Values(ReferenceReader),
    /// What they mean and what they need, with these roles.
    Explanation(Box<ReferenceRoles>),
}

/// How references are printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReferenceFormat {
    /// The values as they are, one a line.
    Text,
    /// One object.
    Json,
}

impl Command for Resolve {
    const NAME: &'static [Word] = &[("resolve", "Print what references to secrets stand for")];
    const DETAILS: &'static str = "\
Reads secrets of AWS Secrets Manager and parameters of the Parameter Store by references: sm://NAME#KEY, ssm:///PATH, {{resolve:SERVICE:NAME}} of CloudFormation, and ARNs as ECS takes them. Prints nothing unless all of them are resolved.";
    const EXAMPLES: &'static str = "\
roles-anywhere resolve 'sm://prod/db-credentials#password'
roles-anywhere resolve 'sm://prod/db-credentials#*' ssm:///prod/api-url
roles-anywhere resolve --explain 'sm://prod/db-credentials#password'";
    const DOCS: &'static [&'static str] = &["references.md", "cache.md", "errors.md"];
    const OPTIONS: &'static OptionGroups =
        &[plan::RESOLVE, table::served::SERVED, table::session_groups::ONE_SESSION];
    const REQUIRED: &'static [&'static OptionSpec] = references::REQUIRED;
    const ROLES: RoleUse = RoleUse::OneUnlessGiven { option: &table::served::SECRETS_URL };

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        plan::plan(settings).map_err(|error| references::with_all_missing(settings, error))
    }
}

impl Plan for Resolve {
    fn run(&self, app: &App) -> Result<Outcome, Error> {
        match &self.printed {
            PrintedReferences::Explanation(roles) => {
                Ok(explanation::render(self, roles, app)?.into())
            }
            PrintedReferences::Values(reader) => {
                let resolved = app.read_references(reader, &self.references)?;
                Ok(values::render(self, &resolved)?.into())
            }
        }
    }
}
