//! Reads a statement.

use super::reader::{DocumentPlace, Elements, Reader};
use super::{condition, principal};
use crate::policy::PolicyKind;
use crate::policy::error::Mistake;
use crate::policy::keys::Callers;
use crate::policy::pattern::{Glyph, Syntax, Template};
use crate::policy::principal::PrincipalPattern;
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
pub(super) fn statement(reader: &mut Reader, place: DocumentPlace<'_>) -> Option<Statement> {
    let path = place.path.clone();
    let elements = Elements::of(reader, place, &ELEMENTS)?;
    let sid = elements.element("Sid").and_then(|place| sid(reader, &place));
    let effect = elements.required(reader, "Effect").and_then(|place| effect(reader, &place));
    let principals = match reader.kind {
        PolicyKind::Identity => {
            refuse(reader, &elements, ["Principal", "NotPrincipal"], "an identity policy");
            None
        }
        PolicyKind::Trust | PolicyKind::Resource => {
            Some(principal::principals(reader, &elements, effect))
        }
    };
    reader.callers = callers(reader.kind, principals.as_ref());
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

/// Returns whom a statement is about: no service uses secrets here, or has permissions.
fn callers(kind: PolicyKind, principals: Option<&Option<Selection<PrincipalPattern>>>) -> Callers {
    if kind != PolicyKind::Trust {
        return Callers::Sessions;
    }
    let Some(Some(Selection::Only(entries))) = principals else { return Callers::Any };
    let is_service = |entry: &PrincipalPattern| matches!(entry, PrincipalPattern::Service(_));
    let is_anyone = |entry: &PrincipalPattern| *entry == PrincipalPattern::Anyone;
    if entries.iter().all(is_service) {
        Callers::Services
    } else if entries.iter().any(|entry| is_service(entry) || is_anyone(entry)) {
        Callers::Any
    } else {
        Callers::Sessions
    }
}

fn refuse(reader: &mut Reader, elements: &Elements<'_>, names: [&str; 2], kind: &'static str) {
    for name in names {
        if let Some(place) = elements.element(name) {
            place.mistake(reader, Mistake::NotAllowed(kind));
        }
    }
}

fn sid(reader: &mut Reader, place: &DocumentPlace<'_>) -> Option<String> {
    let sid = place.string(reader)?;
    if reader.kind != PolicyKind::Resource && !sid.chars().all(|c| c.is_ascii_alphanumeric()) {
        place.invalid(reader, &sid, "letters and digits");
    }
    if sid.is_empty() {
        return None;
    }
    if !reader.sids.insert(sid.clone()) {
        place.mistake(reader, Mistake::SidUsed);
    }
    Some(sid)
}

fn effect(reader: &mut Reader, place: &DocumentPlace<'_>) -> Option<Effect> {
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
    place: DocumentPlace<'_>,
    read: impl Fn(&mut Reader, &DocumentPlace<'_>) -> Option<T>,
) -> Option<Selection<T>> {
    let read: Vec<_> = place.items(reader)?.iter().map(|place| read(reader, place)).collect();
    let entries = read.into_iter().collect::<Option<Vec<_>>>()?;
    Some(if negated { Selection::Except(entries) } else { Selection::Only(entries) })
}

/// Reads `service:Operation`, with wildcards; actions are compared without case.
fn action(reader: &mut Reader, place: &DocumentPlace<'_>) -> Option<Vec<Glyph>> {
    let text = place.string(reader)?;
    if !is_action(&text) {
        place.invalid(reader, &text, "`*`, or an action such as `secretsmanager:GetSecretValue`");
        return None;
    }
    if reader.kind == PolicyKind::Trust && text != "*" && !is_of_sts(&text) {
        place.invalid(reader, &text, "an action of STS, such as `sts:AssumeRole`");
        return None;
    }
    Some(text.chars().map(|c| Glyph::with_wildcards(c.to_ascii_lowercase())).collect())
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

fn is_of_sts(action: &str) -> bool {
    action.split_once(':').is_some_and(|(service, _)| service.eq_ignore_ascii_case("sts"))
}

fn resource(reader: &mut Reader, place: &DocumentPlace<'_>) -> Option<Template> {
    let text = place.string(reader)?;
    let syntax = Syntax { wildcards: true, variables: reader.variables };
    let template = match Template::parse(&text, syntax) {
        Ok(template) => template.in_segments(),
        Err(expected) => {
            place.invalid(reader, &text, expected);
            return None;
        }
    };
    if !is_resource(&text) {
        place.invalid(reader, &text, "`*`, or an ARN without wildcards in its service");
        return None;
    }
    if template.colons_before_variables().is_some_and(|colons| colons < 5) {
        place.invalid(reader, &text, "variables after the fifth colon only");
        return None;
    }
    place.check_variables(reader, &text, template.keys());
    Some(template)
}

/// Six parts, fewer if a `*` at the end stands for the rest.
fn is_resource(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    text == "*"
        || (parts[0] == "arn"
            && (parts.len() == 6 || (parts.len() > 1 && text.ends_with('*')))
            && parts.get(2).is_none_or(|service| !service.contains(['*', '?'])))
}
