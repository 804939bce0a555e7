//! What may be shown, as a table and as a property.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;

/// Keys of the test PKI, see `certs/README.md`.
const EC: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../certs/leaf/p256.key.pem"));
const SEC1: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../certs/leaf/p256.sec1.pem"));
const RSA: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../certs/leaf/rsa2048.key.pem"));
const PKCS1: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../certs/leaf/rsa2048.pkcs1.pem"));
const SCRYPT: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../certs/forms/scrypt.key.pem"));
const CERTIFICATE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../certs/leaf/p256.pem"));
const PKCS12: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../certs/forms/modern.p12"));

fn is_shown(value: &str, sensitivity: Sensitivity) -> bool {
    shown(value, sensitivity, || false) == DisplayValue::Value(value.to_owned())
}

#[test]
fn shows_what_no_key_and_no_password_looks_like() {
    let a255 = format!("/{}", "a".repeat(254));
    let a256 = format!("/{}", "a".repeat(255));
    let long_arn = format!("arn:aws:iam::123456789012:role/{}", "a".repeat(500));
    // The value, and whether it is shown of a text option, of a key and of a password.
    let rows = [
        ("/etc/pki/host.key", true, true, true),
        ("./key", true, true, true),
        ("../key", true, true, true),
        ("~/key", true, true, false),
        ("arn:aws:iam::123456789012:role/R", true, true, false),
        (long_arn.as_str(), true, true, false),
        ("arn:aws:iam::1234:role/with a blank and more", false, false, false),
        ("1234", true, true, false),
        ("-5", true, true, false),
        ("123456789012345678901", true, false, false),
        ("https://a.example:8443/base", true, true, false),
        ("https://me:hunter2@a.example/quite-a-long-path", false, false, false),
        ("http://me:hun#ter2@proxy.example:8080", false, false, false),
        ("http://me:hunter2@proxy:8080", true, false, false),
        ("fd:3", true, true, false),
        ("fd:hunter2", true, false, false),
        ("env:MY_KEY_2", true, true, false),
        ("env:my_key", true, false, false),
        ("env:A1234567890123456789012345678901234567890", false, false, false),
        ("client.pem", true, true, false),
        ("keys/client.pem", true, false, false),
        ("hunter2", true, false, false),
        ("no spaces", true, false, false),
        ("FLYIy+WYi7wfVKgk445D8OQ=", false, false, false),
        ("NK4qLLO6iaUbDP+YjAAfIkrS", false, false, false),
        ("prod/DB1-Credentials", true, false, false),
        ("ProductionDatabaseCredentials", true, false, false),
        ("abcdefghijklmnopqrstuvwxyz012345", true, false, false),
        ("abcdefghijklmnopqrstuvwxyz0123456", false, false, false),
        ("ключ", false, false, false),
        (a255.as_str(), true, true, true),
        (a256.as_str(), false, false, false),
        ("/etc/pki\n/host.key", false, false, false),
        ("a\u{2028}b", false, false, false),
        ("/-----BEGIN PRIVATE KEY-----", false, false, false),
        ("", true, false, false),
    ];
    for (value, text, sensitive, password) in rows {
        assert_eq!(is_shown(value, Sensitivity::Public), text, "{value}");
        assert_eq!(is_shown(value, Sensitivity::Sensitive), sensitive, "{value}");
        assert_eq!(is_shown(value, Sensitivity::Password), password, "{value}");
    }
}

#[test]
fn shows_what_exists_as_a_path_unless_it_is_key_material() {
    for sensitivity in [Sensitivity::Public, Sensitivity::Sensitive, Sensitivity::Password] {
        let there = |value: &str| shown(value, sensitivity, || true).value().is_some();
        assert!(there("keys/client") && there(&"a/".repeat(200)));
        assert!(!there("a\nb") && !there(EC) && !there(&STANDARD.encode(EC)));
    }
}

/// Returns the DER of a PEM file.
fn der(pem: &str) -> Vec<u8> {
    let lines = pem.lines().filter(|line| !line.starts_with("-----"));
    STANDARD.decode(lines.collect::<String>()).unwrap()
}

