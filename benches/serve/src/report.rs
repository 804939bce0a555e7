//! The table, and the targets that it is held against.

use std::fmt::Write as _;
use std::time::Duration;

use bench_common::target::line;

use crate::load::Round;
use crate::secrets::Secrets;
use crate::{Credentials, ROUNDS};

/// The rounds on one route, of both servers.
pub(crate) struct Route {
    pub(crate) name: &'static str,
    pub(crate) floor: Vec<Round>,
    pub(crate) serve: Vec<Round>,
}

/// All that was measured.
pub(crate) struct Report {
    pub(crate) seconds: u32,
    /// Nothing if only secrets were asked for.
    pub(crate) credentials: Option<Credentials>,
    pub(crate) secrets: Secrets,
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
             asked for                requests/s  CPU/request      p50      p99\n"
        );
        for Route { name, floor, serve } in self.routes() {
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
        text.push('\n');
        if let Some(credentials) = &self.credentials {
            let _ = writeln!(text, "{}", credentials.slow_key.render());
        }
        text.push_str("targets\n");
        for target in self.targets() {
            let _ = writeln!(text, "{target}");
        }
        text
    }

    fn routes(&self) -> impl Iterator<Item = &Route> {
        self.credentials.iter().flat_map(|it| &it.routes).chain([&self.secrets.route])
    }

    fn targets(&self) -> Vec<String> {
        let mut targets = Vec::new();
        for route in self.routes() {
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
        if let Some(Credentials { requests, resident_kib, slow_key, .. }) = &self.credentials {
            targets.push(memory(&format!("memory after {} k", requests / 1000), *resident_kib, 10));
            targets.push(slow_key.target());
        }
        targets.push(memory("1,000 secrets: memory", self.secrets.cached_kib, 12));
        targets.push(memory("  after the load", self.secrets.resident_kib, 12));
        targets
    }
}

fn memory(title: &str, kib: u64, most_mib: u64) -> String {
    let most = most_mib << 10;
    line(title, &format!("{kib} KiB"), &format!("at most {most} KiB"), Some(kib <= most))
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
    use crate::slow_key::SlowKey;

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
        let route = |name, per_second, micros| Route {
            name,
            floor: vec![round(100.0, 5)],
            serve: vec![round(per_second, micros)],
        };
        let slow_key = SlowKey { loading: Duration::ZERO, answers: vec![Duration::ZERO] };
        let credentials = Credentials {
            routes: vec![route("IMDS", 60.0, 6)],
            requests: 500_000,
            resident_kib: 9_000,
            slow_key,
        };
        let secrets =
            Secrets { route: route("secret", 80.0, 9), cached_kib: 12_288, resident_kib: 12_289 };
        let report = Report { seconds: 1, credentials: Some(credentials), secrets };
        let verdicts: Vec<bool> = report.targets().iter().map(|t| t.ends_with("met")).collect();
        let of_routes = [false, true, true, true, false, true];
        assert_eq!(verdicts, [&of_routes[..], &[true, true, true, false]].concat());
    }
}
