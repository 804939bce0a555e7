//! JSON with what `serde_json::Value` forgets: names that are there twice, and where everything is.

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::error::Position;

/// A value in a JSON text that is known to be valid.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node<'a> {
    document: &'a str,
    text: &'a str,
}

/// The value of a [`Node`].
#[derive(Debug, Clone)]
pub(super) enum Content<'a> {
    Object(Vec<Member<'a>>),
    Array(Vec<Node<'a>>),
    String(String),
    /// A number or a boolean, as it is written.
    Scalar(&'a str),
    Null,
}

/// A name and its value.
#[derive(Debug, Clone)]
pub(super) struct Member<'a> {
    pub(super) name: String,
    /// The position of the name.
    pub(super) position: Position,
    pub(super) value: Node<'a>,
}

impl<'a> Node<'a> {
    /// Checks that a text is one JSON value, and returns it.
    pub(super) fn parse(document: &'a str) -> serde_json::Result<Self> {
        let raw: &RawValue = serde_json::from_str(document)?;
        Ok(Self { document, text: raw.get() })
    }

    /// Returns where the value begins.
    pub(super) fn position(self) -> Position {
        position(self.document, self.text)
    }

    /// Reads one level of the value. It fails for strings that are not valid: half a surrogate pair.
    pub(super) fn content(self) -> serde_json::Result<Content<'a>> {
        let nodes = |raw: Vec<&'a RawValue>| raw.into_iter().map(|raw| self.at(raw)).collect();
        Ok(match self.text.as_bytes().first() {
            Some(b'{') => Content::Object(self.members()?),
            Some(b'[') => Content::Array(nodes(serde_json::from_str(self.text)?)),
            Some(b'"') => Content::String(serde_json::from_str(self.text)?),
            Some(b'n') => Content::Null,
            _ => Content::Scalar(self.text),
        })
    }

    fn members(self) -> serde_json::Result<Vec<Member<'a>>> {
        let raw = serde_json::Deserializer::from_str(self.text).deserialize_map(Members)?;
        raw.into_iter()
            .map(|(name, value)| {
                Ok(Member {
                    name: serde_json::from_str(name.get())?,
                    position: position(self.document, name.get()),
                    value: self.at(value),
                })
            })
            .collect()
    }

    fn at(self, raw: &'a RawValue) -> Self {
        Self { document: self.document, text: raw.get() }
    }
}

/// Returns where a part of a document begins. A [`RawValue`] borrows from the text that it was read
/// from, so that the distance of the two is the offset.
fn position(document: &str, part: &str) -> Position {
    let offset = part.as_ptr().addr().saturating_sub(document.as_ptr().addr());
    let before = document.get(..offset).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    Position { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(&'de RawValue, &'de RawValue)>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}
