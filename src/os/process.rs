//! This process as the system sees it.

/// Makes sure that no core dump of this process is written, and that no other process of the same
/// user may look into its memory: it will hold keys and credentials.
///
/// Both are asked for where the system has them; a system that refuses is not worth failing for.
pub fn keep_memory_private() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        let _ = setrlimit(Resource::Core, none);
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// Lets a write beyond the limit of a file's size (`ulimit -f`) fail like any other, instead of
/// ending this process by SIGXFSZ.
///
/// A handler that does nothing of note, since only `unsafe` code may ignore a signal; it is not
/// inherited by programs, as an ignored signal would be.
pub fn survive_file_size_limit() {
    #[cfg(unix)]
    {
        use signal_hook::consts::SIGXFSZ;
        let _ = signal_hook::flag::register(SIGXFSZ, std::sync::Arc::default());
    }
}

/// Raises the number of files that this process may have open to what it may be raised to, and
/// returns it; where that is not known, it is taken for plenty.
pub fn descriptors() -> usize {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
        let current = getrlimit(Resource::Nofile).current;
        current.and_then(|current| usize::try_from(current).ok()).unwrap_or(usize::MAX)
    }
    #[cfg(not(unix))]
    usize::MAX
}

/// Returns how many file descriptors this process has open; 16 if that is not known.
pub fn open_descriptors() -> usize {
    #[cfg(target_os = "linux")]
    let open = std::fs::read_dir("/proc/self/fd").map(|entries| entries.count()).ok();
    #[cfg(not(target_os = "linux"))]
    let open = None;
    open.unwrap_or(16)
}
