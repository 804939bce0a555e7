//! Reads a document element by element, and collects what is wrong with it.

use std::collections::BTreeSet;

use crate::nearest::nearest;
use crate::policy::document::{Content, Node};
use crate::policy::error::{Mistake, PolicyError, Position};
use crate::policy::keys::{self, Callers};
use crate::policy::{PolicyKind, PolicyWarning};

/// The context in which an element of a document is read.
pub(super) struct Reader {
    pub(super) kind: PolicyKind,
    /// Whether `${…}` is a variable, which the version decides.
    pub(super) variables: bool,
    /// The callers that the current statement is about.
    pub(super) callers: Callers,
    /// The Sids so far.
    pub(super) sids: BTreeSet<String>,
    pub(super) errors: Vec<PolicyError>,
    pub(super) warnings: Vec<PolicyWarning>,
}

/// A value of the document, and what errors call it.
#[derive(Debug, Clone)]
pub(super) struct DocumentPlace<'a> {
    pub(super) path: String,
    position: Position,
    node: Node<'a>,
}

impl Reader {
    /// Returns a reader that has read nothing.
    pub(super) const fn new(kind: PolicyKind) -> Self {
        Self {
            kind,
            variables: false,
            callers: Callers::Any,
            sids: BTreeSet::new(),
            errors: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

impl<'a> DocumentPlace<'a> {
    /// Returns the whole document.
    pub(super) fn root(node: Node<'a>) -> Self {
        Self { path: String::new(), position: node.position(), node }
    }

    /// Reports a mistake here.
    pub(super) fn mistake(&self, reader: &mut Reader, mistake: Mistake) {
        let (path, position) = (self.path.clone(), Some(self.position));
        reader.errors.push(PolicyError { path, position, mistake });
    }

    /// Reports a value that is not what was expected.
    pub(super) fn invalid(&self, reader: &mut Reader, value: &str, expected: &'static str) {
        self.mistake(reader, Mistake::Value { value: value.to_owned(), expected });
    }

    /// Reports a condition key that no request has.
    pub(super) fn check_key(&self, reader: &mut Reader, key: &str) {
        if keys::is_set_here(reader.kind, reader.callers, key) {
            return;
        }
        reader.warnings.push(PolicyWarning {
            key: key.to_owned(),
            nearest: keys::nearest_key(key),
            path: self.path.clone(),
            position: Some(self.position),
        });
    }

    /// Checks the keys of policy variables, which must have one value.
    pub(super) fn check_variables<'k>(
        &self,
        reader: &mut Reader,
        text: &str,
        variables: impl Iterator<Item = &'k str>,
    ) {
        for key in variables {
            if keys::is_multivalued(key) {
                self.invalid(reader, text, "no variable that has several values");
            }
            self.check_key(reader, key);
        }
    }

    /// Returns what is here.
    pub(super) fn content(&self, reader: &mut Reader) -> Option<Content<'a>> {
        match self.node.content() {
            Ok(content) => Some(content),
            Err(_) => {
                let message = "half a surrogate pair in a string".to_owned();
                self.mistake(reader, Mistake::Syntax(message));
                None
            }
        }
    }

    /// Returns whether a string is here.
    pub(super) fn is_string(&self) -> bool {
        matches!(self.node.content(), Ok(Content::String(_)))
    }

    /// Returns the string that is here.
    pub(super) fn string(&self, reader: &mut Reader) -> Option<String> {
        match self.content(reader)? {
            Content::String(text) => Some(text),
            other => self.wrong_kind(reader, "a string", &other),
        }
    }

    /// Returns the string, number or boolean that is here, as text.
    pub(super) fn text(&self, reader: &mut Reader) -> Option<String> {
        match self.content(reader)? {
            Content::String(text) => Some(text),
            Content::Scalar(text) => Some(text.to_owned()),
            other => self.wrong_kind(reader, "a string, a number or a boolean", &other),
        }
    }

    /// Returns the items of the list that is here; a value that is not a list counts as the only
    /// item of one.
    pub(super) fn items(self, reader: &mut Reader) -> Option<Vec<Self>> {
        match self.content(reader)? {
            Content::Array(nodes) if nodes.is_empty() => {
                self.mistake(reader, Mistake::Empty);
                None
            }
            Content::Array(nodes) => {
                let place = |(index, node): (usize, Node<'a>)| Self {
                    path: format!("{}[{index}]", self.path),
                    position: node.position(),
                    node,
                };
                Some(nodes.into_iter().enumerate().map(place).collect())
            }
            _ => Some(vec![self]),
        }
    }

    /// Returns the members of the object that is here. A name that is there twice is a mistake.
    pub(super) fn members(
        &self,
        reader: &mut Reader,
        names: NameCase,
    ) -> Option<Vec<(String, Self)>> {
        let members = match self.content(reader)? {
            Content::Object(members) => members,
            other => return self.wrong_kind(reader, "an object", &other),
        };
        if members.is_empty() {
            self.mistake(reader, Mistake::Empty);
            return None;
        }
        let mut seen = BTreeSet::new();
        let mut places = Vec::with_capacity(members.len());
        for member in members {
            let separator = if self.path.is_empty() { "" } else { "." };
            let path = format!("{}{separator}{}", self.path, member.name);
            let place = Self { path, position: member.position, node: member.value };
            let name = match names {
                NameCase::CaseSensitive => member.name.clone(),
                NameCase::IgnoreCase => member.name.to_ascii_lowercase(),
            };
            if seen.insert(name) {
                places.push((member.name, place));
            } else {
                place.mistake(reader, Mistake::Duplicate);
            }
        }
        Some(places)
    }

    fn wrong_kind<T>(
        &self,
        reader: &mut Reader,
        expected: &'static str,
        found: &Content<'_>,
    ) -> Option<T> {
        let found = match found {
            Content::Object(_) => "an object",
            Content::Array(_) => "a list",
            Content::String(_) => "a string",
            Content::Scalar("true" | "false") => "a boolean",
            Content::Scalar(_) => "a number",
            Content::Null => "null",
        };
        self.mistake(reader, Mistake::Kind { expected, found });
        None
    }
}

/// Whether the names of an object are compared with case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameCase {
    CaseSensitive,
    IgnoreCase,
}

