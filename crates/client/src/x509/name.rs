//! Distinguished names, compared as RFC 5280, 7.1 says.
//!
//! CAs write one name in several ways: the issuer of a leaf as a PrintableString and the subject of
//! its CA as a UTF8String, in other letter case or with other spacing. Of the string preparation of
//! RFC 4518 this does the mapping, case folding and white space; Unicode normalization is left out.

use std::fmt;

use x509_parser::asn1_rs::{Any, Tag};
use x509_parser::prelude::FromDer;
use x509_parser::x509::{AttributeTypeAndValue, RelativeDistinguishedName, X509Name};

/// A distinguished name, kept as DER: most runs compare names and show none.
#[derive(Clone, Debug)]
pub struct DistinguishedName(pub(super) Vec<u8>);

impl DistinguishedName {
    /// Returns whether it has no attributes.
    pub fn is_empty(&self) -> bool {
        self.text().is_empty()
    }

    fn text(&self) -> String {
        self.parse()
            .map_or_else(|| "(a name that cannot be read)".to_owned(), |name| name.to_string())
    }

    /// Parses the name. x509-parser does not read every name that it has read inside a certificate.
    fn parse(&self) -> Option<X509Name<'_>> {
        X509Name::from_der(&self.0).ok().map(|(_, name)| name)
    }
}

impl From<&X509Name<'_>> for DistinguishedName {
    fn from(name: &X509Name<'_>) -> Self {
        Self(name.as_raw().to_vec())
    }
}

/// Renders `C=US, O=Example, CN=host`, in the order of the certificate.
impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text() {
            text if text.is_empty() => f.write_str("(empty name)"),
            text => f.write_str(&text),
        }
    }
}

impl Eq for DistinguishedName {}

impl PartialEq for DistinguishedName {
    fn eq(&self, other: &Self) -> bool {
        // Fast path: nearly all CAs copy their subject into the certificates they issue, byte for byte.
        self.0 == other.0
            || match (self.parse(), other.parse()) {
                (Some(own), Some(theirs)) => same_names(&own, &theirs),
                _ => false,
            }
    }
}

fn same_names(one: &X509Name<'_>, other: &X509Name<'_>) -> bool {
    let (mut ones, mut others) = (one.iter_rdn(), other.iter_rdn());
    loop {
        match (ones.next(), others.next()) {
            (None, None) => return true,
            (Some(one), Some(other)) if same_rdns(one, other) => {}
            _ => return false,
        }
    }
}

/// Compares two RDNs, which are sets: their order in DER follows from the encoding, which may differ.
fn same_rdns(one: &RelativeDistinguishedName<'_>, other: &RelativeDistinguishedName<'_>) -> bool {
    attributes(one) == attributes(other)
}

/// Returns the attributes of an RDN in a form for comparison, sorted.
fn attributes<'a>(rdn: &'a RelativeDistinguishedName<'_>) -> Vec<(&'a [u8], AttributeValue<'a>)> {
    let of = |attribute: &'a AttributeTypeAndValue<'_>| {
        (attribute.attr_type().as_bytes(), AttributeValue::of(attribute.attr_value()))
    };
    let mut attributes: Vec<_> = rdn.iter().map(of).collect();
    attributes.sort_unstable();
    attributes
}

/// The value of an attribute, in a form for comparison.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
enum AttributeValue<'a> {
    Text(String),
    /// The tag and the contents of a value that is not text.
    Other(u32, &'a [u8]),
}

impl<'a> AttributeValue<'a> {
    fn of(value: &'a Any<'_>) -> Self {
        match text(value) {
            Some(text) => Self::Text(prepared(&text)),
            None => Self::Other(value.tag().0, value.data),
        }
    }
}

/// Returns the text of a string type: X.520 `DirectoryString`, and the types that CAs use instead.
pub(super) fn text(value: &Any<'_>) -> Option<String> {
    match value.tag() {
        Tag::Utf8String
        | Tag::PrintableString
        | Tag::Ia5String
        | Tag::NumericString
        | Tag::VisibleString => String::from_utf8(value.data.to_vec()).ok(),
        // CAs write Latin-1 or UTF-8 into this type, not T.61.
        Tag::T61String => Some(
            String::from_utf8(value.data.to_vec())
                .unwrap_or_else(|_| value.data.iter().copied().map(char::from).collect()),
        ),
        Tag::BmpString => {
            let (units, rest) = value.data.as_chunks::<2>();
            let units = units.iter().copied().map(u16::from_be_bytes);
            let text = char::decode_utf16(units).collect::<Result<String, _>>().ok()?;
            rest.is_empty().then_some(text)
        }
        Tag::UniversalString => {
            let (units, rest) = value.data.as_chunks::<4>();
            let units = units.iter().copied().map(u32::from_be_bytes);
            let text = units.map(char::from_u32).collect::<Option<String>>()?;
            rest.is_empty().then_some(text)
        }
        _ => None,
    }
}

