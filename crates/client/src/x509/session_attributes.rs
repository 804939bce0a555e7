//! The session name, source identity and session tags that AWS derives from a certificate.
//!
//! The names are those of a profile with the default attribute mapping.
//! <https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html>,
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_Tag.html>

use std::collections::BTreeMap;
use std::fmt;

use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, GeneralCategoryGroup};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::x509::X509Name;

use crate::hex;
use crate::time::Timestamp;
use crate::x509::Certificate;
use crate::x509::details::{general_names, parse, serial_hex};
use crate::x509::name::text;
use crate::x509::requirements::Violation;

/// The attributes that Roles Anywhere and STS derive from an end-entity certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SessionAttributes {
    /// The role session name if the request has none.
    pub session_name: String,
    /// The source identity; role chaining cannot change it.
    pub source_identity: String,
    /// The session tags: subject, issuer, then alternative names, in the order of the certificate.
    pub tags: Vec<Tag>,
    /// The requirements that it does not meet.
    pub violations: Vec<Violation>,
}

impl SessionAttributes {
    /// Derives them from `certificate`, as the service would at `now`.
    pub fn of(certificate: &Certificate, now: Timestamp) -> Self {
        let parsed = parse(certificate);
        let common_name = common_name(parsed.subject());
        let mut violations = Violation::of_certificate(certificate, now);
        let length = common_name.as_ref().map_or(0, |name| name.chars().count());
        if length > MAX_SOURCE_IDENTITY {
            violations.push(Violation::LongCommonName(length));
        }
        let session_name = serial_hex(&parsed);
        Self {
            source_identity: source_identity(common_name, &session_name),
            session_name,
            tags: tags(&parsed),
            violations,
        }
    }
}

/// One session tag, which policies see as `aws:PrincipalTag/KEY`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tag {
    /// `x509Subject/CN`, `x509SAN/DNS` and the like.
    pub key: String,
    /// The value, several joined by `/`; a value that is not text as `#` and its bytes in hex.
    pub value: String,
    /// Whether the session has it.
    pub status: TagStatus,
}

/// Whether an attribute becomes a session tag.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TagStatus {
    /// It becomes a tag.
    Kept,
    /// STS does not accept it, so the session does not have it.
    Dropped(DropReason),
    /// AWS does not document whether such attributes become tags, nor by which key.
    Undocumented,
}

/// Why STS does not accept a tag.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DropReason {
    /// The value contains this character, which no tag may have.
    Character(char),
    /// The value has this many characters, too many.
    ValueLength(usize),
    /// The key has this many characters, too many.
    KeyLength(usize),
    /// The tags before it are as many as a session may have.
    Count,
    /// The value is not text.
    NotText,
}

/// Renders "a tag may not have `(` (U+0028)", without ever printing what is not printable.
impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Character(c) if c.is_ascii_graphic() || c.escape_debug().len() == 1 => {
                write!(f, "a tag cannot contain `{c}` (U+{:04X})", u32::from(*c))
            }
            Self::Character(c) => write!(f, "a tag cannot contain U+{:04X}", u32::from(*c)),
            Self::ValueLength(length) => {
                write!(f, "{length} characters (the limit of a value is {MAX_VALUE})")
            }
            Self::KeyLength(length) => {
                write!(f, "a key of {length} characters (the limit is {MAX_KEY})")
            }
            Self::Count => write!(f, "a session can have at most {MAX_TAGS} tags"),
            Self::NotText => f.write_str("it is not text"),
        }
    }
}

const MAX_SOURCE_IDENTITY: usize = 64;
const MAX_TAGS: usize = 50;
const MAX_KEY: usize = 128;
const MAX_VALUE: usize = 256;

/// Returns `CN=` and the common name; the name without `CN=` if that is too long; without a common
/// name, `ID=` and the serial number.
fn source_identity(common_name: Option<String>, serial: &str) -> String {
    match common_name {
        Some(name) if name.chars().count() + 3 <= MAX_SOURCE_IDENTITY => format!("CN={name}"),
        Some(name) => name,
        None => format!("ID={serial}"),
    }
}

fn common_name(subject: &X509Name<'_>) -> Option<String> {
    subject.iter_common_name().find_map(|attribute| text(attribute.attr_value()))
}

