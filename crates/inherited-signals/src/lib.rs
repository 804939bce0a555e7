//! The dispositions of SIGPIPE and SIGXFSZ that this process was started with.
//!
//! Rust's runtime ignores SIGPIPE before `main` runs, and the program handles SIGXFSZ. A program that is
//! run in place of this one must not notice: an ignored signal stays ignored over `execve`. So both
//! dispositions are read before the runtime starts, by a function that the linker lists in
//! `.init_array`, and [`restore`] sets them again.
//!
//! No safe interface does either, which makes this the only crate of the workspace with `unsafe` code.

#[cfg(unix)]
mod unix;

/// Gives SIGPIPE and SIGXFSZ the dispositions that this process was started with.
pub fn restore() {
    #[cfg(unix)]
    unix::restore();
}
