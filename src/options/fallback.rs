//! The fallbacks of a role: trust anchors and profiles in other Regions.

use std::str::FromStr;

use crate::config::ArrayTable;
use crate::options::session::{OwnEndpoint, arn, check_endpoint};
use crate::options::settings::{Setting, Settings};
use crate::options::table::session::{ENDPOINT, PROFILE_ARN, TRUST_ANCHOR_ARN};
use crate::options::table::{OptionSpec, Origin};
use crate::output::usage::{NamedValue, UsageError};
use roles_anywhere_client::arn::{ArnError, ProfileArn, TrustAnchorArn};
use roles_anywhere_client::aws::create_session::SessionRequest;

/// The settings of one fallback.
#[derive(Clone, Debug)]
pub struct FallbackSettings<'a> {
    /// The trust anchor.
    pub trust_anchor: Setting<'a>,
    /// The profile.
    pub profile: Setting<'a>,
    /// The endpoint, if not AWS's.
    pub endpoint: Option<Setting<'a>>,
}

/// Returns the settings of the fallbacks of the current role.
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
    table: &'a ArrayTable,
) -> Result<FallbackSettings<'a>, UsageError> {
    let given = |option| settings.in_table(table, option);
    let required = |option| given(option)?.ok_or_else(|| settings.missing(&[option]));
    Ok(FallbackSettings {
        trust_anchor: required(&TRUST_ANCHOR_ARN)?,
        profile: required(&PROFILE_ARN)?,
        endpoint: given(&ENDPOINT)?,
    })
}

/// An ARN and its origin.
type GivenArn<T> = (T, Origin);

fn given_arn<T: FromStr<Err = ArnError>>(setting: Setting<'_>) -> Result<GivenArn<T>, UsageError> {
    let origin = setting.origin.clone();
    Ok((arn(setting)?, origin))
}

/// Returns the requests for the session of `primary`, whose trust anchor is from `origin`, at its
/// fallbacks: each is in a Region of its own, in the same partition.
pub fn requests(
    fallbacks: Vec<FallbackSettings<'_>>,
    (primary, origin): (&SessionRequest, Origin),
    endpoint: &OwnEndpoint<'_>,
) -> Result<Vec<SessionRequest>, UsageError> {
    let mut anchors = vec![(primary.trust_anchor.clone(), origin)];
    let mut requests = Vec::new();
    for FallbackSettings { trust_anchor, profile, endpoint: own } in fallbacks {
        let anchor = given_arn(trust_anchor)?;
        let profile = given_arn(profile)?;
        if let Some(error) = incoherences(&anchors, &anchor, Some(&profile)).into_iter().next() {
            return Err(error);
        }
        let region = anchor.0.region().clone();
        let endpoint = endpoint.in_region(own, &region)?;
        requests.push(SessionRequest {
            trust_anchor: anchor.0.clone(),
            profile: profile.0,
            endpoint,
            region,
            ..primary.clone()
        });
        anchors.push(anchor);
    }
    Ok(requests)
}

/// Returns all mistakes in the fallbacks of the role in the configuration file, of which [`requests`]
/// returns the first.
pub(super) fn errors_in_file(settings: &Settings<'_>) -> Vec<UsageError> {
    let fallbacks = settings.layers.map_or(&[][..], |layers| layers.role().fallbacks());
    let primary = settings.required(&TRUST_ANCHOR_ARN).and_then(given_arn);
    let mut anchors: Vec<GivenArn<TrustAnchorArn>> = primary.into_iter().collect();
    let mut errors = Vec::new();
    for table in fallbacks {
        let given = |option| settings.in_table(table, option);
        let arn = |option| given(option)?.ok_or_else(|| settings.missing(&[option]));
        let anchor = arn(&TRUST_ANCHOR_ARN).and_then(given_arn);
        let profile = arn(&PROFILE_ARN).and_then(given_arn);
        let endpoint = given(&ENDPOINT).and_then(|given| check_endpoint(settings, given));
        if let Ok(anchor) = &anchor {
            errors.extend(incoherences(&anchors, anchor, profile.as_ref().ok()));
        }
        errors.extend(profile.err().into_iter().chain(endpoint.err()));
        match anchor {
            Ok(anchor) => anchors.push(anchor),
            Err(error) => errors.push(error),
        }
    }
    errors
}

/// Returns why a fallback cannot be used after those of `anchors`, of which the first is the primary
/// one.
fn incoherences(
    anchors: &[GivenArn<TrustAnchorArn>],
    (anchor, origin): &GivenArn<TrustAnchorArn>,
    profile: Option<&GivenArn<ProfileArn>>,
) -> Vec<UsageError> {
    let mut errors = Vec::new();
    if let Some((primary, primary_origin)) = anchors.first()
        && anchor.partition() != primary.partition()
    {
        errors.push(UsageError::Partitions {
            first: primary_origin.clone(),
            first_partition: primary.partition().as_str(),
            second: origin.clone(),
            second_partition: anchor.partition().as_str(),
        });
    }
    if let Some((profile, profile_origin)) = profile
        && profile.region() != anchor.region()
    {
        errors.push(UsageError::Regions {
            first: origin.clone(),
            first_region: anchor.region().to_string().into(),
            second: profile_origin.clone(),
            second_region: profile.region().to_string().into(),
            why: "use a trust anchor and a profile of one Region in each fallback",
        });
    }
    if let Some((_, other)) = anchors.iter().find(|(it, _)| it.region() == anchor.region()) {
        errors.push(UsageError::Conflict {
            first: NamedValue::from(other),
            second: origin.clone().into(),
            why: "use a trust anchor of another Region: a fallback is for when a Region does not answer",
        });
    }
    errors
}

#[cfg(test)]
mod tests;
