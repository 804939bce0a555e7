//! Writes the manual pages to a directory: `cargo run --example man_pages -- DIR`. Packages ship them
//! in `share/man/man1`. They are not a command of the program, which would grow by their generator.

#![expect(clippy::disallowed_methods, reason = "writes files of a package")]

mod page;

use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("usage: man_pages DIR")?;
    let folder = PathBuf::from(folder);
    std::fs::create_dir_all(&folder)?;
    for (name, text) in page::all()? {
        std::fs::write(folder.join(name), text)?;
    }
    Ok(())
}