/// Maps subject, issuer, and the first DNS name, URI and directory name.
fn tags(parsed: &X509Certificate<'_>) -> Vec<Tag> {
    let mut builder = TagBuilder::default();
    builder.name("x509Subject/", parsed.subject());
    builder.name("x509Issuer/", parsed.issuer());
    let names = general_names(parsed);
    let first = |value: fn(&GeneralName<'_>) -> Option<String>| names.iter().find_map(value);
    let dns = first(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    });
    let uri = first(|name| match name {
        GeneralName::URI(uri) => Some((*uri).to_owned()),
        _ => None,
    });
    for (key, value) in [("x509SAN/DNS", dns), ("x509SAN/URI", uri)] {
        if let Some(value) = value {
            builder.add(key.to_owned(), true, Ok(value));
        }
    }
    let directory_name = names.iter().find_map(|name| match name {
        GeneralName::DirectoryName(name) => Some(name),
        _ => None,
    });
    if let Some(name) = directory_name {
        builder.name("x509SAN/Name/", name);
    }
    builder.build()
}

/// Collects attributes by key, in the order in which the keys first appear.
#[derive(Default)]
struct TagBuilder {
    tags: Vec<DraftTag>,
    by_key: BTreeMap<String, usize>,
}

struct DraftTag {
    key: String,
    value: String,
    is_documented: bool,
    is_text: bool,
}

impl TagBuilder {
    fn name(&mut self, prefix: &str, name: &X509Name<'_>) {
        for attribute in name.iter_attributes() {
            let oid = attribute.attr_type().to_id_string();
            let value = attribute.attr_value();
            let (key, is_documented) = key_of(&oid);
            // RFC 4514 writes a value that is not text like this.
            let value = text(value).ok_or_else(|| format!("#{}", hex::encode(value.data)));
            self.add(format!("{prefix}{key}"), is_documented, value);
        }
    }

    /// Adds a value, `Err` if it is not text; a second value of the same key is appended.
    fn add(&mut self, key: String, is_documented: bool, value: Result<String, String>) {
        let is_text = value.is_ok();
        let value = value.unwrap_or_else(|bytes| bytes);
        if let Some(at) = self.by_key.get(&key) {
            let draft = &mut self.tags[*at];
            draft.value.push('/');
            draft.value.push_str(&value);
            draft.is_text &= is_text;
        } else {
            self.by_key.insert(key.clone(), self.tags.len());
            self.tags.push(DraftTag { key, value, is_documented, is_text });
        }
    }

    fn build(self) -> Vec<Tag> {
        let mut kept = 0;
        let judge = |draft: DraftTag| {
            let status = draft.status(kept);
            kept += usize::from(!matches!(status, TagStatus::Dropped(_)));
            Tag { key: draft.key, value: draft.value, status }
        };
        self.tags.into_iter().map(judge).collect()
    }
}

impl DraftTag {
    fn status(&self, kept: usize) -> TagStatus {
        let lengths = (self.key.chars().count(), self.value.chars().count());
        let refused = self.value.chars().find(|c| !is_tag_character(*c));
        match (refused, lengths) {
            _ if !self.is_text => TagStatus::Dropped(DropReason::NotText),
            (Some(c), _) => TagStatus::Dropped(DropReason::Character(c)),
            (None, (_, value)) if value > MAX_VALUE => {
                TagStatus::Dropped(DropReason::ValueLength(value))
            }
            (None, (key, _)) if key > MAX_KEY => TagStatus::Dropped(DropReason::KeyLength(key)),
            _ if kept >= MAX_TAGS => TagStatus::Dropped(DropReason::Count),
            _ if self.is_documented => TagStatus::Kept,
            _ => TagStatus::Undocumented,
        }
    }
}

/// Returns whether STS allows `c` in a tag: `[\p{L}\p{Z}\p{N}_.:/=+\-@]`. A combining accent is a
/// mark, not a letter, so it is refused.
pub(crate) fn is_tag_character(c: char) -> bool {
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    let groups = [
        GeneralCategoryGroup::Letter,
        GeneralCategoryGroup::Separator,
        GeneralCategoryGroup::Number,
    ];
    "_.:/=+-@".contains(c) || groups.iter().any(|group| group.contains(category))
}

