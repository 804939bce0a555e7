//! Signals for the process whose number another program wrote into a file.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::follow::action::SignalName;
use crate::output::follow::PidFileProblem;

/// The most bytes that are read of a file.
const LIMIT: u64 = 64;

/// Sends a signal to the process whose number is in the first line of a file.
///
/// Only this user, root and the user of the process may be able to write the file: anyone else could choose
/// which process gets the signal.
pub fn send(signal: SignalName, file: &Path) -> Result<(), PidFileProblem> {
    let (pid, owner) = read(file)?;
    if owner != 0 && owner != geteuid().as_raw() && user(pid)? != owner {
        return Err(PidFileProblem::ForeignFile { owner });
    }
    match kill_process(pid, signal_of(signal)) {
        Ok(()) => Ok(()),
        Err(Errno::PERM) => Err(PidFileProblem::OtherUser(pid.as_raw_pid())),
        Err(_) => Err(PidFileProblem::NoProcess(pid.as_raw_pid())),
    }
}

/// Returns the number in a file, and the user that the file belongs to.
fn read(path: &Path) -> Result<(Pid, u32), PidFileProblem> {
    let failed = |error: io::Error| PidFileProblem::NotRead(error.kind());
    // A pipe would block.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(io::Error::from);
    let file = File::from(file.map_err(failed)?);
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
    Ok((pid.ok_or(PidFileProblem::NoNumber)?, metadata.uid()))
}

/// Returns the user of a process.
#[cfg(target_os = "linux")]
fn user(pid: Pid) -> Result<u32, PidFileProblem> {
    let process = format!("/proc/{}", pid.as_raw_pid());
    let metadata = rustix::fs::stat(process);
    metadata.map(|it| it.st_uid).map_err(|_| PidFileProblem::NoProcess(pid.as_raw_pid()))
}

#[cfg(not(target_os = "linux"))]
fn user(_: Pid) -> Result<u32, PidFileProblem> {
    Ok(geteuid().as_raw())
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
        assert_eq!(found, Err(PidFileProblem::NotRead(io::ErrorKind::NotFound)));
    }
}
