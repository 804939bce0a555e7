//! The APIs that clients ask in, one file each: its routes, its tokens and its documents.
//!
//! A file here has a function `route` from a path to a [`Route`](super::router::Route), and imports
//! no other file of this folder.

pub(super) mod container;
pub(super) mod health;
pub(super) mod imds;
