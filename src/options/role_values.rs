//! The values that a command line uses and their origins: what `config show` prints.

use std::sync::Arc;

use crate::config::{FileValue, KeyType, TableKind, TableName};
use crate::options::role_chain::{self, HopSettings};
use crate::options::settings::{Setting, Settings};
use crate::options::table::access_key::{FROM_SECRET, REFRESH_AFTER};
use crate::options::table::config_file::{
    ASSUME, FALLBACK, HOP_EXTERNAL_ID, HOP_POLICY, HOP_ROLE_ARN, HOP_ROLE_SESSION_NAME,
    HOP_SESSION_DURATION, HOP_TAGS, HOP_TRANSITIVE_TAGS, IDENTITY_NAME, ROLE_AWS_PROFILE,
};
use crate::options::table::identity::{
    KEY_PASSWORD_ENV, KEY_PASSWORD_FD, KEY_PASSWORD_FILE, PKCS8_PASSWORD,
};
use crate::options::table::session::{ENDPOINT, PROFILE_ARN, TRUST_ANCHOR_ARN};
use crate::options::table::transport::PROXY;
use crate::options::table::{DefaultValue, KeyLocation, OptionSpec, Origin};
use crate::options::{fallback, identity, session, transport};
use crate::output::usage::UsageError;
use roles_anywhere_client::text::disclosure::{Sensitivity, may_be_repeated};

/// The values of one role, or of a command line without one. What may be a secret is not in there.
#[derive(Clone, Debug)]
pub struct RoleValues {
    /// The role; `None` if nothing of a configuration file applies.
    pub role: Option<(TableName, Arc<KeyLocation>)>,
    /// The values in the order of the documentation, without those that are not given and have no
    /// default.
    pub values: Vec<OptionValue>,
}

/// A value and its origin.
#[derive(Clone, Debug)]
pub struct OptionValue {
    /// Its option.
    pub option: &'static OptionSpec,
    /// Its origin.
    pub origin: Origin,
    /// The value.
    pub content: ValueContent,
}

/// A value as it may be shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ValueContent {
    /// A text.
    Text(String),
    /// An integer.
    Integer(u64),
    /// `true` or `false`.
    Boolean(bool),
    /// Texts.
    Texts(Vec<Self>),
    /// Texts by their names.
    TextTable(Vec<(String, Self)>),
    /// A value that may be a secret.
    Hidden,
    /// What a default that is found out is, in the words of the help.
    Described(&'static str),
    /// Tables of values.
    Tables(Vec<Vec<OptionValue>>),
    /// The variables of a program.
    Variables(Vec<VariableValue>),
}

/// The value of a variable of a program, and its origin.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VariableValue {
    /// The name of the variable.
    pub name: String,
    /// The origin.
    pub origin: Origin,
    /// The value.
    pub content: ValueContent,
}

impl PartialEq for OptionValue {
    fn eq(&self, other: &Self) -> bool {
        (self.option, &self.origin, &self.content) == (other.option, &other.origin, &other.content)
    }
}

impl Eq for OptionValue {}

impl RoleValues {
    /// Returns the values of the roles that are used, else those of the command line.
    pub fn of_all(settings: &Settings<'_>) -> Result<Vec<Self>, UsageError> {
        match settings.roles {
            [] => Ok(vec![Self::of(settings)?]),
            roles => roles.iter().map(|layers| Self::of(&settings.of_role(*layers))).collect(),
        }
    }

    fn of(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let rows = TableKind::Identity.keys().chain([&PKCS8_PASSWORD]);
        let rows = rows.chain(TableKind::Role.keys());
        let values = rows.map(|option| value(settings, option));
        let values = values.filter_map(Result::transpose).collect::<Result<_, _>>()?;
        let role = settings.layers.map(|layers| layers.role());
        let role = role.map(|role| (role.name().clone(), Arc::clone(role.location())));
        Ok(Self { role, values })
    }
}

