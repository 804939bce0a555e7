//! The credential scope: date, Region, service.

use std::fmt;

use crate::region::Region;
use crate::time::Timestamp;

/// The date, Region and service that a signature is valid for; renders as
/// `20150830/us-east-1/iam/aws4_request`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Scope {
    date: String,
    region: Region,
    service: &'static str,
}

impl Scope {
    /// Builds the scope of a request signed at `now`.
    pub fn new(now: Timestamp, region: &Region, service: &'static str) -> Self {
        Self { date: now.date(), region: region.clone(), service }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/aws4_request", self.date, self.region, self.service)
    }
}
