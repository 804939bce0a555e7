//! A directory that belongs to this user only, by owner and mode.
//!
//! Every file is opened relative to one descriptor of the directory, and checked after it was opened.
//! A path that another user swaps in between has no effect.

use std::fs::{DirBuilder, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::os::access;
use roles_anywhere_client::system::SystemEntropy;

use crate::private_dir::{ConfiguredDir, DirEntry, Lock, ParentOwner, Store, TEMPORARY_SUFFIX};
use roles_anywhere_client::secret::{Entropy, SecretBytes};
use roles_anywhere_client::time::Timestamp;

/// A directory that belongs to this user only, opened when it is first used.
#[derive(Debug)]
pub struct PrivateDir {
    path: PathBuf,
    parent_owner: ParentOwner,
    opened: Mutex<Option<Arc<OwnedFd>>>,
    max_size: u64,
    max_files: usize,
}

/// The largest file that is read if nothing else is said, in bytes; a session is a few KiB.
const MAX_SIZE: u64 = 64 << 10;

/// The most files that are listed if nothing else is said, so that a directory full of them cannot delay a command.
const MAX_FILES: usize = 512;

impl PrivateDir {
    /// Returns the directory; opens nothing yet.
    pub fn new(dir: &ConfiguredDir) -> Self {
        // Without a trailing slash, with which the system would follow a link.
        let path = dir.path.components().collect();
        let (parent_owner, opened) = (dir.parent_owner, Mutex::default());
        Self { path, parent_owner, opened, max_size: MAX_SIZE, max_files: MAX_FILES }
    }

    /// Reads files of up to `max_size` bytes, and lists up to `max_files`.
    #[must_use]
    pub fn with_limits(self, max_size: u64, max_files: usize) -> Self {
        Self { max_size, max_files, ..self }
    }

    /// Calls `act` with the parent and the name of the directory, after the parent's owner was checked.
    fn in_checked_parent<T>(
        &self,
        act: impl FnOnce(BorrowedFd<'_>, &Path) -> rustix::io::Result<T>,
    ) -> io::Result<T> {
        let (ParentOwner::ThisUser, Some(parent), Some(name)) =
            (self.parent_owner, self.path.parent(), self.path.file_name())
        else {
            return Ok(act(rustix::fs::CWD, &self.path)?);
        };
        // Links are followed: the paths that systemd passes are links that root owns.
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let parent = rustix::fs::open(parent, flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&parent)?;
        if !is_ours(&stat) {
            return Err(foreign("the directory above it", &stat));
        }
        Ok(act(parent.as_fd(), Path::new(name))?)
    }

    /// Creates the directory if it does not exist, and refuses one that is not private.
    pub fn create(&self) -> io::Result<()> {
        self.open_or_create().map(drop)
    }

    /// Locks a file against other processes while it is open; creates it if it does not exist. Returns
    /// `None` if another process holds the lock.
    pub fn lock_file(&self, name: &str) -> io::Result<Option<File>> {
        let (file, _) = self.in_created(|directory| {
            let opened = open(directory, name, OFlags::RDWR | OFlags::CREATE);
            opened.map_err(|error| self.explained(name, error))
        })?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Adds owner and mode to an error about permission, those of a file of the directory, or of the
    /// directory itself if `name` is empty.
    fn explained(&self, name: &str, error: io::Error) -> io::Error {
        access::explain(&self.path.join(name), error)
    }

    /// Opens the directory; `None` if it does not exist.
    fn open_existing(&self) -> io::Result<Option<Arc<OwnedFd>>> {
        let mut known = self.opened();
        if let Some(opened) = &*known {
            return Ok(Some(Arc::clone(opened)));
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = self
            .in_checked_parent(|above, name| rustix::fs::openat(above, name, flags, Mode::empty()));
        let directory = match opened.map_err(|error| (Errno::from_io_error(&error), error)) {
            Ok(directory) => directory,
            Err((Some(Errno::NOENT), _)) => return Ok(None),
            Err((Some(Errno::NOTDIR | Errno::LOOP), _)) => {
                return Err(refused("it is a symbolic link or not a directory"));
            }
            Err((_, error)) => return Err(self.explained("", error)),
        };
        check(&rustix::fs::fstat(&directory)?)?;
        let directory = Arc::new(directory);
        *known = Some(Arc::clone(&directory));
        Ok(Some(directory))
    }

    fn opened(&self) -> MutexGuard<'_, Option<Arc<OwnedFd>>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `act` with the directory, which is created if it does not exist. One that was removed after it
    /// was opened takes no files: then another one is created.
    fn in_created<T>(&self, act: impl Fn(&OwnedFd) -> io::Result<T>) -> io::Result<T> {
        let directory = self.open_or_create()?;
        match act(&directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                *self.opened() = None;
                act(&*self.open_or_create()?)
            }
            result => result,
        }
    }

    /// Opens the directory, and creates it if it does not exist. Missing parents are created only if the
    /// user named the directory: the one of a variable may be gone because the login has ended.
    fn open_or_create(&self) -> io::Result<Arc<OwnedFd>> {
        if let Some(directory) = self.open_existing()? {
            return Ok(directory);
        }
        if let (ParentOwner::AnyUser, Some(parent)) = (self.parent_owner, self.path.parent()) {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(parent);
            made.map_err(|error| self.explained("", error))?;
        }
        match self.in_checked_parent(|above, name| rustix::fs::mkdirat(above, name, Mode::RWXU)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(self.explained("", error));
            }
            _ => {}
        }
        self.open_existing()?.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Store for PrivateDir {
    fn read(&self, name: &str) -> io::Result<Option<SecretBytes>> {
        let Some(directory) = self.open_existing()? else { return Ok(None) };
        let (file, size) = match open(&directory, name, OFlags::RDONLY) {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.explained(name, error)),
        };
        if size > self.max_size {
            return Err(refused("it is too large"));
        }
        // One byte larger than the file, so that the buffer does not grow and leave a copy behind.
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
        let read = file.take(self.max_size).read_to_end(&mut bytes);
        let bytes = SecretBytes::new(bytes);
        read.map(|_| Some(bytes))
    }

    fn write(&self, name: &str, contents: &[u8]) -> io::Result<()> {
        let temporary = format!("{name}.{:016x}{TEMPORARY_SUFFIX}", SystemEntropy.bits());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        self.in_created(|directory| {
            let made = open(directory, &temporary, flags);
            let (mut file, _) = made.map_err(|error| self.explained(&temporary, error))?;
            let written = file
                .write_all(contents)
                .and_then(|()| file.sync_all())
                .and_then(|()| Ok(rustix::fs::renameat(directory, &temporary, directory, name)?));
            written.inspect_err(|_| {
                // If this fails too, the cache removes it once it is stale.
                let _ = self.remove(&temporary);
            })
        })
    }

    fn has(&self, name: &str) -> io::Result<bool> {
        let Some(directory) = self.open_existing()? else { return Ok(false) };
        match rustix::fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(self.explained(name, error.into())),
        }
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let Some(directory) = self.open_existing()? else { return Ok(()) };
        match rustix::fs::unlinkat(&directory, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            // The mode of the directory decides whether a file may be removed, not that of the file.
            Err(error) => Err(self.explained("", error.into())),
        }
    }

    fn truncate(&self, name: &str) -> io::Result<()> {
        let Some(directory) = self.open_existing()? else { return Ok(()) };
        let opened = open(&directory, name, OFlags::WRONLY);
        let (file, _) = opened.map_err(|error| self.explained(name, error))?;
        file.set_len(0)?;
        file.sync_all()
    }

    fn sync(&self) -> io::Result<()> {
        let Some(directory) = self.open_existing()? else { return Ok(()) };
        Ok(rustix::fs::fsync(&directory)?)
    }

    fn try_lock(&self, name: &str) -> io::Result<Option<Box<dyn Lock + '_>>> {
        Ok(self.lock_file(name)?.map(|file| Box::new(FileLock(file)) as _))
    }

    fn list(&self, matches: fn(&str) -> bool) -> io::Result<Option<Vec<DirEntry>>> {
        let Some(directory) = self.open_existing()? else { return Ok(None) };
        let mut files = Vec::new();
        let entries = Dir::read_from(&directory);
        for entry in entries.map_err(|error| self.explained("", error.into()))? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            // Foreign files do not count towards the limit, or enough of them would hide ours.
            if !matches(name) {
                continue;
            }
            // Another process may have removed it.
            let Ok(stat) = rustix::fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
                let modified = Timestamp::from_unix(stat.st_mtime);
                files.push(DirEntry { name: name.to_owned(), modified });
            }
            if files.len() == self.max_files {
                break;
            }
        }
        Ok(Some(files))
    }
}

