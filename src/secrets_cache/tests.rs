//! The cache over a simulated AWS, on a clock that the tests move.

mod background;
mod fake_aws;
mod limits;
mod model;
mod offline;
mod outages;
mod refusals;
mod reload;

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{Either, join_all, select};

use super::*;
use fake_aws::{Behaviour, FakeAws, number_of, secret_arn, service};
use roles_anywhere_client::aws::get_secret_value::SecretRequest;
use roles_anywhere_client::aws::parameter::{Decryption, ParameterId, ParameterRequest};
use roles_anywhere_client::secret::{Entropy as _, SecretBytes};
use roles_anywhere_client::time::{Clock as _, Timer as _};
use roles_anywhere_test_support::clock::ManualClock;
use roles_anywhere_test_support::entropy::SequenceEntropy;
use roles_anywhere_test_support::ports::FakePorts;

const TTL: Duration = Duration::from_secs(300);

/// The age of a value from which on it is not refreshed in the background.
const UNREFRESHED: Duration = Duration::from_secs(601);

const POLICY: CachePolicy = CachePolicy {
    ttl: TTL,
    max_stale: Duration::from_secs(3_600),
    max_entries: 100,
    max_bytes: 1 << 20,
};

/// A cache, and AWS.
struct Fixture {
    clock: ManualClock,
    aws: Rc<FakeAws>,
    cache: SecretsCache,
    /// What was not read at the start.
    unread: RefCell<Vec<PrefetchFailure>>,
}

impl Fixture {
    fn new(names: &[&str]) -> Self {
        Self::with(names, POLICY, Vec::new())
    }

    fn with(names: &[&str], policy: CachePolicy, prefetch: Vec<Prefetch>) -> Self {
        let clock = ManualClock::default();
        let aws = FakeAws::new(&clock, names);
        let entropy = SequenceEntropy::pseudo_random(1);
        let ports = FakePorts { clock: clock.clone(), entropy, ..FakePorts::default() };
        let cache = SecretsCache::new(Rc::clone(&aws) as _, ports.ports(), policy, prefetch);
        Self { clock, aws, cache, unread: RefCell::default() }
    }

    /// Runs `scenario` beside the calls of the cache.
    fn run<T>(&self, scenario: impl AsyncFnOnce(&Self) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let report = |failure: &PrefetchFailure| self.unread.borrow_mut().push(failure.clone());
            match select(pin!(self.cache.keep_fresh(&report)), pin!(scenario(self))).await {
                Either::Left((never, _)) => match never {},
                Either::Right((result, _)) => result,
            }
        })
    }

    /// Lets everything happen that can happen now.
    async fn settle(&self) {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    /// Lets time pass, a second at a time.
    async fn pass(&self, seconds: u64) {
        for _ in 0..seconds {
            self.settle().await;
            self.clock.advance(Duration::from_secs(1));
        }
        self.settle().await;
    }

    /// Lets time pass at once.
    async fn jump(&self, time: Duration) {
        self.clock.advance(time);
        self.settle().await;
    }

    /// Lets the TTL pass of entries that are not refreshed in the background, as they are not read.
    async fn expire(&self) {
        self.jump(UNREFRESHED).await;
    }

    /// Returns the result of `work`, while time passes, and how much did.
    async fn timed<T>(&self, work: impl Future<Output = T>) -> (T, Duration) {
        let began = self.clock.uptime();
        let passing = async {
            loop {
                self.settle().await;
                self.clock.advance(Duration::from_millis(100));
            }
        };
        let result = match select(pin!(work), pin!(passing)).await {
            Either::Left((result, _)) => result,
            Either::Right((never, _)) => never,
        };
        (result, self.clock.uptime() - began)
    }

    /// Reads, and returns the number of the version or the failure.
    async fn number(&self, request: &ReadRequest) -> Result<u32, ReadFailure> {
        let (served, _) = self.timed(self.cache.read(request)).await;
        served.map(|served| number(&served))
    }
}

