//! Calls of IAM against a service that answers by a script.

use super::*;
use crate::aws::retry::RequestError;
use crate::credentials::AccessKey;
use crate::diagnosis::{AccessKeyCause, Cause, KeyCaller};
use crate::http::{Request, SourceMessage, TransportError};
use crate::secret::Secret;
use crate::test_support::clock::START;
use crate::test_support::service_fixture::{ServiceFixture, TOKEN};
use crate::test_support::transport::Reply;

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

fn long_term() -> AccessKey {
    AccessKey { id: KEY.to_owned(), secret: Secret::new(SECRET.to_owned()), session_token: None }
}

impl ServiceFixture {
    fn session_caller(&self) -> Caller<'_> {
        Caller::Session { provider: &self.provider, session: &self.session }
    }

    fn create(&self, caller: Caller<'_>) -> Result<CreatedAccessKey, ServiceCallError> {
        // Backoffs do not really wait.
        self.ports.clock.pass_sleeps(std::time::Duration::MAX);
        let (iam, ports) = (Iam { at: &self.at, caller }, self.ports.ports());
        block_on(iam.create_access_key(Some("Deploy"), &ports, self.deadline))
    }

    fn list(&self) -> Result<Vec<AccessKeyMetadata>, ServiceCallError> {
        let (iam, ports) =
            (Iam { at: &self.at, caller: self.session_caller() }, self.ports.ports());
        block_on(iam.list_access_keys(Some("Deploy"), &ports, self.deadline))
    }
}

fn created() -> Reply {
    let key = format!(
        "<UserName>Deploy</UserName><AccessKeyId>{KEY}</AccessKeyId><Status>Active</Status>\
         <SecretAccessKey>{SECRET}</SecretAccessKey><CreateDate>2015-08-30T12:36:00Z</CreateDate>"
    );
    let result =
        format!("<CreateAccessKeyResult><AccessKey>{key}</AccessKey></CreateAccessKeyResult>");
    Reply::status(200, &format!("<CreateAccessKeyResponse>{result}</CreateAccessKeyResponse>"))
}

