//! What the options of `secret rotate` mean together.

use std::time::Duration;

use super::options::{
    ABORT, CREATE, DRY_RUN, EXCLUDE_CHARACTERS, EXCLUDE_LOWERCASE, EXCLUDE_NUMBERS,
    EXCLUDE_PUNCTUATION, EXCLUDE_UPPERCASE, FORCE, IAM_WITH, IF_OLDER_THAN, INCLUDE_SPACE,
    KEEP_OLD, KEEP_OLD_EXPECTED, KEY, LENGTH_EXPECTED, LOG_FORMAT, ONLY_STORE, PASSWORD_LENGTH,
    REQUIRE_EACH_INCLUDED_TYPE, RUN_LIMIT, RUN_LIMIT_EXPECTED, SECRET_ID, SET, STRATEGY, TEST,
    TIME,
};
use super::{Effect, SecretRotatePlan};
use crate::app::rotation::RotatedSecret;
use crate::options::services;
use crate::options::session::{self, SessionOptions};
use crate::options::settings::{Setting, Settings};
use crate::options::table::OptionSpec;
use crate::options::{daemon, duration};
use crate::output::usage::{NamedValue, UsageError};
use crate::rotation::{
    AccessKeyRotation, Commands, Creation, Force, Goal, IamWith, Password, RotationSettings,
    Strategy,
};
use roles_anywhere_client::aws::get_random_password::PasswordRules;
use roles_anywhere_client::aws::get_secret_value::SecretId;

/// The options that only one strategy has, by their strategies.
const OF_ACCESS_KEYS: &[&OptionSpec] = &[&IAM_WITH, &KEEP_OLD];
const OF_ACCESS_KEYS_ONLY: &str = "it is an option of the strategy `iam-access-key`";
const OF_COMMANDS: &[&OptionSpec] = &[&SET, &TEST];
const OF_PASSWORDS: &[&OptionSpec] = &[
    &KEY,
    &PASSWORD_LENGTH,
    &EXCLUDE_CHARACTERS,
    &EXCLUDE_NUMBERS,
    &EXCLUDE_PUNCTUATION,
    &EXCLUDE_UPPERCASE,
    &EXCLUDE_LOWERCASE,
    &INCLUDE_SPACE,
    &REQUIRE_EACH_INCLUDED_TYPE,
];

/// A reference names one member of a secret, which only some strategies replace.
const SECRET_ID_EXPECTED: &str =
    "the name or the ARN of a secret: `prod/db --key password` for `sm://prod/db#password`";

/// Validates the options of the command.
pub(super) fn plan(settings: &Settings<'_>) -> Result<SecretRotatePlan, UsageError> {
    let calls = |session: &SessionOptions| {
        let given = settings.flag_or_default(&SECRET_ID)?;
        if given.value.contains("://") {
            return Err(given.refuse(SECRET_ID_EXPECTED));
        }
        let secret: SecretId = session::arn(given)?;
        let region = services::region((&SECRET_ID, secret.region()), settings, session)?;
        let secret = RotatedSecret {
            secrets_manager: services::secrets_manager(settings, session, region)?,
            iam: services::iam(settings, session)?,
            sts: services::sts(settings, session)?,
            secret,
        };
        let mut endpoints = vec![secret.secrets_manager.endpoint.clone()];
        if settings.text(&IAM_WITH)?.is_some() {
            endpoints.extend([secret.iam.endpoint.clone(), secret.sts.endpoint.clone()]);
        }
        Ok((endpoints, secret))
    };
    let (session, secret) = services::session_and_calls(settings, super::options::REQUIRED, calls)?;
    let rotation = rotation(settings, &secret.secret)?;
    let effect = if settings.is_on(&DRY_RUN)? { Effect::DryRun } else { Effect::Change };
    let log_format = daemon::log_format(&settings.required(&LOG_FORMAT)?)?;
    Ok(SecretRotatePlan { session, secret, settings: rotation, effect, log_format })
}

fn rotation(settings: &Settings<'_>, secret: &SecretId) -> Result<RotationSettings, UsageError> {
    let goal = if settings.is_on(&ABORT)? { Goal::Abort } else { Goal::Rotate };
    let strategy = match settings.text(&STRATEGY)? {
        Some(strategy) => Some(self::strategy(settings, &strategy, goal)?),
        None if goal == Goal::Abort => None,
        None => return Err(settings.missing(&[&STRATEGY])),
    };
    let run_limit = settings.required(&RUN_LIMIT)?;
    let limits = Duration::from_secs(10)..=Duration::from_secs(86_400);
    let if_older_than = settings.text(&IF_OLDER_THAN)?;
    let if_older_than = if_older_than
        .map(|time| with_unit(time.value).ok_or_else(|| time.refuse(TIME)))
        .transpose()?;
    Ok(RotationSettings {
        secret: secret.shown(),
        goal,
        strategy,
        force: if settings.is_on(&FORCE)? { Force::Yes } else { Force::No },
        if_older_than,
        run_limit: with_unit(run_limit.value)
            .filter(|limit| limits.contains(limit))
            .ok_or_else(|| run_limit.refuse(RUN_LIMIT_EXPECTED))?,
    })
}

