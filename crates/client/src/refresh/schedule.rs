//! When a daemon refreshes: a pure decision from what is in hand, what failed, and the clocks.

use std::time::Duration;

use crate::refresh::clock_reading::Moment;

/// Whether a session is good enough.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Freshness {
    /// It is served as it is.
    Fresh,
    /// It is served while the next one is fetched.
    Due,
    /// It is not served.
    Dead,
}

/// From how much of its life on a session is due.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// The share of the life that is left then, in thousandths.
    due: i64,
}

impl Policy {
    /// Makes a session due at half of its life or up to a tenth of it before, as `dice` fall: so the
    /// hosts of a fleet do not call all at once, and of an hour 30 to 36 minutes are left.
    pub fn jittered(dice: u64) -> Self {
        Self { due: 500 + i64::try_from(dice % 101).unwrap_or(0) }
    }

    /// Decides, given how many seconds are left of how many.
    pub fn decide(self, left: i64, life: i64) -> Freshness {
        match left {
            ..=0 => Freshness::Dead,
            left if left <= self.due_at(life) => Freshness::Due,
            _ => Freshness::Fresh,
        }
    }

    /// Returns how many seconds are left of `life` when a session becomes due.
    fn due_at(self, life: i64) -> i64 {
        life.saturating_mul(self.due) / 1_000
    }
}

/// Why a refresh failed, as far as it decides when to try again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Failure {
    /// The network, a throttle, a failure of AWS or of this machine: it may pass by itself.
    Passing,
    /// AWS refused: somebody has to change something there.
    Refused,
    /// The certificate or the key: their files have to change.
    Identity,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Next {
    /// Fetch now.
    Fetch,
    /// Nothing for so long.
    Wait(Duration),
}

/// What is in hand and what failed, and what follows from it.
#[derive(Clone, Debug)]
pub struct Schedule {
    policy: Policy,
    held: Option<Held>,
    failed: Option<Failed>,
    identities: Identities,
    seen: Option<Moment>,
    starts: Starts,
}

/// When refreshes began, on the clock that only counts up.
#[derive(Clone, Copy, Debug, Default)]
struct Starts {
    /// The start of the refresh in flight, or of the last one.
    latest: Duration,
    /// The start of the last one that succeeded.
    succeeded: Option<Duration>,
}

/// Counts of the identities that were taken into use, the last being the newest.
#[derive(Clone, Copy, Debug, Default)]
struct Identities {
    newest: u64,
    /// The one that the fetch in flight, or the last one, was made with.
    fetching: u64,
    /// The one that the session in hand is of.
    held: u64,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    received: Moment,
    life: i64,
}

#[derive(Clone, Copy, Debug)]
struct Failed {
    failure: Failure,
    /// How many times in a row.
    count: u32,
    at: Duration,
    retry: Duration,
    /// How long AWS asked to be left alone.
    asked: Duration,
}

/// The shortest time between the starts of two refreshes that succeed. Neither a session that AWS
/// lets expire at once, nor a wrong clock, nor files that change all the time make more calls.
pub const SHORTEST_INTERVAL: Duration = Duration::from_secs(5);
/// The longest pause after a failure that may pass by itself.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The pauses after a refusal: the first, and the longest.
const REFUSAL_PAUSES: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(900));
/// How long an identity that failed is left alone while its files stay as they are.
const IDENTITY_PAUSE: Duration = Duration::from_secs(60);
/// The longest pause while there is nothing to hand out.
const DEAD_PAUSE: Duration = Duration::from_secs(120);
/// The longest that AWS's wish to be left alone is respected.
const LONGEST_ASKED: Duration = Duration::from_secs(900);
/// By how much the clocks have to part before the machine is taken to have slept.
const SLEPT: u64 = 15;