/// A file that is locked while it is open.
struct FileLock(File);

impl Lock for FileLock {
    fn write(&mut self, contents: &[u8]) -> io::Result<()> {
        self.0.set_len(0)?;
        self.0.rewind()?;
        self.0.write_all(contents)
    }
}

/// Opens a file that only this user can read, and returns its size; creates files with mode 0600.
fn open(directory: impl AsFd, name: &str, flags: OFlags) -> io::Result<(File, u64)> {
    // NONBLOCK: opening a pipe does not wait for its other end.
    let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::openat(directory, Path::new(name), flags, Mode::RUSR | Mode::WUSR)?;
    let stat = rustix::fs::fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(refused("it is not a file"));
    }
    check(&stat)?;
    Ok((File::from(file), u64::try_from(stat.st_size).unwrap_or(u64::MAX)))
}

/// Refuses a file or directory that another user owns, or that others can read.
fn check(stat: &Stat) -> io::Result<()> {
    if !is_ours(stat) {
        return Err(foreign("it", stat));
    }
    let mode = Mode::from_raw_mode(stat.st_mode);
    if mode.intersects(Mode::RWXG | Mode::RWXO) {
        let what = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => "read or enter it",
            _ => "access it",
        };
        let mode = mode.as_raw_mode();
        return Err(refused(format!("other users can {what} (mode {mode:04o})")));
    }
    Ok(())
}

