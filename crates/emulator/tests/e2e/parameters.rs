//! Parameter Store from outside, signed by the aws-sigv4 crate with vended credentials.

use aws_credential_types::Credentials;
use roles_anywhere_emulator::{Emulator, NO_SECRETS_ROLE_ARN, Options, ROLE_ARN};
use serde_json::{Value, json};

use crate::client::{Answer, Call};
use crate::secret_writes;
use crate::secrets::{signed, vend};

/// Parameters, as a role may use them.
struct Fixture {
    emulator: Emulator,
    credentials: Credentials,
}

impl Fixture {
    /// Returns the built-in parameters.
    fn built_in(role_arn: &str) -> Self {
        let emulator = Emulator::start(Options::default()).unwrap();
        let credentials = vend(&emulator, role_arn);
        Self { emulator, credentials }
    }

    /// Returns the parameters of a file.
    fn configured(permissions: &str, parameters: &str) -> Self {
        let secret_writes::Fixture { emulator, credentials } =
            secret_writes::Fixture::configured(permissions, parameters);
        Self { emulator, credentials }
    }

    fn call(&self, operation: &str, input: &Value) -> Answer {
        let mut call = Call { body: input.to_string(), ..Call::default() };
        call.header("content-type", "application/x-amz-json-1.1");
        call.header("x-amz-target", format!("AmazonSSM.{operation}"));
        signed(&self.emulator, &self.credentials, ("us-east-1", "ssm"), call)
    }

    fn get(&self, name: &str) -> Value {
        let answer = self.call("GetParameter", &json!({ "Name": name, "WithDecryption": true }));
        assert_eq!(answer.status, 200, "{name}: {}", answer.body);
        answer.json()["Parameter"].clone()
    }

    /// Returns status, code and text of a refusal.
    fn refused(&self, operation: &str, input: &Value) -> (String, String) {
        let answer = self.call(operation, input);
        assert_eq!(answer.status, 400, "{}", answer.body);
        let body = answer.json();
        let text = body.get("message").or_else(|| body.get("Message")).unwrap();
        (body["__type"].as_str().unwrap().to_owned(), text.as_str().unwrap().to_owned())
    }

    /// Returns the names of each page of GetParametersByPath.
    fn pages(&self, mut input: Value) -> Vec<Vec<String>> {
        let mut pages = Vec::new();
        loop {
            let answer = self.call("GetParametersByPath", &input);
            assert_eq!(answer.status, 200, "{}", answer.body);
            let body = answer.json();
            let names = body["Parameters"].as_array().unwrap().iter();
            pages.push(names.map(|entry| entry["Name"].as_str().unwrap().to_owned()).collect());
            match body.get("NextToken") {
                Some(token) => input["NextToken"] = token.clone(),
                None => return pages,
            }
        }
    }
}

const ALLOW_ALL: &str = r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#;

#[test]
fn reads_a_parameter_by_name_arn_version_and_label() {
    let fixture = Fixture::built_in(ROLE_ARN);
    let latest = fixture.get("/prod/api-url");
    assert_eq!(
        (&latest["Value"], &latest["Version"]),
        (&json!("https://api.example.com"), &json!(2))
    );
    assert_eq!((&latest["Type"], &latest["DataType"]), (&json!("String"), &json!("text")));
    assert!(latest["LastModifiedDate"].is_f64() && latest.get("Selector").is_none());
    let arn = latest["ARN"].as_str().unwrap();
    assert_eq!(arn, "arn:aws:ssm:us-east-1:123456789012:parameter/prod/api-url");
    assert_eq!(fixture.get(arn), latest);
    assert_eq!(fixture.get(" /prod/api-url "), latest);
    for (selector, version) in [(":1", 1), (":2", 2), (":live", 2)] {
        for name in ["/prod/api-url", arn] {
            let selected = fixture.get(&format!("{name}{selector}"));
            assert_eq!(selected["Version"], version);
            assert_eq!(
                (&selected["Name"], &selected["Selector"]),
                (&json!("/prod/api-url"), &json!(selector))
            );
        }
    }
    assert_eq!(fixture.get("/plain"), fixture.get("plain"));
}

