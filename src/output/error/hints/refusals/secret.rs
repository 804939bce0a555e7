//! What to change so that a secret can be read or written.

use roles_anywhere_client::arn::RoleArn;
use roles_anywhere_client::aws::get_secret_value::SecretId;
use roles_anywhere_client::aws::json_protocol::JsonOperation;
use roles_anywhere_client::diagnosis::SecretCause as Cause;
use roles_anywhere_client::region::Region;

/// Returns a cause in words, with what to do.
pub(super) fn hint(cause: &Cause) -> String {
    match cause {
        Cause::NoSuchSecret { secret: SecretId::Arn(_), region, account } => format!(
            "check the ARN and its last six characters: there is no such secret in {region} and account {account}"
        ),
        Cause::NoSuchSecret { secret, region, account } => format!(
            "there is no `{}` in {region} and account {account}: check name and Region (`--region`, `?region=`); for another account's secret, pass its ARN",
            secret.shown()
        ),
        Cause::NoSuchVersion { secret, region } => format!(
            "check the name and the version: `aws secretsmanager list-secret-version-ids --region {region} --secret-id {0}` lists the versions of the secret",
            secret.shown()
        ),
        Cause::Denied { operation, role, secret, region } => {
            let (action, resource) = (operation.action(), resource(secret, region, role));
            match is_of_other_account(secret, role) {
                true => format!(
                    "both the resource policy of the secret, which is of another account, and a policy of {role} must allow {action} on {resource}; the profile's session policy must not deny it"
                ),
                false => format!(
                    "a policy of {role} must allow {action} on {resource}, and the profile's session policy and the secret's resource policy must not deny it"
                ),
            }
        }
        Cause::OperationDenied { operation, role } => format!(
            "a policy of {role} must allow {} on `*`, and the profile's session policy must not deny it",
            operation.action()
        ),
        Cause::KmsKeyDenied { operation, role, secret, key } => {
            let key = match key {
                Some(key) => key.clone(),
                None => format!("the KMS key of `{}`", secret.shown()),
            };
            let managed = match is_of_other_account(secret, role) {
                true => "; the key `aws/secretsmanager` cannot be used from another account",
                false => "",
            };
            let actions = match operation {
                JsonOperation::PutSecretValue => "kms:GenerateDataKey and kms:Decrypt",
                _ => "kms:Decrypt",
            };
            format!(
                "{role} needs {actions} on {key}, in its own policy and in the key's policy; the key must be enabled{managed}"
            )
        }
        Cause::ScheduledForDeletion { secret, region } => format!(
            "`{0}` is scheduled for deletion: restore it with `aws secretsmanager restore-secret --region {region} --secret-id {0}`",
            secret.shown()
        ),
        Cause::NotReadable => {
            "try again later: the secret cannot be read in its current state, for example during a rotation or before it has a value"
                .to_owned()
        }
        Cause::VersionsDiffer => {
            "check `--version-id` and `--version-stage`: together they must name the same version"
                .to_owned()
        }
    }
}

fn is_of_other_account(secret: &SecretId, role: &RoleArn) -> bool {
    matches!(secret, SecretId::Arn(arn) if arn.account() != role.account())
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
            Cause::Denied {
                operation: JsonOperation::GetSecretValue,
                role: role.clone(),
                secret: secret(),
                region: region.clone(),
            },
            Cause::KmsKeyDenied {
                operation: JsonOperation::GetSecretValue,
                role,
                secret: secret(),
                key: None,
            },
            Cause::ScheduledForDeletion { secret: secret(), region },
        ]
        .map(|cause| hint(&cause))
    }

    #[test]
    fn a_secret_is_named_as_it_was_given() {
        let by_name = hints(&SecretId::Name("prod/db".to_owned()));
        assert_eq!(
            by_name,
            [
                "there is no `prod/db` in cn-north-1 and account 123456789012: check name and Region (`--region`, `?region=`); for another account's secret, pass its ARN",
                "a policy of arn:aws-cn:iam::123456789012:role/R must allow secretsmanager:GetSecretValue on arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:prod/db-??????, and the profile's session policy and the secret's resource policy must not deny it",
                "arn:aws-cn:iam::123456789012:role/R needs kms:Decrypt on the KMS key of `prod/db`, in its own policy and in the key's policy; the key must be enabled",
                "`prod/db` is scheduled for deletion: restore it with `aws secretsmanager restore-secret --region cn-north-1 --secret-id prod/db`",
            ]
        );
        let arn = "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:db-a1b2c3";
        let by_arn = hints(&SecretId::Arn(arn.parse().unwrap()));
        assert!(by_arn[0].starts_with("check the ARN and its last six characters: "), "{by_arn:?}");
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
