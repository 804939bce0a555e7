//! Writing secrets: values, labels, tags, policies and deletion.

use aws_credential_types::Credentials;
use roles_anywhere_emulator::{
    AwsFiles, Emulator, Options, PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN,
};
use serde_json::{Value, json};

use crate::secrets::{secrets, vend};

/// Secrets, as a role may use them.
pub(crate) struct Fixture {
    pub(crate) emulator: Emulator,
    pub(crate) credentials: Credentials,
}

impl Fixture {
    fn built_in() -> Self {
        let emulator = Emulator::start(Options::default()).unwrap();
        let credentials = vend(&emulator, ROLE_ARN);
        Self { emulator, credentials }
    }

    /// Returns what a file has, beside what is needed for a session.
    pub(crate) fn configured(permissions: &str, resources: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("emulator.toml");
        let text = format!(
            r#"
[trust-anchor.own]
arn = "{TRUST_ANCHOR_ARN}"
built-in-ca = "root"
[profile.own]
arn = "{PROFILE_ARN}"
roles = ["Workload"]
[role.Workload]
permissions = '''{{"Statement": {permissions}}}'''
[role.Workload.trust-policy.Statement]
Effect = "Allow"
Principal.Service = "rolesanywhere.amazonaws.com"
Action = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
{resources}"#
        );
        std::fs::write(&config, text).unwrap();
        let aws = AwsFiles { config: Some(config), ..AwsFiles::default() };
        let emulator = Emulator::start(Options { aws, ..Options::default() }).unwrap();
        let credentials = vend(&emulator, ROLE_ARN);
        Self { emulator, credentials }
    }

    /// Returns the answer of a call, which must succeed.
    fn call(&self, operation: &str, input: &Value) -> Value {
        let answer = secrets(&self.emulator, &self.credentials, operation, input);
        assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
        answer.json()
    }

    /// Returns the code of a refusal, and its reason in the log.
    fn refused(&self, operation: &str, input: &Value) -> (String, String) {
        let answer = secrets(&self.emulator, &self.credentials, operation, input);
        assert_eq!(answer.status, 400, "{operation}: {}", answer.body);
        let reason = self.emulator.requests().pop().unwrap()["reason"].clone();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&answer.json()["__type"]), text(&reason))
    }

    fn stages(&self, id: &str) -> Value {
        self.call("DescribeSecret", &json!({ "SecretId": id }))["VersionIdsToStages"].clone()
    }
}

/// Returns a request token of a digit.
fn token(digit: char) -> String {
    digit.to_string().repeat(32)
}

fn refusal(code: &str, reason: &str) -> (String, String) {
    (code.to_owned(), reason.to_owned())
}

#[test]
fn a_rotation_by_hand_ends_with_the_pending_version_current() {
    let fixture = Fixture::built_in();
    let id = "prod/plain";
    let old = fixture.call("GetSecretValue", &json!({ "SecretId": id }))["VersionId"].clone();
    let new = token('2');
    let pending = json!({
        "SecretId": id, "SecretString": "n3w", "ClientRequestToken": new,
        "VersionStages": ["AWSPENDING"]
    });
    fixture.call("PutSecretValue", &pending);
    fixture.call("PutSecretValue", &pending); // the same again
    let other = json!({ "SecretId": id, "SecretString": "x", "ClientRequestToken": new });
    let used = refusal("ResourceExistsException", "token-used");
    assert_eq!(fixture.refused("PutSecretValue", &other), used);
    assert_eq!(
        fixture.refused(
            "UpdateSecret",
            &json!({
                "SecretId": id, "SecretString": "n3w", "ClientRequestToken": new
            })
        ),
        used
    );
    let current = fixture.call("GetSecretValue", &json!({ "SecretId": id }));
    assert_eq!(current["SecretString"], "s3cr3t");
    let stage = |stage: &str, from: Option<&Value>, to: Option<&str>| {
        json!({
            "SecretId": id, "VersionStage": stage, "RemoveFromVersionId": from, "MoveToVersionId": to
        })
    };
    let blind = stage("AWSCURRENT", None, Some(&new));
    assert_eq!(
        fixture.refused("UpdateSecretVersionStage", &blind),
        refusal("InvalidParameterException", "stage")
    );
    fixture.call("UpdateSecretVersionStage", &stage("AWSCURRENT", Some(&old), Some(&new)));
    fixture.call("UpdateSecretVersionStage", &stage("AWSPENDING", Some(&json!(new)), None));
    let old = old.as_str().unwrap();
    assert_eq!(fixture.stages(id), json!({ old: ["AWSPREVIOUS"], new: ["AWSCURRENT"] }));
    assert_eq!(fixture.call("GetSecretValue", &json!({ "SecretId": id }))["SecretString"], "n3w");
}

