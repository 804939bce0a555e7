//! `secret rotate`: replaces an access key, a password or any other value in a secret, without a
//! Lambda function.

mod options;
mod plan;

use crate::app::App;
use crate::app::rotation::RotatedSecret;
use crate::app::session::SessionClient;
use crate::command::{Command, Plan, SECRET};
use crate::options::arguments::OptionGroups;
use crate::options::command_line::Word;
use crate::options::roles::RoleUse;
use crate::options::session_plan::SessionPlan;
use crate::options::settings::Settings;
use crate::options::table::{self, OptionSpec};
use crate::output::Outcome;
use crate::output::error::Error;
use crate::output::log::LogFormat;
use crate::output::usage::UsageError;
use crate::rotation::RotationSettings;

/// The plan of `secret rotate`.
#[derive(Clone, Debug)]
pub struct SecretRotatePlan {
    /// The session.
    pub session: SessionPlan,
    /// The secret, and where AWS's services are.
    pub secret: RotatedSecret,
    /// What to do.
    pub settings: RotationSettings,
    /// Whether it is only said what would be done.
    pub effect: Effect,
    /// The format of the log.
    pub log_format: LogFormat,
}

/// Whether a run changes anything.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Effect {
    /// It rotates or aborts.
    Change,
    /// It prints what it would do.
    DryRun,
}

impl Command for SecretRotatePlan {
    const NAME: &'static [Word] =
        &[SECRET, ("rotate", "Rotate an access key or a password in a secret")];
    const DETAILS: &'static str = "\
Makes a new value, stores it as the pending version, sets and tests it, and then makes it the current version. \
An interrupted run is continued by the next one. Old access keys are deactivated and deleted by later runs. \
`--dry-run` prints the steps, and the actions that the role must allow.";
    const EXAMPLES: &'static str = "\
roles-anywhere secret rotate prod/access-key --if-older-than 30d \\
    --strategy iam-access-key --iam-with role
roles-anywhere secret rotate prod/db --strategy random-password \\
    --key password --set ./set.sh --test ./test.sh";
    const DOCS: &'static [&'static str] = &["rotation.md", "secrets.md", "errors.md"];
    const OPTIONS: &'static OptionGroups =
        &[options::SECRET_ROTATE, table::session_groups::ONE_SESSION];
    const REQUIRED: &'static [&'static OptionSpec] = options::REQUIRED;
    const ROLES: RoleUse = RoleUse::One;

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        plan::plan(settings)
    }
}

impl Plan for SecretRotatePlan {
    fn run(&self, app: &App) -> Result<Outcome, Error> {
        let client = SessionClient::open(app, &self.session);
        if self.effect == Effect::DryRun {
            return Ok(app.plan_rotation(&client, &self.secret, &self.settings)?.into());
        }
        let ending = app.rotate(&client, &self.secret, &self.settings, self.log_format)?;
        Ok(ending.text(&self.settings.secret).into())
    }

    fn log_format(&self) -> LogFormat {
        self.log_format
    }
}
