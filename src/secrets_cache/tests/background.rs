//! Checks in the background, lists, and the prefetch.

use super::fake_aws::FakeSecret;
use super::*;

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("s/{n}")).collect()
}

fn fixture(names: &[String], prefetch: Vec<PrefetchItems>) -> Fixture {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let prefetch = prefetch.into_iter().map(|items| Prefetch { role: None, items }).collect();
    Fixture::with(
        &names,
        CachePolicy { max_entries: 1_000, max_bytes: 8 << 20, ..POLICY },
        prefetch,
    )
}

#[test]
fn entries_that_are_read_are_checked_before_their_ttl_ends() {
    Fixture::new(&["s", "s2"]).run(async |it| {
        for name in ["s", "s2"] {
            assert_eq!(it.number(&secret(name)).await, Ok(1));
        }
        it.aws.take_calls();
        for second in 0..3_000 {
            it.pass(1).await;
            if second % 10 == 0 {
                let served = it.cache.read_now(&secret("s")).expect("no reader waits");
                assert!(served.age < TTL && served.stale.is_none());
            }
        }
        let calls = it.aws.take_calls();
        let of = |nth| {
            let arn = secret_arn(nth, 1);
            calls.iter().filter(|call| call.ends_with(&arn)).count()
        };
        // Each 75 to 95 % of the TTL; the one that nobody reads, for two TTLs.
        assert!((10..=14).contains(&of("s")), "{calls:?}");
        assert!((1..=2).contains(&of("s2")), "{calls:?}");
    });
}

#[test]
fn a_call_that_is_dropped_leaves_room_for_another_one() {
    let it = Fixture::new(&["s"]);
    it.aws.behaviour.set(Behaviour::Hangs);
    let request = secret("s");
    it.run(async |it| {
        let reading = pin!(it.cache.read(&request));
        let begun = async {
            while it.aws.take_calls().is_empty() {
                it.settle().await;
            }
        };
        select(reading, pin!(begun)).await;
    });
    // What made the call is gone.
    it.aws.behaviour.set(Behaviour::Answers);
    it.run(async |it| {
        let (read, took) = it.timed(it.cache.read(&request)).await;
        assert_eq!((number(&read.unwrap()), took.as_secs()), (1, 0));
    });
}

#[test]
fn checks_do_not_stay_together() {
    let names = names(100);
    fixture(&names, Vec::new()).run(async |it| {
        let requests: Vec<_> = names.iter().map(|name| secret(name)).collect();
        for request in &requests {
            assert_eq!(it.number(request).await, Ok(1));
        }
        it.aws.denied.borrow_mut().push("ListSecrets");
        it.pass(200).await;
        requests.iter().for_each(|request| drop(it.cache.read_now(request)));
        it.aws.take_calls();
        let mut most = 0;
        for _ in 0..100 {
            it.pass(1).await;
            most = most.max(it.aws.take_calls().len());
        }
        assert!(most <= 10, "{most} calls in a second");
    });
}

#[test]
fn a_thousand_unread_secrets_cost_no_calls_after_the_prefetch() {
    let names = names(1_000);
    let all = PrefetchItems::Path("s".to_owned());
    fixture(&names, vec![all]).run(async |it| {
        it.pass(1).await;
        let calls = it.aws.take_calls();
        let batches = calls.iter().filter(|call| call.starts_with("BatchGet")).count();
        assert_eq!((batches, calls.len()), (50, 51), "{calls:?}");
        assert_eq!(it.cache.statistics().entries, 1_000);
        it.pass(900).await;
        assert_eq!(it.aws.take_calls(), [""; 0]);
    });
}

