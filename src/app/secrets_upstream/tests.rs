//! Which answers of AWS are outages and which are refusals, and the calls of the cache.

use std::time::Duration;

use super::*;
use crate::secrets_cache::{
    CachePolicy, OutageReason, ReadRequest, ReadSecrets as _, SecretsCache, UpstreamFailure,
};
use futures_util::future::{Either, select};
use roles_anywhere_client::aws::error_response::ServiceError;
use roles_anywhere_client::aws::get_secret_value::SecretRequest;
use roles_anywhere_client::aws::parameter::ParameterRequest;
use roles_anywhere_client::aws::retry::RequestError;
use roles_anywhere_client::diagnosis::{Cause, CertificateCause, Operation, Refusal};
use roles_anywhere_client::http::Endpoint;
use roles_anywhere_client::provider::ProviderError;
use roles_anywhere_client::provider::fallback::FallbackError;
use roles_anywhere_client::refresh::status::Status;
use roles_anywhere_client::time::Clock as _;
use roles_anywhere_test_support::clock::{ManualClock, START};
use roles_anywhere_test_support::service_fixture::ServiceFixture;
use roles_anywhere_test_support::session;
use roles_anywhere_test_support::transport::{Reply, ScriptedTransport};

const LIMIT: Duration = Duration::from_secs(10);

/// A role with a session of an hour, and AWS with these replies.
struct Fixture {
    clock: ManualClock,
    channel: Arc<StatusChannel>,
    transport: ScriptedTransport,
    upstream: Rc<SecretsUpstream>,
    ports: Ports,
}

impl Fixture {
    fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        let service = ServiceFixture::replies(replies);
        service.ports.clock.pass_sleeps(Duration::from_secs(2));
        let channel = Arc::new(StatusChannel::default());
        let ports = service.ports.ports();
        let reading = ClockReading::of(&service.ports.clock);
        let session = Arc::new(service.session.clone());
        channel.publish(Status { session: Some((session, reading)), ..Status::default() });
        let endpoint = Some(Endpoint::parse("https://a.example").unwrap());
        let endpoints = ServiceEndpoints {
            secrets_manager: endpoint.clone(),
            parameter_store: endpoint,
            ..ServiceEndpoints::default()
        };
        let region = Region::parse("us-east-1").unwrap();
        let (provider, name) = (service.provider.clone(), Some("app".into()));
        let at = (endpoints, region);
        let role = UpstreamRole::new(name, provider, Arc::clone(&channel), at, ports.clone());
        Self {
            clock: service.ports.clock.clone(),
            transport: service.ports.transport.clone(),
            upstream: Rc::new(SecretsUpstream::new(vec![role])),
            channel,
            ports,
        }
    }

    fn fail_refresh(&self, error: ProviderError) {
        let mut status = Status::clone(&self.channel.status());
        status.failed(Some(Arc::new(error)));
        self.channel.publish(status);
    }

    fn get(&self, item: &ReadItem) -> CallResult<FetchedValue> {
        self.get_while(item, |_| {})
    }

    /// Reads, while each request of a session is handled by `refresh`, which may change the status.
    fn get_while(
        &self,
        item: &ReadItem,
        refresh: impl Fn(&mut Status),
    ) -> CallResult<FetchedValue> {
        let role = self.upstream.role(None).unwrap();
        let scope = CallScope { region: role.region.clone(), role };
        let refreshes = async {
            loop {
                self.channel.requested().await;
                let mut status = Status::clone(&self.channel.status());
                refresh(&mut status);
                self.channel.publish(status);
            }
        };
        block_on(async {
            match select(self.upstream.get(&scope, item, LIMIT), Box::pin(refreshes)).await {
                Either::Left((found, _)) => found,
                Either::Right((never, _)) => never,
            }
        })
    }

    fn is_refused(&self) -> bool {
        let role = self.upstream.role(None).unwrap();
        self.upstream.session(&role) != SessionState::Usable
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

fn secret() -> ReadItem {
    ReadItem::Secret(SecretRequest::current("prod/db".parse().unwrap()))
}

const ANSWER: &str = r#"{"ARN":"arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-AbCdEf",
    "Name":"prod/db","VersionId":"v","SecretString":"s","VersionStages":["AWSCURRENT"]}"#;