#[test]
fn a_rotation_that_is_not_finished_is_cancelled_and_continued() {
    let fixture = Fixture::configured(
        r#"{"Effect": "Allow", "Action": "secretsmanager:*", "Resource": "*"}"#,
        "[secret.s]\nvalue = 'one'\n[secret.s.rotation]\nlambda-arn = 'arn:aws:lambda:us-east-1:\
         123456789012:function:rotate'\nunfinished = true\n[secret.never]\nvalue = 'one'\n",
    );
    let id = json!({ "SecretId": "s" });
    let stages = fixture.call("DescribeSecret", &id)["VersionIdsToStages"].clone();
    let stages = stages.as_object().unwrap();
    assert_eq!(stages.len(), 2);
    let pending = stages.iter().find(|(_, labels)| **labels == json!(["AWSPENDING"])).unwrap().0;
    let by_stage = json!({ "SecretId": "s", "VersionStage": "AWSPENDING" });
    let absent = refusal("ResourceNotFoundException", "no-version");
    assert_eq!(fixture.refused("GetSecretValue", &by_stage), absent);
    let by_id = json!({ "SecretId": "s", "VersionId": pending });
    assert_eq!(fixture.refused("GetSecretValue", &by_id), absent);
    let cancelled = fixture.call("CancelRotateSecret", &id);
    assert_eq!((&cancelled["Name"], &cancelled["VersionId"]), (&json!("s"), &json!(pending)));
    let described = fixture.call("DescribeSecret", &id);
    assert_eq!(described["RotationEnabled"], false);
    assert_eq!(described["VersionIdsToStages"][pending], json!(["AWSPENDING"]));
    // The version gets its value by the id that it has.
    let put = json!({
        "SecretId": "s", "SecretString": "two", "ClientRequestToken": pending,
        "VersionStages": ["AWSPENDING"],
    });
    assert_eq!(fixture.call("PutSecretValue", &put)["VersionStages"], json!(["AWSPENDING"]));
    assert_eq!(fixture.call("GetSecretValue", &by_stage)["SecretString"], "two");
    assert_eq!(fixture.call("GetSecretValue", &id)["SecretString"], "one");
    // A version without labels is listed if it is asked for.
    let off = json!({
        "SecretId": "s", "VersionStage": "AWSPENDING", "RemoveFromVersionId": pending,
    });
    fixture.call("UpdateSecretVersionStage", &off);
    let versions = |input: Value| {
        let listed = fixture.call("ListSecretVersionIds", &input);
        listed["Versions"].as_array().unwrap().clone()
    };
    assert_eq!(versions(id)[0]["VersionStages"], json!(["AWSCURRENT"]));
    let all = versions(json!({ "SecretId": "s", "IncludeDeprecated": true }));
    assert_eq!((all.len(), &all[1]["VersionId"]), (2, &json!(pending)));
    assert_eq!(all[1].get("VersionStages"), None);
    assert_eq!(fixture.call("GetSecretValue", &by_id)["SecretString"], "two");
    let never = json!({ "SecretId": "never" });
    let no_rotation = refusal("InvalidRequestException", "no-rotation");
    assert_eq!(fixture.refused("CancelRotateSecret", &never), no_rotation);
}

#[test]
fn a_random_password_needs_a_permission_and_no_secret() {
    let fixture = Fixture::built_in();
    let password = |input: Value| {
        let answer = fixture.call("GetRandomPassword", &input);
        answer["RandomPassword"].as_str().unwrap().to_owned()
    };
    assert_eq!(password(json!({})).len(), 32);
    let digits = json!({
        "PasswordLength": 6, "ExcludeLowercase": true, "ExcludeUppercase": true,
        "ExcludePunctuation": true,
    });
    assert!(password(digits).bytes().all(|byte| byte.is_ascii_digit()));
    let short = json!({ "PasswordLength": 3 });
    let rules = refusal("InvalidParameterException", "password-rules");
    assert_eq!(fixture.refused("GetRandomPassword", &short), rules);
    let fixture = Fixture::configured(
        r#"{"Effect": "Allow", "Action": "secretsmanager:Get*", "Resource": "arn:*"}"#,
        "",
    );
    let denied = refusal("AccessDeniedException", "policy");
    assert_eq!(fixture.refused("GetRandomPassword", &json!({})), denied);
}

