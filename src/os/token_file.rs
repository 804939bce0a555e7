//! The file of the container token: a place of our own choice is judged as the cache's is.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::cache::{Directory, Store as _};
use crate::command::serve::TokenFile;
use crate::files::{Action, FileError, Source};
use crate::os::disk;
use crate::os::private::PrivateDirectory;
use crate::serve::{TokenPlace, is_container_token};

/// The file of the container token, which belongs to one process.
#[derive(Debug)]
pub struct TokenOnDisk {
    path: PathBuf,
    /// The directory that we chose, and the file's name in it.
    own: Option<(Directory, String)>,
}

/// The largest file that may be a token, in bytes.
const MAX_SIZE: u64 = 4_096;

impl TokenOnDisk {
    /// Takes the file of a process that listens on `addresses`; `None` where it has none.
    pub fn find(plan: &TokenFile, addresses: &[SocketAddr]) -> Option<Self> {
        let path = plan.path(addresses)?;
        let path = std::path::absolute(&path).unwrap_or(path);
        let name = path.file_name().and_then(|name| name.to_str());
        let own = match (plan, name) {
            (TokenFile::In(directory), Some(name)) => Some((directory.clone(), name.to_owned())),
            _ => None,
        };
        Some(Self { path, own })
    }

    /// Returns where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// A directory of our own is opened each time: since the last it may have been made anew.
impl TokenPlace for TokenOnDisk {
    fn write(&self, token: &[u8]) -> Result<(), FileError> {
        let written = match &self.own {
            Some((directory, name)) => PrivateDirectory::new(directory).write(name, token),
            // A pipe would be waited for, and the token is not for a device.
            None if self.path.metadata().is_ok_and(|metadata| !metadata.is_file()) => {
                Err(io::Error::other("it is not a regular file"))
            }
            None if self.holds_something_else() => {
                Err(io::Error::new(io::ErrorKind::AlreadyExists, "it holds something else"))
            }
            None => disk::replace(&self.path, token),
        };
        written.map_err(|source| self.error(Action::Write, source))
    }

    fn is_empty(&self) -> bool {
        self.path.metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    }

    fn clear(&self, is_ours: &dyn Fn(&[u8]) -> bool) -> Result<(), FileError> {
        self.remove(is_ours).map_err(|source| self.error(Action::Remove, source))
    }
}

impl TokenOnDisk {
    /// Returns whether a file is there that is neither empty nor a token: a key, perhaps, which was
    /// named by mistake.
    fn holds_something_else(&self) -> bool {
        match disk::read(&self.path, MAX_SIZE) {
            Ok(contents) => !contents.expose().is_empty() && !is_container_token(contents.expose()),
            Err(error) => error.kind() == io::ErrorKind::FileTooLarge,
        }
    }

    fn remove(&self, is_ours: &dyn Fn(&[u8]) -> bool) -> io::Result<()> {
        if let Some((directory, name)) = &self.own {
            let directory = PrivateDirectory::new(directory);
            return match directory.read(name)? {
                Some(contents) if is_ours(contents.expose()) => directory.remove(name),
                _ => Ok(()),
            };
        }
        let metadata = self.path.symlink_metadata();
        if metadata.is_ok_and(|metadata| metadata.is_file() && metadata.len() <= MAX_SIZE)
            && is_ours(disk::read(&self.path, MAX_SIZE)?.expose())
        {
            std::fs::remove_file(&self.path)?;
        }
        Ok(())
    }

    fn error(&self, action: Action, source: io::Error) -> FileError {
        FileError { action, place: Source::File(self.path.clone()), source }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::cache::Above;
    use crate::os::destination::tests::is_root;

    const ONE: &[u8] = b"AQAAAAAAAAACAAAAAAAAAAMAAAAAAAAABAAAAAAAAAA";
    const TWO: &[u8] = b"BQAAAAAAAAACAAAAAAAAAAMAAAAAAAAABAAAAAAAAAA";

    /// A place of each kind in `folder`.
    fn places(folder: &Path) -> [TokenOnDisk; 2] {
        let own = Directory { path: folder.join("own"), above: Above::Own };
        [TokenFile::At(folder.join("token")), TokenFile::In(own)]
            .map(|plan| TokenOnDisk::find(&plan, &["127.0.0.1:9911".parse().unwrap()]).unwrap())
    }

    #[test]
    fn is_empty_until_it_is_written_and_when_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        for place in places(folder.path()) {
            assert!(place.is_empty());
            place.write(ONE).unwrap();
            assert!(!place.is_empty());
            fs::remove_file(place.path()).unwrap();
            assert!(place.is_empty());
            place.write(TWO).unwrap();
            assert_eq!(disk::read(place.path(), MAX_SIZE).unwrap().expose(), TWO);
        }
    }

    #[test]
    fn makes_its_own_directory_again() {
        let folder = tempfile::tempdir().unwrap();
        let [_, own] = places(folder.path());
        own.write(ONE).unwrap();
        fs::remove_dir_all(folder.path().join("own")).unwrap();
        assert!(own.is_empty());
        own.write(TWO).unwrap();
        assert_eq!(disk::read(own.path(), MAX_SIZE).unwrap().expose(), TWO);
    }

    #[test]
    fn clears_what_is_ours_alone() {
        let folder = tempfile::tempdir().unwrap();
        for place in places(folder.path()) {
            let clear = || place.clear(&|contents| contents == TWO);
            clear().unwrap();
            place.write(ONE).unwrap();
            clear().unwrap();
            assert!(!place.is_empty());
            place.write(TWO).unwrap();
            clear().unwrap();
            assert!(place.is_empty());
            let real = folder.path().join("real");
            disk::replace(&real, TWO).unwrap();
            symlink(&real, place.path()).unwrap();
            let _ = clear();
            assert!(place.path().is_symlink() && real.exists());
            fs::remove_file(place.path()).unwrap();
        }
    }

    #[test]
    fn writes_over_nothing_but_tokens() {
        let folder = tempfile::tempdir().unwrap();
        let [named, _] = places(folder.path());
        for other in [&b"-----BEGIN PRIVATE KEY-----"[..], &[b'A'; 9_000], b"\n"] {
            disk::replace(named.path(), other).unwrap();
            let error = named.write(ONE).unwrap_err();
            assert_eq!(error.source.to_string(), "it holds something else");
            assert_eq!(disk::read(named.path(), 1 << 20).unwrap().expose(), other);
        }
        for fine in [&b""[..], TWO] {
            disk::replace(named.path(), fine).unwrap();
            named.write(ONE).unwrap();
        }
    }

    #[test]
    fn writes_to_no_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let [named, _] = places(folder.path());
        fs::create_dir(named.path()).unwrap();
        let error = named.write(ONE).unwrap_err();
        assert_eq!(error.source.to_string(), "it is not a regular file");
        named.clear(&|_| true).unwrap();
        assert!(named.path().exists());
    }

    #[test]
    fn writes_through_no_link_of_another_user() {
        if !is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let [named, _] = places(folder.path());
        let real = folder.path().join("real");
        disk::replace(&real, TWO).unwrap();
        symlink(&real, named.path()).unwrap();
        named.write(ONE).unwrap();
        std::os::unix::fs::lchown(named.path(), Some(65_534), None).unwrap();
        let error = named.write(TWO).unwrap_err();
        assert!(error.source.to_string().contains("another user (uid 65534)"), "{error:?}");
        assert_eq!(disk::read(&real, MAX_SIZE).unwrap().expose(), ONE);
    }
}