#[test]
fn a_secure_string_is_ciphertext_without_decryption() {
    let fixture = Fixture::built_in(ROLE_ARN);
    assert_eq!(fixture.get("/prod/db/password")["Value"], "tr0ub4dor");
    let encrypted = fixture.call("GetParameter", &json!({ "Name": "/prod/db/password" })).json();
    let value = encrypted["Parameter"]["Value"].as_str().unwrap();
    assert!(value.starts_with("AQICAH") && value.len() > 100, "{value}");
    // Nor does a text need it.
    let plain = fixture.call("GetParameter", &json!({ "Name": "/prod/hosts" })).json();
    assert_eq!(plain["Parameter"]["Value"], "a.example.com,b.example.com");
}

#[test]
fn says_why_a_parameter_cannot_be_read() {
    let fixture = Fixture::built_in(ROLE_ARN);
    let refused = |name: &str| {
        fixture.refused("GetParameter", &json!({ "Name": name, "WithDecryption": true }))
    };
    assert_eq!(refused("/absent"), ("ParameterNotFound".to_owned(), String::new()));
    let (code, text) = refused("/prod/api-url:9");
    assert_eq!(code, "ParameterVersionNotFound");
    assert!(text.contains("could not find version 9 of /prod/api-url"), "{text}");
    assert_eq!(refused("/prod/api-url:dead").0, "ParameterVersionNotFound");
    assert_eq!(refused("/prod/api url").0, "ValidationException");
    assert_eq!(refused("/prod/broken-key").0, "InvalidKeyId");
    let (code, text) = refused("/prod/kms-denied");
    assert_eq!(code, "AccessDeniedException");
    assert!(
        text.contains("(Service: AWSKMS; Status Code: 400; Error Code: AccessDenied"),
        "{text}"
    );
    let denied = Fixture::built_in(NO_SECRETS_ROLE_ARN);
    let (code, text) = denied.refused("GetParameter", &json!({ "Name": "plain" }));
    assert_eq!(code, "AccessDeniedException");
    assert!(
        text.ends_with(
            " is not authorized to perform: ssm:GetParameter on resource: \
             arn:aws:ssm:us-east-1:123456789012:parameter/plain because no identity-based policy \
             allows the ssm:GetParameter action"
        ),
        "{text}"
    );
}

#[test]
fn several_parameters_are_sorted_and_missing_ones_listed() {
    let fixture = Fixture::built_in(ROLE_ARN);
    let names = ["plain", "/absent", "/prod/hosts", "/prod/api-url:7", "/prod/api-url", "plain"];
    let body = fixture.call("GetParameters", &json!({ "Names": names })).json();
    let found = body["Parameters"].as_array().unwrap().iter();
    let found: Vec<_> = found.map(|parameter| parameter["Name"].as_str().unwrap()).collect();
    assert_eq!(found, ["/prod/api-url", "/prod/hosts", "plain"]);
    assert_eq!(body["InvalidParameters"], json!(["/absent", "/prod/api-url:7"]));
    let broken = json!({ "Names": ["plain", "/prod/broken-key"], "WithDecryption": true });
    assert_eq!(fixture.refused("GetParameters", &broken).0, "InvalidKeyId");
    for names in [json!([]), json!(vec!["a"; 11]), json!("a"), json!(null)] {
        let (code, _) = fixture.refused("GetParameters", &json!({ "Names": names }));
        assert_eq!(code, "ValidationException", "{names}");
    }
}

#[test]
fn one_name_that_is_not_allowed_refuses_all() {
    let fixture = Fixture::configured(
        r#"{"Effect": "Allow", "Action": "ssm:GetParameters",
            "Resource": "arn:aws:ssm:*:*:parameter/prod/*"}"#,
        "[parameter.'/prod/a']\nvalue = 'a'\n[parameter.'/test/b']\nvalue = 'b'\n",
    );
    let call = |names: &[&str]| json!({ "Names": names });
    let body = fixture.call("GetParameters", &call(&["/prod/a", "/prod/absent"])).json();
    assert_eq!(body["Parameters"][0]["Value"], "a", "{body}");
    let (code, text) = fixture.refused("GetParameters", &call(&["/prod/a", "/test/b"]));
    assert_eq!(code, "AccessDeniedException");
    assert!(text.contains("on resource: arn:aws:ssm:us-east-1:123456789012:parameter/test/b "));
}

