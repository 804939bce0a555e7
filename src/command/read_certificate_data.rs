//! `read-certificate-data`: shows a certificate, and the session attributes that AWS derives from it.

mod full;
mod text;

use aws_lc_rs::digest::{Algorithm, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::app::App;
use crate::command::{Command, Plan};
use crate::options::arguments::OptionGroups;
use crate::options::command_line::Word;
use crate::options::identity;
use crate::options::roles::RoleUse;
use crate::options::settings::Settings;
use crate::options::table::{self, Heading, OptionSpec, ValueType};
use crate::output::Outcome;
use crate::output::error::Error;
use crate::output::usage::UsageError;
use roles_anywhere_client::hex;
use roles_anywhere_client::identity::read_certificates;
use roles_anywhere_client::input_source::{Files, InputSource};
use roles_anywhere_client::password::{PasswordSource, Passwords};
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::time::{Clock as _, Timestamp};
use roles_anywhere_client::x509::Certificate;
use roles_anywhere_client::x509::details::{CertificateDetails, KeyKind};

static OUTPUT: OptionSpec = OptionSpec::new("--output", "FORMAT", ValueType::Text)
    .without_variable()
    .default_value("json")
    .under(Heading::Output)
    .choices(&[
        ("json", "JSON of the first certificate, as aws_signing_helper prints it"),
        ("text", "Text, of all certificates, with the session attributes"),
        ("full", "JSON, of all certificates, with the session attributes"),
    ])
    .help("Format: json, text or full")
    .details("What to print.");

/// The plan of `read-certificate-data`.
#[derive(Clone, Debug)]
pub struct ReadCertificateData {
    /// The file with the certificate, which may hold others too.
    pub certificate: InputSource,
    /// The password of an encrypted PKCS#12.
    pub password: PasswordSource,
    /// The output format.
    pub output: CertificateFormat,
}

impl Command for ReadCertificateData {
    const NAME: &'static [Word] =
        &[("read-certificate-data", "Show a certificate as AWS reads it")];
    const DETAILS: &'static str = "\
Shows a certificate and the session attributes that AWS takes from it: the session name, the source identity and the session tags. With `--output text`, it also reports what AWS would drop or refuse.";
    const EXAMPLES: &'static str =
        "roles-anywhere read-certificate-data --certificate host.pem --output text";
    const DOCS: &'static [&'static str] = &["keys.md", "aws-setup.md"];
    const OPTIONS: &'static OptionGroups = &[
        &[&OUTPUT],
        table::roles::ONE,
        table::identity::IDENTITY,
        table::identity::KEY_ACCESS,
        table::identity::NOT_YET,
        table::errors::ERRORS,
    ];
    const REQUIRED: &'static [&'static OptionSpec] = &[&table::identity::CERTIFICATE];
    const ROLES: RoleUse = RoleUse::One;

    fn plan(settings: &Settings<'_>) -> Result<Self, UsageError> {
        let output = settings.flag_or_default(&OUTPUT)?;
        let output = match output.value {
            "json" => CertificateFormat::Official,
            "text" => CertificateFormat::Text,
            "full" => CertificateFormat::Full,
            _ => return Err(output.refuse("`json`, `text` or `full`")),
        };
        let certificate = identity::certificate(settings)?;
        Ok(Self { certificate, output, password: identity::password(settings)? })
    }
}

impl Plan for ReadCertificateData {
    fn run(&self, app: &App) -> Result<Outcome, Error> {
        let now = app.clock().now();
        Ok(run(self, &**app.files(), &app.passwords(&self.password), now)?.into())
    }
}

/// The output format of a certificate.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum CertificateFormat {
    /// JSON of the first certificate with the four members that the official helper prints.
    #[default]
    Official,
    /// Text for people, of all certificates.
    Text,
    /// JSON for programs, of all certificates, with everything that the text has.
    Full,
}

