//! The roles that are assumed one after the other with the session of the first one.

use crate::config::HopTable;
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
    AssumeRole, ExternalId, HopDuration, SessionPolicy, SessionTags, SessionTagsError,
};
use roles_anywhere_client::aws::endpoint::RegionalEndpoint;

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

/// Returns a hop of the configuration file.
fn in_file<'a>(settings: &Settings<'a>, hop: &'a HopTable) -> Result<HopSettings<'a>, UsageError> {
    let given = |option| settings.in_table(hop.table(), option);
    Ok(HopSettings {
        role: given(&HOP_ROLE_ARN)?.ok_or_else(|| settings.missing(&[&HOP_ROLE_ARN]))?,
        session_name: given(&HOP_ROLE_SESSION_NAME)?,
        external_id: given(&HOP_EXTERNAL_ID)?,
        duration: given(&HOP_SESSION_DURATION)?,
        tags: tags_in_file(settings, hop).collect::<Result<_, _>>()?,
        transitive_tags: transitive_tags_in_file(settings, hop).collect::<Result<_, _>>()?,
        policy: given(&HOP_POLICY)?,
    })
}

fn tags_in_file<'a>(
    settings: &Settings<'a>,
    hop: &'a HopTable,
) -> impl Iterator<Item = Result<(&'a str, Setting<'a>), UsageError>> {
    hop.tags().map(|(key, value)| Ok((key, settings.of_file(&HOP_TAGS, value)?)))
}

fn transitive_tags_in_file<'a>(
    settings: &Settings<'a>,
    hop: &'a HopTable,
) -> impl Iterator<Item = Result<Setting<'a>, UsageError>> {
    hop.transitive_tags().map(|key| settings.of_file(&HOP_TRANSITIVE_TAGS, key))
}

/// A reader of one value of a hop.
type HopReader = fn(&Setting<'_>) -> Result<(), UsageError>;

/// The readers of the values of a hop that need no other value.
const READERS: &[(&OptionSpec, HopReader)] = &[
    (&HOP_ROLE_ARN, |setting| arn::<RoleArn>(setting.clone()).map(drop)),
    (&HOP_ROLE_SESSION_NAME, |setting| session_name(setting).map(drop)),
    (&HOP_EXTERNAL_ID, |setting| external_id(setting).map(drop)),
    (&HOP_SESSION_DURATION, |setting| duration(setting).map(drop)),
    (&HOP_POLICY, |setting| policy(setting).map(drop)),
];

/// Returns all mistakes in the hops of the role in the configuration file, of which [`hops`] returns the
/// first.
pub(super) fn errors_in_file(settings: &Settings<'_>) -> Vec<UsageError> {
    let hops = settings.layers.map_or(&[][..], |layers| layers.role().hops());
    let first: Option<RoleArn> = settings.required(&ROLE_ARN).and_then(arn).ok();
    let origin = settings.origin(&ROLE_ARN);
    let first = first.as_ref().map(|first| (&origin, first));
    hops.iter().flat_map(|hop| errors_of_hop(settings, hop, first)).collect()
}

fn errors_of_hop(
    settings: &Settings<'_>,
    hop: &HopTable,
    first: Option<(&Origin, &RoleArn)>,
) -> Vec<UsageError> {
    let given = |option| settings.in_table(hop.table(), option);
    let read = READERS.iter().map(|(option, read)| given(option)?.as_ref().map_or(Ok(()), read));
    let mut errors: Vec<UsageError> = read.filter_map(Result::err).collect();
    if let (Some(first), Ok(Some(role))) = (first, given(&HOP_ROLE_ARN)) {
        let origin = role.origin.clone();
        let checked = arn(role).ok().map(|role| same_partition(first, &role, origin));
        errors.extend(checked.and_then(Result::err));
    }
    let tags = tags_in_file(settings, hop).collect::<Result<Vec<_>, _>>();
    let transitive = transitive_tags_in_file(settings, hop).collect::<Result<Vec<_>, _>>();
    match (tags, transitive) {
        (Ok(tags), Ok(transitive)) => {
            let (of_tags, of_keys) = owned_tags(&tags, &transitive);
            let found = SessionTags::errors(&of_tags, &of_keys).into_iter();
            errors.extend(found.map(|error| tags_error(&tags, &transitive, &error)));
        }
        (tags, transitive) => errors.extend(tags.err().into_iter().chain(transitive.err())),
    }
    errors
}

/// Returns the hops after the session of `first`, a role and its origin, with every limit of STS
/// checked. STS is at `sts`, and at one of `fallback_sts` if a fallback made that session.
pub fn hops(
    hops: Vec<HopSettings<'_>>,
    first: (&Origin, &RoleArn),
    (sts, fallback_sts): (&RegionalEndpoint, &[RegionalEndpoint]),
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
    sts: &RegionalEndpoint,
) -> Result<AssumeRole, UsageError> {
    let tags = tags(&settings)?;
    let origin = settings.role.origin.clone();
    let role: RoleArn = arn(settings.role)?;
    same_partition(first, &role, origin)?;
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

fn same_partition(
    (first_origin, first): (&Origin, &RoleArn),
    role: &RoleArn,
    origin: Origin,
) -> Result<(), UsageError> {
    if role.partition() == first.partition() {
        return Ok(());
    }
    Err(UsageError::Partitions {
        first: first_origin.clone(),
        first_partition: first.partition().as_str(),
        second: origin,
        second_partition: role.partition().as_str(),
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
    let HopSettings { tags, transitive_tags, .. } = settings;
    let (owned, transitive) = owned_tags(tags, transitive_tags);
    SessionTags::new(owned, transitive).map_err(|error| tags_error(tags, transitive_tags, &error))
}

fn owned_tags(
    tags: &[(&str, Setting<'_>)],
    transitive: &[Setting<'_>],
) -> (Vec<(String, String)>, Vec<String>) {
    let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), value.value.to_owned()));
    (tags.collect(), transitive.iter().map(|key| key.value.to_owned()).collect())
}

/// Returns the error for tags that STS does not accept.
fn tags_error(
    tags: &[(&str, Setting<'_>)],
    transitive: &[Setting<'_>],
    error: &SessionTagsError,
) -> UsageError {
    let refuse = |index: usize, expected| tags[index].1.refuse_hidden(expected);
    match *error {
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
            transitive[index].refuse("the name of one of the `tags`")
        }
        SessionTagsError::DuplicateTransitive { index } => {
            transitive[index].refuse("each name once (upper and lower case are the same)")
        }
    }
}

#[cfg(test)]
mod tests;