#[test]
fn what_was_prefetched_by_arn_tag_or_path_is_hit_by_name() {
    let names = names(4);
    let items = vec![
        PrefetchItems::Secret(secret_arn("s/0", 1).parse().unwrap()),
        PrefetchItems::Tag { key: "app".to_owned(), value: Some("web".to_owned()) },
        PrefetchItems::Path("s/x".to_owned()),
        PrefetchItems::Parameter(ParameterId::Name("/one".to_owned())),
        PrefetchItems::Path("/prod/".to_owned()),
    ];
    let it = fixture(&names, items);
    for (name, value) in [
        ("s/1", r#","Tags":[{"Key":"app","Value":"web"}]"#),
        ("s/2", r#","Tags":[{"Key":"app","Value":"db"}]"#),
    ] {
        it.aws.change(name, |secret: &mut FakeSecret| secret.details = value);
    }
    it.aws.create("s/x/3", 1);
    for name in ["/one", "/prod/url", "/other"] {
        it.aws.parameters.borrow_mut().insert(name.to_owned(), 3);
    }
    it.run(async |it| {
        it.settle().await;
        for name in ["s/0", "s/1", "s/x/3"] {
            assert_eq!(
                it.cache.read_now(&staged(name, "AWSCURRENT")).map(|it| number(&it)),
                Some(1),
                "{name}"
            );
        }
        for name in ["s/2", "s/3"] {
            assert!(it.cache.read_now(&secret(name)).is_none());
        }
        for name in ["/one", "/prod/url"] {
            assert_eq!(
                it.cache.read_now(&parameter(name)).map(|it| number(&it)),
                Some(3),
                "{name}"
            );
        }
        assert!(it.cache.read_now(&parameter("/other")).is_none());
    });
}

#[test]
fn a_prefetch_is_tried_again_after_an_outage_and_one_by_one_if_a_batch_is_denied() {
    let names = names(3);
    let items = names.iter().map(|name| PrefetchItems::Secret(name.parse().unwrap())).collect();
    let it = fixture(&names, items);
    it.aws.behaviour.set(Behaviour::Fails(OutageReason::Connection));
    it.run(async |it| {
        it.pass(8).await;
        assert_eq!(it.cache.statistics().entries, 0);
        it.aws.behaviour.set(Behaviour::Answers);
        it.aws.take_calls();
        it.pass(15).await;
        assert_eq!(it.cache.statistics().entries, 3);
        assert_eq!(it.aws.take_calls(), ["BatchGetSecretValue 3"]);
    });
    // One report of the outage, although three secrets failed twice in it.
    let reported = it.unread.borrow();
    let [failure] = &reported[..] else { panic!("{reported:?}") };
    assert_eq!((failure.outage, failure.others), (Some(OutageReason::Connection), 2));
    drop(reported);
    let it = fixture(&names, vec![PrefetchItems::Path("s".to_owned())]);
    it.aws.denied.borrow_mut().push("BatchGetSecretValue");
    it.run(async |it| {
        it.pass(1).await;
        assert_eq!(it.cache.statistics().entries, 3);
    });
}

#[test]
fn what_is_refused_at_the_start_is_reported_each_once() {
    let names = names(3);
    let mut prefetch: Vec<PrefetchItems> =
        names.iter().map(|name| PrefetchItems::Secret(name.parse().unwrap())).collect();
    let absent = PrefetchItems::Parameter(ParameterId::Name("/absent".to_owned()));
    prefetch.push(absent.clone());
    let it = fixture(&names, prefetch);
    it.aws.change("s/1", |secret| secret.refusal = Some("AccessDeniedException"));
    it.run(async |it| {
        it.pass(100).await;
        assert_eq!(it.cache.statistics().entries, 2);
    });
    let reported: Vec<_> =
        it.unread.borrow().iter().map(|it| (it.items.clone(), it.outage)).collect();
    let refused = PrefetchItems::Secret("s/1".parse().unwrap());
    assert_eq!(reported, [(absent, None), (refused, None)]);
}

#[test]
fn checks_of_many_secrets_begin_early_enough() {
    let names = names(600);
    let items = vec![PrefetchItems::Path("s".to_owned())];
    let it = fixture(&names, items);
    let ttl = Duration::from_secs(10);
    it.cache.policy.set(CachePolicy { ttl, ..it.cache.policy.get() });
    it.run(async |it| {
        it.pass(1).await;
        it.aws.take_calls();
        // 160 calls a second: 600 checks take more than a quarter of the TTL, and less than half.
        it.aws.delays.set((Duration::from_millis(100), Duration::ZERO));
        let requests: Vec<_> = names.iter().map(|name| secret(name)).collect();
        for step in 0..300 {
            for request in &requests {
                it.cache.read_now(request).unwrap_or_else(|| panic!("{step}: a reader waits"));
            }
            it.jump(Duration::from_millis(100)).await;
        }
        // At most twice a TTL.
        let calls = it.aws.take_calls().len();
        assert!(calls <= 600 * 3 * 2, "{calls}");
    });
}

#[test]
fn a_batch_that_began_earlier_does_not_replace_a_later_version() {
    let names = names(2);
    let it = fixture(&names, vec![PrefetchItems::Path("s".to_owned())]);
    it.aws.delays.set((Duration::ZERO, Duration::from_secs(3)));
    it.run(async |it| {
        it.pass(3).await;
        it.aws.rotate("s/0");
        it.aws.delays.set((Duration::ZERO, Duration::ZERO));
        assert_eq!(it.number(&secret("s/0")).await, Ok(2));
        it.pass(10).await;
        assert_eq!(it.cache.read_now(&secret("s/0")).map(|it| number(&it)), Some(2));
        assert_eq!(it.cache.read_now(&secret("s/1")).map(|it| number(&it)), Some(1));
    });
}

#[test]
fn a_list_brings_a_check_forward_and_confirms_nothing() {
    let names = names(30);
    fixture(&names, Vec::new()).run(async |it| {
        let requests: Vec<_> = names.iter().map(|name| secret(name)).collect();
        for request in &requests {
            assert_eq!(it.number(request).await, Ok(1));
        }
        let mut lists = 0;
        for _ in 0..9 {
            it.pass(100).await;
            for request in &requests {
                it.cache.read_now(request).expect("it is refreshed");
            }
            let calls = it.aws.take_calls();
            lists += calls.iter().filter(|call| call.starts_with("ListSecrets")).count();
        }
        assert_eq!(lists, 3);
        // The next list is at 1,055 s. All were checked since, or are going to be by its end.
        it.pass(150).await;
        let before = it.cache.read_now(&requests[7]).unwrap().age;
        it.aws.rotate("s/7");
        it.aws.take_calls();
        it.pass(20).await;
        let calls = it.aws.take_calls();
        let of_s7 = calls.iter().filter(|call| call.contains(&secret_arn("s/7", 1))).count();
        assert_eq!(number(&it.cache.read_now(&requests[7]).unwrap()), 2, "{before:?} {calls:?}");
        assert!(of_s7 >= 2 && calls.contains(&"ListSecrets ".to_owned()), "{calls:?}");
    });
}

#[test]
fn what_is_read_at_the_start_while_others_are_removed_is_read_by_itself() {
    let names = names(3);
    let of = |n: usize| PrefetchItems::Secret(names[n].parse().unwrap());
    let it = fixture(&names, vec![of(0), of(1)]);
    it.aws.delays.set((Duration::ZERO, Duration::from_secs(3)));
    it.run(async |it| {
        it.settle().await;
        assert_eq!(it.aws.take_calls(), ["BatchGetSecretValue 2"]);
        it.aws.delays.set((Duration::ZERO, Duration::ZERO));
        assert_eq!(it.number(&secret(&names[2])).await, Ok(1));
        it.cache.entries.borrow_mut().remove_role(&fake_aws::role());
        it.pass(4).await;
        for name in &names[..2] {
            assert!(it.cache.read_now(&secret(name)).is_some(), "{name}");
        }
    });
}

#[test]
fn without_a_ttl_the_entries_are_examined_seldom() {
    let policy = CachePolicy { ttl: Duration::ZERO, ..POLICY };
    Fixture::with(&["s"], policy, Vec::new()).run(async |it| {
        assert_eq!(it.number(&secret("s")).await, Ok(1));
        it.aws.session_checks.set(0);
        it.pass(60).await;
        assert!(it.aws.session_checks.get() <= 13, "{}", it.aws.session_checks.get());
    });
}

#[test]
fn a_secret_is_checked_more_often_in_its_rotation_window() {
    let it = Fixture::new(&["s", "s2"]);
    // 12:36 on 30 August 2015, and a window from 13:00 to 15:00.
    it.aws.change("s", |secret| {
        secret.details = r#","RotationEnabled":true,"NextRotationDate":1440946800,"RotationRules":{"Duration":"2h"}"#;
    });
    it.run(async |it| {
        for name in ["s", "s2"] {
            assert_eq!(it.number(&secret(name)).await, Ok(1));
        }
        let checks = async |seconds: u64| {
            it.aws.take_calls();
            for _ in 0..seconds / 10 {
                it.pass(10).await;
                for name in ["s", "s2"] {
                    it.cache.read_now(&secret(name)).expect("no reader waits");
                }
            }
            let calls = it.aws.take_calls();
            ["s", "s2"]
                .map(|name| calls.iter().filter(|call| call.contains(&secret_arn(name, 1))).count())
        };
        let [before, other] = checks(1_440).await;
        assert!((4..=8).contains(&before) && (4..=8).contains(&other), "{before} {other}");
        assert_eq!(it.cache.statistics().seconds_to_next_rotation, Some(7_200));
        let [within, other] = checks(1_500).await;
        assert!((25..=34).contains(&within) && (4..=8).contains(&other), "{within} {other}");
    });
}

#[test]
fn a_rotation_is_late_only_if_its_secret_was_checked_within_the_ttl() {
    let it = Fixture::new(&["s"]);
    // 12:36 on 30 August 2015, and a rotation by 13:00.
    let rotates_at = |date: i64| {
        it.aws.change("s", |secret| {
            secret.details = match date {
                1_440_939_600 => r#","RotationEnabled":true,"NextRotationDate":1440939600"#,
                _ => r#","RotationEnabled":true,"NextRotationDate":1441026000"#,
            };
        });
    };
    rotates_at(1_440_939_600);
    it.run(async |it| {
        let left = || it.cache.statistics().seconds_to_next_rotation;
        let read_for = async |seconds: u64| {
            for _ in 0..seconds / 10 {
                it.pass(10).await;
                it.cache.read_now(&secret("s")).expect("no reader waits");
            }
        };
        assert_eq!(it.number(&secret("s")).await, Ok(1));
        // GetSecretValue does not return it.
        assert_eq!(left(), None);
        read_for(2_040).await;
        assert_eq!(left(), Some(-600));
        // It is not read any more, so its next rotation would not be known.
        it.pass(1_000).await;
        assert_eq!(left(), None);
        // It was rotated.
        rotates_at(1_441_026_000);
        assert_eq!(it.number(&secret("s")).await, Ok(1));
        assert_eq!(left(), None);
        read_for(300).await;
        assert_eq!(left(), Some(86_400 - 1_900));
        it.aws.denied.borrow_mut().push("DescribeSecret");
        read_for(600).await;
        assert_eq!(left(), None);
    });
}
