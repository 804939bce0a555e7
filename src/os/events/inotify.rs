//! Changes of files, as inotify tells them.
//!
//! What is watched is the directory of each file, and the directory that it leads to where it is a
//! link: so a rename over a file is seen, and the swap of `..data` by which Kubernetes renews all
//! files of a volume at once. While a directory is not there, the nearest one above it is watched in
//! its stead. Which file changed is left to whoever reads them.

use std::collections::BTreeSet;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;

/// The directories of some files.
#[derive(Debug)]
pub(super) struct Watch {
    files: Vec<PathBuf>,
    inotify: AsyncFd<OwnedFd>,
    /// The watches of directories in whose stead others will be watched.
    stand_ins: BTreeSet<i32>,
}

impl Watch {
    #[expect(
        deprecated,
        reason = "its successor is unsafe, which is forbidden here; an `OwnedFd` is what the old one wants: one descriptor for life"
    )]
    pub(super) fn new(files: Vec<PathBuf>) -> std::io::Result<Self> {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let inotify = AsyncFd::new(inotify)?;
        let mut watch = Self { files, inotify, stand_ins: BTreeSet::new() };
        watch.add_directories();
        Ok(watch)
    }

    /// Returns whether anything changed since the last call, and sees to it that the task of
    /// `context` is woken by the next change.
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

    /// Adds what is not watched yet: a link may lead elsewhere by now, a directory may have come.
    fn add_directories(&mut self) {
        loop {
            let before = self.stand_ins.clone();
            self.add();
            // What came before its stand-in was watched is found by another look.
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
                // One that may not be read is looked into every few seconds.
                Err(_) => {}
            }
        }
        for over in self.stand_ins.difference(&stand_ins).filter(|over| !watched.contains(over)) {
            // Where the directory is gone, so is its watch.
            let _ = inotify::remove_watch(self.inotify.get_ref(), *over);
        }
        self.stand_ins = stand_ins;
    }

    /// Watches the nearest directory that is there above one that is not.
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
    let own = |path: &Path| path.parent().map_or_else(|| path, named).to_owned();
    let real = file.canonicalize().ok().map(|real| own(&real));
    std::iter::once(own(file)).chain(real)
}

/// Returns a directory by a path that the system takes.
fn named(directory: &Path) -> &Path {
    if directory.as_os_str().is_empty() { Path::new(".") } else { directory }
}

/// Reads all that is there, and returns whether there was anything.
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
    fn watches_no_directory_in_the_stead_of_one_that_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let above = folder.path().join("above");
        let files = ["a/tls.crt", "a/tls.key", "b/tls.crt", "b/c/tls.crt"];
        let files = files.map(|file| above.join(file)).to_vec();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _context = runtime.enter();
        let mut watch = Watch::new(files).unwrap();
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
