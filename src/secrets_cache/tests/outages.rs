//! What readers get while AWS cannot be reached, and when it refuses.

use super::fake_aws::failure_of;
use super::*;

const KINDS: [Behaviour; 6] = [
    // Expired credentials, throttling, 5xx, a cut connection, no connection, no answer.
    Behaviour::Fails(OutageReason::Session),
    Behaviour::Fails(OutageReason::Throttled),
    Behaviour::Fails(OutageReason::ServiceFailure),
    Behaviour::Fails(OutageReason::Connection),
    Behaviour::Fails(OutageReason::Tls),
    Behaviour::Hangs,
];

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    WithinTtl,
    PastTtl,
    PastMaxStale,
    NeverRead,
}

impl State {
    const ALL: [Self; 4] = [Self::WithinTtl, Self::PastTtl, Self::PastMaxStale, Self::NeverRead];

    /// Returns the age of the value, if there is one.
    fn age(self) -> Option<Duration> {
        match self {
            Self::WithinTtl => Some(TTL - Duration::from_secs(100)),
            Self::PastTtl => Some(UNREFRESHED),
            Self::PastMaxStale => Some(TTL + POLICY.max_stale + Duration::from_secs(1)),
            Self::NeverRead => None,
        }
    }
}

fn reason(kind: Behaviour) -> OutageReason {
    match kind {
        Behaviour::Fails(reason) => reason,
        Behaviour::Hangs => OutageReason::Timeout,
        Behaviour::Answers => unreachable!("no outage"),
    }
}

/// What a reader got: the version, where it is from and why it is stale, or the failure.
type Got = Result<(u32, ReadSource, Option<OutageReason>), ReadFailure>;

async fn got(it: &Fixture, request: &ReadRequest) -> (Got, u64) {
    let (served, time) = it.timed(it.cache.read(request)).await;
    let facts = |served: ServedValue| {
        let stale = served.stale.map(|stale| {
            assert_eq!(served.age, TTL + stale.past_ttl);
            stale.reason
        });
        (number(&served), served.source, stale)
    };
    (served.map(facts), time.as_secs())
}

#[test]
fn each_kind_of_outage_has_its_answer_in_each_state() {
    for kind in KINDS {
        let reason = reason(kind);
        let fails = || Err(failure_of(reason));
        let takes = if kind == Behaviour::Hangs { 4 } else { 0 };
        for state in State::ALL {
            for freshness in [RequestedFreshness::Cached, RequestedFreshness::Now] {
                let is_now = freshness == RequestedFreshness::Now;
                let expected = match state {
                    State::WithinTtl if !is_now => (Ok((1, ReadSource::Cache, None)), 0),
                    State::PastTtl if !is_now => {
                        (Ok((1, ReadSource::StaleCache, Some(reason))), takes)
                    }
                    _ => (fails(), takes),
                };
                let found = Fixture::new(&["s"]).run(async |it| {
                    let request = ReadRequest { freshness, ..secret("s") };
                    if let Some(age) = state.age() {
                        assert_eq!(it.number(&secret("s")).await, Ok(1));
                        it.jump(age).await;
                    }
                    it.aws.behaviour.set(kind);
                    // A version that is not seen.
                    it.aws.rotate("s");
                    got(it, &request).await
                });
                assert_eq!(found, expected, "{kind:?} {state:?} {freshness:?}");
            }
        }
    }
}

#[test]
fn in_a_known_outage_no_reader_waits() {
    for kind in KINDS {
        Fixture::new(&["s", "s2"]).run(async |it| {
            let requests = [secret("s"), secret("s2")];
            for request in &requests {
                assert_eq!(it.number(request).await, Ok(1));
            }
            it.expire().await;
            it.aws.behaviour.set(kind);
            let stale = Ok((1, ReadSource::StaleCache, Some(reason(kind))));
            assert_eq!(got(it, &requests[0]).await.0, stale);
            // Known by the first one.
            for _ in 0..120 {
                for request in &requests {
                    assert_eq!(got(it, request).await, (stale.clone(), 0));
                }
                it.pass(1).await;
            }
            // A call every few seconds tries whether it has ended.
            let calls = it.aws.take_calls().len();
            assert!((10..=30).contains(&calls), "{calls}");
            it.aws.behaviour.set(Behaviour::Answers);
            it.aws.rotate("s");
            it.pass(12).await;
            let fresh = |version| (Ok((version, ReadSource::Cache, None)), 0);
            assert_eq!(got(it, &requests[0]).await, fresh(2), "{kind:?}");
            assert_eq!(got(it, &requests[1]).await, fresh(1), "{kind:?}");
        });
    }
}

