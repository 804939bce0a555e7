//! The roles that are assumed one after the other with the session of the first one.

use std::sync::Arc;

use crate::config::{FileValue, HopTable};
use crate::options::session::{arn, session_name};
use crate::options::settings::{Setting, Settings};
use crate::options::table::config_file::{
    HOP_EXTERNAL_ID, HOP_POLICY, HOP_ROLE_ARN, HOP_ROLE_SESSION_NAME, HOP_SESSION_DURATION,
    HOP_TAGS, HOP_TRANSITIVE_TAGS,
};
use crate::options::table::session::{ASSUME_ROLE_ARN, EXTERNAL_ID, ROLE_ARN};
use crate::options::table::{OptionSpec, Origin};
use crate::output::usage::UsageError;
use roles_anywhere_client::arn::RoleArn;
use roles_anywhere_client::aws::assume_role::{
    AssumeRole, ExternalId, HopDuration, SessionPolicy, SessionTags, SessionTagsError, StsEndpoint,
};

/// The settings of one hop.
#[derive(Clone, Debug)]
pub struct HopSettings<'a> {
    /// The role to assume.
    pub role: Setting<'a>,
    /// The name of the session.
    pub session_name: Option<Setting<'a>>,
    /// The external id.
    pub external_id: Option<Setting<'a>>,
    /// The duration of the session.
    pub duration: Option<Setting<'a>>,
    /// The keys of tags, and their values.
    pub tags: Vec<(&'a str, Setting<'a>)>,
    /// The keys of the tags that further sessions inherit.
    pub transitive_tags: Vec<Setting<'a>>,
    /// The session policy.
    pub policy: Option<Setting<'a>>,
}

/// Returns the hop of the options, else the hops of the role in the configuration file. There are none
/// if an option gives the role that they continue from.
pub(super) fn hop_settings<'a>(
    settings: &Settings<'a>,
) -> Result<Vec<HopSettings<'a>>, UsageError> {
    let external_id = settings.text(&EXTERNAL_ID)?;
    let Some(role) = settings.text(&ASSUME_ROLE_ARN)? else {
        if external_id.is_some() {
            return Err(settings.missing(&[&ASSUME_ROLE_ARN]));
        }
        let hops = settings.layers.map_or(&[][..], |layers| layers.role().hops());
        // They continue from the role in the file: another one may not assume them, and who names it
        // expects its credentials.
        let is_own = |setting: Setting<'_>| matches!(setting.origin, Origin::File(..));
        if hops.is_empty() || !settings.text(&ROLE_ARN)?.is_none_or(is_own) {
            return Ok(Vec::new());
        }
        return hops.iter().map(|hop| in_file(settings, hop)).collect();
    };
    Ok(vec![HopSettings {
        role,
        session_name: None,
        external_id,
        duration: None,
        tags: Vec::new(),
        transitive_tags: Vec::new(),
        policy: None,
    }])
}

/// Returns a hop of the configuration file. An empty value counts as not given.
fn in_file<'a>(settings: &Settings<'a>, hop: &'a HopTable) -> Result<HopSettings<'a>, UsageError> {
    let setting = |option, FileValue { value, location }: FileValue<'a>| {
        settings.setting(Origin::File(option, Arc::clone(location)), value)
    };
    let given = |option: &'static OptionSpec| {
        let value = hop.value(option).filter(|it| !it.value.is_empty());
        value.map(|value| setting(option, value)).transpose()
    };
    let role = given(&HOP_ROLE_ARN)?;
    let tags = hop.tags().map(|(key, value)| Ok((key, setting(&HOP_TAGS, value)?)));
    let transitive = hop.transitive_tags().map(|key| setting(&HOP_TRANSITIVE_TAGS, key));
    Ok(HopSettings {
        role: role.ok_or_else(|| settings.missing(&[&HOP_ROLE_ARN]))?,
        session_name: given(&HOP_ROLE_SESSION_NAME)?,
        external_id: given(&HOP_EXTERNAL_ID)?,
        duration: given(&HOP_SESSION_DURATION)?,
        tags: tags.collect::<Result<_, UsageError>>()?,
        transitive_tags: transitive.collect::<Result<_, UsageError>>()?,
        policy: given(&HOP_POLICY)?,
    })
}

