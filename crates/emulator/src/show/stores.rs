//! What `show` prints of secrets and parameters.

use std::fmt;

use serde::Serialize;

use super::{heading, list};
use crate::kms::KeyFailure;
use crate::parameters::store::Parameter;
use crate::secrets::store::Secret;

/// A secret, without its value.
#[derive(Debug, Serialize)]
pub(super) struct ShownSecret {
    name: String,
    arn: String,
    description: Option<String>,
    failure: Option<&'static str>,
    resource_policy: Option<String>,
    kms_key: Option<String>,
}

/// A parameter, without its value.
#[derive(Debug, Serialize)]
pub(super) struct ShownParameter {
    name: String,
    arn: String,
    description: Option<String>,
    r#type: &'static str,
    /// The number of the latest version.
    version: u64,
    labels: Vec<String>,
    failure: Option<&'static str>,
    resource_policy: Option<String>,
    kms_key: Option<String>,
}

/// Returns what is shown of a secret.
pub(super) fn secret(secret: &Secret) -> ShownSecret {
    let failure = match secret.failure {
        _ if secret.deletion.is_some() => Some("deleted"),
        failure => failure.map(KeyFailure::name),
    };
    ShownSecret {
        name: secret.name.clone(),
        arn: secret.arn.to_string(),
        description: secret.description.clone(),
        failure,
        resource_policy: secret.resource_policy.as_ref().map(|policy| policy.name.clone()),
        kms_key: secret.kms_key().map(|key| key.to_string()),
    }
}

/// Returns what is shown of a parameter.
pub(super) fn parameter(parameter: &Parameter) -> Option<ShownParameter> {
    let latest = parameter.version(None).ok()?;
    Some(ShownParameter {
        name: parameter.name.clone(),
        arn: parameter.arn.to_string(),
        description: parameter.description.clone(),
        r#type: latest.kind.name(),
        version: latest.number,
        labels: latest.labels.iter().cloned().collect(),
        failure: parameter.failure.map(KeyFailure::name),
        resource_policy: parameter.resource_policy.as_ref().map(|policy| policy.name.clone()),
        kms_key: parameter.kms_key(latest).map(|key| key.to_string()),
    })
}

/// Writes the list of secrets.
pub(super) fn write_secrets(
    secrets: &[ShownSecret],
    formatter: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    if secrets.is_empty() {
        return Ok(());
    }
    writeln!(formatter, "\nSecrets:")?;
    for secret in secrets {
        heading(formatter, &secret.name, secret.description.as_deref(), &[secret.failure])?;
        writeln!(formatter, "    {}", secret.arn)?;
        list(formatter, "resource policy", secret.resource_policy.as_slice())?;
        list(formatter, "KMS key", secret.kms_key.as_slice())?;
    }
    Ok(())
}

/// Writes the list of parameters.
pub(super) fn write_parameters(
    parameters: &[ShownParameter],
    formatter: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    if parameters.is_empty() {
        return Ok(());
    }
    writeln!(formatter, "\nParameters:")?;
    for parameter in parameters {
        let notes = [Some(parameter.r#type), parameter.failure];
        heading(formatter, &parameter.name, parameter.description.as_deref(), &notes)?;
        writeln!(formatter, "    {}", parameter.arn)?;
        writeln!(formatter, "    version: {}", parameter.version)?;
        list(formatter, "labels", &parameter.labels)?;
        list(formatter, "resource policy", parameter.resource_policy.as_slice())?;
        list(formatter, "KMS key", parameter.kms_key.as_slice())?;
    }
    Ok(())
}
