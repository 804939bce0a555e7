//! What to change so that a version can be added to a secret, or a label be moved.

use roles_anywhere_client::diagnosis::SecretChangeCause as Cause;

/// Returns a cause in words, with what to do.
pub(super) fn hint(cause: &Cause) -> String {
    match cause {
        Cause::NotWritable { secret, region } => format!(
            "check which service manages the secret, and whether it is a replica: `OwningService` and `PrimaryRegion` in `aws secretsmanager describe-secret --region {region} --secret-id {}`",
            secret.shown()
        ),
        Cause::VersionExists { secret, version } => format!(
            "run the command again, with another version id: `{}` already has a version {version}, with another value",
            secret.shown()
        ),
        Cause::StageElsewhere { secret, stage, expected } => {
            let expected = match expected {
                Some(version) => format!("on the version {version}"),
                None => "on no version".to_owned(),
            };
            format!(
                "run the command again: another process has moved the staging label {stage} of `{}`, which was expected {expected}",
                secret.shown()
            )
        }
    }
}
