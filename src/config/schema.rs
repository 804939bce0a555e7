//! The JSON Schema of the file, made from the table of options.

use serde_json::{Map, Value, json};

use super::keys::{KeyType, TableKind, with_keys};
use crate::options::table::{DefaultValue, OptionSpec};

/// Returns the schema.
pub fn schema() -> Value {
    let mut root = table(TableKind::Root);
    let properties = root["properties"].as_object_mut();
    if let Some(properties) = properties {
        properties.insert(TableKind::Defaults.name().to_owned(), reference(TableKind::Defaults));
        properties.insert(TableKind::Identity.name().to_owned(), named(TableKind::Identity));
        properties.insert(TableKind::Role.name().to_owned(), named(TableKind::Role));
        properties.insert(TableKind::Exec.name().to_owned(), named(TableKind::Exec));
        properties.insert(TableKind::Secrets.name().to_owned(), reference(TableKind::Secrets));
    }
    let definitions = TableKind::ALL.iter().filter(|table| **table != TableKind::Root);
    let definitions: Map<String, Value> =
        definitions.map(|kind| (kind.name().to_owned(), table(*kind))).collect();
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!("Configuration file of roles-anywhere");
    root["$defs"] = Value::Object(definitions);
    root
}

fn table(kind: TableKind) -> Value {
    let properties: Map<String, Value> =
        kind.keys().map(|row| (row.id().to_owned(), property(row))).collect();
    let required: Vec<&str> = kind.required().iter().map(|row| row.id()).collect();
    let mut table =
        json!({ "type": "object", "additionalProperties": false, "properties": properties });
    if !required.is_empty() {
        table["required"] = json!(required);
    }
    if kind == TableKind::Secrets {
        table["properties"][TableKind::SecretsToken.name()] = named(TableKind::SecretsToken);
        let offline = TableKind::SecretsOffline;
        table["properties"][offline.name()] = reference(offline);
    }
    let one_of = kind.one_of().iter().map(|row| json!({ "required": [row.id()] }));
    let one_of: Vec<Value> = one_of.collect();
    if !one_of.is_empty() {
        table["oneOf"] = json!(one_of);
    }
    table
}

fn property(row: &'static OptionSpec) -> Value {
    let key_type = KeyType::of(row);
    let mut property = match key_type {
        KeyType::Text => json!({ "type": "string", "minLength": 1 }),
        KeyType::Boolean => json!({ "type": "boolean" }),
        KeyType::Integer => json!({ "type": "integer" }),
        KeyType::IntegerOr(word) => json!({ "anyOf": [{ "type": "integer" }, { "const": word }] }),
        KeyType::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        KeyType::TextTable => {
            json!({ "type": "object", "additionalProperties": { "type": "string" } })
        }
        KeyType::Tables(kind) => json!({ "type": "array", "items": reference(kind) }),
    };
    property["description"] = json!(with_keys(&row.description()));
    if let DefaultValue::Value(value) = row.default {
        // The defaults of integers are integers.
        property["default"] = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
    }
    property
}

/// Returns the schema of tables by their names.
fn named(kind: TableKind) -> Value {
    json!({
        "type": "object",
        "propertyNames": { "pattern": "^[A-Za-z0-9_.-]{1,64}$", "not": { "enum": [".", ".."] } },
        "additionalProperties": reference(kind),
    })
}

fn reference(kind: TableKind) -> Value {
    json!({ "$ref": format!("#/$defs/{}", kind.name()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each key is there with its type, and only where the parser takes it.
    #[test]
    fn has_every_key_of_every_table() {
        let schema = schema();
        for kind in TableKind::ALL {
            let table = match kind {
                TableKind::Root => &schema,
                kind => &schema["$defs"][kind.name()],
            };
            for row in kind.keys() {
                let property = &table["properties"][row.id()];
                assert!(property["description"].as_str().is_some_and(|it| it.len() > 10), "{row}");
            }
            let extra = match kind {
                TableKind::Root => 5,
                TableKind::Secrets => 2,
                _ => 0,
            };
            let count = table["properties"].as_object().unwrap().len();
            assert_eq!(count, kind.keys().count() + extra, "{kind:?}");
        }
        // The text names keys, not flags.
        let identity = &schema["$defs"]["identity"]["properties"];
        let private_key = identity["private-key"]["description"].as_str();
        assert!(private_key.is_some_and(|text| text.ends_with("SOURCE is as for `certificate`.")));
        let role = &schema["$defs"]["role"]["properties"];
        assert_eq!(role["session-duration"]["default"], 3600);
        assert_eq!(role["fips"]["type"], "boolean");
        assert_eq!(schema["$defs"]["exec"]["properties"]["env"]["type"], "object");
        assert_eq!(role["assume"]["items"]["$ref"], "#/$defs/assume");
        assert_eq!(schema["$defs"]["assume"]["required"], json!(["role-arn"]));
        assert!(schema["$defs"]["identity"]["properties"].get("pkcs8-password").is_none());
    }
}
