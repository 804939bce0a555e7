//! The values that `secret` and `parameter` return. minijinja keeps texts in memory that is not wiped;
//! the process ends soon after.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Enumerator, Object, ValueKind};
use minijinja::{Error, ErrorKind, Output, State, Value, escape_formatter};

use super::Function;
use super::calls::Use;
use crate::secrets::member::{MemberValue, Object as JsonObject};
use crate::secrets::template::RenderProblem;
use crate::secrets::value::{Resolved, ResolvedValue};
use roles_anywhere_client::secret::{Secret, SecretBytes};

/// The values of a template.
#[derive(Debug)]
pub(super) struct TemplateValues {
    resolved: BTreeMap<Use, (usize, Resolved)>,
    /// What was written and is no text, with its line: a value cannot refuse to be written.
    refused: Mutex<Option<(usize, RenderProblem)>>,
}

impl TemplateValues {
    /// Returns the values of these.
    pub(super) fn new(uses: &[(Use, usize)], values: &[Resolved]) -> Self {
        let each = uses.iter().zip(values);
        let resolved = each.map(|((read, line), value)| (read.clone(), (*line, value.clone())));
        Self { resolved: resolved.collect(), refused: Mutex::default() }
    }

    /// Returns what a function of a template returns.
    pub(super) fn call(self: &Arc<Self>, function: Function, name: &str) -> Result<Value, Error> {
        let of = Use { function, name: name.to_owned(), path: String::new() };
        let access = AccessedValue { values: Arc::clone(self), of };
        // Unknown if the function was called by another name than its own.
        access.value().ok_or_else(|| ErrorKind::InvalidOperation.into())
    }

    /// Returns what was written though it is no text, and its line.
    pub(super) fn refused(&self) -> Option<(usize, RenderProblem)> {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refuse(&self, line: usize, problem: RenderProblem) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.get_or_insert((line, problem));
    }

    fn value(self: &Arc<Self>, read: &Use) -> Option<Value> {
        let (line, resolved) = self.resolved.get(read)?;
        Some(match &resolved.value {
            ResolvedValue::Text(text) if resolved.is_json => self.of_json(text, *line),
            ResolvedValue::Text(text) => self.of_text(text, *line),
            ResolvedValue::Binary(bytes) => {
                let (bytes, values) = (bytes.clone(), Arc::clone(self));
                Value::from_object(BinaryValue { bytes, line: *line, values })
            }
            // No reference of a template is to all members.
            ResolvedValue::Absent | ResolvedValue::Members(_) => self.absent(*line),
        })
    }

    /// Returns a text as a value: a string, or an object whose members can be read.
    fn of_text(self: &Arc<Self>, text: &Secret, line: usize) -> Value {
        let text = text.expose();
        match text.trim_start().starts_with('{') && JsonObject::parse(text).is_some() {
            true => self.json_text(text, line),
            false => Value::from(text),
        }
    }

    /// Returns JSON that is no string: a Boolean or a number if it is written as it was, else its text.
    fn of_json(self: &Arc<Self>, text: &Secret, line: usize) -> Value {
        let text = text.expose();
        let integer = text.parse::<i128>().ok().map(Value::from);
        let number = || text.parse::<f64>().ok().map(Value::from);
        match text {
            "true" | "false" => Value::from(text == "true"),
            _ => match integer.or_else(number) {
                Some(number) if number.to_string() == text => number,
                Some(number) if number.is_true() => Value::from(text),
                _ => self.json_text(text, line),
            },
        }
    }

    fn json_text(self: &Arc<Self>, text: &str, line: usize) -> Value {
        let values = Arc::clone(self);
        Value::from_object(JsonText { text: Secret::new(text.to_owned()), line, values })
    }

    fn absent(self: &Arc<Self>, line: usize) -> Value {
        Value::from_object(AbsentValue { line, values: Arc::clone(self) })
    }

    fn member(self: &Arc<Self>, text: &Secret, key: &str, line: usize) -> Option<Value> {
        match JsonObject::parse(text.expose())?.member(key)? {
            MemberValue::Text(text) => Some(self.of_text(&text, line)),
            MemberValue::Json(text) => Some(self.of_json(&text, line)),
            MemberValue::Null => Some(self.absent(line)),
            MemberValue::NotUnicode => None,
        }
    }

    /// Returns the line of what is read; 0 if it is not read.
    fn line(&self, read: &Use) -> usize {
        self.resolved.get(read).map_or(0, |(line, _)| *line)
    }

