//! Load from `wrk`, and what a server took for it.

use std::process::Command;
use std::time::Duration;

use crate::{BenchError, process};

/// How many connections ask at once, each again as soon as it is answered.
const CONNECTIONS: &str = "32";

/// What is asked for.
pub(crate) struct Target {
    /// The whole URL.
    pub(crate) url: String,
    /// One header, `name: value`.
    pub(crate) header: String,
}

/// What came of one round.
pub(crate) struct Round {
    pub(crate) requests: u64,
    pub(crate) per_second: f64,
    pub(crate) median: Duration,
    pub(crate) p99: Duration,
    /// The processor time that the server took for each request.
    pub(crate) cpu: Duration,
}

impl Round {
    /// Asks `target`, which process `server` answers, for so many seconds.
    pub(crate) fn run(target: &Target, server: u32, seconds: u32) -> Result<Self, BenchError> {
        let before = process::cpu(server)?;
        let output = Command::new("wrk")
            .args(["--threads", "1", "--connections", CONNECTIONS, "--latency"])
            .args(["--duration", &format!("{seconds}s"), "--header", &target.header, &target.url])
            .output()?;
        let taken = process::cpu(server)? - before;
        let text = String::from_utf8_lossy(&output.stdout);
        match Self::parse(&text, taken) {
            Some(round) if output.status.success() => Ok(round),
            _ => Err(BenchError::Load(text.into_owned())),
        }
    }

    /// Reads what wrk says; nothing where an answer was not 200 or a connection failed.
    fn parse(text: &str, taken: Duration) -> Option<Self> {
        if text.contains("Non-2xx") || text.contains("Socket errors") {
            return None;
        }
        let after = |label: &str| {
            let line = text.lines().find(|line| line.trim_start().starts_with(label))?;
            line.trim_start().strip_prefix(label)?.split_whitespace().next()
        };
        let requests = text.lines().find_map(|line| line.trim_start().split_once(" requests in "));
        let requests = requests?.0.parse().ok()?;
        let cpu = taken.checked_div(u32::try_from(requests).ok()?)?;
        Some(Self {
            requests,
            per_second: after("Requests/sec:")?.parse().ok()?,
            median: duration(after("50%")?)?,
            p99: duration(after("99%")?)?,
            cpu,
        })
    }
}

/// Reads `67.00us`, `2.61ms` or `1.02s`.
fn duration(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(unit);
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
Running 1s test @ http://127.0.0.1:34545/nothing
  1 threads and 2 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   155.12us  424.86us   4.23ms   95.53%
    Req/Sec    21.81k     4.43k   32.83k    80.00%
  Latency Distribution
     50%   67.00us
     75%   89.00us
     90%  121.00us
     99%    2.61ms
  20000 requests in 1.00s, 3.14MB read
Requests/sec:  21580.77
Transfer/sec:      3.13MB
";

    #[test]
    fn reads_what_wrk_says() {
        let round = Round::parse(OUTPUT, Duration::from_millis(200)).unwrap();
        assert_eq!(round.requests, 20_000);
        assert!((round.per_second - 21_580.77).abs() < 1e-6);
        assert_eq!(round.median, Duration::from_micros(67));
        assert_eq!(round.p99, Duration::from_micros(2_610));
        assert_eq!(round.cpu, Duration::from_micros(10));
    }

    #[test]
    fn takes_no_round_with_a_failure() {
        for failure in ["Non-2xx or 3xx responses: 1", "Socket errors: connect 0, read 1"] {
            let text = format!("{OUTPUT}  {failure}\n");
            assert!(Round::parse(&text, Duration::ZERO).is_none(), "{failure}");
        }
    }
}
