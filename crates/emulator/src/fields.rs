//! JSON that people write: objects whose members are read one by one, with errors that name the
//! member and say what is expected of it. They never repeat a value, which may be a secret.

use std::fmt;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::nearest::nearest;

/// Why a member cannot be used: `faults[1].delay_ms: expected a whole number of milliseconds`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct FieldError {
    /// Such as `faults[1].delay_ms`; empty for the whole.
    field: String,
    problem: String,
}

impl FieldError {
    pub(crate) fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }

    /// Returns the path of the member; `None` if it is the whole that cannot be used.
    pub(crate) fn field(&self) -> Option<&str> {
        Some(&*self.field).filter(|field| !field.is_empty())
    }

    /// Returns the error of a name that is not one of those that are known.
    pub(crate) fn unknown<'a>(
        field: impl Into<String>,
        what: &str,
        name: &str,
        known: impl Iterator<Item = &'a str> + Clone,
    ) -> Self {
        let hint = match nearest(name, known.clone()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => {
                let known: Vec<_> = known.map(|name| format!("`{name}`")).collect();
                format!("expected {}", known.join(", "))
            }
        };
        Self::new(field, format!("unknown {what}: {hint}"))
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field() {
            Some(field) => write!(formatter, "{field}: {}", self.problem),
            None => formatter.write_str(&self.problem),
        }
    }
}

/// A JSON object of which every member is known.
#[derive(Debug)]
pub(crate) struct Fields {
    members: Map<String, Value>,
    path: String,
}

impl Fields {
    /// Reads an object that is at a path; an empty one for the whole.
    pub(crate) fn read(
        value: Value,
        path: &str,
        known: &'static [&'static str],
    ) -> Result<Self, FieldError> {
        let Value::Object(members) = value else {
            return Err(FieldError::new(path, "expected a JSON object"));
        };
        let fields = Self { members, path: path.to_owned() };
        match fields.members.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => {
                let field = fields.path_of(name);
                Err(FieldError::unknown(field, "field", name, known.iter().copied()))
            }
            None => Ok(fields),
        }
    }

    /// Returns the path of a member.
    pub(crate) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Returns a member if it is there and not `null`; `read` returns `None` for what is not as
    /// expected.
    pub(crate) fn optional<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, FieldError> {
        match self.members.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => read(value)
                .map(Some)
                .ok_or_else(|| FieldError::new(self.path_of(name), format!("expected {expected}"))),
        }
    }

    /// Returns a member that must be there.
    pub(crate) fn required<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<T, FieldError> {
        self.optional(name, expected, read)?.ok_or_else(|| {
            FieldError::new(self.path_of(name), format!("missing: expected {expected}"))
        })
    }
}

/// Returns a string.
pub(crate) fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KNOWN: &[&str] = &["status", "delay_ms"];

    fn error(value: Value, path: &str) -> String {
        let fields = match Fields::read(value, path, KNOWN) {
            Ok(fields) => fields,
            Err(error) => return error.to_string(),
        };
        let status = fields.required("status", "a status", Value::as_u64);
        let delay = fields.optional("delay_ms", "a whole number of milliseconds", Value::as_u64);
        status.and(delay).unwrap_err().to_string()
    }

    #[test]
    fn an_error_names_the_member_and_never_its_value() {
        for (value, path, expected) in [
            (json!([]), "", "expected a JSON object"),
            (json!("hush"), "faults[1]", "faults[1]: expected a JSON object"),
            (json!({"stauts": "hush"}), "", "stauts: unknown field: did you mean `status`?"),
            (json!({"x": 1}), "a", "a.x: unknown field: expected `status`, `delay_ms`"),
            (json!({"status": "hush"}), "", "status: expected a status"),
            (json!({"status": null}), "", "status: missing: expected a status"),
            (
                json!({"status": 1, "delay_ms": -5}),
                "faults[1]",
                "faults[1].delay_ms: expected a whole number of milliseconds",
            ),
        ] {
            assert_eq!(error(value, path), expected);
        }
    }
}
