//! The signals that this process was started with ignored.
//!
//! Rust's runtime ignores SIGPIPE before `main` runs, and the program handles other signals. A program
//! that is run by this one, or in its place, must not notice: an ignored signal stays ignored over
//! `execve`. So the dispositions are read before the runtime starts, by a function that the linker
//! lists in `.init_array`, and [`with_inherited`] sets them again.
//!
//! No safe interface does either, which makes this the only crate of the workspace with `unsafe` code.

#[cfg(unix)]
mod unix;

/// Calls `start`, which starts another program, with the signals ignored that this process was started
/// with ignored, and with SIGPIPE and SIGXFSZ at their default otherwise. Afterwards, also if this process
/// was to become the program and has not, all are as before.
///
/// SIGCHLD stays as it is: the end of a child that is ignored cannot be waited for.
pub fn with_inherited<T>(start: impl FnOnce() -> T) -> T {
    #[cfg(unix)]
    let _replaced = unix::Replaced::by_inherited();
    start()
}

/// Returns whether this process was started with a signal ignored.
pub fn was_ignored(signal: i32) -> bool {
    #[cfg(unix)]
    return unix::was_ignored(signal);
    #[cfg(not(unix))]
    {
        let _ = signal;
        false
    }
}
