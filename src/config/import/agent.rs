//! `[secrets]` from the configuration of AWS's agent for secrets, `aws_secretsmanager_agent` and its
//! successor `aws-workload-credentials-provider`: TOML with keys at the top, or in tables.

mod mistake;
mod rows;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::command_line::quoted;
use crate::config::line_index::LineIndex;
use crate::config::mistake::{Excerpt, Mistake, MistakeKind, Mistakes};
use crate::config::{ConfigText, syntax};
use crate::options::suggestion::nearest;
use crate::options::table::OptionSpec;
use crate::options::table::secrets_endpoint::{
    KEYS, MAX_STALE, PATH_PREFIX, PREFETCH, PREFETCH_ROLE, PREFETCHED_SECRET, PREFETCHED_TAG,
    is_path_prefix,
};
use crate::options::table::session::REGION;
pub use mistake::AgentMistake;
use roles_anywhere_client::arn::RoleArn;
use roles_anywhere_client::ports::Environment;
use roles_anywhere_client::region::Region;
use roles_anywhere_client::text::disclosure::PathExists;
use rows::{AgentTable, AgentValue, row, rows_of};

/// The key of an entry of `prefetch` for a role.
const ROLE_ARN: &str = "role_arn";

type Key<'i> = Spanned<Cow<'i, str>>;

/// What was made of the configuration of the agent.
#[derive(Debug)]
pub struct AgentImport {
    /// The part of a configuration file: `[secrets]`, and `[defaults]` with the Region if it has one.
    pub toml: String,
    /// The ARNs of the roles that it names, each once.
    pub roles: Vec<String>,
}

/// Returns what the configuration `text` of the agent is here, or all that cannot be taken over.
pub fn from_agent_config(file: &Arc<Path>, text: &str) -> Result<AgentImport, Mistakes> {
    let (environment, paths) = (&Environment::default(), PathExists(&|_| false));
    let lines = LineIndex::new(text);
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let source = ConfigText { file, text, environment, paths };
        return Err(Mistakes::new(Arc::clone(file), syntax::mistakes(&source, &lines, &errors)));
    }
    let mut reader = AgentReader { lines, mistakes: Vec::new(), found: TakenKeys::default() };
    let root = document.get_ref();
    reader.refuse_both_forms(root);
    reader.table(AgentTable::Root, root);
    match reader.mistakes.is_empty() {
        true => Ok(reader.found.import()),
        false => Err(Mistakes::new(Arc::clone(file), reader.mistakes)),
    }
}

/// The keys that were read, as TOML.
#[derive(Default)]
struct TakenKeys {
    values: Vec<(&'static OptionSpec, String)>,
    /// The entries of `prefetch`.
    prefetch: Vec<String>,
    region: Option<String>,
    roles: Vec<String>,
}

struct AgentReader<'a> {
    lines: LineIndex<'a>,
    mistakes: Vec<Mistake>,
    found: TakenKeys,
}

