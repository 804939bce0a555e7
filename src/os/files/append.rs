//! Adding lines to a file that another program has made.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

/// Adds `lines` at the end of a regular file, all or none: behind a newline, if its last line has none.
pub(super) fn append(path: &Path, lines: &[u8]) -> io::Result<()> {
    // Before it is opened, which would wait for the reader of a pipe.
    if !path.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut file = File::options().read(true).append(true).open(path)?;
    let size = file.seek(SeekFrom::End(0))?;
    let written = write(&mut file, size, lines);
    if written.is_err() {
        // Half of a variable would break the program that reads the file. If this fails too, the error
        // of the write says what happened.
        let _ = file.set_len(size);
    }
    written
}

fn write(file: &mut File, size: u64, lines: &[u8]) -> io::Result<()> {
    if size > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    file.write_all(lines)?;
    file.flush()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tests look at real files")]

    use super::*;
    use std::fs;

    #[test]
    fn lines_come_behind_those_that_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("env");
        for (before, after) in [("", "A=1\n"), ("B=2\n", "B=2\nA=1\n"), ("B=2", "B=2\nA=1\n")] {
            fs::write(&path, before).unwrap();
            append(&path, b"A=1\n").unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), after);
        }
    }

    #[test]
    fn only_a_file_that_exists_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let missing = append(&folder.path().join("env"), b"A=1\n").unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        assert!(append(folder.path(), b"A=1\n").is_err());
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }
}
