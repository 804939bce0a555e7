//! Requests that change a secret, compared with those of botocore.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::*;
use crate::aws::get_random_password::PasswordRules;
use crate::aws::get_secret_value::SecretValue;
use crate::aws::put_secret_value::PutSecretValue;
use crate::aws::update_secret_version_stage::MoveStage;
use crate::region::Region;
use crate::secret::{Secret, SecretBytes};

/// Requests as botocore writes them.
const VECTORS: &str = include_str!("../../../../../tests/vectors/secrets-manager/requests.json");

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Returns the value of a `PutSecretValue`.
fn secret_value(input: &Value) -> SecretValue {
    match (text(&input["SecretString"]), text(&input["SecretBinary"])) {
        (Some(text), _) => SecretValue::Text(Secret::new(text)),
        (None, base64) => {
            SecretValue::Binary(SecretBytes::new(STANDARD.decode(base64.unwrap()).unwrap()))
        }
    }
}

fn request(operation: &str, input: &Value, at: &RegionalEndpoint) -> Request {
    let secret = || text(&input["SecretId"]).unwrap().parse().unwrap();
    let flag = |name: &str| input[name].as_bool();
    match operation {
        "PutSecretValue" => {
            let stages = input["VersionStages"].as_array().unwrap();
            let put = PutSecretValue {
                secret: secret(),
                version_id: text(&input["ClientRequestToken"]).unwrap(),
                value: secret_value(input),
                stages: stages.iter().map(|stage| text(stage).unwrap()).collect(),
            };
            put.to_http(at)
        }
        "UpdateSecretVersionStage" => {
            let request = MoveStage {
                secret: secret(),
                stage: text(&input["VersionStage"]).unwrap(),
                to: text(&input["MoveToVersionId"]),
                from: text(&input["RemoveFromVersionId"]),
            };
            request.to_http(at)
        }
        "GetRandomPassword" => {
            let rules = PasswordRules {
                length: input["PasswordLength"].as_u64().map(|it| u16::try_from(it).unwrap()),
                exclude_characters: text(&input["ExcludeCharacters"]),
                exclude_numbers: flag("ExcludeNumbers"),
                exclude_punctuation: flag("ExcludePunctuation"),
                exclude_uppercase: flag("ExcludeUppercase"),
                exclude_lowercase: flag("ExcludeLowercase"),
                include_space: flag("IncludeSpace"),
                require_each_included_type: flag("RequireEachIncludedType"),
            };
            rules.to_http(at)
        }
        other => panic!("{other} is not built here"),
    }
}

#[test]
fn requests_hold_what_botocore_sends() {
    let at = RegionalEndpoint::of(Service::SecretsManager, Region::parse("us-east-1").unwrap());
    let vectors: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
    assert_eq!(vectors.len(), 8);
    for vector in vectors {
        let request = request(vector["operation"].as_str().unwrap(), &vector["input"], &at);
        let case = &vector["case"];
        assert_eq!(request.path, vector["path"]);
        assert_eq!(request.headers[0].1, vector["contentType"]);
        assert_eq!(request.headers[1].1, vector["target"]);
        let expected: Value = serde_json::from_str(vector["body"].as_str().unwrap()).unwrap();
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body, expected, "{case}");
    }
}

/// A buffer that grows is copied, and the copy before it is not wiped.
#[test]
fn a_body_with_a_secret_is_never_moved() {
    let at = RegionalEndpoint::of(Service::SecretsManager, Region::parse("us-east-1").unwrap());
    for value in ["\u{1}".repeat(65_536), "\"".repeat(10), "é".repeat(32_768)] {
        let put = PutSecretValue {
            secret: "prod/db".parse().unwrap(),
            version_id: "a".repeat(64),
            value: SecretValue::Text(Secret::new(value)),
            stages: vec!["AWSPENDING".to_owned(); 20],
        };
        let request = put.to_http(&at);
        // A vector that had grown would have doubled its capacity, or have exactly what it needed.
        let SecretValue::Text(text) = &put.value else { panic!("it is a text") };
        let others = put.stages.iter().map(|it| 6 * it.len() + 3).sum::<usize>() + 6 * (64 + 7);
        assert_eq!(request.body.capacity(), 256 + 6 * text.expose().len() + others);
    }
}
