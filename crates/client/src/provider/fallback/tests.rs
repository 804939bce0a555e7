//! The trust anchors of a provider, the time for each, and the state machine of their order.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::http::{Request, SourceMessage, TransportError};
use crate::provider::ErrorKind;
use crate::test_support::clock::ManualClock;
use crate::test_support::ports::FakePorts;
use crate::test_support::session::{ANSWER, identity, request, source};
use crate::test_support::transport::{Reply, ScriptedTransport};
use crate::time::{Clock as _, Timestamp};

/// 15 January 2027, when the certificate is valid.
const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

fn of(region: &str) -> SessionRequest {
    let arn = |kind: &str| format!("arn:aws:rolesanywhere:{region}:123456789012:{kind}");
    let (trust_anchor, profile) = (arn("trust-anchor/a"), arn("profile/p"));
    SessionRequest {
        trust_anchor: trust_anchor.parse().unwrap(),
        profile: profile.parse().unwrap(),
        region: Region::parse(region).unwrap(),
        endpoint: crate::http::Endpoint::parse(&format!("https://{region}.example")).unwrap(),
        ..request()
    }
}

/// How a Region answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum RegionBehaviour {
    Answers,
    Refuses,
    Throttles,
    Fails,
    Hangs,
    Lost,
    Untrusted,
    Proxied { transient: bool },
}