#[test]
fn a_page_of_one_level_may_be_empty_and_have_a_successor() {
    let parameters: String = ["a/1", "a/2", "a/3", "b", "c/1", "d"]
        .iter()
        .map(|name| format!("[parameter.'/prod/{name}']\nvalue = 'x'\n"))
        .collect();
    let fixture = Fixture::configured(ALLOW_ALL, &parameters);
    let pages = |path: &str, recursive: bool| {
        let input = json!({ "Path": path, "Recursive": recursive, "MaxResults": 2 });
        fixture.pages(input).into_iter().map(|page| page.join(" ")).collect::<Vec<_>>()
    };
    assert_eq!(pages("/prod", false), ["", "/prod/b", "/prod/d"]);
    assert_eq!(
        pages("/prod/", true),
        ["/prod/a/1 /prod/a/2", "/prod/a/3 /prod/b", "/prod/c/1 /prod/d"]
    );
    assert_eq!(pages("/prod/a", false), ["/prod/a/1 /prod/a/2", "/prod/a/3"]);
    assert_eq!(pages("/pro", true), [""]);
    assert_eq!(pages("/", true).len(), 3);
    let refused = |input: Value| fixture.refused("GetParametersByPath", &input).0;
    assert_eq!(refused(json!({ "Path": "prod" })), "ValidationException");
    assert_eq!(refused(json!({ "Path": "/a".repeat(16) })), "ValidationException");
    assert_eq!(refused(json!({ "Path": "/", "MaxResults": 11 })), "ValidationException");
    assert_eq!(refused(json!({ "Path": "/", "NextToken": "x" })), "InvalidNextToken");
}

#[test]
fn filters_select_by_type_key_and_label() {
    let fixture = Fixture::built_in(ROLE_ARN);
    let filtered = |key: &str, option: &str, values: &[&str]| {
        let filter = json!({ "Key": key, "Option": option, "Values": values });
        let input = json!({ "Path": "/prod", "Recursive": true, "ParameterFilters": [filter] });
        fixture.pages(input).concat()
    };
    assert_eq!(filtered("Type", "Equals", &["StringList"]), ["/prod/hosts"]);
    assert_eq!(filtered("Type", "BeginsWith", &["Secure"]).len(), 3);
    assert_eq!(filtered("KeyId", "Equals", &["alias/aws/ssm"]).len(), 3);
    assert_eq!(filtered("Label", "Equals", &["live"]), ["/prod/api-url"]);
    let refused = |filter: Value| {
        let input = json!({ "Path": "/prod", "ParameterFilters": [filter] });
        fixture.refused("GetParametersByPath", &input).0
    };
    assert_eq!(refused(json!({ "Key": "Tier", "Values": ["x"] })), "InvalidFilterKey");
    let label = json!({ "Key": "Label", "Option": "BeginsWith", "Values": ["x"] });
    assert_eq!(refused(label), "InvalidFilterOption");
    assert_eq!(refused(json!({ "Key": "Type" })), "InvalidFilterValue");
}

#[test]
fn who_may_read_a_path_may_read_all_below_it() {
    const PATH: &str = "arn:aws:ssm:us-east-1:123456789012:parameter/prod";
    let fixture = Fixture::configured(
        &format!(
            r#"[{{"Effect": "Allow", "Action": "ssm:GetParametersByPath", "Resource": "{PATH}",
                 "Condition": {{"Bool": {{"ssm:Recursive": "false"}}}}}},
                {{"Effect": "Deny", "Action": "ssm:*", "Resource": "{PATH}/secret"}}]"#
        ),
        "[parameter.'/prod/secret']\nvalue = 'x'\n",
    );
    assert_eq!(fixture.pages(json!({ "Path": "/prod" })), [["/prod/secret"]]);
    let code = |operation: &str, input: Value| fixture.refused(operation, &input).0;
    assert_eq!(code("GetParameter", json!({ "Name": "/prod/secret" })), "AccessDeniedException");
    let deep = json!({ "Path": "/prod", "Recursive": true });
    assert_eq!(code("GetParametersByPath", deep), "AccessDeniedException");
}