impl Schedule {
    /// Starts with nothing in hand.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            held: None,
            failed: None,
            identities: Identities::default(),
            seen: None,
            starts: Starts::default(),
        }
    }

    /// Returns what to do at `now`.
    ///
    /// A machine that slept, or whose clock was set, does not sit out a pause from before.
    pub fn next(&mut self, now: Moment) -> Next {
        if self.seen.is_some_and(|seen| slept(seen, now)) {
            self.failed = None;
        }
        self.seen = Some(now);
        let freshness = self.freshness(now);
        if freshness == Freshness::Fresh && self.identities.held == self.identities.newest {
            return Next::Wait(self.until_due(now));
        }
        match self.retry(freshness).max(self.earliest()).saturating_sub(now.uptime) {
            Duration::ZERO => Next::Fetch,
            pause => Next::Wait(pause),
        }
    }

    /// Returns when the pause after the last failure ends.
    fn retry(&self, freshness: Freshness) -> Duration {
        let Some(failed) = self.failed else { return Duration::ZERO };
        let longest = match freshness {
            Freshness::Dead => DEAD_PAUSE.max(failed.asked),
            Freshness::Due | Freshness::Fresh => Duration::MAX,
        };
        failed.retry.min(failed.at.saturating_add(longest))
    }

    /// Returns the earliest start of the next refresh, whatever asks for it.
    fn earliest(&self) -> Duration {
        self.starts.succeeded.map_or(Duration::ZERO, |start| start + SHORTEST_INTERVAL)
    }

    /// Returns whether what is in hand is good enough at `now`.
    pub fn freshness(&self, now: Moment) -> Freshness {
        let Some(held) = self.held else { return Freshness::Dead };
        self.policy.decide(held.left(now), held.life)
    }

    /// Takes note of a fetch that begins at `now`, with the newest identity.
    pub fn began(&mut self, now: Moment) {
        self.identities.fetching = self.identities.newest;
        self.starts.latest = now.uptime;
    }

    /// Takes note of a session of so many seconds, received at `now`.
    pub fn succeeded(&mut self, life: i64, now: Moment) {
        self.held = Some(Held { received: now, life });
        self.failed = None;
        self.identities.held = self.identities.fetching;
        self.starts.succeeded = Some(self.starts.latest);
    }

    /// Takes note of a failure at `now`; `dice` spread the next try, which is not made before AWS
    /// wants it (`asked`). What failed with an identity of before holds nothing up.
    pub fn failed(&mut self, failure: Failure, asked: Option<Duration>, dice: u64, now: Moment) {
        if self.identities.fetching != self.identities.newest {
            return;
        }
        let before = self.failed.filter(|failed| failed.failure == failure);
        let count = before.map_or(0, |failed| failed.count.saturating_add(1));
        let asked = asked.unwrap_or_default().min(LONGEST_ASKED);
        let retry = now.uptime + pause(failure, count, dice).max(asked);
        self.failed = Some(Failed { failure, count, at: now.uptime, retry, asked });
    }

    /// Takes note of a new identity: it is used at once, whatever failed before, but not within
    /// [`SHORTEST_INTERVAL`] of the last refresh that succeeded.
    pub fn renewed(&mut self) {
        self.identities.newest += 1;
        self.failed = None;
    }

    /// Takes note of a caller who found nothing: where the last try is 5 s old, or 15 s after a
    /// refusal, the next one is made now.
    pub fn asked(&mut self, now: Moment) {
        if self.freshness(now) != Freshness::Dead {
            return;
        }
        if let Some(failed) = &mut self.failed {
            let patience = match failed.failure {
                Failure::Refused => Duration::from_secs(15),
                Failure::Passing | Failure::Identity => Duration::from_secs(5),
            };
            failed.retry = failed.retry.min(failed.at + patience.max(failed.asked));
        }
    }

    fn until_due(&self, now: Moment) -> Duration {
        let Some(held) = self.held else { return Duration::ZERO };
        let seconds = held.left(now) - self.policy.due_at(held.life);
        Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
    }
}

impl Held {
    fn left(self, now: Moment) -> i64 {
        (self.life - now.seconds_since(self.received)).max(0)
    }
}

fn slept(seen: Moment, now: Moment) -> bool {
    let by_wall = seen.wall.seconds_until(now.wall);
    let awake = now.uptime.saturating_sub(seen.uptime).as_secs();
    by_wall.abs_diff(i64::try_from(awake).unwrap_or(i64::MAX)) > SLEPT
}

/// Returns how long to wait after the `count`th failure in a row, the first being 0.
fn pause(failure: Failure, count: u32, dice: u64) -> Duration {
    match failure {
        Failure::Passing => {
            let ceiling = Duration::from_secs(2).saturating_mul(1 << count.min(5));
            share(ceiling.min(LONGEST_PAUSE), dice).max(Duration::from_millis(200))
        }
        Failure::Refused => {
            let (first, longest) = REFUSAL_PAUSES;
            let whole = first.saturating_mul(1 << count.min(4)).min(longest);
            whole / 2 + share(whole / 2, dice)
        }
        Failure::Identity => IDENTITY_PAUSE,
    }
}

