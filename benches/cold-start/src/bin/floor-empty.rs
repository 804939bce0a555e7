//! The lower floor: what it costs to start a process that prints a line.

use std::io::{self, Write as _};

fn main() -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(b"{}\n")?;
    stdout.flush()
}