#[test]
fn tags_shares_and_keys_decide_who_reads() {
    const SHARED: &str = "arn:aws:ssm:us-east-1:999988887777:parameter/shared";
    let fixture = Fixture::configured(
        r#"[{"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*",
             "Condition": {"StringEquals": {"ssm:resourceTag/Team": "plant"}}},
            {"Effect": "Allow", "Action": "kms:Decrypt",
             "Resource": "arn:aws:kms:us-east-1:123456789012:key/ours",
             "Condition": {"StringLike": {"kms:EncryptionContext:PARAMETER_ARN": "*/ours"}}}]"#,
        &format!(
            "[parameter.ours]\ntype = 'SecureString'\nvalue = 'a'\nkms-key = 'ours'\n\
             tags = {{ Team = 'plant' }}\n\
             [parameter.theirs]\nvalue = 'b'\ntags = {{ Team = 'other' }}\n\
             [parameter.locked]\ntype = 'SecureString'\nvalue = 'c'\nkms-key = 'theirs'\n\
             tags = {{ Team = 'plant' }}\n\
             [parameter.'{SHARED}']\nvalue = 'd'\ntags = {{ Team = 'plant' }}\n\
             resource-policy = {{ Statement = {{ Effect = 'Allow', Action = 'ssm:Get*', \
             Principal = {{ AWS = '123456789012' }}, Resource = '*' }} }}\n\
             [parameter.'{SHARED}-not']\nvalue = 'e'\ntags = {{ Team = 'plant' }}\n"
        ),
    );
    assert_eq!(fixture.get("ours")["Value"], "a");
    assert_eq!(fixture.get(SHARED)["Value"], "d");
    let refused = |name: &str| {
        fixture.refused("GetParameter", &json!({ "Name": name, "WithDecryption": true }))
    };
    assert_eq!(refused("theirs").0, "AccessDeniedException");
    assert_eq!(refused(&format!("{SHARED}-not")).0, "AccessDeniedException");
    let (code, text) = refused("locked");
    assert_eq!(code, "AccessDeniedException");
    assert!(text.contains("perform: kms:Decrypt on resource: arn:aws:kms:"), "{text}");
    assert_eq!(fixture.emulator.requests().pop().unwrap()["reason"], "kms");
}

#[test]
fn a_secret_is_read_as_a_parameter() {
    let fixture = Fixture::built_in(ROLE_ARN);
    const NAME: &str = "/aws/reference/secretsmanager/prod/plain";
    let parameter = fixture.get(NAME);
    assert_eq!((&parameter["Name"], &parameter["Value"]), (&json!(NAME), &json!("s3cr3t")));
    assert_eq!((&parameter["Type"], &parameter["Version"]), (&json!("SecureString"), &json!(0)));
    let source: Value = serde_json::from_str(parameter["SourceResult"].as_str().unwrap()).unwrap();
    assert_eq!((&source["ARN"], &source["SecretString"]), (&parameter["ARN"], &json!("s3cr3t")));
    let version = source["VersionId"].as_str().unwrap();
    for selector in ["AWSCURRENT", version] {
        let selected = fixture.get(&format!("{NAME}:{selector}"));
        assert_eq!((&selected["Value"], &selected["Name"]), (&json!("s3cr3t"), &json!(NAME)));
    }
    let decrypted = |name: &str| json!({ "Name": name, "WithDecryption": true });
    let refused = |input: &Value| fixture.refused("GetParameter", input);
    assert_eq!(refused(&json!({ "Name": NAME })).0, "ValidationException");
    let (code, text) = refused(&decrypted("/aws/reference/secretsmanager/absent"));
    assert_eq!(code, "ParameterNotFound");
    assert!(text.contains("Secret /aws/reference/secretsmanager/absent not found."), "{text}");
    assert_eq!(refused(&decrypted(&format!("{NAME}:AWSPREVIOUS"))).0, "ParameterNotFound");
    let names = json!({ "Names": [NAME, "plain"], "WithDecryption": true });
    let body = fixture.call("GetParameters", &names).json();
    assert_eq!(body["Parameters"].as_array().unwrap().len(), 2);
    assert!(
        !fixture
            .pages(json!({ "Path": "/", "Recursive": true }))
            .concat()
            .contains(&NAME.to_owned())
    );
    let only_parameters = Fixture::configured(
        r#"{"Effect": "Allow", "Action": "ssm:*", "Resource": "*"}"#,
        "[secret.'prod/plain']\nvalue = 'x'\n",
    );
    let (code, text) = only_parameters.refused("GetParameter", &decrypted(NAME));
    assert_eq!(code, "AccessDeniedException");
    assert!(text.contains("secretsmanager:GetSecretValue"), "{text}");
}