/// Returns the forms in which the contents of a file get into a value.
fn forms(pem: &str) -> Vec<String> {
    let der = der(pem);
    let one_line = pem.replace('\n', "");
    let base64 = STANDARD.encode(&der);
    let wrapped: Vec<&str> =
        base64.as_bytes().chunks(76).map(|l| std::str::from_utf8(l).unwrap()).collect();
    vec![
        pem.to_owned(),
        pem.replace('\n', "\\n"),
        pem.replace('\n', " "),
        one_line,
        pem.replace('\n', "\r\n"),
        wrapped.join("\n"),
        wrapped.join(" "),
        STANDARD.encode(pem),
        STANDARD.encode(format!("Bag Attributes\n{pem}")),
        STANDARD.encode(STANDARD.encode(pem)),
        STANDARD_NO_PAD.encode(&der),
        URL_SAFE.encode(&der),
        URL_SAFE_NO_PAD.encode(pem),
        base64[..64].to_owned(),
        format!("env:{base64}"),
        format!("--regoin={base64}"),
        format!("https://a.example/{base64}"),
        format!("{{\"key\":\"{base64}\"}}"),
        base64.replace('+', "%2B"),
        crate::hex::encode(&der),
        base64,
    ]
}

#[test]
fn tells_key_material_in_every_form() {
    let files = [
        (EC, KeyMaterialKind::PrivateKey),
        (SEC1, KeyMaterialKind::PrivateKey),
        (RSA, KeyMaterialKind::PrivateKey),
        (PKCS1, KeyMaterialKind::PrivateKey),
        (SCRYPT, KeyMaterialKind::PrivateKey),
        (CERTIFICATE, KeyMaterialKind::Certificate),
    ];
    for (pem, contents) in files {
        for form in forms(pem) {
            assert_eq!(KeyMaterialKind::of(&form), Some(contents), "{form}");
        }
    }
    assert_eq!(KeyMaterialKind::of(&STANDARD.encode(PKCS12)), Some(KeyMaterialKind::Encoded));
    assert_eq!(KeyMaterialKind::of("-----BEGIN"), Some(KeyMaterialKind::Encoded));
}

#[test]
fn tells_hexadecimal_as_programs_print_it() {
    for (pem, contents) in
        [(EC, KeyMaterialKind::PrivateKey), (CERTIFICATE, KeyMaterialKind::Certificate)]
    {
        let octets: Vec<String> = der(pem).iter().map(|octet| format!("{octet:02x}")).collect();
        let lines: Vec<String> = octets.chunks(15).map(|line| line.join(":")).collect();
        for form in [
            octets.join(":"),
            octets.join(" ").to_uppercase(),
            format!("0x{}", octets.concat()),
            format!("KEY={}", octets.concat()),
            format!("\\x{}", octets.join("\\x")),
            format!("{{ 0x{} }}", octets.join(", 0x")),
            format!("priv:\n    {}", lines.join(":\n    ")),
            octets[..24].join(":"),
        ] {
            assert_eq!(KeyMaterialKind::of(&form), Some(contents), "{form}");
        }
    }
    let fingerprint = "30:82:20:91:aa:01:cc:1d".repeat(4).replace("1d30", "1d:30");
    for value in [fingerprint.as_str(), "30:82:01:02", "0x30820102", &"30".repeat(11)] {
        assert_eq!(KeyMaterialKind::of(value), None, "{value}");
    }
}

