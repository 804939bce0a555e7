//! The fallbacks of a role: trust anchors and profiles in other Regions.

use std::sync::Arc;

use crate::config::{FallbackTable, FileValue};
use crate::options::session::{OwnEndpoint, arn};
use crate::options::settings::{Setting, Settings};
use crate::options::table::session::{ENDPOINT, PROFILE_ARN, TRUST_ANCHOR_ARN};
use crate::options::table::{OptionSpec, Origin};
use crate::output::usage::{NamedValue, UsageError};
use roles_anywhere_client::arn::{ProfileArn, TrustAnchorArn};
use roles_anywhere_client::aws::create_session::SessionRequest;

/// What is said of one fallback.
#[derive(Clone, Debug)]
pub struct FallbackSettings<'a> {
    /// The trust anchor.
    pub trust_anchor: Setting<'a>,
    /// The profile.
    pub profile: Setting<'a>,
    /// The endpoint, if not AWS's.
    pub endpoint: Option<Setting<'a>>,
}

/// Returns what is said of the fallbacks of the role that is used.
///
/// There are none if a flag gives the trust anchor or the profile: those of the role belong to its own
/// ones.
pub(super) fn of_role<'a>(
    settings: &Settings<'a>,
) -> Result<Vec<FallbackSettings<'a>>, UsageError> {
    let Some(layers) = settings.layers else { return Ok(Vec::new()) };
    let is_of_role = |option: &'static OptionSpec| {
        let setting = settings.text(option)?;
        Ok(setting.is_some_and(|setting| matches!(setting.origin, Origin::File(..))))
    };
    if !(is_of_role(&TRUST_ANCHOR_ARN)? && is_of_role(&PROFILE_ARN)?) {
        return Ok(Vec::new());
    }
    layers.role().fallbacks().iter().map(|table| of_table(settings, table)).collect()
}

fn of_table<'a>(
    settings: &Settings<'a>,
    table: &'a FallbackTable,
) -> Result<FallbackSettings<'a>, UsageError> {
    let setting = |option: &'static OptionSpec| {
        let value = table.value(option).filter(|it| !it.value.is_empty());
        let setting = |FileValue { value, location }: FileValue<'a>| {
            settings.setting(Origin::File(option, Arc::clone(location)), value)
        };
        value.map(setting).transpose()
    };
    let required = |option| setting(option)?.ok_or_else(|| settings.missing(&[option]));
    Ok(FallbackSettings {
        trust_anchor: required(&TRUST_ANCHOR_ARN)?,
        profile: required(&PROFILE_ARN)?,
        endpoint: setting(&ENDPOINT)?,
    })
}

/// Returns the requests for the session of `primary`, whose trust anchor is from `origin`, at its
/// fallbacks: each is in a Region of its own, in the same partition.
pub fn requests(
    fallbacks: Vec<FallbackSettings<'_>>,
    (primary, origin): (&SessionRequest, Origin),
    endpoint: &OwnEndpoint<'_>,
) -> Result<Vec<SessionRequest>, UsageError> {
    let mut regions = vec![(primary.region.clone(), origin)];
    let mut requests = Vec::new();
    for FallbackSettings { trust_anchor, profile, endpoint: own } in fallbacks {
        let origins = [&trust_anchor, &profile].map(|setting| setting.origin.clone());
        let trust_anchor: TrustAnchorArn = arn(trust_anchor)?;
        let profile: ProfileArn = arn(profile)?;
        let [anchor_origin, profile_origin] = origins;
        let region = trust_anchor.region().clone();
        if trust_anchor.partition() != primary.trust_anchor.partition() {
            return Err(UsageError::Partitions {
                first: regions.swap_remove(0).1,
                first_partition: primary.trust_anchor.partition().as_str(),
                second: anchor_origin,
                second_partition: trust_anchor.partition().as_str(),
            });
        }
        if *profile.region() != region {
            return Err(UsageError::Regions {
                first: anchor_origin,
                first_region: region.to_string().into(),
                second: profile_origin,
                second_region: profile.region().to_string().into(),
                why: "use a trust anchor and a profile of one Region in each fallback",
            });
        }
        if let Some((_, other)) = regions.iter().find(|(other, _)| *other == region) {
            return Err(UsageError::Conflict {
                first: NamedValue::from(other),
                second: anchor_origin.into(),
                why: "use a trust anchor of another Region: a fallback is for when a Region does not answer",
            });
        }
        let endpoint = endpoint.in_region(own, &region)?;
        regions.push((region.clone(), anchor_origin));
        requests.push(SessionRequest {
            trust_anchor,
            profile,
            endpoint,
            region,
            ..primary.clone()
        });
    }
    Ok(requests)
}

#[cfg(test)]
mod tests;
