//! The file of the container token. In a directory of our choice, the rules of the session cache apply.

mod lock;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::options::table::Origin;
use crate::os::path::directory_of;
use crate::os::private_dir::PrivateDir;
use crate::os::{access, files};
use crate::output::error::Error;
use crate::output::run::RunError;
use crate::private_dir::{ConfiguredDir, Store as _};
use crate::server::{TokenFile, TokenState, TokenStore, is_container_token};
pub use lock::TokenLock;
use roles_anywhere_client::input_source::{Action, FileError, InputSourceName};
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::text::disclosure::path_name;

/// The file of the container token, which belongs to one process.
#[derive(Debug)]
pub struct TokenOnDisk {
    path: PathBuf,
    /// The flag or variable that named it, or the directory that it is in.
    origin: Origin,
    /// The directory that we chose and the file name in it, if the user named no file.
    own: Option<(ConfiguredDir, String)>,
    /// Its lock, if it is locked for this process.
    _lock: Option<TokenLock>,
}

/// The largest file that is read as a token, in bytes.
const MAX_SIZE: u64 = 4_096;

impl TokenOnDisk {
    /// Returns the token file of a process that listens on `addresses`, for the role `name` or for
    /// `/credentials`; `None` if it has none.
    pub fn find(plan: &TokenFile, addresses: &[SocketAddr], name: Option<&str>) -> Option<Self> {
        let path = plan.path(addresses, name)?;
        let path = std::path::absolute(&path).unwrap_or(path);
        let name = path.file_name().and_then(|name| name.to_str());
        let own = match (plan, name) {
            (TokenFile::In(directory) | TokenFile::SecretsIn(directory), Some(name)) => {
                Some((directory.clone(), name.to_owned()))
            }
            _ => None,
        };
        let origin = match plan {
            TokenFile::At { origin, .. } => origin.clone(),
            TokenFile::In(directory) | TokenFile::SecretsIn(directory) => directory.origin.clone(),
            TokenFile::Disabled => return None,
        };
        Some(Self { path, origin, own, _lock: None })
    }

    /// Locks the file as [`TokenOnDisk::lock`] does, for as long as this exists.
    pub fn locked(self) -> Result<Self, Error> {
        Ok(Self { _lock: self.lock()?, ..self })
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// A directory of our choice is opened each time, as it may have been removed and created again.
impl TokenStore for TokenOnDisk {
    fn write(&self, token: &[u8]) -> Result<(), FileError> {
        let there = self.path.metadata().ok();
        let written = match &self.own {
            Some((directory, name)) => PrivateDir::new(directory).write(name, token),
            // A pipe would block, and a token must not go to a device.
            None if let Some(other) = there.filter(|there| !there.is_file()) => {
                Err(files::not_regular(&other))
            }
            None if self.holds_something_else() => Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "the file contains something other than a token",
            )),
            None => files::replace(&self.path, token),
        };
        written.map_err(|source| self.error(Action::Write, source))
    }

    fn restore(&self, token: &[u8]) -> Result<(), FileError> {
        // A link may lead to any file of this user, so `write` checks what it holds.
        if self.own.is_some() || self.path.is_symlink() {
            return self.write(token);
        }
        files::replace(&self.path, token).map_err(|source| self.error(Action::Write, source))
    }

    fn state(&self, token: &[u8]) -> TokenState {
        match self.contents() {
            Ok(Some(contents)) if contents.expose() == token => TokenState::Token,
            Ok(None) => TokenState::Missing,
            _ => TokenState::Changed,
        }
    }

    fn clear(&self, is_ours: &dyn Fn(&[u8]) -> bool) -> Result<(), FileError> {
        self.remove(is_ours).map_err(|source| self.error(Action::Remove, source))
    }
}

