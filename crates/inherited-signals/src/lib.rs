//! The signals that this process was started with ignored.
//!
//! Rust's runtime ignores SIGPIPE before `main` runs, the standard library gives it the default disposition
//! in child processes, and this program handles other signals. A program that is run in place of this one,
//! or as its child, must not notice: an ignored signal stays ignored over `execve`. So the dispositions are
//! read before the runtime starts, by a function that the linker lists in `.init_array`, and set again by
//! [`restore`] or [`restore_in`].
//!
//! No safe interface does either, which makes this the only crate of the workspace with `unsafe` code.

#[cfg(unix)]
mod unix;

#[cfg(unix)]
pub use unix::restore_in;

/// Gives the signals the dispositions that this process was started with.
pub fn restore() {
    #[cfg(unix)]
    unix::restore();
}
