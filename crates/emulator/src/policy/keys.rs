//! Condition keys: which of them requests to this emulator can have, and which can have several
//! values.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html>,
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html>,
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html>

use super::PolicyKind;
use crate::nearest::nearest;

/// The keys that requests to Roles Anywhere, STS, IAM, Secrets Manager and Parameter Store can have here. A
/// `/` at the end stands for any name behind it.
pub(crate) const SET_HERE: [&str; 44] = [
    "aws:CurrentTime",
    "aws:EpochTime",
    "aws:MultiFactorAuthPresent",
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalIsAWSService",
    "aws:PrincipalServiceName",
    "aws:PrincipalTag/",
    "aws:PrincipalType",
    "aws:RequestTag/",
    "aws:RequestedRegion",
    "aws:ResourceAccount",
    "aws:ResourceTag/",
    "aws:SecureTransport",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceIdentity",
    "aws:SourceIp",
    "aws:TagKeys",
    "aws:TokenIssueTime",
    "aws:UserAgent",
    "aws:ViaAWSService",
    "aws:userid",
    "aws:username",
    "kms:EncryptionContext:PARAMETER_ARN",
    "kms:EncryptionContext:SecretARN",
    "kms:ViaService",
    "secretsmanager:BlockPublicPolicy",
    "secretsmanager:Description",
    "secretsmanager:ForceDeleteWithoutRecovery",
    "secretsmanager:KmsKeyId",
    "secretsmanager:Name",
    "secretsmanager:RecoveryWindowInDays",
    "secretsmanager:ResourceTag/",
    "secretsmanager:SecretId",
    "secretsmanager:VersionId",
    "secretsmanager:VersionStage",
    "ssm:Overwrite",
    "ssm:Recursive",
    "ssm:resourceTag/",
    "sts:ExternalId",
    "sts:RoleSessionName",
    "sts:SourceIdentity",
    "sts:TransitiveTagKeys",
];

/// Those of a service that assumes a role.
const OF_SERVICES: [&str; 3] = ["aws:PrincipalServiceName", "aws:SourceAccount", "aws:SourceArn"];

/// Those of a session or a user that calls, or of its connection.
const OF_SESSIONS: [&str; 13] = [
    "aws:MultiFactorAuthPresent",
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalType",
    "aws:SourceIdentity",
    "aws:SourceIp",
    "aws:TokenIssueTime",
    "aws:UserAgent",
    "aws:ViaAWSService",
    "aws:userid",
    "aws:username",
    "sts:ExternalId",
    "sts:TransitiveTagKeys",
];

/// Those of services that assume no roles, and of what they keep.
const OF_STORES: [&str; 17] = [
    "aws:ResourceTag/",
    "kms:EncryptionContext:PARAMETER_ARN",
    "kms:EncryptionContext:SecretARN",
    "kms:ViaService",
    "secretsmanager:BlockPublicPolicy",
    "secretsmanager:Description",
    "secretsmanager:ForceDeleteWithoutRecovery",
    "secretsmanager:KmsKeyId",
    "secretsmanager:Name",
    "secretsmanager:RecoveryWindowInDays",
    "secretsmanager:ResourceTag/",
    "secretsmanager:SecretId",
    "secretsmanager:VersionId",
    "secretsmanager:VersionStage",
    "ssm:Overwrite",
    "ssm:Recursive",
    "ssm:resourceTag/",
];

/// Those of STS, which uses no secrets.
const OF_STS: [&str; 4] =
    ["sts:ExternalId", "sts:RoleSessionName", "sts:SourceIdentity", "sts:TransitiveTagKeys"];