fn number(served: &ServedValue) -> u32 {
    let number = number_of(served.value.version().unwrap());
    let content = served.value.content();
    let text = match content {
        FetchedValue::Secret(secret) => format!("{:?}", secret.version_stages),
        FetchedValue::Parameter(_) => String::new(),
    };
    assert!(content.name().starts_with(['/', 's']), "{text}");
    number
}

fn secret(id: &str) -> ReadRequest {
    ReadRequest::cached(ReadItem::Secret(SecretRequest::current(id.parse().unwrap())))
}

fn staged(id: &str, stage: &str) -> ReadRequest {
    let version_stage = Some(stage.to_owned());
    let request = SecretRequest { version_stage, ..SecretRequest::current(id.parse().unwrap()) };
    ReadRequest::cached(ReadItem::Secret(request))
}

fn parameter(id: &str) -> ReadRequest {
    let request = ParameterRequest::parse(id).unwrap();
    ReadRequest::cached(ReadItem::Parameter(request, Decryption::Decrypted))
}

fn now(request: &ReadRequest) -> ReadRequest {
    ReadRequest { freshness: RequestedFreshness::Now, ..request.clone() }
}

#[test]
fn fifty_cold_reads_at_once_are_one_call() {
    Fixture::new(&["s"]).run(async |it| {
        it.aws.delays.set((Duration::from_secs(1), Duration::ZERO));
        let requests = [secret("s"), staged("s", "AWSCURRENT"), now(&secret("s"))];
        let reads = requests.iter().cycle().take(50).map(|request| it.cache.read(request));
        let (results, time) = it.timed(join_all(reads)).await;
        assert!(results.iter().all(|result| number(result.as_ref().unwrap()) == 1));
        assert_eq!((it.aws.take_calls(), time.as_secs()), (vec!["GetSecretValue s".to_owned()], 1));
        let sources = results.iter().map(|result| result.as_ref().unwrap().source);
        assert!(sources.into_iter().all(|source| source == ReadSource::Aws));
    });
}

#[test]
fn name_arn_and_explicit_label_are_one_entry() {
    let fixture = Fixture::new(&["s"]);
    fixture.aws.parameters.borrow_mut().insert("/p".to_owned(), 7);
    fixture.run(async |it| {
        let arn = secret_arn("s", 1);
        assert_eq!(it.number(&secret("s")).await, Ok(1));
        assert_eq!(it.aws.take_calls(), ["GetSecretValue s"]);
        for request in [secret(&arn), staged("s", "AWSCURRENT"), staged(&arn, "AWSCURRENT")] {
            let served = it.cache.read_now(&request).expect("it is in the cache");
            assert_eq!((number(&served), served.source), (1, ReadSource::Cache));
        }
        // An ARN without its suffix is known once it was asked for.
        let partial = secret(arn.rsplit_once('-').unwrap().0);
        assert_eq!(it.number(&partial).await, Ok(1));
        assert_eq!(it.aws.take_calls().len(), 1);
        assert!(it.cache.read_now(&partial).is_some());
        assert_eq!(it.number(&parameter("/p")).await, Ok(7));
        let by_arn = parameter("arn:aws:ssm:us-east-1:123456789012:parameter/p");
        assert!(it.cache.read_now(&by_arn).is_some());
        assert_eq!(it.cache.statistics().entries, 2);
        // Other versions, and other roles, are others.
        assert_eq!(
            it.number(&staged("s", "AWSPREVIOUS")).await,
            Err(service("ResourceNotFoundException"))
        );
        let unknown = ReadRequest { role: Some("ops".into()), ..secret("s") };
        assert_eq!(it.number(&unknown).await, Err(ReadFailure::UnknownRole));
    });
}

#[test]
fn cold_reads_by_name_and_by_arn_become_one_entry() {
    Fixture::new(&["s"]).run(async |it| {
        it.aws.delays.set((Duration::from_secs(1), Duration::ZERO));
        let (by_name, by_arn) = (secret("s"), secret(&secret_arn("s", 1)));
        let both = join_all([it.cache.read(&by_name), it.cache.read(&by_arn)]);
        let (results, _) = it.timed(both).await;
        assert!(results.iter().all(Result::is_ok));
        assert_eq!(it.aws.take_calls().len(), 2);
        assert_eq!(it.cache.statistics().entries, 1);
        let value = |request| it.cache.read_now(request).unwrap().value;
        assert!(Rc::ptr_eq(&value(&by_name), &value(&by_arn)));
    });
}

