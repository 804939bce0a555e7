//! Signals for the process whose number another program wrote into a file.

use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::follow::action::SignalName;
use crate::os::program_dir::{is_in_memory, start_time};
use crate::os::secret_file::{ResolvedTarget, resolve};
use crate::output::follow::PidFileProblem;
use roles_anywhere_client::system::SystemClock;
use roles_anywhere_client::time::Clock as _;

/// The most bytes that are read of a file.
const LIMIT: u64 = 64;

/// A process that started this long after its number was written is another one. Clocks are set by less.
const TOLERANCE: i64 = 60;

/// Sends a signal to the process whose number is in the first line of a file.
///
/// Only this user, root and the user of the process may be able to write the file, to replace it, or to have a
/// link to it on its path: anyone else could choose which process gets the signal.
pub fn send(signal: SignalName, file: &Path) -> Result<(), PidFileProblem> {
    let file = PidFile::read(file)?;
    let process = OpenProcess::open(file.pid)?;
    check(&file, &process.facts(), geteuid().as_raw())?;
    process.signal(signal_of(signal))
}

/// What a file says, and who may have written that.
#[derive(Clone, Copy, Debug)]
struct PidFile {
    pid: Pid,
    owner: u32,
    /// The user of its directory.
    directory_owner: u32,
    /// When it was written, in seconds since the machine was started; `None` if a clock that was set since makes
    /// that unknown.
    written: Option<i64>,
}

/// What is known of a process.
#[derive(Clone, Copy, Debug)]
struct ProcessFacts {
    /// Its user, if the system tells.
    user: Option<u32>,
    /// When it started, in seconds since the machine was started, if the system tells.
    started: Option<i64>,
}

/// Refuses a signal by a file that others could have written, and one for a process that it does not mean.
fn check(file: &PidFile, process: &ProcessFacts, own_user: u32) -> Result<(), PidFileProblem> {
    let is_trusted = |owner: u32| owner == 0 || owner == own_user || process.user == Some(owner);
    if !is_trusted(file.owner) {
        return Err(PidFileProblem::ForeignFile { owner: file.owner });
    }
    if !is_trusted(file.directory_owner) {
        return Err(PidFileProblem::ForeignDirectory { owner: file.directory_owner });
    }
    match (process.started, file.written) {
        (Some(started), Some(written)) if started > written + TOLERANCE => {
            Err(PidFileProblem::StartedLater(file.pid.as_raw_pid()))
        }
        _ => Ok(()),
    }
}

impl PidFile {
    fn read(path: &Path) -> Result<Self, PidFileProblem> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::Unsupported => PidFileProblem::ForeignLink(error.to_string()),
            io::ErrorKind::IsADirectory => PidFileProblem::NotRegular,
            _ => PidFileProblem::NotRead(error.to_string()),
        };
        let ResolvedTarget::File(entry) = resolve(path).map_err(failed)? else {
            return Err(PidFileProblem::NotRegular);
        };
        let file = entry.open().map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(PidFileProblem::NotRegular);
        }
        if metadata.mode() & 0o022 != 0 {
            return Err(PidFileProblem::Writable { mode: metadata.mode() & 0o7777 });
        }
        let mut bytes = Vec::new();
        file.take(LIMIT).read_to_end(&mut bytes).map_err(failed)?;
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let number = std::str::from_utf8(line).ok().and_then(|line| line.trim().parse().ok());
        // Numbers below 2 are groups of processes, this one's among them, and the first process.
        let pid = number.filter(|number: &i32| *number > 1).and_then(Pid::from_raw);
        Ok(Self {
            pid: pid.ok_or(PidFileProblem::NoNumber)?,
            owner: metadata.uid(),
            directory_owner: entry.directory_owner().map_err(failed)?,
            written: since_boot(metadata.mtime(), path),
        })
    }
}

/// Returns a time of the wall clock as seconds since the machine was started. A file in memory that is older than that
/// was written before the clock was set.
fn since_boot(time: i64, path: &Path) -> Option<i64> {
    let clock = SystemClock::start();
    let since_boot = clock.running()?.seconds - (clock.now().unix() - time);
    (since_boot >= 0 || !is_in_memory(path)).then_some(since_boot)
}

/// A process that is named by a descriptor, so that no other one with its number gets a signal; by its number on a
/// system without such descriptors.
struct OpenProcess {
    pid: Pid,
    #[cfg(target_os = "linux")]
    descriptor: Option<std::os::fd::OwnedFd>,
}

