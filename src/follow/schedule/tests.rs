//! Changes at known times, and random ones.

use super::*;
use roles_anywhere_client::secret::Entropy as _;
use roles_anywhere_test_support::entropy::SequenceEntropy;

const QUIET: Duration = Duration::from_secs(5);

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn schedule(splay: u64) -> Schedule {
    Schedule::new(Timing { quiet_period: QUIET, splay: at(splay) })
}

#[test]
fn each_change_prolongs_the_quiet_period_six_times_at_most() {
    let mut schedule = schedule(0);
    assert_eq!(schedule.next(at(0)), Next::WaitForChange);
    schedule.changed(at(100), 0);
    assert_eq!(schedule.next(at(100)), Next::WaitUntil(at(105)));
    schedule.changed(at(104), 0);
    assert_eq!(schedule.next(at(105)), Next::WaitUntil(at(109)));
    assert_eq!(schedule.next(at(109)), Next::Act);
    for now in (108..130).step_by(4) {
        schedule.changed(at(now), 0);
    }
    assert_eq!(schedule.next(at(129)), Next::WaitUntil(at(130)));
    assert_eq!(schedule.next(at(130)), Next::Act);
}

#[test]
fn splay_delays_all_changes_of_an_action_by_one_random_time() {
    let mut schedule = schedule(10);
    schedule.changed(at(100), 3_000_000_000);
    schedule.changed(at(102), 9_000_000_000);
    assert_eq!(schedule.next(at(102)), Next::WaitUntil(at(110)));
    assert_eq!(part_of(at(10), 10_000_000_000), at(10));
    assert_eq!(part_of(at(10), 10_000_000_001), at(0));
    assert_eq!(part_of(at(0), u64::MAX), at(0));
}

#[test]
fn nothing_is_done_about_what_changed_back() {
    let mut schedule = schedule(0);
    schedule.changed(at(100), 0);
    schedule.changed_back();
    assert_eq!(schedule.next(at(200)), Next::WaitForChange);
    schedule.changed(at(300), 0);
    assert_eq!(schedule.next(at(300)), Next::WaitUntil(at(305)));
}

#[test]
fn time_between_actions_doubles_until_there_are_none_for_twice_as_long() {
    let mut schedule = schedule(0);
    let (mut now, mut gaps) = (at(1_000), Vec::new());
    for _ in 0..9 {
        schedule.action_ended(now, now);
        // At once, as in a restart loop.
        schedule.changed(now, 0);
        let Next::WaitUntil(next) = schedule.next(now) else { panic!("no wait") };
        assert_eq!(schedule.delay_by_brake(), Some(next - now - QUIET));
        gaps.push((next - now).as_secs());
        now = next;
    }
    assert_eq!(gaps, [10, 20, 40, 80, 160, 320, 600, 600, 600]);
    schedule.action_ended(now, now);
    now += at(1_200);
    schedule.action_ended(now, now);
    schedule.changed(now, 0);
    assert_eq!(schedule.next(now), Next::WaitUntil(now + at(10)));
    schedule.changed(now + at(6), 0);
    assert_eq!(schedule.delay_by_brake(), None);
}

/// What must hold for random changes, some of which are changes back, beside actions that take time.
#[test]
fn there_is_one_action_for_each_quiet_period_with_a_change() {
    let random = SequenceEntropy::pseudo_random(22);
    for round in 0..300 {
        let splay = at(random.bits() % 4);
        let mut schedule = Schedule::new(Timing { quiet_period: QUIET, splay });
        let (mut now, mut consumed, mut acted) = (at(50), 0, 0);
        let mut changes: Vec<Duration> = Vec::new();
        let (mut earliest, mut actions, mut reverts) = (at(0), 0, 0);
        for _ in 0..200 {
            let pause = Duration::from_millis(random.bits() % 9_000);
            let next_change =
                now + if random.bits().is_multiple_of(8) { pause * 40 } else { pause };
            loop {
                let next = schedule.next(now);
                assert_eq!(next == Next::WaitForChange, consumed == acted, "round {round}");
                let time = match next {
                    Next::WaitUntil(time) => time,
                    Next::WaitForChange | Next::Act => now,
                };
                if time > next_change || next == Next::WaitForChange {
                    break;
                }
                if next == Next::Act {
                    let (first, latest) = (changes[0], changes[changes.len() - 1]);
                    let quiet = (latest + QUIET).min(first + QUIET * LONGEST_WAIT);
                    assert!(now >= quiet.max(earliest), "too early in round {round}");
                    assert!(now <= (quiet + splay).max(earliest), "too late in round {round}");
                    (acted, actions) = (consumed, actions + 1);
                    changes.clear();
                    now += Duration::from_millis(random.bits() % 2_000);
                    schedule.action_ended(now, now);
                    earliest = now + QUIET * SHORTEST_INTERVAL;
                    let interval = schedule.last_action.map(|last| last.interval);
                    earliest = earliest.max(now + interval.unwrap_or_default());
                } else {
                    now = time;
                }
            }
            now = now.max(next_change);
            let before = std::mem::replace(&mut consumed, random.bits() % 3);
            if consumed == acted {
                reverts += usize::from(before != acted);
                changes.clear();
                schedule.changed_back();
            } else if consumed != before {
                changes.push(now);
                schedule.changed(now, random.bits());
            }
        }
        assert!(actions > 3 && reverts > 3, "{actions} actions, {reverts} reverts");
    }
}

#[test]
fn an_action_that_takes_long_does_not_hide_that_it_followed_soon() {
    let timing = Timing { quiet_period: Duration::from_secs(5), splay: Duration::ZERO };
    let mut schedule = Schedule::new(timing);
    let seconds = Duration::from_secs;
    let mut now = seconds(0);
    let mut intervals = Vec::new();
    for _ in 0..4 {
        schedule.changed(now, 0);
        while let Next::WaitUntil(at) = schedule.next(now) {
            now = at;
        }
        let began = now;
        now += seconds(100);
        intervals.push(schedule.interval_after(began).as_secs());
        schedule.action_ended(began, now);
    }
    assert_eq!(intervals, [10, 20, 40, 80]);
}
