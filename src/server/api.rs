//! The dialects in which SDKs ask for credentials, one file each.

pub(super) mod container;
pub(super) mod imds;
