//! What a snapshot has, and when it is read again.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::pin::pin;

use futures_util::FutureExt as _;

use super::*;
use crate::follow::follower::{Consumer, FollowPorts, follow};
use crate::follow::schedule::Timing;
use crate::output::run::RunError;
use crate::secrets::lookup::Scope;
use crate::secrets::value::ResolvedValue;
use crate::secrets_cache::{CacheStatistics, CachedValue, FetchedValue, OutageReason, ReadItem};
use crate::secrets_cache::{ReadSource, StaleReason};
use crate::test_support::RecordingLog;
use roles_anywhere_client::aws::get_secret_value::{SecretValue, SecretVersion};
use roles_anywhere_client::region::Region;
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::time::Clock as _;
use roles_anywhere_test_support::clock::ManualClock;
use roles_anywhere_test_support::entropy::SequenceEntropy;

type ReadResult = Result<ServedValue, ReadFailure>;

/// A cache with a result for each name, which the tests replace.
struct FakeCache {
    results: RefCell<Vec<(&'static str, ReadResult)>>,
    clock: ManualClock,
    waits: RefCell<u32>,
    /// How often all were read; a loop without a pause ends by the limit.
    snapshots: Cell<u32>,
}

/// Many more than a test needs.
const MOST_SNAPSHOTS: u32 = 1_000;

impl FakeCache {
    fn result(&self, request: &ReadRequest) -> ReadResult {
        let ReadItem::Secret(secret) = &request.item else { panic!("{request:?}") };
        let name = secret.secret.shown();
        let results = self.results.borrow();
        results.iter().find(|(known, _)| *known == name).unwrap().1.clone()
    }

    fn set(&self, name: &'static str, result: ReadResult) {
        let mut results = self.results.borrow_mut();
        results.retain(|(known, _)| *known != name);
        results.push((name, result));
    }
}

impl ReadSecrets for FakeCache {
    fn read<'a>(&'a self, request: &'a ReadRequest) -> LocalBoxFuture<'a, ReadResult> {
        Box::pin(async { self.result(request) })
    }

    fn read_now(&self, _request: &ReadRequest) -> Option<ServedValue> {
        None
    }

    fn wait_for_change<'a>(
        &'a self,
        request: &'a ReadRequest,
        known_version: &'a str,
        limit: Duration,
    ) -> LocalBoxFuture<'a, Result<Option<ServedValue>, ReadFailure>> {
        Box::pin(async move {
            *self.waits.borrow_mut() += 1;
            let end = self.clock.uptime() + limit;
            loop {
                let served = self.result(request)?;
                if served.value.version() != Some(known_version) {
                    return Ok(Some(served));
                }
                if self.clock.uptime() >= end {
                    return Ok(None);
                }
                self.clock.sleep(Duration::from_secs(1)).await;
            }
        })
    }

    fn read_snapshot<'a>(
        &'a self,
        requests: &'a [ReadRequest],
    ) -> LocalBoxFuture<'a, Vec<ReadResult>> {
        self.snapshots.set(self.snapshots.get() + 1);
        assert!(self.snapshots.get() < MOST_SNAPSHOTS, "it is read all the time");
        Box::pin(async { requests.iter().map(|request| self.result(request)).collect() })
    }

    fn statistics(&self) -> CacheStatistics {
        CacheStatistics::default()
    }
}

fn served(name: &str, version: Option<&str>, text: &str) -> ReadResult {
    let content = FetchedValue::Secret(SecretVersion {
        arn: format!("arn:aws:secretsmanager:us-east-1:123456789012:secret:{name}-AbCdEf"),
        name: name.to_owned(),
        version_id: version.map(str::to_owned),
        version_stages: vec!["AWSCURRENT".to_owned()],
        created: Some(1_500_000_000),
        value: SecretValue::Text(Secret::new(text.to_owned())),
    });
    let value = Rc::new(CachedValue::new(content));
    Ok(ServedValue { value, age: Duration::ZERO, stale: None, source: ReadSource::Cache })
}

fn refused(code: &str) -> ReadResult {
    Err(ReadFailure::Service { status: 400, code: code.into(), message: "no".into() })
}

/// Knows more of the role `expired` and of refused keys of KMS.
struct FakeErrors;

impl ReadErrors for FakeErrors {
    fn of_session(&self, role: Option<&str>) -> Option<Error> {
        let error = || Error::from(RunError::Internal { what: "the certificate has expired" });
        (role == Some("expired")).then(error)
    }

    fn of_read(&self, _read: &ReadRequest, failure: &ReadFailure) -> Option<Arc<Error>> {
        let error = || Arc::new(Error::from(RunError::Internal { what: "of KMS" }));
        matches!(failure, ReadFailure::Service { code, .. } if &**code == "KMSException")
            .then(error)
    }
}

