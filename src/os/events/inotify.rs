//! Changes of files, by inotify.
//!
//! The directory of each file is watched, and if the file is a link, also the directory that it leads
//! to. This shows a rename over a file, and the swap of `..data` with which Kubernetes updates all files
//! of a volume at once. If a directory does not exist, its nearest existing parent is watched instead.
//! The caller reads the files again to find out which of them changed.

use crate::os::path::directory_of;
use std::collections::BTreeSet;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;

/// Watches on the directories of some files.
#[derive(Debug)]
pub(super) struct InotifyWatch {
    files: Vec<PathBuf>,
    inotify: AsyncFd<OwnedFd>,
    /// The watches of parents, which are replaced as soon as the missing directory exists.
    stand_ins: BTreeSet<i32>,
}

impl InotifyWatch {
    #[expect(
        deprecated,
        reason = "its successor is unsafe, which is forbidden here; an `OwnedFd` serves the old one as well: the descriptor stays open"
    )]
    pub(super) fn new(files: Vec<PathBuf>) -> std::io::Result<Self> {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let inotify = AsyncFd::new(inotify)?;
        let mut watch = Self { files, inotify, stand_ins: BTreeSet::new() };
        watch.add_directories();
        Ok(watch)
    }

    /// Returns whether anything changed since the last call; the next change wakes the task of `context`.
    pub(super) fn poll_changed(&mut self, context: &mut Context<'_>) -> bool {
        let mut changed = false;
        while let Poll::Ready(Ok(mut ready)) = self.inotify.poll_read_ready(context) {
            changed |= drain(self.inotify.get_ref());
            ready.clear_ready();
        }
        if changed {
            self.add_directories();
        }
        changed
    }

    /// Adds the directories that are not watched yet: a link may lead elsewhere now, or a directory may
    /// have been created.
    fn add_directories(&mut self) {
        loop {
            let before = self.stand_ins.clone();
            self.add();
            // A directory that was created before its parent was watched is found in the next pass.
            if self.stand_ins.is_subset(&before) {
                return;
            }
        }
    }

    fn add(&mut self) {
        let (mut watched, mut stand_ins) = (BTreeSet::new(), BTreeSet::new());
        for directory in
            self.files.iter().flat_map(|file| directories(file)).collect::<BTreeSet<_>>()
        {
            match self.watch(&directory) {
                Ok(watch) => _ = watched.insert(watch),
                Err(Errno::NOENT) => stand_ins.extend(self.watch_above(directory)),
                // One that may not be watched: its files are checked every few seconds anyway.
                Err(_) => {}
            }
        }
        for over in self.stand_ins.difference(&stand_ins).filter(|over| !watched.contains(over)) {
            // If the directory was removed, the kernel has removed its watch.
            let _ = inotify::remove_watch(self.inotify.get_ref(), *over);
        }
        self.stand_ins = stand_ins;
    }

    /// Watches the nearest existing parent of a missing directory.
    fn watch_above(&self, mut directory: PathBuf) -> Option<i32> {
        while directory.pop() {
            match self.watch(named(&directory)) {
                Err(Errno::NOENT) => {}
                watched => return watched.ok(),
            }
        }
        None
    }

    fn watch(&self, directory: &Path) -> Result<i32, Errno> {
        let flags = WatchFlags::CREATE
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE
            | WatchFlags::ATTRIB
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        inotify::add_watch(self.inotify.get_ref(), directory, flags)
    }
}

fn directories(file: &Path) -> impl Iterator<Item = PathBuf> {
    let real = file.canonicalize().ok().map(|real| directory_of(&real).to_owned());
    std::iter::once(directory_of(file).to_owned()).chain(real)
}

/// Returns `.` for the empty path, which the system does not accept.
fn named(directory: &Path) -> &Path {
    if directory.as_os_str().is_empty() { Path::new(".") } else { directory }
}

/// Reads all pending events, and returns whether there were any.
fn drain(inotify: &OwnedFd) -> bool {
    let mut buffer = [MaybeUninit::uninit(); 4_096];
    let mut events = inotify::Reader::new(inotify, &mut buffer);
    let mut any = false;
    loop {
        match events.next() {
            Ok(_) => any = true,
            Err(Errno::INTR) => {}
            Err(_) => return any,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_are_watched_only_until_the_directory_exists() {
        let folder = tempfile::tempdir().unwrap();
        let above = folder.path().join("above");
        let files = ["a/tls.crt", "a/tls.key", "b/tls.crt", "b/c/tls.crt"];
        let files = files.map(|file| above.join(file)).to_vec();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _context = runtime.enter();
        let mut watch = InotifyWatch::new(files).unwrap();
        for (directory, stand_ins) in [("a", 1), ("b", 1), ("b/c", 0)] {
            std::fs::create_dir_all(above.join(directory)).unwrap();
            watch.add_directories();
            assert_eq!(watch.stand_ins.len(), stand_ins, "{directory}");
        }
        let mut tells_of = |place: &str| {
            drain(watch.inotify.get_ref());
            std::fs::create_dir(above.join(place)).unwrap();
            drain(watch.inotify.get_ref())
        };
        let places = ["../x", "x", "b/x", "a/x", "b/c/x"];
        assert_eq!(places.map(&mut tells_of), [false, false, true, true, true]);
    }
}
