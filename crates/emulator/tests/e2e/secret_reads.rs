//! Reading many secrets, and what is known of them: BatchGetSecretValue, ListSecrets, DescribeSecret.

use aws_credential_types::Credentials;
use roles_anywhere_emulator::{Emulator, NO_SECRETS_ROLE_ARN, Options, ROLE_ARN};
use serde_json::{Value, json};

use crate::client::Answer;
use crate::secrets::{secrets, vend};

/// The built-in secrets, as a role may use them.
struct Fixture {
    emulator: Emulator,
    credentials: Credentials,
}

impl Fixture {
    fn new(role_arn: &str) -> Self {
        let emulator = Emulator::start(Options::default()).unwrap();
        let credentials = vend(&emulator, role_arn);
        Self { emulator, credentials }
    }

    fn call(&self, operation: &str, input: &Value) -> Answer {
        secrets(&self.emulator, &self.credentials, operation, input)
    }

    /// Returns the names of each page of ListSecrets.
    fn pages(&self, mut input: Value) -> Vec<Vec<String>> {
        let mut pages = Vec::new();
        loop {
            let answer = self.call("ListSecrets", &input);
            assert_eq!(answer.status, 200, "{}", answer.body);
            let body = answer.json();
            let names = body["SecretList"].as_array().unwrap().iter();
            pages.push(names.map(|entry| entry["Name"].as_str().unwrap().to_owned()).collect());
            match body.get("NextToken") {
                Some(token) => input["NextToken"] = token.clone(),
                None => return pages,
            }
        }
    }
}

#[test]
fn a_batch_has_values_and_the_error_of_each_other_secret() {
    let fixture = Fixture::new(ROLE_ARN);
    let ids = ["prod/plain", "absent", "prod/deleted", "prod/keystore", "prod/kms-denied"];
    let answer = fixture.call("BatchGetSecretValue", &json!({ "SecretIdList": ids }));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body = answer.json();
    let values = body["SecretValues"].as_array().unwrap();
    assert_eq!(values.len(), 2);
    assert_eq!(
        (&values[0]["Name"], &values[0]["SecretBinary"].is_string()),
        (&json!("prod/keystore"), &true)
    );
    assert_eq!(
        (&values[1]["Name"], &values[1]["SecretString"]),
        (&json!("prod/plain"), &json!("s3cr3t"))
    );
    assert_eq!(values[1]["VersionStages"], json!(["AWSCURRENT"]));
    let errors = body["Errors"].as_array().unwrap().iter();
    let errors: Vec<_> = errors.map(|error| (&error["SecretId"], &error["ErrorCode"])).collect();
    assert_eq!(
        errors,
        [
            (&json!("absent"), &json!("ResourceNotFoundException")),
            (&json!("prod/deleted"), &json!("InvalidRequestException")),
            (&json!("prod/kms-denied"), &json!("AccessDeniedException")),
        ]
    );
    assert_eq!(body.get("NextToken"), None);
}

#[test]
fn a_batch_by_filter_has_pages() {
    let fixture = Fixture::new(ROLE_ARN);
    let filters = json!([{ "Key": "name", "Values": ["prod/p", "prod/r"] }]);
    let mut input = json!({ "Filters": filters, "MaxResults": 2 });
    let mut pages = Vec::new();
    loop {
        let body = fixture.call("BatchGetSecretValue", &input).json();
        let values = body["SecretValues"].as_array().unwrap().iter();
        let names: Vec<_> =
            values.map(|value| value["Name"].as_str().unwrap().to_owned()).collect();
        pages.push(names.join(" "));
        match body.get("NextToken") {
            Some(token) => input["NextToken"] = token.clone(),
            None => break,
        }
    }
    // The first page has nothing that matches, and has a successor.
    assert_eq!(pages, ["", "", "prod/plain", "prod/rotated"]);
}

