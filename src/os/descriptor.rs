//! Open file descriptors of this process, by their numbers.

use std::fs::File;
use std::io;

/// Returns a copy of the descriptor `number`, with its position and access mode; `None` if this kernel
/// does not support it.
///
/// Opening `/dev/fd/N` instead would start at the beginning of a file, and would need permissions that
/// this process may have dropped since.
#[cfg(target_os = "linux")]
pub(super) fn copy(number: u32) -> io::Result<Option<File>> {
    use rustix::io::Errno;
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
    let raw = i32::try_from(number).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let copied = pidfd_open(getpid(), PidfdFlags::empty())
        .and_then(|own| pidfd_getfd(own, raw, PidfdGetfdFlags::empty()));
    match copied {
        Ok(descriptor) => Ok(Some(File::from(descriptor))),
        // A kernel before 5.6, or a sandbox that does not allow it.
        Err(Errno::NOSYS | Errno::PERM) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Returns `None`: only Linux copies a descriptor by its number.
#[cfg(not(target_os = "linux"))]
pub(super) fn copy(_number: u32) -> io::Result<Option<File>> {
    Ok(None)
}
