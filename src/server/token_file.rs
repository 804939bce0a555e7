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
    /// In such a file, for the token for secrets.
    SecretsIn(ConfiguredDir),
    /// Not at all: the container route does not exist.
    Disabled,
}

impl TokenFile {
    /// Returns the file of a process that listens on `addresses`: the one of `/credentials`, or, beside
    /// it, the one of the role `name`.
    pub fn path(&self, addresses: &[SocketAddr], name: Option<&str>) -> Option<PathBuf> {
        let path = match (self, addresses) {
            (Self::At { path, .. }, _) => path.clone(),
            (Self::In(folder), [first, ..]) => {
                folder.path.join(file_name("container-token", first))
            }
            (Self::SecretsIn(folder), [first, ..]) => {
                folder.path.join(file_name("secrets-token", first))
            }
            (Self::In(_) | Self::SecretsIn(_), []) | (Self::Disabled, _) => return None,
        };
        let Some(name) = name else { return Some(path) };
        let mut path = path.into_os_string();
        path.push("-");
        path.push(name);
        Some(path.into())
    }
}

fn file_name(what: &str, address: &SocketAddr) -> String {
    let ip = address.ip().to_string().replace(':', "_");
    format!("{what}-{ip}-{}", address.port())
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
        let of = |address: &str| folder.path(&[address.parse().unwrap()], None).unwrap();
        assert_eq!(of("127.0.0.1:9911"), Path::new("/run/a/container-token-127.0.0.1-9911"));
        assert_eq!(of("[::1]:9911"), Path::new("/run/a/container-token-__1-9911"));
        assert_ne!(of("127.0.0.1:9911"), of("127.0.0.1:9912"));
        assert_eq!(TokenFile::Disabled.path(&[], None), None);
    }

    #[test]
    fn token_of_a_role_is_beside_the_one_of_the_default() {
        let address = ["127.0.0.1:9911".parse().unwrap()];
        let folder = TokenFile::In(ConfiguredDir {
            path: "/run/a".into(),
            origin: Origin::variable(&XDG_RUNTIME_DIR),
            parent_owner: ParentOwner::ThisUser,
        });
        let of = |file: &TokenFile| file.path(&address, Some("reader")).unwrap();
        assert_eq!(of(&folder), Path::new("/run/a/container-token-127.0.0.1-9911-reader"));
        let origin = Origin::variable(&XDG_RUNTIME_DIR);
        let named = TokenFile::At { path: "/srv/token.txt".into(), origin };
        assert_eq!(of(&named), Path::new("/srv/token.txt-reader"));
        assert_eq!(TokenFile::Disabled.path(&address, Some("reader")), None);
    }
}
