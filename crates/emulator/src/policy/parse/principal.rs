//! Reads `Principal` and `NotPrincipal`.

use super::reader::{DocumentPlace, Elements, Reader};
use super::statement::selection;
use crate::arn::is_account;
use crate::policy::PolicyKind;
use crate::policy::error::Mistake;
use crate::policy::principal::PrincipalPattern;
use crate::policy::statement::{Effect, Selection};

/// Reads who a statement is about.
pub(super) fn principals(
    reader: &mut Reader,
    elements: &Elements<'_>,
    effect: Option<Effect>,
) -> Option<Selection<PrincipalPattern>> {
    let (negated, place) = elements.either(reader, "Principal", "NotPrincipal")?;
    if negated && reader.kind == PolicyKind::Trust {
        place.mistake(reader, Mistake::NotAllowed("a trust policy"));
    } else if negated && effect == Some(Effect::Allow) {
        place.mistake(reader, Mistake::NotPrincipalAllows);
    }
    let entries = entries(reader, &place)?;
    Some(if negated { Selection::Except(entries) } else { Selection::Only(entries) })
}

fn entries(reader: &mut Reader, place: &DocumentPlace<'_>) -> Option<Vec<PrincipalPattern>> {
    const TYPES: [&str; 4] = ["AWS", "Service", "Federated", "CanonicalUser"];
    if place.is_string() {
        let text = place.string(reader)?;
        if text == "*" {
            return Some(vec![PrincipalPattern::Anyone]);
        }
        place.invalid(reader, &text, "`*`, or an object such as `{\"AWS\": …}`");
        return None;
    }
    let types = Elements::of(reader, place.clone(), &TYPES)?;
    let mut entries = Vec::new();
    let mut complete = true;
    for name in TYPES {
        let Some(place) = types.element(name) else { continue };
        let read = selection(reader, false, place, |reader, place| entry(reader, place, name));
        match read {
            Some(Selection::Only(read) | Selection::Except(read)) => entries.extend(read),
            None => complete = false,
        }
    }
    (complete && !entries.is_empty()).then_some(entries)
}

fn entry(reader: &mut Reader, place: &DocumentPlace<'_>, name: &str) -> Option<PrincipalPattern> {
    let text = place.string(reader)?;
    if text.is_empty() {
        place.mistake(reader, Mistake::Empty);
        return None;
    }
    match name {
        "AWS" => {
            let entry = aws(&text);
            if entry.is_none() {
                let expected = "`*`, an account, or the ARN of an account's root, of a role, of a \
                                user or of a session, without wildcards";
                place.invalid(reader, &text, expected);
            }
            entry
        }
        "Service" if text.contains('*') || !text.contains('.') => {
            place.invalid(reader, &text, "a service such as `rolesanywhere.amazonaws.com`");
            None
        }
        "Service" => Some(PrincipalPattern::Service(text)),
        _ => Some(PrincipalPattern::Foreign),
    }
}

fn aws(text: &str) -> Option<PrincipalPattern> {
    if text == "*" {
        return Some(PrincipalPattern::Anyone);
    }
    if is_account(text) {
        return Some(PrincipalPattern::Account(text.to_owned()));
    }
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", _, service, "", account, resource] = parts[..] else { return None };
    if !is_account(account) || text.contains(['*', '?']) {
        return None;
    }
    match (service, resource.split_once('/')) {
        ("iam", None) if resource == "root" => Some(PrincipalPattern::Account(account.to_owned())),
        ("iam", Some(("role" | "user", name)))
        | ("sts", Some(("assumed-role" | "federated-user", name)))
            if !name.is_empty() =>
        {
            Some(PrincipalPattern::Arn(text.to_owned()))
        }
        _ => None,
    }
}
