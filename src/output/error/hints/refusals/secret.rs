//! What to change so that a secret can be read.

use roles_anywhere_client::arn::RoleArn;
use roles_anywhere_client::aws::get_secret_value::SecretId;
use roles_anywhere_client::diagnosis::SecretCause as Cause;
use roles_anywhere_client::region::Region;

/// Returns a cause in words, with what to do.
pub(super) fn hint(cause: &Cause) -> String {
    match cause {
        Cause::NoSuchSecret { secret: SecretId::Arn(_), region, account } => format!(
            "there is no such secret in {region} and account {account}: check the ARN and its last six characters"
        ),
        Cause::NoSuchSecret { secret, region, account } => format!(
            "`{}` was looked for in {region} and account {account}: check the name, pass `--region`, or name a secret of another account by its ARN",
            secret.shown()
        ),
        Cause::NoSuchVersion { secret, region } => format!(
            "`{0}` in {region} has no such version, or does not exist: see `aws secretsmanager list-secret-version-ids --secret-id {0}`",
            secret.shown()
        ),
        Cause::Denied { role, secret, region } => {
            let resource = resource(secret, region, role);
            format!(
                "a policy of {role} must allow secretsmanager:GetSecretValue on {resource}, and the profile's session policy and the secret's resource policy must not take it away"
            )
        }
        Cause::KmsKeyDenied { role, secret } => format!(
            "{role} must be allowed kms:Decrypt on the KMS key of `{}`, by its own policy and by the key's policy; the key must be enabled",
            secret.shown()
        ),
        Cause::ScheduledForDeletion(secret) => format!(
            "`{0}` is scheduled for deletion: `aws secretsmanager restore-secret --secret-id {0}` brings it back",
            secret.shown()
        ),
        Cause::NotReadable => {
            "the secret is not in a state to be read: it may be in rotation, or have no value yet"
                .to_owned()
        }
        Cause::VersionsDiffer => {
            "check `--version-id` and `--version-stage`: both together must name the same version"
                .to_owned()
        }
        Cause::SessionNotAccepted { session, secret } => format!(
            "the session was made a moment ago in {session}, and the secret was asked for in {secret}: the secret has to be asked for at AWS itself in the same partition; check `--secrets-endpoint` and proxies that change headers"
        ),
    }
}

/// Returns the resource as a policy would name it.
fn resource(secret: &SecretId, region: &Region, role: &RoleArn) -> String {
    match secret {
        SecretId::Arn(arn) => arn.to_string(),
        SecretId::Name(_) => format!(
            "arn:{}:secretsmanager:{region}:{}:secret:{}-??????",
            role.partition().as_str(),
            role.account(),
            secret.shown()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hints(secret: &SecretId) -> [String; 4] {
        let role: RoleArn = "arn:aws-cn:iam::123456789012:role/R".parse().unwrap();
        let (region, secret) = (Region::parse("cn-north-1").unwrap(), || secret.clone());
        let account = "123456789012".to_owned();
        [
            Cause::NoSuchSecret { secret: secret(), region: region.clone(), account },
            Cause::Denied { role: role.clone(), secret: secret(), region },
            Cause::KmsKeyDenied { role, secret: secret() },
            Cause::ScheduledForDeletion(secret()),
        ]
        .map(|cause| hint(&cause))
    }

    #[test]
    fn a_secret_is_named_as_it_was_given() {
        let by_name = hints(&SecretId::Name("prod/db".to_owned()));
        assert_eq!(
            by_name,
            [
                "`prod/db` was looked for in cn-north-1 and account 123456789012: check the name, pass `--region`, or name a secret of another account by its ARN",
                "a policy of arn:aws-cn:iam::123456789012:role/R must allow secretsmanager:GetSecretValue on arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:prod/db-??????, and the profile's session policy and the secret's resource policy must not take it away",
                "arn:aws-cn:iam::123456789012:role/R must be allowed kms:Decrypt on the KMS key of `prod/db`, by its own policy and by the key's policy; the key must be enabled",
                "`prod/db` is scheduled for deletion: `aws secretsmanager restore-secret --secret-id prod/db` brings it back",
            ]
        );
        let arn = "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:db-a1b2c3";
        let by_arn = hints(&SecretId::Arn(arn.parse().unwrap()));
        assert!(by_arn[0].ends_with("check the ARN and its last six characters"), "{by_arn:?}");
        assert!(by_arn[1].contains(&format!("GetSecretValue on {arn}, and")), "{by_arn:?}");
    }

    #[test]
    fn a_name_that_may_be_a_key_is_not_shown() {
        let key = "MHcCAQEEIBwSa3VnaXR0aGlzaXNhbm90YWtleWF0YWxs";
        for hint in hints(&SecretId::Name(key.to_owned())) {
            assert!(hint.contains("NAME") && !hint.contains(key), "{hint}");
        }
    }
}