fn is_ours(stat: &Stat) -> bool {
    stat.st_uid == rustix::process::geteuid().as_raw()
}

/// Returns the error for a file or directory that another user owns.
fn foreign(what: &str, stat: &Stat) -> io::Error {
    let mode = Mode::from_raw_mode(stat.st_mode).as_raw_mode();
    refused(access::ownership(what, stat.st_uid, mode))
}

fn refused(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;
    use crate::options::table::Origin;
    use crate::options::table::cache::{CACHE_DIR, XDG_RUNTIME_DIR};
    use crate::session_cache::key::is_cache_file;

    fn directory(folder: &tempfile::TempDir) -> PrivateDir {
        at(&folder.path().join("own"))
    }

    fn at(path: &Path) -> PrivateDir {
        PrivateDir::new(&ConfiguredDir {
            path: path.to_owned(),
            origin: Origin::variable(&XDG_RUNTIME_DIR),
            parent_owner: ParentOwner::ThisUser,
        })
    }

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o7777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn text(directory: &PrivateDir, name: &str) -> Option<String> {
        let bytes = directory.read(name).unwrap();
        bytes.map(|bytes| String::from_utf8(bytes.expose().to_vec()).unwrap())
    }

    /// The file name of an entry.
    const ENTRY: &str = "session-0123456789abcdef0123456789abcdef";

    fn names(directory: &PrivateDir) -> Vec<String> {
        directory.list(is_cache_file).unwrap().into_iter().flatten().map(|file| file.name).collect()
    }

    #[test]
    fn first_write_creates_it_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let own = directory(&folder);
        assert_eq!((text(&own, "a"), names(&own)), (None, Vec::new()));
        assert!(!own.path.exists());
        own.write(ENTRY, b"one").unwrap();
        own.write(ENTRY, b"two").unwrap();
        assert_eq!(text(&own, ENTRY).as_deref(), Some("two"));
        assert_eq!(names(&own), [ENTRY]);
        assert_eq!((mode(&own.path), mode(&own.path.join(ENTRY))), (0o700, 0o600));
        own.remove(ENTRY).unwrap();
        own.remove(ENTRY).unwrap();
        assert_eq!(text(&own, ENTRY), None);
    }

    #[test]
    fn foreign_files_do_not_hide_ours_in_the_list() {
        let folder = tempfile::tempdir().unwrap();
        let own = directory(&folder);
        own.write(ENTRY, b"one").unwrap();
        for at in 0..=MAX_FILES {
            File::create(own.path.join(format!("else-{at}"))).unwrap();
        }
        assert_eq!(names(&own), [ENTRY]);
        for at in 0..=MAX_FILES {
            File::create(own.path.join(format!("session-{at:032x}"))).unwrap();
        }
        assert_eq!(names(&own).len(), MAX_FILES);
        let more = directory(&folder).with_limits(MAX_SIZE, 2 * MAX_FILES);
        assert_eq!(names(&more).len(), MAX_FILES + 2);
    }

    #[test]
    fn a_directory_that_was_removed_is_created_again_by_a_write() {
        let folder = tempfile::tempdir().unwrap();
        let own = directory(&folder);
        own.write("a", b"one").unwrap();
        assert!(own.has("a").unwrap() && !own.has("b").unwrap());
        fs::remove_dir_all(&own.path).unwrap();
        assert!(!own.has("a").unwrap());
        own.write("a", b"two").unwrap();
        assert_eq!((text(&own, "a").as_deref(), mode(&own.path)), (Some("two"), 0o700));
        fs::remove_dir_all(&own.path).unwrap();
        assert!(own.try_lock("lock").unwrap().is_some());
    }

    #[test]
    fn a_file_that_cannot_be_removed_is_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let own = directory(&folder);
        own.write("a", b"one").unwrap();
        own.truncate("a").unwrap();
        assert_eq!(text(&own, "a").as_deref(), Some(""));
        assert_eq!(own.truncate("b").unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn missing_parent_is_not_created() {
        let folder = tempfile::tempdir().unwrap();
        let own = at(&folder.path().join("absent/own"));
        assert_eq!(own.write("a", b"").unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(own.read("a").unwrap().map(|_| ()), None);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn refuses_a_directory_that_others_may_enter() {
        for open in [0o710, 0o701, 0o750, 0o777] {
            let folder = tempfile::tempdir().unwrap();
            directory(&folder).write("a", b"one").unwrap();
            set_mode(&folder.path().join("own"), open);
            let own = directory(&folder);
            assert!(own.read("a").is_err(), "{open:o}");
            assert!(own.write("a", b"two").is_err());
            assert!(own.try_lock("a").is_err());
            assert!(own.list(is_cache_file).is_err());
            assert_eq!(mode(&folder.path().join("own")), open, "it is left as it is");
        }
    }

    #[test]
    fn refuses_a_link_to_a_directory() {
        let folder = tempfile::tempdir().unwrap();
        directory(&folder).write("a", b"one").unwrap();
        symlink("own", folder.path().join("link")).unwrap();
        for path in ["link", "link/", "link/."] {
            let link = at(&folder.path().join(path));
            assert!(link.read("a").is_err(), "{path}");
            assert!(link.write("a", b"two").is_err());
        }
        File::create(folder.path().join("file")).unwrap();
        assert!(at(&folder.path().join("file")).read("a").is_err());
    }

    #[test]
    fn refuses_files_and_directories_of_another_user() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let own = directory(&folder);
        own.write("a", b"one").unwrap();
        chown(own.path.join("a"), Some(65_534), None).unwrap();
        assert!(own.read("a").is_err());
        assert!(own.try_lock("a").is_err());
        chown(&own.path, Some(65_534), None).unwrap();
        assert!(directory(&folder).read("b").is_err());
    }

    #[test]
    fn directory_of_another_user_is_written_only_if_named() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        chown(folder.path(), Some(65_534), None).unwrap();
        let own = directory(&folder);
        assert!(own.read("a").is_err());
        assert!(own.write("a", b"one").is_err());
        assert!(own.try_lock("a").is_err());
        assert!(own.list(is_cache_file).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let path = folder.path().join("own");
        let named = PrivateDir::new(&ConfiguredDir {
            path,
            origin: Origin::Flag(&CACHE_DIR),
            parent_owner: ParentOwner::AnyUser,
        });
        named.write("a", b"one").unwrap();
        assert_eq!(text(&named, "a").as_deref(), Some("one"));
    }

    #[test]
    fn refuses_links_pipes_and_files_that_others_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let own = directory(&folder);
        own.write("a", b"one").unwrap();
        let path = |name: &str| own.path.join(name);
        symlink("a", path("link")).unwrap();
        fs::create_dir(path("folder")).unwrap();
        set_mode(&path("folder"), 0o700);
        rustix::fs::mknodat(
            rustix::fs::CWD,
            path("pipe"),
            FileType::Fifo,
            Mode::RUSR | Mode::WUSR,
            0,
        )
        .unwrap();
        own.write("open", b"one").unwrap();
        set_mode(&path("open"), 0o640);
        own.write("large", &vec![b'a'; 1 + MAX_SIZE as usize]).unwrap();
        for name in ["link", "folder", "pipe", "open", "large"] {
            assert!(own.read(name).is_err(), "{name}");
        }
        for name in ["link", "folder", "pipe", "open"] {
            assert!(own.try_lock(name).is_err(), "{name}");
        }
        // A link is replaced, and what it points to is left alone.
        own.write("link", b"two").unwrap();
        assert_eq!(text(&own, "a").as_deref(), Some("one"));
        assert_eq!(text(&own, "link").as_deref(), Some("two"));
    }

    #[test]
    fn lock_holds_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (directory(&folder), directory(&folder));
        let mut lock = one.try_lock("l").unwrap().unwrap();
        assert!(other.try_lock("l").unwrap().is_none());
        assert!(other.try_lock("m").unwrap().is_some());
        lock.write(b"a longer record").unwrap();
        lock.write(b"a record").unwrap();
        assert_eq!(text(&other, "l").as_deref(), Some("a record"));
        // Reading through another descriptor unlocks nothing.
        assert!(other.try_lock("l").unwrap().is_none());
        drop(lock);
        assert!(other.try_lock("l").unwrap().is_some());
        assert_eq!(mode(&folder.path().join("own/l")), 0o600);
    }

    #[test]
    fn failed_write_leaves_no_file_behind() {
        let folder = tempfile::tempdir().unwrap();
        let own = directory(&folder);
        own.write("a", b"one").unwrap();
        // A directory that is not empty cannot be replaced by a file.
        fs::create_dir_all(own.path.join(ENTRY).join("by")).unwrap();
        assert!(own.write(ENTRY, b"two").is_err());
        assert_eq!(names(&own), [""; 0]);
        assert_eq!(fs::read_dir(&own.path).unwrap().count(), 2);
    }
}
