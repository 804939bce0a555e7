//! Requests of IAM and STS, compared with those of botocore, and XML that is not a response.

use serde_json::Value;
use url::form_urlencoded;

use super::*;
use crate::aws::list_access_keys::KeyStatus;
use crate::aws::{
    create_access_key, delete_access_key, get_access_key_last_used, get_caller_identity,
    list_access_keys, update_access_key,
};
use crate::region::Region;
use crate::secret::SecretBytes;

/// Requests as botocore writes them.
const VECTORS: &str = include_str!("../../../../../tests/vectors/access-keys/requests.json");

fn at(service: Service) -> RegionalEndpoint {
    RegionalEndpoint::of(service, Region::parse("eu-central-1").unwrap())
}

fn request(operation: &str, input: &Value) -> Request {
    let member = |name: &str| input[name].as_str();
    let (user, id) = (member("UserName"), || member("AccessKeyId").unwrap());
    let iam = at(Service::Iam);
    match operation {
        "CreateAccessKey" => create_access_key::to_http(user, &iam),
        "ListAccessKeys" => list_access_keys::to_http(user, member("Marker"), &iam),
        "UpdateAccessKey" => {
            let status = match member("Status").unwrap() {
                "Active" => KeyStatus::Active,
                _ => KeyStatus::Inactive,
            };
            update_access_key::to_http(user, id(), status, &iam)
        }
        "DeleteAccessKey" => delete_access_key::to_http(user, id(), &iam),
        "GetAccessKeyLastUsed" => get_access_key_last_used::to_http(id(), &iam),
        "GetCallerIdentity" => get_caller_identity::to_http(&at(Service::Sts)),
        other => panic!("{other} is not built here"),
    }
}

#[test]
fn forms_hold_what_botocore_sends() {
    let vectors: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
    let pairs = |form: &[u8]| {
        let mut pairs: Vec<(String, String)> = form_urlencoded::parse(form).into_owned().collect();
        pairs.sort_unstable();
        pairs
    };
    assert_eq!(vectors.len(), 11);
    for vector in vectors {
        let operation = vector["operation"].as_str().unwrap();
        let request = request(operation, &vector["input"]);
        assert_eq!(request.path, vector["path"]);
        assert_eq!(request.headers[0].1, vector["contentType"]);
        let expected = vector["body"].as_str().unwrap();
        let case = &vector["case"];
        assert_eq!(pairs(&request.body), pairs(expected.as_bytes()), "{operation} {case}");
    }
}

#[test]
fn iam_is_called_at_its_endpoint_for_the_partition() {
    let RegionalEndpoint { endpoint, region } = at(Service::Iam);
    assert_eq!((endpoint.host(), region.as_str()), ("iam.amazonaws.com", "us-east-1"));
}

const OPERATIONS: [QueryOperation; 6] = [
    QueryOperation::CreateAccessKey,
    QueryOperation::ListAccessKeys,
    QueryOperation::UpdateAccessKey,
    QueryOperation::DeleteAccessKey,
    QueryOperation::GetAccessKeyLastUsed,
    QueryOperation::GetCallerIdentity,
];

/// Returns the error about a response of an operation.
fn refused(operation: QueryOperation, body: &str) -> Option<QueryResponseError> {
    let body = SecretBytes::new(body.as_bytes().to_vec());
    let response = Response { status: 200, headers: Vec::new(), body };
    match operation {
        QueryOperation::CreateAccessKey => create_access_key::parse(&response).err(),
        QueryOperation::ListAccessKeys => list_access_keys::parse(&response).err(),
        QueryOperation::UpdateAccessKey => update_access_key::parse(&response).err(),
        QueryOperation::DeleteAccessKey => delete_access_key::parse(&response).err(),
        QueryOperation::GetAccessKeyLastUsed => get_access_key_last_used::parse(&response).err(),
        QueryOperation::GetCallerIdentity => get_caller_identity::parse(&response).err(),
    }
}

#[test]
fn a_response_of_something_else_is_refused() {
    for operation in OPERATIONS {
        for body in ["", "{}", "<html><body>hunter2<br></body></html>", "<a>\0</a>"] {
            assert_eq!(refused(operation, body), Some(QueryResponseError::NotXml { operation }));
        }
        for body in ["<html/>", "<Response/>", "<ErrorResponse><Error/></ErrorResponse>"] {
            let expected = QueryResponseError::OtherResponse { operation };
            assert_eq!(refused(operation, body), Some(expected), "{operation} {body}");
        }
        let entity = format!("<!DOCTYPE a [<!ENTITY b \"c\">]><{operation}Response/>");
        assert_eq!(refused(operation, &entity), Some(QueryResponseError::NotXml { operation }));
        let many = format!("<{operation}Response>{}</{operation}Response>", "<a/>".repeat(30_000));
        assert_eq!(refused(operation, &many), Some(QueryResponseError::NotXml { operation }));
    }
}

#[test]
fn changes_are_acknowledged_without_a_result() {
    let metadata = "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>";
    for operation in OPERATIONS {
        let changes = [QueryOperation::UpdateAccessKey, QueryOperation::DeleteAccessKey];
        let body = format!(
            "<{operation}Response xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">{metadata}</{operation}Response>"
        );
        let error = refused(operation, &body);
        assert_eq!(error.is_none(), changes.contains(&operation), "{operation}");
    }
}

#[test]
fn only_a_new_key_is_not_repeatable() {
    let single = OPERATIONS.into_iter().filter(|it| it.repeatable() == Repeatable::No);
    assert_eq!(single.collect::<Vec<_>>(), [QueryOperation::CreateAccessKey]);
}

#[test]
fn each_operation_has_its_action() {
    let actions: Vec<String> = OPERATIONS.into_iter().map(QueryOperation::action).collect();
    assert_eq!(actions[0], "iam:CreateAccessKey");
    assert_eq!(actions[5], "sts:GetCallerIdentity");
}
