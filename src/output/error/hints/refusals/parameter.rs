//! What to change so that a parameter can be read.

use roles_anywhere_client::aws::parameter::ParameterId;
use roles_anywhere_client::diagnosis::ParameterCause as Cause;

/// Returns a cause in words, with what to do.
pub(in crate::output::error::hints) fn hint(cause: &Cause) -> String {
    match cause {
        Cause::NoSuchParameter { parameter: ParameterId::Arn(_), region, account } => format!(
            "check the ARN: there is no such parameter in {region} and account {account}; one of another account must be shared with this one"
        ),
        Cause::NoSuchParameter { parameter, region, account } => format!(
            "there is no `{}` in {region} and account {account}: check name, its first slash and Region (`--region`, `?region=`); for another account's parameter, pass its ARN",
            parameter.shown()
        ),
        Cause::NoSuchVersion { parameter, region } => format!(
            "check the name and the version: `aws ssm get-parameter-history --region {region} --name {}` lists the versions of the parameter",
            parameter.shown()
        ),
        Cause::Denied { operation, role, resources, of_secret } => {
            let secret = match of_secret {
                true => {
                    "; a parameter that refers to a secret also needs secretsmanager:GetSecretValue on the secret"
                }
                false => "",
            };
            format!(
                "a policy of {role} must allow {} on {}, and the profile's session policy must not deny it{secret}",
                operation.action(),
                listed(resources)
            )
        }
        Cause::KmsKeyDenied { role, parameter, key } => {
            let key = match (key, parameter) {
                (Some(key), _) => key.clone(),
                (None, Some(parameter)) => format!("the KMS key of `{}`", parameter.shown()),
                (None, None) => "the KMS keys of the parameters".to_owned(),
            };
            format!(
                "{role} needs kms:Decrypt on {key}, in its own policy and in the key's policy; the key must exist and be enabled"
            )
        }
    }
}

/// The most resources that a hint lists.
const MAX_LISTED: usize = 3;

fn listed(resources: &[String]) -> String {
    let more = resources.len().saturating_sub(MAX_LISTED);
    let first = resources.iter().take(MAX_LISTED).map(String::as_str).collect::<Vec<_>>();
    match more {
        0 => first.join(" and "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}
