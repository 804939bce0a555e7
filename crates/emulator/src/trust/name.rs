//! Distinguished names in the form in which RFC 5280, 7.1 compares them: whatever string type, letter
//! case and spacing a CA wrote.

use x509_parser::asn1_rs::{Any, Tag};
use x509_parser::x509::X509Name;

/// A name whose equality is that of RFC 5280: a set of attributes for each RDN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ComparableName(Vec<Vec<(String, ComparableValue)>>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum ComparableValue {
    Text(String),
    /// The tag and the content of what is not a string.
    Other(u32, Vec<u8>),
}

impl ComparableName {
    pub(super) fn new(name: &X509Name<'_>) -> Self {
        let rdns = name.iter_rdn().map(|rdn| {
            let mut attributes: Vec<_> = rdn
                .iter()
                .map(|a| (a.attr_type().to_id_string(), ComparableValue::new(a.attr_value())))
                .collect();
            attributes.sort();
            attributes
        });
        Self(rdns.collect())
    }

    /// Returns whether the name is in the part of the directory below `base`, or `base` itself.
    pub(super) fn is_within(&self, base: &Self) -> bool {
        self.0.starts_with(&base.0)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl ComparableValue {
    fn new(value: &Any<'_>) -> Self {
        match characters(value) {
            Some(text) => {
                let visible: String =
                    text.chars().filter(|c| c.is_whitespace() || !is_unseen(*c)).collect();
                let words: Vec<&str> = visible.split_whitespace().collect();
                Self::Text(words.join(" ").to_uppercase().to_lowercase().replace('ς', "σ"))
            }
            None => Self::Other(value.tag().0, value.data.to_vec()),
        }
    }
}

/// Returns the characters of every string type of a DirectoryString, and of those that are used in
/// its place.
fn characters(value: &Any<'_>) -> Option<String> {
    let units = |size: usize| value.data.chunks(size);
    match value.tag() {
        Tag::Utf8String => Some(std::str::from_utf8(value.data).ok()?.to_owned()),
        Tag::PrintableString | Tag::Ia5String | Tag::NumericString | Tag::VisibleString => {
            value.data.is_ascii().then(|| value.data.iter().map(|octet| *octet as char).collect())
        }
        Tag::T61String => Some(value.data.iter().map(|octet| *octet as char).collect()),
        Tag::BmpString => {
            let units: Option<Vec<u16>> =
                units(2).map(|unit| Some(u16::from_be_bytes(unit.try_into().ok()?))).collect();
            String::from_utf16(&units?).ok()
        }
        Tag::UniversalString => {
            units(4).map(|unit| char::from_u32(u32::from_be_bytes(unit.try_into().ok()?))).collect()
        }
        _ => None,
    }
}

/// Controls, the soft hyphen, joiners and marks of direction: RFC 4518 maps them to nothing.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || ['\u{ad}', '\u{2060}', '\u{feff}'].contains(&c)
        || ('\u{200b}'..='\u{200f}').contains(&c)
        || ('\u{202a}'..='\u{202e}').contains(&c)
}
