//! A configuration, from its file to what AWS answers.

use std::path::Path;

use aws_credential_types::Credentials;
use roles_anywhere_emulator::{AwsFiles, Emulator, Options};
use serde_json::{Value, json};

use crate::client::Answer;
use crate::secrets::{credentials, secret};
use crate::signer::Request;

const CONFIG: &str = r#"
account = "111122223333"
region = "eu-central-1"

[trust-anchor.own]
arn = "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/own"
built-in-ca = "root"

[profile.narrow]
arn = "arn:aws:rolesanywhere:eu-central-1:111122223333:profile/narrow"
roles = ["Web"]
session-policy-file = "read.json"
attribute-mappings = { x509Subject = ["CN"], x509Issuer = [], x509SAN = ["DNS"] }

[profile.wide]
arn = "arn:aws:rolesanywhere:eu-central-1:111122223333:profile/wide"
roles = ["Web"]

[profile.elsewhere]
arn = "arn:aws:rolesanywhere:us-east-1:111122223333:profile/elsewhere"
roles = ["Web"]

[role.Web]
permissions-files = ["write.json"]

[role.Web.trust-policy.Statement]
Effect = "Allow"
Principal.Service = "rolesanywhere.amazonaws.com"
Action = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
Condition.StringEquals."aws:PrincipalTag/x509Subject/CN" = ["p256", "rsa2048"]

[secret.db]
value-file = "db.json"

[secret.guarded]
value = "hush"
[secret.guarded.resource-policy.Statement]
Effect = "Deny"
Principal = "*"
Action = "secretsmanager:GetSecretValue"
Resource = "*"
Condition.StringNotEquals."aws:PrincipalTag/x509Subject/CN" = "rsa2048"

[secret."arn:aws:secretsmanager:eu-central-1:999988887777:secret:shared-AbC123"]
value = "of another account"
kms-key = "alias/shared"
[secret."arn:aws:secretsmanager:eu-central-1:999988887777:secret:shared-AbC123".resource-policy.Statement]
Effect = "Allow"
Principal.AWS = "arn:aws:iam::111122223333:role/Web"
Action = "secretsmanager:GetSecretValue"
Resource = "*"

[secret."arn:aws:secretsmanager:eu-central-1:999988887777:secret:private-AbC123"]
value = "of another account"

[secret."arn:aws:secretsmanager:us-east-1:111122223333:secret:db-AbC123"]
value = "of another Region"
"#;