/// References to secrets of a cache.
struct Fixture {
    cache: Rc<FakeCache>,
    clock: ManualClock,
    references: CachedReferences,
}

impl Fixture {
    fn new(texts: &[&str], results: Vec<(&'static str, ReadResult)>) -> Self {
        let clock = ManualClock::default();
        let cache = FakeCache {
            results: RefCell::new(results),
            clock: clock.clone(),
            waits: RefCell::default(),
            snapshots: Cell::default(),
        };
        let cache = Rc::new(cache);
        let references = texts
            .iter()
            .map(|text| NamedReference { name: None, reference: Reference::parse(text).unwrap() });
        let references: Vec<_> = references.collect();
        let plan = LookupPlan::new(references.iter().map(|it| &it.reference), |role| Scope {
            role: role.map(Into::into),
            region: Region::parse("us-east-1").unwrap(),
        });
        let (ttl, timer) = (Duration::from_secs(300), Arc::new(clock.clone()));
        let errors = Rc::new(FakeErrors);
        let references =
            CachedReferences::new(&references, plan, (Rc::clone(&cache) as _, errors), ttl, timer);
        Self { cache, clock, references }
    }

    fn read(&self) -> Result<FollowedValues, Error> {
        self.references.read().now_or_never().unwrap()
    }

    /// Returns the seconds until the source reports a change, of at most 200.
    fn changed_after(&self) -> u64 {
        let (from, limit) = (self.clock.uptime(), Duration::from_secs(200));
        let mut changed = pin!(self.references.changed(limit));
        loop {
            if changed.as_mut().now_or_never().is_some() {
                return (self.clock.uptime() - from).as_secs();
            }
            self.clock.advance(Duration::from_secs(1));
        }
    }
}

fn texts(snapshot: &FollowedValues) -> Vec<String> {
    let text = |value: &FollowedValue| match &value.resolved.value {
        ResolvedValue::Text(text) => text.expose().to_owned(),
        other => format!("{other:?}"),
    };
    snapshot.values.iter().map(text).collect()
}

#[test]
fn values_have_the_names_and_versions_of_what_was_read() {
    let object = r#"{"user":"u","password":"p"}"#;
    let fixture = Fixture::new(
        &["sm://db#password", "sm://db#host?default=h", "sm://none?optional"],
        vec![
            ("db", served("db", Some("v1"), object)),
            ("none", refused("ResourceNotFoundException")),
        ],
    );
    let snapshot = fixture.read().unwrap();
    assert_eq!(texts(&snapshot), ["p", "h", "Absent"]);
    let names = snapshot.values.iter().map(|it| (&*it.name, it.version.as_deref()));
    let expected = [("db", Some("v1")), ("db", Some("v1")), ("none", None)];
    assert_eq!(names.collect::<Vec<_>>(), expected);
}

#[test]
fn the_error_names_all_that_cannot_be_read() {
    let fixture = Fixture::new(
        &["sm://db", "sm://other#key", "sm://good"],
        vec![
            ("db", refused("AccessDeniedException")),
            ("other", served("other", Some("v"), "{}")),
            ("good", served("good", Some("v"), "hunter2")),
        ],
    );
    let error = fixture.read().unwrap_err();
    let reasons = error.reasons().join("\n");
    assert!(reasons.starts_with("cannot resolve 2 of 3 references"), "{reasons}");
    assert!(
        reasons.contains("`sm://db`: AWS answered") && reasons.contains("no member"),
        "{reasons}"
    );
    assert!(!reasons.contains("hunter2"), "{reasons}");
}

#[test]
fn the_error_has_the_whole_cause_if_it_is_known() {
    let no_session = || Err(ReadFailure::NoSession { code: "expired" });
    let fixture = Fixture::new(
        &["sm://db?role=expired", "sm://db2?role=expired", "sm://key"],
        vec![("db", no_session()), ("db2", no_session()), ("key", refused("KMSException"))],
    );
    let reasons = fixture.read().unwrap_err().reasons().join("\n");
    assert_eq!(reasons.matches("the certificate has expired").count(), 1, "{reasons}");
    assert!(reasons.contains("role `expired`") && reasons.contains("of KMS"), "{reasons}");
    // Without one, the code of the failure is told.
    fixture.cache.set("key", refused("AccessDeniedException"));
    let reasons = fixture.read().unwrap_err().reasons().join("\n");
    assert!(reasons.contains("(AccessDeniedException)"), "{reasons}");
}

#[test]
fn another_version_is_reported_at_once() {
    let fixture = Fixture::new(&["sm://db"], vec![("db", served("db", Some("v1"), "a"))]);
    fixture.read().unwrap();
    assert_eq!(fixture.changed_after(), 200);
    fixture.cache.set("db", served("db", Some("v2"), "b"));
    assert_eq!(fixture.changed_after(), 0);
    fixture.read().unwrap();
    assert_eq!(fixture.changed_after(), 200);
}

#[test]
fn what_cannot_be_read_is_reported_after_a_pause() {
    let fixture = Fixture::new(&["sm://db"], vec![("db", served("db", Some("v1"), "a"))]);
    fixture.read().unwrap();
    fixture.cache.set("db", refused("AccessDeniedException"));
    assert_eq!(fixture.changed_after(), 30);
    fixture.read().unwrap_err();
    assert_eq!(fixture.changed_after(), 30);
    assert_eq!(*fixture.cache.waits.borrow(), 1);
}

#[test]
fn what_does_not_exist_is_reported_when_it_does() {
    let missing = || refused("ResourceNotFoundException");
    let fixture = Fixture::new(&["sm://db?optional"], vec![("db", missing())]);
    fixture.read().unwrap();
    assert_eq!(fixture.changed_after(), 200);
    fixture.cache.set("db", served("db", Some("v1"), "a"));
    assert_eq!(fixture.changed_after(), 0);
    fixture.read().unwrap();
    fixture.cache.set("db", missing());
    assert_eq!(fixture.changed_after(), 30, "it was removed");
}

#[test]
fn a_value_without_a_version_is_read_again_after_a_pause() {
    let fixture = Fixture::new(&["sm://db"], vec![("db", served("db", None, "a"))]);
    let known = fixture.read().unwrap();
    assert_eq!(known.values[0].version, None);
    assert_eq!(fixture.changed_after(), 30);
}

#[test]
fn a_stale_value_is_marked() {
    let fixture = Fixture::new(&["sm://db"], vec![("db", served("db", Some("v1"), "a"))]);
    let reason = OutageReason::Timeout;
    let stale = Some(StaleReason { past_ttl: Duration::from_secs(5), reason });
    let value = served("db", Some("v1"), "a").map(|served| ServedValue { stale, ..served });
    fixture.cache.set("db", value);
    assert_eq!(fixture.read().unwrap().values[0].stale, stale);
}

#[test]
fn without_references_nothing_changes() {
    let fixture = Fixture::new(&[], Vec::new());
    fixture.read().unwrap();
    assert_eq!(fixture.changed_after(), 200);
}

#[test]
fn a_new_version_that_cannot_be_used_is_reported_once() {
    let object = |version| served("db", Some(version), r#"{"password":"p"}"#);
    let fixture = Fixture::new(
        &["sm://db#password", "sm://other"],
        vec![("db", object("v1")), ("other", served("other", Some("v1"), "o"))],
    );
    fixture.read().unwrap();
    fixture.cache.set("db", served("db", Some("v2"), "no object"));
    assert_eq!(fixture.changed_after(), 0);
    fixture.read().unwrap_err();
    assert_eq!(fixture.changed_after(), 200);
    fixture.cache.set("db", object("v3"));
    assert_eq!(fixture.changed_after(), 0);
    fixture.read().unwrap();
    // The same while another one is refused.
    fixture.cache.set("other", refused("AccessDeniedException"));
    fixture.cache.set("db", object("v4"));
    assert_eq!(fixture.changed_after(), 0);
    fixture.read().unwrap_err();
    assert_eq!(fixture.changed_after(), 30);
}

/// Takes all values, and never acts.
struct NoConsumer;

impl Consumer for NoConsumer {
    type Change = Infallible;

    fn change(&self, _values: &FollowedValues) -> Result<Option<Infallible>, Error> {
        Ok(None)
    }

    async fn act(&self, change: Infallible, _: Duration) {
        match change {}
    }
}

#[test]
fn the_loop_reads_seldom_while_a_new_version_cannot_be_used() {
    let object = |version| served("db", Some(version), r#"{"password":"p"}"#);
    let fixture = Fixture::new(&["sm://db#password"], vec![("db", object("v1"))]);
    let (log, entropy) = (RecordingLog::default(), SequenceEntropy::counting());
    let timing = Timing { quiet_period: Duration::from_secs(5), splay: Duration::ZERO };
    let ports = FollowPorts { clock: &fixture.clock, entropy: &entropy, log: &log };
    let mut following = pin!(follow(&fixture.references, &NoConsumer, timing, ports));
    let mut advance = |seconds| {
        for _ in 0..seconds {
            assert!(following.as_mut().now_or_never().is_none());
            fixture.clock.advance(Duration::from_secs(1));
        }
    };
    advance(10);
    fixture.cache.set("db", served("db", Some("v2"), "no object"));
    advance(600);
    assert!(fixture.cache.snapshots.get() < 15, "{}", fixture.cache.snapshots.get());
    fixture.cache.set("db", served("db", Some("v3"), r#"{"password":"q"}"#));
    advance(10);
    assert_eq!(
        log.events(),
        ["followed_read_failed", "followed_read_recovered", "references_changed"]
    );
}
