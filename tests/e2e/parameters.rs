//! `parameter get` and `parameter list`, against the emulator.

use crate::environment::TestEnvironment;
use insta::assert_snapshot;
use roles_anywhere_emulator::NO_SECRETS_ROLE_ARN;
use serde_json::json;

/// Runs a command that has to succeed without a byte on standard error, and returns its output.
fn text(env: &TestEnvironment, arguments: &str) -> String {
    let outcome = env.run(arguments);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome}");
    outcome.text()
}

#[test]
fn prints_a_parameter_in_the_version_that_is_requested() {
    let env = TestEnvironment::new();
    for (arguments, value) in [
        ("/prod/api-url", "https://api.example.com"),
        ("/prod/api-url --version 1", "http://api.example.com"),
        ("/prod/api-url:1", "http://api.example.com"),
        ("/prod/api-url --label live", "https://api.example.com"),
        ("/prod/db/password", "tr0ub4dor"),
        ("plain", "one"),
        ("arn:aws:ssm:us-east-1:123456789012:parameter/prod/hosts", "a.example.com,b.example.com"),
    ] {
        assert_eq!(text(&env, &format!("parameter get {arguments}")), value, "{arguments}");
    }
    let encrypted = text(&env, "parameter get /prod/db/password --no-decrypt");
    assert!(!encrypted.contains("tr0ub4dor"), "{encrypted}");
}

#[test]
fn prints_a_parameter_as_the_aws_cli_does() {
    let env = TestEnvironment::new();
    let document = env.run("parameter get /prod/db/password --output json").json();
    let members: Vec<&String> = document["Parameter"].as_object().unwrap().keys().collect();
    let expected = ["ARN", "DataType", "LastModifiedDate", "Name", "Type", "Value", "Version"];
    assert_eq!(members, expected);
    assert_eq!(document["Parameter"]["Type"], "SecureString");
}

#[test]
fn writes_a_parameter_to_a_file() {
    let env = TestEnvironment::new();
    let path = env.path("url");
    let printed = text(&env, &format!("parameter get plain --out {}", path.display()));
    assert_eq!((printed.as_str(), std::fs::read(&path).unwrap()), ("", b"one".to_vec()));
}

