//! Where the configuration file gives the values that AWS refused.
//!
//! Hints name options, as most of what they say is the same for a flag, a variable and the file.

use std::sync::Arc;

use super::Error;
use crate::options::table::session::{
    PROFILE_ARN, ROLE_ARN, ROLE_SESSION_NAME, SESSION_DURATION, TRUST_ANCHOR_ARN,
};
use crate::options::table::{FileName, KeyLocation, OptionSpec, Origin};
use roles_anywhere_client::diagnosis::{
    Cause, ConfigurationCause, DeniedAction, HopCause, Operation, Refusal,
};
use roles_anywhere_client::provider::ProviderError;
use roles_anywhere_client::provider::fallback::FallbackError;
use roles_anywhere_client::region::Region;

/// The values of a session that the configuration file gives.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct GivenValues {
    /// Those of the request, of the options in [`OF_REQUEST`].
    pub request: Vec<Origin>,
    /// Those of the request at each fallback, with its Region.
    pub fallbacks: Vec<(Region, Vec<Origin>)>,
    /// Where the roles are that are assumed with it; each is in the table of its hop.
    pub hops: Vec<Arc<KeyLocation>>,
}

/// The options whose values are in the request for a session.
pub const OF_REQUEST: &[&OptionSpec] =
    &[&TRUST_ANCHOR_ARN, &PROFILE_ARN, &ROLE_ARN, &SESSION_DURATION, &ROLE_SESSION_NAME];

impl Error {
    /// Adds where the configuration file gives the values that AWS refused.
    #[must_use]
    pub fn with_given_values(self, given: &GivenValues) -> Self {
        let hints = self.provider_error.as_deref().map(|error| given.hints(error));
        hints.into_iter().flatten().fold(self, Self::hint)
    }
}

impl GivenValues {
    fn hints(&self, error: &ProviderError) -> Vec<String> {
        let ProviderError::EveryRegion { primary, fallbacks, .. } = error else {
            return self.hint(error, &self.request).into_iter().collect();
        };
        let of_fallback = |FallbackError { region, source }: &FallbackError| {
            let (_, origins) = self.fallbacks.iter().find(|(of, _)| of == region)?;
            Some(format!("fallback {region}: {}", self.hint(source, origins)?))
        };
        let primary = self.hint(primary, &self.request).into_iter();
        primary.chain(fallbacks.iter().filter_map(of_fallback)).collect()
    }

    /// Returns the hint about a refusal of a request with values from `origins`, or of a hop.
    fn hint(&self, error: &ProviderError, origins: &[Origin]) -> Option<String> {
        let ProviderError::Refused { source, .. } = error else { return None };
        let Refusal { operation, causes, .. } = &**source;
        if let Operation::AssumeRole { hop, .. } = operation {
            let role = self.hops.get(hop.checked_sub(1)?)?;
            let is_of_file = causes.iter().any(is_fixed_in_hop);
            return is_of_file.then(|| hop_hint(role));
        }
        let options: Vec<_> = causes.iter().flat_map(options).collect();
        let refused = origins.iter().filter(|origin| options.contains(&origin.option()));
        let names: Vec<String> = refused.map(|origin| origin.quoted().to_string()).collect();
        match &names[..] {
            [] => None,
            [name] => Some(format!("the value is from {name}")),
            names => Some(format!("from the configuration file are {}", names.join(", "))),
        }
    }
}

/// Returns which hop was refused, which its role tells.
fn hop_hint(KeyLocation { file, table, line, .. }: &KeyLocation) -> String {
    format!("this hop is `{table}` in {}:{line}", FileName(file))
}

/// Returns the options that the hint about a cause names.
fn options(cause: &Cause) -> Vec<&'static OptionSpec> {
    let Cause::Configuration(cause) = cause else { return Vec::new() };
    match cause {
        ConfigurationCause::NoSuchTrustAnchor { .. } => vec![&TRUST_ANCHOR_ARN],
        ConfigurationCause::NoSuchProfile { .. } => vec![&PROFILE_ARN],
        ConfigurationCause::DifferentAccounts { .. }
        | ConfigurationCause::NoSuchResource { .. } => {
            vec![&TRUST_ANCHOR_ARN, &PROFILE_ARN, &ROLE_ARN]
        }
        ConfigurationCause::SessionNameNotAccepted(_) => vec![&ROLE_SESSION_NAME],
        ConfigurationCause::DurationTooLong { .. } => vec![&SESSION_DURATION],
        // These are fixed in AWS, or in the certificate.
        ConfigurationCause::TrustAnchorDisabled(_)
        | ConfigurationCause::ProfileDisabled(_)
        | ConfigurationCause::RoleNotInProfile { .. }
        | ConfigurationCause::TrustPolicy { .. }
        | ConfigurationCause::UnmappedAttributes => Vec::new(),
    }
}

/// Returns whether other values of a hop can be the cure.
fn is_fixed_in_hop(cause: &Cause) -> bool {
    let Cause::Hop(cause) = cause else { return *cause == Cause::InvalidRequest };
    match cause {
        HopCause::Denied { action, .. } => *action != DeniedAction::SetSourceIdentity,
        HopCause::DurationTooLong { .. } | HopCause::InheritedTag | HopCause::Policy => true,
        HopCause::RegionDisabled { .. } | HopCause::SessionNotAccepted { .. } => false,
    }
}