impl RegionBehaviour {
    fn reply(self) -> Reply {
        let message = || SourceMessage("no".to_owned());
        match self {
            Self::Answers => {
                let end = NOW.after(3_600).to_string();
                Reply::status(201, &ANSWER.replace("2015-08-30T12:36:00Z", &end))
            }
            Self::Refuses => Reply::status(403, r#"{"code":"AccessDeniedException"}"#),
            Self::Throttles => Reply::status(400, r#"{"code":"ThrottlingException"}"#),
            Self::Fails => Reply::status(503, "{}"),
            Self::Hangs => Reply::Silence,
            Self::Lost => Reply::lost(),
            Self::Untrusted => Reply::Error(TransportError::Untrusted {
                host: "a".to_owned(),
                presented: None,
                distrust: crate::http::Distrust::Issuer,
                source: message(),
            }),
            Self::Proxied { transient } => Reply::Error(TransportError::Proxy {
                proxy: "p".to_owned(),
                target: "a".to_owned(),
                transient,
                login: !transient,
                source: message(),
            }),
        }
    }
}

/// The Regions of a provider, in its order.
const REGIONS: [&str; 3] = ["us-east-1", "eu-west-1", "ap-south-1"];

struct Exchanged {
    result: Result<Fetched, ProviderError>,
    /// The Regions of the requests, each as often as it was called in a row.
    called: Vec<(&'static str, usize)>,
    elapsed: Duration,
}

fn exchange(order: Order, behaviours: &[RegionBehaviour]) -> Exchanged {
    let [primary, fallbacks @ ..] = &REGIONS[..behaviours.len()] else { panic!("no Region") };
    let provider = RolesAnywhere {
        fallbacks: fallbacks.iter().map(|region| of(region)).collect(),
        ..RolesAnywhere::new(source(), of(primary))
    };
    let clock = ManualClock::at(NOW);
    clock.pass_sleeps(Duration::MAX);
    let behaviours = behaviours.to_vec();
    let region = |request: &Request| {
        let host = request.endpoint.host().to_owned();
        REGIONS.iter().position(|region| host.starts_with(region)).unwrap()
    };
    let transport = ScriptedTransport::new(move |request, _| behaviours[region(request)].reply());
    let fakes = FakePorts { clock, transport, ..FakePorts::default() };
    let deadline = Deadline::new(Duration::ZERO, Duration::from_secs(20));
    let (identity, ports) = (identity(), fakes.ports());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let result = runtime.block_on(provider.exchange(&identity, (order, 0), &ports, deadline));
    let mut called: Vec<(&'static str, usize)> = Vec::new();
    for request in fakes.transport.requests() {
        let name = REGIONS[region(&request)];
        match called.last_mut() {
            Some((last, count)) if *last == name => *count += 1,
            _ => called.push((name, 1)),
        }
    }
    Exchanged { result, called, elapsed: fakes.clock.uptime() }
}

#[test]
fn fallback_is_asked_only_if_the_primary_region_does_not_answer() {
    use RegionBehaviour::{Answers, Fails, Hangs, Lost, Proxied, Refuses, Throttles, Untrusted};
    let rows: [(RegionBehaviour, &[(&str, usize)]); 9] = [
        (Answers, &[("us-east-1", 1)]),
        (Refuses, &[("us-east-1", 1)]),
        (Untrusted, &[("us-east-1", 1)]),
        (Proxied { transient: false }, &[("us-east-1", 1)]),
        (Throttles, &[("us-east-1", 3), ("eu-west-1", 1)]),
        (Fails, &[("us-east-1", 3), ("eu-west-1", 1)]),
        (Lost, &[("us-east-1", 3), ("eu-west-1", 1)]),
        (Hangs, &[("us-east-1", 1), ("eu-west-1", 1)]),
        (Proxied { transient: true }, &[("us-east-1", 3), ("eu-west-1", 1)]),
    ];
    for (behaviour, called) in rows {
        let exchanged = exchange(Order::PrimaryFirst, &[behaviour, Answers]);
        assert_eq!(exchanged.called, called, "{behaviour:?}");
        let falls_back = called.len() > 1;
        assert_eq!(exchanged.result.is_ok(), falls_back || behaviour == Answers, "{behaviour:?}");
        if let Ok(fetched) = exchanged.result {
            assert_eq!(fetched.made_by.is_fallback(), falls_back, "{behaviour:?}");
            assert_eq!(fetched.primary_error.is_some(), falls_back, "{behaviour:?}");
            let region = fetched.made_by.trust_anchor().region().as_str();
            assert_eq!(region, called.last().unwrap().0, "{behaviour:?}");
        }
    }
}

#[test]
fn fallback_that_refuses_leaves_the_turn_to_the_next() {
    use RegionBehaviour::{Answers, Lost, Refuses};
    let exchanged = exchange(Order::PrimaryFirst, &[Lost, Refuses, Answers]);
    assert_eq!(exchanged.called, [("us-east-1", 3), ("eu-west-1", 1), ("ap-south-1", 1)]);
    let region = exchanged.result.unwrap().made_by.trust_anchor().region().to_string();
    assert_eq!(region, "ap-south-1");
}

#[test]
fn primary_trust_anchor_is_asked_last_during_its_backoff() {
    use RegionBehaviour::{Answers, Lost};
    let exchanged = exchange(Order::FallbacksFirst, &[Answers, Answers]);
    assert_eq!(exchanged.called, [("eu-west-1", 1)]);
    let fetched = exchanged.result.unwrap();
    assert!(fetched.made_by.is_fallback() && fetched.primary_error.is_none());
    let exchanged = exchange(Order::FallbacksFirst, &[Answers, Lost]);
    assert_eq!(exchanged.called, [("eu-west-1", 3), ("us-east-1", 1)]);
    assert!(!exchanged.result.unwrap().made_by.is_fallback());
    let exchanged = exchange(Order::PrimaryOnly, &[Lost, Answers]);
    assert_eq!(exchanged.called, [("us-east-1", 3)]);
    assert!(matches!(exchanged.result.unwrap_err(), ProviderError::Request(_)));
}

#[test]
fn error_is_the_primary_one_with_each_fallback() {
    use RegionBehaviour::{Hangs, Lost, Refuses, Throttles};
    let error = exchange(Order::PrimaryFirst, &[Throttles, Refuses, Lost]).result.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unreachable, "throttled"));
    assert_eq!(error.time_limit(), None);
    let ProviderError::EveryRegion { fallbacks, .. } = error else { panic!("{error}") };
    let regions: Vec<_> = fallbacks.iter().map(|it| it.region.as_str()).collect();
    assert_eq!(regions, ["eu-west-1", "ap-south-1"]);
    assert_eq!(fallbacks[0].source.kind(), ErrorKind::Refused);
    // A refusal of the primary one counts, also if it is asked last.
    let error = exchange(Order::FallbacksFirst, &[Refuses, Lost]).result.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Refused, "access_denied"));
    // A longer limit of the whole may help, not the one of a share.
    let error = exchange(Order::PrimaryFirst, &[Lost, Hangs]).result.unwrap_err();
    assert_eq!(error.time_limit(), Some(Duration::from_secs(20)));
}

