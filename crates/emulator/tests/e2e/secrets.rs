//! STS and Secrets Manager from outside, signed by the aws-sigv4 crate with vended credentials.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use roles_anywhere_emulator::{Emulator, NO_SECRETS_ROLE_ARN, Options, ROLE_ARN};
use serde_json::{Value, json};

use crate::client::{Answer, Call, Place, host, send};
use crate::signer::Request;

const TOKEN: &str = "11111111-2222-4333-8444-555555555555";

fn emulator() -> Emulator {
    Emulator::start(Options::default()).unwrap()
}

/// Vends credentials for a role.
pub(crate) fn vend(emulator: &impl Place, role_arn: &str) -> Credentials {
    let answer = Request::new("leaf/p256").with("roleArn", json!(role_arn)).send(emulator);
    credentials(&answer)
}

/// Returns the credentials that CreateSession has vended.
pub(crate) fn credentials(answer: &Answer) -> Credentials {
    let credentials = &answer.json()["credentialSet"][0]["credentials"];
    let text = |name: &str| credentials[name].as_str().unwrap().to_owned();
    Credentials::new(
        text("accessKeyId"),
        text("secretAccessKey"),
        Some(text("sessionToken")),
        None,
        "emulator",
    )
}

pub(crate) fn signed(
    emulator: &impl Place,
    credentials: &Credentials,
    scope: (&str, &str),
    call: Call,
) -> Answer {
    try_signed(emulator, credentials, scope, call).unwrap()
}

/// Sends a signed call, which may get no answer.
pub(crate) fn try_signed(
    emulator: &impl Place,
    credentials: &Credentials,
    (region, service): (&str, &str),
    mut call: Call,
) -> Option<Answer> {
    call.path = "/".to_owned();
    call.header("host", host(emulator));
    let identity = credentials.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let uri = format!("{}/", emulator.endpoint());
    let headers = call.headers.clone();
    let signable = SignableRequest::new(
        "POST",
        &uri,
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())),
        SignableBody::Bytes(call.body.as_bytes()),
    )
    .unwrap();
    let (instructions, _) = sign(signable, &params).unwrap().into_parts();
    for (name, value) in instructions.headers() {
        call.header(name, value);
    }
    send(emulator, &call)
}

pub(crate) fn secrets(
    emulator: &impl Place,
    credentials: &Credentials,
    operation: &str,
    input: &Value,
) -> Answer {
    secret(emulator, credentials, ("us-east-1", operation), input)
}

/// Calls Secrets Manager in a Region.
pub(crate) fn secret(
    emulator: &impl Place,
    credentials: &Credentials,
    (region, operation): (&str, &str),
    input: &Value,
) -> Answer {
    let mut call = Call { body: input.to_string(), ..Call::default() };
    call.header("content-type", "application/x-amz-json-1.1");
    call.header("x-amz-target", format!("secretsmanager.{operation}"));
    signed(emulator, credentials, (region, "secretsmanager"), call)
}

pub(crate) fn get(emulator: &impl Place, credentials: &Credentials, id: &str) -> Answer {
    secrets(emulator, credentials, "GetSecretValue", &json!({ "SecretId": id }))
}

#[test]
fn reads_text_and_bytes() {
    let emulator = emulator();
    let credentials = vend(&emulator, ROLE_ARN);
    let answer = get(&emulator, &credentials, "prod/db-credentials");
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(
        answer.json()["SecretString"],
        r#"{"username":"app","password":"correct horse battery staple","host":"db.internal","port":5432}"#
    );
    assert_eq!(answer.json()["VersionStages"], json!(["AWSCURRENT"]));
    let arn = answer.json()["ARN"].as_str().unwrap().to_owned();
    assert_eq!(get(&emulator, &credentials, &arn).json()["Name"], "prod/db-credentials");
    let binary = get(&emulator, &credentials, "prod/keystore").json();
    assert!(binary["SecretBinary"].as_str().unwrap().starts_with("AAECAwQF"));
    let log = emulator.requests();
    let session = &log.last().unwrap()["session"];
    assert_eq!(session["access_key_id"], credentials.access_key_id());
}

#[test]
fn the_log_holds_no_secret() {
    let emulator = emulator();
    let credentials = vend(&emulator, ROLE_ARN);
    let create = json!({ "Name": "n", "SecretString": "hush-1", "ClientRequestToken": TOKEN });
    assert_eq!(secrets(&emulator, &credentials, "CreateSecret", &create).status, 200);
    // "hush-2" in base64
    let put = json!({
        "SecretId": "n", "SecretBinary": "aHVzaC0y", "ClientRequestToken": TOKEN.replace('1', "9")
    });
    assert_eq!(secrets(&emulator, &credentials, "PutSecretValue", &put).status, 200);
    assert!(get(&emulator, &credentials, "n").body.contains("aHVzaC0y"));
    let log = json!(emulator.requests()).to_string();
    for secret in [
        "hush-1",
        "aHVzaC0y",
        credentials.secret_access_key(),
        credentials.session_token().unwrap(),
    ] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
    let create = &emulator.requests()[1];
    assert_eq!(create["headers"]["x-amz-security-token"], "(redacted)");
    let body: Value = serde_json::from_str(create["body"].as_str().unwrap()).unwrap();
    assert_eq!((&body["Name"], &body["SecretString"]), (&json!("n"), &json!("(redacted)")));
}

