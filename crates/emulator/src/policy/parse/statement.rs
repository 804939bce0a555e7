//! Reads a statement.

use super::reader::{Elements, Place, Reader};
use super::{condition, principal};
use crate::policy::PolicyKind;
use crate::policy::error::Mistake;
use crate::policy::pattern::{Glyph, Syntax, Template};
use crate::policy::statement::{Effect, Selection, Statement};

const ELEMENTS: [&str; 9] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

/// Reads a statement; `None` if anything is wrong with it.
pub(super) fn statement(reader: &mut Reader, place: Place<'_>) -> Option<Statement> {
    let path = place.path.clone();
    let elements = Elements::of(reader, place, &ELEMENTS)?;
    let sid = elements.element("Sid").and_then(|place| sid(reader, &place));
    let effect = elements.required(reader, "Effect").and_then(|place| effect(reader, &place));
    let principals = match reader.kind {
        PolicyKind::Identity => {
            refuse(reader, &elements, ["Principal", "NotPrincipal"], "an identity policy");
            None
        }
        PolicyKind::Trust | PolicyKind::Resource => Some(principal::principals(reader, &elements)),
    };
    let actions = elements
        .either(reader, "Action", "NotAction")
        .and_then(|(negated, place)| selection(reader, negated, place, action));
    let resources = match reader.kind {
        PolicyKind::Trust => {
            refuse(reader, &elements, ["Resource", "NotResource"], "a trust policy");
            None
        }
        PolicyKind::Identity | PolicyKind::Resource => Some(
            elements
                .either(reader, "Resource", "NotResource")
                .and_then(|(negated, place)| selection(reader, negated, place, resource)),
        ),
    };
    let conditions = match elements.element("Condition") {
        Some(place) => condition::conditions(reader, &place)?,
        None => Vec::new(),
    };
    Some(Statement {
        path,
        sid,
        effect: effect?,
        principals: match principals {
            Some(principals) => Some(principals?),
            None => None,
        },
        actions: actions?,
        resources: match resources {
            Some(resources) => Some(resources?),
            None => None,
        },
        conditions,
    })
}

fn refuse(reader: &mut Reader, elements: &Elements<'_>, names: [&str; 2], kind: &'static str) {
    for name in names {
        if let Some(place) = elements.element(name) {
            place.mistake(reader, Mistake::NotAllowed(kind));
        }
    }
}

fn sid(reader: &mut Reader, place: &Place<'_>) -> Option<String> {
    let sid = place.string(reader)?;
    if reader.kind != PolicyKind::Resource && !sid.chars().all(|c| c.is_ascii_alphanumeric()) {
        place.invalid(reader, &sid, "letters and digits");
    }
    (!sid.is_empty()).then_some(sid)
}

fn effect(reader: &mut Reader, place: &Place<'_>) -> Option<Effect> {
    match &*place.string(reader)? {
        "Allow" => Some(Effect::Allow),
        "Deny" => Some(Effect::Deny),
        value => {
            place.invalid(reader, value, "`Allow` or `Deny`");
            None
        }
    }
}

/// Reads the entries of an element, each of them, so that the mistakes of all are reported.
pub(super) fn selection<T>(
    reader: &mut Reader,
    negated: bool,
    place: Place<'_>,
    read: impl Fn(&mut Reader, &Place<'_>) -> Option<T>,
) -> Option<Selection<T>> {
    let read: Vec<_> = place.items(reader)?.iter().map(|place| read(reader, place)).collect();
    let entries = read.into_iter().collect::<Option<Vec<_>>>()?;
    Some(if negated { Selection::Except(entries) } else { Selection::Only(entries) })
}

/// Reads `service:Operation`, with wildcards; actions are compared without case.
fn action(reader: &mut Reader, place: &Place<'_>) -> Option<Vec<Glyph>> {
    let text = place.string(reader)?;
    if !is_action(&text) {
        place.invalid(reader, &text, "`*`, or an action such as `secretsmanager:GetSecretValue`");
        return None;
    }
    let glyph = |c: char| match c {
        '*' => Glyph::Any,
        '?' => Glyph::One,
        c => Glyph::Literal(c.to_ascii_lowercase()),
    };
    Some(text.chars().map(glyph).collect())
}

fn is_action(text: &str) -> bool {
    let is_name = |text: &str, also: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c))
    };
    text == "*"
        || text.split_once(':').is_some_and(|(service, operation)| {
            (service == "*" || is_name(service, "-")) && is_name(operation, "*?-_")
        })
}

fn resource(reader: &mut Reader, place: &Place<'_>) -> Option<Template> {
    let text = place.string(reader)?;
    let known =
        text == "*" || text.starts_with("arn:") || (reader.variables && text.starts_with("${"));
    if !known {
        place.invalid(reader, &text, "`*` or an ARN");
        return None;
    }
    let syntax = Syntax { wildcards: true, variables: reader.variables };
    match Template::parse(&text, syntax) {
        Ok(template) => Some(template),
        Err(expected) => {
            place.invalid(reader, &text, expected);
            None
        }
    }
}