impl AgentReader<'_> {
    /// Refuses a file with keys at the top beside tables, as the agent does.
    fn refuse_both_forms(&mut self, root: &DeTable<'_>) {
        let is_nested = |key: &str| AgentTable::Root.inner(key).is_some_and(AgentTable::is_nested);
        let has_nested = root.iter().any(|(key, _)| is_nested(key.get_ref()));
        let flat = root.iter().filter(|(key, _)| !is_nested(key.get_ref()));
        if has_nested && let Some((key, _)) = flat.min_by_key(|(key, _)| key.span().start) {
            self.add(key, AgentMistake::BothForms);
        }
    }

    fn table(&mut self, kind: AgentTable, table: &DeTable<'_>) {
        for (key, value) in table {
            let name: &str = key.get_ref();
            if let Some(inner) = kind.inner(name) {
                match value.get_ref() {
                    DeValue::Table(table) => self.table(inner, table),
                    _ => self
                        .add(key, AgentMistake::Value { key: inner.name(), expected: "a table" }),
                }
                continue;
            }
            match row(kind, name) {
                Some(row) => self.value(key, (row.name, row.takes), value.get_ref()),
                None => {
                    let known = rows_of(kind).map(|row| row.name).chain(kind.inner_names());
                    self.add(key, unknown(name, known));
                }
            }
        }
    }

    fn value(
        &mut self,
        key: &Key<'_>,
        (name, takes): (&'static str, AgentValue),
        value: &DeValue<'_>,
    ) {
        let expected = match takes {
            AgentValue::Number { option, from, to, expected } => {
                match number(value).filter(|number| (from..=to).contains(number)) {
                    Some(number) => return self.found.set(option, number.to_string()),
                    None => expected,
                }
            }
            AgentValue::PathPrefix => match value {
                DeValue::String(text) if is_path_prefix(text) => {
                    return self.found.set(&PATH_PREFIX, quoted(text));
                }
                _ => "a path that begins with `/`, such as `/v1/`",
            },
            AgentValue::Texts(option) => match texts(value) {
                Some(texts) => return self.found.set(option, array(&texts)),
                None => "an array of strings that is not empty",
            },
            AgentValue::Region => match value {
                DeValue::String(text) if Region::parse(text).is_some() => {
                    self.found.region = Some(quoted(text));
                    return;
                }
                _ => "a Region such as `eu-central-1`",
            },
            AgentValue::IgnoreTransientErrors => match value {
                DeValue::Boolean(true) => return,
                DeValue::Boolean(false) => return self.found.set(&MAX_STALE, "0".to_owned()),
                _ => "`true` or `false`",
            },
            AgentValue::Only { is_same, otherwise } => {
                if !is_same(value) {
                    self.add(key, AgentMistake::NoCounterpart { key: name, instead: otherwise });
                }
                return;
            }
            AgentValue::None { instead } => {
                return self.add(key, AgentMistake::NoCounterpart { key: name, instead });
            }
            AgentValue::Secrets => {
                return self.prefetch((key, name), value, ("secret_id", &PREFETCHED_SECRET));
            }
            AgentValue::Tags => return self.prefetch((key, name), value, ("key", &PREFETCHED_TAG)),
        };
        self.add(key, AgentMistake::Value { key: name, expected });
    }

    /// Reads what is read at the start: tables with an item, and the ARN of a role if it is not the first.
    fn prefetch(
        &mut self,
        (key, name): (&Key<'_>, &'static str),
        value: &DeValue<'_>,
        (item, option): (&'static str, &'static OptionSpec),
    ) {
        let expected = "an array of tables";
        let DeValue::Array(array) = value else {
            return self.add(key, AgentMistake::Value { key: name, expected });
        };
        for element in array.iter() {
            let DeValue::Table(table) = element.get_ref() else {
                self.add(key, AgentMistake::Value { key: name, expected });
                continue;
            };
            let mut keys = Vec::new();
            for (key, value) in table {
                keys.extend(self.prefetched(key, value.get_ref(), (item, option)));
            }
            if !table.contains_key(item) {
                self.add_at(element.span().start, name, AgentMistake::Missing { key: item });
            }
            // The item is first, as in the reference of `prefetch`.
            keys.sort();
            let keys: Vec<String> = keys.into_iter().map(|(_, toml)| toml).collect();
            self.found.prefetch.push(format!("{{ {} }}", keys.join(", ")));
        }
    }

    /// Returns a key of an entry as TOML, with whether it is the role.
    fn prefetched(
        &mut self,
        key: &Key<'_>,
        value: &DeValue<'_>,
        (item, option): (&'static str, &'static OptionSpec),
    ) -> Option<(bool, String)> {
        let name: &str = key.get_ref();
        let text = if let DeValue::String(text) = value { &**text } else { "" };
        let mistake = match name {
            _ if name == item && !text.is_empty() => {
                return Some((false, format!("{} = {}", option.id(), quoted(text))));
            }
            ROLE_ARN if text.parse::<RoleArn>().is_ok() => {
                if !self.found.roles.iter().any(|known| known == text) {
                    self.found.roles.push(text.to_owned());
                }
                return Some((true, format!("{} = {}", PREFETCH_ROLE.id(), quoted(text))));
            }
            ROLE_ARN => AgentMistake::Value { key: ROLE_ARN, expected: "the ARN of a role" },
            _ if name == item => {
                AgentMistake::Value { key: item, expected: "a string that is not empty" }
            }
            _ => unknown(name, [item, ROLE_ARN].into_iter()),
        };
        self.add(key, mistake);
        None
    }

    fn add(&mut self, key: &Key<'_>, mistake: AgentMistake) {
        let name = mistake.key().or_else(|| {
            let text: &str = key.get_ref();
            is_word(text).then(|| text.into())
        });
        let offset = key.span().start;
        let excerpt = match self.lines.line(offset).trim_start().starts_with('[') {
            true => Excerpt::Heading { before: "[", name },
            false => Excerpt::Key(name),
        };
        let (line, column) = self.lines.position(offset);
        self.mistakes.push(Mistake { line, column, excerpt, kind: MistakeKind::Agent(mistake) });
    }

    fn add_at(&mut self, offset: usize, key: &'static str, mistake: AgentMistake) {
        let (line, column) = self.lines.position(offset);
        let (excerpt, kind) = (Excerpt::Key(Some(key.into())), MistakeKind::Agent(mistake));
        self.mistakes.push(Mistake { line, column, excerpt, kind });
    }
}

