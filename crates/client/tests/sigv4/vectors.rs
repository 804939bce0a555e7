//! The signing vectors, made by other code than ours: each intermediate on its own.

use std::path::Path;

use ml_dsa::{EncodedSignature, EncodedVerifyingKey, MlDsaParams};
use p256::ecdsa::signature::Verifier;
use roles_anywhere_client::http::{Endpoint, Request};
use roles_anywhere_client::identity::{Identity, IdentitySource, Permissions};
use roles_anywhere_client::input_source::InputSource;
use roles_anywhere_client::region::Region;
use roles_anywhere_client::sigv4::CanonicalRequest;
use roles_anywhere_client::sigv4::Scope;
use roles_anywhere_client::sigv4::{self, SignedRequest};
use roles_anywhere_client::time::Timestamp;
use roles_anywhere_test_support::files::FakeFiles;
use roles_anywhere_test_support::password::FixedPassword;

const CASES: [(&str, &str); 12] = [
    ("mldsa44-body", "mldsa44"),
    ("mldsa44-query", "mldsa44"),
    ("mldsa65-body", "mldsa65"),
    ("mldsa65-query", "mldsa65"),
    ("mldsa87-body", "mldsa87"),
    ("mldsa87-query", "mldsa87"),
    ("rsa2048-body", "rsa2048"),
    ("rsa2048-query", "rsa2048"),
    ("p256-body", "p256"),
    ("p256-query", "p256"),
    ("p384-body", "p384"),
    ("p384-query", "p384"),
];

#[test]
fn canonical_requests_agree() {
    for (case, key) in CASES {
        let signed = signed(case, key);
        assert_eq!(signed.canonical_request.text(), read(case, "canonical-request"), "{case}");
    }
}

#[test]
fn canonical_requests_agree_from_the_received_headers_alone() {
    for (case, _) in CASES {
        let (request, headers) = parse(&read(case, "request"));
        let mut request = request;
        request.headers = headers;
        let text = CanonicalRequest::new(&request).text().to_owned();
        assert_eq!(text, read(case, "canonical-request"), "{case}");
    }
}

#[test]
fn strings_to_sign_agree() {
    for (case, key) in CASES {
        assert_eq!(signed(case, key).string_to_sign, read(case, "string-to-sign"), "{case}");
    }
}

#[test]
fn authorizations_agree() {
    for (case, key) in CASES {
        let ours = authorization(&signed(case, key));
        let theirs = read(case, "authorization");
        if key.starts_with("rsa") {
            assert_eq!(ours, theirs, "{case}");
            continue;
        }
        let (our_head, our_signature) = ours.split_once("Signature=").unwrap();
        let (their_head, their_signature) = theirs.split_once("Signature=").unwrap();
        assert_eq!(our_head, their_head, "{case}");
        let message = read(case, "string-to-sign");
        for signature in [our_signature, their_signature] {
            let signature = from_hex(signature);
            assert!(verifies(key, message.as_bytes(), &signature), "{case}");
            assert!(!verifies(key, b"another message", &signature), "{case}");
        }
    }
}

fn signed(case: &str, key: &str) -> SignedRequest {
    let (request, headers) = parse(&read(case, "request"));
    let date = &headers.iter().find(|(name, _)| name == "x-amz-date").unwrap().1;
    let now = Timestamp::from_rfc3339(&rfc3339(date)).unwrap();
    let scope = Scope::new(now, &Region::parse("us-east-1").unwrap(), "rolesanywhere");
    sigv4::sign(request, &scope, now, &identity(key)).unwrap()
}

fn identity(key: &str) -> Identity {
    let path = |name: String| InputSource::file(Path::new("tests/vectors/pki").join(name));
    let source = IdentitySource {
        certificate: path(format!("leaf-{key}.pem")),
        private_key: path(format!("leaf-{key}.key.pem")).into(),
        intermediates: Some(path("intermediate.pem".to_owned())),
        permissions: Permissions::Strict,
    };
    let files = FakeFiles::of_repository("");
    source.open(&files, &FixedPassword::unused(), Timestamp::from_unix(1_800_000_000)).unwrap()
}

/// Returns a request with its content type alone, and all the headers that the vector has.
fn parse(text: &str) -> (Request, Vec<(String, String)>) {
    let (head, body) = text.split_once("\n\n").unwrap();
    let mut lines = head.lines();
    let target = lines.next().unwrap().split(' ').nth(1).unwrap();
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let host = &headers.iter().find(|(name, _)| name == "host").unwrap().1;
    let request = Request {
        method: "POST",
        endpoint: Endpoint::parse(&format!("https://{host}")).unwrap(),
        path: "/sessions",
        query: query.to_owned(),
        headers: headers.iter().filter(|(name, _)| name == "content-type").cloned().collect(),
        body: body.as_bytes().to_vec(),
    };
    (request, headers)
}

fn authorization(signed: &SignedRequest) -> String {
    let headers = &signed.request.headers;
    headers.iter().find(|(name, _)| name == "authorization").unwrap().1.clone()
}

/// Verifies with another implementation than the one that signs.
fn verifies(key: &str, message: &[u8], signature: &[u8]) -> bool {
    let identity = identity(key);
    let public_key = &identity.certificate().public_key().0;
    if key == "p384" {
        use aws_lc_rs::signature::{ECDSA_P384_SHA256_ASN1, UnparsedPublicKey};
        let public_key = UnparsedPublicKey::new(&ECDSA_P384_SHA256_ASN1, public_key);
        return public_key.verify(message, signature).is_ok();
    }
    match key {
        "mldsa44" => return verifies_ml_dsa::<ml_dsa::MlDsa44>(public_key, message, signature),
        "mldsa65" => return verifies_ml_dsa::<ml_dsa::MlDsa65>(public_key, message, signature),
        "mldsa87" => return verifies_ml_dsa::<ml_dsa::MlDsa87>(public_key, message, signature),
        _ => {}
    }
    let public_key = p256::ecdsa::VerifyingKey::from_sec1_bytes(public_key).unwrap();
    let signature = p256::ecdsa::Signature::from_der(signature).unwrap();
    public_key.verify(message, &signature).is_ok()
}

fn verifies_ml_dsa<P: MlDsaParams>(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = EncodedVerifyingKey::<P>::try_from(key).unwrap();
    let signature = EncodedSignature::<P>::try_from(signature).unwrap();
    let signature = ml_dsa::Signature::<P>::decode(&signature).unwrap();
    ml_dsa::VerifyingKey::<P>::decode(&key).verify_with_context(message, &[], &signature)
}

fn rfc3339(date: &str) -> String {
    let part = |from: usize, to: usize| &date[from..to];
    let (day, time) = (date.split_at(8).0, date.split_at(9).1);
    format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4),
        part(4, 6),
        &day[6..8],
        &time[0..2],
        &time[2..4],
        &time[4..6]
    )
}

fn read(case: &str, file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(case);
    std::fs::read_to_string(folder.join(file)).unwrap()
}

fn from_hex(text: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}
