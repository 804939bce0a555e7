//! Several secrets in one `secret get`, and what is known of secrets: `secret list`, `secret describe`.

use crate::environment::TestEnvironment;
use insta::assert_snapshot;
use serde_json::json;

#[test]
fn several_secrets_are_an_array_from_one_call() {
    let env = TestEnvironment::new();
    let array =
        env.run("secret get prod/plain prod/db-credentials prod/plain --output json").json();
    let names: Vec<_> = array.as_array().unwrap().iter().map(|it| &it["Name"]).collect();
    assert_eq!(names, [&json!("prod/plain"), &json!("prod/db-credentials")]);
    assert_eq!(env.operations(), ["CreateSession", "BatchGetSecretValue"]);
}

#[test]
fn members_are_variables_of_a_dotenv_file() {
    let env = TestEnvironment::new();
    let outcome = env.run("secret get prod/db-credentials --output dotenv");
    let text = outcome.text();
    let names: Vec<_> = text.lines().map(|line| line.split('=').next().unwrap()).collect();
    assert_eq!(names, ["HOST", "PASSWORD", "PORT", "USERNAME"], "{outcome}");
}

#[test]
fn all_that_were_refused_are_listed() {
    let env = TestEnvironment::new();
    let line = "secret get prod/absent prod/plain prod/deleted --output json";
    assert_snapshot!(env.fails(line), @"
    $ roles-anywhere secret get prod/absent prod/plain prod/deleted --output json
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: cannot read 2 of 3 secrets

    `prod/absent`
      caused by: AWS refused BatchGetSecretValue: ResourceNotFoundException
      caused by: Secrets Manager can't find the specified secret. (request id UUID)
      hint: there is no `prod/absent` in us-east-1 and account 123456789012: check name and Region (`--region`, `?region=`); for another account's secret, pass its ARN

    `prod/deleted`
      caused by: AWS refused BatchGetSecretValue: InvalidRequestException
      caused by: You can't perform this operation on the secret because it was marked for deletion. (request id UUID)
      hint: `prod/deleted` is scheduled for deletion: restore it with `aws secretsmanager restore-secret --region us-east-1 --secret-id prod/deleted`
    ");
}

#[test]
fn a_role_without_the_batch_reads_one_by_one() {
    let env = TestEnvironment::new().fault(json!({
        "operation": "BatchGetSecretValue",
        "status": 400,
        "code": "AccessDeniedException",
        "message": "not authorized to perform: secretsmanager:BatchGetSecretValue",
    }));
    let array = env.run("secret get prod/plain prod/db-credentials --output json").json();
    assert_eq!(array.as_array().map(Vec::len), Some(2));
    let operations = ["CreateSession", "BatchGetSecretValue", "GetSecretValue", "GetSecretValue"];
    assert_eq!(env.operations(), operations);
}

#[test]
fn refuses_what_is_of_one_secret() {
    let env = TestEnvironment::new();
    assert_snapshot!(env.fails("secret get a b"), @"
    $ roles-anywhere secret get a b
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `--output text` and `NAME|ARN` cannot be used together
      hint: pass `--output json` or `--output dotenv` for several secrets
    ");
    assert_snapshot!(env.fails("secret get a b --key c --output json"), @"
    $ roles-anywhere secret get a b --key c --output json
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `--key` and `NAME|ARN` cannot be used together
      hint: pass one secret: `--key` prints one member
    ");
    assert_snapshot!(env.fails("secret get prod/plain --output dotenv"), @"
    $ roles-anywhere secret get prod/plain --output dotenv
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: the secret `prod/plain` cannot be printed as variables: the value is not a JSON object
      hint: use `--output json`, which holds every value
    ");
}

#[test]
fn lists_secrets_by_prefix() {
    let env = TestEnvironment::new();
    let listed = env.run("secret list --prefix prod/db").text();
    let names: Vec<_> =
        listed.lines().map(|line| line.split(' ').next().unwrap_or_default()).collect();
    assert_eq!(names, ["NAME", "prod/db-credentials"], "{listed}");
    let document = env.run("secret list --prefix prod/db --output json").json();
    assert_eq!(document["SecretList"][0]["Name"], "prod/db-credentials");
    assert!(document["SecretList"][0]["SecretVersionsToStages"].is_object(), "{document}");
}

#[test]
fn says_that_no_secret_has_the_prefix() {
    let env = TestEnvironment::new();
    assert_snapshot!(env.run("secret list --prefix prd/"), @"
    $ roles-anywhere secret list --prefix prd/
    exit code: 0
    ----- stdout -----
    NAME  CHANGED  STATE  DESCRIPTION
    ----- stderr -----
    note: there are no secrets with a name that starts with `prd/` in us-east-1
      hint: check the prefix, which is case-sensitive, and `--region`
    ");
}

#[test]
fn describes_rotation_and_versions() {
    let env = TestEnvironment::new();
    let text = env.run("secret describe prod/rotated").text();
    for line in [
        "rotation            on\n",
        "schedule            every 30 days (UTC)\n",
        "next rotation       2026-01-31T23:59:59Z at the latest, unless it fails\n",
        "KMS key             aws/secretsmanager\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    assert!(text.contains(" AWSCURRENT\n"), "{text}");
    let document = env.run("secret describe prod/rotated --output json").json();
    assert_eq!(document["NextRotationDate"], "2026-01-31T23:59:59+00:00");
    assert_snapshot!(env.fails("secret describe prod/absent"), @"
    $ roles-anywhere secret describe prod/absent
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused DescribeSecret: 400 ResourceNotFoundException
      caused by: Secrets Manager can't find the specified secret. (request id UUID)
      hint: there is no `prod/absent` in us-east-1 and account 123456789012: check name and Region (`--region`, `?region=`); for another account's secret, pass its ARN
    ");
}
