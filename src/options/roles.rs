//! Which configuration file and which of its roles apply to a command line.
//!
//! A command line that was complete before there was a file keeps its meaning: if it gives an identity
//! or an ARN, nothing of a file applies, unless it names a role or a file itself.

mod selection;

use crate::options::arguments::{all_typed, typed};
use crate::options::program_variables::has_app;
use crate::options::settings::{Setting, Settings};
use crate::options::table::roles::{CONFIG, ROLE, ROLES};
use crate::options::table::{Heading, OptionSpec, Origin, Syntax, access_key, identity, session};
use crate::output::usage::{RoleError, UsageError};
pub use selection::{default, select};

/// Which roles a command uses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RoleUse {
    /// None: it has no `--role`.
    None,
    /// One.
    One,
    /// One; none, if this option is on.
    OneUnless {
        /// The option.
        option: &'static OptionSpec,
    },
    /// One; none, if this option is given.
    OneUnlessGiven {
        /// The option.
        option: &'static OptionSpec,
    },
    /// Those of `--role`, else all.
    Every,
    /// The one of `--role`; one if this option is given; else all that have `aws-profile`.
    EveryWithProfile {
        /// The option for the profile.
        unless: &'static OptionSpec,
    },
}

/// What of the configuration file applies to a command line.
#[derive(Clone, Debug)]
pub struct RoleChoice<'a> {
    /// The file.
    pub file: FileChoice<'a>,
    /// Its roles.
    pub roles: RoleNames<'a>,
}

/// Which configuration file is used.
#[derive(Clone, Debug)]
pub enum FileChoice<'a> {
    /// The file of `--config`, which must exist.
    Given(Setting<'a>),
    /// The first of the usual files that exists.
    Usual,
}

/// Which roles are used.
#[derive(Clone, Debug)]
pub enum RoleNames<'a> {
    /// Those with these names, at least one.
    Named(Vec<Setting<'a>>),
    /// None is named. Without a file, that is no error.
    Unnamed,
}

/// The options that give an identity or an ARN. Those of a command line from before there was a file.
const IDENTITIES_AND_ARNS: &[&[&OptionSpec]] = &[
    identity::IDENTITY,
    session::CHAIN,
    identity::NOT_YET,
    &[&session::TRUST_ANCHOR_ARN, &session::PROFILE_ARN, &session::ROLE_ARN],
];

/// The options of a session that several roles can share.
const OF_EACH_ROLE: &[&OptionSpec] = &[&session::SESSION_DURATION, &session::REGION];

/// Returns what of the configuration file applies; `None` for nothing. Opens no file.
pub fn choose<'a>(
    settings: &Settings<'a>,
    options: &[&'static OptionSpec],
) -> Result<Option<RoleChoice<'a>>, UsageError> {
    let has = |option: &&&'static OptionSpec| options.contains(*option);
    let own = || IDENTITIES_AND_ARNS.iter().copied().flatten().filter(has).copied();
    let is_typed = |option| typed(settings.typed, option).is_some_and(|value| !value.is_empty());
    let by_flag = own().any(is_typed);
    let by_variable = || own().any(|option| variable(settings, option).is_some());
    let config = settings.text(&CONFIG)?;
    if let Some(named) = named(settings, options, by_flag)? {
        refuse_variables(settings, options, Some(&named[0].origin))?;
        return Ok(Some(RoleChoice { file: config.into(), roles: RoleNames::Named(named) }));
    }
    let is_asked =
        config.as_ref().is_some_and(|config| config.origin.is_flag()) || has_app(settings, options);
    let applies = is_asked || !(by_flag || by_variable());
    Ok(applies.then(|| RoleChoice { file: config.into(), roles: RoleNames::Unnamed }))
}

/// Returns the names of roles that are given. The variable does not count beside a flag that gives an
/// identity or an ARN.
fn named<'a>(
    settings: &Settings<'a>,
    options: &[&'static OptionSpec],
    by_flag: bool,
) -> Result<Option<Vec<Setting<'a>>>, UsageError> {
    // It has several rows, with other descriptions.
    let row = options.iter().copied().find(|option| option.name == ROLE.name).unwrap_or(&ROLE);
    let given = all_typed(settings.typed, row).map(|value| {
        let setting = settings.setting(Origin::Flag(row), value)?;
        match value {
            "" => Err(setting.refuse("the name of a role")),
            _ => setting.unless_flag(),
        }
    });
    let mut given: Vec<Setting<'a>> = given.collect::<Result<_, _>>()?;
    if row.syntax == Syntax::Once && given.len() > 1 {
        return Err(UsageError::Role(Box::new(RoleError::Several { option: row })));
    }
    if given.is_empty()
        && !by_flag
        && let Some(setting) = settings.variable(row)?
    {
        let values: Vec<&str> = match *row == ROLES {
            true => setting.value.split_whitespace().collect(),
            false => vec![setting.value],
        };
        given.extend(values.into_iter().map(|value| setting.clone().with_value(value)));
    }
    Ok((!given.is_empty()).then_some(given))
}

/// Returns our variables for the identity, the ARNs and the session, which do not go with a role.
pub fn variables_of_role(
    options: impl Iterator<Item = &'static OptionSpec>,
) -> impl Iterator<Item = &'static str> {
    let is_of_role = |option: &&'static OptionSpec| {
        matches!(option.heading, Heading::Identity | Heading::Session)
            && **option != identity::STRICT_PERMISSIONS
    };
    options.filter(is_of_role).filter_map(|option| option.own_variable())
}

/// Refuses our variables for the identity, the ARNs and the session beside a role: it is not clear which
/// of them counts, and they may have been set for something else.
pub fn refuse_variables(
    settings: &Settings<'_>,
    options: &[&'static OptionSpec],
    role: Option<&Origin>,
) -> Result<(), UsageError> {
    let own = variables_of_role(options.iter().copied());
    let names: Vec<_> = own.filter(|name| settings.environment.get(name).is_some()).collect();
    match names.is_empty() {
        true => Ok(()),
        false => {
            Err(UsageError::Role(Box::new(RoleError::Variables { role: role.cloned(), names })))
        }
    }
}

/// Refuses the flags that would give each of several roles the same identity, ARN or session name.
pub fn refuse_flags_for_several(
    settings: &Settings<'_>,
    options: &[&'static OptionSpec],
) -> Result<(), UsageError> {
    let is_of_one_role = |option: &&OptionSpec| match option.heading {
        Heading::Identity => **option != identity::STRICT_PERMISSIONS,
        Heading::Session => !OF_EACH_ROLE.contains(option),
        // The profile of each role would hold the same key.
        _ => **option == access_key::FROM_SECRET,
    };
    let is_typed = |option: &&OptionSpec| {
        let is_typed = option.syntax != Syntax::None;
        is_typed && typed(settings.typed, option).is_some_and(|value| !value.is_empty())
    };
    let names = options.iter().copied().filter(|it| is_of_one_role(it) && is_typed(it));
    let names: Vec<_> = names.map(|option| option.name).collect();
    match names.is_empty() {
        true => Ok(()),
        false => Err(UsageError::Role(Box::new(RoleError::Flags { names }))),
    }
}

fn variable(settings: &Settings<'_>, option: &'static OptionSpec) -> Option<&'static str> {
    option.variables().find(|name| settings.environment.get(name).is_some())
}

impl<'a> From<Option<Setting<'a>>> for FileChoice<'a> {
    fn from(config: Option<Setting<'a>>) -> Self {
        config.map_or(Self::Usual, Self::Given)
    }
}

#[cfg(test)]
mod tests;
