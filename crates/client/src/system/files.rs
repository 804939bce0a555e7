//! Files, as a program reads them that was given paths.

use std::io::{self, Read};
use std::path::Path;

use crate::input_source::{Action, FileError, Files, InputSource, Location, MAX_SIZE};
use crate::password::{PasswordError, Passwords};
use crate::secret::{Secret, SecretBytes};

/// Reads regular files. Standard input, descriptors, variables and pipes are refused.
#[derive(Clone, Copy, Debug)]
pub struct RegularFiles;

impl Files for RegularFiles {
    fn read(&self, source: &InputSource) -> Result<SecretBytes, FileError> {
        let bytes = match &source.location {
            Location::File(path) => read(path, MAX_SIZE),
            Location::Stdin | Location::Descriptor(_) | Location::Variable(_) => Err(not_regular()),
        };
        let exists = matches!(&source.location, Location::File(path) if path.exists());
        bytes.map_err(|error| FileError {
            action: Action::Read,
            place: source.name(exists),
            source: error,
        })
    }

    #[cfg(unix)]
    fn readable_by_others(&self, source: &InputSource) -> Option<u32> {
        use std::os::unix::fs::PermissionsExt;
        let Location::File(path) = &source.location else { return None };
        let mode = path.metadata().ok()?.permissions().mode() & 0o777;
        (mode & 0o077 != 0).then_some(mode)
    }

    #[cfg(not(unix))]
    fn readable_by_others(&self, _source: &InputSource) -> Option<u32> {
        None
    }
}

/// Reads a regular file of at most `limit` bytes.
#[expect(
    clippy::disallowed_methods,
    reason = "opens files for programs that have no port of their own"
)]
pub(super) fn read(path: &Path, limit: u64) -> io::Result<SecretBytes> {
    let metadata = path.metadata()?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    // To open a pipe would wait for its writer.
    if !metadata.is_file() {
        return Err(not_regular());
    }
    // One byte larger than the file, so that the buffer does not grow and leave a copy behind.
    let size = usize::try_from(metadata.len().min(limit)).unwrap_or(0);
    let mut bytes = Vec::with_capacity(size + 1);
    let read = std::fs::File::open(path)?.take(limit + 1).read_to_end(&mut bytes);
    let bytes = SecretBytes::new(bytes);
    read?;
    match bytes.expose().len() as u64 > limit {
        true => Err(io::ErrorKind::FileTooLarge.into()),
        false => Ok(bytes),
    }
}

fn not_regular() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "it is not a regular file")
}

/// Knows no password, and does not ask for one: an encrypted key is refused.
#[derive(Clone, Copy, Debug)]
pub struct NoPasswords;

impl Passwords for NoPasswords {
    fn password(&self, _file_name: &str) -> Result<Secret, PasswordError> {
        Err(PasswordError::NotRequested)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn reads_regular_files_only() {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let bytes = RegularFiles.read(&InputSource::file(manifest)).unwrap();
        assert!(bytes.expose().starts_with(b"[package]"));
        let refused = [
            (InputSource::file("none"), io::ErrorKind::NotFound),
            (InputSource::file("/dev"), io::ErrorKind::IsADirectory),
            (InputSource::file("/dev/zero"), io::ErrorKind::Unsupported),
            (Location::Stdin.into(), io::ErrorKind::Unsupported),
            (Location::Variable("HOME".to_owned()).into(), io::ErrorKind::Unsupported),
        ];
        for (source, expected) in refused {
            let error = RegularFiles.read(&source).unwrap_err();
            assert_eq!(error.source.kind(), expected);
        }
        let error = read(Path::new(manifest), 8).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
