//! CreateSession from outside: which requests get a session, and what the others are told.

use roles_anywhere_emulator::{
    DEEP_ROLE_ARN, Emulator, INTERMEDIATE_ANCHOR_ARN, NO_TRUST_ROLE_ARN, Options, PROFILE_ARN,
    ROLE_ARN, SHORT_LIVED_ROLE_ARN, SHORT_PROFILE_ARN, TRUST_ANCHOR_ARN,
};
use serde_json::{Value, json};

use crate::client::send;
use crate::signer::Request;

fn emulator() -> Emulator {
    Emulator::start(Options::default()).unwrap()
}

fn lenient() -> Emulator {
    Emulator::start(Options { lenient: true, ..Options::default() }).unwrap()
}

/// Returns the message and the reason of a refusal with 403.
fn denied(emulator: &Emulator, request: &Request) -> (String, String) {
    let answer = request.send(emulator);
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert_eq!(answer.header("x-amzn-errortype"), Some("AccessDeniedException"));
    let log = emulator.requests();
    let entry = log.last().unwrap();
    assert_eq!((&entry["verdict"], &entry["status"]), (&json!("refused"), &json!(403)));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&answer.json()["message"]), text(&entry["reason"]))
}

fn reason(emulator: &Emulator, request: &Request) -> String {
    denied(emulator, request).1
}

#[test]
fn every_kind_of_key_gets_a_session() {
    let emulator = emulator();
    for key in
        ["rsa2048", "rsa3072", "rsa4096", "p256", "p384", "p521", "mldsa44", "mldsa65", "mldsa87"]
    {
        let answer = Request::new(&format!("leaf/{key}")).send(&emulator);
        assert_eq!(answer.status, 201, "{key}: {}", answer.body);
        let set = &answer.json()["credentialSet"][0];
        assert!(set["credentials"]["accessKeyId"].as_str().unwrap().starts_with("ASIA"));
        assert_eq!(set["roleArn"], ROLE_ARN);
        assert_eq!(set["sourceIdentity"], format!("CN={key}"));
        let log = emulator.requests();
        let entry = log.last().unwrap();
        assert_eq!((&entry["verdict"], &entry["status"]), (&json!("accepted"), &json!(201)));
        assert_eq!(entry["session"]["tags"]["x509Subject/CN"], key);
        assert_eq!(entry["session"]["duration_seconds"], 3600);
        assert!(entry["headers"].get("authorization").is_none());
    }
}

#[test]
fn the_response_has_the_documented_fields() {
    let emulator = emulator();
    let request = Request::new("leaf/p256").with("roleSessionName", json!("job-1"));
    let body = request.with("roleArn", json!(DEEP_ROLE_ARN)).send(&emulator).json();
    let set = &body["credentialSet"][0];
    assert_eq!(set["assumedRoleUser"]["arn"], "arn:aws:sts::123456789012:assumed-role/Deep/job-1");
    let id = set["assumedRoleUser"]["assumedRoleId"].as_str().unwrap();
    assert!(id.starts_with("AROA") && id.ends_with(":job-1"), "{id}");
    assert!(set["credentials"]["sessionToken"].as_str().unwrap().len() >= 300);
    assert!(set["credentials"]["expiration"].as_str().unwrap().ends_with('Z'));
    assert!(set["packedPolicySize"].is_u64());
    let subject = body["subjectArn"].as_str().unwrap();
    assert!(subject.starts_with("arn:aws:rolesanywhere:us-east-1:123456789012:subject/"));
}

#[test]
fn arns_may_be_query_parameters() {
    let emulator = emulator();
    let encode = |arn: &str| arn.replace(':', "%3A").replace('/', "%2F");
    let mut request = Request::new("leaf/p256");
    request.body = json!({ "durationSeconds": 900 });
    request.query = format!(
        "profileArn={}&roleArn={}&trustAnchorArn={}",
        encode(PROFILE_ARN),
        encode(ROLE_ARN),
        encode(TRUST_ANCHOR_ARN)
    );
    assert_eq!(request.send(&emulator).status, 201);
    assert_eq!(emulator.requests()[0]["session"]["duration_seconds"], 900);
}

