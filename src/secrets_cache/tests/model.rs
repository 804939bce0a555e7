//! Random readers, rotations and outages: what must hold whatever happens.

use std::cell::Cell;
use std::collections::HashMap;

use super::fake_aws::refusals_before;
use super::*;

/// So short that values expire in an outage.
const SHORT_TTL: Duration = Duration::from_secs(10);

/// The time that passes at once, by which a reader may be late.
const STEP: Duration = Duration::from_millis(250);

const NAMES: [&str; 6] = ["s/0", "s/1", "s/2", "s/3", "s/4", "s/5"];

/// By name, the highest number of a refusal that a reader was told.
type Told = RefCell<HashMap<&'static str, u32>>;

/// A reader, and what it has seen.
struct Reader<'a> {
    it: &'a Fixture,
    told: &'a Told,
    random: SequenceEntropy,
    seen: HashMap<&'static str, u32>,
    reads: Cell<[u32; 5]>,
}

impl Reader<'_> {
    fn below(&self, limit: u64) -> u64 {
        self.random.bits() % limit
    }

    fn request(&self, name: &str) -> ReadRequest {
        match self.below(3) {
            0 => secret(name),
            1 => staged(name, "AWSCURRENT"),
            _ => secret(&secret_arn(name, 1)),
        }
    }

    fn count(&self, at: usize) {
        let mut reads = self.reads.get();
        reads[at] += 1;
        self.reads.set(reads);
    }

    /// Returns the number of the last refusal that a reader was told.
    fn told(&self, name: &str) -> u32 {
        self.told.borrow().get(name).copied().unwrap_or_default()
    }

    /// Remembers a refusal.
    fn note(&self, name: &'static str, failure: &ReadFailure) {
        let ReadFailure::Service { message, .. } = failure else { return };
        let Ok(refusal) = message.parse::<u32>() else { return };
        let mut told = self.told.borrow_mut();
        let told = told.entry(name).or_default();
        *told = refusal.max(*told);
        self.count(4);
    }

    /// Checks a current version, of a read that began after a reader was told of the refusal `told`.
    fn check(&mut self, name: &'static str, served: &ServedValue, told: u32) {
        let (version, seen) = (number(served), self.seen.entry(name).or_default());
        assert!(version >= *seen, "{name}: {version} after {seen}");
        *seen = version;
        assert!(version <= self.it.aws.version(name));
        let FetchedValue::Secret(secret) = served.value.content() else { unreachable!() };
        assert_eq!(secret.name, name);
        let refusals = refusals_before(secret);
        assert!(refusals >= told, "{name}: from before refusal {told}: {refusals}");
        assert_eq!(served.source == ReadSource::StaleCache, served.stale.is_some());
        match served.stale {
            None => assert!(served.age < SHORT_TTL + READER_LIMIT + STEP, "{:?}", served.age),
            Some(stale) => {
                assert_eq!(served.age, SHORT_TTL + stale.past_ttl);
                assert!(stale.past_ttl <= POLICY.max_stale);
            }
        }
        self.count(if served.stale.is_some() { 1 } else { 0 });
    }

    async fn step(&mut self) {
        let name = NAMES[usize::try_from(self.below(6)).unwrap()];
        let request = self.request(name);
        let (began, told) = (self.it.clock.uptime(), self.told(name));
        match self.below(10) {
            0 => {
                let before = self.it.aws.version(name);
                // A call that it joins may have begun earlier.
                let earlier = self.seen.get(name).copied().unwrap_or_default();
                match self.it.cache.read(&now(&request)).await {
                    Ok(served) => {
                        assert!(served.stale.is_none() && number(&served) >= earlier.min(before));
                        self.check(name, &served, told);
                    }
                    Err(failure) => self.note(name, &failure),
                }
            }
            1 | 2 => {
                let pair = [request, staged(name, "AWSPREVIOUS"), self.request(name)];
                let results = self.it.cache.read_snapshot(&pair).await;
                results
                    .iter()
                    .filter_map(|it| it.as_ref().err())
                    .for_each(|it| self.note(name, it));
                if let [Ok(current), Ok(previous), Ok(again)] = &results[..] {
                    assert_eq!(number(current), number(previous) + 1, "torn pair of {name}");
                    assert_eq!(number(current), number(again));
                    self.check(name, current, told);
                    let FetchedValue::Secret(previous) = previous.value.content() else {
                        unreachable!()
                    };
                    assert!(refusals_before(previous) >= told);
                    self.count(2);
                }
            }
            3 => {
                let limit = Duration::from_secs(self.below(60));
                let known = self.seen.get(name).map_or(String::new(), |n| format!("version-{n}"));
                match self.it.cache.wait_for_change(&request, &known, limit).await {
                    Ok(Some(served)) => {
                        assert_ne!(served.value.version(), Some(&*known));
                        self.check(name, &served, told);
                        self.count(3);
                    }
                    Ok(None) => {}
                    Err(failure) => self.note(name, &failure),
                }
                assert!(self.it.clock.uptime() - began <= limit + STEP);
                return;
            }
            _ => match self.it.cache.read(&request).await {
                Ok(served) => self.check(name, &served, told),
                Err(failure) => self.note(name, &failure),
            },
        }
        let took = self.it.clock.uptime() - began;
        assert!(took <= READER_LIMIT + STEP, "a reader waited {took:?}");
    }
}

