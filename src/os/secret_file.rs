//! Opening a file, or writing secrets to it, without following a link of another user.

#[cfg(unix)]
pub(super) use attributes::FileAttributes;
#[cfg(unix)]
pub(super) use resolve::{PathEntry, ResolvedTarget, resolve};

#[cfg(unix)]
mod attributes;
#[cfg(unix)]
mod bounded_write;
#[cfg(unix)]
mod resolve;

#[cfg(test)]
#[cfg(unix)]
pub(super) mod tests;