/// Returns the name of an attribute in the key of a tag, and whether AWS documents it.
fn key_of(oid: &str) -> (&str, bool) {
    match oid {
        "2.5.4.3" => ("CN", true),
        "2.5.4.6" => ("C", true),
        "2.5.4.7" => ("L", true),
        "2.5.4.8" => ("ST", true),
        "2.5.4.10" => ("O", true),
        "2.5.4.11" => ("OU", true),
        "0.9.2342.19200300.100.1.1" => ("UID", true),
        "0.9.2342.19200300.100.1.25" => ("DC", false),
        "1.2.840.113549.1.9.1" => ("emailAddress", false),
        "2.5.4.4" => ("SN", false),
        "2.5.4.5" => ("serialNumber", false),
        "2.5.4.9" => ("street", false),
        "2.5.4.12" => ("title", false),
        "2.5.4.17" => ("postalCode", false),
        "2.5.4.42" => ("GN", false),
        "2.5.4.97" => ("organizationIdentifier", false),
        other => (other, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::cert_builder::{
        CN, CertBuilder, O, OU, committed, name, rdn, rdn_of_tag,
    };

    fn of(forged: &CertBuilder) -> SessionAttributes {
        let certificate = forged.build();
        SessionAttributes::of(&certificate, certificate.not_before())
    }

    fn of_subject(rdns: &[Vec<u8>]) -> SessionAttributes {
        of(&CertBuilder { subject: name(rdns), ..CertBuilder::default() })
    }

    /// Renders one tag per line, without the issuer's.
    fn lines(attributes: &SessionAttributes) -> String {
        let tags = attributes.tags.iter().filter(|tag| !tag.key.starts_with("x509Issuer/"));
        let line = |tag: &Tag| match tag.status {
            TagStatus::Kept => format!("{}={}\n", tag.key, tag.value),
            TagStatus::Dropped(reason) => {
                format!("{}={:?} dropped: {reason}\n", tag.key, tag.value)
            }
            TagStatus::Undocumented => format!("{}={} undocumented\n", tag.key, tag.value),
        };
        tags.map(line).collect()
    }

    #[test]
    fn default_attribute_mapping_is_applied() {
        let leaf = committed("certs/leaf/p256.pem");
        let attributes = SessionAttributes::of(&leaf, leaf.not_before());
        assert_eq!(attributes.session_name, "0a1924da82574a8f11a5f6cc7d75e194");
        assert_eq!(attributes.source_identity, "CN=p256");
        assert_eq!(attributes.violations, []);
        let tags: Vec<String> =
            attributes.tags.iter().map(|tag| format!("{}={}", tag.key, tag.value)).collect();
        insta::assert_snapshot!(tags.join("\n"), @"
        x509Subject/C=US
        x509Subject/O=Example
        x509Subject/CN=p256
        x509Issuer/C=US
        x509Issuer/O=Example
        x509Issuer/CN=Emulator Intermediate CA
        x509SAN/DNS=p256.example.com
        x509SAN/URI=spiffe://example.com/p256
        ");
        assert!(attributes.tags.iter().all(|tag| tag.status == TagStatus::Kept));
    }

    #[test]
    fn the_source_identity_follows_the_length_of_the_common_name() {
        for (length, prefix) in [(1, "CN="), (61, "CN="), (62, ""), (64, "")] {
            let common_name = "ä".repeat(length);
            let attributes = of_subject(&[rdn(&[(CN, &common_name)])]);
            assert_eq!(attributes.source_identity, format!("{prefix}{common_name}"));
            assert_eq!(attributes.violations, []);
        }
        let attributes = of_subject(&[rdn(&[(CN, &"n".repeat(65))])]);
        assert_eq!(attributes.violations, [Violation::LongCommonName(65)]);
    }

    #[test]
    fn source_identity_is_the_serial_without_a_common_name() {
        for (serial, hex) in [(vec![0x01, 0x23], "0123"), (vec![0x45, 0x67], "4567")] {
            let subject = name(&[rdn(&[(O, "Example")])]);
            let attributes = of(&CertBuilder { serial, subject, ..CertBuilder::default() });
            assert_eq!(attributes.source_identity, format!("ID={hex}"));
            assert_eq!(attributes.session_name, hex);
        }
        let empty = of_subject(&[]);
        assert_eq!(empty.source_identity, "ID=1000");
        assert_eq!(empty.violations, [Violation::EmptySubject]);
    }

    #[test]
    fn joins_values_of_one_attribute_in_the_order_of_the_certificate() {
        let attributes = of_subject(&[
            rdn(&[(OU, "Security")]),
            rdn(&[(CN, "a")]),
            rdn(&[(OU, "Engineering")]),
            rdn(&[(OU, "Research"), (O, "Example")]),
        ]);
        insta::assert_snapshot!(lines(&attributes), @"
        x509Subject/OU=Security/Engineering/Research
        x509Subject/CN=a
        x509Subject/O=Example
        ");
    }

    #[test]
    fn tags_that_sts_refuses_are_named() {
        let attributes = of_subject(&[
            rdn(&[(CN, "John (EMP12345)")]),
            rdn(&[(O, &"o".repeat(257))]),
            rdn(&[(OU, "a\u{1b}]0;b")]),
            rdn(&[("2.5.4.7", "Z\u{fc}rich, Kreis 4")]),
            rdn(&[("2.5.4.8", "Zu\u{308}rich")]),
            rdn_of_tag("2.5.4.6", 4, &[1, 2]),
        ]);
        insta::assert_snapshot!(lines(&attributes), @r##"
        x509Subject/CN="John (EMP12345)" dropped: a tag cannot contain `(` (U+0028)
        x509Subject/O="ooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooo" dropped: 257 characters (the limit of a value is 256)
        x509Subject/OU="a\u{1b}]0;b" dropped: a tag cannot contain U+001B
        x509Subject/L="Zürich, Kreis 4" dropped: a tag cannot contain `,` (U+002C)
        x509Subject/ST="Zu\u{308}rich" dropped: a tag cannot contain U+0308
        x509Subject/C="#0102" dropped: it is not text
        "##);
    }

    #[test]
    fn takes_letters_separators_and_numbers_of_every_script() {
        for good in ["", "Größe 1", "東京\u{3000}½", "a_.:/=+-@", "Ⅷ", "ไทย"] {
            assert!(good.chars().all(is_tag_character), "{good}");
        }
        // A tab, a mark, a symbol that is alphabetic in Unicode, punctuation.
        for bad in ['\t', '\u{308}', 'ि', 'Ⓐ', ',', '\'', '"', '*', '\\', '€', '\u{202e}'] {
            assert!(!is_tag_character(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_value_of_256_characters_is_kept() {
        let attributes = of_subject(&[rdn(&[(O, &"ä".repeat(256))])]);
        assert_eq!(attributes.tags[0].status, TagStatus::Kept);
    }

    #[test]
    fn reads_the_string_types_of_old_certificates() {
        let attributes = of_subject(&[
            rdn_of_tag("2.5.4.10", 20, b"Gr\xf6\xdfe"),
            rdn_of_tag("2.5.4.11", 30, &[0, b'a', 0xd8, 0x3d, 0xde, 0x00]),
            rdn_of_tag("2.5.4.7", 30, &[0xd8, 0x3d]),
            rdn_of_tag("2.5.4.8", 28, &[0, 0, 0, b'u']),
            rdn_of_tag("2.5.4.6", 19, b"US"),
        ]);
        insta::assert_snapshot!(lines(&attributes), @r##"
        x509Subject/O=Größe
        x509Subject/OU="a😀" dropped: a tag cannot contain `😀` (U+1F600)
        x509Subject/L="#d83d" dropped: it is not text
        x509Subject/ST=u
        x509Subject/C=US
        "##);
    }

    #[test]
    fn marks_attributes_whose_key_is_not_documented() {
        let attributes = of_subject(&[
            rdn(&[("0.9.2342.19200300.100.1.25", "example"), ("0.9.2342.19200300.100.1.1", "u1")]),
            rdn(&[("0.9.2342.19200300.100.1.25", "com"), ("1.2.3.4", "odd")]),
            rdn(&[("1.2.840.113549.1.9.1", "a@example.com")]),
        ]);
        insta::assert_snapshot!(lines(&attributes), @"
        x509Subject/DC=example/com undocumented
        x509Subject/UID=u1
        x509Subject/1.2.3.4=odd undocumented
        x509Subject/emailAddress=a@example.com undocumented
        ");
    }

    #[test]
    fn takes_the_first_name_of_each_kind() {
        let inner = name(&[rdn(&[(CN, "inner"), (O, "Example")])]);
        let other = name(&[rdn(&[(CN, "other")])]);
        let attributes = of(&CertBuilder {
            alternative_names: vec![
                (0x87, vec![192, 0, 2, 1]),
                (0x81, b"a@example.com".to_vec()),
                (0x82, b"*.example.com".to_vec()),
                (0x82, b"second.example.com".to_vec()),
                (0x86, b"spiffe://example.com/a".to_vec()),
                (0x86, b"spiffe://example.com/b".to_vec()),
                (0xa4, inner),
                (0xa4, other),
            ],
            ..CertBuilder::default()
        });
        insta::assert_snapshot!(lines(&attributes), @r#"
        x509Subject/CN=forged
        x509SAN/DNS="*.example.com" dropped: a tag cannot contain `*` (U+002A)
        x509SAN/URI=spiffe://example.com/a
        x509SAN/Name/CN=inner
        x509SAN/Name/O=Example
        "#);
    }

    #[test]
    fn counts_tags_and_the_characters_of_keys() {
        let mut rdns: Vec<Vec<u8>> =
            (0..51).map(|number| rdn(&[(format!("1.2.3.{number}").as_str(), "v")])).collect();
        let long = format!("1.2{}", ".1234567".repeat(17));
        rdns.insert(0, rdn(&[(&long, "v")]));
        let tags = of_subject(&rdns).tags;
        assert_eq!(tags[0].status, TagStatus::Dropped(DropReason::KeyLength(151)));
        assert_eq!(tags[50].status, TagStatus::Undocumented);
        assert_eq!(tags[51].status, TagStatus::Dropped(DropReason::Count));
        assert_eq!(tags[52].key, "x509Issuer/CN");
        assert_eq!(tags[52].status, TagStatus::Dropped(DropReason::Count));
    }
}
