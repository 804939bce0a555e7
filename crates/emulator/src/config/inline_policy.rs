//! A policy within the file: a table, or a string that holds JSON.

use std::borrow::Cow;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Number, Value};
use toml::Spanned;
use toml::de::{DeInteger, DeValue};

use super::problem::Problems;
use super::reader::{At, TableReader};
use crate::nearest::did_you_mean;
use crate::policy::{Mistake, Policy, PolicyError, PolicyKind, PolicyWarning, Position};

/// A policy that was read from the file itself.
#[derive(Debug, Clone)]
pub(super) struct InlinePolicy(pub(super) Policy);

impl JsonSchema for InlinePolicy {
    fn schema_name() -> Cow<'static, str> {
        "Policy".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An IAM policy: a table, or a string that holds JSON.",
            "type": ["object", "string"],
        })
    }
}

impl<'i> TableReader<'_, 'i> {
    /// Reads a policy.
    pub(super) fn policy(
        &mut self,
        key: &'static str,
        kind: PolicyKind,
    ) -> Option<At<InlinePolicy>> {
        let value = self.value(key)?;
        let policy = match value.get_ref() {
            table @ DeValue::Table(_) => Policy::from_value(kind, &json(table)),
            DeValue::String(text) => Policy::parse(kind, text),
            _ => return self.expected(key, "a table, or a string that holds JSON", value),
        };
        let problems = self.problems();
        match policy {
            Ok(policy) => {
                for unset in policy.warnings() {
                    let span = locate(value, &unset.path, false);
                    let position = problems.position(span.start);
                    problems.warn(None, Some(position), warning(unset));
                }
                Some(At { value: InlinePolicy(policy), span: value.span() })
            }
            Err(errors) => {
                for error in errors.iter() {
                    let (position, message) = match value.get_ref() {
                        DeValue::Table(_) => in_table(problems, value, error),
                        _ => in_text(problems, value, error),
                    };
                    problems.add_at(position, format!("`{key}`: {message}"));
                }
                self.set_misread(key);
                None
            }
        }
    }
}

/// A mistake in a table is where its path leads to.
fn in_table(
    problems: &Problems<'_>,
    table: &Spanned<DeValue<'_>>,
    error: &PolicyError,
) -> (Position, String) {
    let of_key = matches!(error.mistake, Mistake::Unknown { .. } | Mistake::UnknownOperator { .. });
    let span = locate(table, &error.path, of_key);
    (problems.position(span.start), error.to_string())
}

/// A mistake in a string has a position in the string, which is one in the file if the string is
/// written without escapes.
fn in_text(
    problems: &Problems<'_>,
    text: &Spanned<DeValue<'_>>,
    error: &PolicyError,
) -> (Position, String) {
    let source = problems.source(&text.span());
    let opening = ["'''\r\n", "'''\n", "\"\"\"\r\n", "\"\"\"\n", "'''", "\"\"\"", "'", "\""]
        .into_iter()
        .find(|opening| source.starts_with(opening));
    let literal = source.starts_with('\'') || !source.contains('\\');
    let (Some(opening), Some(position), true) = (opening, error.position, literal) else {
        let path = PolicyError { position: None, ..error.clone() };
        let within = error.position.map_or_else(String::new, |at| format!(" (at {at} in it)"));
        return (problems.position(text.span().start), format!("{path}{within}"));
    };
    let start = problems.position(text.span().start + opening.len());
    let column = if position.line == 1 { start.column - 1 } else { 0 } + position.column;
    let position = Position { line: start.line + position.line - 1, column };
    let error = PolicyError { position: None, ..error.clone() };
    (position, error.to_string())
}

/// Returns the part of the file that a path such as `Statement[1].Condition` leads to, as far as it
/// is there. Names are matched whole, as they may have dots in them.
fn locate(value: &Spanned<DeValue<'_>>, path: &str, of_key: bool) -> Range<usize> {
    let path = path.trim_start_matches('.');
    match value.get_ref() {
        DeValue::Table(table) => {
            let entry = table
                .iter()
                .filter_map(|(key, value)| {
                    let rest = path.strip_prefix(key.get_ref().as_ref())?;
                    let whole = rest.is_empty() || rest.starts_with(['.', '[']);
                    whole.then_some((key, value, rest))
                })
                .min_by_key(|(_, _, rest)| rest.len());
            match entry {
                Some((key, _, "")) if of_key => key.span(),
                Some((_, value, rest)) => locate(value, rest, of_key),
                None => value.span(),
            }
        }
        DeValue::Array(values) => {
            let element = path
                .strip_prefix('[')
                .and_then(|path| path.split_once(']'))
                .and_then(|(index, rest)| Some((values.get(index.parse::<usize>().ok()?)?, rest)));
            element.map_or_else(|| value.span(), |(value, rest)| locate(value, rest, of_key))
        }
        _ => value.span(),
    }
}

/// Returns what is said of a condition key that no request has.
pub(super) fn warning(warning: &PolicyWarning) -> String {
    let PolicyWarning { key, nearest, path, .. } = warning;
    let suggestion = did_you_mean(nearest.as_deref());
    format!(
        "{path}: the emulator never sets the condition key `{key}` where this statement applies, \
         so it counts as absent{suggestion}"
    )
}

fn json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(integer) => number(integer),
        DeValue::Float(float) => {
            float.as_str().parse().ok().and_then(Number::from_f64).map_or(Value::Null, Value::from)
        }
        DeValue::Boolean(flag) => Value::from(*flag),
        DeValue::Datetime(date) => Value::from(date.to_string()),
        DeValue::Array(values) => values.iter().map(|value| json(value.get_ref())).collect(),
        DeValue::Table(table) => table
            .iter()
            .map(|(key, value)| (key.get_ref().to_string(), json(value.get_ref())))
            .collect(),
    }
}

fn number(integer: &DeInteger<'_>) -> Value {
    i64::from_str_radix(integer.as_str(), integer.radix()).map_or(Value::Null, Value::from)
}
