//! Keeps a session current in a long-running process.
//!
//! `schedule` decides when (pure), [`refresher`] acts, [`status`] informs the other parts of
//! the process, and [`reloading_identity`] follows the files of the certificate and the key; it is a
//! [`session_source`].

pub mod clock_reading;
pub mod handle;
mod loading;
pub mod observer;
pub mod refresher;
pub mod reloading_identity;
pub(crate) mod schedule;
#[cfg(test)]
mod send;
pub mod session_source;
pub mod status;

pub use schedule::Next;
