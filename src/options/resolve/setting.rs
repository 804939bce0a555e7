//! The value of an option: from its flag, else from its environment variable.

use crate::options::SessionArgs;
use crate::output::usage::UsageError;
use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::region::Region;
use roles_anywhere_client::text::disclosure::{
    DisplayValue, KeyMaterialKind, PathExists, Sensitivity, is_new_name, option_of, shown,
    shown_flag,
};
use roles_anywhere_client::text::path;

/// The flags of a session and the environment behind them.
#[derive(Clone, Copy)]
pub(super) struct Settings<'a> {
    pub(super) args: &'a SessionArgs,
    pub(super) environment: &'a Environment,
    pub(super) paths: PathExists<'a>,
}

/// The value of an option, and the flag or variable that it comes from.
#[derive(Clone)]
pub(super) struct Setting<'a> {
    pub(super) origin: String,
    pub(super) value: String,
    paths: PathExists<'a>,
}

impl<'a> Setting<'a> {
    /// Returns the value of an option. Refuses key material in place of a file name.
    pub(super) fn new(
        origin: impl Into<String>,
        value: impl Into<String>,
        paths: PathExists<'a>,
    ) -> Result<Self, UsageError> {
        let setting = Self { origin: origin.into(), value: value.into(), paths };
        if !path::is_utf8(&setting.value) && !is_path(&setting.origin) {
            return Err(UsageError::NotUtf8(setting.origin));
        }
        match KeyMaterialKind::of(&setting.value) {
            // This option takes the password itself, and its value is never shown.
            Some(_) if setting.is_password() => Ok(setting),
            Some(contents) if setting.is_source() && setting.value.starts_with("env:") => {
                Err(UsageError::ContentsForName { origin: setting.origin, contents })
            }
            Some(contents) => Err(UsageError::Contents { origin: setting.origin, contents }),
            None => Ok(setting),
        }
    }

    /// Returns whether it takes `env:NAME`.
    fn is_source(&self) -> bool {
        matches!(&*option_of(&self.origin), "private-key" | "certificate" | "intermediates")
    }

    fn is_password(&self) -> bool {
        ["--pkcs8-password", "ROLES_ANYWHERE_PKCS8_PASSWORD"].contains(&&*self.origin)
    }

    /// Returns the value as a message may hold it.
    pub(super) fn shown(&self) -> DisplayValue {
        shown(&self.value, Sensitivity::of(&self.origin), || self.paths.exists(&self.value))
    }

    /// Refuses the value, as `expected` is what it takes.
    pub(super) fn refuse(self, expected: &'static str) -> UsageError {
        let value = self.shown();
        UsageError::Value { origin: self.origin, value, expected }
    }

    /// Refuses the value without quoting it, as `expected` is what it takes.
    pub(super) fn refuse_hidden(self, expected: &'static str) -> UsageError {
        UsageError::InvalidHidden { origin: self.origin, expected }
    }

    /// Refuses a path that a shell would have expanded: it would be created under that very name.
    pub(super) fn expanded(self) -> Result<Self, UsageError> {
        let mut characters = self.value.chars();
        let prefix = match (characters.next(), characters.next()) {
            (Some('~'), _) => '~',
            (Some('$'), Some('{' | '(' | '_' | 'a'..='z' | 'A'..='Z')) => '$',
            _ => return Ok(self),
        };
        Err(UsageError::Unexpanded { origin: self.origin, prefix })
    }

    /// Refuses what may be a key as the name of a file or a directory that is to be created, and
    /// what a shell would have expanded.
    pub(super) fn creatable(self) -> Result<Self, UsageError> {
        let this = self.expanded()?;
        match is_new_name(&this.value, this.paths) {
            true => Ok(this),
            false => Err(UsageError::NoName { origin: this.origin }),
        }
    }

    /// As [`Setting::creatable`], for a file: a slash at the end means a directory.
    pub(super) fn creatable_file(self) -> Result<Self, UsageError> {
        let setting = self.creatable()?;
        match setting.value.ends_with('/') || setting.value.ends_with("/.") {
            true => Err(setting.refuse("the path of a file")),
            false => Ok(setting),
        }
    }

    /// Refuses a flag for a value.
    pub(super) fn unless_flag(self) -> Result<Self, UsageError> {
        if !self.value.starts_with("--") {
            return Ok(self);
        }
        let value = shown_flag(&self.value, Sensitivity::of(&self.origin));
        Err(UsageError::FlagAsValue { origin: self.origin, value })
    }
}

impl<'a> Settings<'a> {
    /// Returns the option named `name`, e.g. `role-arn`; an empty value counts as not given.
    pub(super) fn text(
        &self,
        name: &str,
        field: impl Fn(&'a SessionArgs) -> &'a Option<String>,
    ) -> Result<Option<Setting<'a>>, UsageError> {
        self.given(name, field(self.args))
    }

