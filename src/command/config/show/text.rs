//! The values of roles, of programs and of `[secrets]` as tables for people.

use super::ConfigShow;
use crate::options::exec_table_values::ExecTableValues;
use crate::options::role_values::{OptionValue, RoleValues, ValueContent, VariableValue};
use crate::options::secrets_table_values::{SecretsTableValues, TokenValues};
use crate::options::table::{FileName, KeyLocation, Origin};
use roles_anywhere_client::text::escape;

/// Returns a table for each role, then for each program, then those of `[secrets]`.
pub(super) fn render(show: &ConfigShow) -> String {
    let roles = show.roles.iter().map(|RoleValues { role, values }| match role {
        Some((name, location)) => table(&heading("role", name.as_str(), location), values),
        None => table("without a role of a configuration file", values),
    });
    let programs = show.programs.iter().map(|ExecTableValues { name, location, values }| {
        table(&heading("exec", name.as_str(), location), values)
    });
    let secrets = show.secrets.iter().flat_map(|secrets| {
        let SecretsTableValues { location, values, tokens, offline } = secrets;
        let unnamed = |kind: &str, location: &KeyLocation| {
            format!("{kind} ({}:{})", FileName(&location.file), location.line)
        };
        let heading_of_all = unnamed("secrets", location);
        let offline = offline
            .iter()
            .map(move |(location, values)| table(&unnamed("secrets.offline", location), values));
        let tokens = tokens.iter().map(|TokenValues { name, location, values }| {
            table(&heading("secrets.token", name.as_str(), location), values)
        });
        [table(&heading_of_all, values)].into_iter().chain(tokens).chain(offline)
    });
    roles.chain(programs).chain(secrets).collect::<Vec<_>>().join("\n")
}

fn heading(kind: &str, name: &str, location: &KeyLocation) -> String {
    format!("{kind} {name} ({}:{})", FileName(&location.file), location.line)
}

fn table(heading: &str, values: &[OptionValue]) -> String {
    let mut rows = Vec::new();
    values.iter().for_each(|value| add(&mut rows, "", value));
    let width = |column: usize| {
        let cells = rows.iter().map(|row: &[String; 3]| row[column].chars().count());
        cells.filter(|length| *length <= WIDEST).max().unwrap_or(0)
    };
    let (key_width, value_width) = (width(0), width(1));
    let mut text = format!("{heading}\n");
    for [key, value, origin] in &rows {
        text.push_str(&format!("  {key:key_width$}  {value:value_width$}  {origin}\n"));
    }
    text
}

/// A longer value does not widen the column of the others.
const WIDEST: usize = 60;

/// Adds the rows of a value: one, or one for each value of its tables and for each variable.
fn add(rows: &mut Vec<[String; 3]>, prefix: &str, value: &OptionValue) {
    let OptionValue { option, origin, content } = value;
    let key = format!("{prefix}{}", option.id());
    match content {
        ValueContent::Tables(tables) => {
            for (index, table) in tables.iter().enumerate() {
                let prefix = format!("{key}[{index}].");
                table.iter().for_each(|value| add(rows, &prefix, value));
            }
        }
        ValueContent::Variables(variables) => {
            let row = |VariableValue { name, origin, content }: &VariableValue| {
                let key = escape::line(&format!("{key}.{name}")).into_owned();
                [key, escape::line(&shown(content)).into_owned(), source(origin)]
            };
            rows.extend(variables.iter().map(row));
        }
        content => {
            let shown = escape::line(&shown(content)).into_owned();
            rows.push([key, shown, source(origin)]);
        }
    }
}

fn shown(content: &ValueContent) -> String {
    let list = |all: Vec<String>| all.join(", ");
    match content {
        ValueContent::Text(text) => text.clone(),
        ValueContent::Integer(number) => number.to_string(),
        ValueContent::Boolean(value) => value.to_string(),
        ValueContent::Texts(texts) if texts.is_empty() => "(none)".to_owned(),
        ValueContent::Texts(texts) => list(texts.iter().map(shown).collect()),
        ValueContent::TextTable(texts) => {
            list(texts.iter().map(|(name, text)| format!("{name} = {}", shown(text))).collect())
        }
        ValueContent::Hidden => "(not shown)".to_owned(),
        ValueContent::Described(words) => format!("({words})"),
        ValueContent::Tables(_) | ValueContent::Variables(_) => String::new(),
    }
}

fn source(origin: &Origin) -> String {
    match origin {
        Origin::Flag(option) => option.name.to_owned(),
        Origin::Variable(_, name) => (*name).to_owned(),
        Origin::File(_, location) => {
            format!("{}:{} [{}]", FileName(&location.file), location.line, location.table)
        }
        Origin::Default(_) => "default".to_owned(),
    }
}