#[test]
fn an_anchor_may_be_an_intermediate() {
    let emulator = emulator();
    let mut request =
        Request::new("leaf/p256").with("trustAnchorArn", json!(INTERMEDIATE_ANCHOR_ARN));
    assert_eq!(request.send(&emulator).status, 201);
    request.chain.clear();
    assert_eq!(request.send(&emulator).status, 201);
    let without = request.with("trustAnchorArn", json!(TRUST_ANCHOR_ARN));
    assert_eq!(
        denied(&emulator, &without),
        ("Untrusted signing certificate".to_owned(), "untrusted".to_owned())
    );
}

#[test]
fn each_broken_certificate_is_refused() {
    let emulator = emulator();
    for (name, expected) in [
        ("expired", "expired"),
        ("not-yet-valid", "not-yet-valid"),
        ("no-digital-signature", "key-usage"),
        ("no-key-usage", "key-usage"),
        ("ca", "ca"),
        ("other-ca", "untrusted"),
        ("revoked", "revoked"),
        ("server-auth-only", "extended-key-usage"),
        ("no-subject", "subject"),
        ("critical-extension", "certificate"),
        ("sha1", "weak-signature"),
        ("v1", "version"),
    ] {
        let identity = format!("broken/{name}");
        if emulator.directory().join(format!("{identity}.pem")).exists() {
            assert_eq!(reason(&emulator, &Request::new(&identity)), expected, "{name}");
        }
    }
}

#[test]
fn a_signature_that_is_wrong_in_any_way_is_invalid() {
    let emulator = emulator();
    let good = Request::new("leaf/p256");
    let hex = good.clone().with("durationSeconds", json!(900));
    // Of nothing, and the body is something.
    let hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let other_body = vec![("x-amz-content-sha256", hash)];
    let cases = [
        ("serial", Request { serial: Some("0a1b".to_owned()), ..hex }),
        (
            "scope-region",
            Request { scope: "eu-west-1/rolesanywhere/aws4_request".to_owned(), ..good.clone() },
        ),
        (
            "scope-service",
            Request { scope: "us-east-1/sts/aws4_request".to_owned(), ..good.clone() },
        ),
        (
            "scope-terminator",
            Request { scope: "us-east-1/rolesanywhere/aws5_request".to_owned(), ..good.clone() },
        ),
        ("scope-date", Request { scope_date: Some("20200101".to_owned()), ..good.clone() }),
        ("date-skew", Request { skew_seconds: -1000, ..good.clone() }),
        ("date-skew", Request { skew_seconds: 1000, ..good.clone() }),
        ("date-malformed", Request { date_sign: "+", ..good.clone() }),
        ("content-sha256", Request { more: other_body.clone(), ..good.clone() }),
        (
            "content-sha256",
            Request { more: other_body, unsigned: vec!["x-amz-content-sha256"], ..good.clone() },
        ),
        ("unsigned-header", Request { unsigned: vec!["x-amz-x509"], ..good.clone() }),
        ("unsigned-header", Request { unsigned: vec!["x-amz-x509-chain"], ..good.clone() }),
        ("unsigned-header", Request { unsigned: vec!["host"], ..good.clone() }),
        (
            "algorithm-key-mismatch",
            Request { algorithm: Some("AWS4-X509-RSA-SHA256".to_owned()), ..good.clone() },
        ),
        ("algorithm", Request { algorithm: Some("AWS4-X509-ED25519".to_owned()), ..good.clone() }),
        ("chain-empty", Request { chain_header: Some(String::new()), ..good.clone() }),
        ("chain-malformed", Request { chain_header: Some("AAAA".to_owned()), ..good.clone() }),
    ];
    for (expected, request) in cases {
        let (message, reason) = denied(&emulator, &request);
        assert_eq!((message.as_str(), reason.as_str()), ("Invalid signature", expected));
    }
    let mut long = good;
    long.chain = vec!["anchor/intermediate.pem".to_owned(); 6];
    assert_eq!(reason(&emulator, &long), "chain-too-long");
}

