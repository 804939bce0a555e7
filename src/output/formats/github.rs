//! GitHub Actions: the file of `$GITHUB_ENV`, and the masks on standard output.

use std::fmt::Write as _;

use super::{FormatError, Unwritable, check_variable, into_bytes, render_by};
use roles_anywhere_client::secret::{Entropy, Secret, SecretBytes};

/// The name of the format.
pub const NAME: &str = "github";

/// The shortest text that is masked: a shorter one would hide parts of unrelated words in the log.
const MIN_MASKED: usize = 8;

/// Returns the variables as lines of the file that `GITHUB_ENV` names. The error names every variable
/// that it cannot hold.
///
/// Each value is between lines with a random delimiter, so that no value can end early and set other
/// variables.
pub fn render(
    variables: &[(&str, &Secret)],
    entropy: &dyn Entropy,
) -> Result<SecretBytes, FormatError> {
    let text = render_by(NAME, variables, |text, name, value| {
        check(name, value)?;
        let delimiter = format!("ghadelimiter_{:016x}{:016x}", entropy.bits(), entropy.bits());
        // Writing to a string does not fail.
        let _ = writeln!(text, "{name}<<{delimiter}\n{value}\n{delimiter}");
        Ok(())
    })?;
    Ok(into_bytes(text))
}

/// Returns the commands that hide values in the log of the runner: each as a whole and, for runners that
/// log line by line, each of its lines.
pub fn masks(values: &[&Secret]) -> SecretBytes {
    // Each as a whole and in lines, with up to three characters for one.
    let lines = |value: &str| value.split(['\r', '\n']).count() + 1;
    let size = |value: &&Secret| 6 * value.expose().len() + 16 * lines(value.expose());
    let mut text = String::with_capacity(1 + values.iter().map(size).sum::<usize>());
    // The runner finds a command only at the beginning of a line, and the line before may not be finished.
    text.push('\n');
    for value in values {
        let value = value.expose();
        write_mask(&mut text, value);
        if value.contains(['\r', '\n']) {
            value.split(['\r', '\n']).for_each(|line| write_mask(&mut text, line.trim()));
        }
    }
    SecretBytes::new(text.into_bytes())
}

fn write_mask(text: &mut String, value: &str) {
    if value.trim().len() < MIN_MASKED {
        return;
    }
    text.push_str("::add-mask::");
    for c in value.chars() {
        match c {
            '%' => text.push_str("%25"),
            '\r' => text.push_str("%0D"),
            '\n' => text.push_str("%0A"),
            c => text.push(c),
        }
    }
    text.push('\n');
}

/// Refuses what the runner refuses, and what it would not read back.
fn check(name: &str, value: &str) -> Result<(), Unwritable> {
    check_variable(name, value)?;
    // The runner compares without case.
    let upper = name.to_ascii_uppercase();
    if upper == "NODE_OPTIONS" || ["GITHUB_", "RUNNER_"].iter().any(|it| upper.starts_with(it)) {
        return Err(Unwritable::ReservedName);
    }
    // On Windows it would be part of the line ending before the delimiter.
    if value.ends_with('\r') {
        return Err(Unwritable::Character("a carriage return at its end"));
    }
    Ok(())
}