/// Returns `text` prepared for comparison (RFC 4518, 2.2 and 2.6.1): case folded, white space trimmed
/// and collapsed, invisible characters removed.
fn prepared(text: &str) -> String {
    let mut prepared = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.chars() {
        if c.is_whitespace() {
            gap = !prepared.is_empty();
        } else if !is_ignored(c) {
            if gap {
                prepared.push(' ');
                gap = false;
            }
            // Upper case first turns `ß` into `ss` and `ς` into `σ`, as full case folding does.
            prepared.extend(c.to_uppercase().flat_map(char::to_lowercase));
        }
    }
    prepared
}

/// Returns whether RFC 4518 maps a character to nothing: controls, the soft hyphen, joiners, variation
/// selectors, directional marks, the byte-order mark.
fn is_ignored(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{1806}' | '\u{180b}'..='\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2063}'
            | '\u{206a}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fffc}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::cert_builder::{self, CN, O, OU, rdn, rdn_of_tag};

    fn name(rdns: &[Vec<u8>]) -> DistinguishedName {
        DistinguishedName(cert_builder::name(rdns))
    }

    fn of_tag(tag: Tag, bytes: &[u8]) -> DistinguishedName {
        name(&[rdn_of_tag(CN, u8::try_from(tag.0).unwrap(), bytes)])
    }

    #[test]
    fn string_types_do_not_matter() {
        let utf8 = name(&[rdn(&[(CN, "Grün CA")])]);
        assert_eq!(utf8, of_tag(Tag::T61String, b"Gr\xfcn CA"));
        assert_eq!(utf8, of_tag(Tag::BmpString, b"\0G\0r\0\xfc\0n\0 \0C\0A"));
        let universal: Vec<u8> =
            "Grün CA".chars().flat_map(|c| u32::from(c).to_be_bytes()).collect();
        assert_eq!(utf8, of_tag(Tag::UniversalString, &universal));
        let ascii = name(&[rdn(&[(CN, "CA 1")])]);
        for tag in [Tag::PrintableString, Tag::Ia5String, Tag::VisibleString, Tag::T61String] {
            assert_eq!(ascii, of_tag(tag, b"CA 1"), "{tag:?}");
        }
        assert_ne!(ascii, of_tag(Tag::PrintableString, b"CA 2"));
        // Half a character at the end, and bytes that are not UTF-8, are compared as they are.
        assert_ne!(ascii, of_tag(Tag::BmpString, b"\0C\0A\0 \x001\0"));
        assert_ne!(of_tag(Tag::Utf8String, b"\xff"), of_tag(Tag::Utf8String, b"\xfe"));
        assert_ne!(of_tag(Tag::BitString, b"\0C"), of_tag(Tag::BitString, b"\0D"));
    }

    #[test]
    fn letter_case_and_spacing_do_not_matter() {
        let own = name(&[rdn(&[(O, "Example  Corp")]), rdn(&[(CN, "Straße CA")])]);
        let theirs = name(&[rdn(&[(O, " EXAMPLE corp ")]), rdn(&[(CN, "STRASSE\u{a0}ca")])]);
        assert_eq!(own, theirs);
        assert_eq!(name(&[rdn(&[(CN, "a\u{ad}b\u{200b}")])]), name(&[rdn(&[(CN, "AB")])]));
        assert_ne!(name(&[rdn(&[(CN, "a b")])]), name(&[rdn(&[(CN, "ab")])]));
    }

    #[test]
    fn the_attributes_of_a_set_have_no_order() {
        let own = name(&[rdn(&[(CN, "a"), (OU, "b")])]);
        assert_eq!(own, name(&[rdn(&[(OU, "B"), (CN, "a")])]));
        assert_ne!(own, name(&[rdn(&[(OU, "a"), (CN, "b")])]));
        assert_ne!(own, name(&[rdn(&[(CN, "a")])]));
        assert_ne!(own, name(&[rdn(&[(CN, "a"), (OU, "b"), (OU, "b")])]));
        assert_ne!(name(&[rdn(&[(CN, "a"), (CN, "a")])]), own);
    }

    #[test]
    fn a_set_of_many_attributes_takes_no_time_of_its_square() {
        let values: Vec<String> = (0..4_500).map(|number| number.to_string()).collect();
        let mut attributes: Vec<(&str, &str)> =
            values.iter().map(|value| (CN, value.as_str())).collect();
        let own = name(&[rdn(&attributes)]);
        attributes.reverse();
        // One by one it would take many seconds.
        assert_eq!(own, name(&[rdn(&attributes)]));
    }

    #[test]
    fn the_order_and_number_of_rdns_matter() {
        let (a, b) = (rdn(&[(O, "a")]), rdn(&[(CN, "b")]));
        let own = name(&[a.clone(), b.clone()]);
        assert_ne!(own, name(&[b.clone(), a.clone()]));
        assert_ne!(own, name(std::slice::from_ref(&a)));
        assert_ne!(own, name(&[a, b.clone(), b]));
    }
}
