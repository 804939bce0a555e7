//! The values of roles, of programs and of `[secrets]` as JSON for programs. The member names are stable.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::ConfigShow;
use crate::options::exec_table_values::ExecTableValues;
use crate::options::role_values::{OptionValue, RoleValues, ValueContent, VariableValue};
use crate::options::secrets_table_values::{SecretsTableValues, TokenValues};
use crate::options::table::{FileName, Origin};
use roles_anywhere_client::text::escape;

/// Renders the values as one object, indented, with a newline.
pub(super) fn render(plan: &ConfigShow) -> String {
    let document = ValuesDocument {
        file: plan.file.as_deref().map(|file| FileName(file).to_string()),
        default_role: plan.default_role.as_ref().map(ToString::to_string),
        roles: plan.roles.iter().map(RoleDocument).collect(),
        programs: plan.programs.iter().map(ProgramDocument).collect(),
        secrets: plan.secrets.as_ref().map(SecretsDocument),
    };
    let json = serde_json::to_string_pretty(&document).expect("strings and numbers serialize");
    escape::json(&json).into_owned() + "\n"
}

#[derive(serde::Serialize)]
struct ValuesDocument<'a> {
    file: Option<String>,
    default_role: Option<String>,
    roles: Vec<RoleDocument<'a>>,
    programs: Vec<ProgramDocument<'a>>,
    secrets: Option<SecretsDocument<'a>>,
}

struct RoleDocument<'a>(&'a RoleValues);

impl Serialize for RoleDocument<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let RoleValues { role, values } = self.0;
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("name", &role.as_ref().map(|(name, _)| name.to_string()))?;
        map.serialize_entry("values", &KeyedValues(values))?;
        map.end()
    }
}

struct ProgramDocument<'a>(&'a ExecTableValues);

impl Serialize for ProgramDocument<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ExecTableValues { name, values, .. } = self.0;
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("name", name.as_str())?;
        map.serialize_entry("values", &KeyedValues(values))?;
        map.end()
    }
}

struct SecretsDocument<'a>(&'a SecretsTableValues);

impl Serialize for SecretsDocument<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let SecretsTableValues { values, tokens, offline, .. } = self.0;
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("values", &KeyedValues(values))?;
        let tokens: Vec<TokenDocument<'_>> = tokens.iter().map(TokenDocument).collect();
        map.serialize_entry("tokens", &tokens)?;
        let offline = offline.as_ref().map(|(_, values)| KeyedValues(values));
        map.serialize_entry("offline", &offline)?;
        map.end()
    }
}

struct TokenDocument<'a>(&'a TokenValues);

impl Serialize for TokenDocument<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let TokenValues { name, values, .. } = self.0;
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("name", &name.to_string())?;
        map.serialize_entry("values", &KeyedValues(values))?;
        map.end()
    }
}

/// Values by their keys, in their order.
struct KeyedValues<'a>(&'a [OptionValue]);

impl Serialize for KeyedValues<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let values = self.0.iter();
        serializer.collect_map(values.map(|value| (value.option.id(), ValueDocument(value))))
    }
}

/// A value and its origin; of tables, the tables; of variables, those by their names.
struct ValueDocument<'a>(&'a OptionValue);

impl Serialize for ValueDocument<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let OptionValue { origin, content, .. } = self.0;
        match content {
            ValueContent::Tables(tables) => {
                serializer.collect_seq(tables.iter().map(|table| KeyedValues(table)))
            }
            ValueContent::Variables(variables) => serializer.collect_map(variables.iter().map(
                |VariableValue { name, origin, content }| {
                    (name, OriginDocument { origin, content })
                },
            )),
            content => OriginDocument { origin, content }.serialize(serializer),
        }
    }
}

/// A value beside its origin.
struct OriginDocument<'a> {
    origin: &'a Origin,
    content: &'a ValueContent,
}

impl Serialize for OriginDocument<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { origin, content } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("value", &ContentDocument(content))?;
        match content {
            ValueContent::Hidden => map.serialize_entry("hidden", &true)?,
            ValueContent::Described(words) => map.serialize_entry("description", words)?,
            _ => {}
        }
        match origin {
            Origin::Flag(option) => {
                map.serialize_entry("origin", "option")?;
                map.serialize_entry("option", option.name)?;
            }
            Origin::Variable(_, name) => {
                map.serialize_entry("origin", "variable")?;
                map.serialize_entry("variable", name)?;
            }
            Origin::File(_, location) => {
                map.serialize_entry("origin", "file")?;
                map.serialize_entry("file", &FileName(&location.file).to_string())?;
                map.serialize_entry("table", &*location.table)?;
                map.serialize_entry("line", &location.line)?;
                map.serialize_entry("column", &location.column)?;
            }
            Origin::Default(_) => map.serialize_entry("origin", "default")?,
        }
        map.end()
    }
}

/// A value itself; `null` if it is not shown or not a value.
struct ContentDocument<'a>(&'a ValueContent);

impl Serialize for ContentDocument<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            ValueContent::Text(text) => serializer.serialize_str(text),
            ValueContent::Integer(number) => serializer.serialize_u64(*number),
            ValueContent::Boolean(value) => serializer.serialize_bool(*value),
            ValueContent::Texts(texts) => serializer.collect_seq(texts.iter().map(ContentDocument)),
            ValueContent::TextTable(texts) => serializer
                .collect_map(texts.iter().map(|(name, text)| (name, ContentDocument(text)))),
            ValueContent::Hidden
            | ValueContent::Described(_)
            | ValueContent::Tables(_)
            | ValueContent::Variables(_) => serializer.serialize_none(),
        }
    }
}
