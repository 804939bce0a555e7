//! Starts while AWS cannot be reached, with copies on a disk that is simulated here.

use super::*;
use roles_anywhere_client::time::Timestamp;

/// How old a copy may be.
const MAX_AGE: Duration = Duration::from_secs(2_000);

/// What is on the disk: role, name, whether it is of the current version, value and time.
#[derive(Default)]
struct FakeCopies {
    clock: ManualClock,
    copies: RefCell<Vec<FakeCopy>>,
}

#[derive(Clone)]
struct FakeCopy {
    role: String,
    label: Option<String>,
    value: FetchedValue,
    confirmed: Timestamp,
}

impl FakeCopy {
    fn is_of(&self, scope: &CallScope, item: &ReadItem) -> bool {
        let ReadItem::Secret(request) = item else { return false };
        let arn = self.value.arn().unwrap();
        *self.role == *scope.role.arn
            && request.secret.is_of(arn, self.value.name())
            && self.label == request.version_stage
    }
}

impl OfflineCopies for FakeCopies {
    fn load(&self, scope: &CallScope, item: &ReadItem) -> Option<OfflineCopy> {
        let copies = self.copies.borrow();
        let copy = copies.iter().find(|copy| copy.is_of(scope, item))?;
        let age = copy.confirmed.duration_until(self.clock.now());
        let usable_for = MAX_AGE.checked_sub(age)?;
        Some(OfflineCopy { value: copy.value.clone(), age, usable_for })
    }

    fn store(
        &self,
        scope: &CallScope,
        item: &ReadItem,
        value: &FetchedValue,
        confirmed: Timestamp,
    ) {
        let ReadItem::Secret(request) = item else { return };
        let (role, label) = (scope.role.arn.to_string(), request.version_stage.clone());
        self.remove(scope, item, RefusedPart::Version);
        self.copies.borrow_mut().push(FakeCopy { role, label, value: value.clone(), confirmed });
    }

    fn remove(&self, scope: &CallScope, item: &ReadItem, _: RefusedPart) {
        self.copies.borrow_mut().retain(|copy| !copy.is_of(scope, item));
    }

    fn remove_role(&self, role_arn: &str) {
        self.copies.borrow_mut().retain(|copy| copy.role != role_arn);
    }

    fn roles(&self) -> Vec<String> {
        self.copies.borrow().iter().map(|copy| copy.role.clone()).collect()
    }

    fn statistics(&self) -> OfflineStatistics {
        OfflineStatistics { copies: self.copies.borrow().len(), failures: 0 }
    }
}

/// A process that has read `names` and ended 100 s ago; the next one starts while AWS does not answer.
fn restarted(names: &[&str]) -> (Fixture, Rc<FakeCopies>) {
    restarted_with(names, Vec::new())
}

fn restarted_with(names: &[&str], prefetch: Vec<Prefetch>) -> (Fixture, Rc<FakeCopies>) {
    let before = Fixture::new(names);
    let copies = Rc::new(FakeCopies { clock: before.clock.clone(), ..FakeCopies::default() });
    before.cache.keep_copies(Some(Rc::clone(&copies) as _));
    before.run(async |it| {
        for name in names {
            assert_eq!(it.number(&secret(name)).await, Ok(1));
        }
    });
    assert_eq!(copies.copies.borrow().len(), names.len());
    before.clock.advance(Duration::from_secs(100));
    let mut after = Fixture::with(&[], POLICY, prefetch);
    let entropy = SequenceEntropy::pseudo_random(2);
    let ports = FakePorts { clock: before.clock.clone(), entropy, ..FakePorts::default() };
    let prefetch = after.cache.prefetch.take();
    let aws = Rc::clone(&before.aws);
    after.cache = SecretsCache::new(Rc::clone(&aws) as _, ports.ports(), POLICY, prefetch);
    (after.clock, after.aws) = (before.clock.clone(), aws);
    after.cache.keep_copies(Some(Rc::clone(&copies) as _));
    after.aws.behaviour.set(Behaviour::Fails(OutageReason::Connection));
    after.aws.take_calls();
    (after, copies)
}

