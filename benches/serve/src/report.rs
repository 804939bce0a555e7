//! The table, and the targets that it is held against.

use std::fmt::Write as _;
use std::time::Duration;

use bench_common::target::line;

use crate::ROUNDS;
use crate::load::Round;
use crate::slow_key::SlowKey;

/// The rounds on one route, of both servers.
pub(crate) struct Route {
    pub(crate) name: &'static str,
    pub(crate) floor: Vec<Round>,
    pub(crate) serve: Vec<Round>,
}

/// All that was measured.
pub(crate) struct Report {
    pub(crate) seconds: u32,
    pub(crate) routes: Vec<Route>,
    /// How many requests `serve` had answered when its memory was looked at.
    pub(crate) requests: u64,
    pub(crate) resident_kib: u64,
    pub(crate) slow_key: SlowKey,
}

/// What one number says of a round.
type Figure = fn(&Round) -> f64;

const PER_SECOND: Figure = |round| round.per_second;
const CPU: Figure = |round| microseconds(round.cpu);
const MEDIAN: Figure = |round| microseconds(round.median);
const P99: Figure = |round| microseconds(round.p99);

impl Report {
    /// Renders table and targets.
    pub(crate) fn render(&self) -> String {
        let seconds = self.seconds;
        let mut text = format!(
            "wrk with 32 connections, {ROUNDS} rounds of {seconds} s each, in turn; medians of rounds; microseconds\n\n\
             credentials by           requests/s  CPU/request      p50      p99\n"
        );
        for Route { name, floor, serve } in &self.routes {
            for (server, rounds) in [("bare hyper", floor), ("serve", serve)] {
                let _ = writeln!(
                    text,
                    "{name:<11} {server:<10} {:>12.0} {:>12.2} {:>8.0} {:>8.0}",
                    median(rounds, PER_SECOND),
                    median(rounds, CPU),
                    median(rounds, MEDIAN),
                    median(rounds, P99),
                );
            }
        }
        let _ = writeln!(text, "\n{}", self.slow_key.render());
        text.push_str("targets\n");
        for target in self.targets() {
            let _ = writeln!(text, "{target}");
        }
        text
    }

    fn targets(&self) -> Vec<String> {
        let mut targets = Vec::new();
        for route in &self.routes {
            let name = route.name;
            let value = route.ratio(PER_SECOND);
            let (title, shown) = (format!("{name}: requests/s"), format!("{value:.2} x bare"));
            targets.push(line(&title, &shown, "at least 0.70 x", Some(value >= 0.7)));
            for (what, figure, most) in [("CPU/request", CPU, 1.6), ("p99", P99, 4.0)] {
                let value = route.ratio(figure);
                let (title, shown) = (format!("{name}: {what}"), format!("{value:.2} x bare"));
                let limit = format!("at most {most:.2} x");
                targets.push(line(&title, &shown, &limit, Some(value <= most)));
            }
        }
        let title = format!("memory after {} k", self.requests / 1000);
        let shown = format!("{} KiB", self.resident_kib);
        let met = Some(self.resident_kib <= 10 << 10);
        targets.push(line(&title, &shown, "at most 10240 KiB", met));
        targets.push(self.slow_key.target());
        targets
    }
}

impl Route {
    fn ratio(&self, figure: Figure) -> f64 {
        median(&self.serve, figure) / median(&self.floor, figure)
    }
}

fn median(rounds: &[Round], figure: Figure) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(figure).collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(per_second: f64, micros: u64) -> Round {
        let time = Duration::from_micros(micros);
        Round { requests: 1, per_second, median: time, p99: time, cpu: time }
    }

    #[test]
    fn one_slow_round_moves_no_median() {
        let rounds = [round(100.0, 5), round(1.0, 500), round(110.0, 4)];
        assert!((median(&rounds, PER_SECOND) - 100.0).abs() < 1e-9);
        assert!((median(&rounds, CPU) - 5.0).abs() < 1e-9);
    }

    #[test]
    fn holds_serve_against_the_floor_of_its_route() {
        let route =
            Route { name: "IMDS", floor: vec![round(100.0, 5)], serve: vec![round(60.0, 6)] };
        let slow_key = SlowKey { loading: Duration::ZERO, answers: vec![Duration::ZERO] };
        let (requests, resident_kib) = (500_000, 9_000);
        let report = Report { seconds: 1, routes: vec![route], requests, resident_kib, slow_key };
        let verdicts: Vec<bool> = report.targets().iter().map(|t| t.ends_with("met")).collect();
        assert_eq!(verdicts, [false, true, true, true, true]);
    }
}
