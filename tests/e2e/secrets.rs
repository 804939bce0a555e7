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
      hint: `prod/absent` was looked for in us-east-1 and account 123456789012: check the name, pass `--region`, or name a secret of another account by its ARN
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
      hint: there is no such secret in us-east-1 and account 123456789012: check the ARN and its last six characters
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
      hint: `prod/plain` in us-east-1 has no such version, or does not exist: see `aws secretsmanager list-secret-version-ids --secret-id prod/plain`
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
      hint: a policy of arn:aws:iam::123456789012:role/NoSecrets must allow secretsmanager:GetSecretValue on arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/plain-??????, and the profile's session policy and the secret's resource policy must not take it away
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
      hint: `prod/deleted` is scheduled for deletion: `aws secretsmanager restore-secret --secret-id prod/deleted` brings it back
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
      hint: arn:aws:iam::123456789012:role/Workload must be allowed kms:Decrypt on the KMS key of `prod/kms-denied`, by its own policy and by the key's policy; the key must be enabled
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
      hint: arn:aws:iam::123456789012:role/Workload must be allowed kms:Decrypt on the KMS key of `prod/broken-key`, by its own policy and by the key's policy; the key must be enabled
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
    error: the secret has no member `Password` among its 4
      hint: leave out `--key` to get the whole secret; names of members are case-sensitive
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
    error: the secret is not a JSON object and has no members for `--key`
      hint: leave out `--key` to get the whole secret; names of members are case-sensitive
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
    error: the secret is binary and has no members for `--key`
      hint: leave out `--key` to get the whole secret; names of members are case-sensitive
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
    error: could not write `DIR/leaf` (from --out)
      caused by: is a directory
      hint: check the folder, its permissions and the space left
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
      hint: AWS limits how often it is called; call less often, or ask for a higher quota
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
    error: the answer is not the JSON of a secret
      hint: something other than AWS may answer at that endpoint; check `--secrets-endpoint` and any proxy
    ");
}