/// Returns the hops after the session of `first`, a role and where it is from, with every limit of STS
/// checked. STS is at `sts`, and at one of `fallback_sts` if a fallback made that session.
pub fn hops(
    hops: Vec<HopSettings<'_>>,
    first: (&Origin, &RoleArn),
    (sts, fallback_sts): (&StsEndpoint, &[StsEndpoint]),
) -> Result<Vec<AssumeRole>, UsageError> {
    let hop = |settings| {
        let fallback_sts = fallback_sts.to_vec();
        Ok(AssumeRole { fallback_sts, ..hop(settings, first, sts)? })
    };
    hops.into_iter().map(hop).collect()
}

fn hop(
    settings: HopSettings<'_>,
    first: (&Origin, &RoleArn),
    sts: &StsEndpoint,
) -> Result<AssumeRole, UsageError> {
    let tags = tags(&settings)?;
    let origin = settings.role.origin.clone();
    let role: RoleArn = arn(settings.role)?;
    let (first_origin, first) = first;
    if role.partition() != first.partition() {
        return Err(UsageError::Partitions {
            first: first_origin.clone(),
            first_partition: first.partition().as_str(),
            second: origin,
            second_partition: role.partition().as_str(),
        });
    }
    Ok(AssumeRole {
        role,
        session_name: settings.session_name.as_ref().map(session_name).transpose()?,
        external_id: settings.external_id.as_ref().map(external_id).transpose()?,
        duration: settings
            .duration
            .as_ref()
            .map_or_else(|| Ok(HopDuration::default()), duration)?,
        tags,
        policy: settings.policy.as_ref().map(policy).transpose()?,
        sts: sts.clone(),
        fallback_sts: Vec::new(),
    })
}

fn external_id(setting: &Setting<'_>) -> Result<ExternalId, UsageError> {
    ExternalId::parse(setting.value).ok_or_else(|| {
        setting.refuse_hidden("2 to 1224 characters, each a letter, a digit or one of `_+=,.@:/-`")
    })
}

fn duration(setting: &Setting<'_>) -> Result<HopDuration, UsageError> {
    let duration = setting.value.parse().ok().and_then(HopDuration::from_seconds);
    duration.ok_or_else(|| {
        setting
            .refuse("900 to 3600 (seconds): AWS allows an hour for a role that another one assumes")
    })
}

fn policy(setting: &Setting<'_>) -> Result<SessionPolicy, UsageError> {
    SessionPolicy::parse(setting.value)
        .ok_or_else(|| setting.refuse_hidden("a JSON object of at most 2048 characters"))
}

fn tags(settings: &HopSettings<'_>) -> Result<SessionTags, UsageError> {
    let HopSettings { role, tags, transitive_tags, .. } = settings;
    let owned = |(key, value): &(&str, Setting<'_>)| ((*key).to_owned(), value.value.to_owned());
    let transitive = transitive_tags.iter().map(|key| key.value.to_owned()).collect();
    SessionTags::new(tags.iter().map(owned).collect(), transitive).map_err(|error| {
        let refuse = |index: usize, expected| match tags.get(index) {
            Some((_, setting)) => setting.refuse_hidden(expected),
            None => role.refuse_hidden(expected),
        };
        let refuse_key = |index: usize, expected| match transitive_tags.get(index) {
            Some(setting) => setting.refuse(expected),
            None => role.refuse_hidden(expected),
        };
        match error {
            SessionTagsError::TooMany(_) => refuse(0, "at most 50 tags"),
            SessionTagsError::Key { index } => {
                refuse(index, "a name of 1 to 128 letters, digits, spaces and `_.:/=+-@`")
            }
            SessionTagsError::Value { index } => {
                refuse(index, "a value of at most 256 letters, digits, spaces and `_.:/=+-@`")
            }
            SessionTagsError::Duplicate { index } => {
                refuse(index, "each name once (upper and lower case are the same)")
            }
            SessionTagsError::NotATag { index } => {
                refuse_key(index, "the name of one of the `tags`")
            }
            SessionTagsError::DuplicateTransitive { index } => {
                refuse_key(index, "each name once (upper and lower case are the same)")
            }
        }
    })
}

#[cfg(test)]
mod tests;
