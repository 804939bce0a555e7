//! Keeps a session current in a process that goes on running.
//!
//! [`schedule`] decides when (pure), [`refresher`] acts, [`status`] tells the other parts of the
//! process, and [`reloading_identity`] follows the files of the certificate and the key.

pub mod clock_reading;
pub mod observer;
pub mod refresher;
pub mod reloading_identity;
pub mod schedule;
pub mod status;
