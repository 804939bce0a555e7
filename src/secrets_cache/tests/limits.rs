//! Many readers of many names: how many wait, and what they cost.

use super::*;
use crate::secrets_cache::queue::service::EXAMINED;

/// Reads of secrets with other names than all others, of a client.
fn reads(client: &str, count: usize) -> Vec<ReadRequest> {
    let client: Rc<str> = client.into();
    let of =
        |n| ReadRequest { client: Some(Rc::clone(&client)), ..secret(&format!("{client}{n}")) };
    (0..count).map(of).collect()
}

#[test]
fn calls_of_readers_are_limited_for_each_client_and_in_all() {
    Fixture::new(&[]).run(async |it| {
        it.aws.delays.set((Duration::from_millis(20), Duration::ZERO));
        let requests = [reads("a", 1_200), reads("b", 5), reads("c", 1_200), reads("b", 6)];
        let all =
            requests.iter().map(|of| join_all(of.iter().map(|request| it.cache.read(request))));
        let (results, _) = it.timed(join_all(all)).await;
        let too_many = |of: &Vec<Result<ServedValue, ReadFailure>>| {
            let is_it = |result: &&Result<_, _>| matches!(result, Err(ReadFailure::TooManyReads));
            of.iter().filter(is_it).count()
        };
        // The last ones join the calls of the first, but one.
        assert_eq!(results.iter().map(too_many).collect::<Vec<_>>(), [200, 0, 205, 1]);
        it.pass(20).await;
        for client in ["a", "c"] {
            let read = ReadRequest { client: Some(client.into()), ..secret("other") };
            assert_eq!(it.number(&read).await, Err(service("ResourceNotFoundException")));
        }
        assert_eq!(it.cache.entries.borrow().all().len(), 1);
    });
}

#[test]
fn many_reads_of_a_client_keep_no_other_one_waiting() {
    Fixture::new(&[]).run(async |it| {
        it.aws.delays.set((Duration::from_secs(1), Duration::ZERO));
        let (many, other) = (reads("a", 200), reads("b", 1));
        let many = many.iter().map(|request| it.cache.read(request));
        let other = async {
            let failure = it.cache.read(&other[0]).await.map(|served| number(&served));
            (failure, it.clock.uptime())
        };
        let began = it.clock.uptime();
        let both = futures_util::future::join(join_all(many), other);
        let ((_, (failure, ended)), _) = it.timed(both).await;
        assert_eq!(failure, Err(service("ResourceNotFoundException")));
        // With the calls that are in flight first, or after these.
        assert!((ended - began).as_secs() <= 2);
    });
}

#[test]
fn what_a_read_costs_does_not_depend_on_the_number_of_others() {
    let cost = |count| {
        let it = Fixture::new(&[]);
        let requests: Vec<_> = (0..count).map(|n| secret(&format!("missing{n}"))).collect();
        EXAMINED.set(0);
        // Readers that leave before their calls begin, and those that wait.
        let mut leaving = join_all(requests.iter().map(|request| it.cache.read(request)));
        assert!((&mut leaving).now_or_never().is_none());
        drop(leaving);
        assert_eq!(it.cache.entries.borrow().all().len(), 0);
        it.run(async |it| {
            let reads = join_all(requests.iter().map(|request| it.cache.read(request)));
            it.timed(reads).await;
        });
        let examined = it.cache.entries.borrow().examined() + EXAMINED.get();
        assert!(examined > 0);
        examined
    };
    for count in [100, 1_900] {
        let examined = cost(count);
        assert!(examined <= 25 * count, "{examined} of {count}");
    }
}

#[test]
fn parameters_that_hang_keep_no_secret_waiting() {
    let it = Fixture::new(&["s"]);
    it.aws.hanging.borrow_mut().push("GetParameter");
    it.run(async |it| {
        let requests: Vec<_> = (0..64).map(|n| parameter(&format!("/p{n}"))).collect();
        let mut hanging = join_all(requests.iter().map(|request| it.cache.read(request)));
        assert!((&mut hanging).now_or_never().is_none());
        it.settle().await;
        let (served, time) = it.timed(it.cache.read(&secret("s"))).await;
        assert_eq!((number(&served.unwrap()), time), (1, Duration::ZERO));
        it.timed(hanging).await;
    });
}

#[test]
fn in_an_outage_that_persists_most_readers_are_told_at_once() {
    let it = Fixture::new(&["s"]);
    it.aws.parameters.borrow_mut().insert("/p".to_owned(), 1);
    it.aws.hanging.borrow_mut().push("GetParameter");
    it.run(async |it| {
        assert_eq!(it.number(&parameter("/first")).await, Err(ReadFailure::Timeout));
        it.pass(2).await;
        it.aws.take_calls();
        let requests: Vec<_> = (0..50).map(|n| parameter(&format!("/p{n}"))).collect();
        let times = join_all(requests.iter().map(async |request| {
            let began = it.clock.uptime();
            let failure = it.cache.read(request).await.map(|served| number(&served));
            assert_eq!(failure, Err(ReadFailure::Timeout));
            it.clock.uptime() - began
        }));
        let (times, _) = it.timed(times).await;
        assert_eq!(times.iter().filter(|time| !time.is_zero()).count(), 2, "{times:?}");
        assert_eq!(it.aws.take_calls().len(), 2);
        // Once it has ended, one of those that are made finds it.
        it.aws.hanging.borrow_mut().clear();
        it.aws.parameters.borrow_mut().insert("/p".to_owned(), 1);
        assert_eq!(it.number(&parameter("/p")).await, Ok(1));
    });
}
