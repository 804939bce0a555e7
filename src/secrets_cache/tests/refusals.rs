//! What a refusal drops, and what does not come back.

use super::*;

fn version(id: &str, number: u32) -> ReadRequest {
    let version_id = Some(fake_aws::version_id(number));
    let request = SecretRequest { version_id, ..SecretRequest::current(id.parse().unwrap()) };
    ReadRequest::cached(ReadItem::Secret(request))
}

fn reference(id: &str) -> ReadRequest {
    parameter(&format!("/aws/reference/secretsmanager/{id}"))
}

/// All ways to read the secret.
fn all_of(name: &str) -> [ReadRequest; 6] {
    let arn = secret_arn(name, 1);
    [
        secret(name),
        secret(&arn),
        staged(name, "AWSPREVIOUS"),
        version(name, 2),
        version(&arn, 1),
        reference(name),
    ]
}

#[test]
fn refusal_drops_all_that_was_read_of_a_secret() {
    let refused_by = [
        now(&secret("s")),
        now(&secret(&secret_arn("s", 1))),
        now(&staged("s", "AWSPREVIOUS")),
        now(&version("s", 2)),
        // One that was not read before.
        now(&version("s", 1)),
        secret(secret_arn("s", 1).rsplit_once('-').unwrap().0),
    ];
    for request in refused_by {
        Fixture::new(&["s", "s2"]).run(async |it| {
            it.aws.rotate("s");
            for request in all_of("s").iter().filter(|it| it.item != request.item) {
                assert!(it.number(request).await.is_ok(), "{request:?}");
            }
            assert_eq!(it.number(&secret("s2")).await, Ok(1));
            it.aws.change("s", |secret| secret.refusal = Some("AccessDeniedException"));
            it.pass(3).await;
            assert!(it.number(&request).await.is_err());
            for other in all_of("s") {
                assert!(it.cache.read_now(&other).is_none(), "{request:?} {other:?}");
                assert!(it.number(&other).await.is_err(), "{request:?} {other:?}");
            }
            assert!(it.cache.read_now(&secret("s2")).is_some());
        });
    }
}

#[test]
fn version_that_does_not_exist_drops_no_other_one() {
    Fixture::new(&["s"]).run(async |it| {
        assert_eq!(it.number(&secret("s")).await, Ok(1));
        for request in [staged("s", "AWSPREVIOUS"), version("s", 7)] {
            assert_eq!(it.number(&request).await, Err(service("ResourceNotFoundException")));
        }
        assert!(it.cache.read_now(&secret("s")).is_some());
    });
}

#[test]
fn refused_reference_drops_no_secret() {
    Fixture::new(&["s"]).run(async |it| {
        for request in [secret("s"), reference("s")] {
            assert!(it.number(&request).await.is_ok());
        }
        it.aws.denied.borrow_mut().push("GetParameter");
        it.pass(3).await;
        assert!(it.number(&now(&reference("s"))).await.is_err());
        assert!(it.cache.read_now(&reference("s")).is_none());
        assert!(it.cache.read_now(&secret("s")).is_some());
    });
}

#[test]
fn secret_that_was_made_again_keeps_its_value_when_the_old_one_is_refused() {
    Fixture::new(&["s"]).run(async |it| {
        it.aws.create("s", 2);
        assert_eq!(it.number(&secret("s")).await, Ok(1));
        let old = secret(&secret_arn("s", 1));
        assert_eq!(it.number(&old).await, Err(service("ResourceNotFoundException")));
        assert!(it.cache.read_now(&secret("s")).is_some());
    });
}

#[test]
fn batch_that_began_before_a_refusal_brings_no_value_back() {
    let prefetched =
        |name: &str| Prefetch { role: None, items: PrefetchItems::Secret(name.parse().unwrap()) };
    let prefetch = vec![prefetched("s"), prefetched("s2")];
    let it = Fixture::with(&["s", "s2"], POLICY, prefetch);
    // AWS reads its state at once, the answer takes 3 s.
    it.aws.delays.set((Duration::ZERO, Duration::from_secs(3)));
    it.run(async |it| {
        it.settle().await;
        assert_eq!(it.aws.take_calls(), ["BatchGetSecretValue 2"]);
        it.aws.delays.set((Duration::ZERO, Duration::ZERO));
        it.aws.change("s", |secret| secret.refusal = Some("AccessDeniedException"));
        it.jump(Duration::from_secs(1)).await;
        assert!(it.number(&secret("s")).await.is_err());
        it.pass(4).await;
        assert!(it.cache.read_now(&secret("s")).is_none());
        assert!(it.cache.read_now(&secret("s2")).is_some());
        it.pass(60).await;
        assert!(it.number(&secret("s")).await.is_err());
    });
}