#[test]
fn all_share_one_time_limit() {
    use RegionBehaviour::{Answers, Hangs};
    let seconds = Duration::from_secs;
    let rows: [(Order, &[RegionBehaviour], u64); 7] = [
        // Without fallbacks, all of the time is for the one trust anchor.
        (Order::PrimaryFirst, &[Hangs], 20),
        (Order::PrimaryOnly, &[Hangs, Answers], 20),
        (Order::PrimaryFirst, &[Hangs, Answers], 10),
        (Order::PrimaryFirst, &[Hangs, Hangs, Answers], 15),
        (Order::PrimaryFirst, &[Hangs, Hangs, Hangs], 20),
        (Order::FallbacksFirst, &[Answers, Hangs], 10),
        (Order::FallbacksFirst, &[Hangs, Hangs, Hangs], 20),
    ];
    for (order, behaviours, elapsed) in rows {
        let exchanged = exchange(order, behaviours);
        let answers = behaviours.contains(&Answers) && order != Order::PrimaryOnly;
        assert_eq!(exchanged.result.is_ok(), answers, "{order:?} {behaviours:?}");
        let difference = seconds(elapsed).abs_diff(exchanged.elapsed);
        assert!(difference < seconds(1), "{order:?} {behaviours:?}: {:?}", exchanged.elapsed);
    }
}

#[test]
fn primary_trust_anchor_gets_half_of_the_time_at_most() {
    let request = of("us-east-1");
    let whole = Deadline::new(Duration::ZERO, Duration::from_secs(20));
    let rows = [
        (Candidate::Primary(&request), 2, 0, 10),
        (Candidate::Primary(&request), 3, 0, 10),
        // Half of the time has passed while another process fetched.
        (Candidate::Primary(&request), 2, 10, 5),
        // It is asked last, and the fallbacks failed at once.
        (Candidate::Primary(&request), 1, 1, 10),
        (Candidate::Primary(&request), 1, 15, 5),
        (Candidate::Fallback(&request), 2, 10, 5),
        (Candidate::Fallback(&request), 1, 10, 10),
        (Candidate::Fallback(&request), 3, 2, 6),
        (Candidate::Fallback(&request), 1, 20, 0),
    ];
    for (candidate, left, elapsed, seconds) in rows {
        let now = Duration::from_secs(elapsed);
        let deadline = share(whole, candidate, left, now);
        assert_eq!(deadline.remaining(now).as_secs(), seconds, "{left} {elapsed}");
    }
}

/// What happens to a caller next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// This many seconds pass.
    Pass(i64),
    /// A session is needed: the primary one makes it, a fallback, or none.
    Need { primary: bool, fallback: bool },
    /// The primary trust anchor is asked if that is due.
    Probe { answers: bool },
    /// As before, but it refuses.
    ProbeRefused,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0_i64..2_000).prop_map(Step::Pass),
        any::<(bool, bool)>().prop_map(|(primary, fallback)| Step::Need { primary, fallback }),
        any::<bool>().prop_map(|answers| Step::Probe { answers }),
        Just(Step::ProbeRefused),
    ]
}

fn fetched(made_by: MadeBy, primary_error: bool) -> Fetched {
    let lost = || exchange(Order::PrimaryOnly, &[RegionBehaviour::Lost]).result.unwrap_err();
    let session = exchange(Order::PrimaryOnly, &[RegionBehaviour::Answers]).result.unwrap().session;
    let primary_error = primary_error.then(|| Arc::new(lost()));
    Fetched { session, made_by, primary_error, renewal_error: None }
}

struct Samples {
    by_primary: Fetched,
    by_fallback: Fetched,
    by_fallback_alone: Fetched,
    lost: ProviderError,
    refused: ProviderError,
}