/// Returns the version, the source and the age.
async fn got(it: &Fixture, request: &ReadRequest) -> Result<(u32, ReadSource, u64), ReadFailure> {
    let (served, _) = it.timed(it.cache.read(request)).await;
    let served = served?;
    assert_eq!(served.stale.is_some(), served.source.is_stale());
    Ok((number(&served), served.source, served.age.as_secs()))
}

#[test]
fn a_start_in_an_outage_serves_the_copy_as_stale_until_it_is_too_old() {
    let (fixture, _) = restarted(&["s"]);
    fixture.run(async |it| {
        for request in [secret("s"), secret(&secret_arn("s", 1))] {
            let (served, _) = it.timed(it.cache.read(&request)).await;
            let served = served.unwrap();
            assert_eq!((number(&served), served.source), (1, ReadSource::OfflineCopy));
            let stale = served.stale.unwrap();
            // It is not fresh even within its TTL.
            assert_eq!((stale.past_ttl, stale.reason), (Duration::ZERO, OutageReason::Connection));
            assert_eq!(served.age.as_secs(), 100);
        }
        assert!(it.cache.read_now(&secret("s")).is_none());
        // `refreshNow` never gets it.
        assert_eq!(it.number(&now(&secret("s"))).await, Err(ReadFailure::Interrupted));
        it.jump(Duration::from_secs(1_890)).await;
        let (version, source, age) = got(it, &secret("s")).await.unwrap();
        assert_eq!((version, source), (1, ReadSource::OfflineCopy));
        assert!((1_990..=2_000).contains(&age), "{age}");
        it.jump(Duration::from_secs(20)).await;
        assert_eq!(got(it, &secret("s")).await, Err(ReadFailure::Interrupted));
        let statistics = it.cache.statistics();
        assert_eq!(statistics.reads["offline"], 3);
        assert_eq!(statistics.offline.unwrap().copies, 1);
    });
}

#[test]
fn a_certificate_that_cannot_be_used_is_an_error_and_not_an_outage() {
    let (fixture, _) = restarted(&["s"]);
    fixture.run(async |it| {
        it.aws.behaviour.set(Behaviour::Fails(OutageReason::Identity));
        // The second read meets a known outage.
        for _ in 0..2 {
            assert!(got(it, &secret("s")).await.is_err());
        }
        it.aws.behaviour.set(Behaviour::Fails(OutageReason::Connection));
        it.jump(Duration::from_secs(60)).await;
        assert_eq!(got(it, &secret("s")).await.map(|it| it.1), Ok(ReadSource::OfflineCopy));
        // What AWS has confirmed since the start is served as in any outage.
        it.aws.behaviour.set(Behaviour::Answers);
        it.pass(40).await;
        it.aws.behaviour.set(Behaviour::Fails(OutageReason::Identity));
        it.jump(Duration::from_secs(400)).await;
        assert_eq!(got(it, &secret("s")).await.map(|it| it.1), Ok(ReadSource::StaleCache));
    });
}

#[test]
fn aws_is_asked_before_a_copy_is_served_and_replaces_it() {
    let (fixture, copies) = restarted(&["s"]);
    fixture.run(async |it| {
        it.aws.behaviour.set(Behaviour::Answers);
        it.aws.rotate("s");
        assert_eq!(got(it, &secret("s")).await, Ok((2, ReadSource::Aws, 0)));
        // Only `GetSecretValue` tells whether the role may still read it.
        assert_eq!(it.aws.take_calls().len(), 1);
        assert_eq!(copies.copies.borrow().len(), 1);
        let FetchedValue::Secret(copy) = copies.copies.borrow()[0].value.clone() else {
            unreachable!()
        };
        assert_eq!(copy.version_id.as_deref().map(number_of), Some(2));
    });
}

#[test]
fn a_copy_is_replaced_when_the_outage_ends() {
    let (fixture, _) = restarted(&["s"]);
    fixture.run(async |it| {
        let (version, source, _) = got(it, &secret("s")).await.unwrap();
        assert_eq!((version, source), (1, ReadSource::OfflineCopy));
        it.aws.rotate("s");
        it.aws.behaviour.set(Behaviour::Answers);
        // Checked in the background.
        it.pass(6).await;
        let served = it.cache.read_now(&secret("s")).unwrap();
        assert_eq!((number(&served), served.source), (2, ReadSource::Cache));
    });
}

