//! The port to the credentials file: read, edited and written by one process at a time.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::log::Value;
use crate::profile::ProfileError;
use crate::reveal::path_name;
use crate::secret::SecretBytes;
use crate::time::Timer;

/// The largest credentials file that is edited, in bytes.
pub const MAX_SIZE: u64 = 1 << 20;

/// How long to wait between two tries at a file that another process holds.
const PAUSE: Duration = Duration::from_millis(20);

/// Turns the text of the file into its new text; the text of a file that is not there is empty.
///
/// It is called again where the file changed in the meantime, so it must be a function of the text.
pub type Edit<'a> = dyn FnMut(&[u8]) -> Result<SecretBytes, ProfileError> + 'a;

/// A credentials file that several processes edit and others read at any time.
pub trait SharedCredentialsFile: Sync {
    /// Reads `path`, edits it and writes it, unless another process does so now.
    ///
    /// It never waits for the other process: [`ProfileFileError::Busy`] asks to come back. A
    /// process that was killed holds nobody up, and leaves the old file or the new one. Owner,
    /// group, mode and a link stay as they are; a link of somebody who owns neither this process
    /// nor what it leads to is refused. A file that is not there is made of mode 0600, and its
    /// directory, where that is all that is missing, of mode 0700.
    fn try_edit(&self, path: &Path, edit: &mut Edit<'_>) -> Result<Written, ProfileFileError>;

    /// Returns the permissions of a file that others than its owner may read.
    fn readable_by_others(&self, path: &Path) -> Option<u32>;
}

/// Edits as soon as no other process does, or gives up after `patience`.
pub async fn edit(
    file: &dyn SharedCredentialsFile,
    path: &Path,
    edit: &mut Edit<'_>,
    timer: &dyn Timer,
    patience: Duration,
) -> Result<Written, ProfileFileError> {
    let mut left = patience;
    loop {
        match file.try_edit(path, edit) {
            Err(ProfileFileError::Busy { .. }) if left >= PAUSE => {
                timer.sleep(PAUSE).await;
                left -= PAUSE;
            }
            outcome => return outcome,
        }
    }
}

/// What became of the file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Written {
    /// It says already what it has to, and was not touched.
    Unchanged,
    /// The new file took the place of the old one in one step.
    Whole,
    /// The old file was written over, since none could take its place.
    ///
    /// A reader in between, or after a loss of power, may see a part of it.
    InPlace(Obstacle),
}

/// Why no new file could take the place of the old one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Obstacle {
    /// The file is a mount of its own.
    Mounted,
    /// Nothing can be made or renamed in its directory.
    Directory,
    /// A new file could not be given its owner, group or access list.
    Owner,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mounted => "the file is a mount of its own",
            Self::Directory => "its directory cannot be written to",
            Self::Owner => "its owner, group or access list cannot be given to a new file",
        })
    }
}

impl Value for Obstacle {}

/// The credentials file could not be edited.
#[derive(Debug, thiserror::Error)]
pub enum ProfileFileError {
    /// Another process edits it.
    #[error("another process is writing {}", path_name(path, true))]
    Busy {
        /// The credentials file.
        path: PathBuf,
    },
    /// It could not be read.
    #[error("could not read {}", path_name(path, false))]
    Read {
        /// The credentials file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It could not be written.
    #[error("could not write {}", path_name(path, false))]
    Write {
        /// The credentials file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its directory is not there, and could not be made.
    #[error("could not make the directory {}", path_name(path, false))]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is a directory, a pipe or a device.
    #[error("{} is not a regular file", path_name(path, true))]
    NotRegular {
        /// The credentials file.
        path: PathBuf,
    },
    /// It is a link to what is not there.
    #[error("{} is a link that leads nowhere", path_name(path, true))]
    Dangling {
        /// The link.
        path: PathBuf,
    },
    /// It is a link of another user to a file that is not theirs.
    #[error(
        "{} is a link of another user (uid {owner}), to a file that is not theirs",
        path_name(path, true)
    )]
    ForeignLink {
        /// The link.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// It is, or would become, larger than any credentials file.
    #[error("{} is larger than {MAX_SIZE} bytes", path_name(path, true))]
    TooLarge {
        /// The credentials file.
        path: PathBuf,
    },
    /// Something stands where the new file is prepared, and it is not what we left there.
    #[error("{} is in the way: it is not a file of ours", path_name(path, true))]
    InTheWay {
        /// The temporary file.
        path: PathBuf,
    },
    /// Its text could not be edited.
    #[error("could not edit {}", path_name(path, true))]
    Text {
        /// The credentials file.
        path: PathBuf,
        /// Why.
        source: ProfileError,
    },
}

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// A file that is busy for some tries, and a timer that counts what it was asked for.
    struct Desk {
        busy: AtomicU32,
        slept: Mutex<Duration>,
    }

    impl SharedCredentialsFile for Desk {
        fn try_edit(&self, path: &Path, _edit: &mut Edit<'_>) -> Result<Written, ProfileFileError> {
            match self
                .busy
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            {
                Ok(_) => Err(ProfileFileError::Busy { path: path.to_owned() }),
                Err(_) => Ok(Written::Whole),
            }
        }

        fn readable_by_others(&self, _path: &Path) -> Option<u32> {
            None
        }
    }

    impl Timer for Desk {
        fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + '_>> {
            *self.slept.lock().unwrap() += duration;
            Box::pin(std::future::ready(()))
        }
    }

    fn outcome(busy: u32, patience: u64) -> (Result<Written, ProfileFileError>, u128) {
        let desk = Desk { busy: AtomicU32::new(busy), slept: Mutex::default() };
        let mut unchanged = |text: &[u8]| Ok(SecretBytes::new(text.to_vec()));
        let patience = Duration::from_millis(patience);
        let editing = edit(&desk, Path::new("f"), &mut unchanged, &desk, patience);
        let Poll::Ready(outcome) = pin!(editing).poll(&mut Context::from_waker(Waker::noop()))
        else {
            panic!("it waits for something else than the timer");
        };
        (outcome, desk.slept.lock().unwrap().as_millis())
    }

    #[test]
    fn waits_for_the_other_process_and_no_longer_than_it_may() {
        assert!(matches!(outcome(0, 1_000), (Ok(Written::Whole), 0)));
        assert!(matches!(outcome(5, 1_000), (Ok(Written::Whole), 100)));
        assert!(matches!(outcome(50, 1_000), (Ok(Written::Whole), 1_000)));
        assert!(matches!(outcome(51, 1_000), (Err(ProfileFileError::Busy { .. }), 1_000)));
        assert!(matches!(outcome(1, 0), (Err(ProfileFileError::Busy { .. }), 0)));
    }
}
