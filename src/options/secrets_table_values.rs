//! The values of `[secrets]`: what `config show` prints of it.

use std::sync::Arc;

use crate::config::{ArrayTable, FileValue, SecretsTable, TableName, TableValues};
use crate::options::role_values::{OptionValue, ValueContent, content, default_value};
use crate::options::settings::Settings;
use crate::options::table::offline::OFFLINE;
use crate::options::table::secrets_endpoint::{KEYS, PREFETCH, PREFETCHED, TOKEN};
use crate::options::table::{KeyLocation, OptionSpec, Origin};
use crate::output::usage::UsageError;

/// The values of `[secrets]`. What may be a secret is not in there.
#[derive(Clone, Debug)]
pub struct SecretsTableValues {
    /// Its location.
    pub location: Arc<KeyLocation>,
    /// Its values, and the defaults of others.
    pub values: Vec<OptionValue>,
    /// The tokens.
    pub tokens: Vec<TokenValues>,
    /// The values of `[secrets.offline]`, and the defaults of others, if it is there.
    pub offline: Option<(Arc<KeyLocation>, Vec<OptionValue>)>,
}

/// The values of `[secrets.token.NAME]`.
#[derive(Clone, Debug)]
pub struct TokenValues {
    /// Its name.
    pub name: TableName,
    /// Its location.
    pub location: Arc<KeyLocation>,
    /// The values.
    pub values: Vec<OptionValue>,
}

impl SecretsTableValues {
    /// Returns the values of the configuration file, if it has `[secrets]`.
    pub fn of(settings: &Settings<'_>) -> Result<Option<Self>, UsageError> {
        let Some(table) = settings.config.and_then(|config| config.secrets()) else {
            return Ok(None);
        };
        let mut values = Vec::new();
        for option in KEYS.iter().copied() {
            let given = match *option == PREFETCH {
                true => prefetch(settings, table)?,
                false => given(settings, table.values(), option)?,
            };
            values.extend(given.or_else(|| default_value(option)));
        }
        let tokens = table.tokens().iter().map(|token| {
            let all = TOKEN.iter().copied().map(|option| given(settings, token.values(), option));
            Ok(TokenValues {
                name: token.name().clone(),
                location: Arc::clone(token.location()),
                values: all.filter_map(Result::transpose).collect::<Result<_, _>>()?,
            })
        });
        let tokens = tokens.collect::<Result<_, _>>()?;
        let offline = table.offline().map(|offline| {
            let mut values = Vec::new();
            for option in OFFLINE.iter().copied() {
                let given = given(settings, offline.values(), option)?;
                values.extend(given.or_else(|| default_value(option)));
            }
            Ok((Arc::clone(offline.location()), values))
        });
        let offline = offline.transpose()?;
        Ok(Some(Self { location: Arc::clone(table.location()), values, tokens, offline }))
    }
}

fn given<'a>(
    settings: &Settings<'a>,
    values: &'a TableValues,
    option: &'static OptionSpec,
) -> Result<Option<OptionValue>, UsageError> {
    let Some(texts) = values.texts(option) else {
        let value = values.value(option);
        return value.map(|value| shown(settings, option, value)).transpose();
    };
    let all = texts.map(|text| shown(settings, option, text));
    let all: Vec<OptionValue> = all.collect::<Result<_, _>>()?;
    let location = values.location_of_texts(option).map(Arc::clone);
    let origin = location.map_or(Origin::Default(option), |it| Origin::File(option, it));
    let content = ValueContent::Texts(all.into_iter().map(|value| value.content).collect());
    Ok(Some(OptionValue { option, origin, content }))
}

fn shown<'a>(
    settings: &Settings<'a>,
    option: &'static OptionSpec,
    value: FileValue<'a>,
) -> Result<OptionValue, UsageError> {
    let setting = settings.of_file(option, value)?;
    let content = content(settings, option, &setting);
    Ok(OptionValue { option, origin: setting.origin, content })
}

fn prefetch(
    settings: &Settings<'_>,
    table: &SecretsTable,
) -> Result<Option<OptionValue>, UsageError> {
    let entry = |entry: &ArrayTable| -> Result<Vec<OptionValue>, UsageError> {
        let values = PREFETCHED.iter().copied();
        let values = values.filter_map(|option| Some((option, entry.value(option)?)));
        values.map(|(option, value)| shown(settings, option, value)).collect()
    };
    let tables: Vec<Vec<OptionValue>> =
        table.prefetch().iter().map(entry).collect::<Result<_, _>>()?;
    let first = tables.iter().flatten().next();
    let Some(origin) = first.map(|value| value.origin.clone()) else { return Ok(None) };
    Ok(Some(OptionValue { option: &PREFETCH, origin, content: ValueContent::Tables(tables) }))
}
