//! What each runner does with its arguments and its report.

use std::fmt::Display;
use std::io::Write as _;
use std::process::ExitCode;

/// Reads the number of runs or seconds that an argument is, at least 1; `default` without one.
pub fn number_or(default: usize, argument: Option<&str>) -> Option<usize> {
    match argument {
        None => Some(default),
        Some(text) => text.parse().ok().filter(|number| *number > 0),
    }
}

/// Prints the report or the error, and returns the exit code: whether everything ran, never how fast.
pub fn print<E: Display>(report: &Result<String, E>) -> ExitCode {
    let printed = match report {
        Ok(text) => std::io::stdout().lock().write_all(text.as_bytes()),
        Err(error) => writeln!(std::io::stderr(), "error: {error}"),
    };
    if report.is_ok() && printed.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_at_least_one() {
        for (argument, number) in
            [(None, Some(7)), (Some("3"), Some(3)), (Some("0"), None), (Some("x"), None)]
        {
            assert_eq!(number_or(7, argument), number, "{argument:?}");
        }
    }
}
