//! What a process took and holds, as `/proc` says.

use std::time::Duration;

use crate::BenchError;

/// How long a tick of `/proc/PID/stat` is: `USER_HZ` is 100 wherever Linux runs.
const TICK: Duration = Duration::from_millis(10);

/// Returns the processor time that a process took so far, its own and the system's for it.
pub(crate) fn cpu(id: u32) -> Result<Duration, BenchError> {
    let text = read(id, "stat")?;
    ticks(&text).map(|ticks| TICK * ticks).ok_or(BenchError::Illegible("stat"))
}

/// Returns how much memory of a process is resident, in KiB.
pub(crate) fn resident_kib(id: u32) -> Result<u64, BenchError> {
    let text = read(id, "status")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kib.ok_or(BenchError::Illegible("status"))
}

/// Reads utime and stime (fields 14 and 15); the name (2) is in parentheses and may hold anything.
fn ticks(stat: &str) -> Option<u32> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u32>().ok()? + fields.next()?.parse::<u32>().ok()?)
}

fn read(id: u32, file: &str) -> Result<String, BenchError> {
    #[expect(clippy::disallowed_methods, reason = "what is measured stands in /proc")]
    Ok(std::fs::read_to_string(format!("/proc/{id}/{file}"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_time_behind_any_name() {
        let stat = "42 (a) b) S 1 42 42 0 -1 4194560 100 0 0 0 7 5 0 0 20 0 1 0 1 1 1";
        assert_eq!(ticks(stat), Some(12));
    }
}
