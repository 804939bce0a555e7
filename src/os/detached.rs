//! A detached process of ours that serves the program which this process is about to become.
//!
//! This is the double fork: this process starts an intermediate one, which starts the detached one in a
//! session of its own and exits. So the program has no child that it did not start, and neither a signal
//! to its process group nor the end of its terminal reaches the detached process. What that needs to know
//! comes through a socket, as other processes can read arguments.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::fs::{FileType, fstat};
use rustix::io::Errno;
use rustix::process::{Pid, setsid, test_kill_process};
use rustix::stdio::{dup2_stdin, dup2_stdout, stdin, stdout};
use signal_hook::consts::{
    SIGABRT, SIGBUS, SIGCHLD, SIGCONT, SIGFPE, SIGILL, SIGKILL, SIGPIPE, SIGSEGV, SIGSTOP, SIGSYS,
    SIGTRAP,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::os::process::own_file;
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::time::Clock;

/// How long the detached process may take until it answers.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How often the end of the program is checked on a system that does not report it.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The largest message, in bytes.
const MAX_MESSAGE: u64 = 8 << 20;

/// Starts the detached process with `message`, and returns its answer, which is empty if it ended
/// without one. `words` are the arguments of the intermediate process, which calls [`detach`].
///
/// The answer is there before the intermediate process is gone for this one: no child is left. The error is
/// [`io::ErrorKind::TimedOut`] only if there was no answer in time.
pub fn start(
    clock: &dyn Clock,
    own_executable: &Path,
    words: &[&str],
    message: &[u8],
) -> io::Result<SecretBytes> {
    let (ours, theirs) = UnixStream::pair()?;
    let adopts_orphans = adoption::suspend();
    let mut intermediate = {
        let mut command = command(own_executable, words);
        command.stdin(OwnedFd::from(theirs)).stdout(own_process()).stderr(Stdio::null());
        command.spawn()?
    };
    let answered = ask(&ours, message, clock, clock.uptime() + START_TIMEOUT);
    if answered.is_err() {
        // It may hang, too.
        let _ = intermediate.kill();
    }
    // An error only if the caller of this process ignores the ends of children: then none is left either.
    let _ = intermediate.wait();
    drop(adopts_orphans);
    forget_child();
    answered
}

/// Sends a message, and returns what is answered until `deadline`, an uptime.
fn ask(
    mut socket: &UnixStream,
    message: &[u8],
    clock: &dyn Clock,
    deadline: Duration,
) -> io::Result<SecretBytes> {
    let left = || {
        let left = deadline.saturating_sub(clock.uptime());
        if left.is_zero() { Err(io::Error::from(io::ErrorKind::TimedOut)) } else { Ok(left) }
    };
    // What a socket says at its time limit.
    let in_time = |error: io::Error| match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    };
    let mut rest = message;
    while !rest.is_empty() {
        socket.set_write_timeout(Some(left()?))?;
        match socket.write(rest) {
            Ok(written) => rest = &rest[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // It has ended, and may have said why.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
            Err(error) => return Err(in_time(error)),
        }
    }
    // It has ended if this fails.
    let _ = socket.shutdown(Shutdown::Write);
    socket.set_read_timeout(Some(left()?))?;
    read(socket).map_err(in_time)
}

/// Removes the signal about the end of a child, which stays pending if the caller of this process blocks it.
/// The program would get it.
fn forget_child() {
    #[cfg(target_os = "linux")]
    {
        use nix::sys::signal::{SigSet, Signal};
        use nix::sys::signalfd::{SfdFlags, SignalFd};
        let is_blocked = SigSet::thread_get_mask().is_ok_and(|mask| mask.contains(Signal::SIGCHLD));
        if is_blocked {
            let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
            let pending = SignalFd::with_flags(&SigSet::from(Signal::SIGCHLD), flags);
            // Without such descriptors, it stays pending.
            let _ = pending.map(|pending| pending.read_signal());
        }
    }
}

#[cfg(target_os = "linux")]
mod adoption {
    //! Orphans that this process adopts because its caller made it their adopter.

    use rustix::process::{Pid, child_subreaper, set_child_subreaper};

    /// Makes this process an adopter of orphans again when it is dropped.
    pub(super) struct Suspended;

    /// Lets this process adopt no orphans, if it does: the detached one must not become its child.
    pub(super) fn suspend() -> Option<Suspended> {
        match child_subreaper() {
            Ok(Some(_)) => set_child_subreaper(None).ok().map(|()| Suspended),
            _ => None,
        }
    }

    impl Drop for Suspended {
        fn drop(&mut self) {
            // Any number means that it adopts.
            let _ = set_child_subreaper(Some(Pid::INIT));
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod adoption {
    //! Only Linux lets a process adopt orphans.

    /// Returns nothing.
    pub(super) fn suspend() -> Option<()> {
        None
    }
}

/// Ends the intermediate process: starts the detached one, with the arguments `words`, in another session.
pub fn detach(own_executable: &Path, words: &[&str]) -> io::Result<()> {
    close_inherited();
    setsid()?;
    // This process ends, and the one that adopts it reaps it.
    command(own_executable, words).spawn().map(drop)
}

/// Answers in place of the detached process, which could not be started.
pub fn answer_instead(answer: &[u8]) -> io::Result<()> {
    let mut socket = UnixStream::from(stdin().try_clone_to_owned()?);
    // An end that leaves bytes unread resets the connection, and the answer would be lost.
    let read = read(&socket)?;
    drop(read);
    socket.write_all(answer)
}

/// Returns whether standard input is a socket, as for the processes that [`start`] and [`detach`] start.
pub fn has_socket() -> bool {
    fstat(stdin()).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Socket)
}

/// What the detached process was given by the process that will become the program.
#[derive(Debug)]
pub struct Received {
    /// The message.
    pub message: SecretBytes,
    socket: UnixStream,
    program: RunningProgram,
}

/// Receives the message of the process `pid`, which started this detached one.
pub fn receive(pid: i32) -> io::Result<Received> {
    #[cfg(target_os = "linux")]
    {
        // It was started from a link that the kernel calls `exe`.
        let _ = rustix::thread::set_name(c"roles-anywhere");
    }
    ignore_signals();
    let socket = UnixStream::from(stdin().try_clone_to_owned()?);
    let message = read(&socket)?;
    let stat = fstat(stdout())?;
    let program = match FileType::from_raw_mode(stat.st_mode) {
        FileType::CharacterDevice => RunningProgram::Polled(
            Pid::from_raw(pid).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?,
        ),
        _ => RunningProgram::Pidfd(stdout().try_clone_to_owned()?),
    };
    Ok(Received { message, socket, program })
}

impl Received {
    /// Answers, and gives up all that was inherited. Returns the program, into which the other process
    /// turns now.
    pub fn answer(mut self, answer: &[u8]) -> io::Result<RunningProgram> {
        let null = File::options().read(true).write(true).open("/dev/null")?;
        self.socket.write_all(answer)?;
        dup2_stdin(&null)?;
        dup2_stdout(&null)?;
        Ok(self.program)
    }
}

/// A program that runs.
#[derive(Debug)]
pub enum RunningProgram {
    /// The kernel reports its end on this descriptor.
    Pidfd(OwnedFd),
    /// Whether it still runs is asked at intervals.
    Polled(Pid),
}

impl RunningProgram {
    /// Completes when it has ended.
    pub async fn ended(self) {
        match self {
            Self::Pidfd(process) => {
                #[expect(
                    deprecated,
                    reason = "what replaces it is `unsafe`; the descriptor is kept here"
                )]
                let process = AsyncFd::with_interest(process, Interest::READABLE);
                // If the event loop does not take it, there is nothing to wait with.
                if let Ok(process) = process {
                    let _ = process.readable().await;
                }
            }
            Self::Polled(pid) => {
                while test_kill_process(pid) != Err(Errno::SRCH) {
                    tokio::time::sleep(POLL_INTERVAL).await;
                }
            }
        }
    }
}

/// Returns a descriptor of this process, on which its end is reported whatever program it has become by
/// then; nothing on a system without such descriptors.
fn own_process() -> Stdio {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{PidfdFlags, getpid, pidfd_open};
        // A kernel before 5.3, or a sandbox, has none.
        if let Ok(own) = pidfd_open(getpid(), PidfdFlags::empty()) {
            return own.into();
        }
    }
    Stdio::null()
}

