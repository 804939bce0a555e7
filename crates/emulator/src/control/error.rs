//! Why the control API refuses a request, as JSON: `{"message", "field"}`.

use serde_json::json;
use thiserror::Error;

use crate::fields::FieldError;
use crate::message::Reply;

/// Why the control API refuses a request.
#[derive(Debug, Error)]
pub(super) enum ControlError {
    /// The body is not JSON. Where, but not what: it may hold a secret.
    #[error("the body is not JSON (line {line}, column {column})")]
    Json { line: usize, column: usize },
    #[error(transparent)]
    Field(#[from] FieldError),
    /// What the body is about is not there.
    #[error("{field}: there is no {what} with that ARN")]
    NotFound { field: &'static str, what: &'static str },
    #[error("there is no route `{path}`{hint}")]
    Route { path: String, hint: String },
    /// The route has other methods.
    #[error("`{path}` takes {allow}")]
    Method { path: String, allow: String },
}

impl ControlError {
    /// Returns the reply.
    pub(super) fn reply(&self) -> Reply {
        let status = match self {
            Self::Json { .. } | Self::Field(_) => 400,
            Self::NotFound { .. } | Self::Route { .. } => 404,
            Self::Method { .. } => 405,
        };
        let field = match self {
            Self::Field(error) => error.field(),
            Self::NotFound { field, .. } => Some(*field),
            _ => None,
        };
        let body = json!({ "message": self.to_string(), "field": field });
        let reply = Reply::new(status, "application/json", format!("{body}\n"));
        match self {
            Self::Method { allow, .. } => reply.with("allow", allow),
            _ => reply,
        }
    }
}

impl From<serde_json::Error> for ControlError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json { line: error.line(), column: error.column() }
    }
}
