//! The values that `secret` and `parameter` return. minijinja keeps texts in memory that is not wiped;
//! the process ends soon after.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Enumerator, Object};
use minijinja::{Error, ErrorKind, Value};

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
            ResolvedValue::Text(text) => of_text(text),
            ResolvedValue::Binary(bytes) => {
                let (bytes, values) = (bytes.clone(), Arc::clone(self));
                Value::from_object(BinaryValue { bytes, line: *line, values })
            }
            // No reference of a template is to all members.
            ResolvedValue::Absent | ResolvedValue::Members(_) => Value::UNDEFINED,
        })
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
        inner.value().or_else(|| member(self.values.text(&self.of)?, key))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.values.text(&self.of).map_or(Enumerator::NonEnumerable, keys)
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.values.text(&self.of) {
            Some(text) => f.write_str(text.expose()),
            None => {
                self.values.refuse(0, RenderProblem::Undefined);
                Ok(())
            }
        }
    }
}

/// A JSON object, as it is written.
#[derive(Debug)]
struct JsonText(Secret);

impl Object for JsonText {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        member(&self.0, key.as_str()?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        keys(&self.0)
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.expose())
    }
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

/// Returns a text as a value: a string, or an object whose members can be read.
fn of_text(text: &Secret) -> Value {
    match text.expose().trim_start().starts_with('{') && JsonObject::parse(text.expose()).is_some()
    {
        true => Value::from_object(JsonText(text.clone())),
        false => Value::from(text.expose()),
    }
}

fn member(text: &Secret, key: &str) -> Option<Value> {
    match JsonObject::parse(text.expose())?.member(key)? {
        MemberValue::Text(text) => Some(of_text(&text)),
        MemberValue::Null | MemberValue::NotUnicode => None,
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
