//! Changes of files, by inotify.
//!
//! The directory of each file is watched, and if the file is a link, also the directory that it leads
//! to. This shows a rename over a file, and the swap of `..data` with which Kubernetes updates all files
//! of a volume at once. If a directory does not exist, its nearest existing parent is watched instead.
//! The caller reads the files again to find out which of them changed.

use crate::os::path::directory_of;
use std::collections::BTreeSet;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Sleep, sleep, timeout};

/// How long a change is held back, since certificate and key seldom change in one step. A new
/// certificate with the old key would be reported as a mismatch.
const SETTLE: Duration = Duration::from_millis(150);
/// How long the start waits for the watches. Files are checked every few seconds anyway.
const START_LIMIT: Duration = Duration::from_secs(1);

/// Reports changes of some files.
#[derive(Debug)]
pub(super) struct InotifyWatch {
    events: AsyncFd<Arc<OwnedFd>>,
    step: Step,
}

/// What happens to a change before it is reported.
#[derive(Debug)]
enum Step {
    /// There is none.
    Idle(Watches),
    /// The watches are renewed on a thread of their own, as a directory on a file server may hang.
    Renewing {
        job: JoinHandle<Watches>,
        /// Whether the change is old enough to be reported then.
        has_settled: bool,
    },
    /// Others may follow.
    Settling(Watches, Pin<Box<Sleep>>),
    /// Nothing is watched any more.
    Ended,
}

impl InotifyWatch {
    /// Watches `files`; within a tokio runtime.
    #[expect(
        deprecated,
        reason = "its successor is unsafe, which is forbidden here; an `OwnedFd` serves the old one as well: the descriptor stays open"
    )]
    pub(super) async fn new(files: Vec<PathBuf>) -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let inotify = Arc::new(inotify);
        let events = AsyncFd::new(Arc::clone(&inotify))?;
        let watches = Watches { files, inotify, stand_ins: BTreeSet::new() };
        let mut job = spawn_blocking(|| watches.renewed());
        let step = match timeout(START_LIMIT, &mut job).await {
            Ok(watches) => watches.map_or(Step::Ended, Step::Idle),
            Err(_) => Step::Renewing { job, has_settled: false },
        };
        Ok(Self { events, step })
    }

    /// Completes when something has changed, and nothing else for a moment. Changes in that moment are
    /// part of it, so that a busy directory causes few events.
    pub(super) fn poll_changed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            self.step = match std::mem::replace(&mut self.step, Step::Ended) {
                Step::Idle(watches) if self.drained(context) => Step::renew(watches, false),
                Step::Settling(watches, mut pause) => match pause.as_mut().poll(context) {
                    Poll::Ready(()) if self.drained(context) => Step::renew(watches, true),
                    Poll::Ready(()) => {
                        self.step = Step::Idle(watches);
                        return Poll::Ready(());
                    }
                    Poll::Pending => {
                        self.step = Step::Settling(watches, pause);
                        return Poll::Pending;
                    }
                },
                Step::Renewing { mut job, has_settled } => match Pin::new(&mut job).poll(context) {
                    Poll::Ready(Ok(watches)) if has_settled => {
                        self.step = Step::Idle(watches);
                        return Poll::Ready(());
                    }
                    Poll::Ready(Ok(watches)) => Step::Settling(watches, Box::pin(sleep(SETTLE))),
                    Poll::Ready(Err(_)) => Step::Ended,
                    Poll::Pending => {
                        self.step = Step::Renewing { job, has_settled };
                        return Poll::Pending;
                    }
                },
                step @ (Step::Idle(_) | Step::Ended) => {
                    self.step = step;
                    return Poll::Pending;
                }
            };
        }
    }

    /// Reads all events, and returns whether there were any; the next one wakes the task of `context`.
    fn drained(&self, context: &mut Context<'_>) -> bool {
        let mut any = false;
        while let Poll::Ready(Ok(mut ready)) = self.events.poll_read_ready(context) {
            any |= drain(self.events.get_ref());
            ready.clear_ready();
        }
        any
    }
}

impl Step {
    fn renew(watches: Watches, has_settled: bool) -> Self {
        Self::Renewing { job: spawn_blocking(|| watches.renewed()), has_settled }
    }
}

/// Watches on the directories of some files.
#[derive(Debug)]
struct Watches {
    files: Vec<PathBuf>,
    inotify: Arc<OwnedFd>,
    /// The watches of parents, which are replaced as soon as the missing directory exists.
    stand_ins: BTreeSet<i32>,
}

impl Watches {
    fn renewed(mut self) -> Self {
        self.add_directories();
        self
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
            let _ = inotify::remove_watch(&self.inotify, *over);
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
        inotify::add_watch(&self.inotify, directory, flags)
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
    use std::future::poll_fn;
    use std::pin::pin;

    use super::*;

    #[test]
    fn parents_are_watched_only_until_the_directory_exists() {
        let folder = tempfile::tempdir().unwrap();
        let above = folder.path().join("above");
        let files = ["a/tls.crt", "a/tls.key", "b/tls.crt", "b/c/tls.crt"];
        let files = files.map(|file| above.join(file)).to_vec();
        let inotify =
            Arc::new(inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).unwrap());
        let mut watch = Watches { files, inotify, stand_ins: BTreeSet::new() }.renewed();
        for (directory, stand_ins) in [("a", 1), ("b", 1), ("b/c", 0)] {
            std::fs::create_dir_all(above.join(directory)).unwrap();
            watch.add_directories();
            assert_eq!(watch.stand_ins.len(), stand_ins, "{directory}");
        }
        let mut tells_of = |place: &str| {
            drain(&watch.inotify);
            std::fs::create_dir(above.join(place)).unwrap();
            drain(&watch.inotify)
        };
        let places = ["../x", "x", "b/x", "a/x", "b/c/x"];
        assert_eq!(places.map(&mut tells_of), [false, false, true, true, true]);
    }

    #[test]
    fn a_directory_that_hangs_delays_its_event_only() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (answer, hanging) = std::sync::mpsc::channel::<()>();
        runtime.block_on(async {
            let mut watch = InotifyWatch::new(Vec::new()).await.unwrap();
            let Step::Idle(watches) = std::mem::replace(&mut watch.step, Step::Ended) else {
                panic!("the first watches are there");
            };
            let job = spawn_blocking(move || hanging.recv().map(|()| watches.renewed()).unwrap());
            watch.step = Step::Renewing { job, has_settled: false };
            let mut changed = pin!(poll_fn(|context| watch.poll_changed(context)));
            assert!(timeout(Duration::from_millis(300), &mut changed).await.is_err());
            answer.send(()).unwrap();
            assert!(timeout(Duration::from_secs(10), &mut changed).await.is_ok());
        });
    }
}