/// Returns a random share of `whole`.
fn share(whole: Duration, dice: u64) -> Duration {
    whole.mul_f64((dice % 1_001) as f64 / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn at(seconds: u64) -> Moment {
        let wall = Timestamp::from_unix(1_440_938_160);
        Moment {
            wall: wall.after(i64::try_from(seconds).unwrap()),
            uptime: Duration::from_secs(seconds),
            counts_sleep: false,
        }
    }

    /// The same, after the machine slept for so many seconds of them.
    fn slept_for(asleep: u64, seconds: u64) -> Moment {
        Moment { uptime: Duration::from_secs(seconds - asleep), ..at(seconds) }
    }

    fn holding(life: i64) -> Schedule {
        let mut schedule = Schedule::new(Policy::jittered(0));
        schedule.succeeded(life, at(0));
        schedule
    }

    const fn wait(seconds: u64) -> Next {
        Next::Wait(Duration::from_secs(seconds))
    }

    #[test]
    fn decides_by_what_is_left() {
        let half = Policy::jittered(0);
        for (left, life, freshness) in [
            (3_600, 3_600, Freshness::Fresh),
            (1_801, 3_600, Freshness::Fresh),
            (1_800, 3_600, Freshness::Due),
            (1, 3_600, Freshness::Due),
            (0, 3_600, Freshness::Dead),
            (-5, 3_600, Freshness::Dead),
            (450, 900, Freshness::Due),
            (451, 900, Freshness::Fresh),
            (1, 1, Freshness::Fresh),
            (0, 0, Freshness::Dead),
        ] {
            assert_eq!(half.decide(left, life), freshness, "{left} of {life}");
        }
        assert_eq!(Policy::jittered(100).decide(2_160, 3_600), Freshness::Due);
        assert_eq!(Policy::jittered(100).decide(2_161, 3_600), Freshness::Fresh);
    }

    #[test]
    fn fetches_at_once_and_then_at_half_of_the_life() {
        assert_eq!(Schedule::new(Policy::jittered(0)).next(at(0)), Next::Fetch);
        let mut schedule = holding(3_600);
        assert_eq!(schedule.next(at(0)), wait(1_800));
        assert_eq!(schedule.next(at(1_799)), wait(1));
        assert_eq!(schedule.next(at(1_800)), Next::Fetch);
    }

    #[test]
    fn never_leaves_less_than_25_minutes_of_an_hour() {
        for dice in 0..=100 {
            let mut schedule = Schedule::new(Policy::jittered(dice));
            schedule.succeeded(3_600, at(0));
            let Next::Wait(pause) = schedule.next(at(0)) else { panic!("it is fresh") };
            assert!((1_440..=1_800).contains(&pause.as_secs()), "{pause:?}");
        }
    }

    #[test]
    fn pauses_by_the_class_of_the_failure() {
        let seconds = |failure, count, dice| pause(failure, count, dice).as_secs();
        assert_eq!(pause(Failure::Passing, 0, 0), Duration::from_millis(200));
        assert_eq!(seconds(Failure::Passing, 0, 1_000), 2);
        assert_eq!(seconds(Failure::Passing, 3, 1_000), 16);
        assert_eq!(seconds(Failure::Passing, u32::MAX, 1_000), 60);
        assert_eq!(seconds(Failure::Refused, 0, 0), 30);
        assert_eq!(seconds(Failure::Refused, 0, 1_000), 60);
        assert_eq!(seconds(Failure::Refused, u32::MAX, 1_000), 900);
        assert_eq!(seconds(Failure::Identity, 0, 500), 60);
    }

    #[test]
    fn a_new_identity_is_used_at_once() {
        let mut schedule = holding(3_600);
        schedule.renewed();
        assert_eq!(schedule.next(at(6)), Next::Fetch);
        schedule.began(at(6));
        schedule.failed(Failure::Passing, None, 1_000, at(6));
        assert_eq!(schedule.next(at(6)), wait(2));
        assert_eq!(schedule.next(at(8)), Next::Fetch);
        schedule.succeeded(3_600, at(8));
        assert_eq!(schedule.next(at(8)), wait(1_800));

        let mut locked = Schedule::new(Policy::jittered(0));
        locked.failed(Failure::Identity, None, 0, at(0));
        assert_eq!(locked.next(at(1)), wait(59));
        locked.renewed();
        assert_eq!(locked.next(at(1)), Next::Fetch);
    }

    #[test]
    fn an_identity_that_comes_while_another_is_fetched_with_is_used_next() {
        let mut schedule = holding(3_600);
        schedule.began(at(5));
        schedule.renewed();
        schedule.succeeded(3_600, at(11));
        assert_eq!(schedule.next(at(11)), Next::Fetch);
        schedule.began(at(11));
        schedule.renewed();
        schedule.failed(Failure::Refused, None, 1_000, at(12));
        assert_eq!(schedule.next(at(12)), Next::Fetch);
        schedule.began(at(12));
        schedule.succeeded(3_600, at(13));
        assert_eq!(schedule.next(at(13)), wait(1_800));
    }

    #[test]
    fn refreshes_that_succeed_start_five_seconds_apart() {
        // Sessions of a second are due at once, and rotations ask for the next one.
        for life in [1, 2, 3_600] {
            let mut schedule = Schedule::new(Policy::jittered(0));
            schedule.began(at(100));
            schedule.succeeded(life, at(102));
            schedule.renewed();
            schedule.asked(at(103));
            assert_eq!(schedule.next(at(103)), wait(2), "{life}");
            assert_eq!(schedule.next(at(105)), Next::Fetch, "{life}");
        }
    }

    #[test]
    fn neither_sleep_nor_a_clock_that_is_set_shortens_the_interval() {
        let mut schedule = Schedule::new(Policy::jittered(0));
        schedule.next(at(100));
        schedule.began(at(100));
        schedule.succeeded(3_600, at(100));
        let jumped = Moment { wall: at(90_000).wall, ..at(101) };
        assert_eq!(schedule.next(jumped), wait(4));
    }

    #[test]
    fn a_failure_keeps_its_own_pause() {
        let mut schedule = holding(10);
        schedule.began(at(5));
        schedule.failed(Failure::Passing, None, 0, at(5));
        assert_eq!(schedule.next(at(5)), Next::Wait(Duration::from_millis(200)));
    }

    #[test]
    fn leaves_aws_alone_for_as_long_as_it_asks() {
        let mut schedule = Schedule::new(Policy::jittered(0));
        let asked = Some(Duration::from_secs(30));
        schedule.failed(Failure::Passing, asked, 0, at(0));
        schedule.asked(at(6));
        assert_eq!(schedule.next(at(6)), wait(24));
        schedule.failed(Failure::Passing, Some(Duration::from_secs(86_400)), 0, at(30));
        assert_eq!(schedule.next(at(30)), wait(900));
    }

    #[test]
    fn pauses_less_while_there_is_nothing_to_hand_out() {
        let mut schedule = holding(3_600);
        for _ in 0..9 {
            schedule.failed(Failure::Refused, None, 1_000, at(3_000));
        }
        assert_eq!(schedule.next(at(3_000)), wait(900));
        assert_eq!(schedule.next(at(3_600)), Next::Fetch);
    }

    #[test]
    fn a_caller_who_finds_nothing_hastens_the_next_try() {
        for (failure, patience) in
            [(Failure::Passing, 5), (Failure::Refused, 15), (Failure::Identity, 5)]
        {
            let mut schedule = Schedule::new(Policy::jittered(0));
            for _ in 0..9 {
                schedule.failed(failure, None, 1_000, at(0));
            }
            schedule.asked(at(1));
            assert_eq!(schedule.next(at(1)), wait(patience - 1), "{failure:?}");
            assert_eq!(schedule.next(at(patience)), Next::Fetch, "{failure:?}");
        }
    }

    #[test]
    fn a_caller_who_is_served_hastens_nothing() {
        let mut schedule = holding(3_600);
        schedule.failed(Failure::Refused, None, 1_000, at(2_000));
        schedule.asked(at(2_030));
        assert_eq!(schedule.next(at(2_030)), wait(30));
    }

    #[test]
    fn a_machine_that_slept_refreshes_at_once() {
        let mut schedule = holding(3_600);
        assert_eq!(schedule.next(at(10)), wait(1_790));
        assert_eq!(schedule.next(slept_for(7_200, 7_215)), Next::Fetch);
        assert_eq!(schedule.freshness(slept_for(7_200, 7_215)), Freshness::Dead);

        let mut failing = Schedule::new(Policy::jittered(0));
        failing.next(at(0));
        failing.failed(Failure::Refused, None, 1_000, at(0));
        assert_eq!(failing.next(slept_for(20, 25)), Next::Fetch);
    }

    #[test]
    fn a_clock_that_is_set_back_prolongs_nothing() {
        let schedule = holding(3_600);
        let set_back = Moment { wall: at(0).wall.after(-9_000), ..at(3_600) };
        assert_eq!(schedule.freshness(set_back), Freshness::Dead);
    }
}
