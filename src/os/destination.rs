//! Where secrets are written: what a path leads to, reached through no link of another user.

#[cfg(unix)]
pub(super) use unix::{Destination, find};

#[cfg(unix)]
mod stream;
#[cfg(unix)]
mod unix;

#[cfg(test)]
#[cfg(unix)]
pub(super) mod tests;