impl TakenKeys {
    fn set(&mut self, option: &'static OptionSpec, toml: String) {
        self.values.push((option, toml));
    }

    fn import(mut self) -> AgentImport {
        self.values.sort_by_key(|(option, _)| KEYS.iter().position(|key| key == option));
        let mut toml = String::from("[secrets]\n");
        for (option, value) in &self.values {
            let _ = writeln!(toml, "{} = {value}", option.id());
        }
        if !self.prefetch.is_empty() {
            let _ = writeln!(toml, "{} = [", PREFETCH.id());
            self.prefetch.iter().for_each(|entry| toml.push_str(&format!("  {entry},\n")));
            toml.push_str("]\n");
        }
        if let Some(region) = self.region {
            let _ = writeln!(toml, "\n[defaults]\n{} = {region}", REGION.id());
        }
        AgentImport { toml, roles: self.roles }
    }
}

fn unknown(key: &str, known: impl Iterator<Item = &'static str>) -> AgentMistake {
    let nearest = nearest(key, known);
    let shown = nearest.is_some() || is_word(key);
    AgentMistake::Unknown { key: shown.then(|| key.into()), nearest }
}

/// Returns a number, which may be in quotes.
fn number(value: &DeValue<'_>) -> Option<u32> {
    match value {
        DeValue::String(text) => text.parse().ok(),
        DeValue::Integer(integer) => u32::from_str_radix(integer.as_str(), integer.radix()).ok(),
        _ => None,
    }
}

/// Returns strings, at least one and none empty.
fn texts<'a>(value: &'a DeValue<'_>) -> Option<Vec<&'a str>> {
    let DeValue::Array(array) = value else { return None };
    let text = |value: &'a Spanned<DeValue<'_>>| match value.get_ref() {
        DeValue::String(text) if !text.is_empty() => Some(&**text),
        _ => None,
    };
    let texts: Vec<&str> = array.iter().map(text).collect::<Option<_>>()?;
    (!texts.is_empty()).then_some(texts)
}

fn array(texts: &[&str]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", quoted.join(", "))
}

/// Returns whether a key may be shown: passwords usually have digits or capitals.
fn is_word(key: &str) -> bool {
    (2..=32).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

#[cfg(test)]
mod tests;
