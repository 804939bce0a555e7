//! The emulated account: its trust anchors, profiles and roles, by the names that tests use.

/// The region that the emulator is.
pub const REGION: &str = "us-east-1";
/// The account that everything is in.
pub const ACCOUNT: &str = "123456789012";
/// The trust anchor whose certificate is the root, `anchor/root.pem`.
pub const TRUST_ANCHOR_ARN: &str = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-4333-8444-555555555555";
/// The trust anchor whose certificate is the intermediate, `anchor/intermediate.pem`.
pub const INTERMEDIATE_ANCHOR_ARN: &str = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/99999999-2222-4333-8444-555555555555";
/// The profile that allows twelve hours and a role session name.
pub const PROFILE_ARN: &str =
    "arn:aws:rolesanywhere:us-east-1:123456789012:profile/66666666-7777-4888-8999-000000000000";
/// The profile that allows fifteen minutes and no role session name.
pub const SHORT_PROFILE_ARN: &str =
    "arn:aws:rolesanywhere:us-east-1:123456789012:profile/77777777-7777-4888-8999-000000000000";
/// The role for everything ordinary.
pub const ROLE_ARN: &str = "arn:aws:iam::123456789012:role/Workload";
/// A role with a path.
pub const DEEP_ROLE_ARN: &str = "arn:aws:iam::123456789012:role/path/Deep";
/// A role whose trust policy does not allow Roles Anywhere.
pub const NO_TRUST_ROLE_ARN: &str = "arn:aws:iam::123456789012:role/NoTrust";
/// A role whose sessions last an hour at most.
pub const SHORT_LIVED_ROLE_ARN: &str = "arn:aws:iam::123456789012:role/ShortLived";
/// A role that may not call Secrets Manager.
pub const NO_SECRETS_ROLE_ARN: &str = "arn:aws:iam::123456789012:role/NoSecrets";

/// A profile of Roles Anywhere.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub(crate) arn: String,
    pub(crate) enabled: bool,
    pub(crate) duration_seconds: u32,
    pub(crate) accept_role_session_name: bool,
    pub(crate) role_arns: Vec<&'static str>,
}

/// What a role's policies come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Role {
    pub(crate) arn: &'static str,
    pub(crate) max_session_seconds: u32,
    pub(crate) trusts_roles_anywhere: bool,
    pub(crate) may_read_secrets: bool,
}

const WORKLOAD: Role = Role {
    arn: ROLE_ARN,
    max_session_seconds: 43_200,
    trusts_roles_anywhere: true,
    may_read_secrets: true,
};

/// Every role there is.
pub(crate) const ROLES: [Role; 5] = [
    WORKLOAD,
    Role { arn: DEEP_ROLE_ARN, ..WORKLOAD },
    Role { arn: NO_TRUST_ROLE_ARN, trusts_roles_anywhere: false, ..WORKLOAD },
    Role { arn: SHORT_LIVED_ROLE_ARN, max_session_seconds: 3_600, ..WORKLOAD },
    Role { arn: NO_SECRETS_ROLE_ARN, may_read_secrets: false, ..WORKLOAD },
];

/// Returns the role of an ARN.
pub(crate) fn role(arn: &str) -> Option<Role> {
    ROLES.into_iter().find(|role| role.arn == arn)
}

/// Returns both profiles, enabled; each lists every role.
pub(crate) fn profiles() -> Vec<Profile> {
    let role_arns: Vec<_> = ROLES.iter().map(|role| role.arn).collect();
    vec![
        Profile {
            arn: PROFILE_ARN.to_owned(),
            enabled: true,
            duration_seconds: 43_200,
            accept_role_session_name: true,
            role_arns: role_arns.clone(),
        },
        Profile {
            arn: SHORT_PROFILE_ARN.to_owned(),
            enabled: true,
            duration_seconds: 900,
            accept_role_session_name: false,
            role_arns,
        },
    ]
}
