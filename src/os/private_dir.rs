//! A directory that belongs to this user alone.

#[cfg(not(unix))]
pub use elsewhere::PrivateDirectory;
#[cfg(unix)]
pub use unix::PrivateDirectory;

#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
mod elsewhere {
    use crate::session_cache::{Directory, Listed, Lock, Store};
    use roles_anywhere_client::secret::SecretBytes;
    use std::fs::File;
    use std::io;

    /// No directory: on this system nothing tells whose it is.
    #[derive(Debug)]
    pub struct PrivateDirectory;

    impl PrivateDirectory {
        /// Takes the place, to no effect.
        pub fn new(_place: &Directory) -> Self {
            Self
        }

        /// Locks nothing.
        pub fn lock_file(&self, _name: &str) -> io::Result<Option<File>> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    impl Store for PrivateDirectory {
        fn read(&self, _name: &str) -> io::Result<Option<SecretBytes>> {
            Ok(None)
        }

        fn write(&self, _name: &str, _contents: &[u8]) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }

        fn remove(&self, _name: &str) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }

        fn try_lock(&self, _name: &str) -> io::Result<Option<Box<dyn Lock + '_>>> {
            Err(io::ErrorKind::Unsupported.into())
        }

        fn list(&self) -> io::Result<Option<Vec<Listed>>> {
            Ok(None)
        }
    }
}