#[test]
fn a_refusal_removes_the_copy() {
    let (fixture, copies) = restarted(&["s", "s2"]);
    fixture.run(async |it| {
        it.aws.behaviour.set(Behaviour::Answers);
        it.aws.change("s", |secret| secret.refusal = Some("AccessDeniedException"));
        let refused = Err(service("AccessDeniedException"));
        assert_eq!(got(it, &secret("s")).await, refused);
        assert_eq!(copies.copies.borrow().len(), 1);
        // Not even in the next outage.
        it.aws.behaviour.set(Behaviour::Fails(OutageReason::Connection));
        it.jump(Duration::from_secs(10)).await;
        assert_eq!(got(it, &secret("s")).await, Err(ReadFailure::Interrupted));
        assert_eq!(got(it, &secret("s2")).await.map(|it| it.1), Ok(ReadSource::OfflineCopy));
    });
}

#[test]
fn a_refused_session_removes_all_copies_of_the_role() {
    let (fixture, copies) = restarted(&["s", "s2"]);
    fixture.run(async |it| {
        assert_eq!(got(it, &secret("s")).await.map(|it| it.1), Ok(ReadSource::OfflineCopy));
        let failure = ReadFailure::NoSession { code: "access_denied" };
        it.aws.session.replace(Some(failure.clone()));
        assert_eq!(got(it, &secret("s")).await, Err(failure));
        assert_eq!(copies.copies.borrow().len(), 0);
    });
    // Without any read, too.
    let (fixture, copies) = restarted(&["s"]);
    fixture.run(async |it| {
        it.aws.session.replace(Some(ReadFailure::NoSession { code: "access_denied" }));
        it.pass(6).await;
        assert_eq!(copies.copies.borrow().len(), 0);
    });
}

#[test]
fn a_prefetch_that_is_refused_removes_the_copies() {
    let items = ["s", "s2"].map(|name| PrefetchItems::Secret(name.parse().unwrap()));
    let prefetch = items.map(|items| Prefetch { role: None, items }).to_vec();
    let (fixture, copies) = restarted_with(&["s", "s2"], prefetch);
    fixture.run(async |it| {
        // A copy does not make the prefetch needless.
        assert_eq!(got(it, &secret("s2")).await.map(|it| it.1), Ok(ReadSource::OfflineCopy));
        it.aws.behaviour.set(Behaviour::Answers);
        it.aws.change("s2", |secret| secret.refusal = Some("AccessDeniedException"));
        it.pass(30).await;
        assert!(it.cache.read_now(&secret("s")).is_some());
        assert_eq!(copies.copies.borrow().len(), 1);
        it.aws.behaviour.set(Behaviour::Fails(OutageReason::Connection));
        assert!(got(it, &secret("s2")).await.is_err());
    });
}

#[test]
fn a_secret_that_was_made_again_replaces_the_earlier_copy() {
    let (fixture, _) = restarted(&["s"]);
    fixture.run(async |it| {
        assert_eq!(got(it, &secret("s")).await.map(|it| it.1), Ok(ReadSource::OfflineCopy));
        it.aws.create("s", 2);
        it.aws.behaviour.set(Behaviour::Answers);
        it.pass(40).await;
        let (served, _) = it.timed(it.cache.read(&secret("s"))).await;
        let served = served.unwrap();
        assert_eq!(served.value.content().arn(), Some(&*secret_arn("s", 2)));
        assert_eq!(served.stale, None);
    });
}

#[test]
fn copies_of_two_labels_are_not_said_to_belong_together() {
    let (fixture, copies) = restarted(&["s"]);
    let mut previous = copies.copies.borrow()[0].clone();
    previous.label = Some("AWSPREVIOUS".to_owned());
    copies.copies.borrow_mut().push(previous);
    fixture.run(async |it| {
        let requests = [secret("s"), staged("s", "AWSPREVIOUS")];
        let (results, _) = it.timed(it.cache.read_snapshot(&requests)).await;
        assert_eq!(number(results[0].as_ref().unwrap()), 1);
        assert_eq!(results[1].as_ref().unwrap_err(), &ReadFailure::Inconsistent);
    });
}
