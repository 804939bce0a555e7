//! Which value of the configuration file an error is about.

use super::UsageError;
use crate::options::table::{KeyLocation, Origin};

impl UsageError {
    /// Returns where in the configuration file the value is that it is about, or the role that lacks one.
    pub fn file_location(&self) -> Option<&KeyLocation> {
        match self {
            Self::Missing { role, .. } => role.as_deref(),
            Self::KeyMaterial { origin, .. }
            | Self::KeyMaterialForName { origin, .. }
            | Self::Arn { origin, .. }
            | Self::Endpoint { origin, .. }
            | Self::Proxy { origin, .. }
            | Self::Profile { origin, .. }
            | Self::Value { origin, .. }
            | Self::NoSuchPath { origin }
            | Self::Unexpanded { origin, .. }
            | Self::FlagAsValue { origin, .. } => in_file(origin),
            Self::Regions { first, second, .. } | Self::Partitions { first, second, .. } => {
                in_file(second).or_else(|| in_file(first))
            }
            Self::Conflict { first, second, .. } => {
                in_file(&second.origin).or_else(|| in_file(&first.origin))
            }
            Self::NotYet { what, .. } | Self::NoVariable { what, .. } => in_file(&what.origin),
            Self::Nested { .. }
            | Self::Dependent { .. }
            | Self::NotUtf8(_)
            | Self::Argument(_)
            | Self::Role(_)
            | Self::References(_) => None,
        }
    }
}

fn in_file(origin: &Origin) -> Option<&KeyLocation> {
    match origin {
        Origin::File(_, location) => Some(location),
        _ => None,
    }
}
