//! Refusals of the Parameter Store.

use super::refusals::{DENIED, KMS_KEY, refused};
use super::{Page, variants};
use roles_anywhere_client::aws::create_session::SessionRequest;
use roles_anywhere_client::aws::json_protocol::JsonOperation;
use roles_anywhere_client::aws::parameter::{ParameterId, ParameterRequest};
use roles_anywhere_client::diagnosis::{Cause, Operation, ParameterCause};
use roles_anywhere_client::provider::parameter_store::MissingParameter;
use roles_anywhere_test_support::session::request;

variants!(ParameterCause: NoSuchParameter NoSuchVersion Denied KmsKeyDenied);

#[test]
fn refusals_of_parameters_have_these_texts() {
    let mut page = Page::default();
    page.add_all(causes(), |cause| {
        let (operation, code, message) = match &cause {
            ParameterCause::NoSuchParameter { .. } => {
                (JsonOperation::GetParameter, "ParameterNotFound", "")
            }
            ParameterCause::NoSuchVersion { .. } => (
                JsonOperation::GetParameter,
                "ParameterVersionNotFound",
                "Systems Manager could not find version 9 of /prod/url.",
            ),
            ParameterCause::Denied { operation, .. } => {
                (*operation, DENIED, "User is not authorized to perform it")
            }
            ParameterCause::KmsKeyDenied { .. } => (
                JsonOperation::GetParameters,
                DENIED,
                "The ciphertext refers to a customer master key that does not exist",
            ),
        };
        refused(Operation::Json(operation), (400, code, message), Cause::Parameter(cause))
    });
    for cause in causes().into_iter().take(2) {
        let request = ParameterRequest::parse("/prod/url").unwrap();
        page.add("MissingParameter", &MissingParameter { request, cause }.into());
    }
    page.compare("refusals_of_parameters");
}

pub(super) fn causes() -> Vec<ParameterCause> {
    let SessionRequest { role, region, .. } = request();
    let named = || ParameterId::Name("/prod/url".to_owned());
    let arn = "arn:aws:ssm:us-east-1:999999999999:parameter/shared/url";
    let missing = |parameter, account: &str| ParameterCause::NoSuchParameter {
        parameter,
        region: region.clone(),
        account: account.to_owned(),
    };
    let denied = |operation, names: &[&str], of_secret| ParameterCause::Denied {
        operation,
        role: role.clone(),
        resources: names
            .iter()
            .map(|name| format!("arn:aws:ssm:us-east-1:123456789012:parameter/{name}"))
            .collect(),
        of_secret,
    };
    let key = |parameter, key: Option<&str>| ParameterCause::KmsKeyDenied {
        role: role.clone(),
        parameter,
        key: key.map(str::to_owned),
    };
    vec![
        missing(named(), "123456789012"),
        missing(ParameterId::Arn(arn.parse().unwrap()), "999999999999"),
        ParameterCause::NoSuchVersion { parameter: named(), region: region.clone() },
        denied(JsonOperation::GetParameter, &["prod/url"], false),
        denied(JsonOperation::GetParametersByPath, &["prod/"], false),
        denied(JsonOperation::GetParameters, &["a", "b", "c", "d", "e"], false),
        denied(JsonOperation::GetParameter, &["aws/reference/secretsmanager/db"], true),
        key(Some(named()), None),
        key(None, None),
        key(Some(named()), Some(KMS_KEY)),
    ]
}