#[test]
fn a_fault_answers_for_a_parameter() {
    let fixture = Fixture::built_in(ROLE_ARN);
    fixture.emulator.fault(json!({
        "operation": "GetParameter", "code": "ThrottlingException", "message": "Rate exceeded"
    }));
    let (code, text) = fixture.refused("GetParameter", &json!({ "Name": "plain" }));
    assert_eq!((&*code, &*text), ("ThrottlingException", "Rate exceeded"));
    assert_eq!(fixture.get("plain")["Value"], "one");
}

#[test]
fn writes_a_parameter_and_its_versions() {
    let fixture = Fixture::built_in(ROLE_ARN);
    let put = |input: Value| fixture.call("PutParameter", &input);
    let first =
        json!({ "Name": "/new/a", "Value": "1", "Type": "SecureString", "Description": "d" });
    let answer = put(first.clone());
    assert_eq!(answer.json(), json!({ "Version": 1, "Tier": "Standard" }), "{}", answer.body);
    assert_eq!(fixture.refused("PutParameter", &first).0, "ParameterAlreadyExists");
    let second =
        json!({ "Name": "/new/a", "Value": "2", "Overwrite": true, "Tier": "Intelligent-Tiering" });
    assert_eq!(put(second).json()["Version"], 2);
    assert_eq!(
        (fixture.get("/new/a")["Value"].clone(), fixture.get("/new/a:1")["Value"].clone()),
        (json!("2"), json!("1"))
    );
    assert_eq!(fixture.get("/new/a")["Type"], "SecureString");
    let log = json!(fixture.emulator.requests()).to_string();
    assert!(log.contains("(redacted)") && !log.contains(r#"\"Value\":\"2\""#), "{log}");
}

#[test]
fn labels_move_and_bad_ones_are_listed() {
    let fixture = Fixture::built_in(ROLE_ARN);
    let label = |name: &str, version: Value, labels: &[&str]| {
        let input = json!({ "Name": name, "ParameterVersion": version, "Labels": labels });
        fixture.call("LabelParameterVersion", &input).json()
    };
    let labelled = label("/prod/api-url", json!(1), &["live", "1st", "aws-x"]);
    assert_eq!(labelled, json!({ "InvalidLabels": ["1st", "aws-x"], "ParameterVersion": 1 }));
    assert_eq!(fixture.get("/prod/api-url:live")["Version"], 1);
    assert_eq!(label("/prod/api-url", json!(null), &["live"])["ParameterVersion"], 2);
    assert_eq!(fixture.get("/prod/api-url:live")["Version"], 2);
    let refused = |name: &str, version: u32| {
        let input = json!({ "Name": name, "ParameterVersion": version, "Labels": ["x"] });
        fixture.refused("LabelParameterVersion", &input).0
    };
    assert_eq!(refused("/absent", 1), "ParameterNotFound");
    assert_eq!(refused("/prod/api-url", 9), "ParameterVersionNotFound");
    let arn = "arn:aws:ssm:us-east-1:123456789012:parameter/prod/api-url";
    assert_eq!(refused(arn, 1), "ValidationException");
}

#[test]
fn refuses_a_parameter_that_cannot_be() {
    let fixture = Fixture::built_in(ROLE_ARN);
    let refused = |changes: Value| {
        let mut input = json!({ "Name": "/new/a", "Value": "x", "Type": "String" });
        let members = input.as_object_mut().unwrap();
        members.extend(changes.as_object().unwrap().clone());
        fixture.refused("PutParameter", &input).0
    };
    for (changes, code) in [
        (json!({ "Name": "new/a" }), "ValidationException"),
        (json!({ "Name": "/ssm/a" }), "ValidationException"),
        (json!({ "Name": "/aws/a" }), "AccessDeniedException"),
        (json!({ "Name": "/a".repeat(16) }), "HierarchyLevelLimitExceededException"),
        (
            json!({ "Name": "arn:aws:ssm:us-east-1:123456789012:parameter/a" }),
            "ValidationException",
        ),
        (json!({ "Type": null }), "ValidationException"),
        (json!({ "Type": "Text" }), "ValidationException"),
        (json!({ "Value": "" }), "ValidationException"),
        (json!({ "Value": "a {{ssm:b}} c" }), "ValidationException"),
        (json!({ "Value": "x".repeat(4097) }), "ValidationException"),
        (json!({ "AllowedPattern": "x" }), "ValidationException"),
        (
            json!({ "Overwrite": true, "Tags": [{ "Key": "a", "Value": "b" }] }),
            "ValidationException",
        ),
        (json!({ "Name": "/prod/hosts", "Overwrite": true }), "HierarchyTypeMismatchException"),
    ] {
        assert_eq!(refused(changes.clone()), code, "{changes}");
    }
}

#[test]
fn policies_decide_who_overwrites_tags_and_encrypts() {
    let fixture = Fixture::configured(
        r#"[{"Effect": "Allow", "Action": "ssm:PutParameter", "Resource": "*",
             "Condition": {"StringEquals": {"ssm:Overwrite": "false"}}},
            {"Effect": "Allow", "Action": "ssm:AddTagsToResource", "Resource": "*",
             "Condition": {"StringEquals": {"aws:RequestTag/Team": "plant"}}},
            {"Effect": "Allow", "Action": "kms:Encrypt", "Resource": "arn:aws:kms:*:*:key/ours"}]"#,
        "",
    );
    let put = |name: &str, changes: &Value| {
        let mut input = json!({ "Name": name, "Value": "x", "Type": "SecureString" });
        input.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        fixture.call("PutParameter", &input).status
    };
    assert_eq!(put("/a", &json!({})), 200);
    assert_eq!(put("/a", &json!({ "Overwrite": true })), 400);
    assert_eq!(put("/b", &json!({ "Tags": [{ "Key": "Team", "Value": "other" }] })), 400);
    assert_eq!(put("/b", &json!({ "Tags": [{ "Key": "Team", "Value": "plant" }] })), 200);
    assert_eq!(put("/c", &json!({ "KeyId": "theirs" })), 400);
    assert_eq!(put("/c", &json!({ "KeyId": "ours" })), 200);
    // The advanced tier encrypts with a data key.
    assert_eq!(put("/d", &json!({ "KeyId": "ours", "Tier": "Advanced" })), 400);
}

#[test]
fn deletes_parameters() {
    let fixture = Fixture::built_in(ROLE_ARN);
    let plain = json!({ "Name": "plain" });
    assert_eq!(fixture.call("DeleteParameter", &plain).json(), json!({}));
    assert_eq!(fixture.refused("DeleteParameter", &plain).0, "ParameterNotFound");
    let names = json!({ "Names": ["/prod/hosts", "plain"] });
    assert_eq!(
        fixture.call("DeleteParameters", &names).json(),
        json!({ "DeletedParameters": ["/prod/hosts"], "InvalidParameters": ["plain"] })
    );
}
