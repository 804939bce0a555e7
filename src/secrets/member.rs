//! The members of a value that is a JSON object.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::value::RawValue;

use roles_anywhere_client::secret::Secret;

/// A JSON object, borrowed from its text. Of two members with one name, the last one counts, as for most
/// parsers.
#[derive(Debug)]
pub(crate) struct Object<'a>(BTreeMap<String, &'a RawValue>);

/// The value of a member.
#[derive(Debug)]
pub(crate) enum MemberValue {
    /// The text of a string.
    Text(Secret),
    /// A value of another type, as it is written.
    Json(Secret),
    /// `null`.
    Null,
    /// A string that is not Unicode (half a surrogate pair).
    NotUnicode,
}

impl<'a> Object<'a> {
    /// Returns the object that `json` is, if it is one.
    pub(crate) fn parse(json: &'a str) -> Option<Self> {
        // serde_json also reads a struct from an array; a map it does not.
        serde_json::from_str(json).ok().map(Self)
    }

    /// Returns the number of members.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the member with exactly this name.
    pub(crate) fn member(&self, key: &str) -> Option<MemberValue> {
        self.0.get(key).map(|value| MemberValue::of(value))
    }

    /// Returns the member with exactly this name; else the member that a path leads to, whose names are
    /// separated by dots. At each step the longest name is tried first, as a name may contain dots.
    pub(crate) fn at_path(&self, path: &str) -> Option<MemberValue> {
        self.raw_at_path(path).map(MemberValue::of)
    }

    /// Returns where the value of [`Object::at_path`] is written in `text`, of which this is the object.
    pub(crate) fn place_at_path(&self, text: &str, path: &str) -> Option<Range<usize>> {
        place(text, self.raw_at_path(path)?)
    }

    /// Returns where the value of the member with exactly this name is written in `text`, of which this is the
    /// object.
    pub(crate) fn place(&self, text: &str, name: &str) -> Option<Range<usize>> {
        place(text, self.0.get(name)?)
    }

    fn raw_at_path(&self, path: &str) -> Option<&'a RawValue> {
        if let Some(value) = self.0.get(path) {
            return Some(value);
        }
        path.rmatch_indices('.').find_map(|(dot, _)| {
            let inner = Object::parse(self.0.get(&path[..dot])?.get())?;
            inner.raw_at_path(&path[dot + 1..])
        })
    }

    /// Returns the names of all members, sorted.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Returns all members, sorted by name.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, MemberValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), MemberValue::of(value)))
    }
}

/// Returns where `value`, which is borrowed from `text`, is in it.
fn place(text: &str, value: &RawValue) -> Option<Range<usize>> {
    let start = value.get().as_ptr().addr().checked_sub(text.as_ptr().addr())?;
    let place = start..start.checked_add(value.get().len())?;
    (text.get(place.clone())? == value.get()).then_some(place)
}

impl MemberValue {
    fn of(value: &RawValue) -> Self {
        let json = value.get();
        match serde_json::from_str::<String>(json) {
            Ok(text) => Self::Text(Secret::new(text)),
            Err(_) if json.starts_with('"') => Self::NotUnicode,
            Err(_) if json == "null" => Self::Null,
            Err(_) => Self::Json(Secret::new(json.to_owned())),
        }
    }
}

/// Returns the strings and numbers in a text that is a JSON object or array, each with the names on the way to
/// it, joined by dots. The elements of an array have none.
pub(super) fn leaves(json: &str) -> Vec<(String, Secret)> {
    let mut found = Vec::new();
    add_leaves("", json, &mut found);
    found
}

