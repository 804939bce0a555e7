//! A directory that belongs to this user alone, by owner and mode.
//!
//! Everything is reached through one descriptor of the directory and judged by what was opened, so
//! that a path that is swapped meanwhile changes nothing.

use std::fs::{DirBuilder, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::os::access;
use crate::os::random::SystemEntropy;
use crate::session_cache::key::{Role, UNFINISHED};
use crate::session_cache::{Above, Directory, Listed, Lock, Store};
use roles_anywhere_client::secret::{Entropy, SecretBytes};
use roles_anywhere_client::time::Timestamp;

/// A directory that belongs to this user alone, opened when it is needed first.
#[derive(Debug)]
pub struct PrivateDirectory {
    path: PathBuf,
    above: Above,
    opened: OnceLock<OwnedFd>,
}

/// The largest file that is read, in bytes.
const MAX_SIZE: u64 = 64 << 10;

/// The most files that are listed.
const MAX_FILES: usize = 512;

impl PrivateDirectory {
    /// Takes the place; opens nothing.
    pub fn new(place: &Directory) -> Self {
        // Without a slash at its end, behind which a link would be followed.
        let path = place.path.components().collect();
        Self { path, above: place.above, opened: OnceLock::new() }
    }

    /// Does something by the directory's name, once what is above it was found to be right.
    fn by_name<T>(
        &self,
        act: impl FnOnce(BorrowedFd<'_>, &Path) -> rustix::io::Result<T>,
    ) -> io::Result<T> {
        let (Above::Own, Some(parent), Some(name)) =
            (self.above, self.path.parent(), self.path.file_name())
        else {
            return Ok(act(rustix::fs::CWD, &self.path)?);
        };
        // Systemd's are links, of root.
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let parent = rustix::fs::open(parent, flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&parent)?;
        if !is_ours(&stat) {
            return Err(foreign("the directory above it", &stat));
        }
        Ok(act(parent.as_fd(), Path::new(name))?)
    }

    /// Locks a file against other processes, for as long as it stays open; makes it if there is none.
    /// Returns `None` if another process has it.
    pub fn lock_file(&self, name: &str) -> io::Result<Option<File>> {
        let opened = open(self.made()?, name, OFlags::RDWR | OFlags::CREATE);
        let (file, _) = opened.map_err(|error| self.explained(name, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Adds owner and mode to a refused permission on a file of the directory; on the directory
    /// itself if `name` is empty.
    fn explained(&self, name: &str, error: io::Error) -> io::Error {
        access::explain(&self.path.join(name), error)
    }

    /// Opens the directory; `None` where there is none.
    fn existing(&self) -> io::Result<Option<&OwnedFd>> {
        if let Some(opened) = self.opened.get() {
            return Ok(Some(opened));
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened =
            self.by_name(|above, name| rustix::fs::openat(above, name, flags, Mode::empty()));
        let directory = match opened.map_err(|error| (Errno::from_io_error(&error), error)) {
            Ok(directory) => directory,
            Err((Some(Errno::NOENT), _)) => return Ok(None),
            Err((Some(Errno::NOTDIR | Errno::LOOP), _)) => {
                return Err(refused("it is a link, or not a directory"));
            }
            Err((_, error)) => return Err(self.explained("", error)),
        };
        check(&rustix::fs::fstat(&directory)?)?;
        Ok(Some(self.opened.get_or_init(|| directory)))
    }

    /// Opens the directory, and makes it if there is none. Missing ones above it are made only for
    /// a directory that the user named: a variable's may be gone because the login has ended.
    fn made(&self) -> io::Result<&OwnedFd> {
        if let Some(directory) = self.existing()? {
            return Ok(directory);
        }
        if let (Above::Anybodys, Some(parent)) = (self.above, self.path.parent()) {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(parent);
            made.map_err(|error| self.explained("", error))?;
        }
        match self.by_name(|above, name| rustix::fs::mkdirat(above, name, Mode::RWXU)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(self.explained("", error));
            }
            _ => {}
        }
        self.existing()?.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Store for PrivateDirectory {
    fn read(&self, name: &str) -> io::Result<Option<SecretBytes>> {
        let Some(directory) = self.existing()? else { return Ok(None) };
        let (file, size) = match open(directory, name, OFlags::RDONLY) {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.explained(name, error)),
        };
        if size > MAX_SIZE {
            return Err(refused("it is too large"));
        }
        // With room for one byte more than there is, the buffer does not grow, and so leaves no copy.
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
        let read = file.take(MAX_SIZE).read_to_end(&mut bytes);
        let bytes = SecretBytes::new(bytes);
        read.map(|_| Some(bytes))
    }

    fn write(&self, name: &str, contents: &[u8]) -> io::Result<()> {
        let directory = self.made()?;
        let unfinished = format!("{name}.{:016x}{UNFINISHED}", SystemEntropy.bits());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let made = open(directory, &unfinished, flags);
        let (mut file, _) = made.map_err(|error| self.explained(&unfinished, error))?;
        let written = file
            .write_all(contents)
            .and_then(|()| file.sync_all())
            .and_then(|()| Ok(rustix::fs::renameat(directory, &unfinished, directory, name)?));
        written.inspect_err(|_| {
            // What cannot be removed now is removed when it is old.
            let _ = self.remove(&unfinished);
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let Some(directory) = self.existing()? else { return Ok(()) };
        match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            // By leave of the directory, whatever the mode of the file is.
            Err(error) => Err(self.explained("", error.into())),
        }
    }

    fn try_lock(&self, name: &str) -> io::Result<Option<Box<dyn Lock + '_>>> {
        Ok(self.lock_file(name)?.map(|file| Box::new(Locked(file)) as _))
    }

    fn list(&self) -> io::Result<Option<Vec<Listed>>> {
        let Some(directory) = self.existing()? else { return Ok(None) };
        let mut files = Vec::new();
        let entries = Dir::read_from(directory);
        for entry in entries.map_err(|error| self.explained("", error.into()))? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            // What is not ours is not counted either: it would hide what is.
            if Role::of(name).is_none() {
                continue;
            }
            // Another process may remove it meanwhile.
            let Ok(stat) = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
                let modified = Timestamp::from_unix(stat.st_mtime);
                files.push(Listed { name: name.to_owned(), modified });
            }
            if files.len() == MAX_FILES {
                break;
            }
        }
        Ok(Some(files))
    }
}

/// A file that is locked as long as it is open.
struct Locked(File);

impl Lock for Locked {
    fn write(&mut self, contents: &[u8]) -> io::Result<()> {
        self.0.set_len(0)?;
        self.0.rewind()?;
        self.0.write_all(contents)
    }
}

/// Opens a file that is ours alone, and tells its size; one that is made is of mode 0600.
fn open(directory: impl AsFd, name: &str, flags: OFlags) -> io::Result<(File, u64)> {
    // Without waiting, should it be a pipe.
    let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::openat(directory, Path::new(name), flags, Mode::RUSR | Mode::WUSR)?;
    let stat = rustix::fs::fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(refused("it is no file"));
    }
    check(&stat)?;
    Ok((File::from(file), u64::try_from(stat.st_size).unwrap_or(u64::MAX)))
}

/// Refuses what belongs to another user, or is open to others.
fn check(stat: &Stat) -> io::Result<()> {
    if !is_ours(stat) {
        return Err(foreign("it", stat));
    }
    let mode = Mode::from_raw_mode(stat.st_mode);
    if mode.intersects(Mode::RWXG | Mode::RWXO) {
        return Err(refused(format!(
            "others may enter or read it (mode {:04o})",
            mode.as_raw_mode()
        )));
    }
    Ok(())
}

fn is_ours(stat: &Stat) -> bool {
    stat.st_uid == rustix::process::geteuid().as_raw()
}

/// Refuses what belongs to another user.
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

    fn directory(folder: &tempfile::TempDir) -> PrivateDirectory {
        at(&folder.path().join("own"))
    }

    fn at(path: &Path) -> PrivateDirectory {
        PrivateDirectory::new(&Directory {
            path: path.to_owned(),
            origin: "XDG_RUNTIME_DIR".into(),
            above: Above::Own,
        })
    }

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o7777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn text(directory: &PrivateDirectory, name: &str) -> Option<String> {
        let bytes = directory.read(name).unwrap();
        bytes.map(|bytes| String::from_utf8(bytes.expose().to_vec()).unwrap())
    }

    /// The name of an entry.
    const ENTRY: &str = "session-0123456789abcdef0123456789abcdef";

    fn names(directory: &PrivateDirectory) -> Vec<String> {
        directory.list().unwrap().into_iter().flatten().map(|file| file.name).collect()
    }

    #[test]
    fn is_made_by_its_first_writer_for_its_owner_alone() {
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
    fn lists_what_is_ours_however_much_else_is_there() {
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
    }

    #[test]
    fn makes_nothing_above_itself() {
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
            assert!(own.list().is_err());
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
    fn refuses_what_belongs_to_another_user() {
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
    fn makes_nothing_in_what_belongs_to_another_user_unless_told_to() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        chown(folder.path(), Some(65_534), None).unwrap();
        let own = directory(&folder);
        assert!(own.read("a").is_err());
        assert!(own.write("a", b"one").is_err());
        assert!(own.try_lock("a").is_err());
        assert!(own.list().is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let path = folder.path().join("own");
        let named = PrivateDirectory::new(&Directory {
            path,
            origin: "--cache-dir".into(),
            above: Above::Anybodys,
        });
        named.write("a", b"one").unwrap();
        assert_eq!(text(&named, "a").as_deref(), Some("one"));
    }

    #[test]
    fn refuses_files_that_are_none_of_a_private_directory() {
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
    fn locks_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (directory(&folder), directory(&folder));
        let mut lock = one.try_lock("l").unwrap().unwrap();
        assert!(other.try_lock("l").unwrap().is_none());
        assert!(other.try_lock("m").unwrap().is_some());
        lock.write(b"a longer note").unwrap();
        lock.write(b"a note").unwrap();
        assert_eq!(text(&other, "l").as_deref(), Some("a note"));
        // Reading through another descriptor unlocks nothing.
        assert!(other.try_lock("l").unwrap().is_none());
        drop(lock);
        assert!(other.try_lock("l").unwrap().is_some());
        assert_eq!(mode(&folder.path().join("own/l")), 0o600);
    }

    #[test]
    fn leaves_nothing_behind_where_it_cannot_write() {
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