fn samples() -> Samples {
    let error = |behaviour| exchange(Order::PrimaryOnly, &[behaviour]).result.unwrap_err();
    let [primary, fallback] = [of("us-east-1").trust_anchor, of("eu-west-1").trust_anchor];
    Samples {
        by_primary: fetched(MadeBy::Primary(primary), false),
        by_fallback: fetched(MadeBy::Fallback(fallback.clone()), true),
        by_fallback_alone: fetched(MadeBy::Fallback(fallback), false),
        lost: error(RegionBehaviour::Lost),
        refused: error(RegionBehaviour::Refuses),
    }
}

/// Plays `steps`, and checks after each what is asked next.
fn play(steps: &[Step], randoms: &[u64], samples: &Samples) {
    let (mut state, mut now) = (FallbackState::default(), 1_000_000);
    // The time since the primary trust anchor was last asked while a fallback was in use.
    let mut last_asked: Option<i64> = None;
    for (step, random) in steps.iter().zip(randoms.iter().cycle()) {
        let until_probe = state.until_probe(now);
        match *step {
            Step::Pass(seconds) => now += seconds,
            Step::Need { primary, fallback } => {
                let asks_primary = state.order(now) == Order::PrimaryFirst || !fallback;
                state = match (primary && asks_primary, fallback) {
                    (true, _) => state.fetched(&samples.by_primary, now, *random),
                    (false, true) if asks_primary => {
                        state.fetched(&samples.by_fallback, now, *random)
                    }
                    (false, true) => state.fetched(&samples.by_fallback_alone, now, *random),
                    (false, false) => state.failed(),
                };
                if asks_primary {
                    last_asked = fallback.then_some(now).filter(|_| !primary);
                }
                assert_eq!(state.until_probe(now).is_some(), last_asked.is_some());
            }
            Step::Probe { .. } | Step::ProbeRefused if until_probe != Some(0) => {}
            Step::Probe { answers } => {
                let waited = now - last_asked.expect("a fallback is in use");
                assert!(waited >= FIRST_BACKOFF / 2, "asked again after {waited} s");
                state = match answers {
                    true => state.fetched(&samples.by_primary, now, *random),
                    false => state.probe_failed(&samples.lost, now, *random),
                };
                last_asked = (!answers).then_some(now);
            }
            Step::ProbeRefused => {
                state = state.probe_failed(&samples.refused, now, *random);
                last_asked = None;
            }
        }
        // What it is asked next follows from one number, which is never beyond the ceiling.
        match state.until_probe(now) {
            Some(left) => {
                assert!((0..=MAX_BACKOFF).contains(&left));
                assert_eq!(state.order(now) == Order::FallbacksFirst, left > 0);
                assert_eq!(state.order(now + MAX_BACKOFF), Order::PrimaryFirst);
            }
            None => assert_eq!(state.order(now), Order::PrimaryFirst),
        }
        assert_eq!(FallbackState::restore(state.backoff()), state);
    }
}

#[test]
fn backoff_doubles_up_to_its_ceiling_and_is_spread() {
    let Samples { lost, .. } = samples();
    let longest = |failures: usize| {
        let fail = |state: FallbackState, _| state.probe_failed(&lost, 0, 0);
        (0..failures).fold(FallbackState::default(), fail).until_probe(0)
    };
    let seconds: Vec<_> = (0..9).map(longest).collect();
    let expected = [30, 60, 120, 240, 480, 900, 900, 900].map(Some);
    assert_eq!(seconds[0], None);
    assert_eq!(seconds[1..], expected);
    let spread: BTreeSet<_> = (0..200)
        .map(|random| FallbackState::default().probe_failed(&lost, 0, random).until_probe(0))
        .collect();
    assert_eq!((spread.first(), spread.last()), (Some(&Some(15)), Some(&Some(30))));
}

#[test]
fn clock_that_was_set_back_ends_the_backoff() {
    let state = FallbackState::default().probe_failed(&samples().lost, 10_000, 0);
    assert_eq!(state.until_probe(9_990), Some(40));
    assert_eq!(state.until_probe(0), Some(0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn keeps_its_invariants_in_any_sequence_of_steps(
        steps in proptest::collection::vec(step(), 1..60),
        randoms in proptest::collection::vec(any::<u64>(), 1..8),
    ) {
        thread_local!(static SAMPLES: Samples = samples());
        SAMPLES.with(|samples| play(&steps, &randoms, samples));
    }
}
