//! Encrypted copies of secrets and parameters on disk, from which a start is possible while AWS cannot be
//! reached (`[secrets.offline]`).
//!
//! What a copy holds is in [`record`], how it is encrypted in [`sealing`], how old it may be in [`age`].
//! [`CopiesOnDisk`] keeps them in a [`Store`](crate::private_dir::Store), for the cache of `serve` and for
//! `exec`.

pub mod age;
mod identity;
mod index;
mod key;
mod on_disk;
pub mod record;
pub mod sealing;
mod writes;

pub use identity::{CopyIdentity, CopyKind};
pub use key::{CopyKey, KEY_LENGTH, WrongKeyLength};
pub use on_disk::{CopiesOnDisk, CopyRules, NoCopy};