#[test]
fn another_content_type_is_another_protocol() {
    let emulator = emulator();
    let credentials = vend(&emulator, ROLE_ARN);
    let mut call = Call { body: r#"{"SecretId":"prod/plain"}"#.to_owned(), ..Call::default() };
    call.header("x-amz-target", "secretsmanager.GetSecretValue");
    for (content_type, status) in
        [("application/json", 404), ("application/x-amz-json-1.1; charset=utf-8", 200)]
    {
        call.header("content-type", content_type);
        let answer = signed(&emulator, &credentials, ("us-east-1", "secretsmanager"), call.clone());
        assert_eq!(answer.status, status, "{content_type}: {}", answer.body);
    }
    call.header("content-type", "application/x-amz-json-1.1");
    call.body = r#"{"SecretId":"prod/plain","SecretId":"prod/keystore"}"#.to_owned();
    let answer = signed(&emulator, &credentials, ("us-east-1", "secretsmanager"), call);
    assert_eq!(answer.json()["__type"], "SerializationException");
}

#[test]
fn says_why_a_secret_cannot_be_read() {
    let emulator = emulator();
    let credentials = vend(&emulator, ROLE_ARN);
    for (id, code, message) in [
        ("absent", "ResourceNotFoundException", "Secrets Manager can't find the specified secret."),
        (
            "prod/deleted",
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
        ),
        ("prod/kms-denied", "AccessDeniedException", "Access to KMS is not allowed"),
        (
            "prod/broken-key",
            "DecryptionFailure",
            "Secrets Manager can't decrypt the protected secret text using the provided KMS key.",
        ),
    ] {
        let answer = get(&emulator, &credentials, id);
        assert_eq!(answer.status, 400);
        assert_eq!(answer.json(), json!({ "__type": code, "Message": message }));
    }
}

#[test]
fn a_denial_has_the_message_of_iam() {
    let emulator = emulator();
    let credentials = vend(&emulator, NO_SECRETS_ROLE_ARN);
    let answer = get(&emulator, &credentials, "absent");
    let message = answer.json()["Message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("User: arn:aws:sts::123456789012:assumed-role/NoSecrets/0a"));
    assert!(message.ends_with(
        " is not authorized to perform: secretsmanager:GetSecretValue on resource: absent because \
         no identity-based policy allows the secretsmanager:GetSecretValue action"
    ));
    assert_eq!(answer.json()["__type"], "AccessDeniedException");
}

#[test]
fn creates_puts_describes_and_reads_back() {
    let emulator = emulator();
    let credentials = vend(&emulator, ROLE_ARN);
    let create = json!({ "Name": "new/one", "SecretString": "a", "ClientRequestToken": TOKEN });
    let created = secrets(&emulator, &credentials, "CreateSecret", &create);
    assert_eq!((created.status, &created.json()["VersionId"]), (200, &json!(TOKEN)));
    let second = TOKEN.replace('1', "9");
    let put = json!({ "SecretId": "new/one", "SecretString": "b", "ClientRequestToken": second });
    let answer = secrets(&emulator, &credentials, "PutSecretValue", &put);
    assert_eq!(answer.json()["VersionStages"], json!(["AWSCURRENT"]), "{}", answer.body);
    assert_eq!(get(&emulator, &credentials, "new/one").json()["SecretString"], "b");
    let input = json!({ "SecretId": "new/one", "VersionStage": "AWSPREVIOUS" });
    let previous = secrets(&emulator, &credentials, "GetSecretValue", &input).json();
    assert_eq!((&previous["SecretString"], &previous["VersionId"]), (&json!("a"), &json!(TOKEN)));
    let input = json!({ "SecretId": "new/one" });
    let described = secrets(&emulator, &credentials, "DescribeSecret", &input).json();
    assert_eq!(
        described["VersionIdsToStages"],
        json!({ TOKEN: ["AWSPREVIOUS"], second: ["AWSCURRENT"] })
    );
}

#[test]
fn says_who_the_caller_is_in_xml() {
    let emulator = emulator();
    let credentials = vend(&emulator, ROLE_ARN);
    let mut call =
        Call { body: "Action=GetCallerIdentity&Version=2011-06-15".to_owned(), ..Call::default() };
    call.header("content-type", "application/x-www-form-urlencoded; charset=utf-8");
    let answer = signed(&emulator, &credentials, ("us-east-1", "sts"), call.clone());
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.body.contains("<Arn>arn:aws:sts::123456789012:assumed-role/Workload/0a"));
    assert!(answer.body.contains("<Account>123456789012</Account>"));
    let wrong = signed(&emulator, &credentials, ("us-east-1", "secretsmanager"), call.clone());
    assert_eq!(wrong.status, 403);
    assert!(wrong.body.contains("<Code>SignatureDoesNotMatch</Code>"));
    call.body = "Action=GetCallerIdentity".to_owned();
    let wrong = signed(&emulator, &credentials, ("us-east-1", "sts"), call);
    assert_eq!(wrong.status, 400);
    assert!(wrong.body.contains("<Code>InvalidAction</Code>"), "{}", wrong.body);
}

#[test]
fn a_session_expires_as_requested() {
    let emulator = emulator();
    emulator.end_sessions_after(Some(0));
    let credentials = vend(&emulator, ROLE_ARN);
    let answer = get(&emulator, &credentials, "prod/plain");
    assert_eq!(answer.json()["__type"], "ExpiredTokenException");
    emulator.end_sessions_after(None);
    let credentials = vend(&emulator, ROLE_ARN);
    assert_eq!(get(&emulator, &credentials, "prod/plain").status, 200);
}

#[test]
fn secrets_are_seeded_by_the_caller_too() {
    let options = Options { secrets: Some(json!({ "mine": { "a": 1 } })), ..Options::default() };
    let emulator = Emulator::start(options).unwrap();
    let credentials = vend(&emulator, ROLE_ARN);
    assert_eq!(get(&emulator, &credentials, "mine").json()["SecretString"], r#"{"a":1}"#);
}
