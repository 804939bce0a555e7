//! DeleteSecret and RestoreSecret.

use serde_json::{Value, json};

use super::access;
use super::input::SecretInput;
use super::rotation::Deletion;
use super::store::{SecretId, StoreError, arn};
use super::write::answer;
use crate::account::Resources;
use crate::date::epoch;
use crate::json_call::JsonCall;
use crate::refusal::Refusal;

/// The recovery window of a request that names none.
const DEFAULT_DAYS: u32 = 30;

/// Schedules a deletion, or deletes at once. To delete by force what does not exist is no error.
pub(super) fn delete_secret(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    input: &SecretInput,
) -> Result<Value, Refusal> {
    let id = SecretId { id: input.secret_id()?, location: &call.location };
    let is_forced = input.members().flag("ForceDeleteWithoutRecovery")?;
    let days = recovery_window(input)?;
    let context = call
        .context()
        .with("secretsmanager:ForceDeleteWithoutRecovery", is_forced.to_string())
        .with_all("secretsmanager:RecoveryWindowInDays", days.map(|days| days.to_string()));
    access::check(resources, call, "secretsmanager:DeleteSecret", id, context)?;
    if is_forced && days.is_some() {
        return Err(invalid_parameter(
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
        ));
    }
    let secret = match resources.secrets.find_mut(id) {
        Ok(secret) => secret,
        Err(StoreError::NoSecret) if is_forced && !id.id.starts_with("arn:") => {
            return Ok(json!({
                "ARN": arn(&call.location, id.id).as_str(),
                "Name": id.id,
                "DeletionDate": epoch(call.now),
            }));
        }
        Err(error) => return Err(error.into()),
    };
    if !(is_forced && secret.deletion.is_some()) {
        secret.check_writable()?;
    }
    if !secret.replicas.is_empty() {
        let regions: Vec<_> = secret.replicas.keys().cloned().collect();
        let (name, regions) = (secret.name.clone(), regions.join(","));
        return Err(StoreError::Replicated { name, regions }.into());
    }
    let days = if is_forced { 0 } else { days.unwrap_or(DEFAULT_DAYS) };
    let deletion = Deletion::after_days(days, call.now);
    secret.deletion = Some(deletion);
    secret.changed = call.now;
    let mut body = answer(secret, None);
    body["DeletionDate"] = json!(epoch(deletion.date));
    if is_forced {
        resources.secrets.remove(id);
    }
    Ok(body)
}

/// Cancels a deletion. A secret that is not scheduled for one stays as it is.
pub(super) fn restore_secret(
    resources: &mut Resources,
    call: &JsonCall<'_>,
    input: &SecretInput,
) -> Result<Value, Refusal> {
    let id = SecretId { id: input.secret_id()?, location: &call.location };
    access::check(resources, call, "secretsmanager:RestoreSecret", id, call.context())?;
    let secret = resources.secrets.find_mut(id)?;
    if secret.deletion.take().is_some() {
        secret.changed = call.now;
    }
    Ok(answer(secret, None))
}

fn recovery_window(input: &SecretInput) -> Result<Option<u32>, Refusal> {
    let days = input.members().number("RecoveryWindowInDays", 0..=u64::MAX)?;
    match days.map(u32::try_from) {
        None => Ok(None),
        Some(Ok(days @ 7..=30)) => Ok(Some(days)),
        Some(_) => Err(invalid_parameter(
            "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
        )),
    }
}

fn invalid_parameter(message: &str) -> Refusal {
    Refusal::new(400, "InvalidParameterException", message, "parameter")
}
