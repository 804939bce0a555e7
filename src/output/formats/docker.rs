//! `docker run --env-file`, which has no quotes and no escapes.

use super::Unwritable;

/// The most bytes of a line: Go's `bufio.Scanner` takes 64 KiB with the newline.
const MAX_LINE: usize = 65_535;

/// Writes a variable. Everything behind `=` is the value: quotes, `#`, and spaces at its end.
pub(super) fn write(text: &mut String, name: &str, value: &str) -> Result<(), Unwritable> {
    if value.contains(['\r', '\n']) {
        return Err(Unwritable::Character("a line break"));
    }
    if name.len() + "=".len() + value.len() > MAX_LINE {
        return Err(Unwritable::TooLong { limit: MAX_LINE });
    }
    for part in [name, "=", value, "\n"] {
        text.push_str(part);
    }
    Ok(())
}