/// The options that a command which shows values has no flags for.
const IN_FILE_ONLY: &[&OptionSpec] = &[&ROLE_AWS_PROFILE, &FROM_SECRET, &REFRESH_AFTER];

/// Returns the value of an option, or its default.
fn value(
    settings: &Settings<'_>,
    option: &'static OptionSpec,
) -> Result<Option<OptionValue>, UsageError> {
    let is = |other: &'static OptionSpec| option == other;
    if is(&ASSUME) {
        return hops(settings);
    }
    if is(&FALLBACK) {
        return fallbacks(settings);
    }
    if is(&IDENTITY_NAME) {
        return Ok(identity_name(settings));
    }
    if is(&REFRESH_AFTER) && settings.in_file(&FROM_SECRET)?.is_none() {
        return Ok(None);
    }
    let setting = match option {
        option if IN_FILE_ONLY.contains(&option) => settings.in_file(option)?,
        option if *option == ENDPOINT => session::endpoint_setting(settings)?,
        option if *option == PROXY => transport::proxy_setting(settings)?,
        option => match password_index(option) {
            Some(index) => identity::password_settings(settings)?[index].take(),
            None => settings.text(option)?,
        },
    };
    if let Some(setting) = setting {
        let content = content(settings, option, &setting);
        return Ok(Some(OptionValue { option, origin: setting.origin, content }));
    }
    Ok(default_value(option))
}

/// Returns the default of an option.
pub(super) fn default_value(option: &'static OptionSpec) -> Option<OptionValue> {
    let origin = Origin::Default(option);
    match option.default {
        DefaultValue::None => None,
        DefaultValue::Value(value) => {
            Some(OptionValue { option, origin, content: typed(option, value.to_owned()) })
        }
        DefaultValue::Described(words) => {
            Some(OptionValue { option, origin, content: ValueContent::Described(words) })
        }
    }
}

/// Returns where an option is in [`identity::password_settings`].
fn password_index(option: &'static OptionSpec) -> Option<usize> {
    let all = [&KEY_PASSWORD_FILE, &KEY_PASSWORD_ENV, &KEY_PASSWORD_FD, &PKCS8_PASSWORD];
    all.into_iter().position(|row| *row == *option)
}

/// Returns the identity of the role: the one that it names, else the only one.
fn identity_name(settings: &Settings<'_>) -> Option<OptionValue> {
    let layers = settings.layers?;
    let identity = layers.identity()?;
    let content = ValueContent::Text(identity.name().to_string());
    let named = layers.value(&IDENTITY_NAME);
    let origin = match named {
        Some(FileValue { location, .. }) => Origin::File(&IDENTITY_NAME, Arc::clone(location)),
        None => Origin::Default(&IDENTITY_NAME),
    };
    Some(OptionValue { option: &IDENTITY_NAME, origin, content })
}

fn fallbacks(settings: &Settings<'_>) -> Result<Option<OptionValue>, UsageError> {
    let fallbacks = fallback::of_role(settings)?;
    let tables = fallbacks.into_iter().map(|it| {
        let required = [(&TRUST_ANCHOR_ARN, it.trust_anchor), (&PROFILE_ARN, it.profile)];
        let all = required.into_iter().chain(it.endpoint.map(|setting| (&ENDPOINT, setting)));
        let of = |(option, setting): (&'static OptionSpec, Setting<'_>)| OptionValue {
            option,
            content: content(settings, option, &setting),
            origin: setting.origin,
        };
        all.map(of).collect()
    });
    Ok(of_tables(&FALLBACK, tables.collect()))
}

fn hops(settings: &Settings<'_>) -> Result<Option<OptionValue>, UsageError> {
    let hops = role_chain::hop_settings(settings)?;
    let tables = hops.into_iter().map(|hop| hop_values(settings, hop)).collect();
    Ok(of_tables(&ASSUME, tables))
}

