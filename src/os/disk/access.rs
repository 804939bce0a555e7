//! Why a file may not be read: whose it is, its mode, and who this process is.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Adds to a refused permission the owner and mode of the file, or of the directory on the way to it
/// that this user may not enter.
pub(super) fn explain(path: &Path, error: io::Error) -> io::Error {
    if error.kind() != io::ErrorKind::PermissionDenied {
        return error;
    }
    // What cannot be looked at is below a directory that is closed: the last that can be is that one.
    let known = path.ancestors().find_map(|part| {
        let part = if part.as_os_str().is_empty() { Path::new(".") } else { part };
        Some((part == path, part.metadata().ok()?))
    });
    let Some((is_file, metadata)) = known else { return error };
    let what = if is_file { "it" } else { "a directory above it" };
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    let own = rustix::process::geteuid().as_raw();
    let words = format!(
        "permission denied: {what} belongs to uid {owner} (mode {mode:04o}), and this process runs as uid {own}"
    );
    io::Error::new(io::ErrorKind::PermissionDenied, words)
}