/// The elements of an object whose names are fixed.
pub(super) struct Elements<'a> {
    place: DocumentPlace<'a>,
    members: Vec<(String, DocumentPlace<'a>)>,
}

impl<'a> Elements<'a> {
    /// Reads an object. Names that are not known are mistakes.
    pub(super) fn of(
        reader: &mut Reader,
        place: DocumentPlace<'a>,
        known: &'static [&'static str],
    ) -> Option<Self> {
        let mut members = place.members(reader, NameCase::CaseSensitive)?;
        members.retain(|(name, place)| {
            let is_known = known.contains(&name.as_str());
            if !is_known {
                let nearest = nearest(name, known.iter().copied());
                place.mistake(reader, Mistake::Unknown { nearest });
            }
            is_known
        });
        Some(Self { place, members })
    }

    /// Returns an element, if it is there.
    pub(super) fn element(&self, name: &str) -> Option<DocumentPlace<'a>> {
        self.members.iter().find(|(found, _)| found == name).map(|(_, place)| place.clone())
    }

    /// Returns an element, and reports it as missing if it is not there.
    pub(super) fn required(
        &self,
        reader: &mut Reader,
        name: &'static str,
    ) -> Option<DocumentPlace<'a>> {
        let element = self.element(name);
        if element.is_none() {
            self.place.mistake(reader, Mistake::Missing(name));
        }
        element
    }

    /// Returns an element or its negation; reports both, and neither if it is required.
    pub(super) fn either(
        &self,
        reader: &mut Reader,
        name: &'static str,
        negation: &'static str,
    ) -> Option<(bool, DocumentPlace<'a>)> {
        match (self.element(name), self.element(negation)) {
            (Some(place), None) => Some((false, place)),
            (None, Some(place)) => Some((true, place)),
            (Some(_), Some(place)) => {
                place.mistake(reader, Mistake::Both(name, negation));
                None
            }
            (None, None) => {
                self.place.mistake(reader, Mistake::Missing(name));
                None
            }
        }
    }
}