impl TokenOnDisk {
    /// Locks the file for this process, until the lock is dropped; an error if another process has
    /// locked it. A file that cannot be locked (no locks, or another user's) is used without.
    pub fn lock(&self) -> Result<Option<TokenLock>, Error> {
        let locked = match &self.own {
            Some((directory, name)) => TokenLock::within(directory, name),
            None => TokenLock::beside(&self.path),
        };
        match locked {
            Ok(Some(lock)) => Ok(Some(lock)),
            Ok(None) => {
                let error = Error::from(RunError::TokenFileInUse(path_name(&self.path, true)));
                Err(error.with_origin(self.origin.clone()))
            }
            Err(_) => Ok(None),
        }
    }

    /// Returns what is in the file; `None` if there is none. Opens nothing but a regular file.
    fn contents(&self) -> io::Result<Option<SecretBytes>> {
        if let Some((directory, name)) = &self.own {
            return PrivateDir::new(directory).read(name);
        }
        match self.path.metadata() {
            Ok(metadata) if metadata.is_file() => files::read(&self.path, MAX_SIZE).map(Some),
            Ok(metadata) => Err(files::not_regular(&metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns whether the file exists and is neither empty nor a token: perhaps a private key that was
    /// named by mistake.
    fn holds_something_else(&self) -> bool {
        match files::read(&self.path, MAX_SIZE) {
            Ok(contents) => !contents.expose().is_empty() && !is_container_token(contents.expose()),
            Err(error) => error.kind() == io::ErrorKind::FileTooLarge,
        }
    }

    fn remove(&self, is_ours: &dyn Fn(&[u8]) -> bool) -> io::Result<()> {
        if let Some((directory, name)) = &self.own {
            let directory = PrivateDir::new(directory);
            return match directory.read(name)? {
                Some(contents) if is_ours(contents.expose()) => directory.remove(name),
                _ => Ok(()),
            };
        }
        let metadata = self.path.symlink_metadata();
        if metadata.is_ok_and(|metadata| metadata.is_file() && metadata.len() <= MAX_SIZE)
            && is_ours(files::read(&self.path, MAX_SIZE)?.expose())
        {
            // The mode of the directory decides whether a file may be removed, not that of the file.
            let directory = directory_of(&self.path);
            std::fs::remove_file(&self.path).map_err(|error| access::explain(directory, error))?;
        }
        Ok(())
    }

    fn error(&self, action: Action, source: io::Error) -> FileError {
        let place = InputSourceName::of_path(&self.path, true).named_by(self.origin.name());
        FileError { action, place, source }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::options::table::cache::XDG_RUNTIME_DIR;
    use crate::options::table::{OptionSpec, ValueType};
    use crate::os::secret_file::tests::is_root;
    use crate::private_dir::ParentOwner;
    use roles_anywhere_client::provider::ErrorKind;

    static TOKEN_FILE: OptionSpec = OptionSpec::new("--token-file", "FILE", ValueType::File);

    const ONE: &[u8] = b"AQAAAAAAAAACAAAAAAAAAAMAAAAAAAAABAAAAAAAAAA";
    const TWO: &[u8] = b"BQAAAAAAAAACAAAAAAAAAAMAAAAAAAAABAAAAAAAAAA";

    /// Returns a token file of each kind in `folder`.
    fn places(folder: &Path) -> [TokenOnDisk; 2] {
        let own = ConfiguredDir {
            path: folder.join("own"),
            origin: Origin::variable(&XDG_RUNTIME_DIR),
            parent_owner: ParentOwner::ThisUser,
        };
        let origin = Origin::variable(&TOKEN_FILE);
        [TokenFile::At { path: folder.join("token"), origin }, TokenFile::In(own)].map(|plan| {
            TokenOnDisk::find(&plan, &["127.0.0.1:9911".parse().unwrap()], None).unwrap()
        })
    }

    /// Overwrites a file, as another program does.
    fn put(path: &Path, contents: &[u8]) {
        use std::io::Write as _;
        let mut options = fs::File::options();
        let mut file = options.write(true).create(true).truncate(true).open(path).unwrap();
        file.write_all(contents).unwrap();
    }

    #[test]
    fn token_file_belongs_to_one_process_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        for place in places(folder.path()) {
            let other = TokenOnDisk {
                path: place.path.clone(),
                origin: Origin::Flag(&TOKEN_FILE),
                own: place.own.clone(),
                _lock: None,
            };
            let lock = place.lock().unwrap().unwrap();
            // Its file is replaced, and may be gone meanwhile.
            for _ in 0..2 {
                let error = other.lock().unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Local);
                let text = error.to_string();
                assert!(text.contains(&place.path.display().to_string()), "{text}");
                assert!(text.contains("--token-file"), "{text}");
                place.write(ONE).unwrap();
                fs::remove_file(&place.path).unwrap();
            }
            drop(lock);
            drop(other.lock().unwrap().unwrap());
            let left = place.path.parent().unwrap().read_dir().unwrap().flatten();
            let files = left.filter(|entry| entry.path().is_file()).count();
            assert_eq!(files, 0, "a lock file stays behind");
        }
    }

    #[test]
    fn error_names_the_option_of_the_token_file() {
        let folder = tempfile::tempdir().unwrap();
        let [named, _] = places(folder.path());
        put(named.path(), b"of another program");
        let text = named.write(ONE).unwrap_err().to_string();
        assert!(text.contains("(from ROLES_ANYWHERE_TOKEN_FILE)"), "{text}");
    }

    #[test]
    fn foreign_file_is_not_used_as_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let [named, _] = places(folder.path());
        let lock = folder.path().join(".token.lock");
        files::replace(&lock, b"1234\n").unwrap();
        assert!(named.lock().unwrap().is_none());
        assert_eq!(files::read(&lock, MAX_SIZE).unwrap().expose(), b"1234\n");
        fs::remove_file(&lock).unwrap();
        if is_root() {
            symlink(folder.path().join("own/x"), named.path()).unwrap();
            std::os::unix::fs::lchown(named.path(), Some(65_534), None).unwrap();
            fs::create_dir(folder.path().join("own")).unwrap();
            assert!(named.lock().unwrap().is_none());
            assert_eq!(folder.path().join("own").read_dir().unwrap().count(), 0);
        }
    }

    #[test]
    fn two_names_of_one_file_share_a_lock() {
        let folder = tempfile::tempdir().unwrap();
        let [named, _] = places(folder.path());
        named.write(ONE).unwrap();
        let link = folder.path().join("link");
        symlink(&named.path, &link).unwrap();
        let _lock = named.lock().unwrap();
        assert!(
            TokenOnDisk { path: link, origin: Origin::Flag(&TOKEN_FILE), own: None, _lock: None }
                .lock()
                .is_err()
        );
    }

    #[test]
    fn path_into_our_directory_shares_its_lock() {
        let folder = tempfile::tempdir().unwrap();
        let [_, own] = places(folder.path());
        own.write(ONE).unwrap();
        let named = TokenOnDisk {
            path: own.path.clone(),
            origin: Origin::Flag(&TOKEN_FILE),
            own: None,
            _lock: None,
        };
        let lock = own.lock().unwrap().unwrap();
        assert!(named.lock().is_err());
        drop(lock);
        let _lock = named.lock().unwrap().unwrap();
        assert!(own.lock().is_err());
    }

    #[test]
    fn notices_and_restores_a_changed_token() {
        let folder = tempfile::tempdir().unwrap();
        for place in places(folder.path()) {
            assert_eq!(place.state(ONE), TokenState::Missing);
            place.write(ONE).unwrap();
            assert_eq!(place.state(ONE), TokenState::Token);
            for other in [&b""[..], &ONE[..10], TWO, b"something else", &[b'A'; 9_000]] {
                put(&place.path, other);
                assert_eq!(place.state(ONE), TokenState::Changed);
                place.restore(ONE).unwrap();
                assert_eq!(place.state(ONE), TokenState::Token);
            }
        }
    }

    #[test]
    fn restores_nothing_through_a_link_to_another_file() {
        let folder = tempfile::tempdir().unwrap();
        for place in places(folder.path()) {
            place.write(ONE).unwrap();
            let victim = folder.path().join("victim");
            put(&victim, b"a key, perhaps");
            fs::remove_file(&place.path).unwrap();
            symlink(&victim, &place.path).unwrap();
            assert_eq!(place.state(ONE), TokenState::Changed);
            let _ = place.restore(ONE);
            assert_eq!(files::read(&victim, MAX_SIZE).unwrap().expose(), b"a key, perhaps");
        }
    }

    #[test]
    fn missing_file_has_no_token() {
        let folder = tempfile::tempdir().unwrap();
        for place in places(folder.path()) {
            assert_eq!(place.state(TWO), TokenState::Missing);
            place.write(ONE).unwrap();
            assert_ne!(place.state(TWO), TokenState::Missing);
            fs::remove_file(place.path()).unwrap();
            assert_eq!(place.state(TWO), TokenState::Missing);
            place.write(TWO).unwrap();
            assert_eq!(files::read(place.path(), MAX_SIZE).unwrap().expose(), TWO);
        }
    }

    #[test]
    fn recreates_its_own_directory() {
        let folder = tempfile::tempdir().unwrap();
        let [_, own] = places(folder.path());
        own.write(ONE).unwrap();
        fs::remove_dir_all(folder.path().join("own")).unwrap();
        assert_eq!(own.state(TWO), TokenState::Missing);
        own.write(TWO).unwrap();
        assert_eq!(files::read(own.path(), MAX_SIZE).unwrap().expose(), TWO);
    }

    #[test]
    fn removes_only_our_own_token() {
        let folder = tempfile::tempdir().unwrap();
        for place in places(folder.path()) {
            let clear = || place.clear(&|contents| contents == TWO);
            clear().unwrap();
            place.write(ONE).unwrap();
            clear().unwrap();
            assert_ne!(place.state(TWO), TokenState::Missing);
            place.write(TWO).unwrap();
            clear().unwrap();
            assert_eq!(place.state(TWO), TokenState::Missing);
            let real = folder.path().join("real");
            files::replace(&real, TWO).unwrap();
            symlink(&real, place.path()).unwrap();
            let _ = clear();
            assert!(place.path().is_symlink() && real.exists());
            fs::remove_file(place.path()).unwrap();
        }
    }

    #[test]
    fn overwrites_only_tokens() {
        let folder = tempfile::tempdir().unwrap();
        let [named, _] = places(folder.path());
        for other in [&b"-----BEGIN PRIVATE KEY-----"[..], &[b'A'; 9_000], b"\n"] {
            files::replace(named.path(), other).unwrap();
            let error = named.write(ONE).unwrap_err();
            assert_eq!(error.source.to_string(), "the file contains something other than a token");
            assert_eq!(files::read(named.path(), 1 << 20).unwrap().expose(), other);
        }
        for fine in [&b""[..], TWO] {
            files::replace(named.path(), fine).unwrap();
            named.write(ONE).unwrap();
        }
    }

    #[test]
    fn does_not_write_to_a_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let [named, _] = places(folder.path());
        fs::create_dir(named.path()).unwrap();
        let error = named.write(ONE).unwrap_err();
        assert_eq!(error.source.to_string(), "it is a directory");
        named.clear(&|_| true).unwrap();
        assert!(named.path().exists());
    }

    #[test]
    fn does_not_follow_a_link_of_another_user() {
        if !is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let [named, _] = places(folder.path());
        let real = folder.path().join("real");
        files::replace(&real, TWO).unwrap();
        symlink(&real, named.path()).unwrap();
        named.write(ONE).unwrap();
        std::os::unix::fs::lchown(named.path(), Some(65_534), None).unwrap();
        let error = named.write(TWO).unwrap_err();
        assert!(error.source.to_string().contains("another user (uid 65534)"), "{error:?}");
        assert_eq!(files::read(&real, MAX_SIZE).unwrap().expose(), ONE);
    }
}
