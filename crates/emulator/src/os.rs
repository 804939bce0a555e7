//! The operating system: clock, random numbers, environment, files and listeners. Other modules use
//! it only through these functions.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use tempfile::TempDir;
use time::OffsetDateTime;

/// Returns the time that the machine's clock shows.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub(crate) fn now() -> OffsetDateTime {
    std::time::SystemTime::now().into()
}

/// Returns the inherited environment.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub(crate) fn environment() -> Vec<(OsString, OsString)> {
    std::env::vars_os().collect()
}

/// Reads a whole file.
#[expect(clippy::disallowed_methods, reason = "the one place that reads files")]
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    std::fs::read(path)
}

/// Reads a whole text file.
#[expect(clippy::disallowed_methods, reason = "the one place that reads files")]
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    std::fs::read_to_string(path)
}

/// Creates or replaces a file; `private` ones are for their owner alone (0600 on Unix).
pub(crate) fn write(path: &Path, contents: &[u8], private: bool) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(if private { 0o600 } else { 0o644 });
    }
    #[cfg(not(unix))]
    let _ = private;
    let mut file = options.open(path)?;
    #[cfg(unix)]
    if private {
        // The mode above is for new files alone.
        use std::os::unix::fs::PermissionsExt as _;
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    file.write_all(contents)
}

/// Writes a file that everyone may read, whole or not at all, in place of any other of its name.
#[cfg(unix)]
pub(crate) fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut parent = path.parent().unwrap_or(path);
    if parent.as_os_str().is_empty() {
        parent = Path::new(".");
    }
    let mut file = tempfile::Builder::new()
        .permissions(std::fs::Permissions::from_mode(0o644))
        .tempfile_in(parent)?;
    file.write_all(contents)?;
    file.persist(path).map_err(|error| error.error).map(drop)
}

/// Removes a file.
#[cfg(unix)]
pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
    std::fs::remove_file(path)
}

/// A temporary directory, locked for as long as it is used.
#[derive(Debug)]
pub(crate) struct LockedDirectory {
    directory: TempDir,
    /// Held until the directory is gone.
    _lock: File,
}

impl LockedDirectory {
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// The file that is locked as long as a temporary directory is in use.
const LOCK: &str = "lock";

/// What the names of temporary directories begin with; [`sweep`] finds them by it.
const PREFIX: &str = "roles-anywhere-emulator-";

/// Makes a directory that is removed with the value, for its owner alone (0700 on Unix).
pub(crate) fn temporary_directory() -> io::Result<LockedDirectory> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o700));
    }
    let directory = builder.tempdir()?;
    // It gets its name once it is locked: a directory whose lock file is not locked is no longer in use.
    let new = directory.path().join("lock.new");
    let lock = File::create_new(&new)?;
    lock.lock()?;
    std::fs::rename(&new, directory.path().join(LOCK))?;
    Ok(LockedDirectory { directory, _lock: lock })
}

/// Removes the directories of [`temporary_directory`] whose process was killed. What is not this
/// user's own, or not for this user alone, is left.
#[cfg(unix)]
#[expect(clippy::disallowed_methods, reason = "the one place that opens files")]
pub(crate) fn sweep() {
    use std::os::unix::fs::MetadataExt as _;
    let own = rustix::process::geteuid().as_raw();
    let Ok(entries) = std::env::temp_dir().read_dir() else { return };
    for entry in entries.flatten() {
        // Not that of what a link points to.
        let Ok(metadata) = entry.metadata() else { continue };
        let is_private = metadata.is_dir() && metadata.uid() == own && metadata.mode() & 0o077 == 0;
        if is_private && entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            let path = entry.path();
            let lock = File::open(path.join(LOCK));
            if lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
                let _ = std::fs::remove_dir_all(path);
            }
        }
    }
}

/// Creates a directory and its parents; `private` ones are for their owner alone (0700 on Unix).
pub(crate) fn create_directory(path: &Path, private: bool) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(if private { 0o700 } else { 0o755 });
    }
    #[cfg(not(unix))]
    let _ = private;
    builder.create(path)
}

/// Listens on an address; port 0 is any free one. The socket is ready for tokio. Returns the
/// address with the port too.
#[expect(clippy::disallowed_methods, reason = "the one place that listens")]
pub(crate) fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

/// Returns `N` random bytes.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the system's source of randomness answers");
    bytes
}