/// Changes AWS, and lets time pass.
async fn play(it: &Fixture, random: &SequenceEntropy) -> std::convert::Infallible {
    let below = |limit: u64| random.bits() % limit;
    let reasons = [OutageReason::Throttled, OutageReason::Connection, OutageReason::Answer];
    loop {
        it.settle().await;
        let steps = match below(40) {
            0 => 400,
            1 => 80,
            _ => 1,
        };
        for _ in 0..steps {
            it.clock.advance(STEP);
            it.settle().await;
        }
        if below(3) == 0 {
            it.aws.rotate(NAMES[usize::try_from(below(6)).unwrap()]);
        }
        let any = NAMES[usize::try_from(below(6)).unwrap()];
        match below(16) {
            0 => it.aws.refuse(any, "AccessDeniedException"),
            1..4 => it.aws.change(any, |secret| secret.refusal = None),
            _ => {}
        }
        match below(60) {
            0 => it.aws.behaviour.set(Behaviour::Hangs),
            n @ 1..4 => {
                let reason = reasons[usize::try_from(n - 1).unwrap()];
                it.aws.behaviour.set(Behaviour::Fails(reason));
            }
            4..8 => it.aws.behaviour.set(Behaviour::Answers),
            30 => it.aws.denied.borrow_mut().push("DescribeSecret"),
            31..34 => it.aws.denied.borrow_mut().clear(),
            34..40 => {
                let delay = || Duration::from_millis(10 * below(100));
                it.aws.delays.set((delay(), delay()));
            }
            40 => it.aws.delays.set((Duration::from_secs(below(7)), Duration::ZERO)),
            _ => {}
        }
    }
}

#[test]
fn no_reader_sees_an_older_version_or_a_torn_pair_or_waits_too_long() {
    let mut totals = [0; 5];
    for seed in 0..8 {
        // The second half with a cache that is too small.
        let max_entries = if seed < 4 { 100 } else { 4 };
        let items = vec![PrefetchItems::Path("s".to_owned())];
        let prefetch = items.into_iter().map(|items| Prefetch { role: None, items }).collect();
        let policy = CachePolicy { ttl: SHORT_TTL, max_entries, ..POLICY };
        let fixture = Fixture::with(&NAMES, policy, prefetch);
        fixture.aws.is_strict.set(max_entries > NAMES.len());
        NAMES.iter().for_each(|name| fixture.aws.rotate(name));
        let counts = fixture.run(async |it| {
            let told = Told::default();
            let readers = (0..8).map(async |n| {
                let random = SequenceEntropy::pseudo_random(seed * 100 + n);
                let (seen, reads) = (HashMap::new(), Cell::default());
                let mut reader = Reader { it, told: &told, random, seen, reads };
                for _ in 0..100 {
                    reader.step().await;
                    for _ in 0..reader.below(4) {
                        it.clock.sleep(Duration::from_millis(500)).await;
                    }
                }
                reader.reads.get()
            });
            let random = SequenceEntropy::pseudo_random(seed);
            match select(pin!(join_all(readers)), pin!(play(it, &random))).await {
                Either::Left((counts, _)) => counts,
                Either::Right((never, _)) => match never {},
            }
        });
        for counts in counts {
            for (total, count) in totals.iter_mut().zip(counts) {
                *total += count;
            }
        }
    }
    // Fresh and stale reads, pairs, long polls, refusals.
    let enough = [1_000, 150, 200, 50, 100];
    assert!(totals.iter().zip(enough).all(|(total, least)| *total >= least), "{totals:?}");
}
