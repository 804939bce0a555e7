//! The values of options: from the flag, else from a variable, else from the role in the configuration
//! file, else the default.

mod owned;

use std::sync::Arc;

use clap::ArgMatches;

use crate::config::{ArrayTable, Config, FileValue, RoleLayers, TableName};
use crate::options::arguments::{all_typed, typed};
use crate::options::command_line::CommandSpec;
use crate::options::table::{
    DefaultValue, EmptyValue, OptionSpec, Origin, Syntax, ValueType, session,
};
use crate::output::Stdout;
use crate::output::usage::UsageError;
use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::region::Region;
use roles_anywhere_client::text::disclosure::{
    DisplayValue, KeyMaterialKind, PathExists, is_new_name, shown, shown_flag,
};
use roles_anywhere_client::text::path;

pub use owned::OwnedSettings;

/// What was typed, and the environment and the configuration file behind it.
#[derive(Clone, Copy)]
pub struct Settings<'a> {
    /// The name that the program is called by.
    pub program: &'a str,
    /// What was typed for the command.
    pub typed: &'a ArgMatches,
    /// The environment.
    pub environment: &'a Environment,
    /// The commands of the program.
    pub commands: &'a [CommandSpec],
    /// The kind of standard output.
    pub stdout: Stdout,
    /// Tells whether a value is an existing path, which an error may show.
    pub paths: PathExists<'a>,
    /// The names of the ignored variables that Kubernetes set for a Service named `roles-anywhere`.
    pub ignored: &'a [String],
    /// The values of the role that is used; `None` if nothing of a configuration file applies, or
    /// before one of several roles is chosen with [`Settings::of_role`].
    pub layers: Option<RoleLayers<'a>>,
    /// The roles that are used.
    pub roles: &'a [RoleLayers<'a>],
    /// Whether the command line or the variable names them.
    pub are_roles_named: bool,
    /// The role that is used if none is named.
    pub default_role: Option<&'a TableName>,
    /// The configuration file, if it applies.
    pub config: Option<&'a Arc<Config>>,
}

/// The value of an option and its origin.
#[derive(Clone, Debug)]
pub struct Setting<'a> {
    /// Its origin.
    pub origin: Origin,
    /// The value.
    pub value: &'a str,
    paths: PathExists<'a>,
}

impl<'a> Settings<'a> {
    /// Returns the value of an option, without a default. Another flag in its place is refused.
    pub fn text(&self, option: &'static OptionSpec) -> Result<Option<Setting<'a>>, UsageError> {
        match self.typed_or_variable(option)? {
            Some(setting) => Ok(Some(setting)),
            None => self.in_file(option),
        }
    }

    /// As [`Settings::text`], without the configuration file.
    pub fn typed_or_variable(
        &self,
        option: &'static OptionSpec,
    ) -> Result<Option<Setting<'a>>, UsageError> {
        match self.flag(option)? {
            Some(setting) => setting.unless_flag().map(Some),
            None => self.variable(option),
        }
    }

    /// Returns the settings of one role.
    #[must_use]
    pub fn of_role(&self, layers: RoleLayers<'a>) -> Self {
        Self { layers: Some(layers), ..*self }
    }

    /// Returns the settings of each role that is used; without a configuration file, these settings.
    pub fn each_role(&self) -> Vec<Self> {
        match self.roles {
            [] => vec![*self],
            roles => roles.iter().map(|layers| self.of_role(*layers)).collect(),
        }
    }

    /// Returns where the value of an option is in the configuration file, else its flag: how an error
    /// names one of two values that do not go together.
    pub fn origin(&self, option: &'static OptionSpec) -> Origin {
        match self.text(option) {
            Ok(Some(Setting { origin: origin @ Origin::File(..), .. })) => origin,
            _ => Origin::Flag(option),
        }
    }

    /// Returns the value of an option in the configuration file.
    pub fn in_file(&self, option: &'static OptionSpec) -> Result<Option<Setting<'a>>, UsageError> {
        let value = self.layers.as_ref().and_then(|layers| layers.value(option));
        value.map(|value| self.of_file(option, value)).transpose()
    }

    /// Returns the value of a key of an element of `assume` or `fallback`.
    pub fn in_table(
        &self,
        table: &'a ArrayTable,
        option: &'static OptionSpec,
    ) -> Result<Option<Setting<'a>>, UsageError> {
        table.value(option).map(|value| self.of_file(option, value)).transpose()
    }

