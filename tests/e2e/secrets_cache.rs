//! The cache of secrets over the emulator: by HTTPS, on a clock that the tests move.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use roles_anywhere::app::secrets_upstream::{SecretsUpstream, UpstreamRole};
use roles_anywhere::secrets::endpoints::ServiceEndpoints;
use roles_anywhere::secrets_cache::{
    CachePolicy, OutageReason, ReadFailure, ReadItem, ReadRequest, ReadSecrets as _, ReadSource,
    RequestedFreshness, SecretsCache, ServedValue,
};
use roles_anywhere_client::aws::get_secret_value::SecretRequest;
use roles_anywhere_client::credentials::Session;
use roles_anywhere_client::http::{Endpoint, Request, TransportOptions, Trust};
use roles_anywhere_client::refresh::clock_reading::ClockReading;
use roles_anywhere_client::refresh::status::{Status, StatusChannel};
use roles_anywhere_client::region::Region;
use roles_anywhere_client::sigv4::access_key;
use roles_anywhere_client::time::Deadline;
use roles_anywhere_client::{IdentitySource, Ports, RolesAnywhere, SessionRequest};
use roles_anywhere_emulator::{Emulator, PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN};
use roles_anywhere_test_support::clock::ManualClock;
use serde_json::{Value, json};

use crate::environment::emulator;

const NAME: &str = "prod/db-credentials";

/// The cache of a daemon, whose session is published by the tests.
struct Fixture {
    emulator: Emulator,
    clock: ManualClock,
    ports: Ports,
    provider: RolesAnywhere,
    channel: Arc<StatusChannel>,
    session: RefCell<Arc<Session>>,
    cache: SecretsCache,
}

impl Fixture {
    async fn new() -> Self {
        let emulator = emulator();
        let file = |name: &str| emulator.directory().join(name).to_str().unwrap().to_owned();
        let endpoint = Endpoint::parse(emulator.endpoint()).unwrap();
        let trust = Trust::File { origin: "the emulator".into(), path: file("tls-ca.pem").into() };
        let real = Ports::system(TransportOptions { trust, ..TransportOptions::default() });
        let source = IdentitySource::files(file("leaf/p256.chain.pem"), file("leaf/p256.key.pem"));
        let arns = (TRUST_ANCHOR_ARN, PROFILE_ARN, ROLE_ARN);
        let request = SessionRequest::new(
            arns.0.parse().unwrap(),
            arns.1.parse().unwrap(),
            arns.2.parse().unwrap(),
        );
        let request = SessionRequest { endpoint: endpoint.clone(), ..request };
        let provider = RolesAnywhere::new(source, request);
        let deadline = Deadline::new(real.clock.uptime(), Duration::from_secs(20));
        let session = provider.fetch(0, &real, deadline).await.unwrap();
        let session = RefCell::new(Arc::new(session));
        let clock = ManualClock::at(real.clock.now());
        // Pauses between attempts.
        clock.pass_sleeps(Duration::from_secs(1));
        let ports =
            Ports { clock: Arc::new(clock.clone()), timer: Arc::new(clock.clone()), ..real };
        let channel = Arc::new(StatusChannel::default());
        let endpoints = ServiceEndpoints {
            secrets_manager: Some(endpoint.clone()),
            parameter_store: Some(endpoint),
            ..ServiceEndpoints::default()
        };
        let at = (endpoints, Region::parse("us-east-1").unwrap());
        let role =
            UpstreamRole::new(None, provider.clone(), Arc::clone(&channel), at, ports.clone());
        let upstream = Rc::new(SecretsUpstream::new(vec![role]));
        let cache = SecretsCache::new(upstream, ports.clone(), CachePolicy::default(), Vec::new());
        let fixture = Self { emulator, clock, ports, provider, channel, session, cache };
        fixture.publish(None);
        fixture
    }

    /// Publishes the session as received now, with the error of the last refresh.
    fn publish(&self, last_error: Option<roles_anywhere_client::provider::ProviderError>) {
        let reading = ClockReading::of(&self.clock);
        let session = Some((Arc::clone(&self.session.borrow()), reading));
        let mut status = Status { session, ..Status::default() };
        if let Some(error) = last_error {
            status.failed(Some(Arc::new(error)));
        }
        self.channel.publish(status);
    }

    /// Fetches the next session, and publishes it.
    async fn renew(&self) {
        let deadline = Deadline::new(self.ports.clock.uptime(), Duration::from_secs(20));
        let session = self.provider.fetch(0, &self.ports, deadline).await.unwrap();
        *self.session.borrow_mut() = Arc::new(session);
        self.publish(None);
    }

    /// Lets time pass, here and at AWS.
    fn advance(&self, seconds: u32) {
        self.clock.advance(Duration::from_secs(seconds.into()));
        self.emulator.advance(seconds.into());
    }

    /// Returns the operations that were called since the last time, with the number of each.
    fn operations(&self, from: &mut usize) -> Vec<String> {
        let requests = self.emulator.requests();
        let new = requests[*from..].iter();
        *from = requests.len();
        new.map(|request| request["operation"].as_str().unwrap_or_default().to_owned()).collect()
    }

    async fn read(&self, freshness: RequestedFreshness) -> Result<ServedValue, ReadFailure> {
        let item = ReadItem::Secret(SecretRequest::current(NAME.parse().unwrap()));
        let request = ReadRequest { freshness, ..ReadRequest::cached(item) };
        self.cache.read(&request).await
    }

