//! The mode and the owner of a file, and whether a file is as it is to be.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use rustix::fs::{Gid, Uid};
use rustix::io::Errno;

use crate::secrets::rendered::FileState;

/// The mode and the owner that a file gets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::os) struct FileAttributes {
    /// The permissions.
    pub(in crate::os) mode: u32,
    /// The user and the group; `None` for those of this process.
    pub(in crate::os) owner: Option<(u32, u32)>,
}

impl FileAttributes {
    /// Those of a secret of this process.
    pub(in crate::os) const PRIVATE: Self = Self { mode: 0o600, owner: None };

    /// Returns those of a directory whose files have these: those who can read them can enter it.
    pub(in crate::os) fn of_directory(self) -> Self {
        let readable = self.mode & 0o044;
        Self { mode: 0o700 | readable | readable >> 2, ..self }
    }

    /// Gives them to an open file or directory. The owner comes first, as it resets bits of the mode.
    pub(in crate::os) fn apply(self, file: &File) -> io::Result<()> {
        if let Some((user, group)) = self.owner {
            let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
            rustix::fs::fchown(file, Some(user), Some(group)).map_err(|error| match error {
                Errno::PERM => {
                    let why = "only root can give a file to another user or group";
                    io::Error::new(io::ErrorKind::PermissionDenied, why)
                }
                error => error.into(),
            })?;
        }
        file.set_permissions(std::fs::Permissions::from_mode(self.mode))
    }

    /// Returns how an open file differs from one with these attributes and `contents`.
    pub(in crate::os) fn state_of(self, file: File, contents: &[u8]) -> io::Result<FileState> {
        let metadata = file.metadata()?;
        if !metadata.is_file() || metadata.len() != contents.len() as u64 {
            return Ok(FileState::Contents);
        }
        // One byte larger, so that the buffer does not grow and leave a copy behind.
        let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(contents.len() + 1));
        file.take(contents.len() as u64 + 1).read_to_end(&mut bytes)?;
        let mode = metadata.mode() & 0o7777;
        Ok(match self.owner {
            _ if **bytes != *contents => FileState::Contents,
            _ if mode != self.mode => FileState::Mode(mode),
            Some(owner) if owner != (metadata.uid(), metadata.gid()) => FileState::Owner,
            _ => FileState::Unchanged,
        })
    }
}