fn error(status: u16, code: &str, message: &str) -> Reply {
    let error = format!("<Code>{code}</Code><Message>{message}</Message>");
    Reply::status(status, &format!("<ErrorResponse><Error>{error}</Error></ErrorResponse>"))
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

#[test]
fn a_session_signs_by_the_clock_of_aws_and_with_its_token() {
    let service = ServiceFixture::replies([created()]);
    let key = service.create(service.session_caller()).unwrap();
    assert_eq!((key.key.id.as_str(), key.key.secret.expose()), (KEY, SECRET));
    assert_eq!(service.bodies(), ["Action=CreateAccessKey&Version=2010-05-08&UserName=Deploy"]);
    let request = &service.ports.transport.requests()[0];
    assert_eq!(header(request, "x-amz-security-token"), Some(TOKEN));
    let date = START.after(3_600).to_string().replace(['-', ':'], "");
    assert_eq!(header(request, "x-amz-date"), Some(date.as_str()));
    assert!(header(request, "authorization").unwrap().contains("/us-east-1/iam/aws4_request"));
}

#[test]
fn a_long_term_key_signs_for_itself() {
    let service = ServiceFixture::replies([created()]);
    service.create(Caller::Key(&long_term())).unwrap();
    let request = &service.ports.transport.requests()[0];
    assert_eq!(header(request, "x-amz-security-token"), None);
    let authorization = header(request, "authorization").unwrap();
    assert!(authorization.contains(&format!("Credential={KEY}/")), "{authorization}");
}

#[test]
fn a_key_is_created_once_although_the_answer_is_lost() {
    for (reply, is_refusal) in [
        (Reply::lost(), false),
        (Reply::Silence, false),
        (Reply::status(200, "<html/>"), false),
        (error(500, "ServiceFailure", ""), true),
        (Reply::status(503, ""), true),
    ] {
        let shown = format!("{reply:?}");
        // A second request would panic, as the script has no reply to it.
        let service = ServiceFixture::replies([reply]);
        let error = service.create(service.session_caller()).unwrap_err();
        assert_eq!(service.bodies().len(), 1, "{shown}");
        assert!(error.may_have_been_carried_out(), "{shown}");
        assert_eq!(error.refusal().is_some(), is_refusal, "{shown}");
        let ServiceCallError::OutcomeUnknown { operation, .. } = &error else {
            panic!("{shown}: {error}")
        };
        assert_eq!(*operation, QueryOperation::CreateAccessKey);
        let expected = "the outcome of CreateAccessKey is unknown: AWS may have carried it out";
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_key_that_was_certainly_not_created_is_asked_for_again() {
    let source = SourceMessage("no".to_owned());
    let connect = TransportError::Connect { peer: "a:443".to_owned(), source };
    let replies = [Reply::Error(connect), error(400, "Throttling", "Rate exceeded"), created()];
    let service = ServiceFixture::replies(replies);
    assert!(service.create(service.session_caller()).is_ok());
    assert_eq!(service.bodies().len(), 3);

    let limited = ServiceFixture::replies([error(409, "LimitExceeded", "2")]);
    let error = limited.create(limited.session_caller()).unwrap_err();
    assert!(!error.may_have_been_carried_out());
    let ServiceCallError::Refused(refusal) = error else { panic!("it is refused: {error}") };
    assert_eq!(refusal.to_string(), "AWS refused CreateAccessKey: 409 LimitExceeded");
    let user = Some("Deploy".to_owned());
    let expected = Cause::AccessKey(AccessKeyCause::LimitExceeded { user });
    assert_eq!(refusal.causes, [expected]);
}

#[test]
fn other_calls_are_repeated_after_a_lost_answer() {
    let deleted = Reply::status(200, "<DeleteAccessKeyResponse/>");
    let service = ServiceFixture::replies([Reply::lost(), deleted]);
    service.ports.clock.pass_sleeps(std::time::Duration::MAX);
    let iam = Iam { at: &service.at, caller: service.session_caller() };
    let ports = service.ports.ports();
    block_on(iam.delete_access_key((None, KEY), &ports, service.deadline)).unwrap();
    let body = format!("Action=DeleteAccessKey&Version=2010-05-08&AccessKeyId={KEY}");
    assert_eq!(service.bodies(), [body.as_str(), body.as_str()]);
}

#[test]
fn a_refused_session_differs_from_a_refused_key() {
    let refused = || error(403, "InvalidClientTokenId", "The security token is invalid.");
    let service = ServiceFixture::replies([refused()]);
    let outcome = service.create(service.session_caller());
    assert!(matches!(outcome, Err(ServiceCallError::SessionRefused(_))));
    let service = ServiceFixture::replies([refused()]);
    let ServiceCallError::Refused(refusal) = service.create(Caller::Key(&long_term())).unwrap_err()
    else {
        panic!("the key is refused")
    };
    let key = Some(KEY.to_owned());
    assert_eq!(refusal.causes, [Cause::AccessKey(AccessKeyCause::NotAccepted { key })]);

    let service = ServiceFixture::replies([error(403, "AccessDenied", "not authorized")]);
    let denied = service.create(Caller::Key(&long_term())).unwrap_err();
    let caller = KeyCaller::Key(Some(KEY.to_owned()));
    let (operation, user) = (QueryOperation::CreateAccessKey, Some("Deploy".to_owned()));
    let expected = Cause::AccessKey(AccessKeyCause::Denied { operation, caller, user });
    assert_eq!(denied.refusal().unwrap().causes, [expected]);
}

#[test]
fn a_wrong_clock_is_corrected_once() {
    let expired = || {
        error(403, "SignatureDoesNotMatch", "Signature expired: 1 is now earlier than 2")
            .with_header("date", "Sun, 30 Aug 2015 14:36:00 GMT")
    };
    let service = ServiceFixture::replies([expired(), created()]);
    service.create(Caller::Key(&long_term())).unwrap();
    let dates: Vec<_> = service.ports.transport.requests();
    let dates: Vec<_> = dates.iter().map(|it| header(it, "x-amz-date").unwrap()).collect();
    let own = START.to_string().replace(['-', ':'], "");
    assert_eq!(dates, [own.as_str(), "20150830T143600Z"]);

    let service = ServiceFixture::replies([expired(), expired()]);
    let outcome = service.create(Caller::Key(&long_term()));
    assert!(matches!(outcome, Err(ServiceCallError::Refused(_))));
}

#[test]
fn our_secrets_are_removed_from_the_text_of_aws() {
    let message = format!("The canonical string was token:{TOKEN} key:{SECRET}");
    let service = ServiceFixture::replies([error(403, "SignatureDoesNotMatch", &message)]);
    let refused = service.create(service.session_caller()).unwrap_err();
    assert!(!format!("{refused:?}").contains(TOKEN), "{refused:?}");
    let service = ServiceFixture::replies([error(403, "SignatureDoesNotMatch", &message)]);
    let refused = service.create(Caller::Key(&long_term())).unwrap_err();
    assert!(!format!("{refused:?}").contains(SECRET), "{refused:?}");
}

fn page(id: &str, rest: &str) -> Reply {
    let member = format!(
        "<member><AccessKeyId>{id}</AccessKeyId><Status>Active</Status>\
         <CreateDate>2015-08-30T12:36:00Z</CreateDate></member>"
    );
    let result = format!("<AccessKeyMetadata>{member}</AccessKeyMetadata>{rest}");
    let result = format!("<ListAccessKeysResult>{result}</ListAccessKeysResult>");
    Reply::status(200, &format!("<ListAccessKeysResponse>{result}</ListAccessKeysResponse>"))
}

#[test]
fn every_page_of_keys_is_read() {
    let truncated = "<IsTruncated>true</IsTruncated><Marker>m+1</Marker>";
    let other = "AKIAI44QH8DHBEXAMPLE";
    let service = ServiceFixture::replies([page(KEY, truncated), page(other, "")]);
    let ids: Vec<_> = service.list().unwrap().into_iter().map(|key| key.id).collect();
    assert_eq!(ids, [KEY, other]);
    let first = "Action=ListAccessKeys&Version=2010-05-08&UserName=Deploy";
    assert_eq!(service.bodies(), [first, &format!("{first}&Marker=m%2B1")]);

    let service = ServiceFixture::replies([page(KEY, truncated), page(KEY, truncated)]);
    let operation = QueryOperation::ListAccessKeys;
    let expected = QueryResponseError::RepeatedPage { operation };
    let outcome = service.list();
    assert!(matches!(outcome, Err(ServiceCallError::QueryResponse(error)) if error == expected));
}

#[test]
fn status_and_last_use_are_of_one_key() {
    let used = "<GetAccessKeyLastUsedResponse><GetAccessKeyLastUsedResult><UserName>Deploy</UserName>\
                <AccessKeyLastUsed/></GetAccessKeyLastUsedResult></GetAccessKeyLastUsedResponse>";
    let updated = Reply::status(200, "<UpdateAccessKeyResponse/>");
    let service = ServiceFixture::replies([updated, Reply::status(200, used)]);
    let iam = Iam { at: &service.at, caller: service.session_caller() };
    let ports = service.ports.ports();
    let key = (Some("Deploy"), KEY);
    block_on(iam.update_access_key(key, KeyStatus::Inactive, &ports, service.deadline)).unwrap();
    let used = block_on(iam.get_access_key_last_used(KEY, &ports, service.deadline)).unwrap();
    assert_eq!((used.user_name.as_deref(), used.last_used), (Some("Deploy"), None));
    let update = format!(
        "Action=UpdateAccessKey&Version=2010-05-08&UserName=Deploy&AccessKeyId={KEY}&Status=Inactive"
    );
    let last_used = format!("Action=GetAccessKeyLastUsed&Version=2010-05-08&AccessKeyId={KEY}");
    assert_eq!(service.bodies(), [update, last_used]);
}

#[test]
fn a_timeout_says_that_the_outcome_is_unknown() {
    let service = ServiceFixture::replies([Reply::Silence]);
    let error = service.create(service.session_caller()).unwrap_err();
    let ServiceCallError::OutcomeUnknown { source, .. } = error else { panic!("{error}") };
    assert!(matches!(*source, ServiceCallError::Request(RequestError::Timeout { attempt: 1, .. })));
}
