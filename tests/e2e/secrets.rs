//! `secret get` of a secret that cannot be had, in whole or in part.

use insta::assert_snapshot;
use roles_anywhere_emulator::NO_SECRETS_ROLE_ARN;
use serde_json::json;

use crate::environment::TestEnvironment;

#[test]
fn says_that_a_secret_is_missing() {
    let env = TestEnvironment::new();
    assert_snapshot!(env.fails("secret get prod/absent"), @"
    $ roles-anywhere secret get prod/absent
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused GetSecretValue: 400 ResourceNotFoundException
      caused by: Secrets Manager can't find the specified secret. (request id UUID)
      hint: there is no `prod/absent` in us-east-1 and account 123456789012: check name and Region (`--region`, `?region=`); for another account's secret, pass its ARN
    ");
}

#[test]
fn says_that_an_arn_names_no_secret() {
    let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:absent-AbCdEf";
    let env = TestEnvironment::new();
    assert_snapshot!(env.fails(&format!("secret get {arn}")), @"
    $ roles-anywhere secret get arn:aws:secretsmanager:us-east-1:123456789012:secret:absent-AbCdEf
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused GetSecretValue: 400 ResourceNotFoundException
      caused by: Secrets Manager can't find the specified secret. (request id UUID)
      hint: check the ARN and its last six characters: there is no such secret in us-east-1 and account 123456789012
    ");
}

#[test]
fn says_that_a_stage_is_missing() {
    let env = TestEnvironment::new();
    assert_snapshot!(env.fails("secret get prod/plain --version-stage AWSPREVIOUS"), @"
    $ roles-anywhere secret get prod/plain --version-stage AWSPREVIOUS
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused GetSecretValue: 400 ResourceNotFoundException
      caused by: Secrets Manager can't find the specified secret value for staging label: AWSPREVIOUS (request id UUID)
      hint: check the name and the version: `aws secretsmanager list-secret-version-ids --region us-east-1 --secret-id prod/plain` lists the versions of the secret
    ");
}

#[test]
fn names_the_denied_action() {
    let env = TestEnvironment::new().var("ROLES_ANYWHERE_ROLE_ARN", NO_SECRETS_ROLE_ARN);
    assert_snapshot!(env.fails("secret get prod/plain"), @"
    $ ROLES_ANYWHERE_ROLE_ARN=arn:aws:iam::123456789012:role/NoSecrets roles-anywhere secret get prod/plain
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused GetSecretValue: 400 AccessDeniedException
      caused by: User: arn:aws:sts::123456789012:assumed-role/NoSecrets/SERIAL is not authorized to perform: secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/plain-bnagec because no identity-based policy allows the secretsmanager:GetSecretValue action (request id UUID)
      hint: a policy of arn:aws:iam::123456789012:role/NoSecrets must allow secretsmanager:GetSecretValue on arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/plain-??????, and the profile's session policy and the secret's resource policy must not deny it
    ");
}

#[test]
fn says_that_a_secret_is_deleted() {
    let env = TestEnvironment::new();
    assert_snapshot!(env.fails("secret get prod/deleted"), @"
    $ roles-anywhere secret get prod/deleted
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused GetSecretValue: 400 InvalidRequestException
      caused by: You can't perform this operation on the secret because it was marked for deletion. (request id UUID)
      hint: `prod/deleted` is scheduled for deletion: restore it with `aws secretsmanager restore-secret --region us-east-1 --secret-id prod/deleted`
    ");
}

#[test]
fn says_that_kms_denies_the_key() {
    let env = TestEnvironment::new();
    assert_snapshot!(env.fails("secret get prod/kms-denied"), @"
    $ roles-anywhere secret get prod/kms-denied
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused GetSecretValue: 400 AccessDeniedException
      caused by: Access to KMS is not allowed (request id UUID)
      hint: arn:aws:iam::123456789012:role/Workload needs kms:Decrypt on the KMS key of `prod/kms-denied`, in its own policy and in the key's policy; the key must be enabled
    ");
}

#[test]
fn says_that_kms_cannot_decrypt() {
    let env = TestEnvironment::new();
    assert_snapshot!(env.fails("secret get prod/broken-key"), @"
    $ roles-anywhere secret get prod/broken-key
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused GetSecretValue: 400 DecryptionFailure
      caused by: Secrets Manager can't decrypt the protected secret text using the provided KMS key. (request id UUID)
      hint: arn:aws:iam::123456789012:role/Workload needs kms:Decrypt on the KMS key of `prod/broken-key`, in its own policy and in the key's policy; the key must be enabled
    ");
}

#[test]
fn says_that_a_member_is_missing() {
    let env = TestEnvironment::new();
    assert_snapshot!(env.fails("secret get prod/db-credentials --key Password"), @"
    $ roles-anywhere secret get prod/db-credentials --key Password
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: `--key` cannot be used: there is no member `Password` (the object has 4 members)
      hint: check the name, which is case-sensitive, or remove `--key` to print the whole value
    ");
}

#[test]
fn says_that_text_has_no_members() {
    let env = TestEnvironment::new();
    assert_snapshot!(env.fails("secret get prod/plain --key a"), @"
    $ roles-anywhere secret get prod/plain --key a
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: `--key` cannot be used: the value is not a JSON object
      hint: remove `--key` to print the whole value
    ");
}

#[test]
fn says_that_bytes_have_no_members() {
    let env = TestEnvironment::new();
    assert_snapshot!(env.fails("secret get prod/keystore --key a"), @"
    $ roles-anywhere secret get prod/keystore --key a
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: `--key` cannot be used: the secret is binary
      hint: remove `--key` to print the whole value
    ");
}

#[test]
fn refuses_to_replace_a_directory() {
    let env = TestEnvironment::new();
    let directory = env.path("leaf");
    let directory = directory.display();
    assert_snapshot!(env.fails(&format!("secret get prod/plain --out {directory}")), @"
    $ roles-anywhere secret get prod/plain --out DIR/leaf
    exit code: 6
    ----- stdout -----
    ----- stderr -----
    error: cannot write `DIR/leaf` (from --out)
      caused by: is a directory
      hint: pass the path of a file
    ");
}

#[test]
fn names_throttling() {
    let env = TestEnvironment::new().fault(json!({
        "operation": "GetSecretValue",
        "status": 400,
        "code": "ThrottlingException",
        "message": "Rate exceeded",
        "times": 3,
    }));
    assert_snapshot!(env.fails("secret get prod/plain"), @"
    $ roles-anywhere secret get prod/plain
    exit code: 5
    ----- stdout -----
    ----- stderr -----
    error: AWS refused GetSecretValue: 400 ThrottlingException
      caused by: Rate exceeded (request id UUID)
      hint: call AWS less often, or request a higher quota
    ");
}

#[test]
fn refuses_a_response_without_a_value() {
    let env = TestEnvironment::new()
        .fault(json!({"operation": "GetSecretValue", "status": 200, "body": "{}"}));
    assert_snapshot!(env.fails("secret get prod/plain"), @"
    $ roles-anywhere secret get prod/plain
    exit code: 5
    ----- stdout -----
    ----- stderr -----
    error: the response of GetSecretValue cannot be parsed
      hint: the endpoint may not be AWS: check `--secrets-endpoint` and any proxy
    ");
}
