//! The directory of an emulator: a temporary one, or that of `--dir`.

use std::path::{Path, PathBuf};

use crate::environment::ClientSettings;
use crate::error::Error;
use crate::os;

/// Files that only the directory of an emulator has; that of `pki` has no `run`.
const STATE_FILES: [&str; 3] = ["tls-ca.pem", "anchor/root.pem", "run"];

/// The directory of an emulator.
#[derive(Debug)]
pub(super) enum Directory {
    Temporary(os::LockedDirectory),
    Kept(PathBuf),
}

impl Directory {
    /// Creates the directory, a temporary one if no path is given.
    pub(super) fn create(path: Option<PathBuf>) -> Result<Self, Error> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| Error::File { action: "create", path, source }
        };
        match path {
            Some(path) => {
                os::create_directory(&path, true).map_err(failed(&path))?;
                // Clients are started elsewhere: the configuration has absolute paths.
                let path = path.canonicalize().map_err(failed(&path))?;
                let empty = path.read_dir().map_err(failed(&path))?.next().is_none();
                // `~/.aws` has a `config` too, so that file is no proof.
                if !empty && !STATE_FILES.iter().all(|name| path.join(name).exists()) {
                    return Err(Error::Foreign(path));
                }
                Ok(Self::Kept(path))
            }
            None => os::temporary_directory()
                .map(Self::Temporary)
                .map_err(failed(Path::new("a temporary directory"))),
        }
    }

    /// Returns its path.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Temporary(directory) => directory.path(),
            Self::Kept(path) => path,
        }
    }

    /// Writes the AWS configuration and a private `run/`.
    pub(super) fn write_configuration(
        &self,
        client: &ClientSettings,
        endpoint: &str,
        tool: &Path,
    ) -> Result<(), Error> {
        let config = client.aws_config(self.path(), endpoint, tool);
        for (name, contents) in [("config", config.as_str()), ("credentials", "")] {
            let path = self.path().join(name);
            os::write(&path, contents.as_bytes(), true).map_err(|source| Error::File {
                action: "write",
                path,
                source,
            })?;
        }
        let path = self.path().join("run");
        os::create_directory(&path, true).map_err(|source| Error::File {
            action: "create",
            path,
            source,
        })
    }
}