/// Returns the command that runs this program with the arguments `words`: the very file that this process
/// runs, also if an update has replaced it since. `own_executable` is its absolute path, by which the other process
/// finds it without `/proc`: by its name, it could find another one.
fn command(own_executable: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(own_file(own_executable));
    command.arg0(own_executable).args(words);
    command
}

fn read(socket: &UnixStream) -> io::Result<SecretBytes> {
    let mut bytes = Vec::with_capacity(64 << 10);
    let read = socket.take(MAX_MESSAGE).read_to_end(&mut bytes);
    let bytes = SecretBytes::new(bytes);
    read.map(|_| bytes)
}

/// Closes all descriptors but the first three: those of the caller are for the program only, which may
/// close a pipe or give up a lock.
fn close_inherited() {
    let listed = fs::read_dir("/proc/self/fd").or_else(|_| fs::read_dir("/dev/fd"));
    let numbers: Vec<i32> = match listed {
        Ok(entries) => {
            entries.filter_map(|it| it.ok()?.file_name().to_str()?.parse().ok()).collect()
        }
        // No `/proc`: the numbers up to the usual limit.
        Err(_) => (0..1_024).collect(),
    };
    for number in numbers.into_iter().filter(|number| *number > 2) {
        // Some are closed already, such as the one of the list.
        let _ = nix::unistd::close(number);
    }
}

/// Ignores all signals that would end or stop this process and are meant for the program: a service manager
/// sends them to all processes of a service, and the program may need credentials until it has ended. Those
/// that report a defect of this process end it.
fn ignore_signals() {
    let of_defects = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS];
    let by_system = [SIGKILL, SIGSTOP, SIGCHLD, SIGCONT, SIGPIPE];
    // With those of real time.
    for signal in (1..=64).filter(|it| !of_defects.contains(it) && !by_system.contains(it)) {
        // A handler without effect: ignoring a signal needs `unsafe` code. The C library keeps some numbers.
        let _ = signal_hook::flag::register(signal, std::sync::Arc::default());
    }
}
