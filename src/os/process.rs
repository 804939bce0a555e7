//! This process: its limits (core dumps, file size, file descriptors), and the end by a panic.

use std::io;
use std::path::Path;
#[cfg(unix)]
use std::sync::OnceLock;

#[cfg(unix)]
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::os::stdio;
use crate::output::error::Error;
use crate::output::run::RunError;

/// The limits of core dumps that this process was started with.
#[cfg(unix)]
static CORE_LIMITS: OnceLock<Rlimit> = OnceLock::new();

/// Prevents core dumps of this process and access to its memory by other processes of the same user:
/// it will hold keys and credentials.
///
/// An error is ignored: this is an additional protection, and not every system has it. Only the soft
/// limit is lowered: an unprivileged process could not raise the hard one again for the program of
/// `exec`.
pub fn keep_memory_private() {
    #[cfg(unix)]
    {
        let limits = CORE_LIMITS.get_or_init(|| getrlimit(Resource::Core));
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), ..*limits });
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// Starts another program by `start`, as a child or in place of this process, with the limits and the
/// ignored signals that this process was started with. Afterwards this process has its own again.
pub fn with_inherited<T>(start: impl FnOnce() -> T) -> T {
    #[cfg(unix)]
    {
        if let Some(limits) = CORE_LIMITS.get() {
            let _ = setrlimit(Resource::Core, *limits);
        }
        let started = roles_anywhere_inherited_signals::with_inherited(start);
        keep_memory_private();
        started
    }
    #[cfg(not(unix))]
    start()
}

/// Makes a write beyond the limit of a file's size (`ulimit -f`) fail like any other, instead of ending
/// this process by SIGXFSZ.
///
/// It installs a handler without effect, since ignoring a signal needs `unsafe` code. Child processes
/// do not inherit it, as they would inherit an ignored signal.
pub fn survive_file_size_limit() {
    #[cfg(unix)]
    {
        use signal_hook::consts::SIGXFSZ;
        let _ = signal_hook::flag::register(SIGXFSZ, std::sync::Arc::default());
    }
}

/// Returns the file that this process runs, also if an update has replaced it since. `own_executable` is its
/// absolute path, by which it is found without `/proc`.
pub fn own_file(own_executable: &Path) -> &Path {
    let running = Path::new("/proc/self/exe");
    if running.exists() { running } else { own_executable }
}

/// Raises the soft limit of open files to the hard limit, and returns it; `usize::MAX` if unknown.
pub fn descriptors() -> usize {
    #[cfg(unix)]
    {
        let limit = getrlimit(Resource::Nofile);
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
        let current = getrlimit(Resource::Nofile).current;
        current.and_then(|current| usize::try_from(current).ok()).unwrap_or(usize::MAX)
    }
    #[cfg(not(unix))]
    usize::MAX
}

/// Returns the most bytes of a variable with its name, `=` and the NUL byte at its end; `None` if there is
/// no limit for a single one.
pub fn longest_variable() -> Option<usize> {
    // `MAX_ARG_STRLEN` of the kernel.
    #[cfg(target_os = "linux")]
    return Some(rustix::param::page_size() * 32);
    #[cfg(not(target_os = "linux"))]
    None
}

/// Returns the most bytes that a program can be started with, of arguments and variables together; `None` if
/// that is not known.
pub fn longest_start() -> Option<usize> {
    #[cfg(target_os = "linux")]
    {
        // `bprm_stack_limits` of the kernel: a quarter of the stack, between `ARG_MAX` and 6 MiB.
        let stack = getrlimit(Resource::Stack).current;
        let stack = stack.and_then(|stack| usize::try_from(stack).ok()).unwrap_or(usize::MAX);
        Some((stack / 4).clamp(128 << 10, 6 << 20))
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// Returns the number of the user whose rights this process has; 0 on a system without such numbers.
pub fn user_id() -> u32 {
    #[cfg(unix)]
    return rustix::process::geteuid().as_raw();
    #[cfg(not(unix))]
    0
}

/// Returns how many more file descriptors this process can open without raising a limit that the programs
/// it starts would inherit.
pub fn free_descriptors() -> usize {
    #[cfg(unix)]
    let limit = getrlimit(Resource::Nofile).current;
    #[cfg(not(unix))]
    let limit = None;
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    limit.saturating_sub(open_descriptors())
}

/// Fails as the system does if this process can open fewer than `count` more file descriptors.
pub fn require_descriptors(count: usize) -> io::Result<()> {
    #[cfg(unix)]
    if free_descriptors() < count {
        return Err(rustix::io::Errno::MFILE.into());
    }
    let _ = count;
    Ok(())
}

/// Returns how many file descriptors this process has open; 16 if that is not known.
pub fn open_descriptors() -> usize {
    #[cfg(target_os = "linux")]
    let open = std::fs::read_dir("/proc/self/fd").map(|entries| entries.count()).ok();
    #[cfg(not(target_os = "linux"))]
    let open = None;
    open.unwrap_or(16)
}

/// Makes a panic end like any other error: one message, and a documented exit code.
/// `report` renders it.
pub fn report_panics(report: fn(&Error) -> String) {
    #[expect(
        clippy::exit,
        clippy::disallowed_methods,
        reason = "the process aborts behind this hook, and main chooses the exit code"
    )]
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map_or_else(String::new, |at| format!(" at {at}"));
        let defect = Error::from(RunError::Defect { at: place });
        stdio::write_stderr(&report(&defect));
        std::process::exit(i32::from(defect.kind().exit_code()));
    }));
}
