//! The error of several Regions, of which each has causes of its own.

use std::error::Error;
use std::fmt;

use super::reasons_of;
use roles_anywhere_client::provider::ProviderError;
use roles_anywhere_client::provider::fallback::FallbackError;

/// What failed in the primary trust anchor's Region, its causes, then one line for each fallback: a
/// chain of causes, as that is what errors have.
#[derive(Debug)]
pub(super) struct RegionsError {
    reason: String,
    cause: Option<Box<Self>>,
}

impl RegionsError {
    pub(super) fn new(primary: &ProviderError, fallbacks: &[FallbackError]) -> Self {
        let of_fallback = |FallbackError { region, source }: &FallbackError| {
            format!("fallback {region}: {}", reasons_of(source).join(": "))
        };
        let mut reasons = reasons_of(primary);
        reasons.extend(fallbacks.iter().map(of_fallback));
        let reason = reasons.remove(0);
        let link = |cause: Option<Box<Self>>, reason| Some(Box::new(Self { reason, cause }));
        Self { reason, cause: reasons.into_iter().rev().fold(None, link) }
    }
}

impl fmt::Display for RegionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl Error for RegionsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}