    fn text(&self, read: &Use) -> Option<&Secret> {
        match &self.resolved.get(read)?.1.value {
            ResolvedValue::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// A secret, a parameter, or a member of it, some of whose members are known.
#[derive(Debug)]
struct AccessedValue {
    values: Arc<TemplateValues>,
    of: Use,
}

impl AccessedValue {
    /// Returns it as a value of the template: itself if members of it are read.
    fn value(self) -> Option<Value> {
        match self.has_members() {
            true => Some(Value::from_object(self)),
            false => self.values.value(&self.of),
        }
    }

    fn has_members(&self) -> bool {
        let Use { function, name, path } = &self.of;
        self.values.resolved.keys().any(|other| {
            let rest = other.path.strip_prefix(path.as_str());
            let is_below = rest
                .is_some_and(|rest| !rest.is_empty() && (path.is_empty() || rest.starts_with('.')));
            (other.function, &other.name) == (*function, name) && is_below
        })
    }
}

impl Object for AccessedValue {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        let Use { function, name, path } = &self.of;
        let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        let of = Use { function: *function, name: name.clone(), path };
        let inner = Self { values: Arc::clone(&self.values), of };
        let values = &self.values;
        inner.value().or_else(|| values.member(values.text(&self.of)?, key, values.line(&self.of)))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.values.text(&self.of).map_or(Enumerator::NonEnumerable, keys)
    }

    fn is_true(self: &Arc<Self>) -> bool {
        self.values.text(&self.of).is_some_and(is_true)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.values.text(&self.of) {
            Some(text) => f.write_str(text.expose()),
            None => {
                self.values.refuse(self.values.line(&self.of), RenderProblem::Undefined);
                Ok(())
            }
        }
    }
}

/// An optional value that does not exist, or `null`: it is false in a condition; to write it is an error.
#[derive(Debug)]
struct AbsentValue {
    line: usize,
    values: Arc<TemplateValues>,
}

impl Object for AbsentValue {
    fn is_true(self: &Arc<Self>) -> bool {
        false
    }

    fn render(self: &Arc<Self>, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.values.refuse(self.line, RenderProblem::Undefined);
        Ok(())
    }
}

/// Returns whether a value is undefined, or stands for what does not exist.
pub(super) fn is_undefined(value: &Value) -> bool {
    let is_absent = |of: &AccessedValue| match of.values.resolved.get(&of.of) {
        Some((_, resolved)) => matches!(resolved.value, ResolvedValue::Absent),
        None => false,
    };
    value.is_undefined()
        || value.downcast_object_ref::<AbsentValue>().is_some()
        || value.downcast_object_ref::<AccessedValue>().is_some_and(is_absent)
}

/// JSON, as it is written.
#[derive(Debug)]
struct JsonText {
    text: Secret,
    line: usize,
    values: Arc<TemplateValues>,
}

impl Object for JsonText {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.values.member(&self.text, key.as_str()?, self.line)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        keys(&self.text)
    }

    fn is_true(self: &Arc<Self>) -> bool {
        is_true(&self.text)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text.expose())
    }
}

/// Returns whether a text is true in a condition: not if it is an empty list or object, or zero.
fn is_true(text: &Secret) -> bool {
    let text = text.expose();
    let inner = text.trim();
    let inner = inner
        .strip_prefix('{')
        .and_then(|inner| inner.strip_suffix('}'))
        .or_else(|| inner.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')));
    match inner {
        Some(inner) => !inner.trim().is_empty(),
        None => text.parse() != Ok(0.0),
    }
}

/// Writes a value; `true` and `false` as in JSON.
pub(super) fn write(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), Error> {
    match boolean(value) {
        Some(text) => out.write_str(text).map_err(Error::from),
        None => escape_formatter(out, state, value),
    }
}

/// Returns a Boolean as it is in JSON.
pub(super) fn boolean(value: &Value) -> Option<&'static str> {
    (value.kind() == ValueKind::Bool).then(|| if value.is_true() { "true" } else { "false" })
}

/// A binary secret, which is no text.
#[derive(Debug)]
pub(super) struct BinaryValue {
    bytes: SecretBytes,
    line: usize,
    values: Arc<TemplateValues>,
}

impl BinaryValue {
    /// Returns it.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.expose()
    }
}

impl Object for BinaryValue {
    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn render(self: &Arc<Self>, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.values.refuse(self.line, RenderProblem::Binary);
        Ok(())
    }
}

fn keys(text: &Secret) -> Enumerator {
    match JsonObject::parse(text.expose()) {
        Some(object) => {
            Enumerator::Values(object.members().map(|(name, _)| Value::from(name)).collect())
        }
        None => Enumerator::NonEnumerable,
    }
}