fn refusal(status: u16, code: &str, causes: Vec<Cause>) -> ProviderError {
    let service_error = ServiceError {
        status,
        code: Some(code.to_owned()),
        message: String::new(),
        request_id: None,
        date: None,
    };
    let operation = Operation::CreateSession;
    let source = Box::new(Refusal { operation, service_error, causes });
    ProviderError::Refused { source, retry_after: None }
}

#[test]
fn each_answer_of_secrets_manager_is_an_outage_or_a_refusal() {
    use OutageReason::{Answer, Proxy, ServiceFailure, Session, Throttled};
    let denied_key = "Access to KMS is not allowed";
    let deleted =
        "You can't perform this operation on the secret because it was marked for deletion.";
    let rows = [
        (400, "ResourceNotFoundException", "", None),
        (400, "AccessDeniedException", "not authorized", None),
        (400, "AccessDeniedException", denied_key, None),
        (400, "DecryptionFailure", "", None),
        (400, "InvalidRequestException", deleted, None),
        (400, "InvalidRequestException", "", Some(Answer)),
        (400, "ValidationException", "", Some(Answer)),
        (400, "SomethingElse", "", Some(Answer)),
        (400, "ThrottlingException", "", Some(Throttled)),
        (500, "InternalServiceError", "", Some(ServiceFailure)),
        (400, "ExpiredTokenException", "", Some(Session)),
        (400, "UnrecognizedClientException", "", Some(Session)),
        (403, "InvalidSignatureException", "", Some(Session)),
    ];
    for (status, code, message, outage) in rows {
        let body = format!(r#"{{"__type":"{code}","message":"{message}"}}"#);
        let it = Fixture::new((0..3).map(|_| Reply::status(status, &body)));
        let found = it.get(&secret()).unwrap_err();
        let (code, message) = (code.into(), message.into());
        let failure = ReadFailure::Service { status, code, message };
        let expected = match outage {
            Some(reason) => UpstreamFailure::Outage(reason, failure),
            None => UpstreamFailure::Refused(failure),
        };
        assert_eq!(found, expected);
    }
    // Another server than AWS; and no server.
    let it = Fixture::new([Reply::status(403, "<html>Sign in</html>")]);
    let expected = UpstreamFailure::Outage(Proxy, ReadFailure::Unreadable);
    assert_eq!(it.get(&secret()).unwrap_err(), expected);
    let it = Fixture::new((0..3).map(|_| Reply::lost()));
    let expected = UpstreamFailure::Outage(OutageReason::Connection, ReadFailure::Interrupted);
    assert_eq!(it.get(&secret()).unwrap_err(), expected);
    let it = Fixture::new([Reply::status(200, "{}")]);
    let expected = UpstreamFailure::Outage(OutageReason::Unreadable, ReadFailure::Unreadable);
    assert_eq!(it.get(&secret()).unwrap_err(), expected);
}

#[test]
fn each_refusal_of_a_parameter_is_told_from_an_outage() {
    for (code, expected) in [
        ("ParameterNotFound", "refused"),
        ("ParameterVersionNotFound", "no version"),
        ("InvalidKeyId", "refused"),
        ("AccessDeniedException", "refused"),
        ("ValidationException", "outage"),
        ("ThrottlingException", "outage"),
    ] {
        let body = format!(r#"{{"__type":"{code}"}}"#);
        let it = Fixture::new((0..3).map(|_| Reply::status(400, &body)));
        let request = ParameterRequest::parse("/prod/url").unwrap();
        let found = it.get(&ReadItem::Parameter(request, Decryption::Decrypted)).unwrap_err();
        let found = match found {
            UpstreamFailure::Refused(_) => "refused",
            UpstreamFailure::NoVersion(_) => "no version",
            UpstreamFailure::Outage(..) => "outage",
        };
        assert_eq!(found, expected, "{code}");
    }
}

#[test]
fn calls_need_a_session_and_say_why_there_is_none() {
    let it = Fixture::new([]);
    it.clock.advance(Duration::from_hours(1));
    let limit = LIMIT;
    let timeout = RequestError::Timeout { host: "a".to_owned(), limit, attempt: 1 };
    it.fail_refresh(timeout.into());
    it.clock.pass_sleeps(Duration::MAX);
    let failure = ReadFailure::NoSession { code: "timeout" };
    let expected = UpstreamFailure::Outage(OutageReason::Timeout, failure);
    assert_eq!(it.get(&secret()).unwrap_err(), expected);
    assert!(it.transport.requests().is_empty());
    // None was requested yet; and the request takes too long.
    let it = Fixture::new([]);
    it.channel.publish(Status::default());
    let failure = ReadFailure::NoSession { code: "no_session_yet" };
    let expected = UpstreamFailure::Outage(OutageReason::Session, failure);
    assert_eq!(it.get(&secret()).unwrap_err(), expected);
    it.clock.pass_sleeps(Duration::MAX);
    let late = it.get_while(&secret(), |status| status.in_flight = true).unwrap_err();
    assert_eq!(late, UpstreamFailure::Outage(OutageReason::Timeout, ReadFailure::Timeout));
}

#[test]
fn a_session_that_aws_does_not_accept_is_replaced_once() {
    let rejection =
        |code: &str| Reply::status(400, &format!(r#"{{"__type":"{code}","message":"no"}}"#));
    let replace = |status: &mut Status| {
        let (session, received) = status.session.take().unwrap();
        let mut other = Session::clone(&session);
        other.credentials.access_key_id.push('2');
        status.session = Some((Arc::new(other), received));
    };
    for code in
        ["ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException"]
    {
        let it = Fixture::new([rejection(code), Reply::status(200, ANSWER)]);
        assert!(it.get_while(&secret(), replace).is_ok(), "{code}");
        assert_eq!(it.transport.requests().len(), 2, "{code}");
        // The next one is not accepted either.
        let it = Fixture::new([rejection(code), rejection(code)]);
        let found = it.get_while(&secret(), replace).unwrap_err();
        assert!(matches!(found, UpstreamFailure::Outage(OutageReason::Session, _)), "{found:?}");
        assert_eq!(it.transport.requests().len(), 2, "{code}");
        // It is not replaced for now.
        let it = Fixture::new([rejection(code)]);
        let found = it.get(&secret()).unwrap_err();
        assert!(matches!(found, UpstreamFailure::Outage(OutageReason::Session, _)), "{found:?}");
        assert_eq!(it.transport.requests().len(), 1, "{code}");
    }
}

#[test]
fn only_a_final_refusal_of_the_next_session_refuses_what_was_read() {
    let (region, received) = (Region::parse("us-east-1").unwrap(), START);
    let clock = Cause::ClockOffset { seconds_behind: 600, local: received, aws: received };
    let clocks = roles_anywhere_client::diagnosis::ClockComparison::Agree;
    let rows = [
        (refusal(403, "AccessDeniedException", vec![Cause::Unknown]), true),
        (
            refusal(
                403,
                "AccessDeniedException",
                vec![Cause::Certificate(CertificateCause::Revoked {
                    serial: "1".to_owned(),
                    trust_anchor: session::request().trust_anchor,
                })],
            ),
            true,
        ),
        (refusal(404, "ResourceNotFoundException", vec![Cause::Unknown]), true),
        (refusal(400, "ValidationException", vec![Cause::InvalidRequest]), false),
        (refusal(403, "AccessDeniedException", vec![clock]), false),
        (
            refusal(403, "AccessDeniedException", vec![Cause::AlteredRequest { region, clocks }]),
            false,
        ),
        (refusal(429, "ThrottlingException", vec![Cause::Throttled]), false),
        (ProviderError::NoIdentity, false),
    ];
    for (error, expected) in rows {
        let text = format!("{error:?}");
        let it = Fixture::new([]);
        it.fail_refresh(error);
        assert!(!it.is_refused(), "the session in use has not ended: {text}");
        it.clock.advance(Duration::from_hours(1));
        assert_eq!(it.is_refused(), expected, "{text}");
    }
}

#[test]
fn no_later_failure_withdraws_a_refusal() {
    let refused = || refusal(403, "AccessDeniedException", vec![Cause::Unknown]);
    let clock = Cause::ClockOffset { seconds_behind: 600, local: START, aws: START };
    let later = [
        RequestError::Timeout { host: "a".to_owned(), limit: LIMIT, attempt: 1 }.into(),
        refusal(500, "InternalFailure", vec![Cause::ServiceFailure]),
        refusal(403, "AccessDeniedException", vec![clock]),
        ProviderError::NoIdentity,
    ];
    for error in later {
        let text = format!("{error:?}");
        let it = Fixture::new([]);
        it.fail_refresh(refused());
        it.fail_refresh(error);
        assert!(!it.is_refused(), "the session in use has not ended: {text}");
        it.clock.advance(Duration::from_hours(1));
        assert!(it.is_refused(), "{text}");
        // A session does.
        let mut status = Status::clone(&it.channel.status());
        let session = status.session.clone().unwrap().0;
        status.succeeded(session, ClockReading::of(&it.clock));
        it.channel.publish(status);
        assert!(!it.is_refused(), "{text}");
        it.clock.advance(Duration::from_hours(1));
        assert!(!it.is_refused(), "{text}");
    }
}

#[test]
fn of_several_regions_the_primary_one_refuses() {
    let refused = || refusal(403, "AccessDeniedException", vec![Cause::Unknown]);
    let timeout = || RequestError::Timeout { host: "a".to_owned(), limit: LIMIT, attempt: 1 };
    let rows = [
        (refused(), refused(), true),
        (refused(), timeout().into(), true),
        (timeout().into(), refused(), false),
    ];
    for (primary, source, expected) in rows {
        let text = format!("{primary:?} {source:?}");
        let it = Fixture::new([]);
        let region = Region::parse("us-east-1").unwrap();
        let fallbacks = vec![FallbackError { region, source }];
        let primary = Box::new(primary);
        it.fail_refresh(ProviderError::EveryRegion { primary, fallbacks, limit: LIMIT });
        it.clock.advance(Duration::from_hours(1));
        assert_eq!(it.is_refused(), expected, "{text}");
    }
}

#[test]
fn roles_are_found_by_arn_or_name_and_a_reload_removes_them() {
    let it = Fixture::new([]);
    let role = it.upstream.role(None).unwrap();
    assert_eq!(&*role.arn, "arn:aws:iam::123456789012:role/path/R");
    for name in [&*role.arn, "app"] {
        assert_eq!(it.upstream.role(Some(name)).as_ref(), Some(&role));
    }
    assert_eq!(it.upstream.role(Some("ops")), None);
    it.upstream.replace_roles(Vec::new());
    assert_eq!(it.upstream.session(&role), SessionState::Refused(ReadFailure::UnknownRole));
}

#[test]
fn the_cache_reads_a_secret_once() {
    let it = Fixture::new([Reply::status(200, ANSWER)]);
    let upstream = Rc::clone(&it.upstream) as _;
    let cache = SecretsCache::new(upstream, it.ports.clone(), CachePolicy::default(), Vec::new());
    block_on(async {
        let request = ReadRequest::cached(secret());
        let reads = Box::pin(async {
            let served = cache.read(&request).await.unwrap();
            assert_eq!(served.value.version(), Some("v"));
            cache.read_now(&request).is_some()
        });
        match select(Box::pin(cache.keep_fresh(&|_| {})), reads).await {
            Either::Right((is_cached, _)) => assert!(is_cached),
            Either::Left((never, _)) => match never {},
        }
    });
    assert_eq!((it.transport.requests().len(), it.clock.uptime().as_secs()), (1, 0));
}