#[test]
fn a_reader_after_a_while_asks_again() {
    Fixture::new(&["s"]).run(async |it| {
        assert_eq!(it.number(&secret("s")).await, Ok(1));
        it.expire().await;
        it.aws.behaviour.set(Behaviour::Fails(OutageReason::Connection));
        assert_eq!(it.number(&secret("s")).await, Ok(1));
        // Nothing reads it, so nothing tries; that is no outage that is known.
        it.aws.behaviour.set(Behaviour::Answers);
        it.expire().await;
        it.aws.rotate("s");
        assert_eq!(got(it, &secret("s")).await, (Ok((2, ReadSource::Aws, None)), 0));
    });
}

#[test]
fn a_late_answer_ends_the_outage() {
    Fixture::new(&["s"]).run(async |it| {
        assert_eq!(it.number(&secret("s")).await, Ok(1));
        it.expire().await;
        it.aws.rotate("s");
        it.aws.delays.set((Duration::from_secs(6), Duration::ZERO));
        let stale = Ok((1, ReadSource::StaleCache, Some(OutageReason::Timeout)));
        assert_eq!(got(it, &secret("s")).await, (stale.clone(), 4));
        assert_eq!(got(it, &secret("s")).await, (stale, 0));
        it.pass(2).await;
        assert_eq!(got(it, &secret("s")).await, (Ok((2, ReadSource::Cache, None)), 0));
        assert_eq!(it.aws.take_calls().len(), 2);
    });
}

#[test]
fn a_call_that_hangs_is_the_answer_to_the_next_readers() {
    Fixture::new(&["s"]).run(async |it| {
        it.aws.behaviour.set(Behaviour::Hangs);
        assert_eq!(got(it, &secret("s")).await, (Err(ReadFailure::Timeout), 4));
        assert_eq!(got(it, &secret("s")).await, (Err(ReadFailure::Timeout), 0));
        it.pass(4).await;
        assert_eq!(got(it, &secret("s")).await, (Err(ReadFailure::Timeout), 0));
        assert_eq!(it.aws.take_calls().len(), 1);
    });
}

#[test]
fn a_reader_waits_until_its_deadline() {
    Fixture::new(&["s"]).run(async |it| {
        it.aws.behaviour.set(Behaviour::Hangs);
        let deadline = Some(it.clock.uptime() + Duration::from_secs(1));
        let request = ReadRequest { deadline, ..secret("s") };
        assert_eq!(got(it, &request).await, (Err(ReadFailure::Timeout), 1));
        let pair = [ReadRequest { deadline: None, ..secret("s") }, request];
        let (results, time) = it.timed(it.cache.read_snapshot(&pair)).await;
        assert!(results.iter().all(Result::is_err) && time.is_zero());
        // A wait ends as it says, even if nothing is known.
        let request = secret("s2");
        let wait = it.cache.wait_for_change(&request, "", Duration::from_secs(1));
        let (result, time) = it.timed(wait).await;
        assert!(result.unwrap().is_none() && time.as_secs() == 1);
    });
}

#[test]
fn a_call_that_began_before_the_last_answer_begins_no_outage() {
    Fixture::new(&["s", "s2", "s3"]).run(async |it| {
        for name in ["s", "s2", "s3"] {
            assert_eq!(it.number(&secret(name)).await, Ok(1));
        }
        it.expire().await;
        it.aws.behaviour.set(Behaviour::Hangs);
        let request = secret("s");
        let mut hanging = it.cache.read(&request);
        assert!((&mut hanging).now_or_never().is_none());
        it.settle().await;
        it.aws.behaviour.set(Behaviour::Answers);
        assert_eq!(got(it, &secret("s2")).await, (Ok((1, ReadSource::Aws, None)), 0));
        for _ in 0..12 {
            it.pass(1).await;
        }
        assert_eq!(hanging.await.unwrap().stale.unwrap().reason, OutageReason::Timeout);
        assert_eq!(got(it, &secret("s3")).await, (Ok((1, ReadSource::Aws, None)), 0));
    });
}

