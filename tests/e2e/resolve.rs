//! `resolve`: what references stand for, at how many calls, and what they need.

use insta::assert_snapshot;
use roles_anywhere_emulator::{
    Emulator, NO_SECRETS_ROLE_ARN, Options, PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN,
};
use serde_json::{Value, json};

use crate::environment::{Program, TestEnvironment, host_identity};

/// References in all notations, to two secrets and three parameters.
const MIXED: [&str; 20] = [
    "sm://prod/db-credentials#username",
    "sm://prod/db-credentials#password",
    "sm://prod/db-credentials#port",
    "sm://prod/db-credentials#host?stage=AWSCURRENT",
    "sm://prod/db-credentials#*",
    "sm://prod/db-credentials#none?default=a%20b",
    "{{resolve:secretsmanager:prod/db-credentials:SecretString:username}}",
    "{{resolve:secretsmanager:prod/db-credentials:SecretString:password:AWSCURRENT}}",
    "sm://prod/plain",
    "sm://prod/plain?optional",
    "{{resolve:secretsmanager:prod/plain}}",
    "sm://prod/absent?optional",
    "sm://prod/rotated#password",
    "ssm:///prod/api-url",
    "ssm:///prod/api-url?version=1",
    "ssm:///prod/api-url?label=live",
    "{{resolve:ssm:/prod/api-url:1}}",
    "{{resolve:ssm-secure:/prod/db/password}}",
    "ssm:///prod/db/password",
    "ssm:///prod/absent?default=none",
];

