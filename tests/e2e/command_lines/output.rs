//! What a line printed, without what differs from run to run, and how it is recorded.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest as hash};

use super::line::CommandLine;

/// The output and exit code of a line.
pub(super) struct LineOutput {
    pub(super) code: i32,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: String,
}

/// Returns 32 bits of the SHA-256 of `bytes` in hex, `-` for none.
pub(super) fn digest(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "-".to_owned();
    }
    hash(&SHA256, bytes).as_ref()[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}

impl LineOutput {
    pub(super) fn new(code: i32, stdout: Vec<u8>, stderr: &[u8]) -> Self {
        let stderr = String::from_utf8(stderr.to_vec()).unwrap();
        let stderr = stderr.split_inclusive('\n').map(without_time).collect();
        let stdout = match String::from_utf8(stdout) {
            Ok(text) => {
                let lines = text.split_inclusive('\n').map(without_days);
                lines.map(|line| without_build(&line)).collect::<String>().into()
            }
            Err(signature) => signature.into_bytes(),
        };
        Self { code, stdout, stderr }
    }

    /// Returns what is recorded: digests of line, standard output and standard error, and the code.
    pub(super) fn record(&self, line: &CommandLine) -> String {
        // ECDSA and ML-DSA sign with randomness.
        let is_random = line.signs() && self.code == 0 && self.stderr.is_empty();
        let stdout = if is_random { "*".to_owned() } else { digest(&self.stdout) };
        let stderr = digest(self.stderr.as_bytes());
        format!("{} {} {stdout} {stderr}", digest(&line.bytes()), self.code)
    }

    pub(super) fn agrees_with(&self, recorded: &str, line: &CommandLine) -> bool {
        self.record(line) == recorded
    }

    /// Returns the output for `samples.txt`: of a long one only its first lines.
    pub(super) fn excerpt(&self, line: &CommandLine) -> String {
        const LINES: usize = 12;
        let text = match line.signs() && self.code == 0 {
            true => format!("exit code: 0\n({} bytes)", self.stdout.len()),
            false => self.to_string(),
        };
        let shown: Vec<&str> = text.lines().take(LINES).collect();
        let rest = text.lines().count() - shown.len();
        let rest = if rest == 0 { String::new() } else { format!("\n({rest} more lines)") };
        format!("{}{rest}", shown.join("\n"))
    }
}

impl fmt::Display for LineOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stdout = String::from_utf8_lossy(&self.stdout);
        write!(f, "exit code: {}", self.code)?;
        for text in
            [&*stdout, &*self.stderr].map(str::trim_end).into_iter().filter(|t| !t.is_empty())
        {
            write!(f, "\n{text}")?;
        }
        Ok(())
    }
}

/// Returns a line of standard error without the time: that of `--debug`, and that of the log.
fn without_time(line: &str) -> String {
    const LENGTH: usize = "2026-11-26T02:54:19Z".len();
    if let Some((_, rest)) = line.strip_prefix("debug: ").and_then(|rest| rest.split_once(" ms: "))
    {
        return format!("debug: TIME ms: {rest}");
    }
    let is_json = line.starts_with('{');
    let start = match line.find(r#""time":""#) {
        Some(at) if is_json => at + r#""time":""#.len(),
        _ => 0,
    };
    let end = start + LENGTH;
    match line.get(start..end) {
        Some(time) if is_time(time) => format!("{}TIME{}", &line[..start], &line[end..]),
        _ => line.to_owned(),
    }
}

/// Returns a line about a certificate without the days that it is still valid.
fn without_days(line: &str) -> String {
    for (before, after) in [("Z (", " days left)"), (r#""daysLeft": "#, ",")] {
        if let Some((start, rest)) = line.split_once(before)
            && let Some((days, end)) = rest.split_once(after)
            && days.parse::<u32>().is_ok()
        {
            return format!("{start}{before}DAYS{after}{end}");
        }
    }
    line.to_owned()
}

/// Returns a line of `version --output json` without what differs from build to build.
fn without_build(line: &str) -> String {
    // The version by itself is that of the cryptographic library.
    for name in [r#"  "commit": "#, r#"  "target": "#, r#"    "version": "#] {
        if line.starts_with(name) {
            let comma = if line.trim_end().ends_with(',') { "," } else { "" };
            return format!("{name}BUILD{comma}\n");
        }
    }
    line.to_owned()
}

fn is_time(text: &str) -> bool {
    text.bytes().zip("0000-00-00T00:00:00Z".bytes()).all(|(byte, like)| match like {
        b'0' => byte.is_ascii_digit(),
        other => byte == other,
    })
}

#[test]
fn times_are_left_out() {
    let rows = [
        ("debug:     0.23 ms: trust: x\n", "debug: TIME ms: trust: x\n"),
        ("2026-11-26T02:54:19Z error a\n", "TIME error a\n"),
        (r#"{"a":1,"time":"2026-11-26T02:54:19Z"}"#, r#"{"a":1,"time":"TIME"}"#),
        ("valid until 2026-11-26T02:54:19Z", "valid until 2026-11-26T02:54:19Z"),
    ];
    for (line, expected) in rows {
        assert_eq!(without_time(line), expected);
    }
}

#[test]
fn days_are_left_out() {
    let rows = [
        (
            "Valid until  2045-10-13T03:54:35Z (6895 days left)\n",
            "Valid until  2045-10-13T03:54:35Z (DAYS days left)\n",
        ),
        (r#"  "daysLeft": 6895,"#, r#"  "daysLeft": DAYS,"#),
        ("(6895 days left)", "(6895 days left)"),
    ];
    for (line, expected) in rows {
        assert_eq!(without_days(line), expected);
    }
}

#[test]
fn builds_are_left_out() {
    let rows = [
        ("  \"commit\": \"0123abc\",\n", "  \"commit\": BUILD,\n"),
        ("  \"commit\": null,\n", "  \"commit\": BUILD,\n"),
        ("    \"version\": \"5.12.0\"\n", "    \"version\": BUILD\n"),
        ("  \"version\": \"0.1.0\",\n", "  \"version\": \"0.1.0\",\n"),
    ];
    for (line, expected) in rows {
        assert_eq!(without_build(line), expected);
    }
}