    /// Calls an operation of Secrets Manager that the library does not have.
    async fn call(&self, operation: &str, input: &Value) {
        let request = Request {
            method: "POST",
            endpoint: Endpoint::parse(self.emulator.endpoint()).unwrap(),
            path: "/",
            query: String::new(),
            headers: vec![
                ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
                ("x-amz-target".to_owned(), format!("secretsmanager.{operation}")),
            ],
            body: input.to_string().into_bytes(),
        };
        let region = Region::parse("us-east-1").unwrap();
        let now = self.ports.clock.now();
        let session = Arc::clone(&self.session.borrow());
        let credentials = &session.credentials;
        let signed = access_key::sign(request, &region, "secretsmanager", now, &credentials.into());
        let response = self.ports.transport.send(&signed.unwrap()).await.unwrap();
        let body = String::from_utf8_lossy(response.body.expose());
        assert!(response.is_success(), "{operation}: {} {body}", response.status);
    }
}

fn run<T>(scenario: impl AsyncFnOnce(&Fixture) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let fixture = Fixture::new().await;
        // As a refresher does if no refresh is due.
        let refreshes = pin!(async {
            loop {
                fixture.channel.requested().await;
                fixture.channel.publish(Status::clone(&fixture.channel.status()));
            }
        });
        let kept = pin!(fixture.cache.keep_fresh(&|_| {}));
        match select(select(kept, refreshes), pin!(scenario(&fixture))).await {
            Either::Left(_) => unreachable!("both go on"),
            Either::Right((result, _)) => result,
        }
    })
}

/// Longer than two TTLs, so that nothing is refreshed in the background.
const UNREFRESHED: u32 = 601;

#[test]
fn a_version_is_confirmed_by_its_description_and_a_rotation_is_seen() {
    run(async |it| {
        // Much less than the time after which a value is fetched again.
        let (ttl, unrefreshed) = (Duration::from_secs(60), 121);
        it.cache.replace(CachePolicy { ttl, ..CachePolicy::default() }, Vec::new());
        let mut from = it.emulator.requests().len();
        let first = it.read(RequestedFreshness::Cached).await.unwrap();
        assert_eq!(it.operations(&mut from), ["GetSecretValue"]);
        it.advance(unrefreshed);
        let same = it.read(RequestedFreshness::Cached).await.unwrap();
        assert_eq!(it.operations(&mut from), ["DescribeSecret"]);
        assert!(Rc::ptr_eq(&first.value, &same.value));
        it.call(
            "PutSecretValue",
            &json!({
                "SecretId": NAME,
                "SecretString": "new",
                "ClientRequestToken": "11111111-2222-4333-8444-555555555555",
            }),
        )
        .await;
        it.advance(unrefreshed);
        it.operations(&mut from);
        let rotated = it.read(RequestedFreshness::Cached).await.unwrap();
        assert_eq!(it.operations(&mut from), ["DescribeSecret", "GetSecretValue"]);
        assert_ne!(rotated.value.version(), first.value.version());
        assert_eq!(rotated.source, ReadSource::Aws);
    });
}

#[test]
fn faults_are_outages_and_refusals_are_not() {
    run(async |it| {
        it.read(RequestedFreshness::Cached).await.unwrap();
        let rows = [
            (json!({"code": "ThrottlingException"}), OutageReason::Throttled),
            (json!({"status": 500}), OutageReason::ServiceFailure),
            (json!({"cut": true}), OutageReason::Connection),
            (json!({"cut_after": 10}), OutageReason::Connection),
            (json!({"code": "ExpiredTokenException"}), OutageReason::Session),
            (json!({"status": 403, "body": "<html>"}), OutageReason::Proxy),
            (json!({"body": "{"}), OutageReason::Unreadable),
        ];
        for (mut fault, reason) in rows {
            it.renew().await;
            fault["times"] = json!(0);
            fault["operation"] = json!("*");
            it.emulator.fault(fault.clone());
            it.advance(UNREFRESHED);
            let served = it.read(RequestedFreshness::Cached).await.unwrap();
            assert_eq!(served.stale.map(|stale| stale.reason), Some(reason), "{fault}");
            it.advance(3);
            assert!(it.read(RequestedFreshness::Now).await.is_err(), "{fault}");
            it.emulator.clear_faults();
            it.advance(3);
            it.read(RequestedFreshness::Now).await.unwrap();
        }
        it.call("DeleteSecret", &json!({"SecretId": NAME})).await;
        it.advance(UNREFRESHED);
        let deleted = it.read(RequestedFreshness::Cached).await.unwrap_err();
        let is_it = |code: &str| code == "InvalidRequestException";
        assert!(matches!(deleted, ReadFailure::Service { code, .. } if is_it(&code)));
        assert_eq!(it.cache.statistics().entries, 0);
    });
}

#[test]
fn a_disabled_profile_drops_everything_once_the_session_has_ended() {
    run(async |it| {
        it.read(RequestedFreshness::Cached).await.unwrap();
        it.emulator.enable_profile(PROFILE_ARN, false);
        let deadline = Deadline::new(it.ports.clock.uptime(), Duration::from_secs(20));
        let refused = it.provider.fetch(0, &it.ports, deadline).await.unwrap_err();
        it.publish(Some(refused));
        it.read(RequestedFreshness::Cached).await.unwrap();
        it.advance(3_590);
        it.read(RequestedFreshness::Cached).await.unwrap();
        it.advance(10);
        let failure = it.read(RequestedFreshness::Cached).await.unwrap_err();
        assert_eq!(failure, ReadFailure::NoSession { code: "access_denied" });
        assert_eq!(it.cache.statistics().entries, 0);
    });
}