#[test]
fn a_batch_needs_ids_or_filters_and_its_own_permission() {
    let fixture = Fixture::new(ROLE_ARN);
    let code = |input: Value| fixture.call("BatchGetSecretValue", &input).json()["__type"].clone();
    let filters = json!([{ "Key": "name", "Values": ["x"] }]);
    assert_eq!(code(json!({})), "InvalidParameterException");
    let both = json!({ "SecretIdList": ["a"], "Filters": filters });
    assert_eq!(code(both), "InvalidParameterException");
    let size = json!({ "SecretIdList": ["a"], "MaxResults": 1 });
    assert_eq!(code(size), "InvalidParameterException");
    assert_eq!(code(json!({ "SecretIdList": [] })), "ValidationException");
    assert_eq!(code(json!({ "SecretIdList": vec!["a"; 21] })), "ValidationException");
    assert_eq!(code(json!({ "Filters": filters, "NextToken": "x" })), "InvalidNextTokenException");
    let denied = Fixture::new(NO_SECRETS_ROLE_ARN);
    let answer = denied.call("BatchGetSecretValue", &json!({ "SecretIdList": ["prod/plain"] }));
    let message = answer.json()["Message"].as_str().unwrap().to_owned();
    assert!(
        message.ends_with(
            " is not authorized to perform: secretsmanager:BatchGetSecretValue because no \
             identity-based policy allows the secretsmanager:BatchGetSecretValue action"
        ),
        "{message}"
    );
}

#[test]
fn lists_secrets_in_order_and_page_by_page() {
    let fixture = Fixture::new(ROLE_ARN);
    let all = [
        "prod/access-key",
        "prod/broken-key",
        "prod/db-credentials",
        "prod/keystore",
        "prod/kms-denied",
        "prod/plain",
        "prod/rotated",
    ];
    assert_eq!(fixture.pages(json!({})), [all]);
    let backwards = fixture.pages(json!({ "SortBy": "name", "SortOrder": "desc" })).concat();
    assert!(backwards.iter().rev().eq(all.iter()), "{backwards:?}");
    let deleted_too = fixture.pages(json!({ "IncludePlannedDeletion": true })).concat();
    assert_eq!(deleted_too.len(), 8);
    // The one that is scheduled for deletion leaves its place on its page empty.
    let pages = fixture.pages(json!({ "MaxResults": 3 }));
    let sizes: Vec<_> = pages.iter().map(Vec::len).collect();
    assert_eq!((pages.concat(), sizes), (all.map(str::to_owned).to_vec(), vec![3, 2, 2]));
    let filters = json!([{ "Key": "tag-key", "Values": ["Team"] }]);
    assert_eq!(fixture.pages(json!({ "Filters": filters })), [["prod/rotated"]]);
    for (name, value) in
        [("MaxResults", json!(101)), ("SortBy", json!("size")), ("Filters", json!(1))]
    {
        let answer = fixture.call("ListSecrets", &json!({ name: value }));
        assert_eq!(answer.json()["__type"], "ValidationException", "{name}");
    }
}

#[test]
fn entry_and_description_say_the_same_of_a_secret() {
    let fixture = Fixture::new(ROLE_ARN);
    let described = fixture.call("DescribeSecret", &json!({ "SecretId": "prod/rotated" })).json();
    assert_eq!(described["RotationEnabled"], true);
    assert_eq!(described["RotationRules"], json!({ "AutomaticallyAfterDays": 30 }));
    assert_eq!(described["NextRotationDate"], 1_769_903_999.0);
    assert_eq!(described["LastRotatedDate"], 1_767_236_400.0);
    assert_eq!(described["Tags"][1], json!({ "Key": "Team", "Value": "plant" }));
    let replica = &described["ReplicationStatus"][0];
    assert_eq!((&replica["Region"], &replica["Status"]), (&json!("eu-west-1"), &json!("InSync")));
    assert_eq!((described.get("LastAccessedDate"), described.get("KmsKeyId")), (None, None));
    let filters = json!([{ "Key": "name", "Values": ["prod/rotated"] }]);
    let mut entry = fixture.call("ListSecrets", &json!({ "Filters": filters })).json();
    let mut entry = entry["SecretList"][0].take();
    let mut expected = described.clone();
    // One of the two differences; the other one is the replicas.
    expected["SecretVersionsToStages"] = expected["VersionIdsToStages"].take();
    let expected_members = expected.as_object_mut().unwrap();
    expected_members
        .retain(|name, _| !["VersionIdsToStages", "ReplicationStatus"].contains(&&**name));
    assert_eq!(entry.take(), expected);
    let read = fixture.call("GetSecretValue", &json!({ "SecretId": "prod/rotated" })).json();
    let described = fixture.call("DescribeSecret", &json!({ "SecretId": "prod/rotated" })).json();
    assert!(described["LastAccessedDate"].is_f64());
    let version = read["VersionId"].as_str().unwrap();
    assert_eq!(described["VersionIdsToStages"], json!({ version: ["AWSCURRENT"] }));
}