/// Returns what to print of the certificates as they are at `now`.
pub fn run(
    plan: &ReadCertificateData,
    files: &dyn Files,
    passwords: &dyn Passwords,
    now: Timestamp,
) -> Result<SecretBytes, Error> {
    let certificates = read_certificates(&plan.certificate, files, passwords)?;
    Ok(show(&certificates, plan.output, now))
}

/// Renders the certificates of one file, in the order of the file.
///
/// [`CertificateFormat::Official`] does not end in a newline, like the output of the official helper.
/// It is empty if there is no certificate.
fn show(certificates: &[Certificate], output: CertificateFormat, now: Timestamp) -> SecretBytes {
    SecretBytes::new(match output {
        CertificateFormat::Official => certificates.first().map(official).unwrap_or_default(),
        CertificateFormat::Text => text::render(certificates, now).into_bytes(),
        CertificateFormat::Full => full::render(certificates, now).into_bytes(),
    })
}

fn official(certificate: &Certificate) -> Vec<u8> {
    let document = Official::of(certificate, &CertificateDetails::of(certificate));
    serde_json::to_vec(&document).expect("strings serialize")
}

/// The document of the official helper, with the members in its order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Official {
    key_type: String,
    certificate_data: String,
    serial_number: String,
    supported_algorithms: Vec<String>,
}

impl Official {
    fn of(certificate: &Certificate, contents: &CertificateDetails) -> Self {
        // For a key of another kind, the official helper prints "" and digests without a prefix.
        let key_type = match &contents.key {
            KeyKind::Rsa(_) => "RSA".to_owned(),
            KeyKind::Ec(_) => "EC".to_owned(),
            KeyKind::MlDsa(set) => format!("ML-DSA-{set}"),
            KeyKind::Other(_) => String::new(),
        };
        let supported_algorithms = match &contents.key {
            KeyKind::MlDsa(_) => vec![key_type.clone()],
            _ => ["SHA256", "SHA384", "SHA512"].map(|hash| format!("{key_type}{hash}")).to_vec(),
        };
        Self {
            key_type,
            certificate_data: STANDARD.encode(certificate.der()),
            serial_number: certificate.serial().to_owned(),
            supported_algorithms,
        }
    }
}

/// Returns the digest of the DER in lower-case hex. With SHA-256 it is also AWS's `certificateId`.
fn fingerprint(certificate: &Certificate, algorithm: &'static Algorithm) -> String {
    hex::encode(digest(algorithm, certificate.der()))
}

/// Returns the whole days until the certificate expires; negative after that.
fn days_left(certificate: &Certificate, now: Timestamp) -> i64 {
    now.seconds_until(certificate.not_after()).div_euclid(86_400)
}

#[cfg(test)]
mod tests {
    use super::*;
    use roles_anywhere_test_support::cert_builder::{CN, CertBuilder, O, committed, name, rdn};

    fn now() -> Timestamp {
        Timestamp::from_rfc3339("2026-06-01T00:00:00Z").unwrap()
    }

    fn printed(certificates: &[Certificate], output: CertificateFormat) -> String {
        String::from_utf8(show(certificates, output, now()).expose().to_vec()).unwrap()
    }

    /// A certificate of a hostile CA, all that can be odd at once.
    fn odd() -> Certificate {
        CertBuilder {
            subject: name(&[
                rdn(&[(CN, "a\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}b \"c\" \\ (d)")]),
                rdn(&[(O, "x\nSession name  root"), ("0.9.2342.19200300.100.1.25", "example")]),
            ]),
            alternative_names: vec![
                (0x82, b"a.example.com".to_vec()),
                (0x82, b"b\x1b[2J.example.com".to_vec()),
                (0x87, vec![192, 0, 2, 1]),
                (0x81, b"a@example.com".to_vec()),
                (0xa4, name(&[rdn(&[(CN, "inner\r")])])),
            ],
            key_algorithm: Some("1.3.101.112"),
            ..CertBuilder::default()
        }
        .build()
    }

