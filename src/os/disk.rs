//! The file system of this machine.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use crate::files::{Action, FileError, Files, MAX_SIZE};
use crate::secret::SecretBytes;

/// The file system of this machine.
#[derive(Debug)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> Result<SecretBytes, FileError> {
        read(path).map_err(|source| FileError {
            action: Action::Read,
            path: path.to_owned(),
            source,
        })
    }

    fn replace(&self, path: &Path, contents: &[u8]) -> Result<(), FileError> {
        replace(path, contents).map_err(|source| FileError {
            action: Action::Write,
            path: path.to_owned(),
            source,
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that opens files")]
fn read(path: &Path) -> io::Result<SecretBytes> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    if size > MAX_SIZE {
        return Err(too_large());
    }
    // With room for one byte more than the file has, the buffer does not grow, and so leaves no copy.
    let room = usize::try_from(size).map_or(0, |size| size + 1).max(16 << 10);
    let mut bytes = Vec::with_capacity(room);
    let read = file.take(MAX_SIZE + 1).read_to_end(&mut bytes);
    let bytes = SecretBytes::new(bytes);
    read?;
    match bytes.expose().len() as u64 > MAX_SIZE {
        true => Err(too_large()),
        false => Ok(bytes),
    }
}

fn too_large() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {MAX_SIZE} bytes"))
}

/// Writes a temporary file of mode 0600 beside `path` and renames it over it.
///
/// Where `path` is a link, what it points to is replaced and the link stays.
fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    let target = match path.canonicalize() {
        Ok(target) => target,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(error),
    };
    if target.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut temporary = tempfile::Builder::new().prefix(".roles-anywhere-").tempfile_in(folder)?;
    temporary.write_all(contents)?;
    temporary.as_file().sync_all()?;
    temporary.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_a_file_by_one_that_only_its_owner_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        Disk.replace(&path, b"one").unwrap();
        Disk.replace(&path, b"two").unwrap();
        assert_eq!(Disk.read(&path).unwrap().expose(), b"two");
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    #[cfg(unix)]
    fn keeps_a_link_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        Disk.replace(&real, b"one").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        Disk.replace(&link, b"two").unwrap();
        assert!(link.is_symlink());
        assert_eq!(Disk.read(&real).unwrap().expose(), b"two");
    }

    #[test]
    fn refuses_directories_and_large_files() {
        let folder = tempfile::tempdir().unwrap();
        let error = Disk.read(folder.path()).unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::IsADirectory);
        assert!(Disk.replace(folder.path(), b"").is_err());
        let path = folder.path().join("large");
        Disk.replace(&path, &vec![0; 1 + MAX_SIZE as usize]).unwrap();
        assert_eq!(Disk.read(&path).unwrap_err().source.kind(), io::ErrorKind::FileTooLarge);
    }
}
