//! Reads `Condition`.

use super::reader::{DocumentPlace, NameCase, Reader};
use crate::policy::condition::{Comparison, Condition, Operand, Operator, Quantifier};
use crate::policy::error::Mistake;
use crate::policy::keys;

/// Reads the conditions of a statement.
pub(super) fn conditions(reader: &mut Reader, place: &DocumentPlace<'_>) -> Option<Vec<Condition>> {
    let mut conditions = Vec::new();
    let mut complete = true;
    for (name, place) in place.members(reader, NameCase::CaseSensitive)? {
        let Some(operator) = Operator::parse(&name) else {
            let nearest = Operator::nearest(&name);
            place.mistake(reader, Mistake::UnknownOperator { nearest });
            complete = false;
            continue;
        };
        let Some(keys) = place.members(reader, NameCase::IgnoreCase) else {
            complete = false;
            continue;
        };
        for (key, place) in keys {
            match condition(reader, &name, operator, key, place) {
                Some(condition) => conditions.push(condition),
                None => complete = false,
            }
        }
    }
    complete.then_some(conditions)
}

fn condition(
    reader: &mut Reader,
    name: &str,
    operator: Operator,
    key: String,
    place: DocumentPlace<'_>,
) -> Option<Condition> {
    if !is_key(&key) {
        place.invalid(reader, &key, "a condition key such as `aws:SourceArn`");
        return None;
    }
    place.check_key(reader, &key);
    if keys::is_multivalued(&key)
        && operator.quantifier == Quantifier::Single
        && operator.comparison != Comparison::Null
    {
        place.mistake(reader, Mistake::Quantifier);
        return None;
    }
    let places = place.items(reader)?;
    let read: Vec<_> =
        places.iter().map(|place| operand(reader, operator.comparison, place)).collect();
    let operands = read.into_iter().collect::<Option<_>>()?;
    Some(Condition { name: name.to_owned(), operator, key, operands })
}

fn operand(
    reader: &mut Reader,
    comparison: Comparison,
    place: &DocumentPlace<'_>,
) -> Option<Operand> {
    let text = place.text(reader)?;
    match Operand::parse(comparison, &text, reader.variables) {
        Ok(operand) => {
            place.check_variables(reader, &text, operand.keys());
            Some(operand)
        }
        Err(expected) => {
            place.invalid(reader, &text, expected);
            None
        }
    }
}

/// `service:name`; the key of a tag may hold anything behind a `/`, but something.
fn is_key(key: &str) -> bool {
    key.split_once(':').is_some_and(|(service, name)| {
        !name.is_empty()
            && !name.ends_with('/')
            && !service.is_empty()
            && service.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c))
    })
}