/// The other documented keys of the same services, so that a key that is spelt correctly is not
/// taken for a misspelt one.
const NEVER_SET: [&str; 45] = [
    "aws:AssumedRoot",
    "aws:CalledVia",
    "aws:CalledViaFirst",
    "aws:CalledViaLast",
    "aws:ChatbotSourceArn",
    "aws:Ec2InstanceSourcePrivateIPv4",
    "aws:Ec2InstanceSourceVpc",
    "aws:FederatedProvider",
    "aws:MultiFactorAuthAge",
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:PrincipalServiceNamesList",
    "aws:Referer",
    "aws:ResourceOrgID",
    "aws:ResourceOrgPaths",
    "aws:SignInSessionArn",
    "aws:SourceOrgID",
    "aws:SourceOrgPaths",
    "aws:SourceOwner",
    "aws:SourceVpc",
    "aws:SourceVpcArn",
    "aws:SourceVpce",
    "aws:VpcSourceIp",
    "aws:VpceAccount",
    "aws:VpceOrgID",
    "aws:VpceOrgPaths",
    "iam:ResourceTag/",
    "secretsmanager:AddReplicaRegions",
    "secretsmanager:ForceOverwriteReplicaSecret",
    "secretsmanager:KmsKeyArn",
    "secretsmanager:ModifyRotationRules",
    "secretsmanager:RotateImmediately",
    "secretsmanager:RotationLambdaARN",
    "secretsmanager:SecretPrimaryRegion",
    "secretsmanager:Type",
    "secretsmanager:resource/AllowRotationLambdaArn",
    "secretsmanager:resource/Type",
    "sts:AWSServiceName",
    "sts:DurationSeconds",
    "sts:RequestContext/",
    "sts:RequestContextProviders",
    "sts:TaskPolicyArn",
    "sts:WebIdentityTokenAudience",
    "sts:WebIdentityTokenDuration",
    "sts:SigningAlgorithm",
];

/// The keys that can have several values, here or elsewhere.
const MULTIVALUED: [&str; 10] = [
    "aws:CalledVia",
    "aws:PrincipalOrgPaths",
    "aws:PrincipalServiceNamesList",
    "aws:ResourceOrgPaths",
    "aws:SourceOrgPaths",
    "aws:TagKeys",
    "aws:VpceOrgPaths",
    "secretsmanager:AddReplicaRegions",
    "sts:RequestContextProviders",
    "sts:TransitiveTagKeys",
];

/// The callers of the requests that a statement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Callers {
    Services,
    Sessions,
    Any,
}

/// Returns whether a request to this emulator that a statement is about can have the key.
pub(super) fn is_set_here(kind: PolicyKind, callers: Callers, key: &str) -> bool {
    let of_others: &[&str] = match callers {
        Callers::Services => &OF_SESSIONS,
        Callers::Sessions => &OF_SERVICES,
        Callers::Any => &[],
    };
    let of_other_services: &[&str] = match kind {
        PolicyKind::Trust => &OF_STORES,
        PolicyKind::Identity => &[],
        PolicyKind::Resource => &OF_STS,
    };
    contains(&SET_HERE, key) && !contains(of_others, key) && !contains(of_other_services, key)
}

/// Returns whether the key can have several values.
pub(super) fn is_multivalued(key: &str) -> bool {
    contains(&MULTIVALUED, key)
}

/// Returns the key that was probably meant; `None` for a documented key, and for those of services
/// that this emulator does not have.
pub(super) fn nearest_key(key: &str) -> Option<String> {
    if contains(&NEVER_SET, key) || contains(&SET_HERE, key) {
        return None;
    }
    let (name, tag) = match key.split_once('/') {
        Some((name, tag)) => (format!("{name}/"), tag),
        None => (key.to_owned(), ""),
    };
    let known = nearest(&name, SET_HERE.into_iter().chain(NEVER_SET))?;
    Some(if known.ends_with('/') { format!("{known}{tag}") } else { known.to_owned() })
}

fn contains(keys: &[&str], key: &str) -> bool {
    keys.iter().any(|known| {
        let prefix = key.get(..known.len());
        prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(known))
            && known.ends_with('/') == (key.len() > known.len())
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Calls `read` with the text before the tests of each file of the emulator.
    #[expect(clippy::disallowed_methods, reason = "reads the source of this crate")]
    fn each_source(directory: &Path, read: &mut impl FnMut(&str)) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !path.ends_with("tests") {
                    each_source(&path, read);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                read(text.split("#[cfg(test)]\nmod tests").next().unwrap());
            }
        }
    }

    #[test]
    fn exactly_the_keys_that_the_code_sets_are_listed() {
        let mut set_in_code = BTreeSet::new();
        each_source(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut |text| {
            for setter in [".with(", ".with_all(", ".set_default("] {
                for argument in text.split(setter).skip(1) {
                    let argument = argument.trim_start().trim_start_matches("&format!(");
                    let Some(literal) = argument.strip_prefix('"') else { continue };
                    let key = literal.split(['"', '{']).next().unwrap();
                    // Headers and file names are added by functions of the same names.
                    if key.contains(':') {
                        set_in_code.insert(key.to_owned());
                    }
                }
            }
        });
        assert_eq!(set_in_code, SET_HERE.map(str::to_owned).into());
    }
}