#[test]
fn twenty_references_cost_three_calls() {
    let env = TestEnvironment::new();
    let words: Vec<&str> = ["resolve"].into_iter().chain(MIXED).collect();
    assert_snapshot!(env.run_args(&words).text(), @r#"
    app
    correct horse battery staple
    5432
    db.internal
    {"host":"db.internal","password":"correct horse battery staple","port":"5432","username":"app"}
    a b
    app
    correct horse battery staple
    s3cr3t
    s3cr3t
    s3cr3t

    second of two
    https://api.example.com
    http://api.example.com
    https://api.example.com
    http://api.example.com
    tr0ub4dor
    tr0ub4dor
    none
    "#);
    assert_eq!(env.operations(), ["CreateSession", "BatchGetSecretValue", "GetParameters"]);
}

#[test]
fn one_value_is_printed_as_it_is() {
    let env = TestEnvironment::new();
    assert_eq!(env.run("resolve sm://prod/plain").text(), "s3cr3t");
    let arn = env.run("resolve --output json sm://prod/plain").json();
    assert_eq!(
        (&arn[0]["reference"], &arn[0]["value"]),
        (&json!("sm://prod/plain"), &json!("s3cr3t"))
    );
    let binary = env.run("resolve --output json sm://prod/keystore").json();
    assert!(binary[0]["binary"].as_str().unwrap().starts_with("AAECAwQF"), "{binary}");
    assert_eq!(env.run("resolve sm://prod/keystore").stdout.len(), 256);
    let absent = env.run("resolve --output json sm://prod/absent?optional").json();
    assert_eq!(absent, json!([{"reference": "sm://prod/absent?optional"}]));
    let members = env.run("resolve --output json sm://prod/db-credentials#*").json();
    assert_eq!(members[0]["members"]["port"], json!("5432"));
    assert_eq!(members[0]["version"].as_str().unwrap().len(), 36);
}

#[test]
fn arns_are_read_as_ecs_reads_them() {
    let env = TestEnvironment::new();
    let secret = env.run("secret get prod/db-credentials --output json").json();
    let arn = secret["ARN"].as_str().unwrap();
    assert_eq!(env.run(&format!("resolve {arn}:username::")).text(), "app");
    assert_eq!(env.run(&format!("resolve {arn}:username:AWSCURRENT:")).text(), "app");
    let parameter = "arn:aws:ssm:us-east-1:123456789012:parameter/prod/api-url";
    assert_eq!(env.run(&format!("resolve {parameter}")).text(), "https://api.example.com");
}

#[test]
fn a_denied_batch_is_read_one_by_one() {
    let denied = json!({"operation": "BatchGetSecretValue", "status": 400,
        "code": "AccessDeniedException", "message": "no"});
    let env = TestEnvironment::new().fault(denied);
    let text = env.run("resolve sm://prod/plain sm://prod/db-credentials#username").text();
    assert_eq!(text, "s3cr3t\napp\n");
    let operations = env.operations();
    assert_eq!(operations[..2], ["CreateSession", "BatchGetSecretValue"]);
    assert_eq!(operations[2..], ["GetSecretValue", "GetSecretValue"]);
}

/// Each byte of these takes six in JSON.
#[test]
fn a_batch_of_the_largest_secrets_is_read() {
    let value = "\u{1}".repeat(64 * 1024);
    let secrets = (0..20).map(|at| (format!("q{at}"), Value::from(value.as_str()))).collect();
    let options = Options { secrets: Some(Value::Object(secrets)), ..Options::default() };
    let emulator = Emulator::start(options).unwrap();
    let names: Vec<String> = (0..20).map(|at| format!("sm://q{at}")).collect();
    let words: Vec<&str> =
        ["resolve"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let output = Program::new(&emulator).run(&words);
    assert_eq!((output.code, output.stdout.len()), (0, 20 * (64 * 1024 + 1)), "{}", output.stderr);
    assert_eq!(emulator.requests().len(), 2);
}

/// The status of the response says nothing, so nothing was tried again.
#[test]
fn what_is_throttled_within_a_batch_is_read_again() {
    let entry =
        json!({"SecretId": "prod/plain", "ErrorCode": "ThrottlingException", "Message": "Rate"});
    let body = json!({"SecretValues": [], "Errors": [entry, {"SecretId": "prod/rotated",
        "ErrorCode": "InternalServiceError", "Message": "An error"}]});
    let fault =
        json!({"operation": "BatchGetSecretValue", "status": 200, "body": body.to_string()});
    let env = TestEnvironment::new().fault(fault);
    let text = env.run("resolve sm://prod/plain sm://prod/rotated#password").text();
    assert_eq!(text, "s3cr3t\nsecond of two\n");
    let operations = env.operations();
    assert_eq!(operations[1..], ["BatchGetSecretValue", "GetSecretValue", "GetSecretValue"]);
}

#[test]
fn all_failures_are_listed_and_nothing_is_printed() {
    let env = TestEnvironment::new().filter("Request ID: [0-9a-f-]{36}", "Request ID: UUID");
    let words = [
        "resolve",
        "sm://prod/plain",
        "sm://prod/absent#a",
        "sm://prod/deleted?optional",
        "sm://prod/db-credentials#pasword",
        "sm://prod/plain#key",
        "ssm:///prod/absent",
        "ssm:///prod/kms-denied",
        "{{resolve:ssm:/prod/db/password}}",
    ];
    assert_snapshot!(env.fails_args(&words), @"
    $ roles-anywhere resolve sm://prod/plain 'sm://prod/absent#a' 'sm://prod/deleted?optional' 'sm://prod/db-credentials#pasword' 'sm://prod/plain#key' ssm:///prod/absent ssm:///prod/kms-denied '{{resolve:ssm:/prod/db/password}}'
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: cannot resolve 7 of 8 references

    `sm://prod/absent#a`
      caused by: AWS refused BatchGetSecretValue: ResourceNotFoundException
      caused by: Secrets Manager can't find the specified secret. (request id UUID)
      hint: there is no `prod/absent` in us-east-1 and account 123456789012: check name and Region (`--region`, `?region=`); for another account's secret, pass its ARN

    `sm://prod/deleted?optional`
      caused by: AWS refused BatchGetSecretValue: InvalidRequestException
      caused by: You can't perform this operation on the secret because it was marked for deletion. (request id UUID)
      hint: `prod/deleted` is scheduled for deletion: restore it with `aws secretsmanager restore-secret --region us-east-1 --secret-id prod/deleted`

    `sm://prod/db-credentials#pasword`
      caused by: there is no member `pasword` (the object has 4 members)
      hint: check the key, which is case-sensitive, or add `?optional` or `?default=TEXT`

    `sm://prod/plain#key`
      caused by: the value is not a JSON object
      hint: remove the key to use the whole value

    `ssm:///prod/absent`
      caused by: AWS has no parameter `/prod/absent`
      hint: there is no `/prod/absent` in us-east-1 and account 123456789012: check name, its first slash and Region (`--region`, `?region=`); for another account's parameter, pass its ARN

    `ssm:///prod/kms-denied`
      caused by: AWS refused GetParameters: 400 AccessDeniedException
      caused by: The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access. (Service: AWSKMS; Status Code: 400; Error Code: AccessDeniedException; Request ID: UUID; Proxy: null) (request id UUID)
      hint: arn:aws:iam::123456789012:role/Workload needs kms:Decrypt on the KMS key of `/prod/kms-denied`, in its own policy and in the key's policy; the key must exist and be enabled

    `{{resolve:ssm:/prod/db/password}}`
      caused by: the parameter is a SecureString, which `{{resolve:ssm:…}}` does not read
      hint: use `{{resolve:ssm-secure:…}}` or `ssm://…`
    ");
}

#[test]
fn a_denied_role_is_told_what_it_needs() {
    let env = TestEnvironment::new().var("ROLES_ANYWHERE_ROLE_ARN", NO_SECRETS_ROLE_ARN);
    assert_snapshot!(env.fails("resolve sm://prod/plain ssm:///prod/api-url"), @"
    $ ROLES_ANYWHERE_ROLE_ARN=arn:aws:iam::123456789012:role/NoSecrets roles-anywhere resolve sm://prod/plain ssm:///prod/api-url
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: cannot resolve 2 of 2 references

    `sm://prod/plain`
      caused by: AWS refused GetSecretValue: 400 AccessDeniedException
      caused by: User: arn:aws:sts::123456789012:assumed-role/NoSecrets/SERIAL is not authorized to perform: secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/plain-bnagec because no identity-based policy allows the secretsmanager:GetSecretValue action (request id UUID)
      hint: a policy of arn:aws:iam::123456789012:role/NoSecrets must allow secretsmanager:GetSecretValue on arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/plain-??????, and the profile's session policy and the secret's resource policy must not deny it

    `ssm:///prod/api-url`
      caused by: AWS refused GetParameters: 400 AccessDeniedException
      caused by: User: arn:aws:sts::123456789012:assumed-role/NoSecrets/SERIAL is not authorized to perform: ssm:GetParameters on resource: arn:aws:ssm:us-east-1:123456789012:parameter/prod/api-url because no identity-based policy allows the ssm:GetParameters action (request id UUID)
      hint: a policy of arn:aws:iam::123456789012:role/NoSecrets must allow ssm:GetParameters on arn:aws:ssm:us-east-1:123456789012:parameter/prod/api-url, and the profile's session policy must not deny it
    ");
}

#[test]
fn wrong_references_are_listed_before_anything_is_opened() {
    let env = TestEnvironment::new();
    let words = ["resolve", "prod/plain", "sm://prod/plain?stagee=a&default=hunter2", "ssm://a/b"];
    assert_snapshot!(env.fails_args(&words), @"
    $ roles-anywhere resolve prod/plain 'sm://prod/plain?stagee=a&default=hunter2' ssm://a/b
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: 3 references are not valid
      `prod/plain`: expected `sm://…`, `ssm://…`, `{{resolve:…}}`, or the ARN of a secret or a parameter
      `sm://prod/plain?…`: `stagee` is not an option; did you mean `stage`?
      `ssm://a/b`: the name of a parameter with a slash begins with one, for example `ssm:///prod/api-url`
      hint: `roles-anywhere resolve --help` and docs/references.md show how references are written
    ");
    assert_eq!(env.operations(), [""; 0]);
    assert_snapshot!(env.fails("resolve"), @"
    $ roles-anywhere resolve
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: missing required argument `REF`
      hint: pass `REF` after the command
    ");
}

#[test]
fn explains_without_a_call() {
    let env = TestEnvironment::new();
    let words = [
        "resolve",
        "--explain",
        "sm://prod/db-credentials#password",
        "sm://prod/plain?stage=AWSPREVIOUS&default=hunter2",
        "ssm:///prod/api-url?optional",
    ];
    assert_snapshot!(env.run_args(&words).text(), @"
    sm://prod/db-credentials#password
      member `password` of secret prod/db-credentials in us-east-1
      call 1

    sm://prod/plain?stage=AWSPREVIOUS&default=…
      secret prod/plain, stage AWSPREVIOUS in us-east-1; the default if it does not exist
      call 2

    ssm:///prod/api-url?optional
      parameter /prod/api-url in us-east-1; nothing if it does not exist
      call 3

    Calls:
      1. secretsmanager:GetSecretValue in us-east-1: prod/db-credentials
      2. secretsmanager:GetSecretValue in us-east-1: prod/plain
      3. ssm:GetParameters in us-east-1: /prod/api-url

    Permissions of arn:aws:iam::123456789012:role/Workload:
      secretsmanager:GetSecretValue
        arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-credentials-??????
        arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/plain-??????
      ssm:GetParameters
        arn:aws:ssm:us-east-1:123456789012:parameter/prod/api-url
      kms:Decrypt
        the customer managed key, if one of these is encrypted with one
    ");
    assert_eq!(env.operations(), [""; 0]);
}

#[test]
fn explains_in_json_with_a_policy() {
    let env = TestEnvironment::new();
    let json: Value = env.run("resolve --explain --output json ssm:///prod/api-url").json();
    assert_snapshot!(format!("{json:#}"), @r#"
    {
      "calls": [
        {
          "action": "ssm:GetParameters",
          "names": [
            "/prod/api-url"
          ],
          "region": "us-east-1"
        }
      ],
      "policies": [
        {
          "policy": {
            "Statement": [
              {
                "Action": "ssm:GetParameters",
                "Effect": "Allow",
                "Resource": [
                  "arn:aws:ssm:us-east-1:123456789012:parameter/prod/api-url"
                ]
              }
            ],
            "Version": "2012-10-17"
          },
          "role": "arn:aws:iam::123456789012:role/Workload"
        }
      ],
      "references": [
        {
          "call": 1,
          "meaning": "parameter /prod/api-url in us-east-1",
          "reference": "ssm:///prod/api-url"
        }
      ]
    }
    "#);
    assert_eq!(env.operations(), [""; 0]);
}

#[test]
fn each_role_and_region_is_read_side_by_side() {
    let env = TestEnvironment::new();
    let arns = format!("trust-anchor-arn = '{TRUST_ANCHOR_ARN}'\nprofile-arn = '{PROFILE_ARN}'\n");
    let role = |name: &str, role: &str| {
        format!("[role.{name}]\nidentity = 'host'\n{arns}role-arn = '{role}'\n")
    };
    let config = host_identity(env.emulator())
        + &role("app", ROLE_ARN)
        + &role("other", "arn:aws:iam::123456789012:role/path/Deep")
        + &role("none", NO_SECRETS_ROLE_ARN)
        + "[role.broken]\nidentity = 'host'\n"
        + "role-arn = 'arn:aws:iam::123456789012:role/r'\n";
    let env = env.config(&config).without_role_variables();
    let words = [
        "resolve",
        "--role",
        "app",
        "sm://prod/plain",
        "sm://prod/plain?role=app",
        "sm://prod/db-credentials#username?role=other",
    ];
    assert_eq!(env.run_args(&words).text(), "s3cr3t\ns3cr3t\napp\n");
    let operations = env.operations();
    let count = |name: &str| operations.iter().filter(|it| *it == name).count();
    assert_eq!((count("CreateSession"), count("GetSecretValue")), (2, 2), "{operations:?}");
    let words = ["resolve", "--role", "app", "sm://a?role=othr", "sm://b?role=broken"];
    assert_snapshot!(env.fails_args(&words), @"
    $ env -u ROLES_ANYWHERE_CERTIFICATE -u ROLES_ANYWHERE_PRIVATE_KEY -u ROLES_ANYWHERE_INTERMEDIATES -u ROLES_ANYWHERE_TRUST_ANCHOR_ARN -u ROLES_ANYWHERE_PROFILE_ARN -u ROLES_ANYWHERE_ROLE_ARN ROLES_ANYWHERE_CONFIG=DIR/config.toml roles-anywhere resolve --role app 'sm://a?role=othr' 'sm://b?role=broken'
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: cannot resolve 2 of 2 references

    `sm://a?role=othr`
      caused by: the configuration file has no role `othr`
      hint: did you mean `other`?

    `sm://b?role=broken`
      caused by: role `broken` cannot be used: missing required options `--trust-anchor-arn`, `--profile-arn` for `[role.broken]` in DIR/config.toml:20
      hint: `roles-anywhere config check` shows all mistakes of the file
    ");
    let words = ["resolve", "--role", "app", "sm://prod/plain", "sm://prod/plain?role=none"];
    assert_snapshot!(env.fails_args(&words), @"
    $ env -u ROLES_ANYWHERE_CERTIFICATE -u ROLES_ANYWHERE_PRIVATE_KEY -u ROLES_ANYWHERE_INTERMEDIATES -u ROLES_ANYWHERE_TRUST_ANCHOR_ARN -u ROLES_ANYWHERE_PROFILE_ARN -u ROLES_ANYWHERE_ROLE_ARN ROLES_ANYWHERE_CONFIG=DIR/config.toml roles-anywhere resolve --role app sm://prod/plain 'sm://prod/plain?role=none'
    exit code: 4
    ----- stdout -----
    ----- stderr -----
    error: cannot resolve `sm://prod/plain?role=none`
      caused by: AWS refused GetSecretValue: 400 AccessDeniedException
      caused by: User: arn:aws:sts::123456789012:assumed-role/NoSecrets/SERIAL is not authorized to perform: secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/plain-bnagec because no identity-based policy allows the secretsmanager:GetSecretValue action (request id UUID)
      hint: a policy of arn:aws:iam::123456789012:role/NoSecrets must allow secretsmanager:GetSecretValue on arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/plain-??????, and the profile's session policy and the secret's resource policy must not deny it
    ");
}
