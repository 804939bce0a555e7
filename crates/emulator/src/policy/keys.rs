//! The condition keys that requests to this emulator can have.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>

use crate::nearest::nearest;

/// The keys that Roles Anywhere, STS and Secrets Manager set here. `/` at the end stands for any
/// name behind it.
const SET_HERE: [&str; 36] = [
    "aws:CurrentTime",
    "aws:EpochTime",
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
    "aws:userid",
    "aws:username",
    "sts:ExternalId",
    "sts:RoleSessionName",
    "sts:SourceIdentity",
    "sts:TransitiveTagKeys",
    "secretsmanager:Description",
    "secretsmanager:Name",
    "secretsmanager:ResourceTag/",
    "secretsmanager:SecretId",
    "secretsmanager:SecretPrimaryRegion",
    "secretsmanager:VersionId",
    "secretsmanager:VersionStage",
    "secretsmanager:resource/AllowRotationLambdaArn",
    "secretsmanager:ForceDeleteWithoutRecovery",
    "secretsmanager:RecoveryWindowInDays",
];

/// Returns whether a request to this emulator can have the key.
pub(super) fn is_set_here(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    SET_HERE.iter().any(|known| {
        let known = known.to_ascii_lowercase();
        if known.ends_with('/') {
            key.len() > known.len() && key.starts_with(&known)
        } else {
            key == known
        }
    })
}

/// Returns the key that was probably meant.
pub(super) fn nearest_key(key: &str) -> Option<&'static str> {
    nearest(key, SET_HERE.into_iter())
}
