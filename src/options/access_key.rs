//! The secret whose access key is handed out in place of a session.

use std::time::Duration;

use crate::options::session::SessionOptions;
use crate::options::settings::{Setting, Settings};
use crate::options::table::access_key::{FROM_SECRET, REFRESH_AFTER, REFRESH_AFTER_EXPECTED};
use crate::options::{duration, services, session};
use crate::output::usage::UsageError;
use crate::secrets::access_key::AccessKeySecret;
use roles_anywhere_client::aws::get_secret_value::SecretId;

/// The shortest and the longest time that a program may keep a key.
const LIMITS: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(60)..=Duration::from_secs(43_200);

/// Returns the session of a command, and the secret whose access key it hands out instead, if one is given.
///
/// With a secret, `--region` is that of the secret, as for `secret get`. Without one, it must be that of the
/// trust anchor.
pub fn session_and_secret(
    settings: &Settings<'_>,
) -> Result<(SessionOptions, Option<AccessKeySecret>), UsageError> {
    match settings.text(&FROM_SECRET)? {
        None => {
            let session = SessionOptions::of_own_region(settings)?;
            services::check_typed_secrets_endpoint(settings, &session)?;
            Ok((session, None))
        }
        Some(setting) => {
            let session = SessionOptions::resolve(settings)?;
            let secret = secret(settings, setting, &session)?;
            Ok((session, Some(secret)))
        }
    }
}

/// Returns the secret that `setting` names.
pub fn secret(
    settings: &Settings<'_>,
    setting: Setting<'_>,
    session: &SessionOptions,
) -> Result<AccessKeySecret, UsageError> {
    let id: SecretId = session::arn(setting)?;
    let region = services::region((&FROM_SECRET, id.region()), settings, session)?;
    let at = services::secrets_manager(settings, session, region)?;
    Ok(AccessKeySecret { id, at })
}

/// Returns how long a program may keep the key.
pub fn refresh_after(settings: &Settings<'_>) -> Result<Duration, UsageError> {
    let setting = settings.required(&REFRESH_AFTER)?;
    let time = duration::parse(setting.value).filter(|time| LIMITS.contains(time));
    time.ok_or_else(|| setting.refuse(REFRESH_AFTER_EXPECTED))
}

/// Refuses `--refresh-after` on a command line without a secret, as it has no effect on a session.
pub fn refuse_refresh_without_secret(settings: &Settings<'_>) -> Result<(), UsageError> {
    match settings.flag(&REFRESH_AFTER)?.map(|_| refresh_after(settings)).transpose()? {
        Some(_) if settings.text(&FROM_SECRET)?.is_none() => Err(settings.missing(&[&FROM_SECRET])),
        _ => Ok(()),
    }
}