#[test]
fn a_trust_anchor_cannot_authenticate_as_a_leaf() {
    let emulator = emulator();
    // The trust anchors themselves, by their own keys.
    for (identity, anchor) in
        [("anchor/root", TRUST_ANCHOR_ARN), ("anchor/intermediate", INTERMEDIATE_ANCHOR_ARN)]
    {
        let request = Request::new(identity).with("trustAnchorArn", json!(anchor));
        assert_eq!(reason(&emulator, &request), "ca");
    }
}

#[test]
fn a_chain_may_repeat_the_leaf() {
    let repeated = Request {
        chain: ["leaf/p256.pem", "anchor/intermediate.pem", "leaf/p256.pem"]
            .map(str::to_owned)
            .to_vec(),
        ..Request::new("leaf/p256")
    };
    assert_eq!(repeated.send(&emulator()).status, 201);
}

#[test]
fn a_repeated_arn_in_the_query_is_refused() {
    let emulator = emulator();
    let mut request = Request::new("leaf/p256");
    let arn = |arn: &str| arn.replace(':', "%3A").replace('/', "%2F");
    request.body = json!({});
    request.query = format!(
        "profileArn={}&roleArn={}&roleArn={}&trustAnchorArn={}",
        arn(PROFILE_ARN),
        arn(ROLE_ARN),
        arn(DEEP_ROLE_ARN),
        arn(TRUST_ANCHOR_ARN)
    );
    let answer = request.send(&emulator);
    assert_eq!((answer.status, &emulator.requests()[0]["reason"]), (400, &json!("ambiguous")));
}

#[test]
fn an_equals_sign_in_the_query_may_be_encoded_or_not() {
    let emulator = emulator();
    let role = "arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fa";
    for (signed, expected) in [("%3D", "role"), ("%253D", "role"), ("%25253D", "signature")] {
        let mut request = Request::new("leaf/p256");
        request.body["roleArn"] = Value::Null;
        request.query = format!("roleArn={role}{signed}b");
        let mut call = request.sign(&emulator);
        call.query = format!("roleArn={role}%3Db");
        assert_eq!(send(&emulator, &call).unwrap().status, 403);
        assert_eq!(emulator.requests().last().unwrap()["reason"], expected, "{signed}");
    }
}

#[test]
fn a_request_that_was_changed_on_its_way_is_invalid() {
    let emulator = emulator();
    let signed = Request::new("leaf/rsa2048").sign(&emulator);
    let refused = |change: &dyn Fn(&mut crate::client::Call)| {
        let mut call = signed.clone();
        change(&mut call);
        assert_eq!(send(&emulator, &call).unwrap().status, 403);
        emulator.requests().last().unwrap()["reason"].as_str().unwrap().to_owned()
    };
    assert_eq!(refused(&|call| call.body.push(' ')), "signature");
    assert_eq!(refused(&|call| call.query = "a=b".to_owned()), "signature");
    assert_eq!(refused(&|call| call.header("host", "example.com")), "signature");
    assert_eq!(refused(&|call| call.without("authorization")), "authorization-missing");
    assert_eq!(refused(&|call| call.without("x-amz-x509")), "x509-missing");
    assert_eq!(refused(&|call| call.header("x-amz-x509", "!")), "x509-malformed");
    assert_eq!(refused(&|call| call.without("x-amz-date")), "date-missing");
    assert_eq!(refused(&|call| call.without("x-amz-x509-chain")), "signed-header-missing");
}

#[test]
fn lenient_accepts_what_production_accepts_and_logs_it() {
    let emulator = lenient();
    let good = Request::new("leaf/p256");
    let unsigned = Request { unsigned: vec!["x-amz-x509-chain"], ..good.clone() };
    assert_eq!(unsigned.send(&emulator).status, 201);
    let mismatch = Request { algorithm: Some("AWS4-X509-RSA-SHA256".to_owned()), ..good };
    assert_eq!(mismatch.send(&emulator).status, 201);
    assert_eq!(Request::new("broken/server-auth-only").send(&emulator).status, 201);
    let log = emulator.requests();
    assert_eq!(log[0]["tolerated"], json!(["unsigned-header"]));
    assert_eq!(log[1]["tolerated"], json!(["algorithm-key-mismatch"]));
}