fn start() -> Emulator {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("emulator.toml", CONFIG);
    write("db.json", "{\"user\":\"app\"}");
    let allow = |actions: &str| {
        format!(r#"{{"Statement": {{"Effect": "Allow", "Action": {actions}, "Resource": "*"}}}}"#)
    };
    write(
        "write.json",
        &allow(r#"["secretsmanager:Get*", "secretsmanager:PutSecretValue", "kms:Decrypt"]"#),
    );
    write("read.json", &allow(r#"["secretsmanager:Get*", "kms:Decrypt"]"#));
    let config = Some(folder.path().join("emulator.toml"));
    let aws = AwsFiles { config, ..AwsFiles::default() };
    Emulator::start(Options { aws, ..Options::default() }).unwrap()
}

fn request(leaf: &str, profile: &str) -> Request {
    let arn =
        |resource: &str| format!("arn:aws:rolesanywhere:eu-central-1:111122223333:{resource}");
    let mut request = Request::new(&format!("leaf/{leaf}"))
        .with("trustAnchorArn", json!(arn("trust-anchor/own")))
        .with("profileArn", json!(arn(&format!("profile/{profile}"))))
        .with("roleArn", json!("arn:aws:iam::111122223333:role/Web"));
    request.scope = "eu-central-1/rolesanywhere/aws4_request".to_owned();
    request
}

fn vend(emulator: &Emulator, leaf: &str, profile: &str) -> Credentials {
    let answer = request(leaf, profile).send(emulator);
    assert_eq!(answer.status, 201, "{:?}", answer.json());
    credentials(&answer)
}

/// Calls Secrets Manager in a Region, and returns the error's code and the last line of the log.
fn call(
    emulator: &Emulator,
    credentials: &Credentials,
    operation: &str,
    body: &Value,
) -> Result<Answer, (String, String)> {
    let answer = secret(emulator, credentials, ("eu-central-1", operation), body);
    if answer.status == 200 {
        return Ok(answer);
    }
    let entry = emulator.requests().pop().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Err((text(&answer.json()["__type"]), text(&entry["explanation"])))
}

fn get(
    emulator: &Emulator,
    credentials: &Credentials,
    id: &str,
) -> Result<String, (String, String)> {
    let answer = call(emulator, credentials, "GetSecretValue", &json!({ "SecretId": id }))?;
    Ok(answer.json()["SecretString"].as_str().unwrap().to_owned())
}

#[test]
fn a_trust_policy_on_the_common_name_accepts_one_leaf_and_refuses_another() {
    let emulator = start();
    let answer = request("p256", "narrow").send(&emulator).json();
    assert_eq!(answer["credentialSet"][0]["roleArn"], "arn:aws:iam::111122223333:role/Web");
    assert!(
        answer["subjectArn"].as_str().unwrap().starts_with("arn:aws:rolesanywhere:eu-central-1:1")
    );
    let session = emulator.requests().pop().unwrap()["session"].take();
    let tags: Vec<_> = session["tags"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(tags, ["x509SAN/DNS", "x509Subject/CN"]);
    let refused = request("p384", "narrow").send(&emulator);
    assert_eq!(refused.status, 403);
    let message = "Unable to assume role for arn:aws:iam::111122223333:role/Web.";
    assert_eq!(refused.json()["message"], message);
    let entry = emulator.requests().pop().unwrap();
    assert_eq!(entry["reason"], "trust-policy");
    let why = entry["explanation"].as_str().unwrap();
    let none = "sts:AssumeRole on arn:aws:iam::111122223333:role/Web: no statement of the trust \
                policy of role Web allows it";
    assert!(why.starts_with(none) && why.contains("`p384`"), "{why}");
}

#[test]
fn a_trust_anchor_is_found_in_its_own_region_only() {
    let emulator = start();
    let mut elsewhere = request("p256", "wide");
    elsewhere.scope = "us-east-1/rolesanywhere/aws4_request".to_owned();
    let answer = elsewhere.send(&emulator);
    assert_eq!(answer.json()["message"], "Specified Trust Anchor wasn't found.");
    assert_eq!(emulator.requests().pop().unwrap()["reason"], "trust-anchor-region");
}

#[test]
fn a_profile_is_found_only_in_the_region_of_the_trust_anchor() {
    let emulator = start();
    let elsewhere = "arn:aws:rolesanywhere:us-east-1:111122223333:profile/elsewhere";
    let answer = request("p256", "wide").with("profileArn", json!(elsewhere)).send(&emulator);
    assert_eq!(answer.json()["message"], "Invalid or empty profile provided.");
    assert_eq!(emulator.requests().pop().unwrap()["reason"], "profile-location");
}

#[test]
fn a_session_policy_narrows_what_the_role_may_do() {
    let emulator = start();
    let put = json!({
        "SecretId": "db", "SecretString": "new",
        "ClientRequestToken": "00000000-0000-4000-8000-000000000000",
    });
    let wide = vend(&emulator, "p256", "wide");
    assert!(call(&emulator, &wide, "PutSecretValue", &put).is_ok());
    let narrow = vend(&emulator, "p256", "narrow");
    assert_eq!(get(&emulator, &narrow, "db").unwrap(), "new");
    let (code, why) = call(&emulator, &narrow, "PutSecretValue", &put).unwrap_err();
    assert_eq!(code, "AccessDeniedException");
    assert!(why.contains("read.json allows it"), "{why}");
    let describe = json!({ "SecretId": "db" });
    let (code, why) = call(&emulator, &wide, "DescribeSecret", &describe).unwrap_err();
    assert_eq!(code, "AccessDeniedException");
    assert!(why.contains("write.json allows it"), "{why}");
}

#[test]
fn the_policy_of_a_secret_decides_too() {
    let emulator = start();
    let rsa = vend(&emulator, "rsa2048", "wide");
    let ec = vend(&emulator, "p256", "wide");
    assert_eq!(get(&emulator, &rsa, "guarded").unwrap(), "hush");
    let (code, why) = get(&emulator, &ec, "guarded").unwrap_err();
    assert_eq!(code, "AccessDeniedException");
    assert!(why.ends_with("denied by Statement of the resource policy of secret guarded"), "{why}");
    let of = |name: &str| format!("arn:aws:secretsmanager:eu-central-1:999988887777:secret:{name}");
    assert_eq!(get(&emulator, &ec, &of("shared-AbC123")).unwrap(), "of another account");
    assert_eq!(get(&emulator, &ec, &of("private-AbC123")).unwrap_err().0, "AccessDeniedException");
    assert_eq!(get(&emulator, &ec, "shared").unwrap_err().0, "ResourceNotFoundException");
}

#[test]
fn secrets_are_those_of_the_region_that_the_request_is_signed_for() {
    let emulator = start();
    let credentials = vend(&emulator, "p256", "wide");
    let of = |region: &str| {
        let body = json!({ "SecretId": "db" });
        secret(&emulator, &credentials, (region, "GetSecretValue"), &body)
    };
    assert_eq!(of("eu-central-1").json()["SecretString"], "{\"user\":\"app\"}");
    assert_eq!(of("us-east-1").json()["SecretString"], "of another Region");
    assert_eq!(of("eu-west-1").json()["__type"], "InvalidSignatureException");
}

#[test]
fn the_exports_are_those_of_the_configuration() {
    let emulator = start();
    let environment = emulator.environment();
    let value = |name: &str| {
        let found = environment.iter().find(|(variable, _)| variable == name);
        found.map(|(_, value)| value.to_string_lossy().into_owned())
    };
    assert_eq!(value("AWS_REGION").unwrap(), "eu-central-1");
    assert!(value("ROLES_ANYWHERE_TRUST_ANCHOR_ARN").unwrap().ends_with("trust-anchor/own"));
    assert_eq!(value("ROLES_ANYWHERE_PROFILE_ARN"), None);
    assert!(Path::new(&value("ROLES_ANYWHERE_CERTIFICATE").unwrap()).exists());
}