    /// Returns a value of the configuration file as that of an option.
    pub fn of_file(
        &self,
        option: &'static OptionSpec,
        FileValue { value, location }: FileValue<'a>,
    ) -> Result<Setting<'a>, UsageError> {
        self.setting(Origin::File(option, Arc::clone(location)), value)
    }

    /// Returns the value of an option, or its default. An option without a default is required.
    pub fn required(&self, option: &'static OptionSpec) -> Result<Setting<'a>, UsageError> {
        match self.text(option)? {
            Some(setting) => Ok(setting),
            None => self.default(option),
        }
    }

    /// Returns whether a boolean option is on.
    pub fn is_on(&self, option: &'static OptionSpec) -> Result<bool, UsageError> {
        self.text(option)?.map_or(Ok(false), |setting| setting.boolean())
    }

    /// Returns where a boolean option is turned on, if it is.
    pub fn switched_on(&self, option: &'static OptionSpec) -> Result<Option<Origin>, UsageError> {
        let Some(setting) = self.text(option)? else { return Ok(None) };
        Ok(setting.boolean()?.then_some(setting.origin))
    }

    /// Returns the value that was typed for an option, which the command must have.
    pub fn flag(&self, option: &'static OptionSpec) -> Result<Option<Setting<'a>>, UsageError> {
        let Some(value) = typed(self.typed, option) else { return Ok(None) };
        let setting = self.setting(Origin::Flag(option), value)?;
        match option.empty_value {
            EmptyValue::Refused(expected) if value.is_empty() => Err(setting.refuse(expected)),
            EmptyValue::NotGiven if value.is_empty() => Ok(None),
            EmptyValue::Refused(_) | EmptyValue::NotGiven => Ok(Some(setting)),
        }
    }

    /// Returns the value that was typed for an option, or its default.
    pub fn flag_or_default(&self, option: &'static OptionSpec) -> Result<Setting<'a>, UsageError> {
        self.flag(option)?.map_or_else(|| self.default(option), Ok)
    }

    /// Returns the values of an option that may be repeated. In its variable they are separated by
    /// spaces.
    pub fn all(&self, option: &'static OptionSpec) -> Result<Vec<Setting<'a>>, UsageError> {
        let mut given = Vec::new();
        for value in all_typed(self.typed, option) {
            let setting = self.setting(Origin::Flag(option), value)?;
            match option.empty_value {
                EmptyValue::Refused(expected) if value.is_empty() => {
                    return Err(setting.refuse(expected));
                }
                EmptyValue::NotGiven if value.is_empty() => {}
                EmptyValue::Refused(_) | EmptyValue::NotGiven => given.push(setting),
            }
        }
        match (given.is_empty(), self.variable(option)?) {
            (true, Some(setting)) => {
                let values = setting.value.split_whitespace();
                values.map(|value| self.setting(setting.origin.clone(), value)).collect()
            }
            _ => Ok(given),
        }
    }

    /// Returns the first variable of an option that is set; an empty one counts as not set.
    pub fn variable(&self, option: &'static OptionSpec) -> Result<Option<Setting<'a>>, UsageError> {
        for name in option.variables() {
            if let Some(value) = self.environment.get(name) {
                return self.setting(Origin::Variable(option, name), value).map(Some);
            }
        }
        Ok(None)
    }

    /// Returns `--region`.
    pub fn region(&self) -> Result<Option<Region>, UsageError> {
        let Some(setting) = self.text(&session::REGION)? else { return Ok(None) };
        let region = Region::parse(setting.value);
        region.map(Some).ok_or_else(|| setting.refuse("a Region such as `eu-central-1`"))
    }

    /// Returns the value that an option has if it is not given.
    pub fn default(&self, option: &'static OptionSpec) -> Result<Setting<'a>, UsageError> {
        match option.default {
            DefaultValue::Value(value) => self.setting(Origin::Default(option), value),
            DefaultValue::None | DefaultValue::Described(_) => Err(self.missing(&[option])),
        }
    }

    /// Returns the error for `required` options of which at least one is not given: it names all that
    /// are not, and which of their flags and variables are empty.
    pub fn missing(&self, required: &[&'static OptionSpec]) -> UsageError {
        let is_typed = |option: &OptionSpec| option.syntax != Syntax::None;
        let is_missing = |option: &&'static OptionSpec| {
            let given = if is_typed(option) { self.text(option) } else { self.variable(option) };
            matches!(given, Ok(None))
        };
        let options: Vec<_> = required.iter().copied().filter(is_missing).collect();
        let mut empty = Vec::new();
        for option in &options {
            if is_typed(option) && typed(self.typed, option).is_some() {
                empty.push(option.name);
            }
            empty.extend(option.variables().filter(|name| self.environment.is_empty(name)));
        }
        // What is not of a role is missing on the command line.
        let is_of_role =
            options.iter().all(|option| is_typed(option) && option.heading.is_of_role());
        let layers = self.layers.filter(|_| is_of_role);
        let role = layers.map(|layers| Arc::clone(layers.role().location()));
        UsageError::Missing { options, empty, role }
    }

    /// Returns a value of an option. Refuses key material in place of a file name.
    pub fn setting(&self, origin: Origin, value: &'a str) -> Result<Setting<'a>, UsageError> {
        let value_type = origin.option().value_type;
        if !path::is_utf8(value) && !value_type.is_path() {
            return Err(UsageError::NotUtf8(origin.to_string()));
        }
        match (KeyMaterialKind::of(value), value_type) {
            // These options take a secret itself, and their values are never shown.
            (None, _) | (Some(_), ValueType::Password | ValueType::Assignment) => {
                Ok(Setting { origin, value, paths: self.paths })
            }
            (Some(contents), ValueType::Source) if value.starts_with("env:") => {
                Err(UsageError::KeyMaterialForName { origin, contents })
            }
            (Some(contents), _) => Err(UsageError::KeyMaterial { origin, contents }),
        }
    }
}

impl<'a> Setting<'a> {
    /// Returns a setting of the same origin.
    pub fn with_value<'b>(self, value: &'b str) -> Setting<'b>
    where
        'a: 'b,
    {
        Setting { origin: self.origin, value, paths: self.paths }
    }

    /// Returns the value as a message may hold it.
    pub fn shown(&self) -> DisplayValue {
        if self.value.is_empty() {
            return DisplayValue::Value(String::new());
        }
        shown(self.value, self.origin.option().sensitivity, || self.paths.exists(self.value))
    }

    /// Refuses the value, as `expected` is what it takes.
    pub fn refuse(&self, expected: &'static str) -> UsageError {
        UsageError::Value { origin: self.origin.clone(), value: self.shown(), expected }
    }

    /// Refuses the value without quoting it, as `expected` is what it takes.
    pub fn refuse_hidden(&self, expected: &'static str) -> UsageError {
        let value = DisplayValue::Hidden(None);
        UsageError::Value { origin: self.origin.clone(), value, expected }
    }

    /// Reads what Go's `strconv.ParseBool` reads, in any case.
    pub fn boolean(&self) -> Result<bool, UsageError> {
        match self.value.to_ascii_lowercase().as_str() {
            "1" | "t" | "true" => Ok(true),
            "0" | "f" | "false" => Ok(false),
            // A password is easily typed here by mistake: `--help` lists these options below those of
            // the password.
            _ => Err(self.refuse_hidden("`true` or `false`")),
        }
    }

    /// Refuses a path that a shell would have expanded: it would be created under that very name.
    pub fn expanded(self) -> Result<Self, UsageError> {
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
    pub fn creatable(self) -> Result<Self, UsageError> {
        let this = self.expanded()?;
        match is_new_name(this.value, this.paths) {
            true => Ok(this),
            false => Err(UsageError::NoSuchPath { origin: this.origin }),
        }
    }

    /// As [`Setting::creatable`], for a file: a slash at the end means a directory.
    pub fn creatable_file(self) -> Result<Self, UsageError> {
        let setting = self.creatable()?;
        match setting.value.ends_with('/') || setting.value.ends_with("/.") {
            true => Err(setting.refuse("the path of a file")),
            false => Ok(setting),
        }
    }

    /// Refuses a flag for a value.
    pub fn unless_flag(self) -> Result<Self, UsageError> {
        if !self.value.starts_with("--") {
            return Ok(self);
        }
        let value = shown_flag(self.value, self.origin.option().sensitivity);
        Err(UsageError::FlagAsValue { origin: self.origin, value })
    }
}
