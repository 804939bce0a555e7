//! The members of a request in AWS JSON 1.1, read one by one, as Secrets Manager and Parameter Store
//! take them.

use std::fmt;
use std::ops::RangeInclusive;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::json;
use crate::message::Request;
use crate::refusal::Refusal;

/// A JSON object whose members are read one by one.
pub(crate) struct JsonMembers {
    object: Map<String, Value>,
    /// What messages put before the name of a member: `Filters.1.` in a list.
    path: String,
}

/// Without the values, which may be those of secrets.
impl fmt::Debug for JsonMembers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.object.keys()).finish()
    }
}

impl JsonMembers {
    /// Reads the body.
    pub(crate) fn parse(request: &Request) -> Result<Self, Refusal> {
        let object = json::object(&request.body).map_err(|_| {
            Refusal::new(400, "SerializationException", "Body is not a JSON object", "json")
        })?;
        Ok(Self { object, path: String::new() })
    }

    /// Returns a text.
    pub(crate) fn text(
        &self,
        name: &str,
        lengths: RangeInclusive<usize>,
    ) -> Result<Option<&str>, Refusal> {
        self.value(name).map(|value| self.as_text(name, value, &lengths)).transpose()
    }

    /// Returns a text that must be there.
    pub(crate) fn required_text(
        &self,
        name: &str,
        lengths: RangeInclusive<usize>,
    ) -> Result<&str, Refusal> {
        self.text(name, lengths)?.ok_or_else(|| self.missing(name))
    }

    /// Returns bytes in base64, at most `most` of them.
    pub(crate) fn bytes(&self, name: &str, most: usize) -> Result<Option<Vec<u8>>, Refusal> {
        let Some(text) = self.text(name, 0..=most * 2)? else { return Ok(None) };
        let bytes = STANDARD.decode(text).ok().filter(|bytes| bytes.len() <= most);
        let expected = format!("is not base64 of at most {most} bytes");
        bytes.map(Some).ok_or_else(|| self.invalid(name, &expected))
    }

