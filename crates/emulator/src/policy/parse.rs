//! Reads a policy document: everything that is not understood is a mistake, and all are reported.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>

mod condition;
mod principal;
mod reader;
mod statement;

use super::document::Node;
use super::error::{Mistake, PolicyError, PolicyErrors, Position};
use super::statement::Statement;
use super::{Policy, PolicyKind};
use reader::{DocumentPlace, Elements, Reader};

/// Reads a policy of a kind.
pub(super) fn policy(kind: PolicyKind, json: &str) -> Result<Policy, PolicyErrors> {
    let root = Node::parse(json).map_err(|error| {
        let position = Position { line: error.line(), column: error.column() };
        let text = error.to_string();
        let message = text.rsplit_once(" at line ").map_or(&*text, |(message, _)| message);
        PolicyErrors(vec![PolicyError {
            path: String::new(),
            position: Some(position),
            mistake: Mistake::Syntax(message.to_owned()),
        }])
    })?;
    let mut reader = Reader::new(kind);
    let statements = document(&mut reader, root);
    let Reader { mut errors, warnings, .. } = reader;
    errors.sort_by_key(|error| error.position);
    match statements {
        Some(statements) if errors.is_empty() => {
            let document = json.to_owned();
            Ok(Policy { kind, document, statements, warnings })
        }
        _ => Err(PolicyErrors(errors)),
    }
}

fn document(reader: &mut Reader, root: Node<'_>) -> Option<Vec<Statement>> {
    const ELEMENTS: [&str; 3] = ["Version", "Id", "Statement"];
    let elements = Elements::of(reader, DocumentPlace::root(root), &ELEMENTS)?;
    // Read before the statements: it decides whether variables are replaced.
    if let Some(place) = elements.element("Version")
        && let Some(version) = place.string(reader)
    {
        match &*version {
            "2012-10-17" => reader.variables = true,
            "2008-10-17" => {}
            other => place.invalid(reader, other, "`2012-10-17` or `2008-10-17`"),
        }
    }
    if let Some(place) = elements.element("Id") {
        place.string(reader);
    }
    let statements = elements.required(reader, "Statement")?.items(reader)?;
    // Each is read, so that the mistakes of all are reported.
    let read: Vec<_> =
        statements.into_iter().map(|place| statement::statement(reader, place)).collect();
    read.into_iter().collect()
}
