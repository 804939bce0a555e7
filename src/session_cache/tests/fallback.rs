//! Sessions of a fallback: which entry is used, and when the primary trust anchor is asked again.

use std::sync::Mutex;

use super::*;
use roles_anywhere_client::aws::assume_role::AssumeRole;
use roles_anywhere_client::aws::create_session::SessionRequest;
use roles_anywhere_client::aws::endpoint::{RegionalEndpoint, Service};
use roles_anywhere_client::http::Endpoint;
use roles_anywhere_client::region::Region;
use roles_anywhere_test_support::entropy::SequenceEntropy;
use roles_anywhere_test_support::files::FakeFiles;
use roles_anywhere_test_support::session::{ANSWER, source};
use roles_anywhere_test_support::transport::{Reply, ScriptedTransport};

/// How the primary trust anchor's Region answers. The fallback's makes sessions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Primary {
    Answers,
    Lost,
    Hangs,
    Throttles,
    Refuses,
}

/// Runs of one user whose role has a fallback.
struct Runs {
    store: FakeStore,
    ports: FakePorts,
    provider: RolesAnywhere,
    primary: Arc<Mutex<Primary>>,
}

/// A time at which the certificate is valid.
const NOW: Timestamp = Timestamp::from_unix(1_780_000_000);

fn of(region: &str) -> SessionRequest {
    let arn = |kind: &str| format!("arn:aws:rolesanywhere:{region}:123456789012:{kind}");
    SessionRequest {
        trust_anchor: arn("trust-anchor/a").parse().unwrap(),
        profile: arn("profile/p").parse().unwrap(),
        region: Region::parse(region).unwrap(),
        endpoint: Endpoint::parse(&format!("https://{region}.example")).unwrap(),
        ..request()
    }
}