#[test]
fn lists_the_parameters_below_a_path() {
    let env = TestEnvironment::new();
    let names = |options: &str| -> Vec<String> {
        let table = text(&env, &format!("parameter list --path /prod {options}"));
        table.lines().skip(1).map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    assert_eq!(names(""), ["/prod/api-url", "/prod/broken-key", "/prod/hosts", "/prod/kms-denied"]);
    assert!(names("--recursive").contains(&"/prod/db/password".to_owned()));
    let document = env.run("parameter list --path /prod --output json").json();
    let first = &document["Parameters"][0];
    assert_eq!((&first["Name"], first.get("Value")), (&json!("/prod/api-url"), None));
}

#[test]
fn lists_values_and_variables() {
    let env = TestEnvironment::new();
    let table = text(&env, "parameter list --path /prod/db --values");
    assert!(table.ends_with("  tr0ub4dor\n"), "{table}");
    let dotenv = text(&env, "parameter list --path /prod/db --output dotenv");
    assert_eq!(dotenv, "PASSWORD=tr0ub4dor\n");
}

/// A file with variables is not replaced by an empty one.
#[test]
fn no_parameters_are_no_variables() {
    let env = TestEnvironment::new();
    let file = env.write("kept.env", "A=1\n");
    let line = "parameter list --path /prd --output dotenv --out kept.env";
    assert_snapshot!(env.fails(line), @"
    $ roles-anywhere parameter list --path /prd --output dotenv --out kept.env
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: there are no parameters directly below `/prd` in us-east-1
      hint: check the path and `--region`, or pass `--recursive` for all levels below it
    ");
    assert_eq!(std::fs::read(&file).unwrap(), b"A=1\n");
    let outcome = env.run("parameter list --path /prod/db/password --recursive");
    assert_snapshot!(outcome, @"
    $ roles-anywhere parameter list --path /prod/db/password --recursive
    exit code: 0
    ----- stdout -----
    NAME  TYPE  VERSION  MODIFIED
    ----- stderr -----
    note: there are no parameters below `/prod/db/password` in us-east-1
      hint: check the path and `--region`; `parameter get` reads a parameter by its name
    ");
    let outcome = env.run("parameter list --path /prd --output json");
    assert_eq!((outcome.code, &*outcome.stderr), (0, ""));
    assert_eq!(outcome.json(), json!({ "Parameters": [] }));
}

#[test]
fn says_that_a_parameter_is_missing() {
    let env = TestEnvironment::new();
    assert_snapshot!(env.fails("parameter get /prod/absent"), @"
    $ roles-anywhere parameter get /prod/absent
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused GetParameter: 400 ParameterNotFound
      caused by: AWS gave no message (request id UUID)
      hint: there is no `/prod/absent` in us-east-1 and account 123456789012: check name, its first slash and Region (`--region`, `?region=`); for another account's parameter, pass its ARN
    ");
}

#[test]
fn says_that_a_version_is_missing() {
    let env = TestEnvironment::new();
    assert_snapshot!(env.fails("parameter get /prod/api-url --version 9"), @"
    $ roles-anywhere parameter get /prod/api-url --version 9
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused GetParameter: 400 ParameterVersionNotFound
      caused by: Systems Manager could not find version 9 of /prod/api-url. Verify the version and try again. (request id UUID)
      hint: check the name and the version: `aws ssm get-parameter-history --region us-east-1 --name /prod/api-url` lists the versions of the parameter
    ");
}

#[test]
fn names_the_denied_action_and_the_resource() {
    let env = TestEnvironment::new().var("ROLES_ANYWHERE_ROLE_ARN", NO_SECRETS_ROLE_ARN);
    assert_snapshot!(env.fails("parameter get /prod/api-url"), @"
    $ ROLES_ANYWHERE_ROLE_ARN=arn:aws:iam::123456789012:role/NoSecrets roles-anywhere parameter get /prod/api-url
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused GetParameter: 400 AccessDeniedException
      caused by: User: arn:aws:sts::123456789012:assumed-role/NoSecrets/SERIAL is not authorized to perform: ssm:GetParameter on resource: arn:aws:ssm:us-east-1:123456789012:parameter/prod/api-url because no identity-based policy allows the ssm:GetParameter action (request id UUID)
      hint: a policy of arn:aws:iam::123456789012:role/NoSecrets must allow ssm:GetParameter on arn:aws:ssm:us-east-1:123456789012:parameter/prod/api-url, and the profile's session policy must not deny it
    ");
    assert_snapshot!(env.fails("parameter list --path /prod"), @"
    $ ROLES_ANYWHERE_ROLE_ARN=arn:aws:iam::123456789012:role/NoSecrets roles-anywhere parameter list --path /prod
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: AWS refused GetParametersByPath: 400 AccessDeniedException
      caused by: User: arn:aws:sts::123456789012:assumed-role/NoSecrets/SERIAL is not authorized to perform: ssm:GetParametersByPath on resource: arn:aws:ssm:us-east-1:123456789012:parameter/prod because no identity-based policy allows the ssm:GetParametersByPath action (request id UUID)
      hint: a policy of arn:aws:iam::123456789012:role/NoSecrets must allow ssm:GetParametersByPath on arn:aws:ssm:us-east-1:123456789012:parameter/prod, and the profile's session policy must not deny it
    ");
}

#[test]
fn names_the_key_that_may_not_be_used() {
    let env = TestEnvironment::new();
    // AWS's message has the id of its request to KMS.
    let text = env.fails("parameter get /prod/kms-denied").to_string();
    let hint = "hint: arn:aws:iam::123456789012:role/Workload needs kms:Decrypt on the KMS key of `/prod/kms-denied`, in its own policy and in the key's policy; the key must exist and be enabled";
    assert!(text.contains(hint), "{text}");
}

#[test]
fn refuses_two_versions_and_paths_without_a_slash() {
    let env = TestEnvironment::new();
    assert_snapshot!(env.fails("parameter get plain:1 --version 1"), @"
    $ roles-anywhere parameter get plain:1 --version 1
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `NAME|ARN` and `--version` cannot be used together
      hint: remove one of them: each selects a version
    ");
    assert_snapshot!(env.fails("parameter get plain --label 1st"), @"
    $ roles-anywhere parameter get plain --label 1st
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value `1st` for `--label`: expected a label, which does not start with a digit
    ");
    assert_snapshot!(env.fails("parameter list --path prod"), @"
    $ roles-anywhere parameter list --path prod
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: invalid value `prod` for `--path`: expected a path that starts with `/`
    ");
}
