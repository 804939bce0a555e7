//! A directory that belongs to this user only: the storage of the session cache.

#[cfg(not(unix))]
pub use non_unix::PrivateDir;
#[cfg(unix)]
pub use unix::PrivateDir;

#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
mod non_unix {
    use crate::private_dir::{ConfiguredDir, DirEntry, Lock, Store};
    use roles_anywhere_client::secret::SecretBytes;
    use std::fs::File;
    use std::io;

    /// Stores nothing: on this system we have no check of who owns a directory.
    #[derive(Debug)]
    pub struct PrivateDir;

    impl PrivateDir {
        /// Ignores the directory.
        pub fn new(_dir: &ConfiguredDir) -> Self {
            Self
        }

        /// Ignores the limits.
        #[must_use]
        pub fn with_limits(self, _max_size: u64, _max_files: usize) -> Self {
            self
        }

        /// Fails.
        pub fn create(&self) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }

        /// Locks nothing.
        pub fn lock_file(&self, _name: &str) -> io::Result<Option<File>> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    impl Store for PrivateDir {
        fn read(&self, _name: &str) -> io::Result<Option<SecretBytes>> {
            Ok(None)
        }

        fn write(&self, _name: &str, _contents: &[u8]) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }

        fn has(&self, _name: &str) -> io::Result<bool> {
            Ok(false)
        }

        fn remove(&self, _name: &str) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }

        fn truncate(&self, _name: &str) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }

        fn sync(&self) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }

        fn try_lock(&self, _name: &str) -> io::Result<Option<Box<dyn Lock + '_>>> {
            Err(io::ErrorKind::Unsupported.into())
        }

        fn list(&self, _matches: fn(&str) -> bool) -> io::Result<Option<Vec<DirEntry>>> {
            Ok(None)
        }
    }
}