#[test]
fn an_update_changes_value_and_description() {
    let fixture = Fixture::built_in();
    let id = "prod/rotated";
    let before = fixture.call("DescribeSecret", &json!({ "SecretId": id }));
    let only_text = json!({ "SecretId": id, "Description": "changed" });
    assert_eq!(fixture.call("UpdateSecret", &only_text).get("VersionId"), None);
    let value = json!({ "SecretId": id, "SecretString": "b", "ClientRequestToken": token('3') });
    assert_eq!(fixture.call("UpdateSecret", &value)["VersionId"], token('3'));
    let after = fixture.call("DescribeSecret", &json!({ "SecretId": id }));
    assert_eq!(after["Description"], "changed");
    // A change by hand counts as a rotation.
    let dates = |described: &Value| described["NextRotationDate"].as_f64().unwrap();
    assert!(dates(&after) > dates(&before) + 86_400.0);
    let without_token = json!({ "SecretId": id, "SecretString": "c" });
    assert_eq!(
        fixture.refused("UpdateSecret", &without_token),
        refusal("InvalidRequestException", "token-missing")
    );
}

#[test]
fn a_deleted_secret_is_unusable_until_it_is_restored() {
    let fixture = Fixture::built_in();
    let id = json!({ "SecretId": "prod/plain" });
    let week = json!({ "SecretId": "prod/plain", "RecoveryWindowInDays": 7 });
    for wrong in [
        json!({ "SecretId": "prod/plain", "RecoveryWindowInDays": 6 }),
        json!({ "SecretId": "prod/plain", "RecoveryWindowInDays": 31 }),
        json!({
            "SecretId": "prod/plain", "RecoveryWindowInDays": 7, "ForceDeleteWithoutRecovery": true
        }),
    ] {
        let expected = refusal("InvalidParameterException", "parameter");
        assert_eq!(fixture.refused("DeleteSecret", &wrong), expected, "{wrong}");
    }
    let deleted = fixture.call("DeleteSecret", &week);
    let described = fixture.call("DescribeSecret", &id);
    let seconds =
        deleted["DeletionDate"].as_f64().unwrap() - described["DeletedDate"].as_f64().unwrap();
    assert!((seconds - 7.0 * 86_400.0).abs() < 1.0, "{seconds}");
    let marked = refusal("InvalidRequestException", "deleted");
    for operation in ["GetSecretValue", "DeleteSecret"] {
        assert_eq!(fixture.refused(operation, &id), marked, "{operation}");
    }
    let tags = json!({ "SecretId": "prod/plain", "Tags": [{ "Key": "a", "Value": "b" }] });
    assert_eq!(fixture.refused("TagResource", &tags), marked);
    let put = json!({
        "SecretId": "prod/plain", "SecretString": "x", "ClientRequestToken": token('4')
    });
    assert_eq!(fixture.refused("PutSecretValue", &put), marked);
    let create = json!({
        "Name": "prod/plain", "SecretString": "x", "ClientRequestToken": token('4')
    });
    assert_eq!(fixture.refused("CreateSecret", &create), marked);
    fixture.call("RestoreSecret", &id);
    assert_eq!(fixture.call("GetSecretValue", &id)["SecretString"], "s3cr3t");
}

#[test]
fn a_forced_deletion_is_immediate_and_never_fails() {
    let fixture = Fixture::built_in();
    let force = |id: &str| json!({ "SecretId": id, "ForceDeleteWithoutRecovery": true });
    fixture.call("DeleteSecret", &force("prod/deleted"));
    fixture.call("DeleteSecret", &force("prod/plain"));
    assert_eq!(
        fixture.refused("DescribeSecret", &json!({ "SecretId": "prod/plain" })).1,
        "no-secret"
    );
    assert_eq!(fixture.call("DeleteSecret", &force("never/was"))["Name"], "never/was");
    let absent = json!({ "SecretId": "never/was" });
    assert_eq!(fixture.refused("DeleteSecret", &absent).1, "no-secret");
    // A secret with replicas stays.
    assert_eq!(
        fixture.refused("DeleteSecret", &force("prod/rotated")),
        refusal("InvalidParameterException", "replicas")
    );
}

