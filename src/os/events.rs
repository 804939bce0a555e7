//! Events from outside a daemon: signals and changes of its files.

#[cfg(target_os = "linux")]
mod inotify;

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::path::PathBuf;

use futures_util::future::LocalBoxFuture;
use std::task::{Context, Poll};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::daemon::{Event, Events};

/// Signals, and changes of some files if the system reports them.
#[derive(Debug)]
pub struct SystemEvents(RefCell<Sources>);

#[derive(Debug)]
struct Sources {
    stop: [Signal; 2],
    reload: Signal,
    #[cfg(target_os = "linux")]
    watch: Option<inotify::InotifyWatch>,
}

impl SystemEvents {
    /// Listens to SIGTERM, SIGINT and SIGHUP, and watches `files`; within a tokio runtime.
    ///
    /// It is not an error if the system cannot watch files, or has no watch left: files are checked
    /// every few seconds anyway.
    pub async fn listen(files: Vec<PathBuf>) -> io::Result<Self> {
        Self::with_signals(
            [SignalKind::terminate(), SignalKind::interrupt()],
            SignalKind::hangup(),
            files,
        )
        .await
    }

    async fn with_signals(
        stop: [SignalKind; 2],
        reload: SignalKind,
        files: Vec<PathBuf>,
    ) -> io::Result<Self> {
        #[cfg(not(target_os = "linux"))]
        drop(files);
        let [terminate, interrupt] = stop;
        Ok(Self(RefCell::new(Sources {
            stop: [signal(terminate)?, signal(interrupt)?],
            reload: signal(reload)?,
            #[cfg(target_os = "linux")]
            watch: inotify::InotifyWatch::new(files).await.ok(),
        })))
    }
}

impl Events for SystemEvents {
    fn next(&self) -> LocalBoxFuture<'_, Event> {
        Box::pin(poll_fn(|context| self.0.borrow_mut().poll(context)))
    }

    #[cfg(target_os = "linux")]
    fn watch(&self, files: Vec<PathBuf>) -> LocalBoxFuture<'_, ()> {
        Box::pin(async move {
            let watch = inotify::InotifyWatch::new(files).await.ok();
            self.0.borrow_mut().watch = watch;
        })
    }

    #[cfg(not(target_os = "linux"))]
    fn watch(&self, _files: Vec<PathBuf>) -> LocalBoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

impl Sources {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        if self.stop.iter_mut().any(|signal| signal.poll_recv(context).is_ready()) {
            return Poll::Ready(Event::Stop);
        }
        if self.reload.poll_recv(context).is_ready() {
            return Poll::Ready(Event::Reload);
        }
        #[cfg(target_os = "linux")]
        if self.watch.as_mut().is_some_and(|watch| watch.poll_changed(context).is_ready()) {
            return Poll::Ready(Event::FilesChanged);
        }
        Poll::Pending
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tests change real files")]

    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    /// An event that has not come by then will not come.
    const LIMIT: Duration = Duration::from_secs(10);

    /// Watches `file` while `act` changes it.
    fn watching<T>(file: &Path, act: impl AsyncFnOnce(&SystemEvents) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // Signals that end a process are not caught: the test process could not be ended by them.
        let harmless = SignalKind::window_change();
        runtime.block_on(async {
            let events = SystemEvents::with_signals([harmless; 2], harmless, vec![file.to_owned()]);
            act(&events.await.unwrap()).await
        })
    }

    fn reports(file: &Path, changes: &[&dyn Fn()]) {
        watching(file, async |events| {
            for (at, change) in changes.iter().enumerate() {
                change();
                let told = timeout(LIMIT, events.next()).await;
                assert_eq!(told, Ok(Event::FilesChanged), "change {at}");
            }
        });
    }

    #[test]
    fn reports_writes_renames_removal_and_creation() {
        let folder = tempfile::tempdir().unwrap();
        let (file, new) = (folder.path().join("tls.crt"), folder.path().join("new"));
        fs::write(&file, "1").unwrap();
        let in_place = || fs::write(&file, "2").unwrap();
        reports(&file, &[&in_place, &in_place]);
        fs::write(&new, "3").unwrap();
        reports(&file, &[&|| fs::rename(&new, &file).unwrap(), &in_place]);
        reports(&file, &[&|| fs::remove_file(&file).unwrap(), &in_place]);
    }

    #[test]
    fn reports_a_change_of_the_mode() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tls.key");
        fs::write(&file, "1").unwrap();
        let mended = fs::Permissions::from_mode(0o600);
        reports(&file, &[&|| fs::set_permissions(&file, mended.clone()).unwrap()]);
    }

    #[test]
    fn reports_the_swap_of_a_kubernetes_volume() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for version in ["..1", "..2"] {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join("tls.crt"), version).unwrap();
        }
        symlink("..1", at("..data")).unwrap();
        symlink("..data/tls.crt", at("tls.crt")).unwrap();
        symlink("..2", at("..data_tmp")).unwrap();
        let in_place = || fs::write(at("..data").join("tls.crt"), "new").unwrap();
        let swap = || fs::rename(at("..data_tmp"), at("..data")).unwrap();
        reports(&at("tls.crt"), &[&in_place, &swap, &in_place]);
    }

    #[test]
    fn reports_a_missing_directory_and_files_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let above = folder.path().join("run");
        let file = above.join("credentials/tls.crt");
        let make = || fs::create_dir_all(file.parent().unwrap()).unwrap();
        let remove = || fs::remove_dir_all(&above).unwrap();
        let write = || fs::write(&file, "1").unwrap();
        reports(&file, &[&make, &write, &remove, &make, &write]);
    }

    #[test]
    fn reports_a_directory_that_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let file = at("live/tls.crt");
        for name in ["live", "new"] {
            fs::create_dir(at(name)).unwrap();
            fs::write(at(name).join("tls.crt"), name).unwrap();
        }
        let away = || fs::rename(at("live"), at("old")).unwrap();
        let come = || fs::rename(at("new"), at("live")).unwrap();
        let in_place = || fs::write(&file, "2").unwrap();
        reports(&file, &[&away, &come, &in_place]);
    }

    #[test]
    fn many_changes_are_one_event() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tls.crt");
        let over = AtomicBool::new(false);
        let (polls, told) = thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    fs::write(folder.path().join("other"), "1").unwrap();
                }
            });
            let outcome = watching(&file, async |events| {
                let (mut polls, mut next) = (0, events.next());
                let told = poll_fn(|context| {
                    polls += 1;
                    next.as_mut().poll(context)
                });
                let told = timeout(LIMIT, told).await;
                (polls, told)
            });
            over.store(true, Ordering::Relaxed);
            outcome
        });
        assert_eq!(told, Ok(Event::FilesChanged));
        assert!(polls < 10, "{polls}");
    }

    #[test]
    fn change_before_the_wait_is_reported_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tls.crt");
        let told = watching(&file, async |events| {
            fs::write(&file, "1").unwrap();
            let moment = Duration::from_millis(1);
            [
                timeout(moment, events.next()).await.ok(),
                timeout(LIMIT, events.next()).await.ok(),
                timeout(moment, events.next()).await.ok(),
            ]
        });
        assert_eq!(told, [None, Some(Event::FilesChanged), None]);
    }
}