/// Returns the answer of STS with a session of `Second`.
fn assumed(end: Timestamp) -> Reply {
    let body = format!(
        "<AssumeRoleResponse><AssumeRoleResult><AssumedRoleUser>\
         <Arn>arn:aws:sts::123456789012:assumed-role/Second/me@host</Arn></AssumedRoleUser>\
         <Credentials><AccessKeyId>ASIAEXAMPLEEXAMPLE01</AccessKeyId>\
         <SecretAccessKey>s1</SecretAccessKey><SessionToken>t1</SessionToken>\
         <Expiration>{end}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    );
    Reply::status(200, &body)
}

impl Runs {
    fn new(primary: Primary) -> Self {
        let clock = ManualClock::at(NOW);
        clock.pass_sleeps(Duration::MAX);
        let (time, primary) = (clock.clone(), Arc::new(Mutex::new(primary)));
        let shared = Arc::clone(&primary);
        let transport = ScriptedTransport::new(move |request, number| {
            let answer = |region: &str| {
                let end = time.now().after(3_600).to_string();
                let body = ANSWER.replace("2015-08-30T12:36:00Z", &end);
                let id = format!("ASIA{}{number:03}", region.replace('-', "").to_uppercase());
                Reply::status(201, &body.replace("ASIAEXAMPLEEXAMPLE00", &format!("{id:X<16}")))
            };
            match (request.endpoint.host(), *shared.lock().unwrap()) {
                ("us-east-1.example", Primary::Lost) => Reply::lost(),
                ("us-east-1.example", Primary::Hangs) => Reply::Silence,
                ("us-east-1.example", Primary::Throttles) => Reply::status(429, "{}"),
                ("us-east-1.example", Primary::Refuses) => {
                    Reply::status(403, r#"{"code":"AccessDeniedException"}"#)
                }
                ("us-east-1.example", Primary::Answers) => answer("us-east-1"),
                (host, _) if host.starts_with("sts.") => assumed(time.now().after(900)),
                _ => answer("eu-west-1"),
            }
        });
        let ports = FakePorts {
            clock,
            // The longest backoff.
            entropy: SequenceEntropy::constant(0),
            files: FakeFiles::of_repository(""),
            transport,
            ..FakePorts::default()
        };
        let fallbacks = vec![of("eu-west-1")];
        let provider = RolesAnywhere { fallbacks, ..RolesAnywhere::new(source(), of("us-east-1")) };
        Self { store: FakeStore::default(), ports, provider, primary }
    }

    fn set(&self, primary: Primary) {
        *self.primary.lock().unwrap() = primary;
    }

    /// Runs a command with this time limit after so many seconds. Returns the Region of its session, the
    /// number of calls, and how long it took.
    fn run(&self, after: u64, limit: u64) -> (Result<String, Error>, usize, Duration) {
        self.ports.clock.advance(Duration::from_secs(after));
        let ports = self.ports.ports();
        let identity = self.provider.source.snapshot(&ports.files).unwrap();
        let cache = SessionCache::new(&self.provider, &identity, &Trust::System, &self.store);
        let (start, calls) = (self.ports.clock.uptime(), self.ports.transport.requests().len());
        let deadline = Deadline::new(start, Duration::from_secs(limit));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let served = match cache.ready(&*ports.clock, &*ports.trace) {
            Some(session) => Ok(session),
            None => runtime.block_on(cache.session(&ports, deadline)).map(|served| served.session),
        };
        let region = served.map(|session| session.credentials.access_key_id[4..11].to_owned());
        let calls = self.ports.transport.requests().len() - calls;
        (region, calls, self.ports.clock.uptime() - start)
    }

    /// As [`Runs::run`] with 20 seconds: the Region and the number of calls.
    fn after(&self, seconds: u64) -> (String, usize) {
        let (region, calls, _) = self.run(seconds, 20);
        (region.unwrap(), calls)
    }
}

const FALLBACK: &str = "EUWEST1";
const PRIMARY: &str = "USEAST1";

#[test]
fn hop_calls_sts_in_the_region_of_the_session_before_it() {
    let mut runs = Runs::new(Primary::Lost);
    let region = |name| Region::parse(name).unwrap();
    let role = "arn:aws:iam::123456789012:role/Second".parse().unwrap();
    let fallback_sts = vec![RegionalEndpoint::of(Service::Sts, region("eu-west-1"))];
    runs.provider.hops =
        vec![AssumeRole { fallback_sts, ..AssumeRole::new(role, region("us-east-1")) }];
    let host = |runs: &Runs, after| {
        assert!(runs.run(after, 20).0.is_ok());
        runs.ports.transport.requests().pop().unwrap().endpoint.host().to_owned()
    };
    assert_eq!(host(&runs, 0), "sts.eu-west-1.amazonaws.com");
    // The first session is a cached one.
    assert_eq!(host(&runs, 900), "sts.eu-west-1.amazonaws.com");
    runs.set(Primary::Answers);
    assert_eq!(host(&runs, 900), "sts.us-east-1.amazonaws.com");
}

#[test]
fn session_of_a_fallback_is_used_and_the_primary_one_taken_back() {
    for primary in [Primary::Lost, Primary::Throttles, Primary::Hangs] {
        let runs = Runs::new(primary);
        let attempts = if primary == Primary::Hangs { 1 } else { 3 };
        assert_eq!(runs.after(0), (FALLBACK.to_owned(), attempts + 1), "{primary:?}");
        // The entry is used, and the primary trust anchor is left alone for a while.
        assert_eq!(runs.after(1), (FALLBACK.to_owned(), 0), "{primary:?}");
        assert_eq!(runs.after(28), (FALLBACK.to_owned(), 0), "{primary:?}");
        runs.set(Primary::Answers);
        assert_eq!(runs.after(2), (PRIMARY.to_owned(), 1), "{primary:?}");
        assert_eq!(runs.after(1_000), (PRIMARY.to_owned(), 0), "{primary:?}");
    }
}

#[test]
fn failed_probe_keeps_the_session_and_doubles_the_backoff() {
    let runs = Runs::new(Primary::Lost);
    runs.after(0);
    assert_eq!(runs.after(31), (FALLBACK.to_owned(), 3));
    assert_eq!(runs.after(31), (FALLBACK.to_owned(), 0));
    assert_eq!(runs.after(31), (FALLBACK.to_owned(), 3));
    assert_eq!(runs.after(119), (FALLBACK.to_owned(), 0));
}

#[test]
fn hanging_region_never_makes_a_command_slower_than_its_timeout() {
    let seconds = Duration::from_secs;
    for (limit, first, probe) in [(20, 10, 5), (4, 2, 2)] {
        let runs = Runs::new(Primary::Hangs);
        let (region, _, took) = runs.run(0, limit);
        assert_eq!((region.unwrap().as_str(), took), (FALLBACK, seconds(first)));
        let (region, calls, took) = runs.run(31, limit);
        assert_eq!((region.unwrap().as_str(), calls, took), (FALLBACK, 1, seconds(probe)));
        let (_, calls, took) = runs.run(1, limit);
        assert_eq!((calls, took), (0, Duration::ZERO));
    }
}

#[test]
fn fallback_is_asked_first_during_the_backoff() {
    let runs = Runs::new(Primary::Lost);
    runs.after(0);
    for after in [31, 61, 121, 241, 481, 901] {
        assert_eq!(runs.after(after), (FALLBACK.to_owned(), 3), "{after}");
    }
    // 600 seconds of the session are left, which is due.
    assert_eq!(runs.after(600), (FALLBACK.to_owned(), 1));
    // The backoff goes on: it ends 900 s after the last probe.
    assert_eq!(runs.after(200), (FALLBACK.to_owned(), 0));
    runs.set(Primary::Answers);
    assert_eq!(runs.after(101), (PRIMARY.to_owned(), 1));
}

#[test]
fn refusal_of_the_primary_trust_anchor_is_final() {
    let runs = Runs::new(Primary::Refuses);
    let (error, calls, _) = runs.run(0, 20);
    assert_eq!((error.unwrap_err().kind(), calls), (ErrorKind::Refused.into(), 1));
    // It refuses while the session of a fallback is used, which is then not replaced by another one.
    let runs = Runs::new(Primary::Lost);
    runs.after(0);
    runs.set(Primary::Refuses);
    assert_eq!(runs.after(31), (FALLBACK.to_owned(), 1));
    assert_eq!(runs.after(1_000), (FALLBACK.to_owned(), 0));
    assert_eq!(runs.after(1_500), (FALLBACK.to_owned(), 1));
    let (error, ..) = runs.run(1_500, 20);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Refused);
}

#[test]
fn one_process_at_a_time_asks_again() {
    let runs = Runs::new(Primary::Lost);
    runs.after(0);
    let key = CacheKey::new(&runs.provider.session, digest(&runs), &Trust::System)
        .with_fallbacks(&runs.provider.fallbacks);
    let lock = runs.store.try_lock(&key.lock()).unwrap().unwrap();
    assert_eq!(runs.after(31), (FALLBACK.to_owned(), 0));
    drop(lock);
    assert_eq!(runs.after(0), (FALLBACK.to_owned(), 3));
}

fn digest(runs: &Runs) -> roles_anywhere_client::input_source::snapshot::InputDigest {
    runs.provider.source.snapshot(&runs.ports.ports().files).unwrap().digest()
}

#[test]
fn order_is_tried_each_time_without_a_cache() {
    let runs = Runs::new(Primary::Lost);
    let ports = runs.ports.ports();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for calls in [4, 8] {
        let cache = SessionCache::disabled(&runs.provider);
        let deadline = Deadline::new(ports.clock.uptime(), Duration::from_secs(20));
        runtime.block_on(cache.session(&ports, deadline)).unwrap();
        assert_eq!(runs.ports.transport.requests().len(), calls);
    }
}

#[test]
fn key_depends_on_each_fallback() {
    let key = |fallbacks: &[SessionRequest]| {
        let key = CacheKey::new(&of("us-east-1"), [7; 32].into(), &Trust::System);
        key.with_fallbacks(fallbacks)
    };
    let endpoint = Endpoint::parse("https://other.example").unwrap();
    let keys = [
        CacheKey::new(&of("us-east-1"), [7; 32].into(), &Trust::System),
        key(&[of("eu-west-1")]),
        key(&[of("ap-south-1")]),
        key(&[of("eu-west-1"), of("ap-south-1")]),
        key(&[of("ap-south-1"), of("eu-west-1")]),
        key(&[SessionRequest { endpoint, ..of("eu-west-1") }]),
        key(&[SessionRequest { profile: of("us-east-1").profile, ..of("eu-west-1") }]),
    ];
    assert_eq!(key(&[]), keys[0]);
    for (at, one) in keys.iter().enumerate() {
        assert!(!keys[at + 1..].contains(one), "{at}");
    }
}