#[test]
fn anchors_profiles_and_roles_are_checked_in_their_order() {
    let emulator = emulator();
    let good = Request::new("leaf/p256");
    let refusal =
        |member: &str, value: &str| denied(&emulator, &good.clone().with(member, json!(value))).0;
    assert_eq!(
        refusal("trustAnchorArn", &TRUST_ANCHOR_ARN.replace("1111", "0000")),
        "Specified Trust Anchor wasn't found."
    );
    assert_eq!(
        refusal("profileArn", &PROFILE_ARN.replace("6666", "0000")),
        "Invalid or empty profile provided."
    );
    assert_eq!(
        refusal("roleArn", "arn:aws:iam::123456789012:role/Other"),
        "Requested Role isn't one of those listed in the Profile."
    );
    assert_eq!(
        refusal("roleArn", NO_TRUST_ROLE_ARN),
        format!("Unable to assume role for {NO_TRUST_ROLE_ARN}.")
    );
    emulator.enable_profile(PROFILE_ARN, false);
    assert_eq!(denied(&emulator, &good).0, "Profile is disabled");
    emulator.enable_trust_anchor(TRUST_ANCHOR_ARN, false);
    assert_eq!(denied(&emulator, &good).0, "Trust anchor is disabled");
    emulator.enable_trust_anchor(TRUST_ANCHOR_ARN, true);
    emulator.enable_profile(PROFILE_ARN, true);
    assert_eq!(good.send(&emulator).status, 201);
}

#[test]
fn a_duration_is_limited_by_the_profile_and_refused_by_the_role() {
    let emulator = emulator();
    let mut request = Request::new("leaf/p256").with("profileArn", json!(SHORT_PROFILE_ARN));
    assert_eq!(request.send(&emulator).status, 201);
    assert_eq!(emulator.requests()[0]["session"]["duration_seconds"], 900);
    request = Request::new("leaf/p256").with("roleArn", json!(SHORT_LIVED_ROLE_ARN));
    assert_eq!(request.send(&emulator).status, 201);
    request = request.with("durationSeconds", Value::Null);
    assert_eq!(
        denied(&emulator, &request).0,
        format!(
            "Unable to assume role for {SHORT_LIVED_ROLE_ARN}. The requested DurationSeconds \
             exceeds the MaxSessionDuration set for this role."
        )
    );
    request = request.with("durationSeconds", json!(899));
    assert_eq!(request.send(&emulator).status, 400);
}

#[test]
fn a_session_name_needs_a_profile_that_accepts_it() {
    let emulator = emulator();
    let named = Request::new("leaf/p256").with("roleSessionName", json!("job"));
    assert_eq!(named.send(&emulator).status, 201);
    assert_eq!(
        denied(&emulator, &named.with("profileArn", json!(SHORT_PROFILE_ARN))).0,
        "Not authorized to set roleSessionName."
    );
    assert_eq!(Request::new("leaf/p256").send(&emulator).status, 201);
    let log = emulator.requests();
    assert_eq!(log[0]["session"]["role_session_name"], "job");
    let serial = log[2]["session"]["role_session_name"].as_str().unwrap();
    assert!(serial.len() == 32 && serial.starts_with("0a"), "{serial}");
}

#[test]
fn a_revoked_serial_gets_no_session() {
    let emulator = emulator();
    let request = Request::new("leaf/p256");
    let authorization = request.sign(&emulator).headers.pop().unwrap().1;
    let serial = authorization.split(['=', '/']).nth(1).unwrap();
    emulator.revoke(serial);
    assert_eq!(
        denied(&emulator, &request),
        ("Certificate revoked".to_owned(), "revoked".to_owned())
    );
}

#[test]
fn the_clock_decides_about_skew_and_expiry() {
    let emulator = emulator();
    emulator.advance(3600);
    assert_eq!(reason(&emulator, &Request::new("leaf/p256")), "date-skew");
    let ahead = Request { skew_seconds: 3600, ..Request::new("leaf/p256") };
    assert_eq!(ahead.send(&emulator).status, 201);
}
