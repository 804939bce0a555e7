//! Refusals of IAM, and its responses that cannot be used.

use std::time::Duration;

use super::refusals::refused;
use super::{Page, variants};
use roles_anywhere_client::aws::error_response::ServiceError;
use roles_anywhere_client::aws::query_protocol::{QueryOperation, QueryResponseError};
use roles_anywhere_client::aws::retry::RequestError;
use roles_anywhere_client::diagnosis::{AccessKeyCause, Cause, KeyCaller, Operation, Refusal};
use roles_anywhere_client::http::{SourceMessage, TransportError};
use roles_anywhere_client::provider::secrets_manager::ServiceCallError;
use roles_anywhere_test_support::session::request;

variants!(AccessKeyCause: NoSuchEntity LimitExceeded Denied NotAccepted WrongSecret);
variants!(QueryResponseError: NotXml OtherResponse Member RepeatedPage);

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";

#[test]
fn refusals_about_access_keys_have_these_texts() {
    let mut page = Page::default();
    page.add_all(causes(), |cause| {
        let (operation, status, code, message) = match &cause {
            AccessKeyCause::NoSuchEntity { key: None, .. } => (
                QueryOperation::ListAccessKeys,
                404,
                "NoSuchEntity",
                "The user with name deploy cannot be found.",
            ),
            AccessKeyCause::NoSuchEntity { .. } => (
                QueryOperation::DeleteAccessKey,
                404,
                "NoSuchEntity",
                "The Access Key with id AKIAIOSFODNN7EXAMPLE cannot be found.",
            ),
            AccessKeyCause::LimitExceeded { .. } => (
                QueryOperation::CreateAccessKey,
                409,
                "LimitExceeded",
                "Cannot exceed quota for AccessKeysPerUser: 2",
            ),
            AccessKeyCause::Denied { operation, .. } => {
                (*operation, 403, "AccessDenied", "User: a is not authorized to perform: b")
            }
            AccessKeyCause::NotAccepted { .. } => (
                QueryOperation::GetCallerIdentity,
                403,
                "InvalidClientTokenId",
                "The security token included in the request is invalid.",
            ),
            AccessKeyCause::WrongSecret { .. } => (
                QueryOperation::GetCallerIdentity,
                403,
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match",
            ),
        };
        refused(Operation::Query(operation), (status, code, message), Cause::AccessKey(cause))
    });
    page.compare("access_keys");
}

pub(super) fn causes() -> Vec<AccessKeyCause> {
    let (user, key) = (|| Some("deploy".to_owned()), || Some(KEY.to_owned()));
    let role = || KeyCaller::Role(request().role);
    let denied = |operation, caller, user| AccessKeyCause::Denied { operation, caller, user };
    let create = QueryOperation::CreateAccessKey;
    vec![
        AccessKeyCause::NoSuchEntity { user: user(), key: None },
        AccessKeyCause::NoSuchEntity { user: user(), key: key() },
        AccessKeyCause::NoSuchEntity { user: None, key: key() },
        AccessKeyCause::LimitExceeded { user: user() },
        AccessKeyCause::LimitExceeded { user: None },
        denied(create, role(), user()),
        denied(create, KeyCaller::Key(key()), None),
        denied(QueryOperation::GetAccessKeyLastUsed, role(), None),
        denied(QueryOperation::UpdateAccessKey, KeyCaller::Key(None), user()),
        AccessKeyCause::NotAccepted { key: key() },
        AccessKeyCause::NotAccepted { key: None },
        AccessKeyCause::WrongSecret { key: key() },
    ]
}

#[test]
fn responses_of_iam_have_these_texts() {
    let mut page = Page::default();
    let (create, list) = (QueryOperation::CreateAccessKey, QueryOperation::ListAccessKeys);
    let examples = vec![
        QueryResponseError::NotXml { operation: list },
        QueryResponseError::OtherResponse { operation: QueryOperation::GetCallerIdentity },
        QueryResponseError::Member { operation: list, member: "Status" },
        QueryResponseError::RepeatedPage { operation: list },
    ];
    page.add_all(examples, |error| ServiceCallError::from(error).into());
    let host = "iam.amazonaws.com".to_owned();
    let late =
        RequestError::Timeout { host: host.clone(), limit: Duration::from_secs(20), attempt: 1 };
    let source = SourceMessage("connection closed before message completed".to_owned());
    let source = TransportError::Interrupted { host, plain: false, source };
    let lost = RequestError::Transport { source, attempt: 1 };
    let service_error = ServiceError {
        status: 500,
        code: Some("ServiceFailure".to_owned()),
        message: String::new(),
        request_id: Some("a1b2c3d4-5678-90ab-cdef-EXAMPLE11111".to_owned()),
        date: None,
    };
    let (operation, causes) = (Operation::Query(create), vec![Cause::ServiceFailure]);
    let failed = Box::new(Refusal { operation, service_error, causes });
    let malformed = QueryResponseError::Member { operation: create, member: "CreateDate" };
    for source in [lost.into(), late.into(), ServiceCallError::Refused(failed), malformed.into()] {
        let error =
            ServiceCallError::OutcomeUnknown { operation: create, source: Box::new(source) };
        let heading = page.see(&error);
        page.add(&heading, &error.into());
    }
    page.compare("responses_of_iam");
}
