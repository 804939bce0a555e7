//! Changes of files, as inotify tells them.
//!
//! What is watched is the directory of each file, and the directory that it leads to where it is a
//! link: so a rename over a file is seen, and the swap of `..data` by which Kubernetes renews all
//! files of a volume at once. Which file changed is left to whoever reads them.

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
}

impl Watch {
    #[expect(
        deprecated,
        reason = "its successor is unsafe, which is forbidden here; an `OwnedFd` is what the old one wants: one descriptor for life"
    )]
    pub(super) fn new(files: Vec<PathBuf>) -> std::io::Result<Self> {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let watch = Self { files, inotify: AsyncFd::new(inotify)? };
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

    /// Adds what is not watched yet: a link may lead elsewhere by now.
    fn add_directories(&self) {
        let flags = WatchFlags::CREATE
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE
            | WatchFlags::ATTRIB
            | WatchFlags::ONLYDIR;
        for directory in
            self.files.iter().flat_map(|file| directories(file)).collect::<BTreeSet<_>>()
        {
            // A directory that is gone or may not be read is looked into every few seconds.
            let _ = inotify::add_watch(self.inotify.get_ref(), &directory, flags);
        }
    }
}

fn directories(file: &Path) -> impl Iterator<Item = PathBuf> {
    let own = |path: &Path| match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_owned(),
        None => path.to_owned(),
    };
    let real = file.canonicalize().ok().map(|real| own(&real));
    std::iter::once(own(file)).chain(real)
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
