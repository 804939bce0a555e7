//! Another policy and another prefetch while the cache is in use.

use super::*;

fn prefetch(items: PrefetchItems) -> Vec<Prefetch> {
    vec![Prefetch { role: None, items }]
}

#[test]
fn shorter_ttl_counts_at_once() {
    Fixture::new(&["s"]).run(async |it| {
        assert_eq!(it.number(&secret("s")).await, Ok(1));
        it.jump(Duration::from_secs(60)).await;
        assert!(it.cache.read_now(&secret("s")).is_some());
        it.cache.replace(CachePolicy { ttl: Duration::from_secs(30), ..POLICY }, Vec::new());
        assert!(it.cache.read_now(&secret("s")).is_none());
        assert_eq!(it.number(&secret("s")).await, Ok(1));
    });
}

#[test]
fn smaller_cache_drops_what_was_not_read_for_longest() {
    Fixture::new(&["s", "s2"]).run(async |it| {
        for name in ["s", "s2"] {
            assert_eq!(it.number(&secret(name)).await, Ok(1));
            it.pass(1).await;
        }
        it.cache.replace(CachePolicy { max_entries: 1, ..POLICY }, Vec::new());
        assert!(it.cache.read_now(&secret("s")).is_none());
        assert!(it.cache.read_now(&secret("s2")).is_some());
    });
}

#[test]
fn another_prefetch_is_read_and_the_same_one_is_not() {
    Fixture::new(&["s/1", "s/2"]).run(async |it| {
        it.pass(1).await;
        assert!(it.cache.read_now(&secret("s/1")).is_none());
        let of_both = || prefetch(PrefetchItems::Path("s".to_owned()));
        it.cache.replace(POLICY, of_both());
        it.pass(1).await;
        for name in ["s/1", "s/2"] {
            assert!(it.cache.read_now(&secret(name)).is_some());
        }
        it.aws.take_calls();
        it.cache.replace(POLICY, of_both());
        it.pass(1).await;
        assert_eq!(it.aws.take_calls(), [""; 0]);
    });
}
