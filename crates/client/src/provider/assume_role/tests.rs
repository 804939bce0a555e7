//! Chains of two hops, against a service that answers by a script.

use std::time::Duration;

use super::*;
use crate::aws::assume_role::{ExternalId, SessionPolicy};
use crate::diagnosis::{Cause, DeniedAction, HopCause};
use crate::http::Request;
use crate::region::Region;
use crate::secret::Secret;
use crate::test_support::clock::{ManualClock, START};
use crate::test_support::files::FakeFiles;
use crate::test_support::ports::FakePorts;
use crate::test_support::session;
use crate::test_support::transport::{Reply, ScriptedTransport};
use crate::time::Timestamp;

const TOKEN: &str = "IQoJb3JpZ2luX2VjEXAMPLETOKEN";

/// Returns a provider with two hops: to `Second`, and on to `Third` with a name and an external id.
fn provider() -> RolesAnywhere {
    let region = Region::parse("us-east-1").unwrap();
    let hop = |role: &str| AssumeRole::new(role.parse().unwrap(), region.clone());
    let third = AssumeRole {
        session_name: RoleSessionName::parse("own-name"),
        external_id: ExternalId::parse("hunter2-is-an-external-id"),
        policy: SessionPolicy::parse(r#"{"hunter2":"is a policy"}"#),
        ..hop("arn:aws:iam::210987654321:role/Third")
    };
    RolesAnywhere {
        hops: vec![hop("arn:aws:iam::123456789012:role/path/Second"), third],
        ..RolesAnywhere::new(session::source(), session::request())
    }
}

/// Returns a session whose token is `token`, from a clock that is an hour behind AWS's.
fn before(token: &str) -> Session {
    Session {
        credentials: Credentials {
            access_key_id: "ASIAEXAMPLEEXAMPLE00".to_owned(),
            secret_access_key: Secret::new("wJalrXUtnFEMIEXAMPLEKEY".to_owned()),
            session_token: Secret::new(token.to_owned()),
            expiration: START.after(7_200),
            account_id: "123456789012".to_owned(),
            role_session_name: RoleSessionName::parse("0a1b"),
        },
        received: START,
        lifetime_seconds: 3_600,
        clock_offset: 3_600,
    }
}

fn made_by() -> MadeBy {
    MadeBy::Primary(session::request().trust_anchor)
}

/// Returns the answer with a session of `user` that ends at `end`.
fn answer(account: &str, user: &str, end: Timestamp) -> Reply {
    let body = format!(
        "<AssumeRoleResponse><AssumeRoleResult><AssumedRoleUser>\
         <Arn>arn:aws:sts::{account}:assumed-role/{user}</Arn></AssumedRoleUser><Credentials>\
         <AccessKeyId>ASIAEXAMPLEEXAMPLE01</AccessKeyId><SecretAccessKey>s1</SecretAccessKey>\
         <SessionToken>t1</SessionToken><Expiration>{end}</Expiration></Credentials>\
         </AssumeRoleResult></AssumeRoleResponse>"
    );
    Reply::status(200, &body)
}

fn refusal(status: u16, code: &str, message: &str) -> Reply {
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>\
         <Message>{message}</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"
    );
    Reply::status(status, &body)
}

/// Makes the hop with this index from [`before`].
fn assume(
    index: usize,
    replies: impl IntoIterator<Item = Reply>,
) -> (Result<Session, ProviderError>, Vec<Request>) {
    let transport = ScriptedTransport::replies(replies);
    let ports = FakePorts { transport, ..FakePorts::default() };
    let deadline = Deadline::new(Duration::ZERO, Duration::from_secs(20));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (provider, before) = (provider(), before(TOKEN));
    let got =
        runtime.block_on(provider.assume(index, (&before, &made_by()), &ports.ports(), deadline));
    (got, ports.transport.requests())
}

fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    let found = request.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str()).unwrap()
}

fn form(request: &Request, name: &str) -> Option<String> {
    let found = url::form_urlencoded::parse(&request.body).find(|(key, _)| key == name);
    found.map(|(_, value)| value.into_owned())
}

#[test]
fn hop_is_signed_by_the_session_before_it_and_keeps_its_name() {
    let end = START.after(3_600 + 3_600);
    let (got, requests) = assume(0, [answer("123456789012", "Second/0a1b", end)]);
    let got = got.unwrap();
    assert_eq!(got.credentials.access_key_id, "ASIAEXAMPLEEXAMPLE01");
    assert_eq!(got.credentials.account_id, "123456789012");
    assert_eq!(got.credentials.role_session_name, RoleSessionName::parse("0a1b"));
    assert_eq!((got.lifetime_seconds, got.clock_offset), (3_599, 3_600));
    let [request] = &requests[..] else { panic!("one request") };
    assert_eq!(request.endpoint.host(), "sts.us-east-1.amazonaws.com");
    assert_eq!(header(request, "x-amz-security-token"), TOKEN);
    let date = START.after(3_600).amz_date();
    assert_eq!(header(request, "x-amz-date"), date);
    let scope =
        format!("Credential=ASIAEXAMPLEEXAMPLE00/{}/us-east-1/sts/aws4_request", &date[..8]);
    assert!(header(request, "authorization").contains(&scope), "{request:?}");
    assert_eq!(form(request, "RoleSessionName").as_deref(), Some("0a1b"));
    assert_eq!(form(request, "ExternalId"), None);
}