    /// Returns the option named `name` of a command's own arguments; an empty value counts as not given.
    pub(super) fn given(
        &self,
        name: &str,
        value: &Option<String>,
    ) -> Result<Option<Setting<'a>>, UsageError> {
        if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
            return self.setting(format!("--{name}"), value)?.unless_flag().map(Some);
        }
        self.variable(&variable(name))
    }

    /// Returns the option named `name`, which is required.
    pub(super) fn required(
        &self,
        name: &'static str,
        field: impl Fn(&'a SessionArgs) -> &'a Option<String>,
    ) -> Result<Setting<'a>, UsageError> {
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
        let setting = match self.text(name, field)? {
            Some(setting) => Some(setting),
            None => self.variable(aws_variable)?,
        };
        setting.map_or(Ok(None), switched_on)
    }

    /// Returns whether the boolean option named `name` of a command's own arguments is on.
    pub(super) fn switch(&self, name: &str, value: &Option<String>) -> Result<bool, UsageError> {
        self.given(name, value)?.map_or(Ok(false), boolean)
    }

    /// Returns what turns the boolean option named `name` of a command's own arguments on.
    pub(super) fn switch_origin(
        &self,
        name: &str,
        value: &Option<String>,
    ) -> Result<Option<String>, UsageError> {
        self.given(name, value)?.map_or(Ok(None), switched_on)
    }

    /// Returns an environment variable; an empty one counts as not set.
    pub(super) fn variable(&self, name: &str) -> Result<Option<Setting<'a>>, UsageError> {
        self.environment.get(name).map(|value| self.setting(name, value)).transpose()
    }

    /// Returns the first of several environment variables.
    pub(super) fn first_variable(
        &self,
        names: &[&'static str],
    ) -> Result<Option<(&'static str, Setting<'a>)>, UsageError> {
        for name in names {
            if let Some(setting) = self.variable(name)? {
                return Ok(Some((name, setting)));
            }
        }
        Ok(None)
    }

    /// Returns the value of an option.
    pub(super) fn setting(
        &self,
        origin: impl Into<String>,
        value: &str,
    ) -> Result<Setting<'a>, UsageError> {
        Setting::new(origin, value, self.paths)
    }

    /// Returns `--region`.
    pub(super) fn region(&self) -> Result<Option<Region>, UsageError> {
        let Some(setting) = self.text("region", |args| &args.region)? else { return Ok(None) };
        let region = Region::parse(&setting.value);
        region.map(Some).ok_or_else(|| setting.refuse("a Region such as `eu-central-1`"))
    }
}

/// The options that take a path, which may be any bytes.
const PATHS: [&str; 9] = [
    "certificate",
    "private-key",
    "intermediates",
    "key-password-file",
    "ca-bundle",
    "out",
    "cache-dir",
    "credentials-file",
    "token-file",
];

/// Returns whether the value of a flag or a variable is a path.
pub(super) fn is_path(origin: &str) -> bool {
    const SHARED: [&str; 7] = [
        "AWS_CA_BUNDLE",
        "SSL_CERT_FILE",
        "CREDENTIALS_DIRECTORY",
        "RUNTIME_DIRECTORY",
        "XDG_RUNTIME_DIR",
        "AWS_SHARED_CREDENTIALS_FILE",
        "HOME",
    ];
    match origin.strip_prefix("--") {
        Some(option) => PATHS.contains(&option),
        None => SHARED.contains(&origin) || PATHS.iter().any(|option| variable(option) == origin),
    }
}

/// Returns the variable of an option: `ROLES_ANYWHERE_ROLE_ARN` for `role-arn`.
pub(super) fn variable(name: &str) -> String {
    format!("ROLES_ANYWHERE_{}", name.to_ascii_uppercase().replace('-', "_"))
}

/// Returns the flag or variable of a boolean option if it is on.
fn switched_on(setting: Setting<'_>) -> Result<Option<String>, UsageError> {
    let origin = setting.origin.clone();
    Ok(boolean(setting)?.then_some(origin))
}

/// Reads what Go's `strconv.ParseBool` reads, in any case.
pub(super) fn boolean(setting: Setting<'_>) -> Result<bool, UsageError> {
    match setting.value.to_ascii_lowercase().as_str() {
        "1" | "t" | "true" => Ok(true),
        "0" | "f" | "false" => Ok(false),
        // A password is easily typed here by mistake: `--help` lists these options below those of the
        // password.
        _ => Err(setting.refuse_hidden("`true` or `false`")),
    }
}