    /// Returns `true` or `false`, and `false` if the member is missing.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        self.flag_or(name, false)
    }

    /// Returns `true` or `false`, and the default if the member is missing.
    pub(crate) fn flag_or(&self, name: &str, default: bool) -> Result<bool, Refusal> {
        match self.value(name) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(self.invalid(name, "is not a boolean")),
        }
    }

    /// Returns a whole number.
    pub(crate) fn number(
        &self,
        name: &str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, Refusal> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let number = value.as_u64().filter(|number| range.contains(number));
        let expected = format!("must be from {} to {}", range.start(), range.end());
        number.map(Some).ok_or_else(|| self.invalid(name, &expected))
    }

    /// Returns one of several words.
    pub(crate) fn choice<T: Copy>(
        &self,
        name: &str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, Refusal> {
        let Some(text) = self.text(name, 0..=usize::MAX)? else { return Ok(None) };
        let found = choices.iter().find(|(word, _)| *word == text);
        let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
        let expected = format!("must satisfy enum value set: [{}]", words.join(", "));
        found.map(|(_, choice)| Some(*choice)).ok_or_else(|| self.invalid(name, &expected))
    }

    /// Returns a list of texts.
    pub(crate) fn texts(
        &self,
        name: &str,
        counts: RangeInclusive<usize>,
        lengths: RangeInclusive<usize>,
    ) -> Result<Option<Vec<&str>>, Refusal> {
        let Some(values) = self.list(name, counts)? else { return Ok(None) };
        let texts = values.iter().map(|value| self.as_text(name, value, &lengths));
        texts.collect::<Result<_, _>>().map(Some)
    }

    /// Returns a list of objects.
    pub(crate) fn objects(
        &self,
        name: &str,
        counts: RangeInclusive<usize>,
    ) -> Result<Option<Vec<Self>>, Refusal> {
        let Some(values) = self.list(name, counts)? else { return Ok(None) };
        let objects = values.iter().enumerate().map(|(index, value)| match value {
            Value::Object(object) => {
                let path = format!("{}{name}.{}.", self.path, index + 1);
                Ok(Self { object: object.clone(), path })
            }
            _ => Err(self.invalid(name, "is not a list of objects")),
        });
        objects.collect::<Result<_, _>>().map(Some)
    }

    /// Returns the refusal of a member that is missing.
    pub(crate) fn missing(&self, name: &str) -> Refusal {
        let message = format!(
            "1 validation error detected: Value null at '{}{name}' failed to satisfy constraint: \
             Member must not be null",
            self.path
        );
        Refusal::new(400, "ValidationException", message, "missing-member")
    }

    /// Returns the refusal of a member, without its value, which may be that of a secret.
    pub(crate) fn invalid(&self, name: &str, how: &str) -> Refusal {
        let message = format!("1 validation error detected: '{}{name}' {how}", self.path);
        Refusal::new(400, "ValidationException", message, "member")
    }

    /// Returns the value of a member; `null` is as good as none.
    fn value(&self, name: &str) -> Option<&Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    fn list(&self, name: &str, counts: RangeInclusive<usize>) -> Result<Option<&[Value]>, Refusal> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Array(values)) if counts.contains(&values.len()) => Ok(Some(values)),
            Some(Value::Array(_)) => {
                let how = format!("must have {} to {} members", counts.start(), counts.end());
                Err(self.invalid(name, &how))
            }
            Some(_) => Err(self.invalid(name, "is not a list")),
        }
    }

    fn as_text<'a>(
        &self,
        name: &str,
        value: &'a Value,
        lengths: &RangeInclusive<usize>,
    ) -> Result<&'a str, Refusal> {
        let Value::String(text) = value else {
            return Err(self.invalid(name, "is not a string"));
        };
        if lengths.contains(&text.len()) {
            return Ok(text);
        }
        let how = format!("must have a length of {} to {}", lengths.start(), lengths.end());
        Err(self.invalid(name, &how))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(body: &str) -> JsonMembers {
        JsonMembers::parse(&Request { body: body.as_bytes().to_vec(), ..Request::default() })
            .unwrap()
    }

    #[test]
    fn debug_does_not_print_values() {
        assert_eq!(format!("{:?}", members(r#"{"SecretString":"s3cret"}"#)), r#"{"SecretString"}"#);
    }

    #[test]
    fn a_member_of_the_wrong_shape_is_refused_without_its_value() {
        let input = members(
            r#"{"T":"hush","N":7,"F":"hush","L":["a","hush"],"O":[{"K":"hush"}],"B":"hush!","0":null}"#,
        );
        let refused = |refusal: Refusal, message: &str| {
            assert_eq!(refusal.code, "ValidationException");
            assert_eq!(refusal.message, format!("1 validation error detected: {message}"));
            assert!(!refusal.message.contains("hush"));
        };
        refused(input.text("T", 1..=3).unwrap_err(), "'T' must have a length of 1 to 3");
        refused(input.text("N", 1..=3).unwrap_err(), "'N' is not a string");
        refused(input.flag("F").unwrap_err(), "'F' is not a boolean");
        refused(input.number("N", 1..=6).unwrap_err(), "'N' must be from 1 to 6");
        refused(input.texts("L", 1..=1, 0..=9).unwrap_err(), "'L' must have 1 to 1 members");
        refused(input.texts("L", 1..=2, 0..=3).unwrap_err(), "'L' must have a length of 0 to 3");
        refused(input.bytes("B", 9).unwrap_err(), "'B' is not base64 of at most 9 bytes");
        let choices = [("a", 1), ("b", 2)];
        refused(
            input.choice("T", &choices).unwrap_err(),
            "'T' must satisfy enum value set: [a, b]",
        );
        let object = &input.objects("O", 0..=1).unwrap().unwrap()[0];
        refused(object.text("K", 0..=1).unwrap_err(), "'O.1.K' must have a length of 0 to 1");
        refused(
            object.required_text("V", 0..=1).unwrap_err(),
            "Value null at 'O.1.V' failed to satisfy constraint: Member must not be null",
        );
        assert_eq!(input.text("0", 1..=1).unwrap(), None);
    }
}