#[test]
fn last_hop_decides_the_account_and_its_own_name_is_used() {
    let end = START.after(3_600 + 900);
    let (got, requests) = assume(1, [answer("210987654321", "Third/own-name", end)]);
    let got = got.unwrap();
    assert_eq!(got.credentials.account_id, "210987654321");
    assert_eq!(got.lifetime_seconds, 899);
    assert_eq!(form(&requests[0], "RoleSessionName").as_deref(), Some("own-name"));
    let external_id = form(&requests[0], "ExternalId");
    assert_eq!(external_id.as_deref(), Some("hunter2-is-an-external-id"));
}

#[test]
fn refusal_names_the_hop_and_the_role_before_it() {
    let message = "User: a is not authorized to perform: sts:SetSourceIdentity on resource: b";
    let (got, _) = assume(1, [refusal(403, "AccessDenied", message)]);
    let error = got.unwrap_err();
    assert_eq!(
        error.to_string(),
        "AWS refused AssumeRole (hop 2 of 2: arn:aws:iam::210987654321:role/Third): 403 AccessDenied"
    );
    assert_eq!((error.kind().name(), error.code()), ("refused", "access_denied"));
    assert!(!error.refuses_previous_session());
    let ProviderError::Refused { source, .. } = error else { panic!("{error}") };
    let [Cause::Hop(HopCause::Denied { action, role, caller, has_external_id })] =
        &source.causes[..]
    else {
        panic!("{source:?}")
    };
    assert_eq!(*action, DeniedAction::SetSourceIdentity);
    assert_eq!((role.name(), caller.name(), *has_external_id), ("Third", "Second", true));
}

#[test]
fn what_must_not_be_shown_is_removed_from_the_text_of_aws() {
    let message = format!("x-amz-security-token:{TOKEN} hunter2-is-an-external-id 'is a policy'");
    let message = format!("{message} {{&quot;hunter2&quot;:&quot;is a policy&quot;}}");
    let (got, _) = assume(1, [refusal(403, "SignatureDoesNotMatch", &message)]);
    let error = got.unwrap_err();
    let shown = format!("{error:?}");
    assert!(shown.contains("x-amz-security-token:(not shown)"), "{shown}");
    for hidden in [TOKEN, "hunter2"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}

#[test]
fn refused_session_differs_from_a_refused_hop() {
    for (status, code, of_session) in [
        (403, "ExpiredToken", true),
        (403, "InvalidClientTokenId", true),
        (403, "AccessDenied", false),
        (400, "ValidationError", false),
    ] {
        let (got, _) = assume(0, [refusal(status, code, "")]);
        assert_eq!(got.unwrap_err().refuses_previous_session(), of_session, "{code}");
    }
}

#[test]
fn wrong_clock_is_corrected_by_the_date_of_the_refusal() {
    let aws = START.after(10_000);
    let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let day = days[usize::try_from(aws.unix() / 86_400 % 7).unwrap()];
    let text = aws.to_string();
    let (date, time) = (&text[..10], &text[11..19]);
    let months =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months[date[5..7].parse::<usize>().unwrap() - 1];
    let http = format!("{day}, {} {month} {} {time} GMT", &date[8..], &date[..4]);
    let skewed =
        refusal(403, "SignatureDoesNotMatch", "Signature expired").with_header("date", &http);
    let accepted = answer("123456789012", "Second/0a1b", aws.after(900)).with_header("date", &http);
    let (got, requests) = assume(0, [skewed, accepted]);
    let got = got.unwrap();
    assert_eq!((got.clock_offset, got.lifetime_seconds), (10_000, 899));
    assert_eq!(header(&requests[1], "x-amz-date"), aws.amz_date());
}

#[test]
fn session_without_a_name_cannot_be_continued() {
    let provider = provider();
    let mut before = before(TOKEN);
    before.credentials.role_session_name = None;
    let ports = FakePorts { transport: ScriptedTransport::unused(), ..FakePorts::default() };
    let deadline = Deadline::new(Duration::ZERO, Duration::from_secs(20));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let got = runtime.block_on(provider.assume(0, (&before, &made_by()), &ports.ports(), deadline));
    let error = got.unwrap_err();
    assert!(matches!(
        error,
        ProviderError::Response(SessionResponseError::Blank("assumedRoleUser"))
    ));
    assert!(error.refuses_previous_session());
}

#[test]
fn fetch_goes_through_the_whole_chain() {
    // The certificate is not valid at the start of the other tests.
    let start = Timestamp::from_unix(1_780_000_000);
    let end = start.after(3_600);
    let created = session::ANSWER.replace("2015-08-30T12:36:00Z", &end.to_string());
    let transport = ScriptedTransport::replies([
        Reply::status(201, &created),
        answer("123456789012", "Second/me@host", end),
        answer("210987654321", "Third/own-name", end),
    ]);
    let (clock, files) = (ManualClock::at(start), FakeFiles::of_repository(""));
    let ports = FakePorts { transport, clock, files, ..FakePorts::default() };
    let deadline = Deadline::new(Duration::ZERO, Duration::from_secs(20));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let session = runtime.block_on(provider().fetch(0, &ports.ports(), deadline)).unwrap();
    assert_eq!(session.credentials.account_id, "210987654321");
    let requests = ports.transport.requests();
    assert_eq!(header(&requests[1], "x-amz-security-token"), "t0");
    assert_eq!(form(&requests[1], "RoleSessionName").as_deref(), Some("me@host"));
    assert_eq!(header(&requests[2], "x-amz-security-token"), "t1");
}
