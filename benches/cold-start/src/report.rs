//! The table, and the targets that it is held against.

use std::fmt::Write as _;
use std::time::Duration;

use bench_common::target::line;

use crate::measure::Times;

/// Over the columns of [`Report::render`].
const HEADINGS: &str = "                                  min median    p90   x empty  x POST  \
                        peak KiB       KB instructions";

/// What was measured of one program.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) times: Times,
    pub(crate) peak_kib: u64,
    pub(crate) size: u64,
    pub(crate) instructions: Option<u64>,
}

/// The rows by what they are.
pub(crate) struct Report {
    pub(crate) runs: usize,
    pub(crate) empty: Row,
    pub(crate) post: Row,
    pub(crate) rsa2048: Row,
    pub(crate) p256: Row,
    /// A P-256 identity whose session is in the cache.
    pub(crate) cached: Row,
    /// The same identity and cache; the program that it becomes does nothing.
    pub(crate) exec: Row,
    /// Other keys and forms, each of P-256 where its name does not say otherwise.
    pub(crate) others: Vec<Row>,
}

impl Report {
    /// Renders table and targets.
    pub(crate) fn render(&self) -> String {
        let runs = self.runs;
        let mut text =
            format!("{runs} runs each, in turn; milliseconds; ratios of medians\n\n{HEADINGS}\n");
        for row in self.rows() {
            let _ = writeln!(
                text,
                "{:<30} {:>6.2} {:>6.2} {:>6.2}  {:>8.2} {:>7.2}  {:>8} {:>8} {:>12}",
                row.name,
                milliseconds(row.times.percentile(0)),
                milliseconds(row.median()),
                milliseconds(row.times.percentile(90)),
                ratio(row, &self.empty),
                ratio(row, &self.post),
                row.peak_kib,
                row.size / 1000,
                row.instructions.map_or_else(|| "-".to_owned(), millions),
            );
        }
        text.push_str("\nwhat the form costs beside a plain P-256 key, its key derivation apart from all else\n");
        for row in &self.others {
            let more = milliseconds(row.median()) - milliseconds(self.p256.median());
            let _ = writeln!(text, "  {:<30} {more:>+7.2} ms", row.name);
        }
        text.push_str("\ntargets\n");
        for target in self.targets() {
            let _ = writeln!(text, "{target}");
        }
        text
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        [&self.empty, &self.post, &self.cached, &self.exec, &self.rsa2048, &self.p256]
            .into_iter()
            .chain(&self.others)
    }

    fn targets(&self) -> Vec<String> {
        let tool = [&self.rsa2048, &self.p256];
        let peak = tool.iter().map(|row| row.peak_kib).max().unwrap_or_default();
        let times = |value: f64| format!("{value:.2} x POST");
        let mut targets = Vec::new();
        for (name, row, most) in [("cached", &self.cached, 2.0), ("exec", &self.exec, 2.5)] {
            let value = ratio(row, &self.empty);
            targets.push(line(
                name,
                &format!("{value:.2} x empty"),
                &format!("at most {most:.2} x empty"),
                Some(value <= most),
            ));
        }
        for (name, row, most) in [("RSA-2048", &self.rsa2048, 1.6), ("P-256", &self.p256, 1.2)] {
            let value = ratio(row, &self.post);
            targets.push(line(
                name,
                &times(value),
                &format!("at most {}", times(most)),
                Some(value <= most),
            ));
        }
        for (name, row, most) in
            [("RSA-2048", &self.rsa2048, 18_000_000), ("P-256", &self.p256, 6_000_000)]
        {
            let value = row.instructions.map_or_else(|| "no valgrind".to_owned(), millions);
            let met = row.instructions.map(|count| count <= most);
            targets.push(line(
                name,
                &value,
                &format!("at most {} instructions", millions(most)),
                met,
            ));
        }
        targets.push(line(
            "memory",
            &format!("{peak} KiB"),
            "at most 8192 KiB",
            Some(peak <= 8192),
        ));
        let size = self.p256.size;
        let met = Some(size <= 8_000_000);
        targets.push(line("size", &format!("{} KB", size / 1000), "at most 8000 KB", met));
        targets
    }
}

impl Row {
    fn median(&self) -> Duration {
        self.times.percentile(50)
    }
}

fn ratio(row: &Row, floor: &Row) -> f64 {
    row.median().as_secs_f64() / floor.median().as_secs_f64()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[expect(clippy::cast_precision_loss, reason = "for reading, to two places")]
fn millions(count: u64) -> String {
    format!("{:.2} M", count as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_shown_in_millions() {
        assert_eq!(millions(16_210_000), "16.21 M");
    }
}
