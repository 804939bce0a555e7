//! Where the container token is stored.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::options::table::Origin;
use crate::private_dir::ConfiguredDir;

/// Where the container token is stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TokenFile {
    /// In this file, which must be writable.
    At {
        /// The file.
        path: PathBuf,
        /// The flag or variable that named it.
        origin: Origin,
    },
    /// In a file of this directory that is named after the address, so that several processes of one
    /// user have separate files.
    In(ConfiguredDir),
    /// Not at all: the container route does not exist.
    Disabled,
}

impl TokenFile {
    /// Returns the file of a process that listens on `addresses`.
    pub fn path(&self, addresses: &[SocketAddr]) -> Option<PathBuf> {
        match (self, addresses) {
            (Self::At { path, .. }, _) => Some(path.clone()),
            (Self::In(folder), [first, ..]) => {
                let address = first.ip().to_string().replace(':', "_");
                Some(folder.path.join(format!("container-token-{address}-{}", first.port())))
            }
            (Self::In(_), []) | (Self::Disabled, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::options::table::cache::XDG_RUNTIME_DIR;
    use crate::private_dir::ParentOwner;

    #[test]
    fn keeps_the_tokens_of_two_addresses_apart() {
        let folder = TokenFile::In(ConfiguredDir {
            path: "/run/a".into(),
            origin: Origin::variable(&XDG_RUNTIME_DIR),
            parent_owner: ParentOwner::ThisUser,
        });
        let of = |address: &str| folder.path(&[address.parse().unwrap()]).unwrap();
        assert_eq!(of("127.0.0.1:9911"), Path::new("/run/a/container-token-127.0.0.1-9911"));
        assert_eq!(of("[::1]:9911"), Path::new("/run/a/container-token-__1-9911"));
        assert_ne!(of("127.0.0.1:9911"), of("127.0.0.1:9912"));
        assert_eq!(TokenFile::Disabled.path(&[]), None);
    }
}
