//! Reads `Condition`.

use super::reader::{Names, Place, Reader};
use crate::policy::condition::{Condition, Operand, Operator};
use crate::policy::error::Mistake;

/// Reads the conditions of a statement.
pub(super) fn conditions(reader: &mut Reader, place: &Place<'_>) -> Option<Vec<Condition>> {
    let mut conditions = Vec::new();
    let mut complete = true;
    for (name, place) in place.members(reader, Names::CaseSensitive)? {
        let Some(operator) = Operator::parse(&name) else {
            let nearest = Operator::nearest(&name);
            place.mistake(reader, Mistake::UnknownOperator { nearest });
            complete = false;
            continue;
        };
        let Some(keys) = place.members(reader, Names::IgnoreCase) else {
            complete = false;
            continue;
        };
        for (key, place) in keys {
            match condition(reader, operator, key, place) {
                Some(condition) => conditions.push(condition),
                None => complete = false,
            }
        }
    }
    complete.then_some(conditions)
}

fn condition(
    reader: &mut Reader,
    operator: Operator,
    key: String,
    place: Place<'_>,
) -> Option<Condition> {
    if !is_key(&key) {
        place.invalid(reader, &key, "a condition key such as `aws:SourceArn`");
        return None;
    }
    place.warn_of_key(reader, &key);
    let read: Vec<_> = place
        .items(reader)?
        .iter()
        .map(|place| {
            let text = place.text(reader)?;
            match Operand::parse(operator.comparison, &text, reader.variables) {
                Ok(operand) => Some(operand),
                Err(expected) => {
                    place.invalid(reader, &text, expected);
                    None
                }
            }
        })
        .collect();
    Some(Condition { operator, key, operands: read.into_iter().collect::<Option<_>>()? })
}

/// `service:name`; the key of a tag may hold anything behind a `/`.
fn is_key(key: &str) -> bool {
    key.split_once(':').is_some_and(|(service, name)| {
        !name.is_empty()
            && !service.is_empty()
            && service.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c))
    })
}