impl OpenProcess {
    #[cfg(target_os = "linux")]
    fn open(pid: Pid) -> Result<Self, PidFileProblem> {
        use rustix::process::{PidfdFlags, pidfd_open};
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(descriptor) => Ok(Self { pid, descriptor: Some(descriptor) }),
            // The number of a thread is not one of a process.
            Err(Errno::SRCH | Errno::INVAL) => Err(PidFileProblem::NoProcess(pid.as_raw_pid())),
            Err(_) => Ok(Self { pid, descriptor: None }),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn open(pid: Pid) -> Result<Self, PidFileProblem> {
        Ok(Self { pid })
    }

    #[cfg(target_os = "linux")]
    fn facts(&self) -> ProcessFacts {
        let pid = self.pid.as_raw_pid();
        let user = rustix::fs::stat(format!("/proc/{pid}")).map(|it| it.st_uid).ok();
        let ticks = rustix::param::clock_ticks_per_second();
        let started = start_time(pid).and_then(|started| i64::try_from(started / ticks).ok());
        ProcessFacts { user, started }
    }

    #[cfg(not(target_os = "linux"))]
    fn facts(&self) -> ProcessFacts {
        ProcessFacts { user: None, started: None }
    }

    fn signal(&self, signal: Signal) -> Result<(), PidFileProblem> {
        match self.send(signal) {
            Ok(()) => Ok(()),
            Err(Errno::PERM) => Err(PidFileProblem::OtherUser(self.pid.as_raw_pid())),
            Err(_) => Err(PidFileProblem::NoProcess(self.pid.as_raw_pid())),
        }
    }

    fn send(&self, signal: Signal) -> rustix::io::Result<()> {
        #[cfg(target_os = "linux")]
        if let Some(descriptor) = &self.descriptor {
            return rustix::process::pidfd_send_signal(descriptor, signal);
        }
        kill_process(self.pid, signal)
    }
}

/// Returns a signal of this system.
pub fn signal_of(signal: SignalName) -> Signal {
    match signal {
        SignalName::Hup => Signal::HUP,
        SignalName::Int => Signal::INT,
        SignalName::Quit => Signal::QUIT,
        SignalName::Term => Signal::TERM,
        SignalName::Usr1 => Signal::USR1,
        SignalName::Usr2 => Signal::USR2,
        SignalName::Winch => Signal::WINCH,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "what is tested is on the file system")]

    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::Command;

    fn file(contents: &str, mode: u32) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.pid");
        fs::write(&path, contents).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    #[test]
    fn process_of_the_file_gets_the_signal() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let (_folder, path) = file(&format!("{}\n/var/lib/db\n5432\n", child.id()), 0o644);
        send(SignalName::Usr1, &path).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(Signal::USR1.as_raw()));
        // It is reaped, so its number is of no process.
        let gone = i32::try_from(child.id()).unwrap();
        assert_eq!(send(SignalName::Hup, &path), Err(PidFileProblem::NoProcess(gone)));
    }

    /// A number that was used again is of a process that started after the file was written.
    #[test]
    #[cfg(target_os = "linux")]
    fn process_that_started_later_is_another_one() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let (_folder, path) = file(&format!("{}\n", child.id()), 0o644);
        let written = fs::metadata(&path).unwrap().modified().unwrap();
        let write_at = |before: u64| {
            let file = fs::File::options().append(true).open(&path).unwrap();
            file.set_modified(written - std::time::Duration::from_secs(before)).unwrap();
        };
        write_at(90);
        let number = i32::try_from(child.id()).unwrap();
        assert_eq!(send(SignalName::Usr1, &path), Err(PidFileProblem::StartedLater(number)));
        write_at(5);
        send(SignalName::Usr1, &path).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(Signal::USR1.as_raw()));
    }

    #[test]
    fn file_is_refused_if_others_could_choose_the_process() {
        const OWN: u32 = 1_000;
        const APP: u32 = 2_000;
        // The users of the file, its directory and the process.
        let rows = [
            (0, 0, Some(APP), Ok(())),
            (0, 0, None, Ok(())),
            (OWN, 0, Some(0), Ok(())),
            (APP, APP, Some(APP), Ok(())),
            (APP, 0, Some(0), Err(PidFileProblem::ForeignFile { owner: APP })),
            (APP, 0, None, Err(PidFileProblem::ForeignFile { owner: APP })),
            (0, APP, Some(0), Err(PidFileProblem::ForeignDirectory { owner: APP })),
        ];
        for (owner, directory_owner, user, expected) in rows {
            let pid = Pid::from_raw(4_711).unwrap();
            let file = PidFile { pid, owner, directory_owner, written: None };
            let process = ProcessFacts { user, started: None };
            assert_eq!(check(&file, &process, OWN), expected, "{file:?} {process:?}");
        }
    }

    /// The user of a directory could have one on its path that leads to the file of a process of root.
    #[test]
    fn links_and_directories_of_other_users_are_refused() {
        if !geteuid().is_root() {
            return;
        }
        let (folder, path) = file("4711\n", 0o644);
        let link = folder.path().join("link.pid");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        std::os::unix::fs::lchown(&link, Some(65_534), None).unwrap();
        let refused = send(SignalName::Hup, &link);
        assert!(matches!(refused, Err(PidFileProblem::ForeignLink(_))), "{refused:?}");
        let mut own = Command::new("sleep").arg("600").spawn().unwrap();
        fs::write(&path, own.id().to_string()).unwrap();
        std::os::unix::fs::chown(folder.path(), Some(65_534), None).unwrap();
        let refused = send(SignalName::Hup, &path);
        own.kill().unwrap();
        own.wait().unwrap();
        assert_eq!(refused, Err(PidFileProblem::ForeignDirectory { owner: 65_534 }));
    }

    #[test]
    fn other_files_are_refused() {
        let long = "9".repeat(100);
        let texts = ["", "\n12", "1", "0", "-1", "-4711", "12 13", "nginx", "4294967296", &*long];
        for text in texts {
            let (_folder, path) = file(text, 0o644);
            assert_eq!(send(SignalName::Term, &path), Err(PidFileProblem::NoNumber), "{text}");
        }
        for mode in [0o664, 0o646] {
            let (_folder, path) = file("4711", mode);
            let refused = Err(PidFileProblem::Writable { mode });
            assert_eq!(send(SignalName::Term, &path), refused);
        }
        let folder = tempfile::tempdir().unwrap();
        let found = send(SignalName::Term, folder.path());
        assert_eq!(found, Err(PidFileProblem::NotRegular));
        let found = send(SignalName::Term, &folder.path().join("missing"));
        let missing = "No such file or directory (os error 2)".to_owned();
        assert_eq!(found, Err(PidFileProblem::NotRead(missing)));
    }
}