#[test]
fn tells_json_web_keys() {
    let private = r#"{"kty":"EC","crv":"P-256","x":"f83O","y":"x_FE","d":"jpsQnnGQmL-YBIffH1136"}"#;
    for form in [
        private.to_owned(),
        format!("{{\"keys\":[{private}]}}"),
        private.replace('"', "\\\""),
        private.replace('"', "'").replace(':', " : "),
        STANDARD.encode(private),
        private[28..].to_owned(),
    ] {
        assert_eq!(KeyMaterialKind::of(&form), Some(KeyMaterialKind::PrivateKey), "{form}");
    }
    assert_eq!(KeyMaterialKind::of(&private[..40]), Some(KeyMaterialKind::Encoded));
    assert_eq!(KeyMaterialKind::of(r#"{"user":"d","id":"kty"}"#), None);
}

#[test]
fn creates_nothing_that_may_be_named_by_a_key() {
    let is_new = |value: &str| is_new_name(value, PathExists(&|path| path == Path::new("keys/of")));
    let hex = "0123456789abcdef".repeat(4);
    let names = ["out.json", "secret", "ключ.txt", "./", "~/x", "/a", "keys/of", "файл"];
    for name in names.map(str::to_owned).into_iter().chain([
        format!("./{hex}"),
        format!("/tmp/{hex}"),
        format!("keys/of/{hex}"),
    ]) {
        assert!(is_new(&name), "{name}");
    }
    let base64 = "evZzL1gdAFr88hb2/9OF5JrKzCzGcKStDaDhXNXNsfQ=";
    for key in [
        &hex,
        base64,
        &format!("0x{hex}"),
        &format!("keys/{hex}"),
        EC,
        "a\nb",
        &"9".repeat(77),
        "NK4qLLO6iaUbDP+YjAAfIkrS",
    ] {
        assert!(!is_new(key), "{key}");
    }
}

#[test]
fn takes_no_ordinary_value_for_key_material() {
    let values = [
        "/etc/pki/tls/private/MIIBcert/host.key",
        "/home/MHcC/keys/MIGH-production.pem",
        "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/3a3e6c6c-1f3a-4b9f-9d5e-2d1f0e7b6a55",
        "prod/very/long/name/of/a/secret-AbCdEf",
        "3082010022300d06092a8648",
        "https://rolesanywhere-fips.us-gov-west-1.amazonaws.com",
        "MIKE/documents/and/other/things",
    ];
    for value in values {
        assert_eq!(KeyMaterialKind::of(value), None, "{value}");
    }
}

proptest! {
    /// Whatever stands around a key, and whichever part of it is there from its beginning.
    #[test]
    fn shows_no_key_in_any_surroundings(
        before in "[ -,:-@\\[-^`{-~]{0,8}",
        after in "[ -~]{0,8}",
        which in 0..21_usize,
        length in 40..200_usize,
        sensitivity in prop_oneof![Just(Sensitivity::Public), Just(Sensitivity::Sensitive), Just(Sensitivity::Password)],
        exists: bool,
    ) {
        for pem in [EC, SEC1, RSA, SCRYPT] {
            let form = &forms(pem)[which];
            // PEM is told by its heading, hexadecimal digits from 48 of them on.
            let cut = &form[..length.max(64).min(form.len())];
            let value = format!("{before}{cut}{after}");
            prop_assert!(shown(&value, sensitivity, || exists).value().is_none(), "{}", value);
        }
    }

    /// What is shown is the value, of a form that was asked for.
    #[test]
    fn shows_only_what_the_rules_name(value in "\\PC{0,300}") {
        for sensitivity in [Sensitivity::Public, Sensitivity::Sensitive, Sensitivity::Password] {
            if let DisplayValue::Value(text) = shown(&value, sensitivity, || false) {
                prop_assert_eq!(&text, &value);
                prop_assert!(text.len() <= 255 || text.starts_with("arn:"));
                prop_assert!(!text.contains(['\n', '\r']));
            }
            // A password option shows no more than a key option, and that no more than others.
            let shows = |sensitivity| shown(&value, sensitivity, || false).value().is_some();
            prop_assert!(!shows(Sensitivity::Password) || shows(Sensitivity::Sensitive));
            prop_assert!(!shows(Sensitivity::Sensitive) || shows(Sensitivity::Public));
        }
    }
}

#[test]
fn names_of_words_may_be_repeated_and_encoded_octets_may_not() {
    for name in [
        "prod/payments/postgres/app-credentials-v2",
        "Teams/PlatformServices/production.database_password",
        "arn-like:name:of:several:words:20261125",
        "a1b2c3d4-5678-90ab-cdef-EXAMPLE11111".replace("EXAMPLE", "0123456").as_str(),
    ] {
        assert!(may_be_repeated(name), "{name}");
    }
    for name in [
        "pPiDvoNX6SYlZIBm/dUdJ4ba4GO+7cQmXlR2nW1s",
        "0123456789abcdef0123456789abcdef0123456789abcdef",
        "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg",
        "73:f9:5c:fa:2e:2b:bf:86:73:f9:5c:fa:2e:2b:bf:86",
    ] {
        assert!(!may_be_repeated(name), "{name}");
    }
}

proptest! {
    #[test]
    fn no_base64_or_hex_of_random_octets_may_be_repeated(octets in proptest::collection::vec(any::<u8>(), 32..64)) {
        for text in [STANDARD.encode(&octets), URL_SAFE_NO_PAD.encode(&octets)] {
            // What begins like a path is shown as one.
            prop_assert!(text.starts_with('/') || !may_be_repeated(&text), "{text}");
        }
    }
}