#[test]
fn a_late_call_by_another_name_brings_no_older_version() {
    let policy = CachePolicy { max_entries: 1, ..POLICY };
    Fixture::with(&["s", "s2"], policy, Vec::new()).run(async |it| {
        let (by_name, by_arn) = (secret("s"), secret(&secret_arn("s", 1)));
        // AWS has read the first version, and takes a while to return it.
        it.aws.delays.set((Duration::ZERO, Duration::from_secs(3)));
        let mut late = it.cache.read(&by_name);
        assert!((&mut late).now_or_never().is_none());
        it.pass(1).await;
        it.aws.rotate("s");
        it.aws.delays.set((Duration::ZERO, Duration::ZERO));
        assert_eq!(it.number(&by_arn).await, Ok(2));
        // The only other entry is removed for this one.
        assert_eq!(it.number(&secret("s2")).await, Ok(1));
        assert!(it.cache.read_now(&by_arn).is_none());
        let (late, _) = it.timed(late).await;
        assert_eq!(late.map(|it| number(&it)), Ok(1));
        assert_eq!(it.number(&by_name).await, Ok(2));
    });
}

#[test]
fn many_readers_of_many_secrets_see_no_older_version() {
    let names: Vec<String> = (0..1_000).map(|n| format!("s{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let ttl = Duration::from_secs(10);
    let policy = CachePolicy { ttl, max_entries: 1_000, max_bytes: 8 << 20, ..POLICY };
    Fixture::with(&names, policy, Vec::new()).run(async |it| {
        let requests: Vec<_> = names.iter().map(|name| secret(name)).collect();
        let random = SequenceEntropy::pseudo_random(3);
        let any = |count: usize| usize::try_from(random.bits()).unwrap() % count;
        it.timed(join_all(requests.iter().map(|request| it.cache.read(request)))).await;
        it.aws.delays.set((Duration::from_millis(5), Duration::from_millis(5)));
        let mut seen = vec![1; names.len()];
        let mut newest_after_ttl = 0;
        for second in 0..20 {
            for _ in 0..100 {
                for _ in 0..100 {
                    let at = any(names.len());
                    let served = it.cache.read_now(&requests[at]).expect("no reader waits");
                    assert!(number(&served) >= seen[at] && served.age < ttl);
                    seen[at] = number(&served);
                }
                it.clock.advance(Duration::from_millis(10));
                it.settle().await;
            }
            it.aws.rotate(names[second]);
            if second >= 10 {
                let at = second - 10;
                let served = it.cache.read_now(&requests[at]).expect("no reader waits");
                newest_after_ttl += usize::from(number(&served) == 2);
            }
        }
        assert_eq!(newest_after_ttl, 10);
    });
}

#[test]
fn a_reader_that_goes_away_ends_no_call() {
    Fixture::new(&["s"]).run(async |it| {
        it.aws.delays.set((Duration::from_secs(2), Duration::ZERO));
        let request = secret("s");
        {
            let mut first = it.cache.read(&request);
            assert!((&mut first).now_or_never().is_none());
            it.pass(1).await;
        }
        let (served, time) = it.timed(it.cache.read(&request)).await;
        assert_eq!((number(&served.unwrap()), time), (1, Duration::from_secs(1)));
        assert_eq!(it.aws.take_calls(), ["GetSecretValue s"]);
        // Without any reader, the value is there afterwards.
        let other = now(&request);
        it.aws.rotate("s");
        {
            let mut reader = it.cache.read(&other);
            assert!((&mut reader).now_or_never().is_none());
            it.settle().await;
        }
        it.pass(5).await;
        assert_eq!(number(&it.cache.read_now(&request).unwrap()), 2);
    });
}

#[test]
fn nothing_stays_of_readers_that_go_away_before_their_call_begins() {
    let it = Fixture::new(&["s"]);
    // Without `keep_fresh`, no call begins.
    for n in 0..100 {
        let request = secret(&format!("s{n}"));
        assert!(it.cache.read(&request).now_or_never().is_none());
    }
    assert_eq!(it.cache.entries.borrow().all().len(), 0);
    assert!(it.cache.queue.borrow_mut().next().is_none());
    // The call is made as long as one of its readers waits.
    let request = secret("s");
    let mut staying = it.cache.read(&request);
    assert!((&mut staying).now_or_never().is_none());
    assert!(it.cache.read(&request).now_or_never().is_none());
    it.run(async |it| assert_eq!(number(&it.timed(staying).await.0.unwrap()), 1));
    assert_eq!(it.aws.take_calls(), ["GetSecretValue s"]);
}

#[test]
fn a_refusal_drops_the_value_and_is_remembered_for_5_seconds() {
    for code in ["AccessDeniedException", "ResourceNotFoundException", "DecryptionFailure"] {
        Fixture::new(&["s"]).run(async |it| {
            let request = secret("s");
            assert_eq!(it.number(&request).await, Ok(1));
            it.aws.change("s", |secret| secret.refusal = Some(code));
            it.aws.take_calls();
            // Within the TTL no reader asks; one that insists learns it for all.
            assert_eq!(it.number(&request).await, Ok(1));
            it.pass(2).await;
            assert_eq!(it.number(&now(&request)).await, Err(service(code)));
            assert_eq!(it.number(&request).await, Err(service(code)));
            // By its ARN, and by its name, as there may be another one.
            assert_eq!(it.aws.take_calls().len(), 2);
            assert_eq!(it.cache.statistics().entries, 0);
            it.aws.change("s", |secret| secret.refusal = None);
            it.pass(4).await;
            assert_eq!(it.number(&request).await, Err(service(code)));
            it.pass(1).await;
            assert_eq!(it.number(&request).await, Ok(1));
        });
    }
}

#[test]
fn a_secret_that_was_made_again_is_read_by_its_name() {
    Fixture::new(&["s"]).run(async |it| {
        assert_eq!(it.number(&secret("s")).await, Ok(1));
        it.aws.create("s", 2);
        it.aws.change("s", |secret| secret.version = 5);
        it.expire().await;
        assert_eq!(it.number(&secret("s")).await, Ok(5));
        let old = secret(&secret_arn("s", 1));
        assert_eq!(it.number(&old).await, Err(service("ResourceNotFoundException")));
        assert_eq!(it.cache.read_now(&secret(&secret_arn("s", 2))).map(|it| number(&it)), Some(5));
    });
}

#[test]
fn refresh_now_waits_2_seconds_after_the_last_call_and_joins() {
    Fixture::new(&["s"]).run(async |it| {
        let request = now(&secret("s"));
        assert_eq!(it.number(&request).await, Ok(1));
        it.aws.rotate("s");
        it.pass(1).await;
        let (results, time) =
            it.timed(join_all([it.cache.read(&request), it.cache.read(&request)])).await;
        assert_eq!(time, Duration::from_secs(1));
        assert!(results.iter().all(|result| number(result.as_ref().unwrap()) == 2));
        assert_eq!(it.aws.take_calls().len(), 2);
        it.pass(2).await;
        let (served, time) = it.timed(it.cache.read(&request)).await;
        assert_eq!((number(&served.unwrap()), time), (2, Duration::ZERO));
    });
}

#[test]
fn describe_decides_whether_the_version_moved() {
    let policy = CachePolicy { ttl: Duration::from_secs(50), ..POLICY };
    Fixture::with(&["s"], policy, Vec::new()).run(async |it| {
        let request = secret("s");
        let arn = secret_arn("s", 1);
        let calls = async || {
            it.jump(Duration::from_secs(101)).await;
            let version = it.number(&request).await;
            (version, it.aws.take_calls())
        };
        assert_eq!(calls().await, (Ok(1), vec!["GetSecretValue s".to_owned()]));
        let (describe, get) = (format!("DescribeSecret {arn}"), format!("GetSecretValue {arn}"));
        assert_eq!(calls().await, (Ok(1), vec![describe.clone()]));
        it.aws.rotate("s");
        assert_eq!(calls().await, (Ok(2), vec![describe.clone(), get.clone()]));
        // A role that may not describe it reads it.
        it.aws.denied.borrow_mut().push("DescribeSecret");
        assert_eq!(calls().await, (Ok(2), vec![describe.clone(), get.clone()]));
        assert_eq!(calls().await, (Ok(2), vec![get.clone()]));
        // To describe it does not tell whether it may be read.
        it.aws.denied.borrow_mut().clear();
        it.jump(Duration::from_secs(3_000)).await;
        it.aws.change("s", |secret| secret.refusal = Some("AccessDeniedException"));
        assert_eq!(
            calls().await,
            (Err(service("AccessDeniedException")), vec![get, "GetSecretValue s".to_owned()])
        );
    });
}

#[test]
fn least_recently_used_entries_are_removed_first() {
    let names: Vec<String> = (0..5).map(|n| format!("s{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let policies =
        [CachePolicy { max_entries: 3, ..POLICY }, CachePolicy { max_bytes: 3 * 1_100, ..POLICY }];
    for policy in policies {
        Fixture::with(&names, policy, Vec::new()).run(async |it| {
            for name in ["s0", "s1", "s2", "s0", "s3", "s4"] {
                assert_eq!(it.number(&secret(name)).await, Ok(1));
            }
            let cached = |name: &&&str| it.cache.read_now(&secret(name)).is_some();
            assert_eq!(names.iter().filter(cached).collect::<Vec<_>>(), [&"s0", &"s3", &"s4"]);
            assert_eq!(it.cache.statistics().entries, 3);
            // None of the names of a removed one is kept.
            assert!(it.cache.read_now(&secret(&secret_arn("s1", 1))).is_none());
            assert!(it.cache.read_now(&secret(&secret_arn("s0", 1))).is_some());
        });
    }
}

#[test]
fn failures_of_many_names_take_no_memory_and_displace_no_value() {
    let policy = CachePolicy { max_entries: 2, ..POLICY };
    Fixture::with(&["s1", "s2"], policy, Vec::new()).run(async |it| {
        let entries = || it.cache.entries.borrow().all().len();
        for name in ["s1", "s2"] {
            assert_eq!(it.number(&secret(name)).await, Ok(1));
        }
        let missing = async |name: String| {
            let missing = it.number(&secret(&name)).await;
            assert_eq!(missing, Err(service("ResourceNotFoundException")));
        };
        for n in 0..1_100 {
            missing(format!("missing{n}")).await;
        }
        assert!((1_000..=1_064).contains(&entries()), "{}", entries());
        it.pass(6).await;
        assert_eq!(entries(), 2);
        // Long names take as much room as many.
        for n in 0..30 {
            missing(format!("{n}{}", "x".repeat(60_000))).await;
        }
        assert!(entries() < 2 + 10, "{}", entries());
        for name in ["s1", "s2"] {
            assert!(it.cache.read_now(&secret(name)).is_some(), "{name}");
        }
    });
}

#[test]
fn a_long_poll_returns_another_version_or_nothing() {
    Fixture::new(&["s"]).run(async |it| {
        let request = secret("s");
        let wait = async |known: &str, seconds| {
            let limit = Duration::from_secs(seconds);
            let (result, time) = it.timed(it.cache.wait_for_change(&request, known, limit)).await;
            (result.map(|served| served.map(|it| number(&it))), time.as_secs())
        };
        assert_eq!(wait("another", 60).await, (Ok(Some(1)), 0));
        assert_eq!(wait("version-1", 60).await, (Ok(None), 60));
        it.aws.rotate("s");
        // The check in the background finds it before the TTL ends.
        let (result, seconds) = wait("version-1", 1_000).await;
        assert_eq!(result, Ok(Some(2)));
        assert!((1..300 - 60).contains(&seconds), "{seconds}");
        // It is refreshed as long as it is waited for.
        it.aws.take_calls();
        assert_eq!(wait("version-2", 3_000).await, (Ok(None), 3_000));
        assert!((10..=14).contains(&it.aws.take_calls().len()));
        it.aws.change("s", |secret| secret.refusal = Some("AccessDeniedException"));
        it.jump(TTL).await;
        let (result, seconds) = wait("version-2", 4_000).await;
        assert_eq!(result, Err(service("AccessDeniedException")));
        assert!(seconds < 4_000);
    });
}

#[test]
fn a_long_poll_is_woken_by_another_reader() {
    Fixture::new(&["s"]).run(async |it| {
        let request = secret("s");
        assert_eq!(it.number(&request).await, Ok(1));
        let mut poll = it.cache.wait_for_change(&request, "version-1", Duration::from_secs(60));
        assert!((&mut poll).now_or_never().is_none());
        it.aws.rotate("s");
        it.pass(3).await;
        assert_eq!(it.number(&now(&request)).await, Ok(2));
        let (result, time) = it.timed(poll).await;
        assert_eq!((result.unwrap().map(|it| number(&it)), time), (Some(2), Duration::ZERO));
    });
}

#[test]
fn a_snapshot_has_versions_that_belong_together() {
    Fixture::new(&["s", "s2"]).run(async |it| {
        it.aws.rotate("s");
        let pair = [secret("s"), staged("s", "AWSPREVIOUS"), secret("s2"), secret("s")];
        let read = async || {
            let (results, _) = it.timed(it.cache.read_snapshot(&pair)).await;
            results.into_iter().map(|it| it.map(|it| number(&it)).ok()).collect::<Vec<_>>()
        };
        assert_eq!(read().await, [Some(2), Some(1), Some(1), Some(2)]);
        let cold_calls = it.aws.take_calls().len();
        assert!(cold_calls <= 5, "{cold_calls}");
        // Then it is in the cache.
        assert_eq!(read().await, [Some(2), Some(1), Some(1), Some(2)]);
        assert_eq!(it.aws.take_calls(), [""; 0]);
        // One half is read after a rotation.
        it.aws.rotate("s");
        it.pass(2).await;
        assert_eq!(it.number(&now(&secret("s"))).await, Ok(3));
        assert_eq!(it.cache.read_now(&staged("s", "AWSPREVIOUS")).map(|it| number(&it)), Some(1));
        assert_eq!(read().await, [Some(3), Some(2), Some(1), Some(3)]);
        // In an outage, no pair is torn.
        it.aws.rotate("s");
        it.pass(2).await;
        assert_eq!(it.number(&now(&secret("s"))).await, Ok(4));
        it.aws.behaviour.set(Behaviour::Fails(OutageReason::Throttled));
        assert_eq!(read().await, [Some(4), None, Some(1), Some(4)]);
    });
}

#[test]
fn bodies_that_are_sent_again_are_kept_and_debug_shows_no_value() {
    Fixture::new(&["s"]).run(async |it| {
        let request = secret("s");
        assert_eq!(it.number(&request).await, Ok(1));
        let served = it.cache.read_now(&request).unwrap();
        let render = |_: &FetchedValue| SecretBytes::new(b"body".to_vec());
        // It is kept when it is sent again.
        for _ in 0..2 {
            assert_eq!(served.value.body(BodyFormat::Agent, render), "body");
        }
        let again = it.cache.read_now(&request).unwrap();
        let not_again = |_: &FetchedValue| unreachable!("it is rendered already");
        assert_eq!(again.value.body(BodyFormat::Agent, not_again), "body");
        assert!(!format!("{again:?} {:?}", again.value.content()).contains("value 1"));
        // A check that finds the same version keeps it.
        it.expire().await;
        assert_eq!(it.number(&request).await, Ok(1));
        let again = it.cache.read_now(&request).unwrap();
        assert_eq!(again.value.body(BodyFormat::Agent, not_again), "body");
    });
}