/// Returns tables, with the origin of the first value in there.
fn of_tables(option: &'static OptionSpec, tables: Vec<Vec<OptionValue>>) -> Option<OptionValue> {
    let origin = tables.iter().flatten().next()?.origin.clone();
    Some(OptionValue { option, origin, content: ValueContent::Tables(tables) })
}

fn hop_values(settings: &Settings<'_>, hop: HopSettings<'_>) -> Vec<OptionValue> {
    let of = |option, setting: &Setting<'_>| content(settings, option, setting);
    let mut values = Vec::new();
    let texts = [
        (&HOP_ROLE_ARN, Some(hop.role)),
        (&HOP_EXTERNAL_ID, hop.external_id),
        (&HOP_ROLE_SESSION_NAME, hop.session_name),
        (&HOP_SESSION_DURATION, hop.duration),
        (&HOP_POLICY, hop.policy),
    ];
    for (option, setting) in texts {
        let Some(setting) = setting else { continue };
        let content = of(option, &setting);
        values.push(OptionValue { option, origin: setting.origin, content });
    }
    if let Some((_, Setting { origin, .. })) = hop.tags.first() {
        let tags = hop.tags.iter().map(|(name, value)| ((*name).to_owned(), of(&HOP_TAGS, value)));
        let tags: Vec<(String, ValueContent)> = tags.collect();
        let is_shown = |(name, value): &(String, ValueContent)| {
            may_be_repeated(name) && *value != ValueContent::Hidden
        };
        let content = match tags.iter().all(is_shown) {
            true => ValueContent::TextTable(tags),
            false => ValueContent::Hidden,
        };
        values.push(OptionValue { option: &HOP_TAGS, origin: origin.clone(), content });
    }
    if let Some(Setting { origin, .. }) = hop.transitive_tags.first() {
        let option = &HOP_TRANSITIVE_TAGS;
        let names = hop.transitive_tags.iter().map(|name| of(option, name));
        let names: Vec<ValueContent> = names.collect();
        let content = match names.contains(&ValueContent::Hidden) {
            true => ValueContent::Hidden,
            false => ValueContent::Texts(names),
        };
        values.push(OptionValue { option, origin: origin.clone(), content });
    }
    values
}

/// Returns a value as it may be shown.
pub(super) fn content(
    settings: &Settings<'_>,
    option: &'static OptionSpec,
    setting: &Setting<'_>,
) -> ValueContent {
    let value = setting.value;
    let is_shown = setting.shown().value().is_some()
        // What is known to be something else than a password.
        || (*option == KEY_PASSWORD_ENV && settings.environment.get(value).is_some())
        || (*option == KEY_PASSWORD_FD && value.parse::<u8>().is_ok_and(|it| it < 100))
        || (*option == PROXY && value == "none")
        || (*option == HOP_POLICY && is_json_object(value))
        || (setting.origin.option().sensitivity == Sensitivity::Public && may_be_repeated(value));
    if is_shown { typed(option, value.to_owned()) } else { ValueContent::Hidden }
}

fn is_json_object(text: &str) -> bool {
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_ok()
}

/// Returns a value with the type that its key takes in the file, unless it is not valid.
fn typed(option: &'static OptionSpec, value: String) -> ValueContent {
    let typed = match KeyType::of(option) {
        KeyType::Boolean => match value.to_ascii_lowercase().as_str() {
            "1" | "t" | "true" => Some(ValueContent::Boolean(true)),
            "0" | "f" | "false" => Some(ValueContent::Boolean(false)),
            _ => None,
        },
        KeyType::Integer | KeyType::IntegerOr(_) => value.parse().ok().map(ValueContent::Integer),
        KeyType::Text | KeyType::Texts | KeyType::TextTable | KeyType::Tables(_) => None,
    };
    typed.unwrap_or(ValueContent::Text(value))
}
