//! What a snapshot has, and when it is read again.

use std::cell::RefCell;
use std::pin::pin;

use futures_util::FutureExt as _;

use super::*;
use crate::secrets::lookup::Scope;
use crate::secrets::value::ResolvedValue;
use crate::secrets_cache::{CacheStatistics, CachedValue, FetchedValue, OutageReason, ReadItem};
use crate::secrets_cache::{ReadSource, StaleReason};
use roles_anywhere_client::aws::get_secret_value::{SecretValue, SecretVersion};
use roles_anywhere_client::region::Region;
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::time::Clock as _;
use roles_anywhere_test_support::clock::ManualClock;

type ReadResult = Result<ServedValue, ReadFailure>;

/// A cache with a result for each name, which the tests replace.
struct FakeCache {
    results: RefCell<Vec<(&'static str, ReadResult)>>,
    clock: ManualClock,
    waits: RefCell<u32>,
}

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

/// References to secrets of a cache.
struct Fixture {
    cache: Rc<FakeCache>,
    clock: ManualClock,
    references: CachedReferences,
}

impl Fixture {
    fn new(texts: &[&str], results: Vec<(&'static str, ReadResult)>) -> Self {
        let clock = ManualClock::default();
        let (results, waits) = (RefCell::new(results), RefCell::default());
        let cache = Rc::new(FakeCache { results, clock: clock.clone(), waits });
        let references = texts
            .iter()
            .map(|text| NamedReference { name: None, reference: Reference::parse(text).unwrap() });
        let references: Vec<_> = references.collect();
        let plan = LookupPlan::new(references.iter().map(|it| &it.reference), |role| Scope {
            role: role.map(Into::into),
            region: Region::parse("us-east-1").unwrap(),
        });
        let (ttl, timer) = (Duration::from_secs(300), Arc::new(clock.clone()));
        let references =
            CachedReferences::new(&references, plan, Rc::clone(&cache) as _, ttl, timer);
        Self { cache, clock, references }
    }

    fn read(&self) -> Result<FollowedValues, Error> {
        self.references.read().now_or_never().unwrap()
    }

    /// Returns the seconds until the source reports a change, of at most 1000.
    fn changed_after(&self, known: Option<&FollowedValues>) -> u64 {
        let (from, limit) = (self.clock.uptime(), Duration::from_secs(1_000));
        let mut changed = pin!(self.references.changed(known, limit));
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
fn another_version_is_reported_at_once() {
    let fixture = Fixture::new(&["sm://db"], vec![("db", served("db", Some("v1"), "a"))]);
    let known = fixture.read().unwrap();
    assert_eq!(fixture.changed_after(Some(&known)), 1_000);
    fixture.cache.set("db", served("db", Some("v2"), "b"));
    assert_eq!(fixture.changed_after(Some(&known)), 0);
    let known = fixture.read().unwrap();
    assert_eq!(fixture.changed_after(Some(&known)), 1_000);
}

#[test]
fn what_cannot_be_read_is_reported_after_a_pause() {
    let fixture = Fixture::new(&["sm://db"], vec![("db", served("db", Some("v1"), "a"))]);
    let known = fixture.read().unwrap();
    fixture.cache.set("db", refused("AccessDeniedException"));
    assert_eq!(fixture.changed_after(Some(&known)), 30);
    assert_eq!(fixture.changed_after(None), 30);
    assert_eq!(*fixture.cache.waits.borrow(), 2);
}

#[test]
fn what_does_not_exist_is_reported_when_it_does() {
    let missing = || refused("ResourceNotFoundException");
    let fixture = Fixture::new(&["sm://db?optional"], vec![("db", missing())]);
    let known = fixture.read().unwrap();
    assert_eq!(fixture.changed_after(Some(&known)), 1_000);
    fixture.cache.set("db", served("db", Some("v1"), "a"));
    assert_eq!(fixture.changed_after(Some(&known)), 0);
    let known = fixture.read().unwrap();
    fixture.cache.set("db", missing());
    assert_eq!(fixture.changed_after(Some(&known)), 30, "it was removed");
}

#[test]
fn a_value_without_a_version_is_read_again_after_a_pause() {
    let fixture = Fixture::new(&["sm://db"], vec![("db", served("db", None, "a"))]);
    let known = fixture.read().unwrap();
    assert_eq!(known.values[0].version, None);
    assert_eq!(fixture.changed_after(Some(&known)), 30);
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
    let known = fixture.read().unwrap();
    assert_eq!(fixture.changed_after(Some(&known)), 1_000);
}
