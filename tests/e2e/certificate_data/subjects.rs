//! Certificates with subjects of all kinds, each with and without alternative names.

use std::fs;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use roles_anywhere_emulator::TRUST_ANCHOR_ARN;
use serde_json::Value;

use super::{foretells, lines, one_blank};
use crate::identity_files::{IdentityFiles, Part};

const CN: DnType = DnType::CommonName;
const O: DnType = DnType::OrganizationName;
const OU: DnType = DnType::OrganizationalUnitName;
const C: DnType = DnType::CountryName;
const ST: DnType = DnType::StateOrProvinceName;
const L: DnType = DnType::LocalityName;

/// Makes the tests `NAME::alone` and `NAME::with_other_names` of a subject.
macro_rules! subjects {
    ($($name:ident $subject:expr;)*) => { $(
        mod $name {
            use super::*;

            #[test]
            fn alone() {
                foretells_the_session(&$subject, false);
            }

            #[test]
            fn with_other_names() {
                foretells_the_session(&$subject, true);
            }
        }
    )* };
}

subjects! {
    plain [(C, "US"), (O, "Example"), (CN, "plain")];
    all_six [
        (C, "DE"), (ST, "Bayern"), (L, "München"), (O, "Beispiel AG"), (OU, "IT"),
        (CN, "host-1.example.com"),
    ];
    no_common_name [(C, "US"), (O, "Example")];
    umlauts [(O, "Grüße"), (CN, "Jörg Müller")];
    chinese [(O, "例子"), (CN, "主机")];
    parenthesis [(O, "Example"), (CN, "host (1)")];
    comma_and_quotes [(O, "A, \"B\" & C"), (CN, "a=b+c")];
    apostrophe [(O, "O'Reilly"), (CN, "o")];
    star [(CN, "*.example.com")];
    slash_and_backslash [(O, "a/b"), (CN, "a\\b")];
    characters_61 [(CN, &"x".repeat(61))];
    characters_62 [(CN, &"x".repeat(62))];
    characters_64 [(CN, &"x".repeat(64))];
    blank_at_the_end [(O, "Example "), (CN, "blank")];
    emoji [(O, "a😀b"), (CN, "emoji")];
    no_break_space [(O, "a\u{a0}b"), (CN, "space")];
    combining_accent [(O, "e\u{301}"), (CN, "accent")];
}

fn name(attributes: &[(DnType, &str)]) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    attributes.iter().for_each(|(kind, value)| name.push(kind.clone(), *value));
    name
}

fn params(attributes: &[(DnType, &str)]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name(attributes);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2046, 1, 1);
    params
}

/// Returns DER of a value that is shorter than 256 octets.
fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = u8::try_from(contents.len()).unwrap();
    let head = if length < 128 { vec![tag, length] } else { vec![tag, 0x81, length] };
    [&head, contents].concat()
}

/// Returns alternative names of every kind that AWS makes tags of, and of several.
fn other_names() -> CustomExtension {
    let attribute = |id: u8, value: &str| {
        let pair = [tlv(6, &[0x55, 4, id]), tlv(0x0c, value.as_bytes())].concat();
        tlv(0x31, &tlv(0x30, &pair))
    };
    let directory = tlv(0x30, &[attribute(3, "inner"), attribute(10, "Inner Ltd.")].concat());
    let names = [
        tlv(0x82, b"a.example.com"),
        tlv(0x81, b"a@example.com"),
        tlv(0x82, b"b.example.com"),
        tlv(0x87, &[192, 0, 2, 1]),
        tlv(0x87, &[0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        tlv(0x86, b"spiffe://example.com/one"),
        tlv(0x86, b"spiffe://example.com/two"),
        tlv(0xa4, &directory),
    ];
    CustomExtension::from_oid_content(&[2, 5, 29, 17], tlv(0x30, &names.concat()))
}

#[track_caller]
fn foretells_the_session(subject: &[(DnType, &str)], with_other_names: bool) {
    let mut ca = params(&[(CN, "CA")]);
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let ca_key = KeyPair::generate().unwrap();
    let anchor = ca.self_signed(&ca_key).unwrap();

    let mut leaf = params(subject);
    leaf.is_ca = IsCa::ExplicitNoCa;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    leaf.custom_extensions.extend(with_other_names.then(other_names));
    let key = KeyPair::generate().unwrap();
    let leaf = leaf.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();

    let files = IdentityFiles::new().without(Part::Intermediates);
    files.env.emulator().replace_trust_anchor(TRUST_ANCHOR_ARN, &anchor.pem());
    fs::write(files.path(Part::Certificate), leaf.pem()).unwrap();
    fs::write(files.path(Part::PrivateKey), key.serialize_pem()).unwrap();

    let (view, session) = foretells(&files);
    let told = &view["rolesAnywhere"];
    let tags = session["tags"].as_object().unwrap();
    for dropped in told["droppedTags"].as_array().unwrap() {
        assert!(!tags.contains_key(dropped["key"].as_str().unwrap()), "{dropped}");
        assert!(dropped["reason"].as_str().is_some_and(|it| !it.is_empty()), "{dropped}");
    }
    assert_eq!(told["refusals"], Value::Array(Vec::new()));
    // The page for a reader says the same, and spells out what does not show.
    let lines = lines(&files.env, &files.path(Part::Certificate));
    for (key, value) in tags {
        let shown = value.as_str().unwrap().replace('\u{a0}', "\\u{a0}");
        let line = one_blank(&format!("{key} {shown}"));
        assert!(lines.contains(&line), "{line}: {lines:#?}");
    }
    let line = format!("Session name {}", session["role_session_name"].as_str().unwrap());
    assert!(lines.contains(&line), "{line}: {lines:#?}");
}
