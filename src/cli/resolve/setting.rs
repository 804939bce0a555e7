//! One option from its flag, else from its environment variable.

use crate::cli::SessionArgs;
use crate::region::Region;
use crate::usage::UsageError;
use crate::world::Environment;

/// The flags of a session and the environment behind them.
#[derive(Clone, Copy)]
pub(super) struct Settings<'a> {
    pub(super) args: &'a SessionArgs,
    pub(super) environment: &'a Environment,
}

/// A value, and the flag or variable that it came from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Setting {
    pub(super) origin: String,
    pub(super) value: String,
}

impl Setting {
    /// Refuses the value, since `wanted` was wanted.
    pub(super) fn refuse(self, wanted: &'static str) -> UsageError {
        UsageError::Value { origin: self.origin, value: self.value, wanted }
    }
}

impl<'a> Settings<'a> {
    /// Returns the option named `name`, e.g. `role-arn`; an empty value is none.
    pub(super) fn text(
        &self,
        name: &str,
        field: impl Fn(&'a SessionArgs) -> &'a Option<String>,
    ) -> Result<Option<Setting>, UsageError> {
        self.given(name, field(self.args))
    }

    /// Returns the option named `name` of a command's own arguments; an empty value is none.
    pub(super) fn given(
        &self,
        name: &str,
        value: &Option<String>,
    ) -> Result<Option<Setting>, UsageError> {
        if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
            let origin = format!("--{name}");
            if value.starts_with("--") {
                return Err(UsageError::FlagAsValue { origin, value: value.clone() });
            }
            return Ok(Some(Setting { origin, value: value.clone() }));
        }
        let variable = variable(name);
        let value = self.environment.get(&variable).map(str::to_owned);
        Ok(value.map(|value| Setting { origin: variable, value }))
    }

    /// Returns the option named `name`, which has to be there.
    pub(super) fn required(
        &self,
        name: &'static str,
        field: impl Fn(&'a SessionArgs) -> &'a Option<String>,
    ) -> Result<Setting, UsageError> {
        let flag = name.strip_prefix("--").unwrap_or(name);
        self.text(flag, field)?
            .ok_or_else(|| UsageError::Missing { flag: name, variable: variable(flag) })
    }

    /// Returns whether the boolean option named `name` is on.
    pub(super) fn flag(
        &self,
        name: &str,
        field: impl Fn(&'a SessionArgs) -> &'a Option<String>,
    ) -> Result<bool, UsageError> {
        self.text(name, field)?.map_or(Ok(false), boolean)
    }

    /// Returns what turns the boolean option named `name` on, AWS's own variable coming last.
    pub(super) fn flag_or(
        &self,
        name: &str,
        field: impl Fn(&'a SessionArgs) -> &'a Option<String>,
        aws_variable: &str,
    ) -> Result<Option<String>, UsageError> {
        let setting = self.text(name, field)?.or_else(|| self.variable(aws_variable));
        let Some(setting) = setting else { return Ok(None) };
        let origin = setting.origin.clone();
        Ok(boolean(setting)?.then_some(origin))
    }

    /// Returns an environment variable that is not one of ours.
    pub(super) fn variable(&self, name: &str) -> Option<Setting> {
        let value = self.environment.get(name)?;
        Some(Setting { origin: name.to_owned(), value: value.to_owned() })
    }

    /// Returns `--region`.
    pub(super) fn region(&self) -> Result<Option<Region>, UsageError> {
        let Some(setting) = self.text("region", |args| &args.region)? else { return Ok(None) };
        let region = Region::parse(&setting.value);
        region.map(Some).ok_or_else(|| setting.refuse("a Region such as `eu-central-1`"))
    }
}

/// Returns the variable of an option: `ROLES_ANYWHERE_ROLE_ARN` for `role-arn`.
pub(super) fn variable(name: &str) -> String {
    format!("ROLES_ANYWHERE_{}", name.to_ascii_uppercase().replace('-', "_"))
}

/// Reads what Go's `strconv.ParseBool` reads, in any case.
pub(super) fn boolean(setting: Setting) -> Result<bool, UsageError> {
    match setting.value.to_ascii_lowercase().as_str() {
        "1" | "t" | "true" => Ok(true),
        "0" | "f" | "false" => Ok(false),
        _ => Err(setting.refuse("`true`, `false`, `1` or `0`")),
    }
}