#[test]
fn a_failure_about_one_secret_is_no_outage_of_others() {
    Fixture::new(&["s", "s2"]).run(async |it| {
        for name in ["s", "s2"] {
            assert_eq!(it.number(&secret(name)).await, Ok(1));
        }
        it.expire().await;
        it.aws.behaviour.set(Behaviour::Fails(OutageReason::Answer));
        let stale = Ok((1, ReadSource::StaleCache, Some(OutageReason::Answer)));
        assert_eq!(got(it, &secret("s")).await, (stale.clone(), 0));
        it.aws.behaviour.set(Behaviour::Answers);
        assert_eq!(got(it, &secret("s2")).await, (Ok((1, ReadSource::Aws, None)), 0));
        assert_eq!(got(it, &secret("s")).await, (stale, 0));
        it.pass(6).await;
        assert_eq!(got(it, &secret("s")).await, (Ok((1, ReadSource::Cache, None)), 0));
    });
}

#[test]
fn without_stale_answers_an_outage_fails_reads_past_the_ttl() {
    let policy = CachePolicy { max_stale: Duration::ZERO, ..POLICY };
    Fixture::with(&["s"], policy, Vec::new()).run(async |it| {
        assert_eq!(it.number(&secret("s")).await, Ok(1));
        it.aws.behaviour.set(Behaviour::Hangs);
        it.jump(TTL - Duration::from_secs(1)).await;
        assert_eq!(got(it, &secret("s")).await, (Ok((1, ReadSource::Cache, None)), 0));
        it.expire().await;
        // The check in the background has hung.
        assert_eq!(got(it, &secret("s")).await, (Err(ReadFailure::Timeout), 0));
        it.aws.behaviour.set(Behaviour::Answers);
        it.pass(15).await;
        assert_eq!(it.number(&secret("s")).await, Ok(1));
    });
}

#[test]
fn a_hanging_call_keeps_no_other_one_waiting() {
    let names: Vec<String> = (0..40).map(|n| format!("s{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Fixture::new(&names).run(async |it| {
        it.aws.behaviour.set(Behaviour::Hangs);
        let requests: Vec<_> = names.iter().map(|name| secret(name)).collect();
        let reads = join_all(requests.iter().map(|request| it.cache.read(request)));
        let (results, time) = it.timed(reads).await;
        assert!(results.iter().all(|result| *result.as_ref().unwrap_err() == ReadFailure::Timeout));
        assert_eq!(time.as_secs(), 4);
        it.aws.behaviour.set(Behaviour::Answers);
        it.pass(30).await;
        assert_eq!(it.number(&secret("s39")).await, Ok(1));
    });
}

#[test]
fn a_refused_session_drops_everything_once_the_one_in_use_has_ended() {
    Fixture::new(&["s", "s2"]).run(async |it| {
        for name in ["s", "s2"] {
            assert_eq!(it.number(&secret(name)).await, Ok(1));
        }
        let refused = ReadFailure::NoSession { code: "access_denied" };
        *it.aws.session.borrow_mut() = Some(refused.clone());
        assert!(it.cache.read_now(&secret("s")).is_none());
        assert_eq!(it.number(&secret("s")).await, Err(refused.clone()));
        assert_eq!(it.number(&now(&secret("s2"))).await, Err(refused));
        assert_eq!(it.cache.statistics().entries, 0);
        *it.aws.session.borrow_mut() = None;
        it.aws.behaviour.set(Behaviour::Fails(OutageReason::Connection));
        assert_eq!(it.number(&secret("s")).await, Err(ReadFailure::Interrupted));
    });
    // Without a read, too.
    Fixture::new(&["s"]).run(async |it| {
        assert_eq!(it.number(&secret("s")).await, Ok(1));
        *it.aws.session.borrow_mut() = Some(ReadFailure::NoSession { code: "access_denied" });
        it.pass(6).await;
        assert_eq!(it.cache.statistics().entries, 0);
    });
}
