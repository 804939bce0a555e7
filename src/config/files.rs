//! The port of configuration files.

use std::io;
use std::path::{Path, PathBuf};

use crate::options::table::FileName;
use crate::output::error::Error;

/// The configuration files of the system.
pub trait ConfigFiles {
    /// Returns the text of a file; `None` if it does not exist.
    ///
    /// Refuses a file that another user than this one and root owns or can write: it decides which key
    /// is used and where requests are sent.
    fn read(&self, path: &Path) -> Result<Option<String>, ConfigFileError>;
}

/// No configuration files.
#[derive(Clone, Copy, Debug)]
pub struct NoConfigFiles;

impl ConfigFiles for NoConfigFiles {
    fn read(&self, _path: &Path) -> Result<Option<String>, ConfigFileError> {
        Ok(None)
    }
}

/// A configuration file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the configuration file `{}`", FileName(path))]
pub struct ConfigFileError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: ConfigFileReason,
}

/// Why a configuration file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigFileReason {
    /// It cannot be opened or read.
    #[error(transparent)]
    Unreadable(io::Error),
    /// It, or a symbolic link on its path, is of another user, or it is a socket.
    #[error(transparent)]
    Untrusted(io::Error),
    /// It is a directory, a pipe, a device or a socket.
    #[error("it is not a regular file")]
    NotRegular,
    /// Another user owns it.
    #[error("it belongs to uid {owner} (mode {mode:04o}), and this process runs as uid {user}")]
    ForeignOwner {
        /// Its owner.
        owner: u32,
        /// Its mode.
        mode: u32,
        /// The user of this process.
        user: u32,
    },
    /// Other users can write it.
    #[error("users other than its owner can write it (uid {owner}, mode {mode:04o})")]
    Writable {
        /// Its owner.
        owner: u32,
        /// Its mode.
        mode: u32,
    },
    /// It is not a text.
    #[error("it is not valid UTF-8 (line {line})")]
    NotUtf8 {
        /// The first line that is not.
        line: usize,
    },
    /// It is larger than a configuration is.
    #[error("it is larger than {} KiB", limit / 1024)]
    TooLarge {
        /// The most bytes that are read.
        limit: u64,
    },
}

impl ConfigFileError {
    /// Returns what to do.
    pub fn hints(&self) -> [String; 1] {
        let file = FileName(&self.path);
        [match &self.source {
            ConfigFileReason::Unreadable(error)
                if error.kind() == io::ErrorKind::PermissionDenied =>
            {
                "let this user read the file, or pass another one with `--config`".to_owned()
            }
            ConfigFileReason::Unreadable(_) => {
                "check the path and its file system, or pass another file with `--config`"
                    .to_owned()
            }
            ConfigFileReason::NotRegular | ConfigFileReason::TooLarge { .. } => {
                "pass the path of a TOML file with `--config`".to_owned()
            }
            ConfigFileReason::Untrusted(_) => {
                "a configuration, and each symbolic link on its path, must belong to root or to the user who runs the command".to_owned()
            }
            ConfigFileReason::ForeignOwner { user: 0, .. } => {
                format!("make root its owner: `chown root {file}`")
            }
            ConfigFileReason::ForeignOwner { user, .. } => {
                format!("make root or this user its owner: `chown {user} {file}`")
            }
            ConfigFileReason::Writable { .. } => format!(
                "let only its owner write it, as it decides where requests are sent: `chmod go-w {file}`"
            ),
            ConfigFileReason::NotUtf8 { .. } => "save the file as UTF-8".to_owned(),
        }]
    }
}

impl From<ConfigFileError> for Error {
    fn from(error: ConfigFileError) -> Self {
        let hints = error.hints();
        Self::usage(error, hints)
    }
}