fn add_leaves(path: &str, json: &str, found: &mut Vec<(String, Secret)>) {
    let elements = serde_json::from_str::<Vec<&RawValue>>(json).unwrap_or_default();
    let elements = elements.into_iter().map(|value| (path.to_owned(), value));
    let members = Object::parse(json).map(|object| object.0).unwrap_or_default();
    let members = members.into_iter().map(|(name, value)| match path {
        "" => (name, value),
        _ => (format!("{path}.{name}"), value),
    });
    for (path, value) in elements.chain(members) {
        match MemberValue::of(value) {
            MemberValue::Text(text) => found.push((path, text)),
            MemberValue::Json(json) if json.expose().starts_with(['{', '[']) => {
                add_leaves(&path, json.expose(), found);
            }
            MemberValue::Json(json) if !matches!(json.expose(), "true" | "false") => {
                found.push((path, json));
            }
            MemberValue::Json(_) | MemberValue::Null | MemberValue::NotUnicode => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_path(json: &str, path: &str) -> Option<String> {
        let object = Object::parse(json).expect("an object");
        match object.at_path(path)? {
            MemberValue::Text(text) | MemberValue::Json(text) => Some(text.expose().to_owned()),
            other => Some(format!("{other:?}")),
        }
    }

    #[test]
    fn values_are_as_they_are_written() {
        let json = r#"{"s":"a\"b\u00e9","i":1000000,"f":1.0E+06,"big":12345678901234567890123,
            "t":true,"o":{ "x": 1 },"l":[1, 2],"n":null,"half":"\ud800","e":""}"#;
        let rows = [
            ("s", "a\"bé"),
            ("i", "1000000"),
            ("f", "1.0E+06"),
            ("big", "12345678901234567890123"),
            ("t", "true"),
            ("o", r#"{ "x": 1 }"#),
            ("l", "[1, 2]"),
            ("n", "Null"),
            ("half", "NotUnicode"),
            ("e", ""),
        ];
        for (key, expected) in rows {
            assert_eq!(at_path(json, key).as_deref(), Some(expected), "{key}");
        }
        assert_eq!(at_path(json, "S"), None);
    }

    #[test]
    fn an_exact_member_comes_before_a_path() {
        let json = r#"{"a.b":"exact","a":{"b":"path","c":{"d":"deep"},"c.d":"shallow","e":[1]},
            "a.c":{"d":"dotted"},"x":"text"}"#;
        let rows = [
            ("a.b", Some("exact")),
            ("a.c", Some(r#"{"d":"dotted"}"#)),
            ("a.c.d", Some("dotted")),
            ("a.e", Some("[1]")),
            ("a.e.0", None),
            ("a.z", None),
            ("x.y", None),
            (".", None),
            ("", None),
        ];
        for (path, expected) in rows {
            assert_eq!(at_path(json, path).as_deref(), expected, "{path}");
        }
        assert_eq!(at_path(r#"{"a":{"c":{"d":"deep"},"c.d":"exact"}}"#, "a.c.d").unwrap(), "exact");
        assert_eq!(at_path(r#"{"a":{"b":{"c":"deep"}}}"#, "a.b.c").unwrap(), "deep");
        assert_eq!(at_path(r#"{"":{"":"empty"}}"#, ".").unwrap(), "empty");
    }

    #[test]
    fn the_last_of_two_members_counts() {
        assert_eq!(at_path(r#"{"a":1,"a":2}"#, "a").unwrap(), "2");
    }

    #[test]
    fn only_an_object_has_members() {
        for json in ["", "hunter2", "[1]", "1", "\"{}\"", "null", "{", r#"{"a":1} x"#] {
            assert!(Object::parse(json).is_none(), "{json}");
        }
        let object = Object::parse(r#" {"b":1,"a":null} "#).unwrap();
        let names: Vec<&str> = object.members().map(|(name, _)| name).collect();
        assert_eq!((names, object.len()), (vec!["a", "b"], 2));
    }

    #[test]
    fn leaves_are_strings_and_numbers_at_any_depth() {
        let json = r#"{"a":{"b":"x","c":[{"d":1},"y"]},"t":true,"n":null,"h":"\ud800","z":""}"#;
        let leaves = leaves(json);
        let leaves: Vec<_> = leaves.iter().map(|(path, text)| (&path[..], text.expose())).collect();
        assert_eq!(leaves, [("a.b", "x"), ("a.c.d", "1"), ("a.c", "y"), ("z", "")]);
        for json in ["x", "1", "\"x\"", "null", "[", "{\"a\":1"] {
            assert!(super::leaves(json).is_empty(), "{json}");
        }
    }

    #[test]
    fn a_path_of_many_dots_is_cheap() {
        let json = format!("{}1{}", r#"{"a":"#.repeat(100), "}".repeat(100));
        assert_eq!(at_path(&json, &"a.".repeat(3_000)), None);
    }
}