#[test]
fn tags_are_set_and_removed_and_decide_who_may_call() {
    let fixture = Fixture::configured(
        r#"[{"Effect": "Allow", "Action": ["secretsmanager:Describe*", "secretsmanager:UntagResource"],
             "Resource": "*"},
            {"Effect": "Allow", "Action": "secretsmanager:TagResource", "Resource": "*",
             "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": ["Team", "Owner"]}}},
            {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*",
             "Condition": {"StringEquals": {"secretsmanager:ResourceTag/Team": "plant"}}}]"#,
        "[secret.db]\nvalue = 'x'\n",
    );
    let id = json!({ "SecretId": "db" });
    let tag = |key: &str, value: &str| json!({ "SecretId": "db", "Tags": [{ "Key": key, "Value": value }] });
    assert_eq!(fixture.refused("GetSecretValue", &id).1, "policy");
    assert_eq!(fixture.refused("TagResource", &tag("Other", "x")).1, "policy");
    assert_eq!(fixture.refused("TagResource", &tag("AWS:x", "x")).1, "tags");
    fixture.call("TagResource", &tag("Team", "other"));
    fixture.call("TagResource", &tag("Team", "plant"));
    fixture.call("TagResource", &tag("Owner", "me"));
    assert_eq!(fixture.call("GetSecretValue", &id)["SecretString"], "x");
    let changed = || fixture.call("DescribeSecret", &id)["LastChangedDate"].as_f64().unwrap();
    let before = changed();
    fixture.call("UntagResource", &json!({ "SecretId": "db", "TagKeys": ["Team", "absent"] }));
    assert!(changed() > before);
    let tags = fixture.call("DescribeSecret", &id)["Tags"].clone();
    assert_eq!(tags, json!([{ "Key": "Owner", "Value": "me" }]));
    assert_eq!(fixture.refused("GetSecretValue", &id).1, "policy");
}

#[test]
fn a_resource_policy_is_put_read_obeyed_and_deleted() {
    let fixture = Fixture::built_in();
    let put = |policy: &str, block: bool| json!({ "SecretId": "prod/plain", "ResourcePolicy": policy, "BlockPublicPolicy": block });
    let id = json!({ "SecretId": "prod/plain" });
    assert_eq!(fixture.call("GetResourcePolicy", &id).get("ResourcePolicy"), None);
    let deny = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"secretsmanager:GetSecretValue","Resource":"*"}}"#;
    let public = deny.replace("Deny", "Allow");
    assert_eq!(
        fixture.refused("PutResourcePolicy", &put("{}", false)),
        refusal("MalformedPolicyDocumentException", "resource-policy")
    );
    assert_eq!(
        fixture.refused("PutResourcePolicy", &put(&public, true)),
        refusal("PublicPolicyException", "resource-policy")
    );
    fixture.call("PutResourcePolicy", &put(&public, false));
    fixture.call("PutResourcePolicy", &put(deny, true));
    assert_eq!(fixture.call("GetResourcePolicy", &id)["ResourcePolicy"], deny);
    assert_eq!(fixture.refused("GetSecretValue", &id).1, "policy");
    fixture.call("DeleteResourcePolicy", &id);
    assert_eq!(fixture.call("GetSecretValue", &id)["SecretString"], "s3cr3t");
}