    #[test]
    fn prints_the_official_document_byte_for_byte() {
        let leaf = committed("tests/vectors/pki/leaf-rsa2048.pem");
        let data = STANDARD.encode(leaf.der());
        let json = printed(&[leaf, committed("certs/leaf/p256.pem")], CertificateFormat::Official);
        assert_eq!(
            json,
            format!(
                r#"{{"keyType":"RSA","certificateData":"{data}","serialNumber":"41796794418840706582093025104159514797","supportedAlgorithms":["RSASHA256","RSASHA384","RSASHA512"]}}"#
            )
        );
    }

    #[test]
    fn names_the_official_algorithms_of_each_kind_of_key() {
        for (oid, words) in [
            (
                None,
                r#"{"keyType":"EC",…,"supportedAlgorithms":["ECSHA256","ECSHA384","ECSHA512"]}"#,
            ),
            (
                Some("2.16.840.1.101.3.4.3.18"),
                r#"{"keyType":"ML-DSA-65",…,"supportedAlgorithms":["ML-DSA-65"]}"#,
            ),
            (
                Some("1.3.101.112"),
                r#"{"keyType":"",…,"supportedAlgorithms":["SHA256","SHA384","SHA512"]}"#,
            ),
        ] {
            let forged = CertBuilder { key_algorithm: oid, ..CertBuilder::default() }.build();
            let json = printed(&[forged], CertificateFormat::Official);
            let (start, rest) = json.split_once(r#""certificateData""#).unwrap();
            let (_, end) = rest.split_once(r#""serialNumber":"4096""#).unwrap();
            assert_eq!(format!("{start}…{end}"), words);
        }
    }

    #[test]
    fn text_describes_a_leaf() {
        let leaf = committed("certs/leaf/p256.pem");
        insta::assert_snapshot!(printed(&[leaf], CertificateFormat::Text), @"
        Subject          C=US, O=Example, CN=p256
        Issuer           C=US, O=Example, CN=Emulator Intermediate CA
        Serial           13422834858136268906869350899234759060
        Serial in hex    0a1924da82574a8f11a5f6cc7d75e194
        Valid from       2026-01-01T00:00:00Z
        Valid until      2046-01-01T00:00:00Z (7154 days left)
        Key              EC, P-256
        Signed with      ECDSA with SHA-256
        CA               no
        Key usage        digitalSignature
        Extended usage   clientAuth
        Alternative name DNS p256.example.com
        Alternative name URI spiffe://example.com/p256
        SHA-256          38d189b916aa342fef4bbc4413907da4242f108aa5cb196bb3f5f3eb05ebfbd4
        SHA-1            33f852fb18f0d46e35afb6c8c950cf2d402a5b63

        IAM Roles Anywhere, with the default attribute mapping
        Session name     0a1924da82574a8f11a5f6cc7d75e194
        Source identity  CN=p256

        Session tags
          x509Subject/C   US
          x509Subject/O   Example
          x509Subject/CN  p256
          x509Issuer/C    US
          x509Issuer/O    Example
          x509Issuer/CN   Emulator Intermediate CA
          x509SAN/DNS     p256.example.com
          x509SAN/URI     spiffe://example.com/p256
        ");
    }

    #[test]
    fn session_attributes_are_shown_of_leaves_only() {
        let chain = [
            committed("tests/vectors/pki/intermediate.pem"),
            committed("tests/vectors/pki/leaf-p384.pem"),
        ];
        insta::assert_snapshot!(printed(&chain, CertificateFormat::Text), @"
        Certificate 1 of 2
        Subject          C=US, O=Example, CN=Vector Intermediate
        Issuer           C=US, O=Example, CN=Vector Root
        Serial           2
        Serial in hex    02
        Valid from       2026-01-01T00:00:00Z
        Valid until      2046-01-01T00:00:00Z (7154 days left)
        Key              EC, P-256
        Signed with      ECDSA with SHA-256
        CA               yes
        Key usage        keyCertSign, cRLSign
        Extended usage   (no extension)
        SHA-256          22db5da252b782f5c9b2e8e5c3a76f052ba8a1b856e9260ba69ad534b1c35dc0
        SHA-1            cd362d737949f1b9cb960880da46633466397630

        Certificate 2 of 2
        Subject          C=US, O=Example, CN=vector-p384
        Issuer           C=US, O=Example, CN=Vector Intermediate
        Serial           41796794418840706582093025104159514797
        Serial in hex    1f71c5114a119fc0cc5a5a52fb3720ad
        Valid from       2026-01-01T00:00:00Z
        Valid until      2046-01-01T00:00:00Z (7154 days left)
        Key              EC, P-384
        Signed with      ECDSA with SHA-256
        CA               no
        Key usage        digitalSignature
        Extended usage   (no extension)
        SHA-256          a6f0b1d9cae1d844de7e023de0596d1d686841a59d6b265cbce2e8aa4d7645d9
        SHA-1            8de6dcf508d21b5ce67a768256eeb5c4628ec34d

        IAM Roles Anywhere, with the default attribute mapping
        Session name     1f71c5114a119fc0cc5a5a52fb3720ad
        Source identity  CN=vector-p384

        Session tags
          x509Subject/C   US
          x509Subject/O   Example
          x509Subject/CN  vector-p384
          x509Issuer/C    US
          x509Issuer/O    Example
          x509Issuer/CN   Vector Intermediate
        ");
        let alone = printed(&chain[..1], CertificateFormat::Text);
        assert!(alone.contains("is a CA (basicConstraints CA:TRUE)"), "{alone}");
    }

    #[test]
    fn text_names_expired_and_not_yet_valid_certificates() {
        for (name, words) in [("expired", "expired"), ("not-yet-valid", "not yet valid")] {
            let text =
                printed(&[committed(&format!("certs/broken/{name}.pem"))], CertificateFormat::Text);
            assert!(text.contains(words), "{text}");
        }
        let leaf = committed("certs/leaf/p256.pem");
        let end = leaf.not_after();
        for (now, days) in [(end, 0), (end.after(-86_400), 1), (end.after(1), -1)] {
            assert_eq!(days_left(&leaf, now), days);
        }
    }

    #[test]
    fn shows_an_odd_certificate_without_its_control_characters() {
        let text = printed(&[odd()], CertificateFormat::Text);
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
        insta::assert_snapshot!(text, @r#"
        Subject          CN=a\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}b "c" \\ (d), O=x\nSession name  root + DC=example
        Issuer           CN=Forger
        Serial           4096
        Serial in hex    1000
        Valid from       2026-01-01T00:00:00Z
        Valid until      2046-01-01T00:00:00Z (7154 days left)
        Key              Ed25519 (unknown to Roles Anywhere)
        Signed with      ECDSA with SHA-256
        CA               no
        Key usage        digitalSignature
        Extended usage   (no extension)
        Alternative name DNS a.example.com
        Alternative name DNS b\u{1b}[2J.example.com
        Alternative name IP 192.0.2.1
        Alternative name email a@example.com
        Alternative name DirectoryName CN=inner\r
        SHA-256          9fd1f58fb7e7ee6f1b9f05d511d5125973e717c167d2871a863b192789196a2d
        SHA-1            14065da8dac2d546593a5ea71ccb73cf43c7c57a

        IAM Roles Anywhere, with the default attribute mapping
        Session name     1000
        Source identity  CN=a\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}b "c" \\ (d)

        Session tags
          x509Issuer/CN  Forger
          x509SAN/DNS    a.example.com

        Dropped, as STS does not accept the tag
          x509Subject/CN   a\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}b "c" \\ (d): a tag cannot contain U+001B
          x509Subject/O    x\nSession name  root: a tag cannot contain U+000A
          x509SAN/Name/CN  inner\r: a tag cannot contain U+000D

        Not documented to become session tags
          x509Subject/DC  example

        Roles Anywhere refuses the certificate because it
          has a key of a type that the service does not support
        "#);
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "most of them are the document")]
    fn full_json_describes_a_chain() {
        let json =
            printed(&[committed("certs/broken/server-auth-only.pem")], CertificateFormat::Full);
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(r#""certificateData": "[^"]+""#, r#""certificateData": "…""#);
        let _filters = settings.bind_to_scope();
        insta::assert_snapshot!(json, @r#"
        {
          "certificates": [
            {
              "subject": "C=US, O=Example, CN=server-auth-only",
              "issuer": "C=US, O=Example, CN=Emulator Intermediate CA",
              "serialNumberHex": "79823c21fdeeb3542dddde4536548746",
              "notBefore": "2026-01-01T00:00:00Z",
              "notAfter": "2046-01-01T00:00:00Z",
              "daysLeft": 7154,
              "keyType": "EC",
              "certificateData": "…",
              "serialNumber": "161512805719278208970318758318198523718",
              "supportedAlgorithms": [
                "ECSHA256",
                "ECSHA384",
                "ECSHA512"
              ],
              "keyBits": null,
              "curve": "P-256",
              "signatureAlgorithm": "ECDSA with SHA-256",
              "isCa": false,
              "keyUsage": [
                "digitalSignature"
              ],
              "extendedKeyUsage": [
                "serverAuth"
              ],
              "subjectAlternativeNames": [
                {
                  "type": "DNS",
                  "value": "server-auth-only.example.com"
                },
                {
                  "type": "URI",
                  "value": "spiffe://example.com/server-auth-only"
                }
              ],
              "sha256Fingerprint": "e6b4b2f9adcde5c377bd4c25d259a01d9fbecaa34ef720f7018c4a826168532c",
              "sha1Fingerprint": "50c0beed1b65fbb05f315d9659e2cd5114ca9717",
              "rolesAnywhere": {
                "sessionName": "79823c21fdeeb3542dddde4536548746",
                "sourceIdentity": "CN=server-auth-only",
                "sessionTags": [
                  {
                    "key": "x509Subject/C",
                    "value": "US"
                  },
                  {
                    "key": "x509Subject/O",
                    "value": "Example"
                  },
                  {
                    "key": "x509Subject/CN",
                    "value": "server-auth-only"
                  },
                  {
                    "key": "x509Issuer/C",
                    "value": "US"
                  },
                  {
                    "key": "x509Issuer/O",
                    "value": "Example"
                  },
                  {
                    "key": "x509Issuer/CN",
                    "value": "Emulator Intermediate CA"
                  },
                  {
                    "key": "x509SAN/DNS",
                    "value": "server-auth-only.example.com"
                  },
                  {
                    "key": "x509SAN/URI",
                    "value": "spiffe://example.com/server-auth-only"
                  }
                ],
                "droppedTags": [],
                "undocumentedTags": [],
                "refusals": [],
                "doubts": [
                  {
                    "code": "noClientAuth",
                    "reason": "lacks clientAuth in its extendedKeyUsage, which the service may require"
                  }
                ]
              }
            }
          ]
        }
        "#);
        assert!(json.ends_with("}\n"));
    }

    #[test]
    fn hands_odd_values_to_a_program_escaped_and_whole() {
        let json = printed(&[odd()], CertificateFormat::Full);
        assert!(json.chars().all(|c| c == '\n' || !(c.is_control() || c == '\u{202e}')));
        let document: serde_json::Value = serde_json::from_str(&json).unwrap();
        let dropped = &document["certificates"][0]["rolesAnywhere"]["droppedTags"];
        assert_eq!(dropped[0]["value"], "a\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}b \"c\" \\ (d)");
    }
}
