//! Pipes, read for a bounded time since their writer may never end.

#[cfg(not(unix))]
pub(super) use non_unix::{is_pipe, open, read_all};
#[cfg(unix)]
pub(super) use unix::{is_pipe, open, read_all};

#[cfg(unix)]
mod unix {
    use std::fs::{File, Metadata, OpenOptions};
    use std::io::{self, Write as _};
    use std::os::fd::AsFd;
    use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
    use std::path::Path;
    use std::time::{Duration, Instant};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::fs::OFlags;

    use crate::os::files::too_large;
    use roles_anywhere_client::secret::SecretBytes;

    /// How long the writer of a pipe may take to close it.
    const LIMIT: Duration = Duration::from_secs(10);

    pub(in crate::os::files) fn is_pipe(metadata: &Metadata) -> bool {
        metadata.file_type().is_fifo()
    }

    /// Opens a pipe without waiting for a writer.
    pub(in crate::os::files) fn open(path: &Path) -> io::Result<File> {
        let flags = OFlags::NONBLOCK.bits() as i32;
        OpenOptions::new().read(true).custom_flags(flags).open(path)
    }

    /// Reads to the end, or fails after ten seconds.
    #[expect(
        clippy::disallowed_methods,
        reason = "the timeout of a pipe is measured where it is read"
    )]
    pub(in crate::os::files) fn read_all(pipe: &impl AsFd, limit: u64) -> io::Result<SecretBytes> {
        let until = Instant::now() + LIMIT;
        let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(64 << 10));
        let mut chunk = zeroize::Zeroizing::new([0; 16 << 10]);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).ok();
            let mut watched = [PollFd::new(pipe, PollFlags::IN)];
            let ready = match poll(&mut watched, timeout.as_ref()) {
                Err(rustix::io::Errno::INTR) => continue,
                ready => ready?,
            };
            if ready == 0 {
                let seconds = LIMIT.as_secs();
                let why = format!("no process finished writing to it within {seconds} s");
                return Err(io::Error::new(io::ErrorKind::TimedOut, why));
            }
            match rustix::io::read(pipe, &mut chunk[..]) {
                Ok(0) => return Ok(SecretBytes::new(std::mem::take(&mut *bytes))),
                Ok(count) => bytes.write_all(&chunk[..count])?,
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            if bytes.len() as u64 > limit {
                return Err(too_large(limit));
            }
        }
    }
}

#[cfg(not(unix))]
mod non_unix {
    use std::fs::{File, Metadata};
    use std::io::{self, Read};
    use std::path::Path;

    use roles_anywhere_client::secret::SecretBytes;

    pub(in crate::os::files) fn is_pipe(_metadata: &Metadata) -> bool {
        false
    }

    pub(in crate::os::files) fn open(path: &Path) -> io::Result<File> {
        File::open(path)
    }

    pub(in crate::os::files) fn read_all<R>(input: &R, limit: u64) -> io::Result<SecretBytes>
    where
        for<'a> &'a R: Read,
    {
        crate::os::files::whole(input, 0, limit)
    }
}