#[test]
fn another_account_needs_policy_permission_key_and_whole_arn() {
    const ARN: &str = "arn:aws:secretsmanager:us-east-1:999988887777:secret:shared";
    let policy = "{ Statement = { Effect = 'Allow', Action = 'secretsmanager:*', \
                  Principal = { AWS = '123456789012' }, Resource = '*' } }";
    let secret =
        |name: &str, rest: &str| format!("[secret.'{ARN}{name}-AbC123']\nvalue = 'x'\n{rest}\n");
    let fixture = Fixture::configured(
        r#"[{"Effect": "Allow", "Action": "secretsmanager:*", "Resource": "*"},
            {"Effect": "Allow", "Action": "kms:*", "Resource": "arn:aws:kms:*:*:key/ours",
             "Condition": {"StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}}}]"#,
        &[
            secret("", &format!("kms-key = 'ours'\nresource-policy = {policy}")),
            secret("/no-policy", "kms-key = 'ours'"),
            secret("/no-key", &format!("resource-policy = {policy}")),
            secret("/other-key", &format!("kms-key = 'theirs'\nresource-policy = {policy}")),
        ]
        .concat(),
    );
    let id = |id: &str| json!({ "SecretId": id });
    let arn = |name: &str| id(&format!("{ARN}{name}-AbC123"));
    assert_eq!(fixture.call("GetSecretValue", &arn(""))["SecretString"], "x");
    for partial in ["shared", ARN] {
        assert_ne!(fixture.refused("GetSecretValue", &id(partial)).1, "kms", "{partial}");
    }
    assert_eq!(fixture.refused("GetSecretValue", &arn("/no-policy")).1, "policy");
    let no_key = fixture.refused("GetSecretValue", &arn("/no-key"));
    assert_eq!(no_key, refusal("InvalidRequestException", "kms"));
    let other = refusal("AccessDeniedException", "kms");
    assert_eq!(fixture.refused("GetSecretValue", &arn("/other-key")), other);
    let mut put = arn("/other-key");
    put["SecretString"] = json!("y");
    put["ClientRequestToken"] = json!(token('5'));
    assert_eq!(fixture.refused("PutSecretValue", &put), other);
    let listed = fixture.call("ListSecrets", &json!({}));
    assert_eq!(listed["SecretList"], json!([]));
}

#[test]
fn a_secret_that_a_service_manages_cannot_be_changed() {
    let fixture = Fixture::configured(
        r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#,
        "[secret.db]\nvalue = 'x'\nowning-service = 'rds'\n\
         [secret.broken]\nvalue = 'x'\nfailure = 'broken-key'\n",
    );
    let put =
        |id: &str| json!({ "SecretId": id, "SecretString": "y", "ClientRequestToken": token('6') });
    let managed = refusal("InvalidRequestException", "managed");
    assert_eq!(fixture.refused("PutSecretValue", &put("db")), managed);
    assert_eq!(fixture.refused("UpdateSecret", &put("db")), managed);
    assert_eq!(fixture.refused("DeleteSecret", &json!({ "SecretId": "db" })), managed);
    assert_eq!(fixture.call("GetSecretValue", &json!({ "SecretId": "db" }))["SecretString"], "x");
    let broken = refusal("EncryptionFailure", "encryption");
    assert_eq!(fixture.refused("PutSecretValue", &put("broken")), broken);
}

#[test]
fn a_secret_is_created_with_tags_and_a_key() {
    let fixture = Fixture::configured(
        r#"[{"Effect": "Allow", "Action": ["secretsmanager:CreateSecret", "secretsmanager:Describe*"],
             "Resource": "*"},
            {"Effect": "Allow", "Action": "secretsmanager:TagResource", "Resource": "*",
             "Condition": {"StringEquals": {"aws:RequestTag/Team": "plant"}}},
            {"Effect": "Allow", "Action": "kms:GenerateDataKey", "Resource": "arn:aws:kms:*:*:key/ours"}]"#,
        "",
    );
    let create = |name: &str, team: &str, key: &str| {
        json!({
            "Name": name, "SecretString": "x", "ClientRequestToken": token('7'), "KmsKeyId": key,
            "Tags": [{ "Key": "Team", "Value": team }], "Description": "made here"
        })
    };
    assert_eq!(fixture.refused("CreateSecret", &create("a", "other", "ours")).1, "policy");
    assert_eq!(fixture.refused("CreateSecret", &create("a", "plant", "theirs")).1, "kms");
    assert_eq!(fixture.refused("CreateSecret", &create("a b", "plant", "ours")).1, "name");
    fixture.call("CreateSecret", &create("a", "plant", "ours"));
    let described = fixture.call("DescribeSecret", &json!({ "SecretId": "a" }));
    assert_eq!(
        (&described["KmsKeyId"], &described["Description"]),
        (&json!("ours"), &json!("made here"))
    );
    assert_eq!(described["VersionIdsToStages"], json!({ token('7'): ["AWSCURRENT"] }));
}