fn strategy(
    settings: &Settings<'_>,
    name: &Setting<'_>,
    goal: Goal,
) -> Result<Strategy, UsageError> {
    let refuse = |options: &[&[&'static OptionSpec]], why| {
        let origin = name.origin.clone();
        refuse_others(settings, NamedValue::new(origin, name.value), &options.concat(), why)
    };
    match name.value {
        "iam-access-key" => {
            let others = &[OF_COMMANDS, OF_PASSWORDS, &[&CREATE, &ONLY_STORE]];
            refuse(others, "an access key is made, set and tested by AWS")?;
            Ok(Strategy::IamAccessKey(access_key(settings)?))
        }
        "random-password" => {
            refuse(&[OF_ACCESS_KEYS], OF_ACCESS_KEYS_ONLY)?;
            refuse(&[&[&CREATE]], "it is an option of the strategy `command`")?;
            let commands = match settings.switched_on(&ONLY_STORE)? {
                Some(origin) => {
                    let why = "remove one of them: a password that is only stored is not set";
                    refuse_others(settings, origin.into(), OF_COMMANDS, why)?;
                    None
                }
                None if goal == Goal::Abort => None,
                None => Some(commands(settings)?),
            };
            Ok(Strategy::RandomPassword { password: password(settings)?, commands })
        }
        "command" => {
            refuse(&[OF_ACCESS_KEYS], OF_ACCESS_KEYS_ONLY)?;
            refuse(&[&[&ONLY_STORE]], "it is an option of the strategy `random-password`")?;
            let create = match settings.text(&CREATE)? {
                Some(create) => {
                    let why = "remove one of them: `--create` makes the whole value";
                    refuse_others(settings, create.origin.into(), OF_PASSWORDS, why)?;
                    Creation::Command(create.value.to_owned())
                }
                None => Creation::Password(password(settings)?),
            };
            let commands = match goal {
                Goal::Rotate => commands(settings)?,
                Goal::Abort => Commands { set: String::new(), test: String::new() },
            };
            Ok(Strategy::Command { create, commands })
        }
        _ => Err(name.refuse("`iam-access-key`, `random-password` or `command`")),
    }
}

/// Returns the time that a text is. Seconds are not assumed: a mere `30` may be meant as days.
fn with_unit(text: &str) -> Option<Duration> {
    duration::parse(text).filter(|_| !text.ends_with(|last: char| last.is_ascii_digit()))
}

/// Refuses options that `first` has no use for.
fn refuse_others(
    settings: &Settings<'_>,
    first: NamedValue,
    options: &[&'static OptionSpec],
    why: &'static str,
) -> Result<(), UsageError> {
    for option in options {
        if let Some(second) = settings.flag(option)? {
            return Err(UsageError::Conflict { first, second: second.origin.into(), why });
        }
    }
    Ok(())
}

fn access_key(settings: &Settings<'_>) -> Result<AccessKeyRotation, UsageError> {
    let iam_with = match settings.text(&IAM_WITH)? {
        Some(caller) => match caller.value {
            "role" => IamWith::Role,
            "secret" => IamWith::Secret,
            _ => return Err(caller.refuse("`role` or `secret`")),
        },
        None => return Err(settings.missing(&[&IAM_WITH])),
    };
    let keep_old = settings.required(&KEEP_OLD)?;
    let limits = Duration::from_secs(12 * 3_600)..=Duration::from_secs(365 * 86_400);
    let time = with_unit(keep_old.value).filter(|time| limits.contains(time));
    let time = time.ok_or_else(|| keep_old.refuse(KEEP_OLD_EXPECTED))?;
    Ok(AccessKeyRotation { iam_with, keep_old: time })
}

fn commands(settings: &Settings<'_>) -> Result<Commands, UsageError> {
    match (settings.text(&SET)?, settings.text(&TEST)?) {
        (Some(set), Some(test)) => {
            Ok(Commands { set: set.value.to_owned(), test: test.value.to_owned() })
        }
        _ => Err(settings.missing(&[&SET, &TEST])),
    }
}

fn password(settings: &Settings<'_>) -> Result<Password, UsageError> {
    let on = |option: &'static OptionSpec| -> Result<Option<bool>, UsageError> {
        settings.flag(option)?.map(|setting| setting.boolean()).transpose()
    };
    let length = settings.text(&PASSWORD_LENGTH)?;
    let length = length
        .map(|length| {
            let number = length.value.parse().ok().filter(|number| (1..=4096).contains(number));
            number.ok_or_else(|| length.refuse(LENGTH_EXPECTED))
        })
        .transpose()?;
    let characters = settings.text(&EXCLUDE_CHARACTERS)?;
    let rules = PasswordRules {
        length,
        exclude_characters: characters.map(|characters| characters.value.to_owned()),
        exclude_numbers: on(&EXCLUDE_NUMBERS)?,
        exclude_punctuation: on(&EXCLUDE_PUNCTUATION)?,
        exclude_uppercase: on(&EXCLUDE_UPPERCASE)?,
        exclude_lowercase: on(&EXCLUDE_LOWERCASE)?,
        include_space: on(&INCLUDE_SPACE)?,
        require_each_included_type: on(&REQUIRE_EACH_INCLUDED_TYPE)?,
    };
    let key = settings.text(&KEY)?.map(|key| key.value.to_owned());
    Ok(Password { key, rules })
}

#[cfg(test)]
mod tests {
    use super::with_unit;

    #[test]
    fn a_time_has_a_unit() {
        for (text, seconds) in
            [("30d", Some(2_592_000)), ("90s", Some(90)), ("30", None), ("", None)]
        {
            assert_eq!(with_unit(text).map(|time| time.as_secs()), seconds, "{text}");
        }
    }
}