#[test]
fn slow_read_by_name_brings_nothing_back_that_was_refused_by_its_arn() {
    let by_arn = secret(&secret_arn("s", 1));
    let others = [by_arn, staged("s", "AWSPREVIOUS"), version("s", 2)];
    for other in others {
        Fixture::new(&["s"]).run(async |it| {
            it.aws.is_strict.set(false);
            it.aws.rotate("s");
            it.aws.delays.set((Duration::ZERO, Duration::from_secs(3)));
            let by_name = secret("s");
            let slow = it.cache.read(&by_name);
            let refused = async {
                it.settle().await;
                it.aws.delays.set((Duration::ZERO, Duration::ZERO));
                it.aws.change("s", |secret| secret.refusal = Some("AccessDeniedException"));
                it.cache.read(&other).await.map(|served| number(&served))
            };
            let ((slow, refused), _) = it.timed(futures_util::future::join(slow, refused)).await;
            assert!(refused.is_err() && slow.is_err(), "{refused:?} {slow:?}");
            it.pass(10).await;
            for request in all_of("s") {
                assert!(it.cache.read_now(&request).is_none(), "{request:?}");
            }
            // Once AWS allows it again, it is read again.
            it.aws.change("s", |secret| secret.refusal = None);
            assert_eq!(it.number(&by_name).await, Ok(2));
        });
    }
}

#[test]
fn check_that_began_before_a_refusal_brings_no_value_back() {
    let policy = CachePolicy { ttl: Duration::from_secs(100), ..POLICY };
    Fixture::with(&["s"], policy, Vec::new()).run(async |it| {
        it.aws.rotate("s");
        let requests = [secret("s"), staged("s", "AWSPREVIOUS")];
        for request in &requests {
            assert!(it.number(request).await.is_ok());
        }
        it.jump(Duration::from_secs(201)).await;
        it.aws.take_calls();
        it.aws.delays.set((Duration::ZERO, Duration::from_secs(3)));
        let slow = it.cache.read(&requests[0]);
        let refused = async {
            it.settle().await;
            assert_eq!(it.aws.take_calls(), [format!("DescribeSecret {}", secret_arn("s", 1))]);
            it.aws.delays.set((Duration::ZERO, Duration::ZERO));
            it.aws.change("s", |secret| secret.refusal = Some("AccessDeniedException"));
            it.cache.read(&now(&requests[1])).await
        };
        let ((slow, refused), _) = it.timed(futures_util::future::join(slow, refused)).await;
        assert!(refused.is_err() && slow.is_err());
        assert!(it.cache.read_now(&requests[0]).is_none());
    });
}

#[test]
fn refusal_is_noticed_while_the_secret_can_be_described() {
    for (ttl, limit) in [(10, 310), (300, 600)] {
        let policy = CachePolicy { ttl: Duration::from_secs(ttl), ..POLICY };
        Fixture::with(&["s"], policy, Vec::new()).run(async |it| {
            assert_eq!(it.number(&secret("s")).await, Ok(1));
            it.pass(1).await;
            it.aws.change("s", |secret| secret.refusal = Some("DecryptionFailure"));
            let began = it.clock.uptime();
            while it.number(&secret("s")).await.is_ok() {
                it.pass(1).await;
            }
            let took = (it.clock.uptime() - began).as_secs();
            assert!((ttl..=limit).contains(&took), "{took}");
            let described = it.aws.take_calls().iter().any(|it| it.starts_with("Describe"));
            assert!(described);
        });
    }
}

#[test]
fn refusals_of_many_names_beside_a_slow_call_take_no_memory() {
    Fixture::new(&["s"]).run(async |it| {
        it.aws.delays.set((Duration::ZERO, Duration::from_secs(3)));
        let request = secret("s");
        let mut slow = it.cache.read(&request);
        assert!((&mut slow).now_or_never().is_none());
        it.settle().await;
        it.aws.delays.set((Duration::ZERO, Duration::ZERO));
        for n in 0..1_100 {
            assert!(it.number(&secret(&format!("missing{n}"))).await.is_err());
        }
        let (slow, _) = it.timed(slow).await;
        assert_eq!(slow.map(|served| number(&served)), Ok(1));
        // It may have been refused, so it is not kept.
        assert!(it.cache.read_now(&request).is_none());
        assert_eq!(it.number(&request).await, Ok(1));
        assert!(it.cache.read_now(&request).is_some());
    });
}
