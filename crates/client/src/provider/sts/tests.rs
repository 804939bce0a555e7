//! GetCallerIdentity against a service that answers by a script.

use super::*;
use crate::diagnosis::{AccessKeyCause, Cause};
use crate::secret::Secret;
use crate::test_support::service_fixture::ServiceFixture;
use crate::test_support::transport::Reply;

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";

fn identity(service: &ServiceFixture) -> Result<CallerIdentity, ServiceCallError> {
    let secret = Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned());
    let key = AccessKey { id: KEY.to_owned(), secret, session_token: None };
    let ports = service.ports.ports();
    let call = get_caller_identity(&service.at, &key, &ports, service.deadline);
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(call)
}

#[test]
fn an_accepted_key_has_an_identity() {
    let body = "<GetCallerIdentityResponse><GetCallerIdentityResult>\
                <Arn>arn:aws:iam::123456789012:user/Deploy</Arn><UserId>AIDA</UserId>\
                <Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
    let service = ServiceFixture::replies([Reply::status(200, body)]);
    assert_eq!(identity(&service).unwrap().arn, "arn:aws:iam::123456789012:user/Deploy");
    assert_eq!(service.bodies(), ["Action=GetCallerIdentity&Version=2011-06-15"]);
    let headers = &service.ports.transport.requests()[0].headers;
    let scope = "/us-east-1/sts/aws4_request";
    assert!(headers.iter().any(|(_, value)| value.contains(scope)), "{headers:?}");
}

#[test]
fn a_key_that_aws_does_not_know_yet_is_not_accepted() {
    let body = "<ErrorResponse><Error><Code>InvalidClientTokenId</Code></Error></ErrorResponse>";
    let service = ServiceFixture::replies([Reply::status(403, body)]);
    let error = identity(&service).unwrap_err();
    let cause = AccessKeyCause::NotAccepted { key: Some(KEY.to_owned()) };
    assert_eq!(error.refusal().unwrap().causes, [Cause::AccessKey(cause)]);
    assert!(!error.may_have_been_carried_out());
}
