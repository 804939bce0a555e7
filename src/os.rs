//! The real clock, disk, network and terminal. Only `main` imports this module.

pub mod clock;
pub mod disk;
pub mod environment;
pub mod https;
pub mod password;
pub mod private;
pub mod process;
pub mod random;
pub mod terminal;
